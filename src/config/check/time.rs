//! How a source's time is written.

use std::fmt::Write;

use chrono::format::{Fixed, Item, StrftimeItems};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta};

use super::Checker;
use crate::config::raw::TimeFile;
use crate::config::tree::Node;
use crate::config::words;
use crate::diagnostic::Place;
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
    let format = format(node.place_of("format"), raw.format.as_deref()?, checker);
    Some(TimeSpec {
        field: field?,
        format,
    })
}

/// Reads how a time is written.
pub fn format(place: Place, text: &str, checker: &mut Checker<'_>) -> TimeFormat {
    match text {
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
            } else if let Some((cause, mend)) = pattern_problem(pattern) {
                checker.tell(
                    place,
                    format!("the time pattern {} {cause}", words::quoted(pattern)),
                    mend,
                );
            }
            TimeFormat::Pattern(pattern.to_owned())
        }
    }
}

/// What is wrong with a strftime pattern, and how to mend it: it must be able to read what it has
/// written.
fn pattern_problem(pattern: &str) -> Option<(String, String)> {
    let usual = "write a strftime pattern with day and time, such as `%Y-%m-%d %H:%M:%S`";
    if StrftimeItems::new(pattern).any(|item| matches!(item, Item::Error)) {
        let cause = match unknown_field(pattern) {
            Some(field) => format!("has the unknown field `{field}`"),
            None => "ends in the middle of a `%` field".to_owned(),
        };
        return Some((cause, usual.to_owned()));
    }
    let has_zone_name =
        StrftimeItems::new(pattern).any(|item| matches!(item, Item::Fixed(Fixed::TimezoneName)));
    if has_zone_name {
        return Some((
            "has `%Z`: names of zones such as CST mean several zones, so they cannot be read".to_owned(),
            "read an offset such as +0800 by `%z`; where the name is always the same, write it out in place of `%Z`: the times are then taken for the project's zone".to_owned(),
        ));
    }
    // An afternoon on a day above 12, so that nothing can stand for anything else.
    let sample = DateTime::parse_from_rfc3339("2026-10-18T20:12:00+08:00").ok()?;
    let mut written = String::new();
    if write!(written, "{}", sample.format(pattern)).is_err() {
        return Some((
            "has a field that cannot be used here, such as `%#z`".to_owned(),
            "read an offset by `%z`".to_owned(),
        ));
    }
    let reads_time = DateTime::parse_from_str(&written, pattern).is_ok_and(|read| read == sample)
        || NaiveDateTime::parse_from_str(&written, pattern)
            .is_ok_and(|read| read == sample.naive_local());
    // A pattern of a day alone gives the same text at any time of that day.
    let earlier = sample - TimeDelta::hours(9);
    let reads_day = written == earlier.format(pattern).to_string()
        && NaiveDate::parse_from_str(&written, pattern)
            .is_ok_and(|read| read == sample.date_naive());
    (!reads_time && !reads_day).then(|| {
        (
            "does not tell the day, or tells only a part of the time of day".to_owned(),
            usual.to_owned(),
        )
    })
}

/// The first field that chrono does not know, `%` included.
fn unknown_field(pattern: &str) -> Option<String> {
    let starts = pattern.match_indices('%').map(|(at, _)| at);
    // A `%%` before it leaves the count of fields as it is: the shortest beginning that errs ends in it.
    for start in starts {
        let field: String = pattern[start..].chars().take(2).collect();
        let end = start + field.len();
        let errs = StrftimeItems::new(&pattern[..end]).any(|item| matches!(item, Item::Error));
        if errs
            && field.chars().count() == 2
            && !field.ends_with(['-', '_', '0', '.', ':', '#', '3', '6', '9'])
        {
            return Some(field);
        }
    }
    None
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
            "%Y-%m-%d %H:%M:%S %Z",
        ] {
            assert!(pattern_problem(pattern).is_some(), "{pattern}");
        }
        for (pattern, cause) in [
            ("%Y-%Q", "has the unknown field `%Q`"),
            ("100%% %Y-%m-%d %E", "has the unknown field `%E`"),
            ("%Y-%m-%d %", "ends in the middle of a `%` field"),
            (
                "%Y-%m-%d %H:%M:%S %#z",
                "has a field that cannot be used here, such as `%#z`",
            ),
        ] {
            assert_eq!(pattern_problem(pattern).unwrap().0, cause, "{pattern}");
        }
    }
}
