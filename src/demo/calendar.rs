//! Local days and hours of the project's zone over the demo's span.
//!
//! Times are UTC milliseconds since 1970; a day is its number counted from the first date (0-based).
//! Offsets are looked up in a table of quarter hours, since asking the zone per event is slow and
//! every change of offset falls on a quarter hour.

use std::ops::Range;

use chrono::{DateTime, Days, NaiveDate, Offset, TimeZone, Utc};
use chrono_tz::Tz;

const QUARTER_MS: i64 = 15 * 60 * 1_000;
const DAY_MS: i64 = 86_400_000;
/// Days known before the first date and after the last one (timestamps of too late lines, UTC dates).
const MARGIN_DAYS: i32 = 10;

/// The demo's days in its zone.
#[derive(Debug)]
pub struct Calendar {
    first_date: NaiveDate,
    days: u32,
    /// Start of each day of the span, and the end of the last one.
    starts_ms: Vec<i64>,
    /// Milliseconds of the local calendar at the first date's midnight, as if it were UTC.
    first_local_ms: i64,
    table_start_ms: i64,
    offsets_ms: Vec<i64>,
    /// `YYYY-MM-DD` of every day within the margins.
    dates: Vec<String>,
}

/// A time as the wall clock shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// Days since the first date.
    pub day: i32,
    /// 0 to 23.
    pub hour: u32,
    /// Milliseconds within the day, by the wall clock.
    pub ms: i64,
    /// From UTC, positive in the east.
    pub offset_ms: i64,
}

impl Calendar {
    /// `days` local days from `first_date` on; none where a date is out of range.
    pub fn new(zone: Tz, first_date: NaiveDate, days: u32) -> Option<Self> {
        let margin = Days::new(MARGIN_DAYS as u64);
        let table_start = first_date.checked_sub_days(margin)?;
        let table_end = first_date
            .checked_add_days(Days::new(u64::from(days)))?
            .checked_add_days(margin)?;
        let utc_ms = |date: NaiveDate| {
            date.and_hms_opt(0, 0, 0)
                .map(|time| time.and_utc().timestamp_millis())
        };
        let (table_start_ms, table_end_ms) = (utc_ms(table_start)?, utc_ms(table_end)?);
        let offsets_ms: Vec<i64> = (table_start_ms..table_end_ms)
            .step_by(QUARTER_MS as usize)
            .map(|ms| {
                let time = DateTime::<Utc>::from_timestamp_millis(ms)?.naive_utc();
                Some(
                    i64::from(zone.offset_from_utc_datetime(&time).fix().local_minus_utc()) * 1_000,
                )
            })
            .collect::<Option<_>>()?;
        let dates = (0..days + 2 * MARGIN_DAYS as u32)
            .map(|day| {
                table_start
                    .checked_add_days(Days::new(u64::from(day)))
                    .map(|date| date.to_string())
            })
            .collect::<Option<_>>()?;
        let mut calendar = Self {
            first_date,
            days,
            starts_ms: Vec::new(),
            first_local_ms: utc_ms(first_date)?,
            table_start_ms,
            offsets_ms,
            dates,
        };
        calendar.starts_ms = (0..=days)
            .map(|day| calendar.find_start(day as i32))
            .collect();
        Some(calendar)
    }

    /// The first instant of a local day, wherever daylight saving has moved it.
    fn find_start(&self, day: i32) -> i64 {
        let guess_ms = self.first_local_ms + i64::from(day) * DAY_MS;
        let mut time_ms = guess_ms - 16 * 3_600_000;
        while self.local(time_ms).day < day {
            time_ms += QUARTER_MS;
        }
        time_ms
    }

    /// Number of days.
    pub fn days(&self) -> u32 {
        self.days
    }

    /// The wall clock at a time.
    pub fn local(&self, time_ms: i64) -> Local {
        let slot = (time_ms - self.table_start_ms).div_euclid(QUARTER_MS);
        let last = self.offsets_ms.len() as i64 - 1;
        let offset_ms = self.offsets_ms[slot.clamp(0, last) as usize];
        let since = time_ms + offset_ms - self.first_local_ms;
        let ms = since.rem_euclid(DAY_MS);
        Local {
            day: since.div_euclid(DAY_MS) as i32,
            hour: (ms / 3_600_000) as u32,
            ms,
            offset_ms,
        }
    }

    /// The UTC clock at a time, its day counted from the first date too.
    pub fn utc(&self, time_ms: i64) -> Local {
        let since = time_ms - self.first_local_ms;
        let ms = since.rem_euclid(DAY_MS);
        Local {
            day: since.div_euclid(DAY_MS) as i32,
            hour: (ms / 3_600_000) as u32,
            ms,
            offset_ms: 0,
        }
    }

    /// The local day of a time within the span.
    pub fn day_of(&self, time_ms: i64) -> u32 {
        self.local(time_ms).day.max(0) as u32
    }

    /// From the first millisecond of a local day to the first of the next.
    pub fn span_ms(&self, day: u32) -> Range<i64> {
        self.starts_ms[day as usize]..self.starts_ms[day as usize + 1]
    }

    /// End of the whole span, exclusive.
    pub fn end_ms(&self) -> i64 {
        self.starts_ms[self.days as usize]
    }

    /// `YYYY-MM-DD` of a day (also shortly before the first and after the last).
    pub fn date(&self, day: i32) -> &str {
        let index = (day + MARGIN_DAYS).clamp(0, self.dates.len() as i32 - 1);
        &self.dates[index as usize]
    }

    /// The date of a day.
    pub fn naive_date(&self, day: u32) -> NaiveDate {
        self.first_date + Days::new(u64::from(day))
    }

    /// The day of a date within the span.
    pub fn day_of_date(&self, date: NaiveDate) -> Option<u32> {
        let day = date.signed_duration_since(self.first_date).num_days();
        (0..i64::from(self.days))
            .contains(&day)
            .then_some(day as u32)
    }

    /// The hours that a local day has on the wall clock: daylight saving skips one a year.
    pub fn hours(&self, day: u32) -> Vec<u32> {
        let mut hours: Vec<u32> = self
            .span_ms(day)
            .step_by(QUARTER_MS as usize)
            .map(|time_ms| self.local(time_ms).hour)
            .collect();
        hours.sort_unstable();
        hours.dedup();
        hours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn shanghai_days_start_at_sixteen_utc() {
        let calendar = Calendar::new(chrono_tz::Asia::Shanghai, date(2026, 10, 18), 3).unwrap();
        let start = DateTime::from_timestamp_millis(calendar.span_ms(0).start).unwrap();
        assert_eq!(start.to_rfc3339(), "2026-10-17T16:00:00+00:00");
        assert_eq!(calendar.day_of(calendar.span_ms(1).start), 1);
        assert_eq!(calendar.day_of(calendar.span_ms(1).start - 1), 0);
        assert_eq!(calendar.hours(0).len(), 24);
        assert_eq!(calendar.date(-1), "2026-10-17");
        assert_eq!(calendar.day_of_date(date(2026, 10, 21)), None);
    }

    #[test]
    fn daylight_saving_days_have_their_own_length_and_hours() {
        let spring = Calendar::new(chrono_tz::America::New_York, date(2026, 3, 7), 3).unwrap();
        assert_eq!(
            spring.span_ms(1).end - spring.span_ms(1).start,
            23 * 3_600_000
        );
        assert!(!spring.hours(1).contains(&2));
        let autumn = Calendar::new(chrono_tz::America::New_York, date(2026, 10, 31), 3).unwrap();
        assert_eq!(
            autumn.span_ms(1).end - autumn.span_ms(1).start,
            25 * 3_600_000
        );
        assert_eq!(autumn.hours(1).len(), 24);
    }

    #[test]
    fn a_day_without_midnight_starts_at_its_first_instant() {
        let beirut = Calendar::new(chrono_tz::Asia::Beirut, date(2026, 3, 28), 3).unwrap();
        let start = beirut.local(beirut.span_ms(1).start);
        assert_eq!((start.day, start.hour), (1, 1));
        assert_eq!(beirut.day_of(beirut.span_ms(1).start - 1), 0);
    }
}
