//! Pieces of SQL that count per date.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Date32Type;
use chrono::NaiveDate;

use crate::project::from_date32;

/// A name in double quotes.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in single quotes.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What stands in the select for a row's date, and what groups by it.
pub fn dated(is_by_date: bool) -> (&'static str, &'static str) {
    match is_by_date {
        true => ("\"date\"", "group by \"date\" order by \"date\""),
        false => ("cast(null as date)", ""),
    }
}

/// The date in the first column of a row.
pub fn date_at(batch: &RecordBatch, row: usize) -> Option<NaiveDate> {
    let dates = batch.columns().first()?.as_primitive_opt::<Date32Type>()?;
    dates
        .is_valid(row)
        .then(|| from_date32(dates.value(row)))
        .flatten()
}
