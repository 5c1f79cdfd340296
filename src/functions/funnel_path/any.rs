//! `any`: steps count in whatever order they come; a chain is entered at the first of them, which
//! falls on the entry day.

use super::chain::{Best, Found, Nodes};
use super::row::{Row, moments};
use super::rules::Rules;
use crate::functions::matching::most_steps;

/// The best chains that begin on `day`. `rows` are in order, none of them before `day`.
pub fn search(rules: &Rules, rows: &[Row], day: i32, nodes: &mut Nodes) -> Found {
    nodes.clear();
    let mut found = Found::default();
    let mut best: Option<Best> = None;
    let mut is_entry_day = true;
    // Rows from here to `end` may stand in one chain; an exclusion moves it on.
    let mut first = 0;
    let mut end = 0;
    for moment in moments(rows) {
        end += moment.len();
        let time = moment[0].time;
        if moment[0].day > day && is_entry_day {
            found.same_day = best;
            is_entry_day = false;
        }
        while rows[first].time.saturating_add(rules.window_us) < time {
            first += 1;
        }
        let entered = rows[first..end]
            .iter()
            .position(|row| row.day == day && row.steps != 0);
        let Some(entered) = entered else {
            if !is_entry_day {
                break;
            }
            if moment.iter().any(|row| row.exclusions != 0) && end < rows.len() {
                first = end;
            }
            continue;
        };
        let known = best.map_or(0, |best| best.level);
        let held = &rows[first + entered..end];
        let different = held
            .iter()
            .fold(0, |bits, row| bits | row.steps)
            .count_ones() as usize;
        if different > known && moment.iter().any(|row| row.steps != 0) {
            let level = most_steps(held.iter().map(|row| row.steps), rules.steps);
            if level > known {
                best = chain(rules, held, day, level, nodes);
                if level == rules.steps {
                    break;
                }
            }
        }
        if moment.iter().any(|row| row.exclusions != 0) {
            if end == rows.len() {
                break;
            }
            first = end;
        }
    }
    if is_entry_day {
        found.same_day = best;
    }
    found.whole = best;
    found
}

/// The chain of `level` different steps among the rows that is entered last: `rows` end where it is
/// reached.
fn chain(rules: &Rules, rows: &[Row], day: i32, level: usize, nodes: &mut Nodes) -> Option<Best> {
    // Rows of one moment come in or stay out together: they are one start.
    let masks: Vec<u32> = rows.iter().map(|row| row.steps).collect();
    let start = (0..rows.len()).rev().find(|start| {
        let row = &rows[*start];
        row.day == day
            && row.steps != 0
            && (*start == 0 || rows[*start - 1].time < row.time || rows[*start - 1].steps == 0)
            && most_steps(masks[*start..].iter().copied(), rules.steps) == level
    })?;
    // Each row that lets one more step count is where that one is entered.
    let mut tip = None;
    let mut counted = 0;
    for end in start + 1..=rows.len() {
        if rows[end - 1].steps == 0 {
            continue;
        }
        let most = most_steps(masks[start..end].iter().copied(), rules.steps);
        if most > counted {
            counted = most;
            let (row, time) = (rows[end - 1].at, rows[end - 1].time);
            tip = Some(match tip {
                None => nodes.begin(row, time),
                Some(tip) => nodes.extend(tip, row, time),
            });
        }
    }
    tip.map(|tip| Best { level, tip })
}

/// Whether one more row lets more different steps count.
pub fn adds(rules: &Rules, rows: &[Row], row: &Row) -> bool {
    let steps_of = |rows: &[&[Row]]| -> usize {
        let masks = rows
            .iter()
            .flat_map(|rows| rows.iter().map(|row| row.steps));
        most_steps(masks, rules.steps)
    };
    steps_of(&[rows, std::slice::from_ref(row)]) > steps_of(&[rows])
}
