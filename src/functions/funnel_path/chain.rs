//! Chains while they are being found: each step points to the one before, so that a chain grows
//! without copying it.

use super::rules::Rules;

/// A step of a chain.
#[derive(Debug, Clone, Copy)]
struct Node {
    row: u32,
    before: u32,
}

/// The first step of a chain has none before.
const NO_NODE: u32 = u32::MAX;

/// The steps of all chains of a search.
#[derive(Debug, Default)]
pub struct Nodes(Vec<Node>);

/// The end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Time of the first step.
    pub start: i64,
    /// Time of the last.
    pub time: i64,
    node: u32,
}

impl Nodes {
    /// Forgets all chains.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// A chain of one step.
    pub fn begin(&mut self, row: u32, time: i64) -> Tip {
        Tip {
            start: time,
            time,
            node: self.push(row, NO_NODE),
        }
    }

    /// A chain with one more step.
    pub fn extend(&mut self, tip: Tip, row: u32, time: i64) -> Tip {
        Tip {
            start: tip.start,
            time,
            node: self.push(row, tip.node),
        }
    }

    fn push(&mut self, row: u32, before: u32) -> u32 {
        self.0.push(Node { row, before });
        (self.0.len() - 1) as u32
    }

    /// Puts the rows of a chain, from its first step, in place of what `rows` held.
    pub fn rows(&self, tip: Tip, rows: &mut Vec<u32>) {
        rows.clear();
        let mut node = tip.node;
        while let Some(step) = self.0.get(node as usize) {
            rows.push(step.row);
            node = step.before;
        }
        rows.reverse();
    }
}

/// The chain that first reaches the deepest step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Best {
    /// Its required steps.
    pub level: usize,
    /// Its end.
    pub tip: Tip,
}

/// What a search finds for one entry day.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found {
    /// With the steps of the entry day alone.
    pub same_day: Option<Best>,
    /// With the whole window.
    pub whole: Option<Best>,
}

/// Keeps the chain if it is deeper than what is kept: the first that gets there stays.
pub fn keep_deeper(best: &mut Option<Best>, level: usize, tip: Tip) {
    if best.is_none_or(|best| best.level < level) {
        *best = Some(Best { level, tip });
    }
}

/// Whether a chain of `level` steps may take its next one at `time`.
pub fn may_go_on(rules: &Rules, tip: Tip, level: usize, time: i64) -> bool {
    let in_window = time <= tip.start.saturating_add(rules.window_us);
    let in_step = rules
        .next_within_us(level)
        .is_none_or(|within| time <= tip.time.saturating_add(within));
    in_window && in_step
}
