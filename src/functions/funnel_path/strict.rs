//! `strict`: no other event of the entity between two steps, but repeats of the step reached last and
//! optional steps of that gap.
//!
//! A chain lives only as long as nothing disturbs it: each row is looked at once, and every living
//! chain takes it, bears it, or ends. The rules are those of `window_funnel`'s `strict_order` with
//! `strict_once`.

use super::chain::{Found, Nodes, Tip, keep_deeper, may_go_on};
use super::row::Row;
use super::rules::{Rules, STEPS_AT_MOST};

/// The best chains that begin on `day`. `rows` are in order, none of them before `day`.
pub fn search(rules: &Rules, rows: &[Row], day: i32, nodes: &mut Nodes) -> Found {
    nodes.clear();
    let mut living: [Option<Tip>; STEPS_AT_MOST + 1] = [None; STEPS_AT_MOST + 1];
    let mut found = Found::default();
    let mut best = None;
    let mut is_entry_day = true;
    for row in rows {
        let is_later_day = row.day > day;
        if is_later_day && is_entry_day {
            found.same_day = best;
            is_entry_day = false;
        }
        if is_later_day && living.iter().all(Option::is_none) {
            break;
        }
        let mut next: [Option<Tip>; STEPS_AT_MOST + 1] = [None; STEPS_AT_MOST + 1];
        for level in (0..=rules.levels()).rev() {
            let matches_next = rules
                .required
                .get(level)
                .is_some_and(|step| row.steps >> step & 1 == 1);
            let tip = living[level];
            if matches_next {
                let taken = match tip {
                    None if level == 0 && !is_later_day => Some(nodes.begin(row.at, row.time)),
                    Some(tip) if may_go_on(rules, tip, level, row.time) => {
                        Some(nodes.extend(tip, row.at, row.time))
                    }
                    _ => None,
                };
                if let Some(taken) = taken {
                    keep_deeper(&mut best, level + 1, taken);
                    if !matches_beyond(rules, row.steps, level + 1) {
                        keep_later(&mut next[level + 1], taken);
                    }
                }
            }
            if let Some(tip) = tip.filter(|_| is_borne(rules, row, level)) {
                keep_later(&mut next[level], tip);
            }
        }
        living = next;
    }
    if is_entry_day {
        found.same_day = best;
    }
    found.whole = best;
    found
}

fn keep_later(kept: &mut Option<Tip>, tip: Tip) {
    if kept.is_none_or(|kept| (kept.start, kept.time) < (tip.start, tip.time)) {
        *kept = Some(tip);
    }
}

/// Whether a row only repeats the last step of a chain of `level` steps, or fills an optional step that
/// stands there.
pub fn is_borne(rules: &Rules, row: &Row, level: usize) -> bool {
    let Some(last) = level.checked_sub(1).map(|at| rules.required[at]) else {
        return false;
    };
    if row.exclusions != 0 {
        return false;
    }
    let next = rules.required.get(level).copied().unwrap_or(rules.steps);
    let repeats_last = row.steps >> last & 1 == 1 && !matches_beyond(rules, row.steps, level);
    let is_optional = row.steps & rules.required_bits == 0
        && (last + 1..next).any(|step| row.steps >> step & 1 == 1);
    repeats_last || is_optional
}

/// Whether a row matches a required step after the first `level`, one that is not yet due.
fn matches_beyond(rules: &Rules, steps: u32, level: usize) -> bool {
    rules.required[level.min(rules.levels())..]
        .iter()
        .any(|step| steps >> step & 1 == 1)
}
