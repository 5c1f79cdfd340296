//! Which days are complete.

use chrono::{DateTime, Days, NaiveDate, Utc};

use crate::project::{Project, day_start_us};

/// The last day that is complete in every source: its midnight has passed by each source's
/// `complete_when.after`.
pub fn complete_through(project: &Project, now: DateTime<Utc>) -> NaiveDate {
    let wait_us = project
        .sources
        .values()
        .map(|source| source.complete_after.us())
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

/// The dates a bare `run` is for: the last `catch_up_days` complete ones.
pub fn catch_up(project: &Project, complete_through: NaiveDate) -> (NaiveDate, NaiveDate) {
    let back = u64::from(project.catch_up_days.max(1) - 1);
    (
        complete_through
            .checked_sub_days(Days::new(back))
            .unwrap_or(complete_through),
        complete_through,
    )
}
