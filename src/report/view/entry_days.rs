//! Rows of one funnel by entry day and basis, as every picture of a funnel reads them.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::Maker;
use crate::error::Result;
use crate::report::number::clean;
use crate::report::section::{Cell, Grid, failed};

/// Names of funnels and steps on the page are cut here.
pub const LONGEST_NAME: usize = 30;

/// How an entry day is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// Every step on the entry's local day.
    SameDay,
    /// The whole window.
    Mature,
}

/// One row of one step.
#[derive(Debug, Clone)]
pub struct StepRow<'g> {
    /// How its day is counted.
    pub basis: Basis,
    /// Entry day.
    pub day: NaiveDate,
    /// From 1.
    pub number: i64,
    /// The step as people call it.
    pub title: String,
    /// The whole window has passed.
    pub is_mature: bool,
    cells: &'g [Cell],
}

impl StepRow<'_> {
    /// A cell by its place.
    pub fn cell(&self, at: usize) -> &Cell {
        self.cells.get(at).unwrap_or(&Cell::Null)
    }
}

/// Reads and checks what all rows of a funnel have: its name, empty where there are no rows, and rows
/// in the order of the select.
pub fn step_rows<'g>(maker: Maker, grid: &'g Grid) -> Result<(String, Vec<StepRow<'g>>)> {
    let (date, funnel) = (grid.place("date")?, grid.place("funnel")?);
    let (basis, mature) = (grid.place("basis")?, grid.place("is_mature")?);
    let (number, step) = (grid.place("step_no")?, grid.place("step")?);
    let section = grid.section;
    let mut name = String::new();
    let mut rows = Vec::with_capacity(grid.rows.len());
    for cells in &grid.rows {
        let cell = |at: usize| cells.get(at).unwrap_or(&Cell::Null);
        let text = |at: usize, column| {
            cell(at)
                .text()
                .ok_or_else(|| failed(section, column, "is null"))
        };
        let this = text(funnel, "funnel")?;
        if name.is_empty() {
            name = this.to_owned();
        } else if name != this {
            let cause = "holds two funnels; a section shows one";
            return Err(failed(section, "funnel", cause));
        }
        let basis = match text(basis, "basis")? {
            "same_day" => Basis::SameDay,
            "mature" => Basis::Mature,
            other => {
                let other = clean(other, LONGEST_NAME);
                let cause = format!("is `{other}`, neither same_day nor mature");
                return Err(failed(section, "basis", &cause));
            }
        };
        let day = cell(date)
            .date()
            .ok_or_else(|| failed(section, "date", "is null"))?;
        let Cell::Int(number) = *cell(number) else {
            return Err(failed(section, "step_no", "is null"));
        };
        let title = maker.input.step_title(this, text(step, "step")?);
        rows.push(StepRow {
            basis,
            day,
            number,
            title: clean(title, LONGEST_NAME),
            is_mature: *cell(mature) == Cell::Flag(true),
            cells,
        });
    }
    Ok((name, rows))
}

/// Steps in order; an error where they are not 1, 2, 3 ….
pub fn in_order<T>(grid: &Grid, day: NaiveDate, steps: BTreeMap<i64, T>) -> Result<Vec<T>> {
    if !steps.keys().copied().eq(1..=steps.len() as i64) {
        let cause = format!("of {day} are not 1, 2, 3 … without gap");
        return Err(failed(grid.section, "step_no", &cause));
    }
    Ok(steps.into_values().collect())
}

/// The day's chain on the same-day basis, and the latest one up to the day that is due on the mature
/// basis, with their days.
pub fn shown<T>(
    chains: &BTreeMap<(Basis, NaiveDate), Vec<T>>,
    day: NaiveDate,
    is_due: impl Fn(&T) -> bool,
) -> Vec<(Basis, NaiveDate, &[T])> {
    let same_day = chains
        .get(&(Basis::SameDay, day))
        .map(|steps| (Basis::SameDay, day, steps.as_slice()));
    let mature = chains
        .iter()
        .rev()
        .filter(|((basis, entered), _)| *basis == Basis::Mature && *entered <= day)
        .find(|(_, steps)| steps.iter().all(&is_due))
        .map(|((basis, entered), steps)| (*basis, *entered, steps.as_slice()));
    same_day.into_iter().chain(mature).collect()
}
