//! Reads times as sources write them into microseconds since 1970, UTC.

use std::fmt::{Display, Write};

use chrono::format::{Fixed, Item, ParseErrorKind, StrftimeItems};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use chrono_tz::Tz;

use super::number::Number;
use crate::project::{DAY_US, SECOND_US, TimeFormat, day_start_us, local_to_us};

/// Reads times of one format in one zone. Remembers the offset of the last naive hour read, since
/// logs come in order and zones rarely change.
#[derive(Debug)]
pub struct TimeReader {
    format: TimeFormat,
    zone: Tz,
    hour: Option<(i64, i64)>,
}

impl TimeReader {
    /// For a format; naive times are in `zone`.
    pub fn new(format: TimeFormat, zone: Tz) -> Self {
        Self {
            format,
            zone,
            hour: None,
        }
    }

    /// Microseconds of a written time, cut to the one before; `None` if it cannot be read or lies
    /// outside years 1–9999.
    pub fn read(&mut self, text: &str) -> Option<i64> {
        let text = text.trim();
        let us = match &self.format {
            TimeFormat::Iso => self.iso(text)?,
            TimeFormat::EpochS => epoch_us(text, 6)?,
            TimeFormat::EpochMs => epoch_us(text, 3)?,
            TimeFormat::EpochUs => epoch_us(text, 0)?,
            TimeFormat::Date => day_start_us(self.zone, day(text)?),
            TimeFormat::Pattern(pattern) => by_pattern(text, pattern, self.zone)?,
        };
        // 0001-01-01 to 9999-12-31: beyond it dates no longer print as dates.
        (-62_135_596_800_000_000..253_402_300_800_000_000)
            .contains(&us)
            .then_some(us)
    }

    /// How the times are written, for a message.
    pub fn expected(&self) -> String {
        let example = match &self.format {
            TimeFormat::Iso => {
                "2026-11-21T08:30:00, with Z or +08:00 behind it if it tells its zone".to_owned()
            }
            TimeFormat::EpochS => "1795221000".to_owned(),
            TimeFormat::EpochMs => "1795221000000".to_owned(),
            TimeFormat::EpochUs => "1795221000000000".to_owned(),
            TimeFormat::Date => "2026-11-21".to_owned(),
            TimeFormat::Pattern(pattern) => DateTime::from_timestamp(1_795_221_000, 0)
                .and_then(|time| as_text(&time.with_timezone(&self.zone).format(pattern)))
                .unwrap_or_default(),
        };
        format!(
            "the declared format is `{}`, such as {example}",
            self.format.name()
        )
    }

    /// `2026-11-21T08:30:00[.123456][Z|+08:00|+0800|+08]`, `T` or blank; seconds may be missing. Also
    /// the basic form `20261121T083000`. Midnight may be the 24:00 of the day before; a leap second
    /// (23:59:60 UTC) is the last microsecond before the next day, so that it stays on its own.
    fn iso(&mut self, text: &str) -> Option<i64> {
        let bytes = text.as_bytes();
        let number = |from: usize, to: usize| -> Option<i64> {
            let mut value = 0i64;
            for byte in bytes.get(from..to)? {
                if !byte.is_ascii_digit() {
                    return None;
                }
                value = value * 10 + i64::from(byte - b'0');
            }
            Some(value)
        };
        let byte = |at: usize| bytes.get(at).copied();
        let is_extended = byte(4) == Some(b'-');
        // Where the month, the day, the hour and the minute begin.
        let (month_at, day_at, hour_at, minute_at) = if is_extended {
            if byte(7) != Some(b'-') || byte(13) != Some(b':') {
                return None;
            }
            (5, 8, 11, 14)
        } else {
            (4, 6, 9, 11)
        };
        if !matches!(byte(hour_at - 1), Some(b'T' | b't' | b' ')) {
            return None;
        }
        let (year, month) = (number(0, 4)?, number(month_at, month_at + 2)?);
        let (day, hour) = (number(day_at, day_at + 2)?, number(hour_at, hour_at + 2)?);
        let minute = number(minute_at, minute_at + 2)?;
        let mut at = minute_at + 2;
        let second = match (is_extended, byte(at)) {
            (true, Some(b':')) => Some(number(at + 1, at + 3)?),
            (false, Some(b'0'..=b'9')) => Some(number(at, at + 2)?),
            _ => None,
        };
        if second.is_some() {
            at += if is_extended { 3 } else { 2 };
        }
        let mut fraction_us = 0;
        // Without seconds it would be a fraction of a minute, which nobody writes.
        if let (Some(_), Some(b'.' | b',')) = (second, byte(at)) {
            at += 1;
            let mut scale = 100_000;
            let first = at;
            while let Some(digit) = byte(at).filter(u8::is_ascii_digit) {
                fraction_us += i64::from(digit - b'0') * scale;
                scale /= 10;
                at += 1;
            }
            if at == first {
                return None;
            }
        }
        let mut second = second.unwrap_or(0);
        let is_leap_second = second == 60;
        if is_leap_second {
            (second, fraction_us) = (59, SECOND_US - 1);
        }
        let is_midnight = minute == 0 && second == 0 && fraction_us == 0;
        if hour > 24
            || (hour == 24 && !is_midnight)
            || minute > 59
            || second > 59
            || !(1..=12).contains(&month)
            || day < 1
        {
            return None;
        }
        let days = days_from_civil(year, month, day)?;
        let hours = days * 24 + hour;
        let within_us = (minute * 60 + second) * 1_000_000 + fraction_us;
        let local_us = hours * 3_600_000_000 + within_us;
        if byte(at) == Some(b' ') {
            at += 1; // the text is trimmed, so that more follows
        }
        let us = match (byte(at), bytes.len() - at) {
            (None, _) => self.naive_us(hours, within_us)?,
            (Some(b'Z' | b'z'), 1) => local_us,
            (Some(b'U'), 3) if bytes.ends_with(b"UTC") => local_us,
            (Some(sign @ (b'+' | b'-')), length) => {
                let (offset_hours, offset_minutes) = match length {
                    3 => (number(at + 1, at + 3)?, 0),
                    5 => (number(at + 1, at + 3)?, number(at + 3, at + 5)?),
                    6 if byte(at + 3) == Some(b':') => {
                        (number(at + 1, at + 3)?, number(at + 4, at + 6)?)
                    }
                    _ => return None,
                };
                if offset_hours > 18 || offset_minutes > 59 {
                    return None;
                }
                let offset_us = (offset_hours * 60 + offset_minutes) * 60_000_000;
                if sign == b'+' {
                    local_us - offset_us
                } else {
                    local_us + offset_us
                }
            }
            _ => return None,
        };
        (!is_leap_second || ends_a_day(us)).then_some(us)
    }

    /// A time without zone: `within_us` into the hour `hours` hours after 1970 began locally.
    #[inline]
    fn naive_us(&mut self, hours: i64, within_us: i64) -> Option<i64> {
        if let Some((known, start_us)) = self.hour
            && known == hours
        {
            return Some(start_us + within_us);
        }
        // A zone may change inside an hour (half-hour offsets): keep the offset only where both ends
        // of the hour agree.
        let at_us = |us: i64| {
            Some(local_to_us(
                self.zone,
                DateTime::from_timestamp_micros(us)?.naive_utc(),
            ))
        };
        let start_us = at_us(hours * 3_600_000_000)?;
        let last_us = at_us(hours * 3_600_000_000 + 3_599_999_999)?;
        if last_us - start_us != 3_599_999_999 {
            return at_us(hours * 3_600_000_000 + within_us);
        }
        self.hour = Some((hours, start_us));
        Some(start_us + within_us)
    }
}

/// Whether an instant is the last microsecond of a day in UTC, where leap seconds are put.
fn ends_a_day(us: i64) -> bool {
    us.rem_euclid(DAY_US) == DAY_US - 1
}

/// A day: `2026-11-21` or `20261121`.
pub fn day(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let (year, month, day) = match bytes {
        [year @ .., b'-', m1, m2, b'-', d1, d2] if year.len() == 4 => (year, [m1, m2], [d1, d2]),
        [year @ .., m1, m2, d1, d2] if year.len() == 4 => (year, [m1, m2], [d1, d2]),
        _ => return None,
    };
    let number = |digits: &mut dyn Iterator<Item = u8>| {
        let mut value = 0u32;
        for byte in digits {
            if !byte.is_ascii_digit() {
                return None;
            }
            value = value * 10 + u32::from(byte - b'0');
        }
        Some(value)
    };
    let year = i32::try_from(number(&mut year.iter().copied())?).ok()?;
    let month = number(&mut month.into_iter().copied())?;
    let day = number(&mut day.into_iter().copied())?;
    NaiveDate::from_ymd_opt(year, month, day).filter(|date| date.year() > 0)
}

/// A time by a chrono pattern. A pattern of a day alone means the day's beginning.
fn by_pattern(text: &str, pattern: &str, zone: Tz) -> Option<i64> {
    // chrono takes fewer digits than a field has: in `%Y%m%d`, 2026112 would be the 2nd of November.
    // Where fields touch, the text must be what the pattern writes; and no year has two digits.
    let is_as_written =
        |written: &dyn Display| !fields_touch(pattern) || as_text(written).as_deref() == Some(text);
    let has_four_digits = |year: i32| (1000..=9999).contains(&year);
    if let Ok(instant) = DateTime::parse_from_str(text, pattern) {
        let us = without_leap(instant.naive_utc())?
            .and_utc()
            .timestamp_micros();
        return (has_four_digits(instant.year()) && is_as_written(&instant.format(pattern)))
            .then_some(us);
    }
    if tells_offset(pattern) {
        // The offset cannot be read; without it the time would be another one.
        return None;
    }
    match NaiveDateTime::parse_from_str(text, pattern) {
        Ok(local) => {
            let is_leap = local.nanosecond() >= NANOS;
            let us = local_to_us(zone, cut_leap(local)?);
            (has_four_digits(local.year())
                && is_as_written(&local.format(pattern))
                && (!is_leap || ends_a_day(us)))
            .then_some(us)
        }
        Err(error) if error.kind() == ParseErrorKind::NotEnough => {
            let date = NaiveDate::parse_from_str(text, pattern).ok()?;
            (has_four_digits(date.year()) && is_as_written(&date.format(pattern)))
                .then(|| day_start_us(zone, date))
        }
        Err(_) => None,
    }
}

/// What chrono writes; `None` where the pattern asks for what the time does not have.
fn as_text(written: &dyn Display) -> Option<String> {
    let mut text = String::new();
    write!(text, "{written}").ok()?;
    Some(text)
}

/// Whether a pattern has the time's offset from UTC.
fn tells_offset(pattern: &str) -> bool {
    StrftimeItems::new(pattern).any(|item| {
        matches!(
            item,
            Item::Fixed(
                Fixed::TimezoneOffset
                    | Fixed::TimezoneOffsetColon
                    | Fixed::TimezoneOffsetDoubleColon
                    | Fixed::TimezoneOffsetTripleColon
                    | Fixed::TimezoneOffsetColonZ
                    | Fixed::TimezoneOffsetZ
                    | Fixed::RFC2822
                    | Fixed::RFC3339
            )
        )
    })
}

/// Nanoseconds of a second; chrono counts a leap second's on from here.
const NANOS: u32 = 1_000_000_000;

/// A time whose leap second, if it is one, is cut to the last microsecond before it ends.
fn cut_leap(time: NaiveDateTime) -> Option<NaiveDateTime> {
    match time.nanosecond() >= NANOS {
        true => time.with_nanosecond(NANOS - 1_000),
        false => Some(time),
    }
}

/// The same in UTC, where it must end a day.
fn without_leap(time: NaiveDateTime) -> Option<NaiveDateTime> {
    let is_leap = time.nanosecond() >= NANOS;
    let ends_day = time.time().with_nanosecond(0) == NaiveTime::from_hms_opt(23, 59, 59);
    cut_leap(time).filter(|_| !is_leap || ends_day)
}

/// Whether two fields of digits follow each other without anything between.
fn fields_touch(pattern: &str) -> bool {
    let is_digits = |byte: u8| b"YmdHMSyj".contains(&byte);
    pattern.as_bytes().windows(4).any(|window| {
        matches!(window, [b'%', first, b'%', second] if is_digits(*first) && is_digits(*second))
    })
}

/// Days since 1970-01-01 of a date of the Gregorian calendar; `None` if the month has no such day.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(
        i32::try_from(year).ok()?,
        u32::try_from(month).ok()?,
        u32::try_from(day).ok()?,
    )?;
    Some((date - NaiveDate::default()).num_days())
}

/// A number of units of 10^-digits seconds in microseconds, cut to the one before.
fn epoch_us(text: &str, digits: u8) -> Option<i64> {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.checked_mul(10i64.pow(u32::from(digits)));
    }
    i64::try_from(Number::parse(text)?.times_power_floor(digits)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(format: TimeFormat, zone: Tz, text: &str) -> Option<String> {
        TimeReader::new(format, zone)
            .read(text)
            .and_then(DateTime::from_timestamp_micros)
            .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    }

    /// Found by fuzzing: such a time was taken for a local one, or brought the decoder down.
    #[test]
    fn an_offset_that_cannot_be_read_makes_the_time_wrong() {
        let mut reader = TimeReader::new(
            TimeFormat::Pattern("%d/%b/%Y:%H:%M:%S %z".to_owned()),
            Tz::Asia__Shanghai,
        );
        assert!(reader.read("21/Nov/2026:10:00:00 +0800").is_some());
        for offset in [
            "+8000", "+2400", "-9959", "+08", "0800", "", "CST", "+08000",
        ] {
            let text = format!("21/Nov/2026:10:00:00 {offset}");
            assert_eq!(reader.read(&text), None, "{text}");
        }
        let mut packed = TimeReader::new(
            TimeFormat::Pattern("%Y%m%d%H%M%S%z".to_owned()),
            Tz::Asia__Shanghai,
        );
        assert!(packed.read("20261121100000+0800").is_some());
        assert_eq!(packed.read("20261121100000+8000"), None);
    }

    #[test]
    fn reads_iso_with_and_without_zone() {
        let shanghai = Tz::Asia__Shanghai;
        for (text, expected) in [
            ("2026-11-21T08:30:00", Some("2026-11-21T00:30:00Z")),
            ("2026-11-21 08:30", Some("2026-11-21T00:30:00Z")),
            (
                "2026-11-21T08:30:00.123456789+08:00",
                Some("2026-11-21T00:30:00.123456Z"),
            ),
            ("2026-11-21T00:30:00Z", Some("2026-11-21T00:30:00Z")),
            ("2026-11-21T00:30:00-0130", Some("2026-11-21T02:00:00Z")),
            ("2026-11-21T00:30:00+08", Some("2026-11-20T16:30:00Z")),
            ("2026-11-21t00:30:00z", Some("2026-11-21T00:30:00Z")),
            ("2026-11-21 00:30:00 UTC", Some("2026-11-21T00:30:00Z")),
            ("2026-11-21 08:30:00 +0800", Some("2026-11-21T00:30:00Z")),
            ("2026-11-21T08:30:00,5", Some("2026-11-21T00:30:00.500Z")),
            ("20261121T083000", Some("2026-11-21T00:30:00Z")),
            ("20261121T0830", Some("2026-11-21T00:30:00Z")),
            ("20261121T003000.25Z", Some("2026-11-21T00:30:00.250Z")),
            ("20261121T083000+0800", Some("2026-11-21T00:30:00Z")),
            ("2026-11-21T24:00:00", Some("2026-11-21T16:00:00Z")),
            ("2026-12-31T24:00Z", Some("2027-01-01T00:00:00Z")),
            ("2017-01-01T07:59:60.5", Some("2016-12-31T23:59:59.999999Z")),
            ("2016-12-31T23:59:60Z", Some("2016-12-31T23:59:59.999999Z")),
            ("2016-12-31T23:59:60", None), // 15:59:60 UTC: no leap second is there
            ("2026-11-21T24:00:01", None),
            ("2026-11-21T25:00:00", None),
            ("2026-11-21T08:30:61", None),
            ("2026-11-21T08:60:00", None),
            ("2026-02-29T00:00:00", None),
            ("2026-13-01T00:00:00", None),
            ("2026-11-00T00:00:00", None),
            ("0000-01-01T00:00:00", None),
            ("2026-11-21", None), // no time of day: `date` reads it
            ("20261121", None),
            ("2026-11-21T08", None),
            ("2026-11-21T08:30.5", None), // of a minute
            ("2026-11-21T08:30:00.", None),
            ("2026-11-21T083000", None), // half basic
            ("20261121T08:30:00", None),
            ("2026-W47-6T08:30:00", None),
            ("2026-325T08:30:00", None),
            ("2026-11-21T08:30:00 CST", None),
            ("2026-11-21T08:30:00 UTC+8", None),
            ("2026-11-21T08:30:00  Z", None),
            ("2026-11-21T08:30:00+8", None),
            ("2026-11-21T08:30:00+08:00[Asia/Shanghai]", None),
            ("+2026-11-21T08:30:00", None),
            ("21.11.2026 08:30:00", None),
            ("", None),
            ("２０26-11-21T08:30:00", None),
        ] {
            assert_eq!(
                read(TimeFormat::Iso, shanghai, text).as_deref(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn daylight_saving_gaps_and_doubles() {
        let zone = Tz::America__New_York;
        for (text, expected) in [
            ("2026-03-08T01:59:59", "2026-03-08T06:59:59Z"),
            ("2026-03-08T02:30:00", "2026-03-08T07:30:00Z"), // skipped: as before the change
            ("2026-03-08T03:00:00", "2026-03-08T07:00:00Z"),
            ("2026-11-01T01:30:00", "2026-11-01T05:30:00Z"), // twice: the earlier
        ] {
            assert_eq!(
                read(TimeFormat::Iso, zone, text).as_deref(),
                Some(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn reads_epochs_dates_and_patterns() {
        let utc = Tz::UTC;
        for (format, text, expected) in [
            (
                TimeFormat::EpochS,
                "1700000000",
                Some("2023-11-14T22:13:20Z"),
            ),
            (
                TimeFormat::EpochS,
                "1700000000.25",
                Some("2023-11-14T22:13:20.250Z"),
            ),
            (
                TimeFormat::EpochMs,
                "1700000000250",
                Some("2023-11-14T22:13:20.250Z"),
            ),
            (
                TimeFormat::EpochUs,
                "1700000000000001",
                Some("2023-11-14T22:13:20.000001Z"),
            ),
            // How Java and Parquet's readers write a double.
            (TimeFormat::EpochS, "1.7E9", Some("2023-11-14T22:13:20Z")),
            (
                TimeFormat::EpochMs,
                "1.70000000025e12",
                Some("2023-11-14T22:13:20.250Z"),
            ),
            (TimeFormat::EpochS, "-1", Some("1969-12-31T23:59:59Z")),
            (
                TimeFormat::EpochS,
                "-0.0000001",
                Some("1969-12-31T23:59:59.999999Z"),
            ),
            (
                TimeFormat::EpochMs,
                "-0.5",
                Some("1969-12-31T23:59:59.999500Z"),
            ),
            (
                TimeFormat::EpochUs,
                "1700000000000001.9",
                Some("2023-11-14T22:13:20.000001Z"),
            ),
            (TimeFormat::EpochS, "99999999999999", None), // in the year 3170843
            (TimeFormat::EpochS, "1700000000000000000000", None),
            (TimeFormat::EpochS, "1e400", None),
            (TimeFormat::EpochS, "1,700,000,000", None),
            (TimeFormat::EpochS, "2026-11-21T08:30:00Z", None),
            (TimeFormat::Date, "2026-11-21", Some("2026-11-21T00:00:00Z")),
            (
                TimeFormat::Pattern("%d/%b/%Y:%H:%M:%S %z".into()),
                "17/May/2015:10:05:03 +0200",
                Some("2015-05-17T08:05:03Z"),
            ),
            (
                TimeFormat::Pattern("%Y%m%d %H%M%S".into()),
                "20261121 083000",
                Some("2026-11-21T08:30:00Z"),
            ),
        ] {
            assert_eq!(read(format, utc, text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_pattern_of_a_day_alone_is_its_local_midnight() {
        let shanghai = Tz::Asia__Shanghai;
        for (pattern, text, expected) in [
            ("%Y%m%d", "20261121", Some("2026-11-20T16:00:00Z")),
            ("%d.%m.%Y", "21.11.2026", Some("2026-11-20T16:00:00Z")),
            ("%Y%m%d", "20261131", None),
            ("%Y%m%d", "2026112", None),
            ("%Y-%m-%d", "26-11-21", None),
            ("%Y-%m-%d %H:%M:%S", "0026-11-21 08:30:00", None),
            (
                "%Y-%m-%d %H:%M:%S",
                "2017-01-01 07:59:60",
                Some("2016-12-31T23:59:59.999999Z"),
            ),
            (
                "%Y-%m-%d %H:%M:%S%z",
                "2016-12-31 23:59:60+0000",
                Some("2016-12-31T23:59:59.999999Z"),
            ),
            ("%Y-%m-%d %H:%M:%S", "2017-01-01 08:59:60", None),
            ("%Y-%m-%d %H:%M:%S%z", "2017-01-01 08:59:60+0800", None),
            ("%s", "1700000000", Some("2023-11-14T22:13:20Z")),
            ("%Y%m%d %H:%M", "20261121", None),
        ] {
            assert_eq!(
                read(TimeFormat::Pattern(pattern.into()), shanghai, text).as_deref(),
                expected,
                "{pattern} {text}"
            );
        }
        // São Paulo's summer time began at midnight: that day began at one o'clock.
        assert_eq!(
            read(
                TimeFormat::Pattern("%Y%m%d".into()),
                Tz::America__Sao_Paulo,
                "20181104"
            )
            .as_deref(),
            Some("2018-11-04T03:00:00Z")
        );
    }

    proptest! {
        /// Whatever chrono writes is read back, in zones with odd offsets too.
        #[test]
        fn reads_back_what_chrono_writes(us in 0i64..4_000_000_000_000_000, zone in 0usize..4) {
            let zone = [Tz::UTC, Tz::Asia__Shanghai, Tz::America__New_York, Tz::Australia__Lord_Howe][zone];
            let time = DateTime::from_timestamp_micros(us).unwrap().with_timezone(&zone);
            let mut reader = TimeReader::new(TimeFormat::Iso, zone);
            prop_assert_eq!(reader.read(&time.to_rfc3339()), Some(us));
            let naive = time.naive_local();
            prop_assert_eq!(
                reader.read(&naive.format("%Y-%m-%d %H:%M:%S%.6f").to_string()),
                Some(local_to_us(zone, naive))
            );
        }
    }
}
