//! A funnel as it is declared under `funnels:`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::{LocalTextFile, Ratio};

/// A funnel.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "funnel")]
pub struct FunnelFile {
    /// Title that people read; the funnel's name unless given.
    #[schemars(example = serde_json::json!({"zh-CN": "购买漏斗", "en": "Purchase"}))]
    pub title: Option<LocalTextFile>,
    /// Table it runs on: a source or a model.
    #[schemars(example = &"events")]
    #[schemars(required)]
    pub on: Option<String>,
    /// Column of the entity whose events are followed; `user_id` unless given.
    #[schemars(example = &"user_id")]
    pub of: Option<String>,
    /// How long after its first step an entity may convert.
    #[schemars(example = &"24h")]
    #[schemars(required)]
    pub window: Option<String>,
    /// Which events may stand between the steps: `ordered` (default) lets any, `strict` none, `any` counts
    /// steps in whatever order they come.
    pub order: Option<OrderFile>,
    /// Steps in order, 1 to 32.
    #[schemars(
        length(min = 1, max = 32),
        example = serde_json::json!([{"name": "pay", "when": "event = 'pay'"}])
    )]
    #[schemars(required)]
    pub steps: Option<Vec<StepFile>>,
    /// Events that end a chain of steps.
    #[serde(default)]
    #[schemars(example = serde_json::json!([{"when": "event = 'refund'", "then": "drop"}]))]
    pub exclude: Vec<ExclusionFile>,
    /// Columns whose values are the same along a chain; an event without them is no step.
    #[serde(default)]
    #[schemars(example = ["product_id"])]
    pub same: Vec<String>,
    /// Column that names the event which took an entrant elsewhere; `event` unless given.
    #[schemars(example = &"page")]
    pub next: Option<String>,
    /// Column of the last step's event that is worth something: a whole number or a decimal.
    #[schemars(example = &"amount")]
    pub value: Option<String>,
    /// Breakdowns: a column, a list of columns taken together, or a mapping that says more.
    #[serde(default)]
    #[schemars(example = ["platform"])]
    pub by: Vec<GroupingFile>,
}

/// Which events may stand between steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderFile {
    /// Any.
    Ordered,
    /// None.
    Strict,
    /// Steps count in whatever order they come.
    Any,
}

/// An event that ends a chain.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "exclusion")]
pub struct ExclusionFile {
    /// SQL condition that such an event meets.
    #[schemars(example = &"event = 'refund'")]
    #[schemars(required)]
    pub when: Option<String>,
    /// Step after which it counts; the first unless given.
    #[schemars(example = &"click")]
    pub after: Option<String>,
    /// Step before which it counts; the last unless given.
    #[schemars(example = &"pay")]
    pub before: Option<String>,
    /// `keep` (default): the entity stays with the steps it reached. `drop`: it leaves the funnel.
    pub then: Option<ThenFile>,
}

/// What an exclusion does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThenFile {
    /// The entity stays with the steps it reached, and ends as excluded.
    Keep,
    /// It leaves the funnel.
    Drop,
}

/// A step of a funnel.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "step")]
pub struct StepFile {
    /// Name, unique in the funnel.
    #[schemars(example = &"register")]
    #[schemars(required)]
    pub name: Option<String>,
    /// SQL condition that an event of this step meets.
    #[schemars(example = &"event = 'register'")]
    #[schemars(required)]
    pub when: Option<String>,
    /// Title that people read; the step's name unless given.
    #[schemars(example = serde_json::json!({"zh-CN": "注册", "en": "Register"}))]
    pub title: Option<LocalTextFile>,
    /// How long after the required step before it, inclusive.
    #[schemars(example = &"30m")]
    pub within: Option<String>,
    /// Whether it is only counted: nobody needs it to go on.
    pub optional: Option<bool>,
    /// Share of the previous step that a good day reaches, as percent or number.
    #[schemars(example = &"35%")]
    pub golden: Option<Ratio>,
    /// Fields of the form that leads to the step, in order: which of them loses people.
    #[serde(default)]
    #[schemars(example = serde_json::json!([{"name": "phone", "when": "field = 'phone'"}]))]
    pub fields: Vec<StepFieldFile>,
}

/// A field of a step's form.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "field of a step")]
pub struct StepFieldFile {
    /// Name, unique in the step.
    #[schemars(example = &"phone")]
    #[schemars(required)]
    pub name: Option<String>,
    /// SQL condition that an event of this field meets.
    #[schemars(example = &"event = 'register_field' and field = 'phone'")]
    #[schemars(required)]
    pub when: Option<String>,
    /// Title that people read; the field's name unless given.
    #[schemars(example = serde_json::json!({"zh-CN": "手机号", "en": "Phone number"}))]
    pub title: Option<LocalTextFile>,
}

/// One breakdown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupingFile {
    /// Columns taken together.
    pub columns: Vec<String>,
    /// Where along the chain.
    pub at: Option<AtFile>,
    /// Fewest entrants of a segment.
    pub at_least: Option<i64>,
    /// Table of segments.
    pub segments: Option<String>,
    /// Whether it was written as a mapping.
    pub is_mapping: bool,
}

/// Where along the chain a breakdown takes its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AtFile {
    /// At the first step.
    First,
    /// At the furthest step reached.
    Last,
    /// At each: the events of each value are a funnel of their own.
    Each,
}

/// A breakdown that says more than its columns.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "breakdown")]
struct GroupingMapping {
    /// Columns taken together.
    #[schemars(length(min = 1), example = ["channel"])]
    #[schemars(required)]
    columns: Option<Vec<String>>,
    /// Where along the chain the value is taken: at its `first` step (default), at the `last` that was
    /// reached, or at `each`, so that the events of each value are a funnel of their own.
    at: Option<AtFile>,
    /// Segments with fewer entrants a day are put together as `(other)`.
    #[schemars(example = &30)]
    at_least: Option<i64>,
    /// Table that says to which segment an entity belongs: it has the entity's column, and may have `date`.
    #[schemars(example = &"user_tiers")]
    segments: Option<String>,
}

impl<'de> Deserialize<'de> for GroupingFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = GroupingFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column, a list of columns or a mapping")
            }

            fn visit_str<E>(self, text: &str) -> Result<GroupingFile, E> {
                Ok(GroupingFile {
                    columns: vec![text.to_owned()],
                    ..GroupingFile::default()
                })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<GroupingFile, A::Error> {
                let mut columns = Vec::new();
                while let Some(column) = list.next_element()? {
                    columns.push(column);
                }
                Ok(GroupingFile {
                    columns,
                    ..GroupingFile::default()
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<GroupingFile, A::Error> {
                let mapping = GroupingMapping::deserialize(MapAccessDeserializer::new(map))?;
                Ok(GroupingFile {
                    columns: mapping.columns.unwrap_or_default(),
                    at: mapping.at,
                    at_least: mapping.at_least,
                    segments: mapping.segments,
                    is_mapping: true,
                })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for GroupingFile {
    fn schema_name() -> Cow<'static, str> {
        "Grouping".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mapping = generator.subschema_for::<GroupingMapping>();
        json_schema!({
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
                mapping,
            ],
            "examples": ["platform", ["platform", "channel"], {"columns": ["channel"], "at": "last", "at_least": 30}],
        })
    }
}
