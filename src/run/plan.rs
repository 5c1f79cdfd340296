//! What a run would do, without doing it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use serde::Serialize;

use super::Workspace;
use super::causes;
use super::column_changes;
use super::completeness::{self, Incomplete};
use super::night::{self, RunOptions};
use super::sandbox::Sandbox;
use super::tables::{self, Reason, dates_as_text, needed};
use crate::error::Result;
use crate::ingest;
use crate::ingest::plan::{IngestPlan, Request};
use crate::ingest::why::{self, DateCause};
use crate::model::Window;
use crate::project::{Build, Source};
use crate::source::RowSchema;
use crate::table::log::read_state;
use crate::table::publish::{damaged, forget_damaged};
use crate::table::schema;
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
    /// Why each date of a source is built.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<DateCause>,
    /// How its columns differ from those of its newest published date.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
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
    /// Days that have ended and are not complete, with what they lack.
    pub incomplete: Vec<Incomplete>,
    /// Steps with something to do, or something to say.
    pub steps: Vec<PlannedStep>,
    /// What nobody asked for and somebody should know.
    pub warnings: Vec<String>,
}

/// Looks at the sources' listings and at what is published, as a run with these options would find it now.
/// Writes nothing.
pub async fn plan(workspace: &Workspace, options: &RunOptions) -> Result<Plan> {
    let sandbox = match &options.into {
        Some(dir) => Some(Sandbox::open(workspace, dir).await?),
        None => None,
    };
    let workspace = sandbox
        .as_ref()
        .map_or(workspace, |sandbox| &sandbox.workspace);
    let mut own = read_state(&workspace.warehouse).await?;
    let found = damaged(&workspace.warehouse, &own).await?;
    forget_damaged(&mut own, &found);
    let over = |own: &State| {
        sandbox
            .as_ref()
            .map_or_else(|| own.clone(), |sandbox| sandbox.over(own))
    };
    let state = over(&own);
    let found = completeness::look(&workspace.project, &state, options.now, options.dates).await?;
    let asked = night::asked(&workspace.project, &state, options, &found, options.now)?;
    let mut warnings = super::holes::holes(workspace, &state, asked.dates.0).await?;
    let (sources, models) = night::steps_of(workspace, sandbox.is_some(), options);
    // What is planned is entered into a copy of the state, so that models further down see it coming.
    let mut expected = state.clone();
    let mut steps = Vec::new();
    for source in sources {
        let request = Request {
            zone: workspace.project.zone,
            dates: Some(asked.dates),
            rescan: options.rescan,
            full_refresh: asked.full_refresh,
            accept_vanished: false,
        };
        let table = own.table(&source.name);
        let plan = ingest::plan::plan(source, &table, &request).await?;
        for warning in plan.warnings() {
            warnings.push(format!("{}: {warning}", source.name));
        }
        let dates = touched(&plan);
        for date in &dates {
            expect(&mut expected, &source.name, Some(*date));
        }
        let causes = why::of_plan(&plan, &table, &dates);
        let mut why = why::words(&causes, dates_as_text);
        let may = may_touch(source, &plan, &dates);
        if !may.is_empty() {
            why.push(format!(
                "late rows in what is read may restate {}",
                dates_as_text(&may).join(", ")
            ));
        }
        let definition = ingest::definition(source, &workspace.engine);
        let stale: BTreeSet<NaiveDate> = table
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
                dates: dates_as_text(&dates),
                why,
                stale: dates_as_text(&stale),
                causes,
                columns: column_changes::of(
                    &RowSchema::of(source).schema,
                    &workspace.warehouse,
                    &table,
                ),
            });
        }
    }
    for model in models {
        let mut needed = needed(workspace, model, &expected, &asked);
        if model.contract.reads_itself() {
            // Dates behind one that is built may have to be built again.
            let mut after = expected.clone();
            for date in needed.build.keys() {
                expect(&mut after, model.name(), *date);
            }
            for (date, reason) in tables::needed(workspace, model, &after, &asked).build {
                needed.build.entry(date).or_insert(reason);
                needed.stale.remove(&date);
            }
        }
        let before = expected.clone();
        let mut by_reason: BTreeMap<&'static str, BTreeSet<NaiveDate>> = BTreeMap::new();
        for (date, reason) in &needed.build {
            by_reason.entry(reason.words()).or_default().extend(*date);
            expect(&mut expected, model.name(), *date);
        }
        let dates: BTreeSet<NaiveDate> = needed.build.keys().copied().flatten().collect();
        let stale: BTreeSet<NaiveDate> = needed.stale.iter().copied().flatten().collect();
        let mut dates = dates_as_text(&dates);
        if needed.build.contains_key(&None) {
            dates.push("whole table".to_string());
        }
        let mut stale = dates_as_text(&stale);
        if needed.stale.contains(&None) {
            stale.push("whole table".to_string());
        }
        if !dates.is_empty() || !stale.is_empty() {
            let is_only = by_reason.len() == 1;
            // The slots of a sandbox's log are not those of the warehouse's.
            let changed = match sandbox {
                None => causes::changed_inputs(workspace, model, &before, &needed.build),
                Some(_) => String::new(),
            };
            let mut why: Vec<String> = by_reason
                .into_iter()
                .map(|(reason, dates)| match is_only || dates.is_empty() {
                    true => reason.to_string(),
                    false => format!("{reason} ({})", dates_as_text(&dates).join(", ")),
                })
                .map(
                    |words| match words.starts_with(Reason::InputsChanged.words()) {
                        true if !changed.is_empty() => format!("{words}: {changed}"),
                        _ => words,
                    },
                )
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
                causes: Vec::new(),
                columns: column_changes::of(
                    &schema::of_contract(&model.contract),
                    &workspace.warehouse,
                    &state.table(model.name()),
                ),
            });
        }
    }
    Ok(Plan {
        complete_through: asked.complete_through.to_string(),
        from: asked.dates.0.to_string(),
        to: asked.dates.1.to_string(),
        incomplete: found.incomplete,
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

/// Published dates that only late rows in new and changed objects would touch: reading tells.
fn may_touch(
    source: &Source,
    plan: &IngestPlan,
    dates: &BTreeSet<NaiveDate>,
) -> BTreeSet<NaiveDate> {
    let reach = Days::new(source.late.days_ceil().into());
    plan.read
        .iter()
        .filter_map(|read| read.object.path_date)
        .flat_map(|date| {
            let first = date.checked_sub_days(reach).unwrap_or(date);
            let last = date.checked_add_days(reach).unwrap_or(date);
            plan.published.range(first..=last).copied()
        })
        .filter(|date| !dates.contains(date))
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
        .and_modify(|partition| {
            partition.hash = "planned".to_string();
            partition.changed = u64::MAX;
            partition.restated = u64::MAX;
        })
        .or_insert_with(|| PartitionState {
            hash: "planned".to_string(),
            inputs: "planned".to_string(),
            first: u64::MAX,
            changed: u64::MAX,
            ..PartitionState::default()
        });
}
