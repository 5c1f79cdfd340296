//! `sql/{staging,intermediate,marts}/**/<model>.yaml`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ColumnCheckFile, Listed, Ordered, TableCheckFile};

/// The contract of the SQL model of the same name: what its table is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "contract")]
pub struct ContractFile {
    /// How the table is built.
    #[schemars(example = &"by_date")]
    #[schemars(required)]
    pub build: Option<BuildWord>,
    /// One sentence: what one row is.
    #[schemars(example = &"one row per day and platform")]
    #[schemars(required)]
    pub grain: Option<String>,
    /// Columns that identify a row; rows are written in this order.
    #[schemars(example = ["date", "platform"], length(min = 1))]
    #[schemars(required)]
    pub key: Option<Vec<String>>,
    /// Which dates of a table the model sees around those it builds; only those themselves unless
    /// given.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"events": {"after": "1d"}}))]
    pub reads: Ordered<ReadsFile>,
    /// After how many complete days its values are final; `0d` unless given.
    #[schemars(example = &"1d")]
    pub matures_after: Option<String>,
    /// Columns by name, in order.
    #[schemars(required)]
    pub columns: Option<Ordered<ContractColumnFile>>,
    /// Which sums stand for a date where it is restated; every `int64` and decimal with a unit, over all
    /// rows, unless given.
    pub key_figures: Option<KeyFiguresFile>,
    /// Audits of the table as a whole before publication.
    #[serde(default)]
    #[schemars(example = serde_json::json!([{"row_count": {"min": 1}}]))]
    pub checks: Vec<TableCheckFile>,
}

/// Sums that stand for a date where it is restated.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"columns": ["visitors", "paid_gmv"], "where": {"platform": "all"}}))]
pub struct KeyFiguresFile {
    /// Columns to add up: `int64` or decimals.
    #[schemars(example = ["visitors", "paid_gmv"])]
    #[schemars(required)]
    pub columns: Option<Vec<String>>,
    /// Columns whose values are told apart.
    #[serde(default)]
    #[schemars(example = ["platform"])]
    pub by: Vec<String>,
    /// Only rows with these values, by column.
    #[serde(default, rename = "where")]
    #[schemars(example = serde_json::json!({"platform": "all"}))]
    pub only: Ordered<Listed>,
}

/// Ways to build a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BuildWord {
    /// One partition per local date; the query sees `$start` and `$end`.
    ByDate,
    /// One object, rebuilt whole.
    Whole,
    /// Nothing is stored; it is inlined where it is read.
    View,
}

/// Dates seen around those built.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "entry of `reads`")]
pub struct ReadsFile {
    /// Whole days before the first date built, or `all` of them; `0d` unless given. A model that reads
    /// itself says `all`: it then sees its own dates before the first one built.
    #[schemars(example = &"1d")]
    pub before: Option<String>,
    /// Whole days after the last date built; `0d` unless given.
    #[schemars(example = &"1d")]
    pub after: Option<String>,
}

/// A column of a model's table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "column", example = serde_json::json!({"type": "int64"}))]
pub struct ContractColumnFile {
    /// Its type: `string`, `int64`, `float64`, `bool`, `decimal(12,2)`, `timestamp`, `date` or a list
    /// of one of them, such as `list(string)`.
    #[serde(rename = "type")]
    #[schemars(example = &"int64")]
    #[schemars(required)]
    pub data_type: Option<String>,
    /// Its unit (`users`, `currency`, `us`, `ratio`).
    #[schemars(example = &"users")]
    pub unit: Option<String>,
    /// What it means.
    #[schemars(example = &"users with a page view")]
    pub description: Option<String>,
    /// Whether it is personal data, which is masked wherever a person could see it.
    #[schemars(example = true)]
    pub personal: Option<bool>,
    /// Audits before publication.
    #[serde(default)]
    #[schemars(example = ["not_null"])]
    pub checks: Vec<ColumnCheckFile>,
}
