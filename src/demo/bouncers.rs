//! Visitors that ineffective spending brings: they open the activity page and are gone (case A6).
//!
//! They are users beside those asked for. Some were there before the first date, some are new; the new
//! ones come back on the next day as often as A5 plants it, and later now and then. Once the spending has
//! ended no new ones come, and few of the others.

use super::calendar::Calendar;
use super::cases::{a5, a6};
use super::events::{Events, Ids};
use super::person::{self, Person};
use super::random::{Purpose, Random, choose};
use super::tally::Tally;
use super::visit::{Event, Visit};
use super::world::{HOURS, Page};

/// Of a day's bouncers before the change, those never seen before.
const NEW_SHARE: f64 = 0.15;
/// Those who were there before the first date, for each who bounces on it.
const OLD_PER_DAY: f64 = 1.5;
/// Only so many of the latest may come, for each who does.
const LATEST_PER_DAY: usize = 5;

/// Adds them and their visits; gives the number of visits of each day.
pub fn add(
    seed: u64,
    calendar: &Calendar,
    tallies: &[Tally],
    people: &mut Vec<Person>,
    events: &mut Events,
) -> Vec<u64> {
    let first_user = people.len();
    let visits = plan(seed, tallies, people);
    let mut counts = vec![0; tallies.len()];
    let ids = Ids::new(seed);
    for (number, days) in visits.iter().enumerate() {
        let user = (first_user + number) as u32;
        let mut random = Random::stream(seed, Purpose::Bouncers, (1 << 40) + u64::from(user));
        for (visit, day) in days.iter().enumerate() {
            counts[*day as usize] += 1;
            let person = &people[user as usize];
            let id = ids.id(user, visit as u32);
            events
                .all
                .push(bounce(&mut random, calendar, person, user, id, *day));
        }
        events.end_user();
    }
    counts
}

/// Adds the people; gives the days on which each comes, ascending.
fn plan(seed: u64, tallies: &[Tally], people: &mut Vec<Person>) -> Vec<Vec<u32>> {
    let first_user = people.len();
    let wanted = a6::bouncers(tallies);
    let change = a6::change_day(tallies.len() as u32);
    let mut visits: Vec<Vec<u32>> = Vec::new();
    let join = |people: &mut Vec<Person>, visits: &mut Vec<Vec<u32>>, first_day, count| {
        for _ in 0..count {
            people.push(person::draw_bouncer(seed, people.len() as u32, first_day));
            visits.push(first_day.into_iter().collect());
        }
    };
    let old = wanted
        .first()
        .map_or(0.0, |count| *count as f64 * OLD_PER_DAY);
    join(people, &mut visits, None, old as u64);
    // Yesterday's new ones who come today, and what is left over of the planted share, by platform.
    let mut returning: Vec<usize> = Vec::new();
    let mut carried = [0.5; 2];
    let mut may_come = visits.len();
    for (day, wanted) in (0_u32..).zip(wanted) {
        let left = wanted.saturating_sub(returning.len() as u64);
        let new = if day < change {
            left.min((wanted as f64 * NEW_SHARE) as u64)
        } else {
            0
        };
        returning.iter().for_each(|user| visits[*user].push(day));
        let latest = may_come.saturating_sub(LATEST_PER_DAY * wanted as usize)..may_come;
        let share = (left - new) as f64 / latest.len().max(1) as f64;
        let candidates: Vec<(usize, f64)> = latest.map(|user| (user, 1.0)).collect();
        let mut random = Random::stream(seed, Purpose::Bouncers, u64::from(day));
        for user in choose(&mut random, &candidates, share.min(1.0)) {
            visits[user].push(day);
        }
        // Who joins today may come at will from the day after tomorrow on.
        may_come = visits.len();
        join(people, &mut visits, Some(day), new);
        returning.clear();
        for user in may_come..visits.len() {
            let platform = people[first_user + user].platform;
            let carried = &mut carried[platform as usize];
            *carried += a5::day_one_retention(platform);
            if *carried >= 1.0 {
                *carried -= 1.0;
                returning.push(user);
            }
        }
    }
    visits
}

/// The one page that is opened on a day.
fn bounce(
    random: &mut Random,
    calendar: &Calendar,
    person: &Person,
    user: u32,
    id: u64,
    day: u32,
) -> Event {
    let span_ms = calendar.span_ms(day);
    let hour = random.weighted(&HOURS) as i64;
    let start_ms = span_ms.start + hour * 3_600_000 + random.between(0, 3_599_999);
    Event {
        scene: Visit::scene_of(random, person),
        page: Page::Activity,
        ..Event::page_view(start_ms.min(span_ms.end - 1), id, user)
    }
}
