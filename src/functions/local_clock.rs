//! From an instant to the wall clock and the calendar day of one zone, and back to the instant at
//! which a local day begins. Daylight saving, half-hour zones and days without a midnight are
//! the zone database's.

use chrono::{DateTime, Datelike, LocalResult, NaiveDate, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;

const MICROSECONDS_A_SECOND: i64 = 1_000_000;
const MICROSECONDS_A_DAY: i64 = 86_400 * MICROSECONDS_A_SECOND;
/// No zone is further than this from UTC.
const FURTHEST_OFFSET_US: i64 = 26 * 3_600 * MICROSECONDS_A_SECOND;
/// 1970-01-01 counted from 0001-01-01, as chrono counts.
const EPOCH_FROM_COMMON_ERA: i32 = 719_163;

/// Converts instants (UTC microseconds) to local ones. It remembers the offset of the UTC day it
/// saw last, since neighbouring rows mostly share it: hence `&mut`.
#[derive(Debug, Clone)]
pub struct LocalClock {
    zone: Tz,
    seen: Option<SeenDay>,
}

/// A UTC day and, where the zone's offset is the same at both its ends, that offset. (The zone
/// database has no two changes within 24 hours that cancel each other.)
#[derive(Debug, Clone, Copy)]
struct SeenDay {
    utc_day: i64,
    offset_us: Option<i64>,
}

impl LocalClock {
    /// A clock on the wall of `zone`.
    pub fn new(zone: Tz) -> Self {
        Self { zone, seen: None }
    }

    /// The wall clock's reading at an instant, as microseconds since 1970-01-01 00:00 on that
    /// wall. None outside the calendar (about the years ±262,000).
    pub fn local_us(&mut self, utc_us: i64) -> Option<i64> {
        let utc_day = utc_us.div_euclid(MICROSECONDS_A_DAY);
        let seen = match self.seen {
            Some(seen) if seen.utc_day == utc_day => seen,
            _ => {
                let start_us = utc_day.checked_mul(MICROSECONDS_A_DAY)?;
                let at_start = offset_us(self.zone, start_us)?;
                let at_end = offset_us(self.zone, start_us.checked_add(MICROSECONDS_A_DAY)?)?;
                let seen = SeenDay {
                    utc_day,
                    offset_us: (at_start == at_end).then_some(at_start),
                };
                self.seen = Some(seen);
                seen
            }
        };
        let offset_us = match seen.offset_us {
            Some(offset_us) => offset_us,
            None => offset_us(self.zone, utc_us)?,
        };
        utc_us.checked_add(offset_us)
    }

    /// The local day of an instant, as days since 1970-01-01. None outside the calendar.
    pub fn local_day(&mut self, utc_us: i64) -> Option<i32> {
        i32::try_from(self.local_us(utc_us)?.div_euclid(MICROSECONDS_A_DAY)).ok()
    }

    /// The instant (UTC microseconds) at which a local day begins: its midnight, or, where the
    /// clock was put forward over midnight, the first instant after it. None outside the calendar.
    pub fn day_start_us(&mut self, local_day: i32) -> Option<i64> {
        let date =
            NaiveDate::from_num_days_from_ce_opt(local_day.checked_add(EPOCH_FROM_COMMON_ERA)?)?;
        debug_assert_eq!(date.num_days_from_ce() - EPOCH_FROM_COMMON_ERA, local_day);
        match self
            .zone
            .from_local_datetime(&date.and_time(NaiveTime::MIN))
        {
            LocalResult::Single(start) | LocalResult::Ambiguous(start, _) => {
                Some(start.timestamp_micros())
            }
            LocalResult::None => {
                let midnight_as_utc_us = i64::from(local_day) * MICROSECONDS_A_DAY;
                let mut before_us = midnight_as_utc_us - FURTHEST_OFFSET_US;
                let mut at_or_after_us = midnight_as_utc_us + FURTHEST_OFFSET_US;
                while at_or_after_us - before_us > 1 {
                    let middle_us = before_us + (at_or_after_us - before_us) / 2;
                    if self.local_day(middle_us)? >= local_day {
                        at_or_after_us = middle_us;
                    } else {
                        before_us = middle_us;
                    }
                }
                Some(at_or_after_us)
            }
        }
    }
}

/// Local minus UTC at an instant.
fn offset_us(zone: Tz, utc_us: i64) -> Option<i64> {
    let utc = DateTime::from_timestamp_micros(utc_us)?.naive_utc();
    let seconds = zone.offset_from_utc_datetime(&utc).fix().local_minus_utc();
    Some(i64::from(seconds) * MICROSECONDS_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{
        Africa::Cairo, America::New_York, America::Sao_Paulo, Asia::Kolkata, Asia::Shanghai,
        Pacific::Apia,
    };

    fn instant(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp_micros()
    }

    fn day(year: i32, month: u32, day: u32) -> i32 {
        NaiveDate::from_ymd_opt(year, month, day)
            .unwrap()
            .num_days_from_ce()
            - EPOCH_FROM_COMMON_ERA
    }

    #[test]
    fn the_offset_of_the_moment_is_used_on_both_sides_of_a_change() {
        let mut clock = LocalClock::new(New_York);
        // 2026-03-08: 02:00 EST becomes 03:00 EDT at 07:00 UTC.
        let before = instant("2026-03-08T06:59:59.999999Z");
        assert_eq!(
            clock.local_us(before),
            Some(instant("2026-03-08T01:59:59.999999Z"))
        );
        assert_eq!(
            clock.local_us(before + 1),
            Some(instant("2026-03-08T03:00:00Z"))
        );
        // 2026-11-01: 02:00 EDT becomes 01:00 EST at 06:00 UTC.
        let before = instant("2026-11-01T05:59:59.999999Z");
        assert_eq!(
            clock.local_us(before),
            Some(instant("2026-11-01T01:59:59.999999Z"))
        );
        assert_eq!(
            clock.local_us(before + 1),
            Some(instant("2026-11-01T01:00:00Z"))
        );
    }

    #[test]
    fn a_remembered_day_never_changes_an_answer() {
        for zone in [New_York, Shanghai, Sao_Paulo, Kolkata, Cairo, Apia] {
            let mut clock = LocalClock::new(zone);
            let start = instant("2011-01-01T00:00:00Z");
            for half_hour in 0..(365 * 48 * 4) {
                let utc_us = start + half_hour * 1_800 * MICROSECONDS_A_SECOND + 1;
                let expected = utc_us + offset_us(zone, utc_us).unwrap();
                assert_eq!(clock.local_us(utc_us), Some(expected), "{zone} {utc_us}");
            }
        }
    }

    #[test]
    fn a_day_begins_at_its_first_instant() {
        let cases = [
            (Shanghai, day(2026, 10, 18), "2026-10-17T16:00:00Z"),
            (Kolkata, day(2026, 10, 18), "2026-10-17T18:30:00Z"),
            // 23 and 25 hours long.
            (New_York, day(2026, 3, 8), "2026-03-08T05:00:00Z"),
            (New_York, day(2026, 3, 9), "2026-03-09T04:00:00Z"),
            (New_York, day(2026, 11, 1), "2026-11-01T04:00:00Z"),
            (New_York, day(2026, 11, 2), "2026-11-02T05:00:00Z"),
            // The clock goes forward at midnight itself: the day begins at 01:00.
            (Cairo, day(2026, 4, 24), "2026-04-23T22:00:00Z"),
            (Sao_Paulo, day(2018, 11, 4), "2018-11-04T03:00:00Z"),
            // A day that was skipped altogether begins when the next one does.
            (Apia, day(2011, 12, 30), "2011-12-30T10:00:00Z"),
            (Apia, day(2011, 12, 31), "2011-12-30T10:00:00Z"),
        ];
        for (zone, day, expected) in cases {
            let mut clock = LocalClock::new(zone);
            let start = clock.day_start_us(day).unwrap();
            assert_eq!(start, instant(expected), "{zone} {day}");
            assert!(clock.local_day(start).unwrap() >= day);
            assert!(clock.local_day(start - 1).unwrap() < day);
        }
    }

    #[test]
    fn outside_the_calendar_there_is_no_answer() {
        let mut clock = LocalClock::new(Shanghai);
        for utc_us in [i64::MIN, i64::MAX] {
            assert_eq!(clock.local_us(utc_us), None);
            assert_eq!(clock.local_day(utc_us), None);
        }
        assert_eq!(clock.day_start_us(i32::MAX), None);
    }
}
