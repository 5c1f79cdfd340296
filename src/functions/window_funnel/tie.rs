//! `strict_once` where several rows share a moment and some of them match several steps: which
//! steps can those rows fill, one row one step?
//!
//! A chain of k steps from before the moment grows to j steps exactly if the steps k+1 … j can be
//! given to different rows of the moment. That is a bipartite matching, found by augmenting paths.
//! The furthest j never falls as k rises, so one matching moves along: it gains steps at its end
//! and gives up those at its beginning.

use super::arena::Row;
use super::arguments::Rules;
use super::level::Chains;
use crate::functions::matching::Matching;

/// Extends chains by the rows of one moment; it keeps its room from moment to moment.
#[derive(Debug, Default)]
pub struct TieMatcher {
    matching: Matching,
    /// By the number of steps of a chain: how many rows of this moment it holds.
    held: Vec<usize>,
}

impl TieMatcher {
    /// Extends `chains` by the rows of one moment, ordered by their steps.
    pub fn extend(&mut self, rules: &Rules, chains: &mut Chains, moment: &[Row]) {
        let Some(first) = moment.first() else { return };
        self.take(moment);
        self.held.clear();
        self.held.resize(rules.steps + 1, 1);
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
                self.matching.give_up(kept - 1);
            }
            reached = reached.max(kept);
            while reached < rules.steps && self.matching.add(reached) {
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

    /// Of equal rows only as many as could be used.
    fn take(&mut self, moment: &[Row]) {
        let usable = moment
            .chunk_by(|left, right| left.steps == right.steps)
            .flat_map(|alike| {
                let mask = alike[0].steps;
                let usable = alike.len().min(mask.count_ones() as usize);
                std::iter::repeat_n(mask, usable)
            });
        self.matching.begin(usable);
    }
}
