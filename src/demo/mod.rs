//! The generator of raw logs with planted cases: a shop in a mini-program and a paid-course funnel.
//!
//! It knows nothing of runs, projects or reports; it writes raw files under a folder and can tell, from
//! its own draw, what any honest pipeline must count ([`Demo::truth`]). The same options give the same
//! bytes; another seed gives other people with the same planted sizes.
//!
//! How it is drawn, each step from random streams of its own:
//!
//! ```text
//! people ──▶ plan: who does what on which day ──▶ events ──▶ lines of objects ──▶ files
//!                 ▲                               ▲ │            │
//!               cases/ ───────────────────────────┘ └── truth ◀──┘
//! ```
//!
//! What sets a whole day's total is done to the events once they are there: prices of payments (`prices`),
//! visitors who bounce (`bouncers`), page views without a user, all by the day's sums (`tally`).
//!
//! **To add a planted case**: write `cases/<case>.rs` with its size as named constants and a comment
//! that says what is planted; give it a function that marks plans (choose with `random::choose`, so
//! that its share is exact whatever the seed, from a `random::Purpose` of its own) and call it in
//! `plan::plan`; let `visit::Visit` act the mark out; measure it in a `planted` function from the
//! drawn counts, listed in `cases::all`. Where the counts lack a figure, count it in `truth/` from the
//! events, never from the plan, and count it again in SQL in `tests/oracles/recount_demo.py`.

mod bouncers;
mod calendar;
mod cases;
mod delivery;
mod events;
mod line;
mod parallel;
mod person;
mod plan;
mod prices;
mod random;
mod screen;
mod spend;
mod tally;
#[cfg(test)]
mod tests;
mod truth;
mod visit;
mod world;
mod write;

use std::fmt::Display;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use serde::{Serialize, Serializer};

use crate::error::{Error, Result};

pub use cases::{Mark, Planted};
pub use delivery::{Fault, LineCounts};
pub use truth::{
    ByDate, Core, Drawn, EventCounts, FormCounts, PageCounts, Reached, ScrollCounts, SpendCounts,
    TapCounts, TrafficCounts,
};
pub use write::Written;

/// Most days that can be drawn.
pub const MAX_DAYS: u32 = 3_660;
/// Most users that can be drawn.
pub const MAX_USERS: u32 = 50_000_000;

/// What to draw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoOptions {
    /// Another seed, other people.
    pub seed: u64,
    /// First local date; nothing happens before.
    #[serde(serialize_with = "as_text")]
    pub first_date: NaiveDate,
    /// Number of dates, 1 to [`MAX_DAYS`].
    pub days: u32,
    /// Number of users, new and old, 1 to [`MAX_USERS`]; those who only bounce (case A6) come on top.
    pub users: u32,
    /// How often users come back after their first day, percent of the usual, 0 to 100: many users and
    /// few events.
    pub return_pct: u32,
    /// Zone of days, paths and timestamps.
    #[serde(serialize_with = "as_text")]
    pub zone: Tz,
    /// Lines a path date that are more than three days late. They may take a date's bad lines over
    /// what its quarantine tolerates.
    pub too_late: u32,
}

fn as_text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl Default for DemoOptions {
    /// 35 dates that end on 2026-11-21, some 920,000 events.
    fn default() -> Self {
        Self {
            seed: 20_261_121,
            first_date: NaiveDate::from_ymd_opt(2026, 10, 18).unwrap_or_default(),
            days: 35,
            users: 16_000,
            return_pct: 100,
            zone: Tz::Asia__Shanghai,
            too_late: 0,
        }
    }
}

impl DemoOptions {
    /// The last local date.
    pub fn last_date(&self) -> NaiveDate {
        self.first_date + Days::new(u64::from(self.days.max(1)) - 1)
    }
}

/// Everything drawn, in memory (about 100 bytes an event); files are written from it.
#[derive(Debug)]
pub struct Demo {
    options: DemoOptions,
    calendar: calendar::Calendar,
    people: Vec<person::Person>,
    events: events::Events,
    delivery: delivery::Delivery,
}

/// What an honest pipeline must find.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    /// The options that draw the same again.
    pub options: DemoOptions,
    /// Dates on which something planted changes.
    pub marks: Vec<Mark>,
    /// The planted sizes, and what the draw made of them.
    pub planted: Vec<Planted>,
    /// Exact counts.
    pub drawn: Drawn,
}

impl Demo {
    /// Draws everything.
    ///
    /// # Errors
    /// [`Error::Usage`] where the number of days or users is out of range, or the dates are.
    pub fn new(options: DemoOptions) -> Result<Self> {
        if !(1..=MAX_DAYS).contains(&options.days) {
            return Err(Error::Usage(format!(
                "the demo needs 1 to {MAX_DAYS} days, not {}",
                options.days
            )));
        }
        if !(1..=MAX_USERS).contains(&options.users) {
            return Err(Error::Usage(format!(
                "the demo needs 1 to {MAX_USERS} users, not {}",
                options.users
            )));
        }
        let calendar = calendar::Calendar::new(options.zone, options.first_date, options.days)
            .ok_or_else(|| {
                Error::Usage(format!("the demo cannot begin on {}", options.first_date))
            })?;
        let seed = options.seed;
        let mut people = person::draw(seed, options.users, &calendar);
        let days = plan::plan(seed, &calendar, &people, options.return_pct);
        let mut events = events::draw(seed, &calendar, &people, &days);
        let tallies = tally::count(&calendar, &events);
        prices::meet_totals(seed, &calendar, &tallies, &mut events);
        let bounces = bouncers::add(seed, &calendar, &tallies, &mut people, &mut events);
        let page_views = tallies.iter().zip(bounces);
        let page_views: Vec<u64> = page_views
            .map(|(day, more)| day.page_views + more)
            .collect();
        events::add_single_page(seed, &calendar, &page_views, &mut events);
        let delivery = delivery::deliver(seed, &calendar, &events, options.too_late);
        Ok(Self {
            options,
            calendar,
            people,
            events,
            delivery,
        })
    }

    /// The options it was drawn with.
    pub fn options(&self) -> &DemoOptions {
        &self.options
    }

    /// Number of unique events.
    pub fn unique_events(&self) -> usize {
        self.events.all.len()
    }

    /// Counts, from the draw alone, what stands in the files once all dates are written.
    pub fn truth(&self) -> Truth {
        let spend = |day| spend::rows(self.options.seed, day, &self.people);
        let (drawn, cohorts) = truth::count(
            &self.calendar,
            &self.people,
            &self.events,
            &self.delivery,
            spend,
        );
        Truth {
            options: self.options.clone(),
            marks: cases::marks(&self.calendar),
            planted: cases::all(&drawn, &cohorts),
            drawn,
        }
    }
}
