//! Renders pages from published tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use datafusion::dataframe::DataFrame;
use datafusion::prelude::SessionContext;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::Workspace;
use super::results::{Status, StepResult};
use super::tables::Asked;
use crate::error::{Error, Result};
use crate::model::build::{Published, Range, register_all};
use crate::model::check::plan;
use crate::model::sql::{self, Dates};
use crate::project::{Locale, Needs, Report, Section, Source, layout_hours};
use crate::report::{
    FunnelTitles, MissingPartition, RenderInput, ReportFiles, SectionRows, SourceStatus, render,
};
use crate::source::layout::Layout;
use crate::table::log::RunLog;
use crate::table::state::State;

/// A night renders its last date, and those of this many before it that have no page yet.
const CATCH_UP_PAGES: usize = 7;

/// Key of a page below the warehouse.
pub fn page_key(date: NaiveDate, role: &str, locale: Locale) -> String {
    format!("_site/{date}/{role}.{}.html", locale.tag())
}

/// The pages of a night in the project's language.
pub async fn nightly(
    workspace: &Workspace,
    report: &Report,
    (log, state): (&RunLog, &State),
    asked: &Asked,
    now: DateTime<Utc>,
    unavailable: &BTreeMap<&str, &BTreeSet<NaiveDate>>,
    step: &mut StepResult,
) -> Result<()> {
    let (from, to) = asked.dates;
    let locale = workspace.project.locale;
    let mut earlier: Vec<NaiveDate> = Vec::new();
    for date in std::iter::successors(to.checked_sub_days(Days::new(1)), |date| {
        date.checked_sub_days(Days::new(1))
    })
    .take(CATCH_UP_PAGES - 1)
    .take_while(|date| *date >= from)
    {
        let key = page_key(date, &report.role, locale);
        if !workspace.warehouse.is_there(&key).await? {
            earlier.push(date);
        }
    }
    let mut failures = Vec::new();
    let mut is_broken = false;
    for date in earlier.into_iter().rev().chain([to]) {
        let read = tables_of(workspace, report)?;
        let failed: Vec<&str> = unavailable
            .iter()
            .filter(|(table, dates)| {
                read.contains(**table) && (dates.is_empty() || dates.contains(&date))
            })
            .map(|(table, _)| *table)
            .collect();
        if !failed.is_empty() {
            failures.push(format!(
                "{date}: not rendered, since {} failed in this run",
                failed.join(", ")
            ));
            continue;
        }
        let has_data = read.iter().any(|table| {
            state
                .tables
                .get(table)
                .is_some_and(|table| table.partition(Some(date)).is_some())
        });
        if !has_data && date != to {
            continue; // before the first raw object
        }
        let request = Request {
            date,
            locale,
            complete_through: asked.complete_through,
            now,
        };
        match page(workspace, report, state, &request, Some(log)).await {
            Ok((path, is_new)) => {
                step.dates.push(date.to_string());
                if is_new {
                    step.changed.push(date.to_string());
                    step.status = Status::Done;
                }
                step.files.push(path);
            }
            Err(error) if error.ends_the_run() => return Err(error),
            Err(error) => {
                is_broken = true;
                failures.push(format!("{date}: {error}"));
            }
        }
    }
    if !failures.is_empty() {
        // A page that waits for its tables is no failure of its own.
        step.status = match is_broken {
            true => Status::Failed,
            false => Status::Skipped,
        };
        step.why = failures.join("; ");
    } else if step.status == Status::Unchanged {
        step.why = "same content as the pages that are there".to_string();
    }
    Ok(())
}

/// One page to render.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// The day reported.
    pub date: NaiveDate,
    /// Language.
    pub locale: Locale,
    /// The last complete day.
    pub complete_through: NaiveDate,
    /// The clock.
    pub now: DateTime<Utc>,
}

/// Renders one page and writes it, unless a page of the same content is there: as part of a run if that is
/// given. Gives where it is, and whether it was written.
pub async fn page(
    workspace: &Workspace,
    report: &Report,
    state: &State,
    request: &Request,
    log: Option<&RunLog>,
) -> Result<(String, bool)> {
    let project = &workspace.project;
    let files = ReportFiles::load(&project.root, report).map_err(Error::Project)?;
    let tables = tables_of(workspace, report)?;
    let has = |table: &str, date: NaiveDate| {
        state
            .tables
            .get(table)
            .is_some_and(|table| table.partition(Some(date)).is_some())
    };
    let by_date: Vec<&String> = tables
        .iter()
        .filter(|table| is_by_date(workspace, table))
        .collect();
    if let Some(table) = by_date.iter().find(|table| !has(table, request.date)) {
        return Err(Error::Failed(format!(
            "report {} of {}: {table} has no such date; run the date first (`loudou run --date {}`)",
            report.role, request.date, request.date
        )));
    }
    let mut missing = Vec::new();
    for back in [1u64, 7] {
        if let Some(date) = request.date.checked_sub_days(Days::new(back)) {
            for table in by_date.iter().filter(|table| !has(table, date)) {
                missing.push(MissingPartition {
                    table: (*table).clone(),
                    date,
                });
            }
        }
    }
    let session = workspace.engine.session()?;
    let range = Range {
        start: request.date,
        end: request.date,
        complete_through: request.complete_through,
    };
    let published = Published {
        state,
        warehouse: &workspace.warehouse,
    };
    register_all(&session, project, &workspace.models, &published, &range).await?;
    let rows = Rows {
        session: Arc::new(session),
        dates: Dates::from([("date", request.date)]),
    };
    let input = RenderInput {
        project_name: &project.name,
        date: request.date,
        locale: request.locale,
        currency: &project.currency,
        zone: project.zone,
        complete_through: request.complete_through,
        sources: project
            .sources
            .values()
            .map(|source| source_status(source, state, project.zone, request.date))
            .collect(),
        missing,
        funnels: project
            .funnels
            .iter()
            .map(|(name, funnel)| {
                let steps = funnel
                    .steps
                    .iter()
                    .map(|step| (step.name.clone(), step.title.clone()))
                    .collect();
                let titles = FunnelTitles {
                    title: funnel.title.clone(),
                    steps,
                };
                (name.clone(), titles)
            })
            .collect(),
        generated_at: request.now,
    };
    let page = render(report, &files, &input, &rows).await?;
    let key = page_key(request.date, &report.role, request.locale);
    // The page shows the first digits of its content's hash: the same ones, the same content.
    let shown = &page.content_hash[..page.content_hash.len().min(12)];
    let there = workspace.warehouse.read_text(&key).await?;
    let is_same = there.is_some_and(|there| there.contains(shown));
    match log {
        _ if is_same => {}
        Some(log) => {
            let warehouse = &workspace.warehouse;
            warehouse.replace_text(log, &key, &page.html).await?;
        }
        None => workspace.warehouse.write_text(&key, &page.html).await?,
    }
    Ok((workspace.warehouse.name_of(&key), !is_same))
}

fn is_by_date(workspace: &Workspace, table: &str) -> bool {
    workspace.project.sources.contains_key(table)
        || workspace
            .models
            .get(table)
            .is_some_and(|model| model.contract.build == crate::project::Build::ByDate)
}

/// Stored tables a report's selects read, through views.
pub fn tables_of(workspace: &Workspace, report: &Report) -> Result<BTreeSet<String>> {
    let mut tables = BTreeSet::new();
    for section in &report.sections {
        let path = workspace.project.root.join(&section.sql_path);
        let text = std::fs::read_to_string(&path).map_err(Error::io("reading", &path))?;
        let query = sql::parse(&text, &section.sql_path)
            .map_err(|problem| Error::Project(vec![problem]))?;
        for table in query.tables {
            match workspace.models.get(&table) {
                Some(view) if view.is_view() => {
                    tables.extend(workspace.models.windows(view).into_keys());
                }
                _ => {
                    tables.insert(table);
                }
            }
        }
    }
    Ok(tables)
}

struct Rows {
    session: Arc<SessionContext>,
    dates: Dates,
}

impl SectionRows for Rows {
    fn rows<'a>(
        &'a self,
        text: &'a str,
        section: &'a Section,
    ) -> BoxFuture<'a, Result<Vec<RecordBatch>>> {
        async move {
            let what = || format!("section {} ({})", section.name, section.sql_path);
            let query = sql::parse(text, &section.sql_path)
                .map_err(|problem| Error::Project(vec![problem]))?;
            let statement = sql::bind(&query.statement, &self.dates).map_err(|name| {
                Error::Failed(format!("{}: there is no parameter ${name}", what()))
            })?;
            let plan = plan(&self.session, statement)
                .await
                .map_err(Error::engine(what()))?;
            DataFrame::new(self.session.state(), plan)
                .collect()
                .await
                .map_err(Error::engine(what()))
        }
        .boxed()
    }
}

/// What was read for a local day, from the log.
fn source_status(source: &Source, state: &State, zone: Tz, date: NaiveDate) -> SourceStatus {
    let table = state.table(&source.name);
    let rows = table
        .partition(Some(date))
        .map_or(0, |partition| partition.rows);
    let of_path_date = || {
        table
            .objects
            .values()
            .filter(move |object| object.path_date == Some(date))
    };
    let decoded: u64 = table
        .objects
        .values()
        .filter_map(|object| object.rows_by_date.get(&date))
        .sum();
    let has_no_object = Layout::parse(&source.layout).has_date() && of_path_date().next().is_none();
    SourceStatus {
        has_no_object,
        name: source.name.clone(),
        lines: of_path_date().map(|object| object.lines).sum(),
        rows,
        duplicates: decoded.saturating_sub(rows),
        quarantined: of_path_date().map(|object| object.bad_lines).sum(),
        missing_hours: missing_hours(
            source,
            &table
                .objects
                .values()
                .map(|object| (object.path_date, object.path_hour))
                .collect(),
            zone,
            date,
        ),
    }
}

/// Local hours of a day for which the layout expects an object and none is there.
fn missing_hours(
    source: &Source,
    there: &BTreeSet<(Option<NaiveDate>, Option<u8>)>,
    zone: Tz,
    date: NaiveDate,
) -> Vec<u8> {
    if !source.layout.contains("{date}") || !source.layout.contains("{hour}") {
        return Vec::new();
    }
    let may_be_empty = |hour: u8| match &source.complete_when.needs {
        Needs::Hours { may_be_empty } => may_be_empty.contains(&hour),
        _ => false,
    };
    let mut missing: Vec<u8> = layout_hours(zone, source.layout_zone.zone(zone), date)
        .into_iter()
        .filter(|expected| !there.contains(&(Some(expected.date), Some(expected.hour))))
        .filter(|expected| !may_be_empty(expected.hour))
        .map(|expected| expected.local_hour)
        .collect();
    missing.dedup();
    missing
}
