//! `ordered`: other events may stand between the steps.
//!
//! One chain is kept per number of steps: the one found last. It has the latest start and the latest
//! last step of all chains of its length, so that whatever another could take, it can. That holds
//! with `within` too, and an exclusion ends all chains of a length alike.

use super::chain::{Found, Nodes, Tip, keep_deeper, may_go_on};
use super::row::{Row, moments};
use super::rules::{Rules, STEPS_AT_MOST};
use crate::functions::matching::Matching;

/// By number of steps, from 1.
type Tips = [Option<Tip>; STEPS_AT_MOST + 1];

/// The best chains that begin on `day`. `rows` are in order, none of them before `day`.
pub fn search(rules: &Rules, rows: &[Row], day: i32, nodes: &mut Nodes) -> Found {
    nodes.clear();
    let mut tips: Tips = [None; STEPS_AT_MOST + 1];
    let mut found = Found::default();
    let mut best = None;
    let mut is_entry_day = true;
    let mut latest_start = None;
    for moment in moments(rows) {
        let time = moment[0].time;
        let is_later_day = moment[0].day > day;
        if is_later_day && is_entry_day {
            found.same_day = best;
            is_entry_day = false;
        }
        let is_over = |start: i64| time > start.saturating_add(rules.window_us);
        if is_later_day && latest_start.is_none_or(is_over) {
            break;
        }
        let is_plain = moment
            .iter()
            .all(|row| (row.steps & rules.required_bits).count_ones() <= 1);
        let mut note = |level: usize, tip: Tip, tips: &mut Tips| {
            // Of chains alike the first stays.
            if tips[level].is_none_or(|kept| (kept.start, kept.time) < (tip.start, tip.time)) {
                tips[level] = Some(tip);
                keep_deeper(&mut best, level, tip);
            }
        };
        if !is_plain && moment.len() > 1 {
            let before = tips;
            extend_by_matching(
                rules,
                moment,
                !is_later_day,
                &before,
                nodes,
                |level, tip| {
                    note(level, tip, &mut tips);
                },
            );
        } else {
            for row in moment {
                // From the last step down, since one row fills one step of a chain.
                for level in (0..rules.levels()).rev() {
                    if row.steps >> rules.required[level] & 1 == 0 {
                        continue;
                    }
                    if level == 0 {
                        if !is_later_day {
                            let tip = nodes.begin(row.at, time);
                            note(1, tip, &mut tips);
                        }
                    } else if let Some(tip) = tips[level]
                        && may_go_on(rules, tip, level, time)
                    {
                        let tip = nodes.extend(tip, row.at, time);
                        note(level + 1, tip, &mut tips);
                    }
                }
            }
        }
        if !is_later_day
            && moment
                .iter()
                .any(|row| row.steps >> rules.required[0] & 1 == 1)
        {
            latest_start = Some(time);
        }
        let exclusions = moment.iter().fold(0, |bits, row| bits | row.exclusions);
        if exclusions != 0 {
            for (level, tip) in tips.iter_mut().enumerate() {
                if rules.ends(exclusions, level) {
                    *tip = None;
                }
            }
        }
    }
    if is_entry_day {
        found.same_day = best;
    }
    found.whole = best;
    found
}

/// A moment in which some rows match several steps: a chain of k steps from before grows to j exactly
/// if the steps k + 1 … j can be given to different rows.
fn extend_by_matching(
    rules: &Rules,
    moment: &[Row],
    may_begin: bool,
    before: &Tips,
    nodes: &mut Nodes,
    mut note: impl FnMut(usize, Tip),
) {
    let time = moment[0].time;
    let masks = || moment.iter().map(|row| row.steps & rules.required_bits);
    for (kept, tip) in before.iter().enumerate().take(rules.levels()) {
        let tip = match *tip {
            None if kept == 0 && may_begin => None,
            Some(tip) if kept > 0 && may_go_on(rules, tip, kept, time) => Some(tip),
            _ => continue,
        };
        let mut matching = Matching::of(masks());
        for level in kept..rules.levels() {
            if !matching.add(rules.required[level]) {
                break;
            }
            let mut grown = tip;
            for step in kept..=level {
                let Some(row) = matching.row_of(rules.required[step]) else {
                    continue;
                };
                let row = moment[row].at;
                grown = Some(match grown {
                    None => nodes.begin(row, time),
                    Some(tip) => nodes.extend(tip, row, time),
                });
            }
            if let Some(grown) = grown {
                note(level + 1, grown);
            }
        }
    }
}
