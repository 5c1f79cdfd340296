//! The two funnels by brute force: from every first step of a day, walk the user's events once.
//!
//! Events of equal time stand by step, then by id. From a first step each later step takes the next
//! event of it; no event fills two steps. The deepest chain of a user's entry day counts, once.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::calendar::Calendar;
use super::super::events::Events;
use super::super::person::Person;
use super::super::visit::Event;
use super::super::world::{CHANNELS, Kind};
use super::{ByDate, by_date};

const HOUR_MS: i64 = 3_600_000;

/// A funnel of five steps.
struct Funnel {
    name: &'static str,
    /// 0-based step of an event, if it is one.
    step_of: fn(Kind) -> Option<usize>,
    window_ms: i64,
    /// The window, rounded up to days: an entry day is due so many days later.
    due_after_days: u32,
    by_channel: bool,
}

const STEPS: usize = 5;

const FUNNELS: [Funnel; 2] = [
    Funnel {
        name: "shop",
        step_of: |kind| match kind {
            Kind::Exposure => Some(0),
            Kind::Click => Some(1),
            Kind::Register | Kind::Login => Some(2),
            Kind::AddToCart => Some(3),
            Kind::Pay => Some(4),
            _ => None,
        },
        window_ms: 24 * HOUR_MS,
        due_after_days: 1,
        by_channel: true,
    },
    Funnel {
        name: "course",
        step_of: |kind| match kind {
            Kind::ArticleOpen => Some(0),
            Kind::CourseView => Some(1),
            Kind::TrialFinish => Some(2),
            Kind::CoursePay => Some(3),
            Kind::CourseRepurchase => Some(4),
            _ => None,
        },
        window_ms: 7 * 24 * HOUR_MS,
        due_after_days: 7,
        by_channel: false,
    },
];

/// Entrants of a date that reached each step, the entrants themselves first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// All steps on the entry day and within the window.
    pub same_day: [u64; STEPS],
    /// All steps within the window; null where it has not passed with the last date.
    pub mature: Option<[u64; STEPS]>,
}

/// A step's event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    time_ms: i64,
    step: usize,
    id: u64,
    day: u32,
}

/// The deepest step (1-based) that a chain from `entry` reaches by `until_ms`, inclusive, over marks
/// that `counts`.
fn deepest(marks: &[Mark], entry: usize, until_ms: i64, counts: impl Fn(&Mark) -> bool) -> usize {
    let mut reached = 1;
    for mark in &marks[entry + 1..] {
        if mark.time_ms > until_ms || reached == STEPS {
            break;
        }
        if mark.step == reached && counts(mark) {
            reached += 1;
        }
    }
    reached
}

/// Per entry day of one user, the deepest step on both bases: (day, same day, mature).
fn entries(marks: &[Mark], window_ms: i64) -> Vec<(u32, usize, usize)> {
    let mut days: Vec<(u32, usize, usize)> = Vec::new();
    for (index, entry) in marks.iter().enumerate().filter(|(_, mark)| mark.step == 0) {
        let until_ms = entry.time_ms + window_ms;
        let same_day = deepest(marks, index, until_ms, |mark| mark.day == entry.day);
        let mature = deepest(marks, index, until_ms, |_| true);
        match days.last_mut().filter(|(day, ..)| *day == entry.day) {
            Some(best) => *best = (entry.day, best.1.max(same_day), best.2.max(mature)),
            None => days.push((entry.day, same_day, mature)),
        }
    }
    days
}

fn marks(funnel: &Funnel, calendar: &Calendar, events: &[Event]) -> Vec<Mark> {
    let mark = |event: &Event| {
        Some(Mark {
            time_ms: event.time_ms,
            step: (funnel.step_of)(event.kind)?,
            id: event.id,
            day: calendar.day_of(event.time_ms),
        })
    };
    let mut marks: Vec<Mark> = events.iter().filter_map(mark).collect();
    marks.sort_unstable();
    marks
}

/// Counts both funnels.
pub fn count(
    calendar: &Calendar,
    people: &[Person],
    events: &Events,
) -> BTreeMap<&'static str, ByDate<BTreeMap<String, Reached>>> {
    FUNNELS
        .iter()
        .map(|funnel| (funnel.name, count_one(funnel, calendar, people, events)))
        .collect()
}

fn count_one(
    funnel: &Funnel,
    calendar: &Calendar,
    people: &[Person],
    events: &Events,
) -> ByDate<BTreeMap<String, Reached>> {
    type Tally = BTreeMap<String, [[u64; STEPS]; 2]>;
    let mut days: Vec<Tally> =
        vec![Tally::from([("all".to_owned(), Default::default())]); calendar.days() as usize];
    for (person, own) in people.iter().zip(events.by_user()) {
        let platform = person.platform.name();
        let mut segments = vec!["all".to_owned(), platform.to_owned()];
        if funnel.by_channel {
            segments.push(format!("{platform},{}", CHANNELS[person.channel].name));
        }
        for (day, same_day, mature) in entries(&marks(funnel, calendar, own), funnel.window_ms) {
            for segment in &segments {
                let [same_day_counts, mature_counts] =
                    days[day as usize].entry(segment.clone()).or_default();
                same_day_counts[..same_day]
                    .iter_mut()
                    .for_each(|count| *count += 1);
                mature_counts[..mature]
                    .iter_mut()
                    .for_each(|count| *count += 1);
            }
        }
    }
    by_date(calendar, |day| {
        let is_due = day + funnel.due_after_days < calendar.days();
        std::mem::take(&mut days[day as usize])
            .into_iter()
            .map(|(segment, [same_day, mature])| {
                let mature = is_due.then_some(mature);
                (segment, Reached { same_day, mature })
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (minute, step) pairs on one day.
    fn chain(steps: &[(i64, usize)]) -> Vec<Mark> {
        let mut marks: Vec<Mark> = (0..)
            .zip(steps)
            .map(|(id, (minute, step))| Mark {
                time_ms: minute * 60_000,
                step: *step,
                id,
                day: (minute / 1_440) as u32,
            })
            .collect();
        marks.sort_unstable();
        marks
    }

    #[test]
    fn a_later_first_step_that_reaches_further_counts() {
        // A 1:00, A 1:30, B 1:45, C 2:15 with a window of one hour reach three steps.
        let marks = chain(&[(60, 0), (90, 0), (105, 1), (135, 2)]);
        assert_eq!(entries(&marks, HOUR_MS), [(0, 3, 3)]);
    }

    #[test]
    fn the_window_is_inclusive() {
        assert_eq!(entries(&chain(&[(0, 0), (60, 1)]), HOUR_MS), [(0, 2, 2)]);
        assert_eq!(entries(&chain(&[(0, 0), (61, 1)]), HOUR_MS), [(0, 1, 1)]);
    }

    #[test]
    fn equal_times_stand_by_step() {
        assert_eq!(
            entries(&chain(&[(5, 1), (5, 0), (5, 2)]), HOUR_MS),
            [(0, 3, 3)]
        );
    }

    #[test]
    fn the_same_day_basis_ends_at_midnight() {
        let marks = chain(&[(1_430, 0), (1_435, 1), (1_445, 2)]);
        assert_eq!(entries(&marks, HOUR_MS), [(0, 2, 3)]);
    }

    #[test]
    fn each_day_has_its_entry() {
        let marks = chain(&[(10, 0), (1_450, 0), (1_460, 1)]);
        assert_eq!(entries(&marks, 24 * HOUR_MS), [(0, 1, 1), (1, 2, 2)]);
        assert_eq!(entries(&marks, 25 * HOUR_MS), [(0, 1, 2), (1, 2, 2)]);
    }
}
