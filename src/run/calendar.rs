//! Which days have ended, by the clock alone.

use chrono::{DateTime, Days, NaiveDate, Utc};

use crate::project::{Project, day_start_us};
use crate::table::state::State;

/// The last day that has ended for every source: its midnight has passed by each source's
/// `complete_when.after`. Whether its objects are there is another question.
pub fn ended_through(project: &Project, now: DateTime<Utc>) -> NaiveDate {
    let wait_us = project
        .sources
        .values()
        .map(|source| source.complete_when.after.us())
        .max()
        .unwrap_or(0);
    let now_us = now.timestamp_micros();
    let mut date = now.with_timezone(&project.zone).date_naive();
    // Day D ends where D + 1 starts; two steps back are enough for any wait below a day.
    loop {
        let ends_us = date
            .checked_add_days(Days::new(1))
            .map_or(i64::MAX, |next| day_start_us(project.zone, next));
        if ends_us.saturating_add(wait_us) <= now_us {
            return date;
        }
        match date.checked_sub_days(Days::new(1)) {
            Some(before) => date = before,
            None => return date,
        }
    }
}

/// The last complete day without looking at the raw objects: the one that the log knows of. Before the
/// first run the clock tells.
pub fn known_through(project: &Project, state: &State, now: DateTime<Utc>) -> NaiveDate {
    state
        .complete_through
        .unwrap_or_else(|| ended_through(project, now))
}

/// The first of the `catch_up_days` days up to `last`.
pub fn catch_up_from(project: &Project, last: NaiveDate) -> NaiveDate {
    let back = u64::from(project.catch_up_days.max(1) - 1);
    last.checked_sub_days(Days::new(back)).unwrap_or(last)
}
