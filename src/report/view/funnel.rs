//! A funnel: the same-day picture of the report's day, the mature one of the latest due day beside it.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

pub use super::entry_days::Basis;
use super::entry_days::{LONGEST_NAME, in_order, step_rows};
use super::panels::{PanelView, PanelsView};
use super::shapes::{BREAKDOWN, SEGMENT};
use super::table::{CellView, HeadView, TableView};
use super::{Charts, Maker};
use crate::error::Result;
use crate::project::{Format, Good};
use crate::report::change::Change;
use crate::report::chart::{Funnel, FunnelStep};
use crate::report::number::{clean, group, month_day, percent};
use crate::report::section::{Cell, Grid, failed};
use crate::report::words::Key;

/// One step's row.
#[derive(Debug, Clone)]
pub struct Step {
    /// As people call it.
    pub title: String,
    /// Who entered.
    pub entrants: Cell,
    /// Who got here; null where not yet due.
    pub reached: Cell,
    /// From the step before.
    pub step_rate: Cell,
    /// From the first step.
    pub overall_rate: Cell,
    /// Interval of `step_rate`, where declared.
    pub step_interval: Option<(f64, f64)>,
    /// Interval of `overall_rate`, where declared.
    pub overall_interval: Option<(f64, f64)>,
    /// The whole window has passed.
    pub is_mature: bool,
}

/// One funnel of one day, basis and segment.
pub type ChainKey = (Basis, NaiveDate, String);

/// All chains of a section.
#[derive(Debug)]
pub struct Chains {
    /// Funnel's name; empty where there are no rows.
    pub funnel: String,
    /// Steps from the first, by chain.
    pub steps: BTreeMap<ChainKey, Vec<Step>>,
    /// Segments in the order the select gave them.
    pub segments: Vec<String>,
    /// By which columns the segments are made, where declared.
    pub breakdown: Option<String>,
}

impl Chains {
    /// Reads and checks: one funnel, steps 1, 2, 3 … without gap or repetition in each chain.
    pub fn read(maker: Maker, grid: &Grid) -> Result<Self> {
        let (entrants, reached) = (grid.place("entrants")?, grid.place("reached")?);
        let (step_rate, overall_rate) = (grid.place("step_rate")?, grid.place("overall_rate")?);
        let segment = grid.find(SEGMENT);
        let interval = |low, high| grid.find(low).zip(grid.find(high));
        let step_interval = interval("step_rate_low", "step_rate_high");
        let overall_interval = interval("overall_rate_low", "overall_rate_high");
        let (funnel, rows) = step_rows(maker, grid)?;
        let mut numbered: BTreeMap<ChainKey, BTreeMap<i64, Step>> = BTreeMap::new();
        let mut segments: Vec<String> = Vec::new();
        let by = grid.find(BREAKDOWN);
        let mut breakdown: Option<String> = None;
        for row in rows {
            if let Some(this) = by.and_then(|at| row.cell(at).text()) {
                if breakdown.as_deref().is_some_and(|other| other != this) {
                    let cause = "holds two breakdowns; a section shows one";
                    return Err(failed(grid.section, BREAKDOWN, cause));
                }
                breakdown.get_or_insert_with(|| this.to_owned());
            }
            let part = match segment {
                Some(at) => row
                    .cell(at)
                    .text()
                    .ok_or_else(|| failed(grid.section, SEGMENT, "is null"))?
                    .to_owned(),
                None => String::new(),
            };
            if !segments.contains(&part) {
                segments.push(part.clone());
            }
            let ends = |places: Option<(usize, usize)>| {
                let (low, high) = places?;
                row.cell(low).number().zip(row.cell(high).number())
            };
            let step = Step {
                title: row.title.clone(),
                entrants: row.cell(entrants).clone(),
                reached: row.cell(reached).clone(),
                step_rate: row.cell(step_rate).clone(),
                overall_rate: row.cell(overall_rate).clone(),
                step_interval: ends(step_interval),
                overall_interval: ends(overall_interval),
                is_mature: row.is_mature,
            };
            let (day, number) = (row.day, row.number);
            let steps = numbered.entry((row.basis, day, part)).or_default();
            if steps.insert(number, step).is_some() {
                let cause = format!(
                    "{number} comes twice on {day}; does the select filter breakdown and segment?"
                );
                return Err(failed(grid.section, "step_no", &cause));
            }
        }
        let steps = numbered
            .into_iter()
            .map(|(key, steps)| in_order(grid, key.1, steps).map(|steps| (key, steps)))
            .collect::<Result<_>>()?;
        Ok(Self {
            funnel,
            steps,
            segments,
            breakdown,
        })
    }

    /// One chain of all entrants.
    fn chain(&self, basis: Basis, day: NaiveDate) -> Option<&[Step]> {
        self.steps
            .get(&(basis, day, String::new()))
            .map(Vec::as_slice)
    }

    /// A day's chain, with that of the same weekday before.
    fn pair(&self, basis: Basis, entered: NaiveDate) -> Option<Pair<'_>> {
        Some(Pair {
            entered,
            steps: self.chain(basis, entered)?,
            before: entered
                .checked_sub_days(Days::new(7))
                .and_then(|day| self.chain(basis, day)),
        })
    }

    /// The report day's chain on the same-day basis.
    pub fn same_day(&self, day: NaiveDate) -> Option<Pair<'_>> {
        self.pair(Basis::SameDay, day)
    }

    /// The latest entry day up to `day` that is due on the mature basis.
    fn latest_mature(&self, day: NaiveDate) -> Option<Pair<'_>> {
        self.steps
            .iter()
            .rev()
            .filter(|((basis, entered, _), _)| *basis == Basis::Mature && *entered <= day)
            .find(|(_, steps)| steps.iter().all(|step| step.is_mature))
            .and_then(|((_, entered, _), _)| self.pair(Basis::Mature, *entered))
    }
}

/// A chain with the one it is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'c> {
    /// Entry day.
    entered: NaiveDate,
    /// Steps from the first.
    pub steps: &'c [Step],
    /// The same weekday of the week before.
    before: Option<&'c [Step]>,
}

impl Pair<'_> {
    /// The change of a step's rate against the week before.
    pub fn rate_change(&self, at: usize) -> Option<Change> {
        let (now, before) = (self.steps.get(at)?, self.before?.get(at)?);
        Change::between(Format::Percent, &now.step_rate, &before.step_rate)
    }

    /// What is lost on the way to a step: people and share.
    fn lost(&self, at: usize) -> Option<(i64, f64)> {
        let before = self.steps.get(at.checked_sub(1)?)?;
        let step = self.steps.get(at)?;
        match (&before.reached, &step.reached, step.step_rate.number()) {
            (Cell::Int(from), Cell::Int(to), Some(rate)) => Some((from - to, 1.0 - rate)),
            _ => None,
        }
    }
}

/// The pictures; `None` where the report's day has no rows.
pub fn funnel(maker: Maker, grid: &Grid, charts: &mut Charts) -> Result<Option<PanelsView>> {
    let chains = Chains::read(maker, grid)?;
    let Some(same_day) = chains.same_day(maker.input.date) else {
        return Ok(None);
    };
    let mut panels = vec![panel(
        maker,
        &chains.funnel,
        Key::SameDayPanel,
        same_day,
        charts,
    )];
    let mature = chains.latest_mature(maker.input.date);
    if let Some(mature) = mature {
        panels.push(panel(
            maker,
            &chains.funnel,
            Key::MaturePanel,
            mature,
            charts,
        ));
    }
    let note = mature
        .is_none()
        .then(|| maker.words.get(Key::MatureNotDue).to_owned());
    Ok(Some(PanelsView::new(panels, note)))
}

fn panel(maker: Maker, funnel: &str, title: Key, pair: Pair, charts: &mut Charts) -> PanelView {
    let (words, steps) = (maker.words, pair.steps);
    let title = words.fill(title, &[("date", &month_day(pair.entered))]);
    let rate = |cell: &Cell| {
        cell.number()
            .map_or_else(|| words.get(Key::NoValue).to_owned(), percent)
    };
    let overall = steps.last().map_or_else(
        || words.get(Key::NoValue).to_owned(),
        |step| rate(&step.overall_rate),
    );
    let drawn = Funnel {
        title: format!(
            "{} · {title}",
            clean(maker.input.funnel_title(funnel), LONGEST_NAME)
        ),
        description: words.fill(
            Key::FunnelDescription,
            &[
                (
                    "entrants",
                    &count(
                        maker,
                        steps.first().map_or(&Cell::Null, |step| &step.entrants),
                    ),
                ),
                ("steps", &steps.len().to_string()),
                ("rate", &overall),
            ],
        ),
        steps: (0..steps.len())
            .filter_map(|at| drawn_step(maker, pair, at))
            .collect(),
    };
    PanelView {
        title,
        figure: words.fill(Key::OverallRate, &[("rate", &overall)]),
        chart: charts.push(drawn.draw()),
        table: step_table(maker, pair),
    }
}

/// A count in full, or its state.
pub fn count(maker: Maker, cell: &Cell) -> String {
    match cell {
        Cell::Int(n) => group(&n.to_string()),
        _ => maker.words.get(Key::NotYetDue).to_owned(),
    }
}

fn drawn_step(maker: Maker, pair: Pair, at: usize) -> Option<FunnelStep> {
    let words = maker.words;
    let step = pair.steps.get(at)?;
    let reached = count(maker, &step.reached);
    let overall = step.overall_rate.number().map_or_else(String::new, percent);
    let share = match (&step.reached, step.overall_rate.number()) {
        (Cell::Int(_), Some(rate)) => Some(rate),
        // Nobody entered: an empty bar, not an undue one.
        (Cell::Int(_), None) => Some(0.0),
        _ => None,
    };
    let passage = match (pair.lost(at), step.step_rate.number()) {
        (Some((_, lost_rate)), Some(rate)) => {
            let (rate, lost_rate) = (percent(rate), percent(lost_rate));
            match pair.rate_change(at).filter(|change| change.is_notable()) {
                Some(change) => words.fill(
                    Key::FunnelStepMoved,
                    &[
                        ("rate", &rate),
                        ("change", &change.signed(maker.writer)),
                        ("lost_rate", &lost_rate),
                    ],
                ),
                None => words.fill(
                    Key::FunnelStepShort,
                    &[("rate", &rate), ("lost_rate", &lost_rate)],
                ),
            }
        }
        _ => String::new(),
    };
    let mut title = words.fill(
        Key::FunnelTooltip,
        &[
            ("step", &step.title),
            ("reached", &reached),
            (
                "rate",
                if overall.is_empty() {
                    words.get(Key::NoValue)
                } else {
                    &overall
                },
            ),
        ],
    );
    if let (Some((people, lost_rate)), Some(rate)) = (pair.lost(at), step.step_rate.number()) {
        title.push('\n');
        title.push_str(&words.fill(
            Key::FunnelStep,
            &[
                ("rate", &percent(rate)),
                ("lost", &group(&people.to_string())),
                ("lost_rate", &percent(lost_rate)),
            ],
        ));
    }
    Some(FunnelStep {
        name: step.title.clone(),
        reached,
        overall,
        share,
        passage: if at == 0 { String::new() } else { passage },
        title,
    })
}

fn step_table(maker: Maker, pair: Pair) -> TableView {
    let words = maker.words;
    let label = |column: &str| words.label(column, None).unwrap_or("").to_owned();
    let none = || CellView::none(words.get(Key::NoValue), words.get(Key::NoValueWhy));
    let rate = |cell: Option<f64>| cell.map_or_else(none, |rate| CellView::number(percent(rate)));
    TableView {
        head: vec![
            HeadView::name(label("step")),
            HeadView::number(label("reached")),
            HeadView::number(label("step_rate")),
            HeadView::number(words.get(Key::VsSameWeekday)),
            HeadView::number(label("overall_rate")),
            HeadView::number(label("drop_off")),
        ],
        rows: pair
            .steps
            .iter()
            .enumerate()
            .map(|(at, step)| {
                let first = at == 0;
                let blank = || CellView::number("");
                vec![
                    CellView::name(step.title.as_str()),
                    CellView::number(count(maker, &step.reached)),
                    if first {
                        blank()
                    } else {
                        rate(step.step_rate.number())
                    },
                    match pair.rate_change(at) {
                        _ if first => blank(),
                        Some(change) => {
                            CellView::change(change.signed(maker.writer), change.tone(Good::Up))
                        }
                        None => {
                            CellView::none(words.get(Key::NoComparison), words.get(Key::NoValueWhy))
                        }
                    },
                    if first {
                        blank()
                    } else {
                        rate(step.overall_rate.number())
                    },
                    if first {
                        blank()
                    } else {
                        rate(pair.lost(at).map(|(_, rate)| rate))
                    },
                ]
            })
            .collect(),
        more: None,
    }
}
