//! Which of its inputs changed since a partition was built: the log's slots tell the order of things.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::Workspace;
use super::fingerprint::seen_by;
use super::tables::dates_as_text;
use crate::ingest::why::{DateCause, SourceCause};
use crate::model::Model;
use crate::table::restatement::{Cause, CauseKind};
use crate::table::state::{PartitionState, State};

/// Of a model's date that is built again: partitions it reads that were published, restated or matured
/// after it was built; another definition; the clock.
pub(super) fn of_model(
    workspace: &Workspace,
    model: &Model,
    state: &State,
    date: Option<NaiveDate>,
    published: &PartitionState,
) -> Vec<Cause> {
    let mut found = Vec::new();
    let since = published.commit;
    for (name, window) in workspace.models.windows(model) {
        let Some(table) = state.tables.get(&name) else {
            continue;
        };
        let range = match date {
            Some(date) => seen_by(window, date),
            None => (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded),
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
        let mut days: [(CauseKind, BTreeSet<NaiveDate>, bool); 4] = [
            CauseKind::InputRestated,
            CauseKind::InputFilled,
            CauseKind::InputMatured,
            CauseKind::LaterDays,
        ]
        .map(|kind| (kind, BTreeSet::new(), false));
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
            for (of, dates, is_hit) in &mut days {
                if *of == kind {
                    *is_hit = true;
                    dates.extend(day);
                }
            }
        }
        for (kind, dates, _) in days.into_iter().filter(|(_, _, is_hit)| *is_hit) {
            found.push(Cause {
                table: name.clone(),
                dates: dates_as_text(&dates),
                ..Cause::of_kind(kind)
            });
        }
    }
    if published.definition != workspace.models.definition(&workspace.project, model) {
        found.push(Cause::of_kind(CauseKind::Definition));
    }
    if found.is_empty() {
        let is_by_clock = model.parameters.contains("complete_through");
        found.push(Cause::of_kind(match is_by_clock {
            true => CauseKind::DaysComplete,
            false => CauseKind::Unexplained,
        }));
    }
    found
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
