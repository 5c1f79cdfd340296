//! A funnel by segment: a row per segment, a column per step, so that one looks down a step. Where the
//! section declares intervals, each rate has its own drawn below it, on one scale per column.

use serde::Serialize;

use super::entry_days::Basis;
use super::funnel::{Chains, Step, count};
use super::shapes::SEGMENT;
use super::table::HeadView;
use super::{Charts, Maker};
use crate::error::Result;
use crate::report::chart::Whisker;
use crate::report::number::{LONGEST_TEXT, clean, month_day, percent};
use crate::report::section::{Cell, Grid};
use crate::report::words::Key;

/// The segments of the report's day.
#[derive(Debug, Serialize)]
pub struct MatrixView {
    note: String,
    head: Vec<HeadView>,
    rows: Vec<MatrixRow>,
}

#[derive(Debug, Serialize)]
struct MatrixRow {
    segment: String,
    /// Each step, then the whole way.
    cells: Vec<MatrixCell>,
}

/// Rate from the step before, its interval and the count under it; the first step has a count only.
#[derive(Debug, Serialize)]
struct MatrixCell {
    /// Class: `plain`, `strong` or `none`.
    tone: &'static str,
    rate: String,
    whisker: Option<WhiskerView>,
    reached: String,
}

#[derive(Debug, Serialize)]
struct WhiskerView {
    chart: usize,
}

/// Lowest and highest end of a column's intervals.
type Scale = Option<(f64, f64)>;

/// The table; `None` where the report's day has no rows. The same-day basis, unless the section's rows
/// are of the mature one only.
pub fn matrix(maker: Maker, grid: &Grid, charts: &mut Charts) -> Result<Option<MatrixView>> {
    let words = maker.words;
    let chains = Chains::read(maker, grid)?;
    let found = |basis: Basis| -> Vec<(&String, &[Step])> {
        let steps = |segment: &String| {
            let key = (basis, maker.input.date, segment.clone());
            chains.steps.get(&key).map(Vec::as_slice)
        };
        let segments = chains.segments.iter();
        segments
            .filter_map(|segment| steps(segment).map(|steps| (segment, steps)))
            .collect()
    };
    let (found, note) = match found(Basis::SameDay) {
        found if !found.is_empty() => (found, Key::MatrixNote),
        _ => (found(Basis::Mature), Key::MatrixNoteMature),
    };
    let Some((_, longest)) = found.iter().max_by_key(|(_, steps)| steps.len()) else {
        return Ok(None);
    };
    let mut head = vec![HeadView::name(segment_label(maker, grid, &chains))];
    head.extend(
        longest
            .iter()
            .map(|step| HeadView::number(step.title.as_str())),
    );
    head.push(HeadView::number(maker.term("overall_rate")));
    let scales: Vec<Scale> = (0..longest.len())
        .map(|at| {
            scale(
                found
                    .iter()
                    .filter_map(|(_, steps)| steps.get(at)?.step_interval),
            )
        })
        .collect();
    let overall = scale(
        found
            .iter()
            .filter_map(|(_, steps)| steps.last()?.overall_interval),
    );
    let rows = found
        .iter()
        .map(|(segment, steps)| {
            let segment = segment_name(maker, segment, &chains);
            let mut cells: Vec<MatrixCell> = steps
                .iter()
                .enumerate()
                .map(|(at, step)| {
                    let before = at.checked_sub(1).and_then(|at| steps.get(at));
                    let rate = Rate {
                        whose: &segment,
                        what: &step.title,
                        rate: step.step_rate.number(),
                        interval: step.step_interval,
                        scale: scales.get(at).copied().flatten(),
                        cases: before.map(|before| &before.reached),
                    };
                    cell(maker, step, &rate, charts)
                })
                .collect();
            if let Some(last) = steps.last() {
                let rate = Rate {
                    whose: &segment,
                    what: maker.term("overall_rate"),
                    rate: last.overall_rate.number(),
                    interval: last.overall_interval,
                    scale: overall,
                    cases: Some(&last.entrants),
                };
                cells.push(MatrixCell {
                    tone: "strong",
                    reached: String::new(),
                    ..cell(maker, last, &rate, charts)
                });
            }
            MatrixRow { segment, cells }
        })
        .collect();
    let mut note = words.fill(note, &[("date", &month_day(maker.input.date))]);
    if overall.is_some() || scales.iter().any(Option::is_some) {
        note.push_str(words.get(Key::MatrixIntervals));
    }
    Ok(Some(MatrixView { note, head, rows }))
}

/// A rate to be shown.
struct Rate<'r> {
    whose: &'r str,
    what: &'r str,
    rate: Option<f64>,
    interval: Option<(f64, f64)>,
    scale: Scale,
    /// Of how many; `None` on the first step.
    cases: Option<&'r Cell>,
}

fn cell(maker: Maker, step: &Step, rate: &Rate, charts: &mut Charts) -> MatrixCell {
    let words = maker.words;
    let reached = count(maker, &step.reached);
    let Some(cases) = rate.cases else {
        return MatrixCell {
            tone: "plain",
            rate: reached,
            whisker: None,
            reached: String::new(),
        };
    };
    match (&step.reached, rate.rate) {
        // The state stands in the place of the rate, once.
        (Cell::Null, _) => MatrixCell {
            tone: "none",
            rate: words.get(Key::NotYetDue).to_owned(),
            whisker: None,
            reached: String::new(),
        },
        (_, None) => MatrixCell {
            tone: "none",
            rate: words.get(Key::NoValue).to_owned(),
            whisker: None,
            reached,
        },
        (_, Some(value)) => {
            let whisker = rate
                .interval
                .zip(rate.scale)
                .map(|((low, high), (from, to))| {
                    let place = |value: f64| match to > from {
                        true => (value - from) / (to - from),
                        false => 0.5,
                    };
                    let drawn = Whisker {
                        title: format!("{} · {}", rate.whose, rate.what),
                        description: words.fill(
                            Key::IntervalOf,
                            &[
                                ("rate", &percent(value)),
                                ("low", &percent(low)),
                                ("high", &percent(high)),
                                ("n", &count(maker, cases)),
                            ],
                        ),
                        low: place(low),
                        rate: place(value),
                        high: place(high),
                    };
                    WhiskerView {
                        chart: charts.push(drawn.draw()),
                    }
                });
            MatrixCell {
                tone: "plain",
                rate: percent(value),
                whisker,
                reached,
            }
        }
    }
}

fn scale(intervals: impl Iterator<Item = (f64, f64)>) -> Scale {
    intervals.fold(None, |found: Scale, (low, high)| {
        let (from, to) = found.unwrap_or((low, high));
        Some((from.min(low), to.max(high)))
    })
}

/// Columns that the segments are made by.
fn breakdown(chains: &Chains) -> Vec<&str> {
    let names = chains.breakdown.as_deref().unwrap_or("");
    names.split(',').filter(|name| !name.is_empty()).collect()
}

/// What the segments are: as the section says, else by the columns they are made by.
fn segment_label(maker: Maker, grid: &Grid, chains: &Chains) -> String {
    let declared = grid
        .section
        .columns
        .iter()
        .find(|column| column.name == SEGMENT)
        .and_then(|column| column.label.as_ref());
    let by: Vec<&str> = breakdown(chains)
        .into_iter()
        .map(|name| maker.words.label(name, None).unwrap_or(name))
        .collect();
    match declared {
        Some(label) => label.get(maker.words.locale).to_owned(),
        None if by.is_empty() => maker.words.get(Key::SegmentColumn).to_owned(),
        None => clean(&by.join(" · "), LONGEST_TEXT),
    }
}

/// `ios,douyin` as people say it.
fn segment_name(maker: Maker, segment: &str, chains: &Chains) -> String {
    let by = breakdown(chains);
    let parts: Vec<&str> = segment
        .split(',')
        .enumerate()
        .map(|(at, part)| {
            let column = by.get(at).copied().unwrap_or(SEGMENT);
            maker.words.name(column, part)
        })
        .collect();
    clean(&parts.join(" · "), LONGEST_TEXT)
}
