//! The level of one entity after another, for readers that bring the rows of each together.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::physical_expr::PhysicalExpr;

use super::arena::Row;
use super::arguments::Rules;
use super::level::LevelFinder;

/// Finds the levels of entities whose rows come together.
#[derive(Debug)]
pub struct EntityFunnel {
    finder: LevelFinder,
    keeps_all: bool,
    rows: Vec<Row>,
}

impl EntityFunnel {
    /// A funnel by the function's first two arguments and its number of steps. `time_is_integer` tells
    /// that times have no unit.
    pub fn new(
        window: &Arc<dyn PhysicalExpr>,
        mode: &Arc<dyn PhysicalExpr>,
        time_is_integer: bool,
        steps: usize,
    ) -> Result<Self> {
        let rules = Rules::read(window, mode, time_is_integer, steps)?;
        Ok(Self {
            finder: LevelFinder::new(rules),
            keeps_all: rules.mode.order,
            rows: Vec::new(),
        })
    }

    /// A row of the entity at hand: its time, and the steps it matches as bits.
    pub fn add(&mut self, time: i64, steps: u32) {
        // Only in strict order do rows without a step end chains.
        if steps != 0 || self.keeps_all {
            self.rows.push(Row {
                time,
                group: 0,
                steps,
            });
        }
    }

    /// The level of the entity at hand; the next row is another's.
    pub fn finish(&mut self) -> i64 {
        if !self.rows.is_sorted_by_key(|row| (row.time, row.steps)) {
            self.rows.sort_unstable_by_key(|row| (row.time, row.steps));
        }
        let level = self.finder.level(&self.rows);
        self.rows.clear();
        level
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.rows.capacity() * size_of::<Row>()
    }
}
