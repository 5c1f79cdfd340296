//! What a run restated, in words: one or two lines for each date, and one for all that matured.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::run::tables::dates_as_text;
use crate::table::restatement::{CauseKind, ChangeKind, Restatement};

/// Figures of one table and tables of one date that are told; the record holds them all.
const TOLD_FIGURES: usize = 3;
const TOLD_TABLES: usize = 3;

/// Lines for the summary.
pub(crate) fn lines(restatements: &[Restatement]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut by_date: BTreeMap<Option<NaiveDate>, Vec<&Restatement>> = BTreeMap::new();
    let restated = |restatement: &&Restatement| restatement.kind == ChangeKind::Restatement;
    for restatement in restatements.iter().filter(restated) {
        by_date
            .entry(restatement.date)
            .or_default()
            .push(restatement);
    }
    // Tables built whole come last: they follow from the dates.
    let whole = by_date.remove(&None);
    for (date, tables) in by_date {
        let day = date.map(|date| date.to_string()).unwrap_or_default();
        lines.push(format!("restated {day}: {}", figures(&tables)));
        lines.push(format!("  because of {}", reasons(restatements, &tables)));
    }
    if let Some(tables) = whole {
        lines.push(format!("restated whole: {}", figures(&tables)));
    }
    let matured = |restatement: &&Restatement| restatement.kind == ChangeKind::Maturation;
    let matured: Vec<&Restatement> = restatements.iter().filter(matured).collect();
    if !matured.is_empty() {
        let names: BTreeSet<&str> = matured.iter().map(|found| found.table.as_str()).collect();
        let dates: BTreeSet<NaiveDate> = matured.iter().filter_map(|found| found.date).collect();
        let on = match dates.is_empty() {
            true => String::new(),
            false => format!(" of {}", dates_as_text(&dates).join(", ")),
        };
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        lines.push(format!(
            "matured, since more days are complete: {names}{on}"
        ));
    }
    lines
}

/// `daily events 3 → 4, amount 3.30 → 4.40; …`
fn figures(tables: &[&Restatement]) -> String {
    // First the figures that somebody chose; the rows of what they are made of say nothing more.
    let is_told = |found: &&&Restatement| !found.figures.is_empty();
    let mut told: Vec<&&Restatement> = tables.iter().filter(is_told).collect();
    told.sort_by_key(|found| {
        let are_rows = found.figures.iter().all(|figure| figure.figure == "rows");
        (!found.declared, are_rows)
    });
    let mut words: Vec<String> = told
        .iter()
        .take(TOLD_TABLES)
        .map(|found| {
            let figures: Vec<String> = found
                .figures
                .iter()
                .take(TOLD_FIGURES)
                .map(|figure| figure.words())
                .collect();
            let count = found.figures.len() + found.more_figures;
            let more = match count.saturating_sub(TOLD_FIGURES) {
                0 => String::new(),
                more => format!(", {more} more"),
            };
            format!("{} {}{more}", found.table, figures.join(", "))
        })
        .collect();
    let rest: Vec<&str> = tables
        .iter()
        .filter(|found| {
            !told
                .iter()
                .take(TOLD_TABLES)
                .any(|told| told.table == found.table)
        })
        .map(|found| found.table.as_str())
        .collect();
    if !rest.is_empty() {
        words.push(match words.is_empty() {
            true => format!("{} (no key figure changed)", rest.join(", ")),
            false => format!("also {}", rest.join(", ")),
        });
    }
    words.join("; ")
}

/// What is at the root: raw objects and definitions rather than the tables in between.
fn reasons(all: &[Restatement], tables: &[&Restatement]) -> String {
    let mut words: BTreeSet<String> = BTreeSet::new();
    let mut seen: BTreeSet<(&str, Option<NaiveDate>)> = BTreeSet::new();
    let mut open: Vec<&Restatement> = tables.to_vec();
    while let Some(restatement) = open.pop() {
        if !seen.insert((&restatement.table, restatement.date)) {
            continue;
        }
        for cause in &restatement.causes {
            let inputs: Vec<&Restatement> = match cause.kind {
                CauseKind::InputRestated => all
                    .iter()
                    .filter(|input| input.table == cause.table)
                    .filter(|input| input.kind == ChangeKind::Restatement)
                    .filter(|input| input.date.is_none_or(|date| is_among(date, &cause.dates)))
                    .collect(),
                _ => Vec::new(),
            };
            if inputs.is_empty() {
                words.insert(cause.words());
            }
            open.extend(inputs);
        }
    }
    words.into_iter().collect::<Vec<_>>().join("; ")
}

/// Whether a date lies in one of the ranges as they are written.
fn is_among(date: NaiveDate, ranges: &[String]) -> bool {
    ranges.iter().any(|range| {
        let (first, last) = range.split_once(" to ").unwrap_or((range, range));
        let first: Option<NaiveDate> = first.parse().ok();
        let last: Option<NaiveDate> = last.parse().ok();
        first <= Some(date) && Some(date) <= last
    })
}
