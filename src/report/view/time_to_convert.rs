//! How long a funnel's steps take: median and 90th percentile on a log scale.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::entry_days::{Basis, LONGEST_NAME, in_order, shown, step_rows};
use super::panels::{PanelView, PanelsView};
use super::table::{CellView, HeadView, TableView};
use super::{Charts, Maker};
use crate::error::Result;
use crate::project::Format;
use crate::report::chart::{TimeRange, TimeRanges, ticks};
use crate::report::number::{clean, group, month_day};
use crate::report::section::{Cell, Grid, failed};
use crate::report::words::Key;

/// Times that a table shows beside, where the section declares them.
const FROM_ENTRY: [&str; 2] = ["median_from_entry_us", "p90_from_entry_us"];

/// One step of one entry day.
#[derive(Debug)]
struct Step {
    title: String,
    reached: Cell,
    is_mature: bool,
    median: Cell,
    p90: Cell,
    /// In the order of [`FROM_ENTRY`], those that are declared.
    from_entry: Vec<Cell>,
}

impl Step {
    fn times_us(&self) -> Option<(f64, f64)> {
        self.median.number().zip(self.p90.number())
    }
}

/// The pictures; `None` where the report's day has no rows.
pub fn time_to_convert(
    maker: Maker,
    grid: &Grid,
    charts: &mut Charts,
) -> Result<Option<PanelsView>> {
    let (funnel, days) = read(maker, grid)?;
    let chains = shown(&days, maker.input.date, |step| step.is_mature);
    if !chains.iter().any(|(basis, ..)| *basis == Basis::SameDay) {
        return Ok(None);
    }
    let mut note = maker.words.get(Key::TimesNote).to_owned();
    if chains.len() == 1 {
        note.push_str(maker.words.get(Key::MatureNotDue));
    }
    // One scale for all pictures, so that they can be laid beside each other.
    let axis = ticks(
        chains
            .iter()
            .flat_map(|(_, _, steps)| steps.iter().filter_map(Step::times_us))
            .flat_map(|(median, p90)| [median, p90]),
    );
    let declared: Vec<&str> = FROM_ENTRY
        .into_iter()
        .filter(|column| grid.find(column).is_some())
        .collect();
    let panels = chains
        .into_iter()
        .map(|(basis, day, steps)| {
            let key = match basis {
                Basis::SameDay => Key::SameDayPanel,
                Basis::Mature => Key::MaturePanel,
            };
            let title = maker.words.fill(key, &[("date", &month_day(day))]);
            let funnel = clean(maker.input.funnel_title(&funnel), LONGEST_NAME);
            let drawn = TimeRanges {
                title: format!("{funnel} · {title}"),
                description: description(maker, steps),
                rows: later(steps).map(|step| row(maker, step)).collect(),
                ticks: axis
                    .iter()
                    .map(|time| (*time, tick(maker, *time)))
                    .collect(),
                median_key: maker.words.get(Key::MedianLegend).to_owned(),
                p90_key: maker.words.get(Key::P90Legend).to_owned(),
            };
            PanelView {
                title,
                figure: String::new(),
                chart: charts.push(drawn.draw()),
                table: table(maker, steps, &declared),
            }
        })
        .collect();
    Ok(Some(PanelsView::new(panels, Some(note))))
}

/// The first step takes no time.
fn later(steps: &[Step]) -> impl Iterator<Item = &Step> {
    steps.iter().skip(1)
}

type Days = BTreeMap<(Basis, NaiveDate), Vec<Step>>;

fn read(maker: Maker, grid: &Grid) -> Result<(String, Days)> {
    let reached = grid.place("reached")?;
    let (median, p90) = (grid.place("median_us")?, grid.place("p90_us")?);
    let from_entry: Vec<usize> = FROM_ENTRY
        .iter()
        .filter_map(|column| grid.find(column))
        .collect();
    let (funnel, rows) = step_rows(maker, grid)?;
    let mut numbered: BTreeMap<(Basis, NaiveDate), BTreeMap<i64, Step>> = BTreeMap::new();
    for row in rows {
        let step = Step {
            title: row.title.clone(),
            reached: row.cell(reached).clone(),
            is_mature: row.is_mature,
            median: row.cell(median).clone(),
            p90: row.cell(p90).clone(),
            from_entry: from_entry.iter().map(|at| row.cell(*at).clone()).collect(),
        };
        if let Some((median, p90)) = step.times_us()
            && !(0.0 <= median && median <= p90)
        {
            let cause = format!(
                "of step {} on {} is below the median or 0",
                row.number, row.day
            );
            return Err(failed(grid.section, "p90_us", &cause));
        }
        let (day, number) = (row.day, row.number);
        let steps = numbered.entry((row.basis, day)).or_default();
        if steps.insert(number, step).is_some() {
            let cause = format!(
                "{number} comes twice on {day}; does the select filter breakdown and segment?"
            );
            return Err(failed(grid.section, "step_no", &cause));
        }
    }
    let days = numbered
        .into_iter()
        .map(|(key, steps)| in_order(grid, key.1, steps).map(|steps| (key, steps)))
        .collect::<Result<_>>()?;
    Ok((funnel, days))
}

/// A time in full, or its state.
fn time(maker: Maker, step: &Step, cell: &Cell) -> String {
    let state = match step.reached {
        Cell::Null => Key::NotYetDue,
        _ => Key::NoValue,
    };
    maker
        .writer
        .full(cell, "", Format::DurationUs)
        .unwrap_or_else(|| maker.words.get(state).to_owned())
}

fn row(maker: Maker, step: &Step) -> TimeRange {
    let words = maker.words;
    let times_us = step.times_us();
    let (median, p90) = (
        time(maker, step, &step.median),
        time(maker, step, &step.p90),
    );
    let said = [
        step.title.clone(),
        maker.pair(maker.term("median_us"), &median),
        maker.pair(maker.term("p90_us"), &p90),
    ];
    TimeRange {
        name: words.fill(Key::ToStep, &[("step", &step.title)]),
        times_us,
        title: said.join("\n"),
        // One state stands for both.
        p90: if times_us.is_some() {
            p90
        } else {
            String::new()
        },
        median,
    }
}

fn description(maker: Maker, steps: &[Step]) -> String {
    let said: Vec<String> = later(steps)
        .map(|step| maker.pair(&step.title, &time(maker, step, &step.median)))
        .collect();
    maker.words.fill(
        Key::TimesDescription,
        &[("times", &said.join(maker.words.get(Key::ListJoin)))],
    )
}

/// A tick as people say it: the largest unit that it is whole in.
fn tick(maker: Maker, time_us: f64) -> String {
    let seconds = (time_us / 1e6).round() as u64;
    let (key, n) = match seconds {
        n if n % 86_400 == 0 => (Key::TickDays, n / 86_400),
        n if n % 3600 == 0 => (Key::TickHours, n / 3600),
        n if n % 60 == 0 => (Key::TickMinutes, n / 60),
        n => (Key::TickSeconds, n),
    };
    maker.words.fill(key, &[("n", &group(&n.to_string()))])
}

fn table(maker: Maker, steps: &[Step], declared: &[&str]) -> TableView {
    let mut head = vec![
        HeadView::name(maker.term("step")),
        HeadView::number(maker.term("reached")),
        HeadView::number(maker.term("median_us")),
        HeadView::number(maker.term("p90_us")),
    ];
    head.extend(
        declared
            .iter()
            .map(|column| HeadView::number(maker.term(column))),
    );
    let rows = later(steps)
        .map(|step| {
            let times = [&step.median, &step.p90]
                .into_iter()
                .chain(&step.from_entry);
            let mut row = vec![
                CellView::name(step.title.as_str()),
                CellView::number(super::funnel::count(maker, &step.reached)),
            ];
            row.extend(times.map(|cell| CellView::number(time(maker, step, cell))));
            row
        })
        .collect();
    TableView {
        head,
        rows,
        more: None,
    }
}
