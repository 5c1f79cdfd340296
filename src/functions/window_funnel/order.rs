//! `strict_order`: chains between whose steps no other event stands.
//!
//! Since a chain lives only as long as nothing disturbs it, each row is looked at once and every
//! living chain either takes it, bears it as a repeat of its last step, or ends.

use super::arena::Row;
use super::arguments::{Rules, STEPS_AT_MOST};
use super::level::{repeatable, within};

/// By number of steps: the latest start of a living chain.
type Living = [Option<i64>; STEPS_AT_MOST + 1];

/// The level of one entity; `masks` is room for one moment.
pub fn level(rules: &Rules, rows: &[Row], masks: &mut Vec<u32>) -> usize {
    let mut level = 0;
    let mut living: Living = [None; STEPS_AT_MOST + 1];
    for moment in rows.chunk_by(|left, right| left.time == right.time) {
        let time = moment[0].time;
        masks.clear();
        masks.extend(moment.iter().map(|row| row.steps));
        masks.sort_unstable_by_key(|mask| {
            (mask.checked_ilog2().map(|_| mask.trailing_zeros()), *mask)
        });
        // Chains whose last step lies in this moment; apart, because `strict_increase` lets them
        // go on only after it.
        let mut fresh: Living = [None; STEPS_AT_MOST + 1];
        for &mask in masks.iter() {
            if rules.mode.deduplication && mask & repeatable(level) != 0 {
                return level;
            }
            let mut next: Living = [None; STEPS_AT_MOST + 1];
            let mut next_fresh: Living = [None; STEPS_AT_MOST + 1];
            for steps in 1..=rules.steps {
                let may_take =
                    |start: Option<i64>| start.filter(|start| within(*start, time, rules.window));
                if let Some(start) = may_take(living[steps]) {
                    take(rules, mask, steps, start, &mut next_fresh, &mut level);
                }
                if !rules.mode.increase
                    && let Some(start) = may_take(fresh[steps])
                {
                    take(rules, mask, steps, start, &mut next_fresh, &mut level);
                }
                if repeats_last(mask, steps) {
                    keep_later(&mut next[steps], living[steps]);
                    keep_later(&mut next_fresh[steps], fresh[steps]);
                }
            }
            take(rules, mask, 0, time, &mut next_fresh, &mut level);
            living = next;
            fresh = next_fresh;
            if level == rules.steps {
                return level;
            }
        }
        for (living, fresh) in living.iter_mut().zip(fresh) {
            keep_later(living, fresh);
        }
    }
    level
}

/// Lets a chain of `steps` steps take a row if the row matches its next step, and the steps after
/// that too where one row may fill several. `level` rises even where the row also ends the chain.
fn take(rules: &Rules, mask: u32, steps: usize, start: i64, fresh: &mut Living, level: &mut usize) {
    let matching = (mask.checked_shr(steps as u32).unwrap_or(0)).trailing_ones() as usize;
    let most = if rules.mode.once || rules.mode.increase {
        matching.min(1)
    } else {
        matching
    };
    *level = (*level).max(steps + most);
    for taken in 1..=most {
        if !matches_beyond(mask, steps + taken + 1) {
            keep_later(&mut fresh[steps + taken], Some(start));
        }
    }
}

/// Whether a row only repeats the last step of a chain of `steps` steps.
fn repeats_last(mask: u32, steps: usize) -> bool {
    mask >> (steps - 1) & 1 == 1 && !matches_beyond(mask, steps + 1)
}

/// Whether a row matches a step after the first `steps`, one that is not yet due.
fn matches_beyond(mask: u32, steps: usize) -> bool {
    mask.checked_shr(steps as u32).unwrap_or(0) != 0
}

fn keep_later(kept: &mut Option<i64>, other: Option<i64>) {
    *kept = (*kept).max(other);
}
