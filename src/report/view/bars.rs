//! Bars: the first column names them, the second is their length, a ratio stands beside.

use serde::Serialize;

use super::table::{TableView, table};
use super::{Charts, Maker};
use crate::error::Result;
use crate::project::Format;
use crate::report::chart::{Bar, Bars};
use crate::report::section::{Cell, Grid, failed};
use crate::report::words::Key;

/// The picture shows at most this many; the table shows the rest.
const MOST_BARS: usize = 10;

/// The picture with its table.
#[derive(Debug, Serialize)]
pub struct BarsView {
    chart: usize,
    table: TableView,
}

/// Bars in the order of the select.
pub fn bars(maker: Maker, grid: &Grid, charts: &mut Charts) -> Result<BarsView> {
    let [_, length, others @ ..] = grid.section.columns.as_slice() else {
        return Err(failed(
            grid.section,
            "1",
            "bars want a name and a number first",
        ));
    };
    // The first ratio after the length.
    let note = others
        .iter()
        .position(|column| column.format == Format::Percent)
        .map(|at| at + 2);
    let written = |row: &[Cell], at: usize| {
        grid.section
            .columns
            .get(at)
            .zip(row.get(at))
            .and_then(|(column, cell)| maker.writer.full(cell, &column.name, column.format))
            .unwrap_or_else(|| maker.words.get(Key::NoValue).to_owned())
    };
    let drawn = Bars {
        title: grid.section.title.get(maker.words.locale).to_owned(),
        description: maker.words.fill(
            Key::BarsDescription,
            &[
                ("metric", maker.label(length)),
                ("n", &grid.rows.len().min(MOST_BARS).to_string()),
            ],
        ),
        bars: grid
            .rows
            .iter()
            .take(MOST_BARS)
            .map(|row| {
                let label = written(row, 0);
                let all: Vec<String> = grid
                    .section
                    .columns
                    .iter()
                    .enumerate()
                    .skip(1)
                    .map(|(at, column)| maker.pair(maker.label(column), &written(row, at)))
                    .collect();
                Bar {
                    title: format!("{label}\n{}", all.join("\n")),
                    value: row.get(1).and_then(Cell::number),
                    text: written(row, 1),
                    note: note
                        .and_then(|at| grid.section.columns.get(at).map(|column| (at, column)))
                        .map_or_else(String::new, |(at, column)| {
                            maker.pair(maker.label(column), &written(row, at))
                        }),
                    label,
                }
            })
            .collect(),
    };
    Ok(BarsView {
        chart: charts.push(drawn.draw()),
        table: table(maker, grid),
    })
}
