//! The engine's two kinds of accumulator over the same [`Arena`]: one for all groups (the one that
//! matters), one for a single group (windows, and aggregates without GROUP BY).
//!
//! The partial state of a group is its rows, ordered by (time, steps): a list of times beside a
//! list of step bits.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Field, FieldRef, Int64Type, TimestampMicrosecondType, UInt32Type,
};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::arena::{Arena, Row};
use super::arguments::Rules;
use super::level::LevelFinder;
use crate::functions::condition_bits;

/// The position of `time` among the arguments, and of the first step.
const TIME: usize = 2;
const FIRST_STEP: usize = 3;

/// The fields of the partial state: times, step bits.
pub fn state_fields(name: &str) -> Vec<FieldRef> {
    let list = |part: &str, item: FieldRef| {
        Arc::new(Field::new(
            format!("{name}[{part}]"),
            DataType::List(item),
            true,
        ))
    };
    vec![list("times", time_item()), list("steps", steps_item())]
}

fn time_item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Int64, true))
}

fn steps_item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::UInt32, true))
}

/// The rows of all groups and how to judge them.
#[derive(Debug)]
pub struct FunnelGroups {
    arena: Arena,
    finder: LevelFinder,
    rows: RowReader,
    /// Groups known so far.
    groups: usize,
}

impl FunnelGroups {
    /// No groups yet.
    pub fn new(rules: Rules) -> Self {
        Self {
            arena: Arena::new(),
            finder: LevelFinder::new(rules),
            rows: RowReader::new(rules),
            groups: 0,
        }
    }

    fn emitted(&self, emit_to: EmitTo) -> usize {
        match emit_to {
            EmitTo::All => self.groups,
            EmitTo::First(groups) => groups.min(self.groups),
        }
    }

    fn levels(&mut self, groups: usize) -> Int64Array {
        self.arena.arrange();
        let finder = &mut self.finder;
        self.arena
            .first_groups(groups)
            .map(|rows| finder.level(rows))
            .collect()
    }

    fn lists(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        self.arena.arrange();
        let lengths: Vec<usize> = self.arena.first_groups(groups).map(<[Row]>::len).collect();
        let rows = || self.arena.first_groups(groups).flatten();
        let times: Int64Array = rows().map(|row| row.time).collect::<Vec<_>>().into();
        let steps: UInt32Array = rows().map(|row| row.steps).collect::<Vec<_>>().into();
        lists(lengths, times, steps)
    }

    fn forget(&mut self, groups: usize) {
        self.groups -= groups;
        if self.groups == 0 {
            self.arena = Arena::new();
        } else {
            self.arena.drop_first_groups(groups);
        }
    }

    fn merge(&mut self, states: &[ArrayRef], group_of: impl Fn(usize) -> usize) -> Result<()> {
        let [times, steps] = states else {
            return exec_err!(
                "window_funnel: a partial state has {} columns, not 2",
                states.len()
            );
        };
        let mismatch = || exec_datafusion_err!("window_funnel: a partial state is not two lists");
        let (times, steps) = (times.as_list_opt::<i32>(), steps.as_list_opt::<i32>());
        let (times, steps) = times.zip(steps).ok_or_else(mismatch)?;
        let time_values = times
            .values()
            .as_primitive_opt::<Int64Type>()
            .ok_or_else(mismatch)?
            .values();
        let step_values = steps
            .values()
            .as_primitive_opt::<UInt32Type>()
            .ok_or_else(mismatch)?
            .values();
        let ranges = || {
            times
                .value_offsets()
                .windows(2)
                .zip(steps.value_offsets().windows(2))
        };
        self.arena.reserve(
            ranges()
                .map(|(times, _)| (times[1] - times[0]) as usize)
                .sum(),
        );
        for (state, (times, steps)) in ranges().enumerate() {
            let group = group_number(group_of(state))?;
            let times = &time_values[times[0] as usize..times[1] as usize];
            let steps = &step_values[steps[0] as usize..steps[1] as usize];
            for (&time, &steps) in times.iter().zip(steps) {
                self.arena.push(Row { time, group, steps });
            }
        }
        Ok(())
    }
}

impl GroupsAccumulator for FunnelGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups = total_num_groups;
        let arena = &mut self.arena;
        self.rows.read(values, opt_filter, |row, time, steps| {
            let group = group_number(group_indices[row])?;
            arena.push(Row { time, group, steps });
            Ok(())
        })
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.emitted(emit_to);
        let levels = self.levels(groups);
        self.forget(groups);
        Ok(Arc::new(levels))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.emitted(emit_to);
        let lists = self.lists(groups)?;
        self.forget(groups);
        Ok(lists)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups = total_num_groups;
        self.merge(values, |state| group_indices[state])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |values| values.len());
        let mut lengths = vec![0; rows];
        let mut times = Vec::with_capacity(rows);
        let mut steps = Vec::with_capacity(rows);
        RowReader::new(self.rows.rules).read(values, opt_filter, |row, time, matched| {
            lengths[row] = 1;
            times.push(time);
            steps.push(matched);
            Ok(())
        })?;
        lists(lengths, times.into(), steps.into())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.arena.size() + self.rows.size()
    }
}

/// The same for one group: group 0 of an arena.
#[derive(Debug)]
pub struct Funnel(FunnelGroups);

impl Funnel {
    /// No rows yet.
    pub fn new(rules: Rules) -> Self {
        let mut groups = FunnelGroups::new(rules);
        groups.groups = 1;
        Self(groups)
    }
}

impl Accumulator for Funnel {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let arena = &mut self.0.arena;
        self.0.rows.read(values, None, |_, time, steps| {
            arena.push(Row {
                time,
                group: 0,
                steps,
            });
            Ok(())
        })
    }

    /// Keeps the rows: a window asks again after each of its rows.
    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.0.levels(1), 0)
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let lists = self.0.lists(1)?;
        lists
            .iter()
            .map(|list| ScalarValue::try_from_array(list, 0))
            .collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge(states, |_| 0)
    }
}

/// Reads the rows that may matter out of a batch of arguments.
#[derive(Debug)]
struct RowReader {
    rules: Rules,
    /// The steps each row of the batch matches, as bits.
    masks: Vec<u32>,
}

impl RowReader {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            masks: Vec::new(),
        }
    }

    /// Calls `keep(row, time, steps)` for each row that passes the filter, has a time and matches a
    /// step; under `strict_order` also for those that match none, since they end chains.
    fn read(
        &mut self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
        mut keep: impl FnMut(usize, i64, u32) -> Result<()>,
    ) -> Result<()> {
        let (Some(time), Some(steps)) = (values.get(TIME), values.get(FIRST_STEP..)) else {
            return exec_err!("window_funnel: {} arguments are too few", values.len());
        };
        let times = match time.data_type() {
            DataType::Int64 => time.as_primitive::<Int64Type>().values(),
            DataType::Timestamp(..) => time.as_primitive::<TimestampMicrosecondType>().values(),
            other => return exec_err!("window_funnel: time arrived as {other}"),
        };
        condition_bits::fill(&mut self.masks, times.len(), steps, "window_funnel")?;
        let with_time = time
            .nulls()
            .filter(|nulls| nulls.null_count() > 0)
            .map(NullBuffer::inner);
        let passing = filter.map(|filter| match filter.nulls() {
            None => filter.values().clone(),
            Some(nulls) => filter.values() & nulls.inner(),
        });
        for (row, (&time, &steps)) in times.iter().zip(&self.masks).enumerate() {
            let matters = (steps != 0 || self.rules.mode.order)
                && with_time.is_none_or(|with_time| with_time.value(row))
                && passing.as_ref().is_none_or(|passing| passing.value(row));
            if matters {
                keep(row, time, steps)?;
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.masks.capacity() * size_of::<u32>()
    }
}

fn group_number(group: usize) -> Result<u32> {
    u32::try_from(group).map_err(|_| {
        exec_datafusion_err!(
            "window_funnel: more than {} groups in one partition",
            u32::MAX
        )
    })
}

/// The two lists of a partial state.
fn lists(lengths: Vec<usize>, times: Int64Array, steps: UInt32Array) -> Result<Vec<ArrayRef>> {
    if i32::try_from(times.len()).is_err() {
        return exec_err!(
            "window_funnel: a partial state holds {} rows, at most {} fit",
            times.len(),
            i32::MAX
        );
    }
    let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
    let times = ListArray::try_new(time_item(), offsets.clone(), Arc::new(times), None)?;
    let steps = ListArray::try_new(steps_item(), offsets, Arc::new(steps), None)?;
    Ok(vec![Arc::new(times), Arc::new(steps)])
}
