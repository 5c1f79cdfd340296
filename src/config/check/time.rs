//! How a source's time is written.

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta};

use super::Checker;
use crate::config::raw::TimeFile;
use crate::config::tree::Node;
use crate::config::words;
use crate::project::{TimeFormat, TimeSpec};

/// Checks where a source's time stands and how it is written.
pub fn time(
    raw: &TimeFile,
    node: &Node,
    has_parts: bool,
    checker: &mut Checker<'_>,
) -> Option<TimeSpec> {
    let field = raw
        .field
        .as_deref()
        .map(|text| checker.field(node.place_of("field"), "field", text, has_parts));
    let place = node.place_of("format");
    let format = match raw.format.as_deref()? {
        "iso" => TimeFormat::Iso,
        "epoch_s" => TimeFormat::EpochS,
        "epoch_ms" => TimeFormat::EpochMs,
        "epoch_us" => TimeFormat::EpochUs,
        "date" => TimeFormat::Date,
        pattern => {
            if !pattern.contains('%') {
                const NAMES: [&str; 5] = ["iso", "epoch_s", "epoch_ms", "epoch_us", "date"];
                checker.tell(
                    place,
                    format!("`format` cannot be {}", words::quoted(pattern)),
                    format!(
                        "{}it is {}, or a strftime pattern such as `%Y-%m-%d %H:%M:%S`",
                        words::did_you_mean(pattern, NAMES),
                        words::list(NAMES)
                    ),
                );
            } else if let Some(cause) = pattern_problem(pattern) {
                checker.tell(
                    place,
                    format!("the time pattern {} {cause}", words::quoted(pattern)),
                    "write a strftime pattern with day and time, such as `%Y-%m-%d %H:%M:%S`",
                );
            }
            TimeFormat::Pattern(pattern.to_owned())
        }
    };
    Some(TimeSpec {
        field: field?,
        format,
    })
}

/// What is wrong with a strftime pattern: it must be able to read what it has written.
fn pattern_problem(pattern: &str) -> Option<&'static str> {
    if StrftimeItems::new(pattern).any(|item| matches!(item, Item::Error)) {
        return Some("has an unknown `%` field");
    }
    // An afternoon on a day above 12, so that nothing can stand for anything else.
    let sample = DateTime::parse_from_rfc3339("2026-10-18T20:12:00+08:00").ok()?;
    let written = sample.format(pattern).to_string();
    let reads_time = DateTime::parse_from_str(&written, pattern).is_ok_and(|read| read == sample)
        || NaiveDateTime::parse_from_str(&written, pattern)
            .is_ok_and(|read| read == sample.naive_local());
    // A pattern of a day alone gives the same text at any time of that day.
    let earlier = sample - TimeDelta::hours(9);
    let reads_day = written == earlier.format(pattern).to_string()
        && NaiveDate::parse_from_str(&written, pattern)
            .is_ok_and(|read| read == sample.date_naive());
    (!reads_time && !reads_day)
        .then_some("does not tell the day, or tells only a part of the time of day")
}

#[cfg(test)]
mod tests {
    use super::pattern_problem;

    #[test]
    fn a_pattern_must_tell_the_day() {
        for pattern in [
            "%Y-%m-%d %H:%M:%S",
            "%d/%b/%Y:%H:%M:%S %z",
            "%Y%m%d",
            "%s",
            "%Y-%m-%dT%H:%M:%S%.f",
            "%Y-%j %H:%M",
        ] {
            assert_eq!(pattern_problem(pattern), None, "{pattern}");
        }
        for pattern in [
            "%H:%M:%S",
            "%Y-%m",
            "%m-%d %H:%M",
            "%Y-%m-%d %H",
            "%Y-%m-%d %I:%M",
            "%Q",
            "%Y-%m-%d %H:%",
        ] {
            assert!(pattern_problem(pattern).is_some(), "{pattern}");
        }
    }
}
