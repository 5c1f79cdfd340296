//! Which hours of a layout hold a local day.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveDate, Timelike};
use chrono_tz::Tz;

use super::duration::MINUTE_US;
use super::local_day::day_start_us;
use super::source::LayoutZone;

/// Offsets of zones are whole quarters of an hour, so no hour of a layout is shorter within a day.
const STEP_US: i64 = 15 * MINUTE_US;

/// An hour of a layout that a local day touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayoutHour {
    /// The layout's `{date}`.
    pub date: NaiveDate,
    /// The layout's `{hour}`, 0–23.
    pub hour: u8,
    /// The local hour (0–23) of the day's first instant in it.
    pub local_hour: u8,
}

/// The hours of a layout, in `layout_zone`, that hold instants of a local day of `zone`, in order. An
/// hour that clocks skip is not among them; one that happens twice is there once. Where the zones differ
/// by a half hour, the first and the last one hold instants of other days, too.
pub fn layout_hours(zone: Tz, layout_zone: Tz, date: NaiveDate) -> Vec<LayoutHour> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let Some(next) = date.checked_add_days(Days::new(1)) else {
        return found;
    };
    let end_us = day_start_us(zone, next);
    let mut at_us = day_start_us(zone, date);
    while at_us < end_us {
        if let Some(instant) = DateTime::from_timestamp_micros(at_us) {
            let path = instant.with_timezone(&layout_zone);
            let hour = hour_of(&path);
            if seen.insert((path.date_naive(), hour)) {
                found.push(LayoutHour {
                    date: path.date_naive(),
                    hour,
                    local_hour: hour_of(&instant.with_timezone(&zone)),
                });
            }
        }
        at_us += STEP_US;
    }
    found
}

/// The dates of a layout that hold instants of a local day of `zone`.
pub fn layout_dates(zone: Tz, layout_zone: LayoutZone, date: NaiveDate) -> BTreeSet<NaiveDate> {
    match layout_zone {
        LayoutZone::Project => BTreeSet::from([date]),
        LayoutZone::Utc => layout_hours(zone, Tz::UTC, date)
            .iter()
            .map(|hour| hour.date)
            .collect(),
    }
}

fn hour_of(time: &impl Timelike) -> u8 {
    u8::try_from(time.hour()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America::New_York, Asia::Kolkata, Asia::Shanghai};

    fn hours(zone: Tz, layout_zone: Tz, date: &str) -> Vec<String> {
        layout_hours(zone, layout_zone, date.parse().unwrap())
            .iter()
            .map(|found| format!("{} {:02}", found.date.format("%d"), found.hour))
            .collect()
    }

    #[test]
    fn a_day_has_its_own_hours() {
        let all: Vec<String> = (0..24).map(|hour| format!("21 {hour:02}")).collect();
        assert_eq!(hours(Shanghai, Shanghai, "2026-11-21"), all);
        // 02:00 to 03:00 did not happen; 01:00 to 02:00 happened twice.
        let mut spring: Vec<String> = (0..24).map(|hour| format!("08 {hour:02}")).collect();
        spring.remove(2);
        assert_eq!(hours(New_York, New_York, "2026-03-08"), spring);
        let autumn: Vec<String> = (0..24).map(|hour| format!("01 {hour:02}")).collect();
        assert_eq!(hours(New_York, New_York, "2026-11-01"), autumn);
    }

    #[test]
    fn in_utc_a_day_lies_across_two_dates() {
        let found = hours(Shanghai, Tz::UTC, "2026-11-21");
        assert_eq!((found.len(), found[0].as_str()), (24, "20 16"));
        assert_eq!(found[23], "21 15");
        // 23 hours from 05:00Z to 04:00Z, 25 hours from 04:00Z to 05:00Z.
        let found = hours(New_York, Tz::UTC, "2026-03-08");
        assert_eq!((found.len(), found[0].as_str()), (23, "08 05"));
        assert_eq!(found[22], "09 03");
        let found = hours(New_York, Tz::UTC, "2026-11-01");
        assert_eq!((found.len(), found[0].as_str()), (25, "01 04"));
        assert_eq!(found[24], "02 04");
        // A day of 18:30Z to 18:30Z touches 25 hours.
        let found = hours(Kolkata, Tz::UTC, "2026-11-21");
        assert_eq!((found.len(), found[0].as_str()), (25, "20 18"));
        assert_eq!(found[24], "21 18");
    }
}
