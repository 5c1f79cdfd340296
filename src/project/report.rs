//! Declared reports: roles, sections, languages.

use std::collections::BTreeMap;

/// Language of what people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Locale {
    /// 简体中文
    ZhCn,
    /// English
    En,
}

impl Locale {
    /// Every locale.
    pub const ALL: [Self; 2] = [Self::ZhCn, Self::En];

    /// BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::ZhCn => "zh-CN",
            Self::En => "en",
        }
    }

    /// From its tag.
    pub fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|locale| locale.tag() == tag)
    }
}

/// A text in each language it was written in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalText {
    /// By locale.
    pub by_locale: BTreeMap<Locale, String>,
    /// Where nothing is written for a locale: the name of the thing.
    pub fallback: String,
}

impl LocalText {
    /// The text for a locale, or the fallback.
    pub fn get(&self, locale: Locale) -> &str {
        self.by_locale.get(&locale).unwrap_or(&self.fallback)
    }
}

/// One role's report.
#[derive(Debug, Clone)]
pub struct Report {
    /// Folder name under `reports/`.
    pub role: String,
    /// Title.
    pub title: LocalText,
    /// Sections by (order, name).
    pub sections: Vec<Section>,
}

/// One section: a YAML file with a SQL select of the same name.
#[derive(Debug, Clone)]
pub struct Section {
    /// File stem.
    pub name: String,
    /// `reports/<role>/sections/<name>.yaml`
    pub yaml_path: String,
    /// `sql/reports/<role>/<name>.sql`
    pub sql_path: String,
    /// Place on the page.
    pub order: i64,
    /// Heading.
    pub title: LocalText,
    /// How it is drawn.
    pub shape: Shape,
    /// Columns the select must return, in order: no more, no fewer.
    pub columns: Vec<SectionColumn>,
}

/// How a section is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Cards: one row per day; the report's date is the value, others are compared with.
    Numbers,
    /// A table.
    Table,
    /// Funnel picture and table.
    Funnel,
    /// Horizontal bars and table.
    Bars,
    /// Funnel with, beside each step, where those who stopped there went.
    FunnelEnds,
    /// Median and 90th percentile of the time to each step, on a log scale.
    TimeToConvert,
    /// Sankey from names to names.
    Flow,
    /// Taps on a page's outline.
    HeatMap,
    /// Share of a page's views that reach each depth.
    ScrollCurve,
}

/// One column of a section.
#[derive(Debug, Clone)]
pub struct SectionColumn {
    /// Name as the select returns it.
    pub name: String,
    /// How values are written.
    pub format: Format,
    /// Which direction is good, if any.
    pub good: Good,
    /// Label; the locale file's word where none is declared.
    pub label: Option<LocalText>,
    /// What it means; the locale file's definition where none is declared.
    pub definition: Option<LocalText>,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As it is.
    Text,
    /// A name that the locale files may translate (page, platform, step …).
    Word,
    /// A day.
    Date,
    /// A whole number.
    Count,
    /// A ratio shown as percent.
    Percent,
    /// Money of the project's currency.
    Money,
    /// Microseconds, shown as seconds or minutes.
    DurationUs,
    /// A plain decimal number.
    Number,
    /// A difference of two ratios, shown in percentage points; never a percent.
    Points,
    /// Boolean that steers the drawing (`is_mature`); a table shows a tick.
    Flag,
}

impl Format {
    /// As YAML names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Word => "word",
            Self::Date => "date",
            Self::Count => "count",
            Self::Percent => "percent",
            Self::Money => "money",
            Self::DurationUs => "duration_us",
            Self::Number => "number",
            Self::Points => "points",
            Self::Flag => "flag",
        }
    }
}

/// Direction that is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Good {
    /// More is better.
    Up,
    /// Less is better.
    Down,
    /// Neither.
    Neutral,
}
