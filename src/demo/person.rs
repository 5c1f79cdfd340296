//! Who the users are: drawn once each, from a stream of their own.

use chrono::Datelike;

use super::calendar::Calendar;
use super::parallel::in_parts;
use super::random::{Purpose, Random, mix};
use super::world::{CHANNELS, Platform, WEEKDAYS};

/// Share of users who were there (and registered) before the first date.
pub const EXISTING_SHARE: f64 = 0.35;
const IOS_SHARE: f64 = 0.46;
/// Share of people who read course articles at all.
const LEARNER_SHARE: f64 = 0.24;
/// Old Android clients whose timestamps are written in UTC.
const UTC_CLOCK_SHARE: f64 = 0.03;

/// A user.
#[derive(Debug, Clone)]
pub struct Person {
    /// 28 characters, as WeChat's.
    pub openid: String,
    pub platform: Platform,
    /// Index into [`CHANNELS`]: the channel that brought them.
    pub channel: usize,
    /// Day of the first visit; none for those who were there before the first date.
    pub first_day: Option<u32>,
    /// How often they come back, 0 to 1.
    pub affinity: f64,
    pub is_learner: bool,
    pub has_utc_clock: bool,
    /// Picks the device, the city and the like.
    pub look: u32,
}

/// Draws everyone.
pub fn draw(seed: u64, users: u32, calendar: &Calendar) -> Vec<Person> {
    let weekdays: Vec<u32> = (0..calendar.days())
        .map(|day| weekday_percent(calendar, day))
        .collect();
    let channels = CHANNELS.each_ref().map(|channel| channel.weight);
    let draw_one = |user: u32| {
        let mut random = Random::stream(seed, Purpose::Person, u64::from(user));
        let platform = if random.chance(IOS_SHARE) {
            Platform::Ios
        } else {
            Platform::Android
        };
        let is_existing = random.chance(EXISTING_SHARE);
        let first_day = random.weighted(&weekdays) as u32;
        // The mean of two: most people are middling.
        let affinity = (random.unit() + random.unit()) / 2.0;
        let utc_clock = random.chance(UTC_CLOCK_SHARE);
        Person {
            openid: openid(seed, user, &mut random),
            platform,
            channel: random.weighted(&channels),
            first_day: (!is_existing).then_some(first_day),
            affinity,
            is_learner: random.chance(LEARNER_SHARE),
            has_utc_clock: utc_clock && platform == Platform::Android,
            look: random.bits() as u32,
        }
    };
    in_parts(users as usize, |users| {
        users.map(|user| draw_one(user as u32)).collect::<Vec<_>>()
    })
    .into_iter()
    .flatten()
    .collect()
}

/// Somebody beside the users asked for, whom ineffective spending brings (case A6).
pub fn draw_bouncer(seed: u64, user: u32, first_day: Option<u32>) -> Person {
    let mut random = Random::stream(seed, Purpose::Bouncers, (1 << 32) + u64::from(user));
    let platform = if random.chance(IOS_SHARE) {
        Platform::Ios
    } else {
        Platform::Android
    };
    Person {
        openid: openid(seed, user, &mut random),
        platform,
        channel: random.weighted(&CHANNELS.each_ref().map(|channel| channel.bouncers)),
        first_day,
        affinity: 0.0,
        is_learner: false,
        has_utc_clock: false,
        look: random.bits() as u32,
    }
}

/// Traffic of a day, percent of an ordinary one.
pub fn weekday_percent(calendar: &Calendar, day: u32) -> u32 {
    WEEKDAYS[calendar.naive_date(day).weekday().num_days_from_monday() as usize]
}

/// Unique, because 11 of its characters spell a bijection of the user's number.
fn openid(seed: u64, user: u32, random: &mut Random) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(28);
    text.push('o');
    let mut unique = mix(mix(seed).wrapping_add(u64::from(user)));
    for _ in 0..11 {
        text.push(char::from(ALPHABET[(unique & 63) as usize]));
        unique >>= 6;
    }
    for _ in 0..16 {
        text.push(char::from(random.pick(ALPHABET)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openids_are_unique_and_people_are_as_planned() {
        let first = chrono::NaiveDate::from_ymd_opt(2026, 10, 18).unwrap();
        let calendar = Calendar::new(chrono_tz::Asia::Shanghai, first, 35).unwrap();
        let people = draw(7, 4_000, &calendar);
        let mut ids: Vec<&str> = people.iter().map(|person| person.openid.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4_000);
        assert!(ids.iter().all(|id| id.len() == 28));
        let existing = people
            .iter()
            .filter(|person| person.first_day.is_none())
            .count() as f64
            / 4_000.0;
        assert!((existing - EXISTING_SHARE).abs() < 0.04, "{existing}");
        assert!(
            people
                .iter()
                .all(|person| person.first_day.is_none_or(|day| day < 35))
        );
    }
}
