//! Checks of a contract: of a column, of the table as a whole.
//!
//! A check is `<kind>: {…}` with its settings inside the braces; a kind without any may stand as a word
//! of its own (`not_null`).

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Listed, Ratio};

/// What a broken check does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeverityWord {
    /// Nothing of the model is published.
    Stop,
    /// It is told, and publication goes on.
    Warn,
}

/// A check of a column.
#[derive(Debug)]
pub struct ColumnCheckFile(pub ColumnCheckMapping);

/// A check of a column with its settings.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ColumnCheckMapping {
    /// No nulls.
    NotNull(SettingsFile),
    /// No value twice on one date.
    Unique(SettingsFile),
    /// Only these values.
    AcceptedValues(AcceptedValuesFile),
    /// Values within bounds, inclusive.
    Range(RangeFile),
    /// Every value stands in a column of another table, on the same date unless `reads` says more.
    Relationship(ColumnRelationshipFile),
}

/// What every check may have.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"severity": "warn"}))]
pub struct SettingsFile {
    /// What a broken check does; `stop` unless given.
    pub severity: Option<SeverityWord>,
    /// A name of its own, for results; unique in the contract.
    #[schemars(example = &"every_user_is_known")]
    pub name: Option<String>,
}

/// Allowed values: a list of them, or `values` with settings.
#[derive(Debug)]
pub struct AcceptedValuesFile(pub AcceptedValuesMapping);

/// Allowed values with settings.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptedValuesMapping {
    /// The allowed values.
    #[schemars(example = ["ios", "android"])]
    #[schemars(required)]
    pub values: Option<Vec<Listed>>,
    /// What a broken check does; `stop` unless given.
    pub severity: Option<SeverityWord>,
    /// A name of its own, for results; unique in the contract.
    #[schemars(example = &"known_platforms")]
    pub name: Option<String>,
}

/// Bounds of values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"min": 0, "max": 1}))]
pub struct RangeFile {
    /// Smallest allowed value.
    #[schemars(example = 0)]
    pub min: Option<f64>,
    /// Largest allowed value.
    #[schemars(example = 1)]
    pub max: Option<f64>,
    /// What a broken check does; `stop` unless given.
    pub severity: Option<SeverityWord>,
    /// A name of its own, for results; unique in the contract.
    #[schemars(example = &"rates_are_shares")]
    pub name: Option<String>,
}

/// Where a column's values must stand.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"to": "users.user_id"}))]
pub struct ColumnRelationshipFile {
    /// The other table and its column, joined by `.`.
    #[schemars(example = &"users.user_id")]
    #[schemars(required)]
    pub to: Option<String>,
    /// What a broken check does; `stop` unless given.
    pub severity: Option<SeverityWord>,
    /// A name of its own, for results; unique in the contract.
    #[schemars(example = &"every_user_is_known")]
    pub name: Option<String>,
}

/// A check of the table as a whole.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(title = "check of the table")]
pub enum TableCheckFile {
    /// How many rows a date has.
    RowCount(RowCountFile),
    /// Every row has its like in another table, on the same date unless `reads` says more.
    Relationship(RelationshipFile),
    /// A query that returns the rows at fault.
    Sql(SqlFile),
    /// How old the newest value may be at the end of the date.
    Freshness(FreshnessFile),
}

/// How many rows: within bounds, or against those of an earlier date.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"min": 1}))]
pub struct RowCountFile {
    /// Fewest rows of a date.
    #[schemars(example = 1)]
    pub min: Option<i64>,
    /// Most rows of a date.
    #[schemars(example = 100_000)]
    pub max: Option<i64>,
    /// The earlier date to compare with.
    pub against: Option<AgainstWord>,
    /// Largest difference, as a share of the earlier date's rows.
    #[schemars(example = &"50%")]
    pub within: Option<Ratio>,
    /// Compared only where one of both dates has at least this many rows: shares of a few rows say
    /// nothing; always unless given.
    #[schemars(example = 1000)]
    pub at_least_rows: Option<i64>,
    /// What a broken check does; `stop` unless given.
    pub severity: Option<SeverityWord>,
    /// A name of its own, for results; unique in the contract.
    #[schemars(example = &"no_sudden_drop")]
    pub name: Option<String>,
}

/// Earlier dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgainstWord {
    /// The day before.
    Yesterday,
    /// Seven days before.
    SameWeekday,
}

/// Where the values of some columns must stand.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"columns": ["session_id"], "to": "int_sessions"}))]
pub struct RelationshipFile {
    /// Columns of this table; rows with a null in one of them are left out.
    #[schemars(example = ["session_id"], length(min = 1))]
    #[schemars(required)]
    pub columns: Option<Vec<String>>,
    /// The other table.
    #[schemars(example = &"int_sessions")]
    #[schemars(required)]
    pub to: Option<String>,
    /// Its columns, in the same order; the same names unless given.
    #[schemars(example = ["session_id"], length(min = 1))]
    pub to_columns: Option<Vec<String>>,
    /// What a broken check does; `stop` unless given.
    pub severity: Option<SeverityWord>,
    /// A name of its own, for results; unique in the contract.
    #[schemars(example = &"every_view_has_its_session")]
    pub name: Option<String>,
}

/// A query of rows at fault.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"name": "paid_at_most_ordered", "query": "select * from this where paid > ordered"}))]
pub struct SqlFile {
    /// Its name in results; unique in the contract.
    #[schemars(example = &"paid_at_most_ordered")]
    #[schemars(required)]
    pub name: Option<String>,
    /// A select of the rows at fault; `this` is the table itself, one date of it at a time.
    #[schemars(example = &"select * from this where paid > ordered")]
    #[schemars(required)]
    pub query: Option<String>,
    /// What a broken check does; `stop` unless given.
    pub severity: Option<SeverityWord>,
}

/// How old the newest value may be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"column": "event_time", "at_most": "2h"}))]
pub struct FreshnessFile {
    /// A column of times or dates; a date counts until its end.
    #[schemars(example = &"event_time")]
    #[schemars(required)]
    pub column: Option<String>,
    /// How long before the end of the date its newest value may lie.
    #[schemars(example = &"2h")]
    #[schemars(required)]
    pub at_most: Option<String>,
    /// What a broken check does; `stop` unless given.
    pub severity: Option<SeverityWord>,
    /// A name of its own, for results; unique in the contract.
    #[schemars(example = &"until_midnight")]
    pub name: Option<String>,
}

impl<'de> Deserialize<'de> for ColumnCheckFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ColumnCheckFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`not_null`, `unique` or a mapping")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Self::Value, E> {
                let settings = SettingsFile::default();
                match word {
                    "not_null" => Ok(ColumnCheckFile(ColumnCheckMapping::NotNull(settings))),
                    "unique" => Ok(ColumnCheckFile(ColumnCheckMapping::Unique(settings))),
                    other => Err(E::unknown_variant(other, &["not_null", "unique"])),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                ColumnCheckMapping::deserialize(MapAccessDeserializer::new(map))
                    .map(ColumnCheckFile)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for ColumnCheckFile {
    fn schema_name() -> Cow<'static, str> {
        "ColumnCheck".into()
    }

    /// The words beside the mappings, in one flat list.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = ColumnCheckMapping::json_schema(generator);
        let words = json_schema!({ "type": "string", "enum": ["not_null", "unique"] });
        if let Some(serde_json::Value::Array(ways)) = schema.get_mut("oneOf") {
            ways.insert(0, words.to_value());
        }
        schema.insert("title".to_owned(), "check".into());
        schema
    }
}

impl<'de> Deserialize<'de> for AcceptedValuesFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = AcceptedValuesFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of values or a mapping")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                let values = Vec::deserialize(SeqAccessDeserializer::new(list))?;
                Ok(AcceptedValuesFile(AcceptedValuesMapping {
                    values: Some(values),
                    severity: None,
                    name: None,
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                AcceptedValuesMapping::deserialize(MapAccessDeserializer::new(map))
                    .map(AcceptedValuesFile)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for AcceptedValuesFile {
    fn schema_name() -> Cow<'static, str> {
        "AcceptedValues".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "array", "items": generator.subschema_for::<Listed>() },
                generator.subschema_for::<AcceptedValuesMapping>(),
            ],
            "examples": [["ios", "android"]],
        })
    }
}
