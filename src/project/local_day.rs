//! Local days of a zone: the day of an instant, the instants a day starts and ends at.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::duration::{Duration, HOUR_US, SECOND_US};

/// Zones are looked at from 2000-01-01 on, for 38 years.
const PROBED_FROM_S: i64 = 946_684_800;
const PROBED_WEEKS: i64 = 38 * 53;

/// Days from 1970-01-01 to a date, as Arrow's Date32 counts them.
pub fn date32(date: NaiveDate) -> i32 {
    i32::try_from((date - NaiveDate::default()).num_days()).unwrap_or(i32::MAX)
}

/// The date of a Date32; `None` beyond chrono's calendar.
pub fn from_date32(days: i32) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(chrono::Duration::try_days(i64::from(days))?)
}

/// A local wall time as an instant in microseconds. A time that clocks skip (daylight saving) is what a
/// clock shows that was not put forward: 02:30 is 03:30. One that happens twice is the earlier.
pub fn local_to_us(zone: Tz, local: NaiveDateTime) -> i64 {
    if let Some(instant) = zone.from_local_datetime(&local).earliest() {
        return instant.timestamp_micros();
    }
    // Skipped: gaps are at most a few hours, so the offset three hours earlier is the one before it.
    let before = local - chrono::Duration::hours(3);
    zone.from_local_datetime(&before).latest().map_or_else(
        || local.and_utc().timestamp_micros(),
        |instant| instant.timestamp_micros() + 3 * HOUR_US,
    )
}

/// The first instant of a local day, in microseconds.
pub fn day_start_us(zone: Tz, date: NaiveDate) -> i64 {
    local_to_us(zone, date.and_time(NaiveTime::MIN))
}

/// How many local days after the one it begins on a length of time can reach in a zone. Where clocks
/// change, days may be shorter than 24 hours.
pub fn days_reached(zone: Tz, length: Duration) -> u32 {
    let probe = |week: i64| {
        let instant = DateTime::from_timestamp(PROBED_FROM_S + week * 7 * 86_400, 0)?;
        Some(zone.offset_from_utc_datetime(&instant.naive_utc()).fix())
    };
    let offsets = (0..PROBED_WEEKS)
        .filter_map(probe)
        .map(|offset| i64::from(offset.local_minus_utc()));
    let spread_s = match (offsets.clone().min(), offsets.max()) {
        (Some(least), Some(most)) => most - least,
        _ => 0,
    };
    Duration::from_us(length.us().saturating_add(spread_s * SECOND_US)).days_ceil()
}

/// Finds the local day of instants; remembers the last day, since logs come day by day.
#[derive(Debug)]
pub struct LocalDays {
    zone: Tz,
    start_us: i64,
    end_us: i64,
    day: i32,
}

impl LocalDays {
    /// For a zone.
    pub fn new(zone: Tz) -> Self {
        Self {
            zone,
            start_us: 0,
            end_us: 0,
            day: 0,
        }
    }

    /// Date32 of the instant's local day; `None` beyond chrono's calendar.
    pub fn day_of(&mut self, instant_us: i64) -> Option<i32> {
        if instant_us < self.start_us || instant_us >= self.end_us {
            let local = DateTime::from_timestamp_micros(instant_us)?.with_timezone(&self.zone);
            let date = local.date_naive();
            self.day = date32(date);
            self.start_us = day_start_us(self.zone, date);
            self.end_us = day_start_us(self.zone, date.checked_add_days(Days::new(1))?);
        }
        Some(self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp_micros()
    }

    #[test]
    fn a_day_begins_at_local_midnight_in_each_zone() {
        for (zone, instant, date) in [
            (
                Tz::Asia__Shanghai,
                "2026-11-20T15:59:59.999999Z",
                "2026-11-20",
            ),
            (Tz::Asia__Shanghai, "2026-11-20T16:00:00Z", "2026-11-21"),
            (Tz::UTC, "2026-11-20T23:59:59Z", "2026-11-20"),
            (Tz::UTC, "2026-11-21T00:00:00Z", "2026-11-21"),
            (Tz::America__New_York, "2026-03-08T04:59:59Z", "2026-03-07"),
            (Tz::America__New_York, "2026-03-08T05:00:00Z", "2026-03-08"),
            (Tz::America__New_York, "2026-03-09T03:59:59Z", "2026-03-08"),
            (Tz::America__New_York, "2026-03-09T04:00:00Z", "2026-03-09"),
        ] {
            let day = LocalDays::new(zone).day_of(us(instant)).unwrap();
            assert_eq!(
                from_date32(day).unwrap().to_string(),
                date,
                "{zone} {instant}"
            );
        }
    }

    #[test]
    fn a_window_reaches_further_where_days_are_shorter() {
        for (length, steady, changing) in
            [("24h", 1, 2), ("23h", 1, 1), ("30m", 1, 1), ("7d", 7, 8)]
        {
            let length = Duration::parse(length).unwrap();
            for zone in [Tz::UTC, Tz::Asia__Shanghai, Tz::Asia__Kolkata] {
                assert_eq!(days_reached(zone, length), steady, "{zone} {length}");
            }
            for zone in [Tz::America__New_York, Tz::Europe__Berlin] {
                assert_eq!(days_reached(zone, length), changing, "{zone} {length}");
            }
        }
    }

    #[test]
    fn a_skipped_midnight_starts_the_day_after_the_gap() {
        // Santiago jumps from 24:00 to 01:00 in early September.
        let date = NaiveDate::from_ymd_opt(2026, 9, 6).unwrap();
        assert_eq!(
            day_start_us(Tz::America__Santiago, date),
            us("2026-09-06T04:00:00Z")
        );
    }
}
