//! What a partition was computed from, as one hash: if it is the same, so are the rows.

use std::collections::BTreeMap;
use std::ops::Bound;

use chrono::{Days, NaiveDate};

use crate::model::{Model, Models, Window};
use crate::project::{Before, Build};
use crate::table::state::{State, TableState, date_key};
use crate::table::write::hash_text;

/// How far a date's values may be called complete: up to the last complete day, unless a day that the
/// model reads after the date is not published (blocked, or never run); then up to the day before that.
pub fn published_through(
    models: &Models,
    model: &Model,
    state: &State,
    date: Option<NaiveDate>,
    complete_through: NaiveDate,
) -> NaiveDate {
    let Some(date) = date else {
        return complete_through;
    };
    let mut through = complete_through;
    for (name, window) in models.windows(model) {
        let Window::Around { after, .. } = window else {
            continue;
        };
        let last = date
            .checked_add_days(Days::new(after.into()))
            .unwrap_or(NaiveDate::MAX);
        let is_published = |day: NaiveDate| {
            state
                .tables
                .get(&name)
                .is_some_and(|table| table.partition(Some(day)).is_some())
        };
        let missing = date
            .iter_days()
            .take_while(|day| *day <= last && *day <= complete_through)
            .find(|day| !is_published(*day));
        if let Some(before) = missing.and_then(|day| day.pred_opt()) {
            through = through.min(before);
        }
    }
    through
}

/// Fingerprints of a model's dates: each the hash of everything that its rows are computed from, the
/// definitions apart.
#[derive(Debug)]
pub struct Fingerprints<'a> {
    models: &'a Models,
    model: &'a Model,
    state: &'a State,
    complete_through: NaiveDate,
    windows: BTreeMap<String, Window>,
    /// Of tables that are read back to their beginning, by published date: the hash of everything up to
    /// it, so that a long history is hashed once and not once for each date.
    histories: BTreeMap<String, BTreeMap<&'a str, String>>,
}

impl<'a> Fingerprints<'a> {
    /// Of a model, as things are published in `state`.
    pub fn new(
        models: &'a Models,
        model: &'a Model,
        state: &'a State,
        complete_through: NaiveDate,
    ) -> Self {
        let windows = models.windows(model);
        let mut histories = BTreeMap::new();
        for (name, window) in &windows {
            let reads_all_before = match window {
                Window::Around { before, .. } => *before == Before::All,
                Window::Earlier => true,
                Window::All => false,
            };
            if let Some(table) = state.tables.get(name).filter(|_| reads_all_before) {
                histories.insert(name.clone(), history(table));
            }
        }
        Self {
            models,
            model,
            state,
            complete_through,
            windows,
            histories,
        }
    }

    /// Of one date (`None`: a model that is built whole): the published partitions it sees, and how far
    /// it has matured.
    pub fn of(&self, date: Option<NaiveDate>) -> String {
        let mut text = String::new();
        for (name, window) in &self.windows {
            text.push_str(name);
            text.push('\n');
            let Some(table) = self.state.tables.get(name) else {
                continue;
            };
            let (first, last) = match date {
                Some(date) => seen_by(*window, date),
                None => (Bound::Unbounded, Bound::Unbounded),
            };
            match self.histories.get(name) {
                Some(history) if date.is_some() => {
                    let last = last.as_ref().map(String::as_str);
                    if let Some((_, hash)) = history
                        .range::<str, _>((Bound::Unbounded, last))
                        .next_back()
                    {
                        text.push_str(&format!("history {hash}\n"));
                    }
                }
                _ => {
                    for (day, partition) in table.partitions.range((first, last)) {
                        text.push_str(&format!("{day} {}\n", partition.hash));
                    }
                }
            }
        }
        if self.model.parameters.contains("complete_through") {
            // Beyond the day on which the date's values are final, time changes nothing.
            let days = self.model.contract.matures_after.days_ceil();
            let matured = date
                .and_then(|date| date.checked_add_days(Days::new(days.into())))
                .map_or(self.complete_through, |final_on| {
                    final_on.min(self.complete_through)
                })
                .min(published_through(
                    self.models,
                    self.model,
                    self.state,
                    date,
                    self.complete_through,
                ));
            text.push_str(&format!("complete through {matured}\n"));
        }
        if self.model.contract.build == Build::Whole {
            text.push_str("whole\n");
        }
        hash_text(&text)
    }
}

/// The first and the last day that a date sees through a window, as keys of the state's maps.
pub(super) fn seen_by(window: Window, date: NaiveDate) -> (Bound<String>, Bound<String>) {
    let key = |date: NaiveDate| date_key(Some(date));
    match window {
        Window::Around { before, after } => {
            let last = date.checked_add_days(Days::new(after.into()));
            let first = match before {
                Before::Days(_) => Bound::Included(key(before.first_day(date))),
                Before::All => Bound::Unbounded,
            };
            (first, Bound::Included(key(last.unwrap_or(date))))
        }
        Window::Earlier => (Bound::Unbounded, Bound::Excluded(key(date))),
        Window::All => (Bound::Unbounded, Bound::Unbounded),
    }
}

/// For each published date the hash of all partitions up to it.
fn history(table: &TableState) -> BTreeMap<&str, String> {
    let mut before = String::new();
    let mut found = BTreeMap::new();
    for (day, partition) in &table.partitions {
        before = hash_text(&format!("{before} {day} {}", partition.hash));
        found.insert(day.as_str(), before.clone());
    }
    found
}
