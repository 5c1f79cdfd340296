//! `pipelines/<name>.yaml`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::project::DataType;

use super::{FunnelFile, Listed, Ordered, Ratio};

/// One pipeline: its raw sources, what is computed from them, which reports are rendered.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "pipeline file")]
pub struct PipelineFile {
    /// Raw log sources by name; the name is the table's name and is unique in the project.
    #[serde(default)]
    pub sources: Ordered<SourceFile>,
    /// Funnels by name; names are unique in the project.
    #[serde(default)]
    pub funnels: Ordered<FunnelFile>,
    /// Roles whose reports are rendered; each is a folder `reports/<role>/`.
    #[serde(default)]
    #[schemars(example = ["operations"])]
    pub reports: Vec<String>,
}

/// A raw log source.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "source")]
pub struct SourceFile {
    /// Folder of the raw objects: relative to the project, absolute, or a `file://` URL.
    #[schemars(example = &"raw/events/")]
    #[schemars(required)]
    pub from: Option<String>,
    /// Where objects lie below `from`: `{date}` is the day (YYYY-MM-DD), `{hour}` the hour (HH), `*`
    /// anything within one path segment.
    #[schemars(example = &"dt={date}/hour={hour}/*.ndjson.gz")]
    #[schemars(required)]
    pub layout: Option<String>,
    /// Zone of the layout's `{date}` and `{hour}`; `project` unless given.
    pub layout_zone: Option<LayoutZoneWord>,
    /// How the objects are written; compression is told by their names (`.gz`, `.zst`).
    #[schemars(example = &"ndjson")]
    #[schemars(required)]
    pub format: Option<FormatWord>,
    /// Of `format: regex`, a regular expression that matches a whole line; its named groups are the
    /// fields.
    #[schemars(example = &"(?P<time>\\S+) (?P<level>[A-Z]+) (?P<message>.*)")]
    pub pattern: Option<String>,
    /// Where the event time stands; without it a row takes the layout's `{date}`. Of `common` and
    /// `combined` it is known.
    #[schemars(example = serde_json::json!({"field": "ts", "format": "iso"}))]
    pub time: Option<TimeFile>,
    /// Field that identifies an event.
    #[schemars(example = &"event_id")]
    pub id: Option<String>,
    /// Field that holds the user's id; a source with one is an event stream, sorted by user.
    #[schemars(example = &"user_id")]
    pub user: Option<String>,
    /// What happens to duplicate rows; `by_id` unless given, where there is an `id`.
    pub duplicates: Option<DuplicatesWord>,
    /// Columns of the table by name; fields not declared here stay in `props`.
    #[schemars(required)]
    pub columns: Option<Ordered<ColumnFile>>,
    /// Columns by which a source without a user is sorted.
    #[schemars(example = ["channel"])]
    pub sort_by: Option<Vec<String>>,
    /// How far an event's time may lie from the layout's date, in whole days; `3d` unless given.
    #[schemars(example = &"3d")]
    pub late: Option<String>,
    /// When a day's data are complete; two hours after its local midnight unless given.
    #[schemars(example = serde_json::json!({"after": "2h"}))]
    pub complete_when: Option<CompleteWhenFile>,
    /// How many bad lines are tolerated.
    #[schemars(example = serde_json::json!({"at_most": "0.1%"}))]
    pub quarantine: Option<QuarantineFile>,
    /// How much of one object, and of one line, is read before it is taken for a fault.
    #[schemars(example = serde_json::json!({"line": "16MiB"}))]
    pub limits: Option<LimitsFile>,
    /// How old the newest row may be at the end of the last date that a run is for.
    #[schemars(example = serde_json::json!({"warn_after": "2h", "fail_after": "1d"}))]
    pub freshness: Option<SourceFreshnessFile>,
}

/// Zones of a layout.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LayoutZoneWord {
    /// The project's zone.
    Project,
    /// UTC.
    Utc,
}

/// Formats of raw objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormatWord {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated, with a header line.
    Csv,
    /// Parquet.
    Parquet,
    /// A web server's common log format.
    Common,
    /// A web server's combined log format (nginx, Apache).
    Combined,
    /// Lines that match `pattern`.
    Regex,
}

impl FormatWord {
    /// The word itself.
    pub fn text(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Common => "common",
            Self::Combined => "combined",
            Self::Regex => "regex",
        }
    }
}

/// The event time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeFile {
    /// Field that holds it.
    #[schemars(example = &"ts")]
    #[schemars(required)]
    pub field: Option<String>,
    /// How it is written: `iso`, `epoch_s`, `epoch_ms`, `epoch_us`, `date`, or a strftime pattern.
    #[schemars(example = &"iso")]
    #[schemars(required)]
    pub format: Option<String>,
}

/// What happens to duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DuplicatesWord {
    /// Of rows with one id and one date the earliest stays.
    ById,
    /// All rows stay.
    Keep,
    /// Rows equal in every field are one.
    WholeRow,
}

/// One declared column: its type, or its type with details.
#[derive(Debug)]
pub enum ColumnFile {
    /// `amount: decimal(12,2)`
    Type(String),
    /// `amount: {type: decimal(12,2), from: props.total}`
    Details(ColumnDetails),
}

impl ColumnFile {
    /// Its type, where one is written that exists.
    pub fn data_type(&self) -> Option<DataType> {
        match self {
            Self::Type(text) => DataType::parse(text),
            Self::Details(details) => DataType::parse(details.data_type.as_deref()?),
        }
    }
}

/// A column with details.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "column")]
pub struct ColumnDetails {
    /// Its type: `string`, `int64`, `float64`, `bool`, `decimal(12,2)`, `timestamp`, `date` or a list
    /// of one of them, such as `list(string)`.
    #[serde(rename = "type")]
    #[schemars(example = &"string")]
    #[schemars(required)]
    pub data_type: Option<String>,
    /// Path of the field in the raw row, parts joined by `.`; the column's name unless given.
    #[schemars(example = &"props.cart.total")]
    pub from: Option<String>,
    /// How a `timestamp` or `date` is written, as in `time`; `iso` and `date` unless given.
    #[schemars(example = &"epoch_ms")]
    pub format: Option<String>,
    /// The only values it may have; any other one is wrong. For `string`, `int64` and lists of them.
    #[schemars(example = ["ios", "android"])]
    pub one_of: Option<Vec<Listed>>,
    /// What a row without the field does; `null` unless given.
    pub missing: Option<RuleWord>,
    /// What a field does that is null or, in CSV, empty; as `missing` unless given.
    pub null: Option<RuleWord>,
    /// What a value does that is not of the type or none of `one_of`; `quarantine` unless given.
    pub wrong: Option<RuleWord>,
    /// Whether it is personal data, which is masked wherever a person could see it.
    #[schemars(example = true)]
    pub personal: Option<bool>,
}

/// What a bad value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleWord {
    /// The value becomes null and the row stays.
    Null,
    /// The row goes to quarantine.
    Quarantine,
}

impl JsonSchema for RuleWord {
    fn schema_name() -> Cow<'static, str> {
        "Rule".into()
    }

    /// YAML reads a plain `null` as nothing at all, so that is allowed beside the text.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": ["null", "quarantine", null] })
    }
}

impl<'de> Deserialize<'de> for ColumnFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ColumnFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type or a mapping")
            }

            fn visit_str<E>(self, text: &str) -> Result<ColumnFile, E> {
                Ok(ColumnFile::Type(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ColumnFile, A::Error> {
                ColumnDetails::deserialize(MapAccessDeserializer::new(map)).map(ColumnFile::Details)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for ColumnFile {
    fn schema_name() -> Cow<'static, str> {
        "Column".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "string" }, generator.subschema_for::<ColumnDetails>()],
            "examples": ["string"],
        })
    }
}

/// When a day is complete: all of what is written must hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteWhenFile {
    /// This long after the local midnight that ends the day, at the earliest; `2h` unless given, and no
    /// time at all beside `hours` or `marker`.
    #[schemars(example = &"2h")]
    pub after: Option<String>,
    /// `all`: an object of every hour of the layout is there. Hours that clocks skip are not expected.
    #[schemars(example = &"all")]
    pub hours: Option<HoursWord>,
    /// Hours of the layout (0 to 23) that may have no object; beside `hours`.
    #[schemars(example = [2, 3, 4])]
    pub may_be_empty: Option<Vec<i64>>,
    /// Name of an object that says that a date is whole; it lies in the layout's folder of the date, and
    /// holds no rows.
    #[schemars(example = &"_SUCCESS")]
    pub marker: Option<String>,
}

/// Which hours a day waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoursWord {
    /// Every hour, apart from those that may be empty.
    All,
}

/// Tolerance for bad lines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuarantineFile {
    /// Largest share of bad lines a day may have and still be published, with its percent sign; `0.1%`
    /// unless given.
    #[schemars(example = &"0.1%")]
    #[schemars(required)]
    pub at_most: Option<Ratio>,
}

/// What one object, and one line, may hold. A line beyond a limit goes to quarantine; an object beyond one
/// is told as an error, and its date stays as it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsFile {
    /// Size of one object, unpacked; `64GiB` unless given.
    #[schemars(example = &"64GiB")]
    pub object: Option<String>,
    /// How many times its stored size an object may become when unpacked; `500` unless given. Objects of
    /// less than 64 MiB may be as repetitive as they like.
    #[schemars(example = 500)]
    pub ratio: Option<i64>,
    /// Size of one line (of a CSV, one record); `16MiB` unless given.
    #[schemars(example = &"16MiB")]
    pub line: Option<String>,
    /// How deep objects and arrays of one line may nest; `128`, the most there is, unless given.
    #[schemars(example = 128)]
    pub nesting: Option<i64>,
    /// How many fields one line may have, or columns one object; `10000` unless given.
    #[schemars(example = 10000)]
    pub fields: Option<i64>,
}

/// How old a source's newest row may be. Of a source without a time a date counts until its end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceFreshnessFile {
    /// An older one is a warning.
    #[schemars(example = &"2h")]
    pub warn_after: Option<String>,
    /// An older one fails the source; what reads the dates at fault is skipped.
    #[schemars(example = &"1d")]
    pub fail_after: Option<String>,
}
