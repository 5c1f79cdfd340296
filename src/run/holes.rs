//! Days before those of a run that could be published and are not: named every night, with how to have
//! them.
//!
//! A source's history begins where something of it is published, or where its raw files begin among the
//! days that are published of other sources: one that comes later to a warehouse, and waits for markers or
//! hours, may be passed over for days that lie behind a hole.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use super::Workspace;
use super::completeness;
use super::tables::{self, ranges};
use crate::error::Result;
use crate::project::{Build, Needs, Source, layout_dates};
use crate::source::inventory::path_dates;
use crate::table::state::State;

/// Days this far back are looked at for what they lack; those before are only named.
const DAYS_LOOKED_AT: u64 = 62;

/// One line for each stretch of days of a table.
pub(super) async fn holes(
    workspace: &Workspace,
    state: &State,
    before: NaiveDate,
) -> Result<Vec<String>> {
    let project = &workspace.project;
    let published = |name: &str| -> BTreeSet<NaiveDate> { state.table(name).dates().collect() };
    let anywhere: BTreeSet<NaiveDate> = project
        .sources
        .keys()
        .flat_map(|name| published(name))
        .collect();
    let mut missing: BTreeMap<&str, BTreeSet<NaiveDate>> = BTreeMap::new();
    for source in project.sources.values() {
        let own = published(&source.name);
        let first_own = own.first().copied();
        let first_raw = match anywhere.first() {
            Some(first) if first_own.is_none_or(|own| *first < own) && *first < before => {
                first_raw_day(workspace, source, *first).await?
            }
            _ => None,
        };
        let Some(first) = first_own.into_iter().chain(first_raw).min() else {
            continue;
        };
        let days = first
            .iter_days()
            .take_while(|date| *date < before)
            .filter(|date| !own.contains(date))
            .collect();
        missing.insert(&source.name, days);
    }
    let models = workspace
        .models
        .iter()
        .filter(|model| model.contract.build == Build::ByDate);
    for model in models {
        let own = published(model.name());
        let days = anywhere
            .iter()
            .copied()
            .filter(|date| *date < before && !own.contains(date))
            .filter(|date| tables::has_inputs(workspace, model, state, *date))
            .collect();
        missing.insert(model.name(), days);
    }
    missing.retain(|_, days| !days.is_empty());
    let looked_at_from = before
        .checked_sub_days(Days::new(DAYS_LOOKED_AT))
        .unwrap_or(NaiveDate::MIN);
    let incomplete = incomplete(workspace, state, &missing, looked_at_from).await?;
    let mut found = Vec::new();
    for (name, days) in missing {
        let (lacking, runnable): (BTreeSet<NaiveDate>, BTreeSet<NaiveDate>) = days
            .into_iter()
            .partition(|date| incomplete.contains_key(date));
        let (unseen, complete): (BTreeSet<NaiveDate>, BTreeSet<NaiveDate>) = runnable
            .into_iter()
            .partition(|date| *date < looked_at_from);
        for (start, end) in ranges(unseen.into_iter(), usize::MAX) {
            found.push(format!(
                "{name}: {start} to {end} is not published and lies before the dates of a run; `loudou run --from {start} --to {end}` publishes it, or says what it lacks"
            ));
        }
        for (start, end) in ranges(complete.into_iter(), usize::MAX) {
            found.push(format!(
                "{name}: {start} to {end} is not published and lies before the dates of a run, although it is complete; `loudou run --from {start} --to {end}` publishes it"
            ));
        }
        for date in lacking {
            found.push(format!(
                "{name}: {date} is not published and not complete ({}); when that is there, `loudou run --date {date}` publishes it",
                incomplete[&date]
            ));
        }
    }
    Ok(found)
}

/// The first day of a source's raw files from a day on, as far as their folders tell.
async fn first_raw_day(
    workspace: &Workspace,
    source: &Source,
    from: NaiveDate,
) -> Result<Option<NaiveDate>> {
    let zone = workspace.project.zone;
    let dates = path_dates(source).await?;
    let near = from.checked_sub_days(Days::new(1)).unwrap_or(from);
    let Some(first) = dates.range(near..).next() else {
        return Ok(None);
    };
    // Where the layout's days are not the project's, a day needs the files of two dates.
    let around = first.checked_sub_days(Days::new(1)).unwrap_or(*first);
    Ok(around.iter_days().take(3).find(|day| {
        let needs = layout_dates(zone, source.layout_zone, *day);
        *day >= from && needs.iter().any(|date| dates.contains(date))
    }))
}

/// What the missing days lack of any source, by day: a run of them would be refused for it.
async fn incomplete(
    workspace: &Workspace,
    state: &State,
    missing: &BTreeMap<&str, BTreeSet<NaiveDate>>,
    from: NaiveDate,
) -> Result<BTreeMap<NaiveDate, String>> {
    let days: BTreeSet<NaiveDate> = missing
        .values()
        .flatten()
        .copied()
        .filter(|date| *date >= from)
        .collect();
    let mut found: BTreeMap<NaiveDate, String> = BTreeMap::new();
    let waiting = workspace
        .project
        .sources
        .values()
        .filter(|source| source.complete_when.needs != Needs::Nothing);
    for source in waiting {
        for span in ranges(days.iter().copied(), usize::MAX) {
            for lacks in completeness::of_source(&workspace.project, source, state, span).await? {
                let words = format!("{}: {}", lacks.source, lacks.lacks);
                found
                    .entry(lacks.date)
                    .and_modify(|text| text.push_str(&format!("; {words}")))
                    .or_insert(words);
            }
        }
    }
    Ok(found)
}
