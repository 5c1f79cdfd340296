//! Core numbers: a card each with the day's value, its changes and the trailing days.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use serde::Serialize;

use super::table::{CellView, HeadView, TableView, cell};
use super::{Charts, Maker};
use crate::error::Result;
use crate::project::{Good, SectionColumn};
use crate::report::change::{Change, Tone};
use crate::report::chart::{Point, Sparkline};
use crate::report::number::month_day;
use crate::report::section::{Cell, Grid, failed};
use crate::report::words::Key;

/// More do not fit a phone's first screen.
pub const MOST_CARDS: usize = 6;
/// Days of the small line, the report's day being the last.
const LINE_DAYS: u64 = 14;

/// The cards and, behind them, the days in a table.
#[derive(Debug, Serialize)]
pub struct NumbersView {
    cards: Vec<CardView>,
    /// Summary of the table.
    days: String,
    table: TableView,
}

#[derive(Debug, Serialize)]
struct CardView {
    label: String,
    value: String,
    /// `plain` or `none`.
    tone: &'static str,
    /// Why there is no value.
    why: String,
    /// Better or worse in a word, where the change is notable.
    verdict: Option<VerdictView>,
    changes: Vec<ChangeView>,
    chart: usize,
}

#[derive(Debug, Serialize)]
struct VerdictView {
    text: String,
    tone: &'static str,
}

#[derive(Debug, Serialize)]
struct ChangeView {
    label: String,
    text: String,
    tone: &'static str,
}

/// One core number of the day, for the first sentence.
pub struct Core<'a> {
    /// Its column.
    pub column: &'a SectionColumn,
    /// The day's value.
    pub now: Cell,
    /// The same weekday of the week before.
    pub before: Cell,
}

/// Rows by day.
struct DayRows<'g> {
    rows: BTreeMap<NaiveDate, &'g [Cell]>,
}

impl<'g> DayRows<'g> {
    fn read(grid: &'g Grid) -> Result<Self> {
        let date = grid.place("date")?;
        let mut rows = BTreeMap::new();
        for row in &grid.rows {
            let Some(day) = row.get(date).and_then(Cell::date) else {
                return Err(failed(grid.section, "date", "is null"));
            };
            if rows.insert(day, row.as_slice()).is_some() {
                let cause = format!("{day} comes twice; numbers want one row per day");
                return Err(failed(grid.section, "date", &cause));
            }
        }
        Ok(Self { rows })
    }

    /// A day's value; a day without a row has none.
    fn cell(&self, day: Option<NaiveDate>, at: usize) -> &Cell {
        day.and_then(|day| self.rows.get(&day))
            .and_then(|row| row.get(at))
            .unwrap_or(&Cell::Null)
    }
}

/// The metrics: every column but the day.
fn metrics<'a>(grid: &Grid<'a>) -> impl Iterator<Item = (usize, &'a SectionColumn)> + use<'a> {
    grid.section
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.name != "date")
}

/// The day's core numbers; `None` where the day has no row.
pub fn core<'a>(maker: Maker, grid: &Grid<'a>) -> Result<Option<Vec<Core<'a>>>> {
    let days = DayRows::read(grid)?;
    let today = maker.input.date;
    if !days.rows.contains_key(&today) {
        return Ok(None);
    }
    let last_week = today.checked_sub_days(Days::new(7));
    Ok(Some(
        metrics(grid)
            .map(|(at, column)| Core {
                column,
                now: days.cell(Some(today), at).clone(),
                before: days.cell(last_week, at).clone(),
            })
            .collect(),
    ))
}

/// The cards.
pub fn numbers(maker: Maker, grid: &Grid, charts: &mut Charts) -> Result<NumbersView> {
    let days = DayRows::read(grid)?;
    let line: Vec<NaiveDate> = (0..LINE_DAYS)
        .rev()
        .filter_map(|back| maker.input.date.checked_sub_days(Days::new(back)))
        .collect();
    let cards = metrics(grid)
        .map(|(at, column)| card(maker, &days, &line, at, column, charts))
        .collect();
    Ok(NumbersView {
        cards,
        days: maker
            .words
            .fill(Key::TrailingDays, &[("n", &LINE_DAYS.to_string())]),
        table: day_table(maker, grid, &days, &line)?,
    })
}

fn card(
    maker: Maker,
    days: &DayRows,
    line: &[NaiveDate],
    at: usize,
    column: &SectionColumn,
    charts: &mut Charts,
) -> CardView {
    let today = maker.input.date;
    let now = days.cell(Some(today), at);
    let against = |back: u64| {
        let before = days.cell(today.checked_sub_days(Days::new(back)), at);
        Change::between(column.format, now, before)
    };
    let weekly = against(7);
    let value = maker.writer.short(now, column.format);
    let change = |key: Key, change: Option<Change>| ChangeView {
        label: maker.words.get(key).to_owned(),
        text: change.map_or_else(
            || maker.words.get(Key::NoComparison).to_owned(),
            |change| change.signed(maker.writer),
        ),
        tone: change.map_or("none", |change| change.tone(column.good).class()),
    };
    CardView {
        label: maker.label(column).to_owned(),
        tone: if value.is_some() { "plain" } else { "none" },
        why: if value.is_some() {
            String::new()
        } else {
            maker.words.get(Key::NoValueWhy).to_owned()
        },
        value: value.unwrap_or_else(|| maker.words.get(Key::NoValue).to_owned()),
        verdict: weekly.and_then(|change| verdict(maker, change, column.good)),
        changes: vec![
            change(Key::VsYesterday, against(1)),
            change(Key::VsSameWeekday, weekly),
        ],
        chart: charts.push(sparkline(maker, days, line, at, column).draw()),
    }
}

/// Said in a word too, since colours mean different things to different people.
fn verdict(maker: Maker, change: Change, good: Good) -> Option<VerdictView> {
    let tone = change.tone(good);
    let key = match (tone, good) {
        (Tone::Good, _) => Key::Better,
        (Tone::Bad, _) => Key::Worse,
        (Tone::Quiet, Good::Neutral) if change.is_notable() => {
            if change.is_up() {
                Key::Higher
            } else {
                Key::Lower
            }
        }
        (Tone::Quiet, _) => return None,
    };
    Some(VerdictView {
        text: maker.words.get(key).to_owned(),
        tone: tone.class(),
    })
}

fn sparkline(
    maker: Maker,
    days: &DayRows,
    line: &[NaiveDate],
    at: usize,
    column: &SectionColumn,
) -> Sparkline {
    let none = maker.words.get(Key::NoValue);
    let written = |cell: &Cell| maker.writer.short(cell, column.format);
    let mut known: Vec<&Cell> = line
        .iter()
        .map(|day| days.cell(Some(*day), at))
        .filter(|cell| cell.number().is_some())
        .collect();
    known.sort_by(|a, b| {
        a.number()
            .unwrap_or(0.0)
            .total_cmp(&b.number().unwrap_or(0.0))
    });
    let end = |cell: Option<&&Cell>| {
        cell.and_then(|cell| written(cell))
            .unwrap_or_else(|| none.to_owned())
    };
    Sparkline {
        title: maker.words.fill(
            Key::SparkTitle,
            &[
                ("metric", maker.label(column)),
                ("days", &line.len().to_string()),
            ],
        ),
        description: maker.words.fill(
            Key::SparkDescription,
            &[("low", &end(known.first())), ("high", &end(known.last()))],
        ),
        points: line
            .iter()
            .map(|day| {
                let cell = days.cell(Some(*day), at);
                let value = written(cell).unwrap_or_else(|| none.to_owned());
                Point {
                    value: cell.number(),
                    title: format!("{} {} {value}", month_day(*day), maker.writer.weekday(*day)),
                }
            })
            .collect(),
        compared: line.len().checked_sub(8),
    }
}

/// Newest first.
fn day_table(maker: Maker, grid: &Grid, days: &DayRows, line: &[NaiveDate]) -> Result<TableView> {
    let date = grid.place("date")?;
    let mut head: Vec<HeadView> = grid
        .section
        .columns
        .get(date)
        .map(|column| HeadView::name(maker.label(column)))
        .into_iter()
        .collect();
    head.extend(metrics(grid).map(|(_, column)| HeadView::number(maker.label(column))));
    let rows = line
        .iter()
        .rev()
        .map(|day| {
            let name = format!("{} {}", month_day(*day), maker.writer.weekday(*day));
            let mut row = vec![CellView::name(name)];
            row.extend(
                metrics(grid).map(|(at, column)| cell(maker, column, days.cell(Some(*day), at))),
            );
            row
        })
        .collect();
    Ok(TableView {
        head,
        rows,
        more: None,
    })
}
