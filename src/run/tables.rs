//! Which dates of which model must be built, and why.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use super::Workspace;
use super::fingerprint::Fingerprints;
use crate::model::{Model, Window};
use crate::project::Build;
use crate::table::state::{PartitionState, State};

/// Why a partition is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Not published yet.
    Missing,
    /// What it is computed from has changed.
    InputsChanged,
    /// It is not what was published, or a run was cut off.
    Damaged,
    /// Published from another definition, and the run follows the present ones (`--into`).
    Redefined,
    /// Asked for by `--full-refresh`.
    FullRefresh,
}

impl Reason {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::InputsChanged => "inputs changed",
            Self::Damaged => "damaged or cut off",
            Self::Redefined => "definition changed",
            Self::FullRefresh => "full refresh",
        }
    }
}

/// What is asked of all models.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// First and last date.
    pub dates: (NaiveDate, NaiveDate),
    /// The last complete day.
    pub complete_through: NaiveDate,
    /// Rebuild published dates, too.
    pub full_refresh: bool,
    /// Rebuild dates that are published from other definitions.
    pub follow_definitions: bool,
}

impl Asked {
    /// The last complete day that what has matured is judged by: the clock never makes it go back.
    pub fn matured_by(&self, state: &State) -> NaiveDate {
        state
            .complete_through
            .map_or(self.complete_through, |before| {
                before.max(self.complete_through)
            })
    }
}

/// What one model needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needed {
    /// Dates to build (`None`: the whole table), with the reason.
    pub build: BTreeMap<Option<NaiveDate>, Reason>,
    /// Asked for and published already from the same inputs and definitions.
    pub done: BTreeSet<Option<NaiveDate>>,
    /// Published from other definitions; built again only by `--full-refresh`.
    pub stale: BTreeSet<Option<NaiveDate>>,
}

/// Compares what is published of a model with what it should be.
pub fn needed(workspace: &Workspace, model: &Model, state: &State, asked: &Asked) -> Needed {
    let mut needed = Needed::default();
    if model.is_view() {
        return needed;
    }
    let definition = workspace.models.definition(&workspace.project, model);
    let table = state.table(model.name());
    let fingerprints = Fingerprints::new(&workspace.models, model, state, asked.complete_through);
    let mut look = |date: Option<NaiveDate>, is_asked: bool| {
        let published = table.partition(date);
        let inputs = fingerprints.of(date);
        let is_stale = published.is_some_and(|published| published.definition != definition);
        let reason = reason(published, &inputs, is_asked && asked.full_refresh).or_else(|| {
            (is_stale && is_asked && asked.follow_definitions).then_some(Reason::Redefined)
        });
        match (published, reason) {
            (None, _) if !is_asked => {}
            (_, Some(reason)) => {
                needed.build.insert(date, reason);
            }
            (Some(_), None) => {
                if is_stale {
                    needed.stale.insert(date);
                }
                if is_asked {
                    needed.done.insert(date);
                }
            }
            (None, None) => {}
        }
    };
    if model.contract.build == Build::Whole {
        look(None, true);
        return needed;
    }
    let (from, to) = asked.dates;
    let mut dates: BTreeSet<NaiveDate> = table.dates().collect();
    let mut date = from;
    while date <= to {
        if has_inputs(workspace, model, state, date) {
            dates.insert(date);
        }
        match date.checked_add_days(Days::new(1)) {
            Some(next) => date = next,
            None => break,
        }
    }
    for date in dates {
        look(Some(date), from <= date && date <= to);
    }
    needed
}

fn reason(published: Option<&PartitionState>, inputs: &str, refresh: bool) -> Option<Reason> {
    match published {
        None => Some(Reason::Missing),
        Some(published) if published.inputs.is_empty() => Some(Reason::Damaged),
        Some(published) if published.inputs != inputs => Some(Reason::InputsChanged),
        Some(_) if refresh => Some(Reason::FullRefresh),
        Some(_) => None,
    }
}

/// Whether anything the model reads by date is published for the date itself. A day before the first
/// raw object is no day without rows.
pub fn has_inputs(workspace: &Workspace, model: &Model, state: &State, date: NaiveDate) -> bool {
    let windows = workspace.models.windows(model);
    let mut by_date = windows
        .iter()
        .filter(|(_, window)| !matches!(window, Window::All | Window::Earlier))
        .peekable();
    if by_date.peek().is_none() {
        return true;
    }
    by_date.any(|(name, _)| {
        state
            .tables
            .get(name)
            .is_some_and(|table| table.partition(Some(date)).is_some())
    })
}

/// Dates as a person reads them: consecutive ones as `2026-11-18 to 2026-11-20`.
pub fn dates_as_text(dates: &BTreeSet<NaiveDate>) -> Vec<String> {
    ranges(dates.iter().copied(), usize::MAX)
        .into_iter()
        .map(|(start, end)| match start == end {
            true => start.to_string(),
            false => format!("{start} to {end}"),
        })
        .collect()
}

/// Consecutive dates together, at most `longest` in one range.
pub fn ranges(
    dates: impl Iterator<Item = NaiveDate>,
    longest: usize,
) -> Vec<(NaiveDate, NaiveDate)> {
    let mut ranges: Vec<(NaiveDate, NaiveDate)> = Vec::new();
    for date in dates {
        match ranges.last_mut() {
            Some((start, end))
                if (date - *end).num_days() == 1
                    && usize::try_from((date - *start).num_days()).unwrap_or(usize::MAX)
                        < longest =>
            {
                *end = date;
            }
            _ => ranges.push((date, date)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_dates_go_together() {
        let day = |day: u32| NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        let found = ranges([1, 2, 3, 5, 6, 9].map(day).into_iter(), 2);
        assert_eq!(
            found,
            [
                (day(1), day(2)),
                (day(3), day(3)),
                (day(5), day(6)),
                (day(9), day(9))
            ]
        );
    }
}
