//! A source's step: plan, ingest, publish; what is blocked is told and held back from its readers.

use chrono::NaiveDate;

use super::{Night, RunOptions};
use crate::error::Result;
use crate::ingest::plan::Request;
use crate::ingest::{self, IngestContext, IngestReport};
use crate::project::Source;
use crate::run::results::{Status, StepResult};
use crate::table::log::RunLog;
use crate::table::publish::publish;

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
        let (commit, report) = ingest::ingest(&context, source, &state, &plan).await?;
        step.dates = commit
            .ready
            .iter()
            .filter_map(|ready| ready.date)
            .map(|date| date.to_string())
            .collect();
        step.rows = commit.ready.iter().map(|ready| ready.written.rows).sum();
        if !commit.ready.is_empty() || !commit.objects.is_empty() || !commit.gone.is_empty() {
            let changed = publish(&workspace.warehouse, log, commit)?;
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
        if !report.blocked.is_empty() {
            step.status = Status::Failed;
            step.why = report
                .blocked
                .iter()
                .map(|blocked| {
                    let is_published = |date: &NaiveDate| state.partition(Some(*date)).is_some();
                    let stays = match blocked.dates.iter().all(is_published) {
                        true => "what is published stays as it is",
                        false => "the date stays unpublished",
                    };
                    if let Some(cause) = &blocked.cause {
                        return format!("{}: {cause}; {stays}", blocked.what);
                    }
                    format!(
                        "{}: {} of {} lines are bad, more than {}%; {stays} (see _loudou/quarantine/{}/)",
                        blocked.what,
                        blocked.bad_lines,
                        blocked.lines,
                        source.quarantine_at_most * 100.0,
                        source.name
                    )
                })
                .collect::<Vec<_>>()
                .join("; ");
            let dates = report
                .blocked
                .iter()
                .flat_map(|blocked| blocked.dates.iter().copied())
                .collect();
            self.unavailable.insert(source.name.clone(), (dates, false));
        }
        step.ingest = Some(report);
        Ok(())
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
