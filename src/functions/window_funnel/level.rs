//! How deep the rows of one entity reach: one pass over them, with one number kept per step.
//!
//! The number kept for step k is the start of the chain of k steps that started last. A later
//! start is never worse: the chain's window ends later, and nothing else of its past matters as
//! long as the rows of one moment are taken together, which is what the loop below does.

use super::arena::Row;
use super::arguments::{Rules, STEPS_AT_MOST};
use super::tie::TieMatcher;

/// The chains found so far, by their number of steps.
#[derive(Debug, Clone, Copy)]
pub struct Chains {
    /// `starts[k]`: the latest start of a chain of k steps, for 1 <= k <= `level`. Falling in k,
    /// since a chain of k + 1 steps holds one of k with the same start.
    pub starts: [i64; STEPS_AT_MOST + 1],
    /// The steps of the longest chain so far.
    pub level: usize,
}

impl Chains {
    fn new() -> Self {
        Self {
            starts: [0; STEPS_AT_MOST + 1],
            level: 0,
        }
    }

    /// Whether a chain of `steps` steps exists that may take one more at `time`.
    pub fn may_go_on(&self, steps: usize, time: i64, window: i64) -> bool {
        steps <= self.level && within(self.starts[steps], time, window)
    }

    /// Notes a chain of `steps` steps.
    pub fn note(&mut self, steps: usize, start: i64) {
        self.starts[steps] = start;
        self.level = self.level.max(steps);
    }
}

/// Whether `time` lies within the window of a chain; a window past the end of time has no end.
pub fn within(start: i64, time: i64, window: i64) -> bool {
    time <= start.saturating_add(window)
}

/// Finds levels; it keeps the room it needs from group to group.
#[derive(Debug)]
pub struct LevelFinder {
    rules: Rules,
    ties: TieMatcher,
    masks: Vec<u32>,
}

impl LevelFinder {
    /// A finder by these rules.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            ties: TieMatcher::default(),
            masks: Vec::new(),
        }
    }

    /// The level of one entity, 0 to the number of steps. `rows` are ordered by (time, steps).
    pub fn level(&mut self, rows: &[Row]) -> i64 {
        let level = if self.rules.mode.order {
            super::order::level(&self.rules, rows, &mut self.masks)
        } else {
            self.level_with_others_between(rows)
        };
        level as i64
    }

    fn level_with_others_between(&mut self, rows: &[Row]) -> usize {
        let Rules {
            window,
            steps,
            mode,
        } = self.rules;
        let mut chains = Chains::new();
        for moment in rows.chunk_by(|left, right| left.time == right.time) {
            let time = moment[0].time;
            let any = moment.iter().fold(0, |any, row| any | row.steps);
            let level_before = chains.level;
            if mode.deduplication && any & repeatable(level_before) != 0 {
                break;
            }
            let tied =
                mode.once && !mode.increase && moment.iter().any(|row| row.steps.count_ones() > 1);
            if mode.increase || (tied && moment.len() == 1) {
                one_step_each(&mut chains, time, any, window);
            } else if tied {
                self.ties.extend(&self.rules, &mut chains, moment);
            } else {
                all_steps_at_once(&mut chains, time, any, window);
            }
            if mode.deduplication && moment.len() > 1 {
                // More rows of this moment match a step just reached than the chain can hold.
                let matches = |step: usize| {
                    moment
                        .iter()
                        .filter(|row| row.steps >> step & 1 == 1)
                        .count()
                };
                let held = |step: usize| {
                    if tied {
                        self.ties.rows_held(step + 1)
                    } else {
                        1
                    }
                };
                let repeated =
                    (level_before.max(1)..chains.level).find(|&step| matches(step) > held(step));
                if let Some(step) = repeated {
                    return step + 1;
                }
            }
            if chains.level == steps {
                break;
            }
        }
        chains.level
    }
}

/// The steps, as bits, whose return ends a search without repetition: all reached but the first.
pub fn repeatable(level: usize) -> u32 {
    let reached = u32::MAX
        .checked_shr(u32::BITS.saturating_sub(level as u32))
        .unwrap_or(0);
    reached & !1
}

/// A moment in which each step may follow the one before it within the moment: from the first on.
fn all_steps_at_once(chains: &mut Chains, time: i64, any: u32, window: i64) {
    let mut left = any;
    while left != 0 {
        extend_by(chains, left.trailing_zeros() as usize, time, window);
        left &= left - 1;
    }
}

/// A moment in which a chain grows by one step at most: from the last step down, so that a step
/// only follows chains from before the moment.
fn one_step_each(chains: &mut Chains, time: i64, any: u32, window: i64) {
    let mut left = any;
    while left != 0 {
        let step = left.ilog2();
        extend_by(chains, step as usize, time, window);
        left &= !(1 << step);
    }
}

/// Puts one step (counted from 0) at the end of the chain before it.
fn extend_by(chains: &mut Chains, step: usize, time: i64, window: i64) {
    if step == 0 {
        chains.note(1, time);
    } else if chains.may_go_on(step, time, window) {
        chains.note(step + 1, chains.starts[step]);
    }
}
