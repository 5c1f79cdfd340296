//! A raw log source.

use super::{DataType, Duration, SourceFreshness};

/// One raw source; it becomes a canonical table of the same name.
#[derive(Debug, Clone)]
pub struct Source {
    /// Table name.
    pub name: String,
    /// Absolute base URL ending in `/`.
    pub from: String,
    /// Pattern below `from`: `{date}` (YYYY-MM-DD), `{hour}` (HH), `*` within one path segment.
    pub layout: String,
    /// In which zone the layout's date and hour are.
    pub layout_zone: LayoutZone,
    /// How objects are written. Compression is told by the object's name (`.gz`, `.zst`).
    pub format: FileFormat,
    /// Where the event time stands; a source without one takes the path's date.
    pub time: Option<TimeSpec>,
    /// Field that identifies an event (raw path, e.g. `event_id` or `meta.id`).
    pub id: Option<String>,
    /// Field that holds the user's id. With one, the table is an event stream: it has the columns
    /// `event_time, event, event_id, user_id, source_user_id, user_key` and is sorted by user.
    pub user: Option<String>,
    /// What happens to duplicate rows.
    pub duplicates: Duplicates,
    /// Declared columns in declared order. An event stream always has one named `event`.
    pub columns: Vec<Column>,
    /// Sort key of a source without a user.
    pub sort_by: Vec<String>,
    /// How far event time may lie from the path's date; also how far back listing looks.
    pub late: Duration,
    /// Day D is complete this long after its local midnight.
    pub complete_after: Duration,
    /// Largest tolerated share of bad lines (0..=1) of one path date.
    pub quarantine_at_most: f64,
    /// How old its newest row may be at the end of a run's last date.
    pub freshness: Option<SourceFreshness>,
    /// File, line and column of its declaration.
    pub place: (String, usize, usize),
}

/// One declared column of a source.
#[derive(Debug, Clone)]
pub struct Column {
    /// Column name in the table.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Path of the field in the raw row, e.g. `["props", "cart", "total"]`.
    pub from: Vec<String>,
    /// How it is written; `iso` for timestamps and `date` for dates unless declared, nothing for others.
    pub format: Option<TimeFormat>,
    /// The only values it may have.
    pub one_of: Option<Allowed>,
    /// When the row has no such field.
    pub missing: Rule,
    /// When the field is there and holds nothing: null, or an empty field of a CSV.
    pub null: Rule,
    /// When its value cannot be read as the type, or is none of `one_of`.
    pub wrong: Rule,
    /// Personal data: never shown in quarantine text or reports.
    pub personal: bool,
}

/// The values a column (or each element of a list) may have, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// Of a string.
    Texts(Vec<String>),
    /// Of an int64.
    Numbers(Vec<i64>),
}

/// What a bad value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The value becomes null, the row stays.
    Null,
    /// The row goes to quarantine.
    Quarantine,
}

/// Zone of `{date}` and `{hour}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutZone {
    /// The project's zone.
    Project,
    /// UTC.
    Utc,
}

/// File format of raw objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated with a header line.
    Csv,
    /// Parquet.
    Parquet,
}

/// Which field is the time and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeSpec {
    /// Path of the field.
    pub field: Vec<String>,
    /// How it is written.
    pub format: TimeFormat,
}

/// How a time is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeFormat {
    /// ISO 8601 date and time (`T` or blank between; basic form too), with or without zone; without:
    /// project zone.
    Iso,
    /// Seconds since 1970 (all epochs may have decimals and an exponent).
    EpochS,
    /// Milliseconds since 1970.
    EpochMs,
    /// Microseconds since 1970.
    EpochUs,
    /// A local day; its midnight.
    Date,
    /// A chrono strftime pattern, read in the project zone unless it has an offset.
    Pattern(String),
}

impl TimeFormat {
    /// As YAML names it.
    pub fn name(&self) -> &str {
        match self {
            Self::Iso => "iso",
            Self::EpochS => "epoch_s",
            Self::EpochMs => "epoch_ms",
            Self::EpochUs => "epoch_us",
            Self::Date => "date",
            Self::Pattern(pattern) => pattern,
        }
    }
}

/// Duplicates of one local date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// Same id: the smallest by (event time, object, offset) stays.
    ById,
    /// All rows stay.
    Keep,
    /// Rows equal in every field are one.
    WholeRow,
}
