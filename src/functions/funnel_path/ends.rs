//! What became of an entrant: the first state that applies (SEMANTICS, "Funnels").

use super::any;
use super::row::Row;
use super::rules::{Order, Rules};
use super::strict;
use crate::functions::local_clock::LocalClock;

/// The state in which an entrant ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndState {
    /// Every required step.
    Converted,
    /// An exclusion came after the furthest step, while the next could still come.
    Excluded,
    /// The window is not over at the end of the last complete day.
    Open,
    /// The next required step came too late, before the end of the local day in which the window ends.
    TimedOut,
    /// Another event came after the furthest step inside the window.
    Elsewhere,
    /// Nothing came.
    Gone,
}

impl EndState {
    /// As the tables write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Converted => "converted",
            Self::Excluded => "excluded",
            Self::Open => "open",
            Self::TimedOut => "timed_out",
            Self::Elsewhere => "elsewhere",
            Self::Gone => "gone",
        }
    }
}

/// How far the log is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The entry's local day, as if nothing came after it.
    SameDay,
    /// The whole window.
    Mature,
}

impl Basis {
    /// As the tables write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::SameDay => "same_day",
            Self::Mature => "mature",
        }
    }
}

/// Time, rank, steps and number of a row, in the order of events.
type Place = (i64, u32, u32, u32);

/// A chain that was chosen.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// Its rows, from the first step.
    pub rows: Vec<u32>,
    /// By step: its row, optional steps too.
    pub step_rows: Vec<Option<u32>>,
}

impl Chain {
    /// Required steps reached.
    pub fn level(&self) -> usize {
        self.rows.len()
    }
}

/// How a chain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The state.
    pub state: EndState,
    /// The place of the first event that took it elsewhere; others may share its moment.
    pub other: Option<u32>,
    /// Whether an exclusion takes it out of the funnel.
    pub drops: bool,
}

/// Looks at what came after a chain.
pub struct Ends<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// All rows of the entity, in order.
    pub rows: &'a [Row],
    /// The entry day.
    pub day: i32,
    /// What is looked at.
    pub basis: Basis,
    /// The first instant after the last complete day; `None` where all is complete.
    pub complete_before: Option<i64>,
}

impl Ends<'_> {
    fn is_seen(&self, row: &Row) -> bool {
        self.basis == Basis::Mature || row.day == self.day
    }

    /// The rows from a time on that the basis looks at.
    fn from(&self, time: i64) -> impl Iterator<Item = &Row> {
        let from = self.rows.partition_point(|row| row.time < time);
        self.rows[from..].iter().take_while(|row| self.is_seen(row))
    }

    /// Puts optional steps into their gaps: each takes the earliest event between the required steps beside
    /// it, whatever the other optional ones took.
    pub fn fill_optional(&self, chain: &mut Chain) {
        chain.step_rows.clear();
        chain.step_rows.resize(self.rules.steps, None);
        for (level, row) in chain.rows.iter().enumerate() {
            let step = self.rules.required.get(level).copied().unwrap_or(level);
            chain.step_rows[step] = Some(*row);
        }
        if self.rules.levels() == self.rules.steps {
            return;
        }
        let Some(first) = chain.rows.first().map(|row| self.rows[*row as usize]) else {
            return;
        };
        for level in 1..=chain.level() {
            let last = self.rules.required[level - 1];
            let next = self
                .rules
                .required
                .get(level)
                .copied()
                .unwrap_or(self.rules.steps);
            if last + 1 == next {
                continue;
            }
            let before = self.rows[chain.rows[level - 1] as usize];
            let (until, disturbed) = match chain.rows.get(level) {
                Some(row) => (self.rows[*row as usize].time, None),
                None => (
                    self.stop(first.time, before.time, level),
                    self.disturbance(&first, &before, level),
                ),
            };
            for step in last + 1..next {
                let within = self.rules.within_us[step];
                let until = within.map_or(until, |within| {
                    until.min(before.time.saturating_add(within))
                });
                let taken = &chain.step_rows;
                let found = self
                    .from(before.time)
                    .take_while(|row| row.time <= until)
                    .find(|row| {
                        row.steps >> step & 1 == 1
                            && row.same == first.same
                            && disturbed.is_none_or(|place| self.place(&first, row) <= place)
                            && !taken.contains(&Some(row.at))
                    });
                if let Some(row) = found {
                    chain.step_rows[step] = Some(row.at);
                }
            }
        }
    }

    /// Where a row stands in the order of events, for chains that hold what `first` holds: one of another
    /// thing matches nothing there.
    fn place(&self, first: &Row, row: &Row) -> Place {
        let is_own = row.same == first.same || row.exclusions != 0;
        match is_own {
            true => (row.time, row.rank(self.rules), row.steps, row.at),
            false => (row.time, 0, 0, row.at),
        }
    }

    /// Where a strict chain that stopped was first disturbed.
    fn disturbance(&self, first: &Row, last: &Row, level: usize) -> Option<Place> {
        if self.rules.order != Order::Strict {
            return None;
        }
        let after = self.place(first, last);
        self.from(last.time)
            .filter(|row| row.same != first.same || !strict::is_borne(self.rules, row, level))
            .map(|row| self.place(first, row))
            .filter(|place| *place > after)
            .min()
    }

    /// Until when a chain that stopped may still take optional steps: the end of its window, or the
    /// exclusion that ended it.
    fn stop(&self, start: i64, last: i64, level: usize) -> i64 {
        let window_end = start.saturating_add(self.rules.window_us);
        match self.exclusion(last, self.deadline(start, last, level), level) {
            Some(row) => row.time,
            None => window_end,
        }
    }

    /// Until when the next step may come.
    fn deadline(&self, start: i64, last: i64, level: usize) -> i64 {
        let window_end = start.saturating_add(self.rules.window_us);
        let within = self.rules.next_within_us(level);
        within.map_or(window_end, |within| {
            window_end.min(last.saturating_add(within))
        })
    }

    /// The exclusion that ended a chain of `level` steps.
    fn exclusion(&self, last: i64, deadline: i64, level: usize) -> Option<&Row> {
        if level == self.rules.levels() || self.rules.exclusions.is_empty() {
            return None;
        }
        self.from(last)
            .take_while(|row| row.time <= deadline)
            .find(|row| self.rules.ends(row.exclusions, level))
    }

    /// How the chain ended. Its optional steps are filled.
    pub fn end(&self, chain: &Chain, clock: &mut LocalClock) -> End {
        let of = |state| End {
            state,
            other: None,
            drops: false,
        };
        let level = chain.level();
        let (Some(first), Some(last)) = (chain.rows.first(), chain.rows.last()) else {
            return of(EndState::Gone);
        };
        if level == self.rules.levels() {
            return of(EndState::Converted);
        }
        let (first, last) = (&self.rows[*first as usize], &self.rows[*last as usize]);
        let window_end = first.time.saturating_add(self.rules.window_us);
        let deadline = self.deadline(first.time, last.time, level);
        if let Some(row) = self.exclusion(last.time, deadline, level) {
            let drops = self
                .from(row.time)
                .take_while(|other| other.time == row.time)
                .any(|other| {
                    self.rules
                        .ending(other.exclusions, level)
                        .any(|exclusion| exclusion.drops)
                });
            return End {
                drops,
                ..of(EndState::Excluded)
            };
        }
        if self.basis == Basis::Mature
            && self
                .complete_before
                .is_some_and(|before| window_end >= before)
        {
            return of(EndState::Open);
        }
        if self.came_too_late(chain, first, deadline, window_end, clock) {
            return of(EndState::TimedOut);
        }
        match self.elsewhere(chain, last.time, window_end) {
            Some(other) => End {
                other: Some(other),
                ..of(EndState::Elsewhere)
            },
            None => of(EndState::Gone),
        }
    }

    fn came_too_late(
        &self,
        chain: &Chain,
        first: &Row,
        deadline: i64,
        window_end: i64,
        clock: &mut LocalClock,
    ) -> bool {
        let mut later = self
            .from(deadline.saturating_add(1))
            .filter(|row| row.steps != 0 && row.same == first.same)
            .peekable();
        if later.peek().is_none() {
            return false;
        }
        let last_day = clock.local_day(window_end).unwrap_or(i32::MAX);
        let mut later = later.take_while(|row| row.day <= last_day);
        match self.rules.order {
            Order::Any => {
                let held: Vec<Row> = chain
                    .rows
                    .iter()
                    .map(|row| self.rows[*row as usize])
                    .collect();
                later.any(|row| any::adds(self.rules, &held, row))
            }
            _ => {
                let next = self.rules.required[chain.level()];
                later.any(|row| row.steps >> next & 1 == 1)
            }
        }
    }

    /// The place of the first other event.
    fn elsewhere(&self, chain: &Chain, last: i64, window_end: i64) -> Option<u32> {
        self.from(last.saturating_add(1))
            .take_while(|row| row.time <= window_end)
            .find(|row| !chain.step_rows.contains(&Some(row.at)))
            .map(|row| row.at)
    }
}
