//! What a partition was computed from, as one hash: if it is the same, so are the rows.

use chrono::{Days, NaiveDate};

use crate::model::{Model, Models, Window};
use crate::project::Build;
use crate::table::state::{State, date_key};
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

/// Fingerprint of a model's inputs for one date (`None`: a model that is built whole), the
/// definitions apart: the published partitions it sees, and how far its date has matured.
pub fn inputs(
    models: &Models,
    model: &Model,
    state: &State,
    date: Option<NaiveDate>,
    complete_through: NaiveDate,
) -> String {
    let mut text = String::new();
    for (name, window) in models.windows(model) {
        text.push_str(&name);
        text.push('\n');
        let Some(table) = state.tables.get(&name) else {
            continue;
        };
        match (window, date) {
            (Window::Around { before, after }, Some(date)) => {
                let from = date
                    .checked_sub_days(Days::new(before.into()))
                    .unwrap_or(NaiveDate::MIN);
                let to = date
                    .checked_add_days(Days::new(after.into()))
                    .unwrap_or(NaiveDate::MAX);
                let mut day = from;
                while day <= to {
                    if let Some(partition) = table.partitions.get(&date_key(Some(day))) {
                        text.push_str(&format!("{day} {}\n", partition.hash));
                    }
                    match day.checked_add_days(Days::new(1)) {
                        Some(next) => day = next,
                        None => break,
                    }
                }
            }
            _ => {
                for (day, partition) in &table.partitions {
                    text.push_str(&format!("{day} {}\n", partition.hash));
                }
            }
        }
    }
    if models.parameters(model).contains("complete_through") {
        // Beyond the day on which the date's values are final, time changes nothing.
        let matured = date
            .and_then(|date| {
                date.checked_add_days(Days::new(model.contract.matures_after.days_ceil().into()))
            })
            .map_or(complete_through, |final_on| final_on.min(complete_through))
            .min(published_through(
                models,
                model,
                state,
                date,
                complete_through,
            ));
        text.push_str(&format!("complete through {matured}\n"));
    }
    if model.contract.build == Build::Whole {
        text.push_str("whole\n");
    }
    hash_text(&text)
}
