//! How complete the day's data are, in one line, with the sources behind it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Maker;
use super::table::{CellView, HeadView, TableView};
use crate::report::number::{clean, group, month_day, percent, short};
use crate::report::words::Key;

/// The status strip.
#[derive(Debug, Serialize)]
pub struct StatusView {
    /// `complete` or `incomplete`.
    class: &'static str,
    /// ✓ or ⚠, so that the colour is not alone.
    mark: &'static str,
    /// Complete or not, in a word.
    state: String,
    /// Short facts in one line.
    facts: Vec<String>,
    /// What is missing.
    notes: Vec<String>,
    sources: TableView,
}

/// The strip.
pub fn status(maker: Maker) -> StatusView {
    let (input, words) = (maker.input, maker.words);
    let mut notes = Vec::new();
    if input.complete_through < input.date {
        notes.push(words.fill(Key::DayIncomplete, &[("date", &month_day(input.date))]));
    }
    for source in &input.sources {
        if source.has_no_object {
            let name = source_name(maker, &source.name);
            notes.push(words.fill(Key::NoObject, &[("source", &name)]));
        } else if !source.missing_hours.is_empty() {
            let name = source_name(maker, &source.name);
            let hours = hours(maker, &source.missing_hours);
            notes.push(words.fill(Key::MissingHours, &[("source", &name), ("hours", &hours)]));
        }
    }
    let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for partition in &input.missing {
        missing
            .entry(&partition.table)
            .or_default()
            .push(month_day(partition.date));
    }
    let mut is_complete = notes.is_empty();
    // A missing day of comparison leaves a dash, but the report's own day is whole without it.
    is_complete &= input
        .missing
        .iter()
        .all(|partition| partition.date != input.date);
    for (table, mut dates) in missing {
        dates.sort();
        let more = dates.len().saturating_sub(5);
        dates.truncate(5);
        let mut dates = dates.join(words.get(Key::ListJoin));
        if more > 0 {
            dates.push_str(&format!(" +{more}"));
        }
        notes.push(words.fill(
            Key::MissingPartition,
            &[
                ("table", &clean(words.name("table", table), 40)),
                ("dates", &dates),
            ],
        ));
    }
    let sum = |of: fn(&crate::report::input::SourceStatus) -> u64| {
        input.sources.iter().map(of).sum::<u64>()
    };
    let (lines, duplicates, quarantined) = (
        sum(|s| s.lines),
        sum(|s| s.duplicates),
        sum(|s| s.quarantined),
    );
    let mut facts = vec![words.fill(
        Key::DataThrough,
        &[("date", &month_day(input.complete_through.min(input.date)))],
    )];
    if lines > 0 {
        facts.push(words.fill(
            Key::StatusLines,
            &[("n", &short(lines as f64, words.locale))],
        ));
        if duplicates > 0 {
            let share = percent(duplicates as f64 / lines as f64);
            facts.push(words.fill(Key::StatusDuplicates, &[("share", &share)]));
        }
        if quarantined > 0 {
            let n = group(&quarantined.to_string());
            facts.push(words.fill(Key::StatusQuarantined, &[("n", &n)]));
        }
    }
    StatusView {
        class: if is_complete {
            "complete"
        } else {
            "incomplete"
        },
        mark: if is_complete { "✓" } else { "⚠" },
        state: words
            .get(if is_complete {
                Key::Complete
            } else {
                Key::Incomplete
            })
            .to_owned(),
        facts,
        notes,
        sources: sources(maker),
    }
}

fn source_name(maker: Maker, name: &str) -> String {
    clean(maker.words.name("source", name), 40)
}

/// `03、04`
fn hours(maker: Maker, hours: &[u8]) -> String {
    let mut hours = hours.to_vec();
    hours.sort_unstable();
    hours.dedup();
    let written: Vec<String> = hours.iter().map(|hour| format!("{hour:02}")).collect();
    written.join(maker.words.get(Key::ListJoin))
}

fn sources(maker: Maker) -> TableView {
    let words = maker.words;
    let label = |name: &str| HeadView::number(words.label(name, None).unwrap_or(""));
    TableView {
        head: vec![
            HeadView::name(words.get(Key::SourceColumn)),
            label("lines"),
            label("rows"),
            label("duplicates"),
            label("quarantined"),
            HeadView::number(words.get(Key::HoursColumn)),
        ],
        rows: maker
            .input
            .sources
            .iter()
            .map(|source| {
                let count = |n: u64| CellView::number(group(&n.to_string()));
                vec![
                    CellView::name(source_name(maker, &source.name)),
                    count(source.lines),
                    count(source.rows),
                    count(source.duplicates),
                    count(source.quarantined),
                    if source.missing_hours.is_empty() {
                        CellView::number(words.get(Key::NoneMissing))
                    } else {
                        CellView::number(hours(maker, &source.missing_hours))
                    },
                ]
            })
            .collect(),
        more: None,
    }
}
