//! `pipelines/_project.yaml`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Ordered, StoreFile};

/// What holds for the whole project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "project file")]
pub struct ProjectFile {
    /// Name of the project: lower-case letters, digits and `_`.
    #[schemars(example = &"shop")]
    #[schemars(required)]
    pub project: Option<String>,
    /// IANA time zone; every day is a day of this zone.
    #[schemars(example = &"Asia/Shanghai")]
    #[schemars(required)]
    pub time_zone: Option<String>,
    /// Language of the reports.
    #[schemars(example = &"zh-CN")]
    #[schemars(required)]
    pub locale: Option<LocaleWord>,
    /// ISO 4217 code of the currency that all money is in.
    #[schemars(example = &"CNY")]
    #[schemars(required)]
    pub currency: Option<String>,
    /// Folder of the published tables: relative to the project, absolute, or a URL (`file://`, `s3://`,
    /// `az://`, `gs://`). `warehouse/` unless given.
    #[schemars(example = &"warehouse/")]
    pub warehouse: Option<String>,
    /// How far back a `run` without dates looks for days not yet done, in whole days; `7d` unless
    /// given.
    #[schemars(example = &"7d")]
    pub catch_up: Option<String>,
    /// What a run may hold in memory: a size (`4GiB`, `512MiB`) or a share of the machine (`25%`);
    /// `50%` unless given.
    #[schemars(example = &"4GiB")]
    pub memory: Option<String>,
    /// How object stores are reached, by the beginning of the URLs that it holds for (`s3://bucket/`).
    /// Never credentials.
    #[serde(default)]
    pub stores: Ordered<StoreFile>,
}

/// Languages.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub enum LocaleWord {
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// English.
    #[serde(rename = "en")]
    En,
}
