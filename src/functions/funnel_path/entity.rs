//! One entity after another: its rows come in, its entries go out.

use chrono_tz::Tz;
use datafusion::common::{Result, exec_err};

use super::any;
use super::chain::{Best, Found, Nodes};
use super::ends::{Basis, Chain, End, EndState, Ends};
use super::intern::{Names, Values};
use super::ordered;
use super::output::{Entry, Output};
use super::row::{NONE, Row};
use super::rules::{Order, Rules};
use super::strict;
use crate::functions::local_clock::LocalClock;

/// What the numbers of rows stand for.
#[derive(Debug)]
pub struct Numbers {
    /// Of events.
    pub names: Names,
    /// What rows carry.
    pub carried: Values,
    /// What must be the same along a chain.
    pub same: Values,
    /// Values of last steps.
    pub values: Vec<i128>,
}

/// What is asked of every entity.
#[derive(Debug, Clone)]
pub struct Question {
    /// How chains are found.
    pub rules: Rules,
    /// Entry days, both inclusive.
    pub days: (i32, i32),
    /// The first instant after the last complete day; `None` where all is complete.
    pub complete_before: Option<i64>,
    /// Whether chains hold something the same.
    pub has_same: bool,
}

/// Finds the entries of the entity at hand.
#[derive(Debug)]
pub struct EntityPaths {
    question: Question,
    clock: LocalClock,
    rows: Vec<Row>,
    has_entry: bool,
    /// Time of the last row that a chain may hold, and of the last other one.
    last_step: i64,
    last_other: i64,
    nodes: Nodes,
    same_day: Candidate,
    whole: Candidate,
    spare: Candidate,
    step_us: Vec<Option<i64>>,
    wait_us: Vec<Option<i64>>,
}

/// The best chain so far among those that hold different things the same.
#[derive(Debug, Default)]
struct Candidate {
    is_there: bool,
    /// Reached at.
    time: i64,
    start: i64,
    chain: Chain,
}

impl Candidate {
    fn take(&mut self, best: Best, nodes: &Nodes) {
        self.is_there = true;
        self.time = best.tip.time;
        self.start = best.tip.start;
        nodes.rows(best.tip, &mut self.chain.rows);
    }

    /// Whether this one is chosen before another: deeper, sooner there, entered later, first in order.
    fn is_before(&self, other: &Self) -> bool {
        let key = |candidate: &Self| {
            (
                std::cmp::Reverse(candidate.chain.level()),
                candidate.time,
                std::cmp::Reverse(candidate.start),
            )
        };
        !other.is_there || (key(self), &self.chain.rows) < (key(other), &other.chain.rows)
    }
}

impl EntityPaths {
    /// No entity yet; days are those of `zone`.
    pub fn new(question: Question, zone: Tz) -> Self {
        Self {
            question,
            clock: LocalClock::new(zone),
            rows: Vec::new(),
            has_entry: false,
            last_step: i64::MIN,
            last_other: i64::MIN,
            nodes: Nodes::default(),
            same_day: Candidate::default(),
            whole: Candidate::default(),
            spare: Candidate::default(),
            step_us: Vec::new(),
            wait_us: Vec::new(),
        }
    }

    /// Whether a row that matches nothing can be left out without being looked at: of those between two
    /// rows that match something only the first moment is ever told.
    pub fn leaves_out(&self, time: i64) -> bool {
        self.last_other > self.last_step && time > self.last_other
    }

    /// A row of the entity at hand.
    pub fn add(&mut self, row: Row) {
        if row.is_other() {
            self.last_other = row.time;
        } else {
            self.last_step = row.time;
            let may_begin = match self.question.rules.order {
                Order::Any => row.steps != 0,
                _ => row.steps & 1 == 1,
            };
            let (first, last) = self.question.days;
            self.has_entry |= may_begin && first <= row.day && row.day <= last;
        }
        self.rows.push(row);
    }

    /// The entity at hand has no more rows.
    pub fn finish(&mut self, numbers: &Numbers, out: &mut Output) -> Result<()> {
        self.last_step = i64::MIN;
        self.last_other = i64::MIN;
        if std::mem::take(&mut self.has_entry) {
            let mut rows = std::mem::take(&mut self.rows);
            arrange(&self.question.rules, &mut rows, numbers);
            let answer = self.answer(&rows, numbers, out);
            self.rows = rows;
            answer?;
        }
        self.rows.clear();
        out.close();
        Ok(())
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.rows.capacity() * size_of::<Row>()
    }

    fn answer(&mut self, rows: &[Row], numbers: &Numbers, out: &mut Output) -> Result<()> {
        if rows.windows(2).any(|pair| pair[1].day < pair[0].day) {
            return exec_err!(
                "funnel_path: an entity has a later event on an earlier date; `date` must be the local day of `time`"
            );
        }
        let (first, last) = self.question.days;
        let mut at = rows.partition_point(|row| row.day < first);
        while let Some(row) = rows.get(at).filter(|row| row.day <= last) {
            let day = row.day;
            self.entry_day(rows, at, day, numbers, out);
            at += rows[at..].partition_point(|row| row.day == day);
        }
        Ok(())
    }

    fn entry_day(
        &mut self,
        rows: &[Row],
        from: usize,
        day: i32,
        numbers: &Numbers,
        out: &mut Output,
    ) {
        self.same_day.is_there = false;
        self.whole.is_there = false;
        if self.question.has_same {
            self.search_each_same(&rows[from..], day);
        } else {
            self.search(&rows[from..], day);
        }
        for basis in [Basis::SameDay, Basis::Mature] {
            let candidate = match basis {
                Basis::SameDay => &mut self.same_day,
                Basis::Mature => &mut self.whole,
            };
            if !candidate.is_there {
                continue;
            }
            let ends = Ends {
                rules: &self.question.rules,
                rows,
                day,
                basis,
                complete_before: self.question.complete_before,
            };
            ends.fill_optional(&mut candidate.chain);
            let end = ends.end(&candidate.chain, &mut self.clock);
            if !end.drops {
                self.write(rows, day, basis, end, numbers, out);
            }
        }
    }

    fn search(&mut self, rows: &[Row], day: i32) {
        let rules = &self.question.rules;
        let found: Found = match rules.order {
            Order::Ordered => ordered::search(rules, rows, day, &mut self.nodes),
            Order::Strict => strict::search(rules, rows, day, &mut self.nodes),
            Order::Any => any::search(rules, rows, day, &mut self.nodes),
        };
        for (best, kept) in [
            (found.same_day, &mut self.same_day),
            (found.whole, &mut self.whole),
        ] {
            let Some(best) = best else { continue };
            self.spare.take(best, &self.nodes);
            if self.spare.is_before(kept) {
                std::mem::swap(&mut self.spare, kept);
            }
        }
    }

    /// One search for each thing that chains may hold the same.
    fn search_each_same(&mut self, rows: &[Row], day: i32) {
        let mut held: Vec<u32> = rows
            .iter()
            .filter(|row| row.steps != 0)
            .map(|row| row.same)
            .collect();
        held.sort_unstable();
        held.dedup();
        let is_strict = self.question.rules.order == Order::Strict;
        let mut own = Vec::new();
        for same in held {
            own.clear();
            own.extend(rows.iter().filter_map(|row| {
                let is_own = row.same == same && row.steps != 0;
                // To strict chains other rows are in the way; to others only exclusions matter.
                (is_own || is_strict || row.exclusions != 0).then_some(Row {
                    steps: if is_own { row.steps } else { 0 },
                    ..*row
                })
            }));
            if is_strict {
                own.sort_by_key(|row| (row.time, row.rank(&self.question.rules)));
            }
            self.search(&own, day);
        }
    }

    fn write(
        &mut self,
        rows: &[Row],
        day: i32,
        basis: Basis,
        end: End,
        numbers: &Numbers,
        out: &mut Output,
    ) {
        let rules = &self.question.rules;
        let candidate = match basis {
            Basis::SameDay => &self.same_day,
            Basis::Mature => &self.whole,
        };
        let chain = &candidate.chain;
        let row = |at: u32| &rows[at as usize];
        let (Some(first), Some(last)) = (chain.rows.first(), chain.rows.last()) else {
            return;
        };
        let (first, last) = (row(*first), row(*last));
        self.step_us.clear();
        self.wait_us.clear();
        let mut before = first.time;
        for (step, reached) in chain.step_rows.iter().enumerate() {
            let time = reached.map(|at| row(at).time);
            self.step_us.push(time.map(|time| time - first.time));
            self.wait_us
                .push(time.filter(|_| step > 0).map(|time| time - before));
            if rules.required_bits >> step & 1 == 1 {
                before = time.unwrap_or(before);
            }
        }
        let next = end
            .other
            .map_or(NONE, |at| name_at(rows, chain, at, numbers));
        let value = (end.state == EndState::Converted)
            .then(|| numbers.values.get(last.value as usize).copied())
            .flatten();
        out.push(Entry {
            day,
            basis,
            time: first.time,
            level: chain.level(),
            step_no: furthest(rules, rows, chain),
            state: end.state,
            next,
            step_us: &self.step_us,
            wait_us: &self.wait_us,
            first: first.carried,
            last: last.carried,
            value,
        });
    }
}

/// The numbers of the furthest required step and of the one reached last of all (of several at one time
/// the highest).
fn furthest(rules: &Rules, rows: &[Row], chain: &Chain) -> (usize, usize) {
    let required = chain
        .level()
        .checked_sub(1)
        .and_then(|at| rules.required.get(at))
        .map_or(0, |step| step + 1);
    let reached = chain.step_rows.iter().enumerate();
    let last = reached
        .filter_map(|(step, row)| row.map(|row| (rows[row as usize].time, step)))
        .max();
    (required, last.map_or(0, |(_, step)| step + 1))
}

/// Of several events of one moment the smallest name is told, so that it depends on no order.
fn name_at(rows: &[Row], chain: &Chain, at: u32, numbers: &Numbers) -> u32 {
    let time = rows[at as usize].time;
    rows[at as usize..]
        .iter()
        .take_while(|row| row.time == time)
        .filter(|row| !chain.step_rows.contains(&Some(row.at)))
        .map(|row| row.name)
        .min_by(|left, right| numbers.names.compare(*left, *right))
        .unwrap_or(NONE)
}

/// Brings rows into order and numbers their places. Rows of one moment that match the same steps stand
/// by what they hold, so that the order in which they came does not matter.
fn arrange(rules: &Rules, rows: &mut [Row], numbers: &Numbers) {
    let order = |left: &Row, right: &Row| {
        (left.time, left.rank(rules), left.steps, left.exclusions)
            .cmp(&(right.time, right.rank(rules), right.steps, right.exclusions))
            .then_with(|| numbers.carried.compare(left.carried, right.carried))
            .then_with(|| numbers.same.compare(left.same, right.same))
            .then_with(|| {
                let value = |row: &Row| numbers.values.get(row.value as usize);
                value(left).cmp(&value(right))
            })
            .then_with(|| numbers.names.compare(left.name, right.name))
    };
    let is_in_order = rows
        .windows(2)
        .all(|pair| pair[0].time < pair[1].time || order(&pair[0], &pair[1]).is_le());
    if !is_in_order {
        rows.sort_by(order);
    }
    for (at, row) in rows.iter_mut().enumerate() {
        row.at = at as u32;
    }
}
