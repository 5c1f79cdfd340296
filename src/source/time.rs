//! Reads times as sources write them into microseconds since 1970, UTC.

use chrono::format::ParseErrorKind;
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

use crate::project::{TimeFormat, day_start_us, local_to_us};

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

    /// Microseconds of a written time; `None` if it cannot be read or lies outside years 1–9999.
    pub fn read(&mut self, text: &str) -> Option<i64> {
        let text = text.trim();
        let us = match &self.format {
            TimeFormat::Iso => self.iso(text)?,
            TimeFormat::EpochS => scaled_integer(text, 6)?,
            TimeFormat::EpochMs => scaled_integer(text, 3)?,
            TimeFormat::EpochUs => scaled_integer(text, 0)?,
            TimeFormat::Date => {
                day_start_us(self.zone, NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?)
            }
            TimeFormat::Pattern(pattern) => by_pattern(text, pattern, self.zone)?,
        };
        // 0001-01-01 to 9999-12-31: beyond it dates no longer print as dates.
        (-62_135_596_800_000_000..253_402_300_800_000_000)
            .contains(&us)
            .then_some(us)
    }

    /// `2026-11-21T08:30:00[.123456][Z|+08:00|+0800|+08]`, `T` or blank; seconds may be missing.
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
        if byte(4) != Some(b'-') || byte(7) != Some(b'-') || !matches!(byte(10), Some(b'T' | b' '))
        {
            return None;
        }
        if byte(13) != Some(b':') {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute) = (number(11, 13)?, number(14, 16)?);
        let (second, mut at) = if byte(16) == Some(b':') {
            (number(17, 19)?, 19)
        } else {
            (0, 16)
        };
        if hour > 23 || minute > 59 || second > 59 || !(1..=12).contains(&month) || day < 1 {
            return None;
        }
        let mut fraction_us = 0;
        if let Some(b'.' | b',') = byte(at) {
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
        let days = days_from_civil(year, month, day)?;
        let hours = days * 24 + hour;
        let within_us = (minute * 60 + second) * 1_000_000 + fraction_us;
        let local_us = hours * 3_600_000_000 + within_us;
        match (byte(at), bytes.len() - at) {
            (None, _) => {
                let start_us = match self.hour {
                    Some((known, start_us)) if known == hours => start_us,
                    _ => {
                        // A zone may change inside an hour (half-hour offsets): keep the offset
                        // only where both ends of the hour agree.
                        let at_us = |us: i64| {
                            Some(local_to_us(
                                self.zone,
                                DateTime::from_timestamp_micros(us)?.naive_utc(),
                            ))
                        };
                        let start_us = at_us(hours * 3_600_000_000)?;
                        let last_us = at_us(hours * 3_600_000_000 + 3_599_999_999)?;
                        if last_us - start_us != 3_599_999_999 {
                            return at_us(local_us);
                        }
                        self.hour = Some((hours, start_us));
                        start_us
                    }
                };
                Some(start_us + within_us)
            }
            (Some(b'Z' | b'z'), 1) => Some(local_us),
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
                Some(if sign == b'+' {
                    local_us - offset_us
                } else {
                    local_us + offset_us
                })
            }
            _ => None,
        }
    }
}

/// A time by a chrono pattern. A pattern of a day alone means the day's beginning.
fn by_pattern(text: &str, pattern: &str, zone: Tz) -> Option<i64> {
    // chrono takes fewer digits than a field has: in `%Y%m%d`, 2026112 would be the 2nd of November.
    // Where fields touch, the text must be what the pattern writes.
    let is_as_written = |written: String| !fields_touch(pattern) || written == text;
    if let Ok(instant) = DateTime::parse_from_str(text, pattern) {
        return is_as_written(instant.format(pattern).to_string())
            .then(|| instant.timestamp_micros());
    }
    match NaiveDateTime::parse_from_str(text, pattern) {
        Ok(local) => {
            is_as_written(local.format(pattern).to_string()).then(|| local_to_us(zone, local))
        }
        Err(error) if error.kind() == ParseErrorKind::NotEnough => {
            let date = NaiveDate::parse_from_str(text, pattern).ok()?;
            is_as_written(date.format(pattern).to_string()).then(|| day_start_us(zone, date))
        }
        Err(_) => None,
    }
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

/// A decimal number times 10^digits, cut towards zero after that; no float on the way.
fn scaled_integer(text: &str, digits: u32) -> Option<i64> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if whole.is_empty()
        || !whole
            .bytes()
            .chain(fraction.bytes())
            .all(|byte| byte.is_ascii_digit())
        || (unsigned.contains('.') && fraction.is_empty())
    {
        return None;
    }
    let mut value = whole.parse::<i64>().ok()?;
    let mut fraction = fraction.bytes();
    for _ in 0..digits {
        let digit = fraction.next().map_or(0, |byte| i64::from(byte - b'0'));
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    Some(if negative { -value } else { value })
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
            ("2026-02-29T00:00:00", None),
            ("2026-11-21", None),
            ("2026-11-21T24:00:00", None),
            ("2026-11-21T08:30:00.", None),
            ("2026-11-21T08:30:00 CST", None),
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
            (TimeFormat::EpochS, "17e8", None),
            (TimeFormat::EpochS, "99999999999999", None),
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
