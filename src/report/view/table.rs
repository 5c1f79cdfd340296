//! A table as declared: values in full, nulls as their state.

use serde::Serialize;

use super::Maker;
use crate::project::{Format, Good, SectionColumn};
use crate::report::change::Tone;
use crate::report::number::group;
use crate::report::section::{Cell, Grid};
use crate::report::words::Key;

/// A page shows at most this many rows of a table.
const MOST_ROWS: usize = 200;

/// A table.
#[derive(Debug, Serialize)]
pub struct TableView {
    /// Column heads.
    pub head: Vec<HeadView>,
    /// Rows.
    pub rows: Vec<Vec<CellView>>,
    /// How many rows are not shown, if any.
    pub more: Option<String>,
}

/// A column's head.
#[derive(Debug, Serialize)]
pub struct HeadView {
    /// Label.
    pub text: String,
    /// Class: `number` or `name`.
    pub kind: &'static str,
}

/// A cell.
#[derive(Debug, Serialize)]
pub struct CellView {
    /// As written.
    pub text: String,
    /// Class: `number` or `name`.
    pub kind: &'static str,
    /// Class: `good`, `bad`, `quiet`, `plain` or `none`.
    pub tone: &'static str,
    /// Why there is no value, for those who point at it.
    pub why: String,
}

impl HeadView {
    /// Over names.
    pub fn name(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            kind: "name",
        }
    }

    /// Over numbers.
    pub fn number(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            kind: "number",
        }
    }
}

impl CellView {
    /// A name.
    pub fn name(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            kind: "name",
            tone: "plain",
            why: String::new(),
        }
    }

    /// A number.
    pub fn number(text: impl Into<String>) -> Self {
        Self {
            kind: "number",
            ..Self::name(text)
        }
    }

    /// A change.
    pub fn change(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            tone: tone.class(),
            ..Self::number(text)
        }
    }

    /// No value.
    pub fn none(text: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            tone: "none",
            why: why.into(),
            ..Self::number(text)
        }
    }
}

/// Rows of a grid as declared.
pub fn table(maker: Maker, grid: &Grid) -> TableView {
    let columns = &grid.section.columns;
    TableView {
        head: columns
            .iter()
            .map(|column| HeadView {
                text: maker.label(column).to_owned(),
                kind: kind(column.format),
            })
            .collect(),
        rows: grid
            .rows
            .iter()
            .take(MOST_ROWS)
            .map(|row| {
                columns
                    .iter()
                    .zip(row)
                    .map(|(column, cell)| self::cell(maker, column, cell))
                    .collect()
            })
            .collect(),
        more: (grid.rows.len() > MOST_ROWS).then(|| {
            let rest = group(&(grid.rows.len() - MOST_ROWS).to_string());
            maker.words.fill(Key::MoreRows, &[("n", &rest)])
        }),
    }
}

/// One value as a table shows it.
pub fn cell(maker: Maker, column: &SectionColumn, cell: &Cell) -> CellView {
    match maker.writer.full(cell, &column.name, column.format) {
        Some(text) => CellView {
            text,
            kind: kind(column.format),
            tone: tone(column, cell),
            why: String::new(),
        },
        None => CellView {
            kind: kind(column.format),
            ..CellView::none(
                maker.words.get(Key::NoValue),
                maker.words.get(Key::NoValueWhy),
            )
        },
    }
}

/// Only a difference is good or bad by itself.
fn tone(column: &SectionColumn, cell: &Cell) -> &'static str {
    match (column.format, column.good, cell.number()) {
        (Format::Points, Good::Up, Some(n)) if n.abs() >= NOTABLE_POINTS => {
            if n > 0.0 { Tone::Good } else { Tone::Bad }.class()
        }
        (Format::Points, Good::Down, Some(n)) if n.abs() >= NOTABLE_POINTS => {
            if n < 0.0 { Tone::Good } else { Tone::Bad }.class()
        }
        (Format::Points, _, _) => Tone::Quiet.class(),
        _ => "plain",
    }
}

/// A difference of ratios smaller than one point stays grey.
const NOTABLE_POINTS: f64 = 0.01;

/// Names stand left, everything else right.
fn kind(format: Format) -> &'static str {
    match format {
        Format::Text | Format::Word | Format::Date | Format::Flag => "name",
        Format::Count
        | Format::Percent
        | Format::Money
        | Format::DurationUs
        | Format::Number
        | Format::Points => "number",
    }
}
