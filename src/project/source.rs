//! A raw log source.

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::{
    COMBINED_FIELDS, COMMON_FIELD_COUNT, DataType, Duration, HOUR_US, Limits, LinePattern,
    SourceFreshness, StoreSettings,
};

/// One raw source; it becomes a canonical table of the same name.
#[derive(Debug, Clone)]
pub struct Source {
    /// Table name.
    pub name: String,
    /// Absolute base URL ending in `/`.
    pub from: String,
    /// How its store is reached.
    pub store: StoreSettings,
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
    /// When a day of it is complete.
    pub complete_when: CompleteWhen,
    /// Largest tolerated share of bad lines (0..=1) of one path date.
    pub quarantine_at_most: f64,
    /// What one object and one line may hold.
    pub limits: Limits,
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

/// When a day of a source is complete: all of it must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompleteWhen {
    /// This long after the day's end, its local midnight, at the earliest.
    pub after: Duration,
    /// What must be there.
    pub needs: Needs,
}

impl Default for CompleteWhen {
    /// Two hours after local midnight, whatever is there.
    fn default() -> Self {
        Self {
            after: Duration::from_us(2 * HOUR_US),
            needs: Needs::Nothing,
        }
    }
}

/// What must be there for a day of a source to be complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: the clock alone decides.
    Nothing,
    /// An object of every hour of the layout that the day touches.
    Hours {
        /// Hours of the layout (0–23) that may have none.
        may_be_empty: BTreeSet<u8>,
    },
    /// An object of this name in the folder of every date of the layout that the day touches. It holds
    /// no rows.
    Marker(String),
}

/// The part of a layout that names the folder of one date, with its `/`: up to it nothing but the date
/// varies. None where objects of one date do not lie in one folder of their own.
pub fn date_folder(layout: &str) -> Option<&str> {
    let mut end = 0;
    for folder in layout.split_inclusive('/') {
        end += folder.len();
        if !folder.ends_with('/') || folder.contains('*') || folder.contains("{hour}") {
            return None;
        }
        if folder.contains("{date}") {
            return layout.get(..end);
        }
    }
    None
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

impl LayoutZone {
    /// The zone itself.
    pub fn zone(self, project: Tz) -> Tz {
        match self {
            Self::Project => project,
            Self::Utc => Tz::UTC,
        }
    }
}

/// File format of raw objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFormat {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated with a header line.
    Csv,
    /// Parquet.
    Parquet,
    /// A web server's common log format.
    Common,
    /// A web server's combined log format: the common one with referrer and user agent.
    Combined,
    /// Lines taken apart by a pattern.
    Regex(LinePattern),
}

impl FileFormat {
    /// As YAML names it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Common => "common",
            Self::Combined => "combined",
            Self::Regex(_) => "regex",
        }
    }

    /// Whether fields may lie inside others; else a `.` is a part of a field's name.
    pub fn has_parts(&self) -> bool {
        matches!(self, Self::Ndjson | Self::Parquet)
    }

    /// The only fields that there are, where the format itself says so.
    pub fn field_names(&self) -> Option<Vec<String>> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        match self {
            Self::Ndjson | Self::Csv | Self::Parquet => None,
            Self::Common => COMBINED_FIELDS.get(..COMMON_FIELD_COUNT).map(owned),
            Self::Combined => Some(owned(&COMBINED_FIELDS)),
            Self::Regex(pattern) => Some(pattern.names().to_vec()),
        }
    }
}

#[cfg(test)]
impl Source {
    /// A source for tests: files of one format below `/raw/`, no columns, no time, nothing tolerated.
    pub(crate) fn of_tests(name: &str, format: FileFormat) -> Self {
        Self {
            name: name.to_owned(),
            from: "file:///raw/".to_owned(),
            store: StoreSettings::default(),
            layout: format!("*.{}", format.name()),
            layout_zone: LayoutZone::Project,
            format,
            time: None,
            id: None,
            user: None,
            duplicates: Duplicates::Keep,
            columns: Vec::new(),
            sort_by: Vec::new(),
            late: Duration::from_days(3),
            complete_when: CompleteWhen::default(),
            quarantine_at_most: 0.0,
            limits: Limits::DEFAULT,
            freshness: None,
            place: (String::new(), 0, 0),
        }
    }
}

#[cfg(test)]
impl Column {
    /// A column of texts for tests, with one rule for all that is wrong with it.
    pub(crate) fn of_tests(name: &str, from: &[&str], rule: Rule) -> Self {
        Self {
            name: name.to_owned(),
            data_type: DataType::String,
            from: from.iter().map(|part| (*part).to_owned()).collect(),
            format: None,
            one_of: None,
            missing: rule,
            null: rule,
            wrong: rule,
            personal: false,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::date_folder;

    #[test]
    fn a_date_has_a_folder_where_nothing_else_varies() {
        for (layout, folder) in [
            ("dt={date}/hour={hour}/*.gz", "dt={date}/"),
            ("{date}/*.csv", "{date}/"),
            ("a/b/day-{date}/c/*/x.csv", "a/b/day-{date}/"),
        ] {
            assert_eq!(date_folder(layout), Some(folder));
        }
        for layout in [
            "{date}.csv",
            "spend/{date}.csv",
            "*/dt={date}/a.csv",
            "{date}-{hour}/a.csv",
            "hour={hour}/{date}/a.csv",
            "a/*.csv",
        ] {
            assert_eq!(date_folder(layout), None, "{layout}");
        }
    }
}
