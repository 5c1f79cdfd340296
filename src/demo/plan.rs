//! What every user will do on every day they come, decided before any event is drawn.
//!
//! Deciding first lets a planted case choose *exactly* its share among all who qualify
//! ([`super::random::choose`]), so that its size holds for every seed; the visits then act it out.

use super::calendar::Calendar;
use super::cases::{a1, a2, a3, a4, a5, a6, d1};
use super::parallel::in_parts;
use super::person::{Person, weekday_percent};
use super::random::{Purpose, Random};
use super::screen::Touched;
use super::world::HOURS;

/// Of a returning user's days: started with the home page and its exposures.
const EXPOSED_SHARE: f64 = 0.88;
/// Days with a second visit, and with a third.
const SECOND_VISIT_SHARE: f64 = 0.22;
const THIRD_VISIT_SHARE: f64 = 0.05;

/// Return on day N after the first, per mille of an average user; straight lines between.
const RETURN_CURVE: [(u32, u32); 9] = [
    (1, 0),
    (2, 205),
    (3, 175),
    (5, 150),
    (7, 138),
    (14, 98),
    (30, 62),
    (60, 45),
    (100_000, 30),
];

/// Chance that somebody who was there before the first date comes, at affinity 0, and what it adds.
const OLD_RETURN: (f64, f64) = (0.06, 0.36);

/// A rare turn of a visit that trips careless code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    None,
    /// The first event is at 00:00:00.000 sharp.
    StartsAtMidnight,
    /// Begins before a local midnight, goes on after it; one event falls on it sharp.
    CrossesMidnight,
    /// Two events are exactly 30 minutes apart: still one session.
    PausesThirtyMinutes,
    /// One millisecond more: two sessions.
    PausesLonger,
}

/// What the coupon page does in the visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coupon {
    NotSeen,
    Leaves,
    GoesOn,
}

/// What happens to the registration form in the visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    NotSeen,
    /// Left for good at this field.
    LeavesAt(Touched),
    /// Filled in and sent.
    Completes,
    /// The first code fails, the second is taken.
    Retries,
}

impl Form {
    /// The fields that are touched, in order.
    pub fn fields(self) -> &'static [Touched] {
        use Touched::{CodeFilled, CodeSent, Failed, Phone};
        match self {
            Self::LeavesAt(Phone) => &[Phone],
            Self::LeavesAt(CodeSent) => &[Phone, CodeSent],
            Self::LeavesAt(Failed) => &[Phone, CodeSent, CodeFilled, Failed],
            Self::NotSeen | Self::LeavesAt(_) => &[],
            Self::Completes => &[Phone, CodeSent, CodeFilled],
            Self::Retries => &[Phone, CodeSent, CodeFilled, Failed, CodeSent, CodeFilled],
        }
    }
}

/// One user on one day.
#[derive(Debug, Clone)]
pub struct UserDay {
    pub user: u32,
    pub day: u32,
    /// The user's first day of all.
    pub is_first: bool,
    /// Start of the main visit after local midnight.
    pub start_ms: u32,
    /// Shorter visits later that day.
    pub more_visits: u32,
    /// Steps of the shop funnel that the main visit goes through, 0 to 5.
    pub layer: usize,
    /// Pays in this visit for a cart filled days ago.
    pub pays_old_order: bool,
    pub coupon: Coupon,
    pub form: Form,
    /// Bit k: step k (0-based) of the course funnel happens in the main visit.
    pub course_steps: u8,
    pub edge: Edge,
}

/// Plans everyone's days, ascending by (user, day). Users come back `return_pct` percent as often as they
/// usually would, the day after the first apart.
pub fn plan(seed: u64, calendar: &Calendar, people: &[Person], return_pct: u32) -> Vec<UserDay> {
    let mut firsts = in_parts(people.len(), |users| {
        let firsts = users.filter_map(|user| draw_first(seed, user as u32, &people[user]));
        firsts.collect::<Vec<_>>()
    })
    .concat();
    let span_days = calendar.days();
    let share = f64::from(return_pct) / 100.0;
    let levels = a4::click_levels(seed, &expected_users(calendar, people, share));
    let click: a1::Factors = &|_, _| levels.clone();
    let mended: a1::Factors = &|_, _| a3::sign_in_factors(span_days);
    a1::assign_layers(&mut firsts, people, seed, 0, [click, mended], |_| true);
    let returns = a5::choose_returns(&firsts, people, seed, calendar.days());

    let mut days = in_parts(people.len(), |users| {
        let mut at = firsts.partition_point(|first| (first.user as usize) < users.start);
        let mut days = Vec::new();
        for user in users {
            let person = &people[user];
            let first = firsts.get(at).filter(|first| first.user as usize == user);
            let returns = first.is_some() && returns[at];
            at += usize::from(first.is_some());
            days.extend(first.cloned());
            let mut random = Random::stream(seed, Purpose::Visits, user as u64);
            for day in person.first_day.map_or(0, |first| first + 1)..calendar.days() {
                // Drawn for every day, so that one day's outcome shifts no other's.
                let came = random.unit();
                let visit = draw_day(&mut random, user as u32, day);
                let comes = match person.first_day {
                    Some(first) if day == first + 1 => returns,
                    _ => came < return_chance(calendar, person, day) * share,
                };
                if comes {
                    days.push(visit);
                }
            }
        }
        days
    })
    .concat();
    a2::assign_steps(&mut days, people, seed);
    let effective: a1::Factors =
        &|days, clickers| a6::sign_in_factors(days, clickers, a1::REGISTER_RATE, span_days);
    a1::assign_layers(&mut days, people, seed, 1, [click, effective], |day| {
        !day.is_first
    });
    a1::defer_payments(&mut days, people, seed);
    d1::assign_coupons(&mut days, seed);
    a3::assign_forms(&mut days, people, seed, span_days);
    days
}

/// The first day of somebody new.
fn draw_first(seed: u64, user: u32, person: &Person) -> Option<UserDay> {
    let mut random = Random::stream(seed, Purpose::FirstVisit, u64::from(user));
    let mut first = draw_day(&mut random, user, person.first_day?);
    first.is_first = true;
    first.edge = Edge::None;
    Some(first)
}

/// The day's outline, before any case has had its say.
fn draw_day(random: &mut Random, user: u32, day: u32) -> UserDay {
    let hour = random.weighted(&HOURS) as u32;
    let mut start_ms = hour * 3_600_000 + random.below(3_600_000);
    let extra = random.unit();
    let exposed = random.chance(EXPOSED_SHARE);
    let edge = match random.below(1_000) {
        0..=1 => Edge::StartsAtMidnight,
        2..=9 => Edge::CrossesMidnight,
        10..=12 => Edge::PausesThirtyMinutes,
        13..=15 => Edge::PausesLonger,
        _ => Edge::None,
    };
    match edge {
        Edge::StartsAtMidnight => start_ms = 0,
        Edge::CrossesMidnight => start_ms = 86_400_000 - 60_000 - random.below(6 * 60_000),
        _ => {}
    }
    UserDay {
        user,
        day,
        is_first: false,
        start_ms,
        more_visits: u32::from(extra < SECOND_VISIT_SHARE) + u32::from(extra < THIRD_VISIT_SHARE),
        layer: usize::from(exposed),
        pays_old_order: false,
        coupon: Coupon::NotSeen,
        form: Form::NotSeen,
        course_steps: 0,
        edge,
    }
}

/// About how many users come on each day.
fn expected_users(calendar: &Calendar, people: &[Person], share: f64) -> Vec<f64> {
    let span_days = calendar.days() as usize;
    let mut new_users = vec![0.0; span_days];
    let mut old_users = 0.0;
    for person in people {
        match person.first_day {
            Some(first) => new_users[first as usize] += 1.0,
            None => old_users += 1.0,
        }
    }
    // Affinities are one half in the middle.
    let ordinary = |day: usize| -> f64 {
        let returning: f64 = (0..day)
            .map(|first| new_users[first] * curve((day - first) as u32))
            .sum();
        (old_users * (OLD_RETURN.0 + OLD_RETURN.1 / 2.0) + returning) * share
    };
    let next_day = a5::DAY_ONE_RETENTION;
    (0..span_days)
        .map(|day| {
            let weekday = f64::from(weekday_percent(calendar, day as u32)) / 100.0;
            let yesterday = day.checked_sub(1).map_or(0.0, |day| new_users[day]);
            new_users[day] + next_day * yesterday + ordinary(day) * weekday
        })
        .collect()
}

/// Chance that the user comes on that day, other than the day after the first.
fn return_chance(calendar: &Calendar, person: &Person, day: u32) -> f64 {
    let ordinary = match person.first_day {
        None => OLD_RETURN.0 + OLD_RETURN.1 * person.affinity,
        Some(first) => 2.0 * person.affinity * curve(day - first),
    };
    ordinary * f64::from(weekday_percent(calendar, day)) / 100.0
}

fn curve(age: u32) -> f64 {
    let per_mille = RETURN_CURVE
        .windows(2)
        .find(|pair| age <= pair[1].0)
        .map_or(RETURN_CURVE[RETURN_CURVE.len() - 1].1, |pair| {
            let ((from, high), (to, low)) = (pair[0], pair[1]);
            let (from_high, steps) = (i64::from(high), i64::from(to - from));
            (from_high + (i64::from(low) - from_high) * i64::from(age - from) / steps) as u32
        });
    f64::from(per_mille) / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_return_curve_falls() {
        assert_eq!(curve(2), 0.205);
        assert_eq!(curve(5), 0.150);
        assert!((2..200).all(|age| curve(age + 1) <= curve(age) && curve(age) > 0.0));
    }
}
