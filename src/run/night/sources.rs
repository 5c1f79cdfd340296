//! A source's step: plan, ingest, publish; what is blocked is told and held back from its readers.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{Night, RunOptions};
use crate::error::Result;
use crate::ingest::plan::{IngestPlan, Request};
use crate::ingest::{self, IngestContext, IngestReport, Unreadable, why};
use crate::project::Source;
use crate::run::results::{Status, StepResult};
use crate::run::tables::dates_as_text;
use crate::table::log::RunLog;
use crate::table::publish::publish;

/// Objects that cannot be read and are told one by one.
const TOLD_OBJECTS: usize = 3;

impl Night<'_> {
    pub(super) async fn source(
        &mut self,
        source: &Source,
        options: &RunOptions,
        log: &mut RunLog,
        step: &mut StepResult,
    ) -> Result<()> {
        let workspace = self.workspace;
        let state = log.state.table(&source.name);
        let request = Request {
            zone: workspace.project.zone,
            dates: Some(self.asked.dates),
            rescan: options.rescan,
            full_refresh: options.full_refresh,
            accept_vanished: options.accept_vanished,
        };
        let plan = ingest::plan::plan(source, &state, &request).await?;
        for warning in plan.warnings() {
            self.results
                .warnings
                .push(format!("{}: {warning}", source.name));
        }
        if plan.is_empty() {
            step.why = "no new, changed or vanished objects".to_string();
            return Ok(());
        }
        let context = IngestContext {
            engine: workspace.engine.clone(),
            scratch: self.scratch.clone(),
            warehouse: workspace.warehouse.clone(),
        };
        let (mut commit, report, causes) = ingest::ingest(&context, source, &state, &plan).await?;
        step.dates = commit
            .ready
            .iter()
            .filter_map(|ready| ready.date)
            .map(|date| date.to_string())
            .collect();
        step.why = why::words(&causes, dates_as_text).join("; ");
        self.restate_source(source, log, &causes, &mut commit);
        step.causes = causes;
        step.rows = commit.ready.iter().map(|ready| ready.written.rows).sum();
        if !commit.ready.is_empty() || !commit.objects.is_empty() || !commit.gone.is_empty() {
            let changed = publish(&workspace.warehouse, log, commit).await?;
            step.changed = changed
                .into_iter()
                .flatten()
                .map(|date| date.to_string())
                .collect();
            step.status = Status::Done;
        }
        for warning in &report.warnings {
            self.results
                .warnings
                .push(format!("{}: {warning}", source.name));
        }
        if let Some(told) = new_fields(&report) {
            self.results
                .warnings
                .push(format!("{}: {told}", source.name));
        }
        // Days before all that is published anywhere are no holes, and only the rows tell of them.
        let first_anywhere = workspace
            .project
            .sources
            .keys()
            .filter_map(|name| log.state.tables.get(name)?.dates().next())
            .min();
        let mut older = report
            .before_dates
            .iter()
            .filter(|date| first_anywhere.is_none_or(|first| **date < first));
        let ends = older.clone().next().zip(older.next_back());
        if let Some((first, last)) = ends {
            self.results.warnings.push(format!(
                "{}: {} rows of {first} to {last} are not published: they lie before the dates of this run and before everything published; `loudou run --from {first} --to {last}` publishes these days if they are complete",
                source.name, report.rows_before_dates
            ));
        }
        self.hold_back(source, &plan, &report, step);
        step.ingest = Some(report);
        Ok(())
    }

    /// Says what stays as it was, and keeps it from the source's readers.
    fn hold_back(
        &mut self,
        source: &Source,
        plan: &IngestPlan,
        report: &IngestReport,
        step: &mut StepResult,
    ) {
        let is_published = |date: &NaiveDate| plan.published.contains(date);
        let is_wanted = |date: &NaiveDate| plan.requested.contains(date) || is_published(date);
        // A day that nobody asked for yet is missing to nobody: its objects may be on their way.
        let (waited_for, early): (Vec<&Unreadable>, Vec<&Unreadable>) = report
            .unreadable
            .iter()
            .partition(|held| held.dates.iter().any(is_wanted));
        for held in early.iter().take(TOLD_OBJECTS) {
            self.results
                .warnings
                .push(format!("{}: {}: {}", source.name, held.object, held.cause));
        }
        if early.len() > TOLD_OBJECTS {
            self.results.warnings.push(format!(
                "{}: {} more objects of days to come cannot be read (see run_results.json)",
                source.name,
                early.len() - TOLD_OBJECTS
            ));
        }
        if report.blocked.is_empty() && waited_for.is_empty() {
            return;
        }
        let mut words = Vec::new();
        for held in waited_for.iter().take(TOLD_OBJECTS) {
            let (stay, wait): (BTreeSet<NaiveDate>, BTreeSet<NaiveDate>) =
                held.dates.iter().partition(|date| is_published(date));
            let mut text = format!("{}: {}", held.object, held.cause);
            if !wait.is_empty() {
                text.push_str(&format!(
                    "; until then {} stays unpublished",
                    dates_as_text(&wait).join(", ")
                ));
            }
            if !stay.is_empty() {
                text.push_str(&format!(
                    "; until then what is published of {} stays as it is",
                    dates_as_text(&stay).join(", ")
                ));
            }
            words.push(text);
        }
        if waited_for.len() > TOLD_OBJECTS {
            words.push(format!(
                "{} more objects cannot be read (see run_results.json)",
                waited_for.len() - TOLD_OBJECTS
            ));
        }
        for blocked in &report.blocked {
            let stays = match blocked.dates.iter().all(is_published) {
                true => "what is published stays as it is",
                false => "the date stays unpublished",
            };
            words.push(format!(
                "{}: {} of {} lines are bad, more than {}%; {stays} (see _loudou/quarantine/{}/)",
                blocked.what,
                blocked.bad_lines,
                blocked.lines,
                source.quarantine_at_most * 100.0,
                source.name
            ));
        }
        step.status = Status::Failed;
        step.why = words.join("; ");
        let blocked = report.blocked.iter().flat_map(|blocked| &blocked.dates);
        let held = waited_for.iter().flat_map(|held| &held.dates);
        let dates = blocked
            .chain(held)
            .filter(|date| is_wanted(date))
            .copied()
            .collect();
        self.unavailable.insert(source.name.clone(), (dates, false));
    }
}

/// Fields that came up since the last run, in one line.
fn new_fields(report: &IngestReport) -> Option<String> {
    let named: Vec<String> = report
        .new_fields
        .iter()
        .map(|field| {
            format!(
                "{} ({} rows, first in {})",
                field.name, field.rows, field.first_object
            )
        })
        .collect();
    let more = match report.new_fields_in_all.saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!named.is_empty()).then(|| {
        format!(
            "new fields, kept in props: {}{more}; declare what is needed as columns",
            named.join(", ")
        )
    })
}
