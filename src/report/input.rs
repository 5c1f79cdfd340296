//! What a page is rendered from, besides the rows of its sections.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use futures::future::BoxFuture;

use crate::error::Result;
use crate::project::{LocalText, Locale, Section};

/// Facts of one page.
#[derive(Debug, Clone)]
pub struct RenderInput<'a> {
    /// `project:`
    pub project_name: &'a str,
    /// The day reported, local.
    pub date: NaiveDate,
    /// Language.
    pub locale: Locale,
    /// ISO 4217 code of money columns.
    pub currency: &'a str,
    /// Zone of days and of `generated_at` as shown.
    pub zone: Tz,
    /// The last complete local day.
    pub complete_through: NaiveDate,
    /// What was read for `date`, by source.
    pub sources: Vec<SourceStatus>,
    /// Partitions that the page's selects may look at and that do not exist.
    pub missing: Vec<MissingPartition>,
    /// What people call funnels and their steps, by funnel name.
    pub funnels: BTreeMap<String, FunnelTitles>,
    /// Shown at the end; outside the content hash.
    pub generated_at: DateTime<Utc>,
}

/// One source's part of the day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceStatus {
    /// Source (= table) name.
    pub name: String,
    /// Lines read.
    pub lines: u64,
    /// Rows in the published table.
    pub rows: u64,
    /// Lines dropped as duplicates.
    pub duplicates: u64,
    /// Lines in quarantine.
    pub quarantined: u64,
    /// Local hours (0–23) without an object.
    pub missing_hours: Vec<u8>,
    /// Whether the layout has dates and no object of this one is there.
    pub has_no_object: bool,
}

/// A partition that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingPartition {
    /// Table.
    pub table: String,
    /// Its day.
    pub date: NaiveDate,
}

/// What people call one funnel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunnelTitles {
    /// The funnel.
    pub title: LocalText,
    /// Its steps by name.
    pub steps: BTreeMap<String, LocalText>,
}

impl RenderInput<'_> {
    /// What people call a funnel.
    pub fn funnel_title<'s>(&'s self, funnel: &'s str) -> &'s str {
        self.funnels
            .get(funnel)
            .map_or(funnel, |titles| titles.title.get(self.locale))
    }

    /// What people call a step.
    pub fn step_title<'s>(&'s self, funnel: &str, step: &'s str) -> &'s str {
        self.funnels
            .get(funnel)
            .and_then(|titles| titles.steps.get(step))
            .map_or(step, |title| title.get(self.locale))
    }
}

/// Runs a section's select on audited tables.
pub trait SectionRows: Sync {
    /// Rows of `sql`, in its order, with `$date` bound to the page's day as DATE.
    fn rows<'a>(
        &'a self,
        sql: &'a str,
        section: &'a Section,
    ) -> BoxFuture<'a, Result<Vec<RecordBatch>>>;
}
