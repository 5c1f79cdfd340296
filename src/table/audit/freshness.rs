//! How old the newest value of a column is at the end of a day. No clock is read.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use chrono::{DateTime, Days, NaiveDate, SecondsFormat};
use chrono_tz::Tz;
use datafusion::prelude::SessionContext;

use super::Scratch;
use super::dates::{date_at, dated, quoted};
use super::result::Outcome;
use crate::error::{Error, Result};
use crate::project::{Duration, day_start_us, from_date32};

/// A newest value: an instant, or a day, which counts until its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newest {
    /// Microseconds since 1970.
    Time(i64),
    /// A local day.
    Day(NaiveDate),
}

impl Newest {
    /// The instant that it counts as.
    pub fn us(self, zone: Tz) -> i64 {
        match self {
            Self::Time(us) => us,
            Self::Day(day) => day_end_us(zone, day),
        }
    }

    /// As people read it.
    pub fn words(self, zone: Tz) -> String {
        match self {
            Self::Time(us) => instant(zone, us),
            Self::Day(day) => day.to_string(),
        }
    }
}

/// The first instant after a local day.
pub fn day_end_us(zone: Tz, day: NaiveDate) -> i64 {
    let next = day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
    day_start_us(zone, next)
}

/// An instant in the zone, RFC 3339.
pub fn instant(zone: Tz, us: i64) -> String {
    DateTime::from_timestamp_micros(us).map_or_else(String::new, |at| {
        at.with_timezone(&zone)
            .to_rfc3339_opts(SecondsFormat::AutoSi, false)
    })
}

/// The newest value of a column of the table `audited`, per partition. `last` is the day that a table
/// without dates is judged by.
pub async fn newest(
    session: &SessionContext,
    scratch: &[Scratch],
    (column, at_most): (&str, Duration),
    (zone, last): (Tz, NaiveDate),
    what: &str,
) -> Result<Vec<Outcome>> {
    let is_by_date = scratch.iter().any(|part| part.date.is_some());
    let (date, group) = dated(is_by_date);
    let sql = format!(
        "select {date}, max({}) from audited {group}",
        quoted(column)
    );
    let batches = session
        .sql(&sql)
        .await
        .map_err(Error::engine(what))?
        .collect()
        .await
        .map_err(Error::engine(what))?;
    let mut by_date: BTreeMap<Option<NaiveDate>, Newest> = BTreeMap::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            if let Some(value) = value_at(batch, row) {
                by_date.insert(date_at(batch, row), value);
            }
        }
    }
    let outcomes = scratch.iter().map(|part| {
        let newest = by_date.get(&part.date).copied();
        let day = part.date.unwrap_or(last);
        judge(newest, part.date, day, at_most, zone)
    });
    Ok(outcomes.collect())
}

/// Judges a newest value at the end of a day.
pub fn judge(
    newest: Option<Newest>,
    date: Option<NaiveDate>,
    day: NaiveDate,
    at_most: Duration,
    zone: Tz,
) -> Outcome {
    let oldest = day_end_us(zone, day) - at_most.us();
    let observed = newest.map_or_else(|| "no value".to_string(), |newest| newest.words(zone));
    Outcome::of_value(
        date,
        newest.is_some_and(|newest| newest.us(zone) >= oldest),
        observed,
        format!("{} or later", instant(zone, oldest)),
    )
}

/// The second column of a row as a newest value; `None` where it is null.
pub fn value_at(batch: &RecordBatch, row: usize) -> Option<Newest> {
    let column = batch.columns().get(1)?;
    if column.is_null(row) {
        return None;
    }
    match column.data_type() {
        DataType::Date32 => {
            from_date32(column.as_primitive::<Date32Type>().value(row)).map(Newest::Day)
        }
        DataType::Timestamp(..) => column
            .as_primitive_opt::<TimestampMicrosecondType>()
            .map(|times| Newest::Time(times.value(row))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::audit::result::Verdict;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_bound_is_inclusive_and_in_local_time() {
        let zone = chrono_tz::Asia::Shanghai;
        let date = day("2026-11-21");
        let two_hours = Duration::parse("2h").unwrap();
        // The day ends at 2026-11-21T16:00:00Z.
        let bound = DateTime::parse_from_rfc3339("2026-11-21T14:00:00Z").unwrap();
        let of = |us: i64| judge(Some(Newest::Time(us)), Some(date), date, two_hours, zone);
        assert_eq!(of(bound.timestamp_micros()).verdict, Verdict::Holds);
        let late = of(bound.timestamp_micros() - 1);
        assert_eq!(late.verdict, Verdict::Broken);
        assert_eq!(
            (late.observed, late.expected.as_deref()),
            (
                Some("2026-11-21T21:59:59.999999+08:00".into()),
                Some("2026-11-21T22:00:00+08:00 or later")
            )
        );
    }

    #[test]
    fn a_day_counts_until_its_end_and_days_of_daylight_saving_have_their_length() {
        let zone = chrono_tz::Europe::Berlin;
        let sunday = day("2026-10-25"); // of 25 hours
        let of = |text: &str, length: &str| {
            let newest = Some(Newest::Day(day(text)));
            judge(newest, None, sunday, Duration::parse(length).unwrap(), zone).verdict
        };
        assert_eq!(of("2026-10-25", "0s"), Verdict::Holds);
        assert_eq!(of("2026-10-24", "24h"), Verdict::Broken);
        assert_eq!(of("2026-10-24", "25h"), Verdict::Holds);
        assert_eq!(
            judge(None, None, sunday, Duration::from_days(99), zone).verdict,
            Verdict::Broken
        );
    }
}
