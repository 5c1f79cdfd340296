//! `reports/<role>/report.yaml` and `reports/<role>/sections/<section>.yaml`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Ordered;

/// One role's report.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "report")]
pub struct ReportFile {
    /// The role: the name of the folder this file is in.
    #[schemars(example = &"operations")]
    #[schemars(required)]
    pub role: Option<String>,
    /// Title of the page.
    #[schemars(example = serde_json::json!({"zh-CN": "运营日报", "en": "Operations"}))]
    #[schemars(required)]
    pub title: Option<LocalTextFile>,
}

/// A section of a report; its data are the rows of `sql/reports/<role>/<section>.sql`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "section")]
pub struct SectionFile {
    /// Place on the page: sections stand by this number, smallest first.
    #[schemars(example = 10)]
    #[schemars(required)]
    pub order: Option<i64>,
    /// Heading.
    #[schemars(example = serde_json::json!({"zh-CN": "核心指标", "en": "Core"}))]
    #[schemars(required)]
    pub title: Option<LocalTextFile>,
    /// How it is drawn.
    #[serde(rename = "as")]
    #[schemars(example = &"table")]
    #[schemars(required)]
    pub shape: Option<ShapeWord>,
    /// Columns that the select returns, by name and in order.
    #[schemars(required)]
    pub columns: Option<Ordered<SectionColumnFile>>,
}

/// A text in the languages it is written in.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalTextFile {
    /// In simplified Chinese.
    #[serde(rename = "zh-CN")]
    #[schemars(example = &"漏斗")]
    pub zh_cn: Option<String>,
    /// In English.
    #[schemars(example = &"Funnel")]
    pub en: Option<String>,
}

/// How a section is drawn.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShapeWord {
    /// Cards: one row per day.
    Numbers,
    /// A table.
    Table,
    /// A funnel and its table.
    Funnel,
    /// Horizontal bars and their table.
    Bars,
    /// A funnel and where those who stopped at each step went.
    FunnelEnds,
    /// The time to each step of a funnel.
    TimeToConvert,
    /// Flows from names to names.
    Flow,
    /// Taps on the outline of a page.
    HeatMap,
    /// How far down a page its views come.
    ScrollCurve,
}

/// A column of a section.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "column", example = serde_json::json!({"format": "count"}))]
pub struct SectionColumnFile {
    /// How its values are written.
    #[schemars(example = &"count")]
    #[schemars(required)]
    pub format: Option<ValueFormatWord>,
    /// Which direction is good; `neutral` unless given.
    pub good: Option<GoodWord>,
    /// What people read; the word of the locale files unless given.
    #[schemars(example = serde_json::json!({"zh-CN": "访问人数", "en": "Visitors"}))]
    pub label: Option<LocalTextFile>,
    /// What it means, for the page's glossary; the locale files' unless given.
    #[schemars(example = serde_json::json!({"zh-CN": "当日付费的去重用户数", "en": "Users who paid on the day"}))]
    pub definition: Option<LocalTextFile>,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueFormatWord {
    /// As it is.
    Text,
    /// A name that the locale files may translate.
    Word,
    /// A day.
    Date,
    /// A whole number.
    Count,
    /// A ratio, shown as percent.
    Percent,
    /// Money of the project's currency.
    Money,
    /// Microseconds, shown as seconds or minutes.
    DurationUs,
    /// A plain number.
    Number,
    /// A difference of two ratios, shown in percentage points.
    Points,
    /// A boolean.
    Flag,
}

/// Direction that is good.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GoodWord {
    /// More is better.
    Up,
    /// Less is better.
    Down,
    /// Neither.
    Neutral,
}
