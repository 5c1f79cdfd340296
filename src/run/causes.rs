//! Which of its inputs changed since a partition was built: the log's slots tell the order of things.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use chrono::NaiveDate;

use super::Workspace;
use super::fingerprint::seen_by;
use super::tables::{Reason, dates_as_text};
use crate::ingest::why::{DateCause, SourceCause};
use crate::model::Model;
use crate::table::restatement::{Cause, CauseKind};
use crate::table::state::{PartitionState, State};

/// Days of inputs by what happened to them and their table; a table that is built whole has none.
type Inputs = BTreeMap<(CauseKind, String), BTreeSet<NaiveDate>>;

/// Partitions that a model's date reads and that were published, restated or matured after it was built;
/// the definition; the clock.
fn inputs(
    workspace: &Workspace,
    model: &Model,
    state: &State,
    date: Option<NaiveDate>,
    published: &PartitionState,
) -> Inputs {
    let mut found = Inputs::new();
    let since = published.commit;
    for (name, window) in workspace.models.windows(model) {
        let Some(table) = state.tables.get(&name) else {
            continue;
        };
        let range = match date {
            Some(date) => seen_by(window, date),
            None => (Bound::Unbounded, Bound::Unbounded),
        };
        // Of a table that is built whole, growth at its end is no restatement.
        let last_then = match date {
            Some(date) => Some(date),
            None => table
                .partitions
                .iter()
                .filter(|(_, partition)| partition.first <= since)
                .filter_map(|(day, _)| day.parse().ok())
                .max(),
        };
        for (day, partition) in table.partitions.range(range) {
            if partition.changed <= since {
                continue;
            }
            let day: Option<NaiveDate> = day.parse().ok();
            let kind = match (partition.first > since, partition.restated > since) {
                (true, _) if day <= last_then => CauseKind::InputFilled,
                (true, _) => CauseKind::LaterDays,
                (false, true) => CauseKind::InputRestated,
                (false, false) => CauseKind::InputMatured,
            };
            found.entry((kind, name.clone())).or_default().extend(day);
        }
    }
    if published.definition != workspace.models.definition(&workspace.project, model) {
        found.insert((CauseKind::Definition, String::new()), BTreeSet::new());
    }
    if found.is_empty() {
        let kind = match model.parameters.contains("complete_through") {
            true => CauseKind::DaysComplete,
            false => CauseKind::Unexplained,
        };
        found.insert((kind, String::new()), BTreeSet::new());
    }
    found
}

/// Of a model's date that is built again.
pub(super) fn of_model(
    workspace: &Workspace,
    model: &Model,
    state: &State,
    date: Option<NaiveDate>,
    published: &PartitionState,
) -> Vec<Cause> {
    inputs(workspace, model, state, date, published)
        .into_iter()
        .map(|((kind, table), dates)| Cause {
            table,
            dates: dates_as_text(&dates),
            ..Cause::of_kind(kind)
        })
        .collect()
}

/// Which inputs are others than they were, for all dates of a model that are built for that:
/// `events 2026-11-19, events 2026-11-21 new`.
pub(super) fn changed_inputs(
    workspace: &Workspace,
    model: &Model,
    state: &State,
    build: &BTreeMap<Option<NaiveDate>, Reason>,
) -> String {
    let table = state.table(model.name());
    let mut all = Inputs::new();
    for (date, reason) in build {
        let published = table.partition(*date);
        if let Some(published) = published.filter(|_| *reason == Reason::InputsChanged) {
            for (key, dates) in inputs(workspace, model, state, *date, published) {
                all.entry(key).or_default().extend(dates);
            }
        }
    }
    let words: BTreeSet<String> = all
        .into_iter()
        .filter_map(|((kind, table), dates)| {
            let dates = dates_as_text(&dates).join(", ");
            let input = format!("{table} {dates}").trim_end().to_string();
            match kind {
                CauseKind::DaysComplete => Some("more days are complete".to_string()),
                CauseKind::InputFilled | CauseKind::LaterDays => Some(format!("{input} new")),
                CauseKind::InputRestated | CauseKind::InputMatured => Some(input),
                _ => None,
            }
        })
        .collect();
    words.into_iter().collect::<Vec<_>>().join("; ")
}

/// Of a source's date.
pub(super) fn of_source(
    name: &str,
    date: Option<NaiveDate>,
    causes: &[DateCause],
    has_other_definition: bool,
) -> Vec<Cause> {
    let mut found: Vec<Cause> = causes
        .iter()
        .filter(|cause| Some(cause.date) == date)
        .filter_map(|cause| {
            let kind = match cause.cause {
                SourceCause::Late => CauseKind::LateObjects,
                SourceCause::Changed => CauseKind::ChangedObjects,
                SourceCause::Vanished => CauseKind::VanishedObjects,
                SourceCause::HeldBack => CauseKind::HeldBackRows,
                SourceCause::Missing
                | SourceCause::Damaged
                | SourceCause::FullRefresh
                | SourceCause::Ahead => return None,
            };
            Some(Cause {
                table: name.to_string(),
                objects: cause.objects.len(),
                example: cause.objects.first().cloned(),
                ..Cause::of_kind(kind)
            })
        })
        .collect();
    if has_other_definition {
        found.push(Cause::of_kind(CauseKind::Definition));
    }
    if found.is_empty() {
        found.push(Cause::of_kind(CauseKind::Unexplained));
    }
    found
}
