//! `strict_once` where several rows share a moment and some of them match several steps: which
//! steps can those rows fill, one row one step?
//!
//! A chain of k steps from before the moment grows to j steps exactly if the steps k+1 … j can be
//! given to different rows of the moment. That is a bipartite matching, found by augmenting paths.
//! The furthest j never falls as k rises, so one matching moves along: it gains steps at its end
//! and gives up those at its beginning.

use super::arena::Row;
use super::arguments::{Rules, STEPS_AT_MOST};
use super::level::Chains;

/// Extends chains by the rows of one moment; it keeps its room from moment to moment.
#[derive(Debug, Default)]
pub struct TieMatcher {
    /// The steps each row matches, as bits; of equal rows only as many as could be used.
    masks: Vec<u32>,
    /// Which step each row fills at present.
    filled: Vec<Option<usize>>,
    /// Rows already tried for the step at hand.
    tried: Vec<bool>,
    /// By the number of steps of a chain: how many rows of this moment it holds.
    held: Vec<usize>,
}

impl TieMatcher {
    /// Extends `chains` by the rows of one moment, ordered by their steps.
    pub fn extend(&mut self, rules: &Rules, chains: &mut Chains, moment: &[Row]) {
        let Some(first) = moment.first() else { return };
        self.take(moment);
        self.held.resize(STEPS_AT_MOST + 1, 0);
        let before = *chains;
        let mut reached = 0;
        for kept in 0..=before.level {
            let start = if kept == 0 {
                first.time
            } else if before.may_go_on(kept, first.time, rules.window) {
                before.starts[kept]
            } else {
                // Longer chains started no later: their window has ended too.
                break;
            };
            if kept > 0 {
                self.give_up(kept - 1);
            }
            reached = reached.max(kept);
            while reached < rules.steps && self.fill(reached) {
                reached += 1;
                // The first chain to get here has the latest start.
                chains.note(reached, start);
                self.held[reached] = reached - kept;
            }
        }
    }

    /// How many rows of the moment the chain of `steps` steps holds that `extend` made.
    pub fn rows_held(&self, steps: usize) -> usize {
        self.held[steps]
    }

    fn take(&mut self, moment: &[Row]) {
        self.masks.clear();
        for alike in moment.chunk_by(|left, right| left.steps == right.steps) {
            let mask = alike[0].steps;
            let usable = alike.len().min(mask.count_ones() as usize);
            self.masks.extend(std::iter::repeat_n(mask, usable));
        }
        self.filled.clear();
        self.filled.resize(self.masks.len(), None);
    }

    fn give_up(&mut self, step: usize) {
        for filled in &mut self.filled {
            if *filled == Some(step) {
                *filled = None;
            }
        }
    }

    /// Finds a row for a step, moving other steps to other rows where that helps.
    fn fill(&mut self, step: usize) -> bool {
        self.tried.clear();
        self.tried.resize(self.masks.len(), false);
        self.try_fill(step)
    }

    fn try_fill(&mut self, step: usize) -> bool {
        for row in 0..self.masks.len() {
            if self.tried[row] || self.masks[row] >> step & 1 == 0 {
                continue;
            }
            self.tried[row] = true;
            let is_free = match self.filled[row] {
                None => true,
                Some(other) => self.try_fill(other),
            };
            if is_free {
                self.filled[row] = Some(step);
                return true;
            }
        }
        false
    }
}
