//! The audit of a model's partitions: every check of its contract, in declared order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::NaiveDate;
use datafusion::dataframe::DataFrame;
use futures::TryStreamExt;

use super::build::{Published, Range, register};
use super::check::plan;
use super::check_queries::{CheckQuery, THIS};
use super::{Model, Models, Window};
use crate::engine::{Engine, PublishedTable};
use crate::error::{Error, Result};
use crate::project::{Project, Severity, TableCheck};
use crate::table::audit::{
    self, Auditing, CheckResult, Heading, MASK, Outcome, Scratch, results, words,
};
use crate::table::schema;

/// Examples of rows at fault.
const EXAMPLES: usize = 3;
/// Characters of an example at most.
const EXAMPLE_LENGTH: usize = 300;

/// What a model is audited with.
pub struct Audit<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The project.
    pub project: &'a Project,
    /// Its models.
    pub models: &'a Models,
    /// The one that is audited.
    pub model: &'a Model,
    /// What is published before it.
    pub published: Published<'a>,
    /// The run's first and last date.
    pub dates: (NaiveDate, NaiveDate),
    /// The last complete day.
    pub complete_through: NaiveDate,
    /// Whether a table failed in this run, for a date or altogether.
    pub has_failed: &'a dyn Fn(&str, Option<NaiveDate>) -> bool,
}

impl Audit<'_> {
    /// Runs all checks on partitions that stand in the order of their dates.
    pub async fn run(&self, scratch: &[Scratch]) -> Result<Vec<CheckResult>> {
        let contract = &self.model.contract;
        let masked = self.models.personal(self.project, self.model);
        let published = self.published.state.table(self.model.name());
        let definition = self.models.definition(self.project, self.model);
        let auditing = Auditing {
            engine: self.engine,
            contract,
            scratch,
            published: &published,
            definition: &definition,
            last: self.dates.1,
            masked: &masked,
        };
        let session = audit::session(&auditing)?;
        let mut found = audit::columns(&auditing, &session).await?;
        for (index, check) in contract.checks.iter().enumerate() {
            let heading = heading(self.model, check);
            let simple = audit::table(&auditing, &session, &heading, &check.rule).await?;
            if let Some(simple) = simple {
                found.extend(simple);
                continue;
            }
            let query = self
                .model
                .check_queries
                .iter()
                .find(|query| query.index == index);
            if let Some(query) = query {
                let started = Instant::now();
                let mut outcomes = Vec::new();
                for part in scratch {
                    outcomes.push(self.query(&heading, query, part).await?);
                }
                let seconds = started.elapsed().as_secs_f64();
                found.extend(results(&heading, outcomes, seconds));
            }
        }
        Ok(found)
    }

    /// Runs a check's query on one partition.
    async fn query(
        &self,
        heading: &Heading,
        query: &CheckQuery,
        part: &Scratch,
    ) -> Result<Outcome> {
        let what = || format!("auditing {} ({})", heading.table, heading.check);
        if let Some(reason) = self.nothing_to_read(query, part.date) {
            return Ok(Outcome::not_applicable(part.date, reason));
        }
        let session = self.engine.session()?;
        let (start, end) = part.date.map_or(self.dates, |date| (date, date));
        let range = Range {
            start,
            end,
            complete_through: self.complete_through,
        };
        register(
            &session,
            self.project,
            self.models,
            &query.model,
            &self.published,
            &range,
        )
        .await?;
        let schema = schema::of_contract(&self.model.contract);
        for name in [THIS, self.model.name()] {
            let table = PublishedTable::new(&schema, vec![part.file()]);
            session
                .register_table(name, Arc::new(table))
                .map_err(Error::engine(what()))?;
        }
        let plan = plan(&session, query.model.statement.clone())
            .await
            .map_err(Error::engine(what()))?;
        let mut rows = DataFrame::new(session.state(), plan)
            .execute_stream()
            .await
            .map_err(Error::engine(what()))?;
        let masked = self.models.personal(self.project, &query.model);
        let own = self.models.personal(self.project, self.model);
        let shows = |column: &str| {
            let is_plain = self
                .model
                .contract
                .columns
                .iter()
                .any(|known| known.name == column && !own.contains(column));
            // A column under another name may hold anything that the query reads.
            is_plain || (own.is_empty() && masked.is_empty())
        };
        let mut failed = 0;
        let mut examples: BTreeSet<String> = BTreeSet::new();
        while let Some(batch) = rows.try_next().await.map_err(Error::engine(what()))? {
            failed += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
            for row in 0..batch.num_rows() {
                // The smallest by text, so that they do not depend on the order of rows.
                examples.insert(example(&batch, row, &shows));
                if examples.len() > EXAMPLES {
                    examples.pop_last();
                }
            }
        }
        let examples = examples.into_iter().collect();
        Ok(Outcome::of_rows(part.date, failed, examples))
    }

    /// Why a query has nothing to look at on a date, if it has not.
    fn nothing_to_read(&self, query: &CheckQuery, date: Option<NaiveDate>) -> Option<String> {
        for (name, window) in self.models.windows(&query.model) {
            let is_of_date = matches!(window, Window::Around { .. });
            let date = date.filter(|_| is_of_date);
            if (self.has_failed)(&name, date) {
                return Some(format!("{name} failed in this run"));
            }
            let table = self.published.state.tables.get(&name);
            let is_published = table.is_some_and(|table| match date {
                Some(date) => table.partition(Some(date)).is_some(),
                None => !table.partitions.is_empty(),
            });
            if !is_published {
                return Some(match date {
                    Some(date) => format!("{name} of {date} is not published"),
                    None => format!("{name} is not published"),
                });
            }
        }
        None
    }
}

/// A check as results name it.
fn heading(model: &Model, check: &TableCheck) -> Heading {
    Heading {
        table: model.name().to_string(),
        check: words(&check.rule, check.name.as_deref()),
        name: check.name.clone(),
        severity: check.severity,
    }
}

/// A row as text, `page=/home, views=-1`.
fn example(batch: &RecordBatch, row: usize, shows: &dyn Fn(&str) -> bool) -> String {
    let options = FormatOptions::new().with_null("null");
    let schema = batch.schema();
    let columns: Vec<String> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| {
            let value = match shows(field.name()) {
                true => ArrayFormatter::try_new(column, &options)
                    .map_or_else(|_| "?".to_string(), |values| values.value(row).to_string()),
                false => MASK.to_string(),
            };
            format!("{}={value}", field.name())
        })
        .collect();
    let text = columns.join(", ");
    match text.char_indices().nth(EXAMPLE_LENGTH) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

impl Models {
    /// Columns of a model's table that hold personal data: declared so in its contract, or named as
    /// one that is declared so where its rows come from.
    pub fn personal(&self, project: &Project, model: &Model) -> BTreeSet<String> {
        let mut upstream: BTreeSet<String> = BTreeSet::new();
        let mut waiting: Vec<&str> = model.tables.iter().map(String::as_str).collect();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            if !seen.insert(name) {
                continue;
            }
            if let Some(source) = project.sources.get(name) {
                let personal = source.columns.iter().filter(|column| column.personal);
                upstream.extend(personal.map(|column| column.name.clone()));
            }
            if let Some(read) = self.get(name) {
                let personal = read
                    .contract
                    .columns
                    .iter()
                    .filter(|column| column.personal);
                upstream.extend(personal.map(|column| column.name.clone()));
                waiting.extend(read.tables.iter().map(String::as_str));
            }
        }
        let contract = &model.contract;
        if contract.columns.is_empty() {
            return upstream; // a query without a contract shows what it reads
        }
        contract
            .columns
            .iter()
            .filter(|column| column.personal || upstream.contains(&column.name))
            .map(|column| column.name.clone())
            .collect()
    }

    /// Tables that the checks of a model read and that must not have failed for it to be published,
    /// each with how far around.
    pub fn windows_of_checks(&self, model: &Model) -> Vec<(String, Window)> {
        let stops = |query: &&CheckQuery| {
            let check = model.contract.checks.get(query.index);
            check.is_some_and(|check| check.severity == Severity::Stop)
        };
        model
            .check_queries
            .iter()
            .filter(stops)
            .flat_map(|query| self.windows(&query.model))
            .collect()
    }
}
