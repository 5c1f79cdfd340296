//! Every chain that a log has, by trying each row at each step, in the words of SEMANTICS.

use std::collections::BTreeSet;

use super::super::rules::{Order, Rules};
use super::support::{Given, HOUR};

pub const DAY: i64 = 24 * HOUR;

/// A log as one entry day and basis sees it.
pub struct Log<'a> {
    pub rules: &'a Rules,
    pub rows: &'a [Given],
    pub has_same: bool,
    pub day: i64,
    pub same_day: bool,
}

impl Log<'_> {
    pub fn day_of(row: &Given) -> i64 {
        row.time.div_euclid(DAY)
    }

    pub fn seen(&self, row: &Given) -> bool {
        Self::day_of(row) >= self.day && (!self.same_day || Self::day_of(row) == self.day)
    }

    /// Whether a chain may hold a row as a step.
    pub fn fills(&self, row: &Given, step: usize) -> bool {
        row.steps >> step & 1 == 1
            && row.exclusions == 0
            && (!self.has_same || row.same.is_some())
            && self.seen(row)
    }

    fn matches_required(&self, row: &Given, level: usize) -> bool {
        self.fills(row, self.rules.required[level])
    }

    fn within(&self, level: usize, from: i64, to: i64) -> bool {
        let step = self.rules.required[level];
        self.rules.within_us[step].is_none_or(|within| to - from <= within)
    }

    /// An exclusion between two steps, the first of which is the chain's `level`-th.
    fn excluded(&self, level: usize, from: i64, to: i64) -> bool {
        self.rows.iter().any(|row| {
            row.time >= from
                && row.time < to
                && self
                    .rules
                    .exclusions
                    .iter()
                    .enumerate()
                    .any(|(at, exclusion)| {
                        row.exclusions >> at & 1 == 1
                            && (exclusion.from_level..exclusion.to_level).contains(&level)
                    })
        })
    }

    /// All chains, as places in `rows`, of any length.
    pub fn chains(&self) -> Vec<Vec<usize>> {
        let mut all = Vec::new();
        for first in 0..self.rows.len() {
            if self.matches_required(&self.rows[first], 0)
                && Self::day_of(&self.rows[first]) == self.day
            {
                self.grow(vec![first], &mut all);
            }
        }
        all
    }

    fn grow(&self, chain: Vec<usize>, all: &mut Vec<Vec<usize>>) {
        all.push(chain.clone());
        let level = chain.len();
        if level == self.rules.required.len() {
            return;
        }
        let (first, last) = (&self.rows[chain[0]], &self.rows[chain[level - 1]]);
        for next in 0..self.rows.len() {
            let row = &self.rows[next];
            if chain.contains(&next)
                || !self.matches_required(row, level)
                || row.time < last.time
                || row.time - first.time > self.rules.window_us
                || !self.within(level, last.time, row.time)
                || (self.has_same && row.same != first.same)
                || self.excluded(level, last.time, row.time)
                || (self.rules.order == Order::Strict && self.disturbed(&chain, next))
            {
                continue;
            }
            let mut longer = chain.clone();
            longer.push(next);
            self.grow(longer, all);
        }
    }

    /// For strict chains: whether another event stands between, in the order of events.
    fn disturbed(&self, chain: &[usize], next: usize) -> bool {
        let level = chain.len();
        let first = &self.rows[chain[0]];
        let last = chain[level - 1];
        let due_later = |row: &Given, from: usize| {
            (from..self.rules.required.len())
                .any(|level| self.is_step(row, first, self.rules.required[level]))
        };
        if due_later(&self.rows[last], level) {
            return true;
        }
        let place = |at: usize| self.place(first, at);
        let (from, to) = (place(last), place(next));
        if from >= to {
            return true;
        }
        (0..self.rows.len()).any(|at| {
            let row = &self.rows[at];
            let here = place(at);
            if here <= from || here >= to {
                return false;
            }
            !self.bears(first, level, row)
        })
    }

    /// Where a row stands in the order of events, for chains that hold what `first` holds.
    pub fn place(&self, first: &Given, at: usize) -> (i64, usize, u32, usize) {
        let row = &self.rows[at];
        let required = (0..32)
            .find(|step| self.rules.required.contains(step) && self.is_step(row, first, *step));
        let any = (0..32).find(|step| self.is_step(row, first, *step));
        let rank = match (row.exclusions != 0, required, any) {
            (true, ..) => 100,
            (_, Some(step), _) | (_, None, Some(step)) => step + 1,
            _ => 0,
        };
        let steps = if rank == 0 || rank == 100 {
            0
        } else {
            row.steps
        };
        (row.time, rank, steps, at)
    }

    /// Whether a row may stand behind the last step of a strict chain of `level` steps.
    pub fn bears(&self, first: &Given, level: usize, row: &Given) -> bool {
        let last_step = self.rules.required[level - 1];
        let next_step = self
            .rules
            .required
            .get(level)
            .copied()
            .unwrap_or(self.rules.steps);
        let due_later = (level..self.rules.required.len())
            .any(|later| self.is_step(row, first, self.rules.required[later]));
        let repeats = self.is_step(row, first, last_step) && !due_later;
        let is_required = self
            .rules
            .required
            .iter()
            .any(|step| self.is_step(row, first, *step));
        let fills_gap =
            !is_required && (last_step + 1..next_step).any(|step| self.is_step(row, first, step));
        repeats || fills_gap
    }

    fn is_step(&self, row: &Given, first: &Given, step: usize) -> bool {
        self.fills(row, step) && (!self.has_same || row.same == first.same)
    }

    /// Most different steps that the rows can fill, one row one step.
    pub fn most(&self, rows: &[usize], steps: &BTreeSet<usize>) -> usize {
        let Some((row, rest)) = rows.split_first() else {
            return 0;
        };
        let mut best = self.most(rest, steps);
        for step in steps {
            if self.fills(&self.rows[*row], *step) {
                let mut left = steps.clone();
                left.remove(step);
                best = best.max(1 + self.most(rest, &left));
            }
        }
        best
    }

    /// For `any`: (level, reached at, start) of the chosen chain.
    pub fn any(&self) -> Option<(usize, i64, i64)> {
        let steps: BTreeSet<usize> = (0..self.rules.steps).collect();
        let mut best: Option<(usize, i64, i64)> = None;
        for start in self.rows {
            if Self::day_of(start) != self.day || !steps.iter().any(|step| self.fills(start, *step))
            {
                continue;
            }
            for end in self.rows {
                let is_in = start.time <= end.time
                    && end.time - start.time <= self.rules.window_us
                    && !self.excluded(1, start.time, end.time);
                if !is_in {
                    continue;
                }
                let between: Vec<usize> = (0..self.rows.len())
                    .filter(|at| {
                        let row = &self.rows[*at];
                        (start.time..=end.time).contains(&row.time)
                            && (!self.has_same || row.same == start.same)
                    })
                    .collect();
                let found = (self.most(&between, &steps), end.time, start.time);
                let better =
                    |old: (usize, i64, i64)| (found.0, -found.1, found.2) > (old.0, -old.1, old.2);
                if best.is_none_or(better) {
                    best = Some(found);
                }
            }
        }
        best
    }
}
