//! The rows of one entity and their order.

use super::rules::Rules;

/// Stands for nothing among the numbers of names and values.
pub const NONE: u32 = u32::MAX;

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// When, in microseconds.
    pub time: i64,
    /// The local day it falls on, as days since 1970-01-01.
    pub day: i32,
    /// The steps it matches: bit k for step k + 1. None where it matches an exclusion.
    pub steps: u32,
    /// The exclusions it matches.
    pub exclusions: u32,
    /// Number of its name; [`NONE`] for null.
    pub name: u32,
    /// Number of what it carries.
    pub carried: u32,
    /// Number of what must be the same along a chain; [`NONE`] for null, which is the same as nothing.
    pub same: u32,
    /// Number of its value; [`NONE`] for null.
    pub value: u32,
    /// Its place among the entity's rows once they are in order.
    pub at: u32,
}

impl Row {
    /// Its place among rows of equal time: those that match nothing, then by the first step (a
    /// required one before all), then exclusions.
    pub fn rank(&self, rules: &Rules) -> u32 {
        let required = self.steps & rules.required_bits;
        match (self.exclusions, required, self.steps) {
            (0, 0, 0) => 0,
            (0, 0, steps) => 1 + steps.trailing_zeros(),
            (0, required, _) => 1 + required.trailing_zeros(),
            _ => u32::MAX,
        }
    }

    /// Whether no chain may hold it.
    pub fn is_other(&self) -> bool {
        self.steps == 0 && self.exclusions == 0
    }
}

/// Rows of equal time, one moment after the other.
pub fn moments(rows: &[Row]) -> impl Iterator<Item = &[Row]> {
    rows.chunk_by(|left, right| left.time == right.time)
}
