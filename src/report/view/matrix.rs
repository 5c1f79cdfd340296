//! A funnel by segment: a row per segment, a column per step, so that one looks down a step.

use serde::Serialize;

use super::Maker;
use super::funnel::{Basis, Chains, count};
use super::table::HeadView;
use crate::error::Result;
use crate::report::number::{LONGEST_TEXT, clean, month_day, percent};
use crate::report::section::Grid;
use crate::report::words::Key;

/// The segments of the report's day on the same-day basis.
#[derive(Debug, Serialize)]
pub struct MatrixView {
    note: String,
    head: Vec<HeadView>,
    rows: Vec<MatrixRow>,
}

#[derive(Debug, Serialize)]
struct MatrixRow {
    segment: String,
    steps: Vec<MatrixCell>,
    overall: String,
}

/// Rate from the step before, the count under it; the first step has a count only.
#[derive(Debug, Serialize)]
struct MatrixCell {
    rate: String,
    reached: String,
}

/// The table; `None` where the report's day has no rows.
pub fn matrix(maker: Maker, grid: &Grid) -> Result<Option<MatrixView>> {
    let words = maker.words;
    let chains = Chains::read(maker, grid)?;
    let found: Vec<_> = chains
        .segments
        .iter()
        .filter_map(|segment| {
            let key = (Basis::SameDay, maker.input.date, segment.clone());
            chains.steps.get(&key).map(|steps| (segment, steps))
        })
        .collect();
    let Some((_, longest)) = found.iter().max_by_key(|(_, steps)| steps.len()) else {
        return Ok(None);
    };
    let none = words.get(Key::NoValue);
    let mut head = vec![HeadView::name(words.get(Key::SegmentColumn))];
    head.extend(
        longest
            .iter()
            .map(|step| HeadView::number(step.title.as_str())),
    );
    head.push(HeadView::number(
        words.label("overall_rate", None).unwrap_or(""),
    ));
    let rows = found
        .iter()
        .map(|(segment, steps)| MatrixRow {
            segment: segment_name(maker, segment),
            steps: steps
                .iter()
                .enumerate()
                .map(|(at, step)| {
                    let reached = count(maker, &step.reached);
                    match (at, step.step_rate.number()) {
                        (0, _) => MatrixCell {
                            rate: reached,
                            reached: String::new(),
                        },
                        (_, rate) => MatrixCell {
                            rate: rate.map_or_else(|| none.to_owned(), percent),
                            reached,
                        },
                    }
                })
                .collect(),
            overall: steps
                .last()
                .and_then(|step| step.overall_rate.number())
                .map_or_else(|| none.to_owned(), percent),
        })
        .collect();
    Ok(Some(MatrixView {
        note: words.fill(Key::MatrixNote, &[("date", &month_day(maker.input.date))]),
        head,
        rows,
    }))
}

/// `ios,douyin` as people say it.
fn segment_name(maker: Maker, segment: &str) -> String {
    let parts: Vec<&str> = segment
        .split(',')
        .map(|part| maker.words.name("segment", part))
        .collect();
    clean(&parts.join(" · "), LONGEST_TEXT)
}
