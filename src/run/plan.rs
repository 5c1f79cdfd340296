//! What a run would do, without doing it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;

use super::Workspace;
use super::tables::{self, Asked, needed, ranges};
use crate::error::Result;
use crate::ingest;
use crate::ingest::plan::{IngestPlan, ReadReason, Request};
use crate::model::Window;
use crate::project::Build;
use crate::table::publish::{damaged, forget_damaged};
use crate::table::state::{PartitionState, State, date_key};

/// One line of the plan.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedStep {
    /// `source` or `model`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Date ranges to build, as text.
    pub dates: Vec<String>,
    /// Why.
    pub why: Vec<String>,
    /// Dates published from other definitions, as ranges.
    pub stale: Vec<String>,
}

/// The plan of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The last complete day.
    pub complete_through: String,
    /// First date asked for.
    pub from: String,
    /// Last date asked for.
    pub to: String,
    /// Steps with something to do, or something to say.
    pub steps: Vec<PlannedStep>,
    /// What nobody asked for and somebody should know.
    pub warnings: Vec<String>,
}

/// Looks at the sources' listings and at what is published. Writes nothing.
pub async fn plan(
    workspace: &Workspace,
    state: &State,
    asked: &Asked,
    rescan: bool,
) -> Result<Plan> {
    // What is planned is entered into a copy of the state, so that models further down see it coming.
    let mut expected = state.clone();
    forget_damaged(&mut expected, &damaged(&workspace.warehouse, state));
    let state = &expected.clone();
    let mut warnings = super::holes(workspace, state, asked.dates.0);
    let mut steps = Vec::new();
    for source in workspace.project.sources.values() {
        let request = Request {
            dates: Some(asked.dates),
            rescan,
            full_refresh: asked.full_refresh,
            accept_vanished: false,
        };
        let plan = ingest::plan::plan(source, &state.table(&source.name), &request).await?;
        for warning in plan.warnings() {
            warnings.push(format!("{}: {warning}", source.name));
        }
        let dates = touched(&plan);
        for date in &dates {
            expect(&mut expected, &source.name, Some(*date));
        }
        let why = source_reasons(&plan);
        let definition = ingest::definition(source, &workspace.engine);
        let stale: BTreeSet<NaiveDate> = state
            .table(&source.name)
            .partitions
            .iter()
            .filter(|(_, partition)| partition.definition != definition)
            .filter_map(|(date, _)| date.parse().ok())
            .filter(|date| !dates.contains(date))
            .collect();
        if !why.is_empty() || !stale.is_empty() {
            steps.push(PlannedStep {
                kind: "source",
                name: source.name.clone(),
                dates: as_text(&dates),
                why,
                stale: as_text(&stale),
            });
        }
    }
    for model in workspace.models.iter() {
        let mut needed = needed(workspace, model, &expected, asked);
        if model.contract.reads_itself() {
            // Dates behind one that is built may have to be built again.
            let mut after = expected.clone();
            for date in needed.build.keys() {
                expect(&mut after, model.name(), *date);
            }
            for (date, reason) in tables::needed(workspace, model, &after, asked).build {
                needed.build.entry(date).or_insert(reason);
                needed.stale.remove(&date);
            }
        }
        let mut by_reason: BTreeMap<&'static str, usize> = BTreeMap::new();
        for (date, reason) in &needed.build {
            *by_reason.entry(reason.words()).or_default() += 1;
            expect(&mut expected, model.name(), *date);
        }
        let dates: BTreeSet<NaiveDate> = needed.build.keys().copied().flatten().collect();
        let stale: BTreeSet<NaiveDate> = needed.stale.iter().copied().flatten().collect();
        let mut dates = as_text(&dates);
        if needed.build.contains_key(&None) {
            dates.push("whole table".to_string());
        }
        let mut stale = as_text(&stale);
        if needed.stale.contains(&None) {
            stale.push("whole table".to_string());
        }
        if !dates.is_empty() || !stale.is_empty() {
            let mut why: Vec<String> = by_reason
                .into_iter()
                .map(|(reason, count)| format!("{count} {reason}"))
                .collect();
            let reads_all = workspace
                .models
                .windows(model)
                .values()
                .any(|window| *window == Window::All);
            if model.contract.build == Build::Whole && reads_all {
                why.push("reads all of its inputs".to_string());
            }
            steps.push(PlannedStep {
                kind: "model",
                name: model.name().to_string(),
                dates,
                why,
                stale,
            });
        }
    }
    Ok(Plan {
        complete_through: asked.complete_through.to_string(),
        from: asked.dates.0.to_string(),
        to: asked.dates.1.to_string(),
        steps,
        warnings,
    })
}

/// Dates a source's plan is known to touch; late rows may touch more, which only reading can tell.
fn touched(plan: &IngestPlan) -> BTreeSet<NaiveDate> {
    let mut dates: BTreeSet<NaiveDate> = plan.new_dates().collect();
    dates.extend(&plan.rebuild);
    dates.extend(
        plan.read
            .iter()
            .filter_map(|read| read.object.path_date)
            .filter(|date| plan.published.contains(date)),
    );
    dates
}

fn source_reasons(plan: &IngestPlan) -> Vec<String> {
    let count = |reason: ReadReason| {
        plan.read
            .iter()
            .filter(|read| read.reason == reason)
            .count()
    };
    [
        (count(ReadReason::New), "new objects"),
        (count(ReadReason::Changed), "changed objects"),
        (plan.gone.len(), "vanished objects"),
        (plan.new_dates().count(), "missing dates"),
        (plan.rebuild.len(), "dates to rebuild"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect()
}

fn as_text(dates: &BTreeSet<NaiveDate>) -> Vec<String> {
    ranges(dates.iter().copied(), usize::MAX)
        .into_iter()
        .map(|(start, end)| match start == end {
            true => start.to_string(),
            false => format!("{start} to {end}"),
        })
        .collect()
}

/// Marks a partition as about to change.
fn expect(state: &mut State, table: &str, date: Option<NaiveDate>) {
    state
        .tables
        .entry(table.to_string())
        .or_default()
        .partitions
        .entry(date_key(date))
        .and_modify(|partition| partition.hash = "planned".to_string())
        .or_insert_with(|| PartitionState {
            key: String::new(),
            rows: 0,
            bytes: 0,
            hash: "planned".to_string(),
            inputs: "planned".to_string(),
            definition: String::new(),
            commit: 0,
            modified_ns: None,
        });
}
