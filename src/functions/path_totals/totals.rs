//! Totals of groups: what is counted of each, and how it is written and read as lists.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StringViewArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use foldhash::fast::FixedState;

use crate::functions::funnel_path::{NONE, Names, ValueType};

/// The fields of a total; `value` is the type of the sums.
pub fn fields(value: &DataType) -> Fields {
    let times = DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)));
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, true);
    vec![
        field("step_no", DataType::Int64),
        field("last_step_no", DataType::Int64),
        field("end_state", DataType::Utf8View),
        field("next", DataType::Utf8View),
        field("entities", DataType::Int64),
        field("value", value.clone()),
        field("wait_us", times.clone()),
        field("step_us", times),
    ]
    .into()
}

/// The item of a group's list.
pub fn list_item(value: &DataType) -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(fields(value)), true))
}

/// How entries ended, in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndKey {
    group: u32,
    step_no: u16,
    last_step_no: u16,
    /// Numbers of the texts.
    state: u32,
    next: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct EndTotal {
    entities: i64,
    value: Option<i128>,
}

/// Who reached a step, and after how long.
#[derive(Debug, Clone, Default)]
struct StepTotal {
    reached: i64,
    wait_us: Vec<i64>,
    step_us: Vec<i64>,
}

/// Totals of all groups.
#[derive(Debug)]
pub struct Totals {
    value_type: DataType,
    names: Names,
    /// By group.
    steps: Vec<Vec<StepTotal>>,
    ends: HashMap<EndKey, EndTotal, FixedState>,
    times: usize,
}

impl Totals {
    /// Nothing counted yet.
    pub fn new(value_type: DataType) -> Self {
        Self {
            value_type,
            names: Names::default(),
            steps: Vec::new(),
            ends: HashMap::default(),
            times: 0,
        }
    }

    /// Makes room for groups.
    pub fn groups(&mut self, groups: usize) {
        if self.steps.len() < groups {
            self.steps.resize_with(groups, Vec::new);
        }
    }

    /// The type of the sums.
    pub fn value_type(&self) -> &DataType {
        &self.value_type
    }

    /// How many groups there are.
    pub fn count(&self) -> usize {
        self.steps.len()
    }

    fn step(&mut self, group: usize, step: usize) -> &mut StepTotal {
        let steps = &mut self.steps[group];
        if steps.len() <= step {
            steps.resize_with(step + 1, StepTotal::default);
        }
        &mut steps[step]
    }

    /// Counts entries. `group_of` gives a row's group, if it counts.
    pub fn entries(
        &mut self,
        entries: &StructArray,
        group_of: impl Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let step_no = whole(entries, "step_no")?;
        let last_step_no = whole(entries, "last_step_no")?;
        let state = text(entries, "end_state")?;
        let next = text(entries, "next")?;
        let value = column(entries, "value")?;
        let (step_us, step_us_at) = times(entries, "step_us")?;
        let (wait_us, wait_us_at) = times(entries, "wait_us")?;
        for row in 0..entries.len() {
            let Some(group) = group_of(row).filter(|_| entries.is_valid(row)) else {
                continue;
            };
            let from = step_us_at[row] as usize;
            let wait_from = wait_us_at[row] as usize;
            let steps = step_us_at[row + 1] as usize - from;
            for step in 0..steps {
                let is_reached = step_us.is_valid(from + step);
                let total = self.step(group, step);
                if is_reached {
                    total.reached += 1;
                    // The first step is the entry itself.
                    if step > 0 {
                        total.step_us.push(step_us.value(from + step));
                        total.wait_us.push(wait_us.value(wait_from + step));
                        self.times += 2;
                    }
                }
            }
            let end = EndKey {
                group: group as u32,
                step_no: number(step_no.value(row))?,
                last_step_no: number(last_step_no.value(row))?,
                state: self.names.number(state, row),
                next: self.names.number(next, row),
            };
            self.end(end, 1, ValueType::value(value, row))?;
        }
        Ok(())
    }

    fn end(&mut self, key: EndKey, entities: i64, value: Option<i128>) -> Result<()> {
        let total = self.ends.entry(key).or_default();
        total.entities += entities;
        if let Some(value) = value {
            let sum = total.value.unwrap_or(0).checked_add(value);
            total.value = Some(sum.ok_or_else(|| {
                exec_datafusion_err!("path_totals: the sum of values is too large")
            })?);
        }
        Ok(())
    }

    /// Adds totals as [`Totals::lists`] wrote them.
    pub fn merge(&mut self, lists: &ListArray, group_of: impl Fn(usize) -> usize) -> Result<()> {
        let totals = lists.values().as_struct_opt().ok_or_else(|| {
            exec_datafusion_err!("path_totals: a partial state is no list of totals")
        })?;
        let step_no = whole(totals, "step_no")?;
        let last_step_no = whole(totals, "last_step_no")?;
        let state = text(totals, "end_state")?;
        let next = text(totals, "next")?;
        let entities = whole(totals, "entities")?;
        let value = column(totals, "value")?;
        let (step_us, step_us_at) = times(totals, "step_us")?;
        let (wait_us, wait_us_at) = times(totals, "wait_us")?;
        for (list, range) in lists.value_offsets().windows(2).enumerate() {
            let group = group_of(list);
            for row in range[0] as usize..range[1] as usize {
                let number = number(step_no.value(row))?;
                if state.is_null(row) {
                    let span = |at: &[i32]| at[row] as usize..at[row + 1] as usize;
                    let (waits, steps) = (span(wait_us_at), span(step_us_at));
                    self.times += waits.len() + steps.len();
                    let total = self.step(group, usize::from(number).saturating_sub(1));
                    total.reached += entities.value(row);
                    total.wait_us.extend_from_slice(&wait_us.values()[waits]);
                    total.step_us.extend_from_slice(&step_us.values()[steps]);
                } else {
                    let end = EndKey {
                        group: group as u32,
                        step_no: number,
                        last_step_no: self::number(last_step_no.value(row))?,
                        state: self.names.number(state, row),
                        next: self.names.number(next, row),
                    };
                    self.end(end, entities.value(row), ValueType::value(value, row))?;
                }
            }
        }
        Ok(())
    }

    /// The lists of the first groups, which are then forgotten; the others are renumbered from 0.
    pub fn lists(&mut self, groups: usize) -> Result<ArrayRef> {
        let rest = self.steps.split_off(groups);
        let steps = std::mem::replace(&mut self.steps, rest);
        let mut ends: Vec<(EndKey, EndTotal)> = Vec::new();
        let mut others = HashMap::default();
        for (key, total) in self.ends.drain() {
            if (key.group as usize) < groups {
                ends.push((key, total));
            } else {
                others.insert(
                    EndKey {
                        group: key.group - groups as u32,
                        ..key
                    },
                    total,
                );
            }
        }
        self.ends = others;
        let names = &self.names;
        ends.sort_by(|(left, _), (right, _)| {
            (left.group, left.step_no, left.last_step_no)
                .cmp(&(right.group, right.step_no, right.last_step_no))
                .then_with(|| names.compare(left.state, right.state))
                .then_with(|| names.compare(left.next, right.next))
        });
        let mut out = Lists::default();
        let mut ends = ends.into_iter().peekable();
        for (group, steps) in steps.into_iter().enumerate() {
            let before = out.step_no.len();
            for (step, total) in steps.into_iter().enumerate() {
                self.times -= total.wait_us.len() + total.step_us.len();
                out.step(step, &total);
            }
            while let Some((key, total)) = ends.next_if(|(key, _)| key.group as usize == group) {
                out.end(&key, &total);
            }
            out.lengths.push(out.step_no.len() - before);
        }
        out.finish(&self.value_type, &mut self.names)
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.times * 8 + self.ends.len() * 64 + self.steps.len() * 64 + self.names.size()
    }
}

/// Columns of lists being written.
#[derive(Default)]
struct Lists {
    lengths: Vec<usize>,
    step_no: Vec<i64>,
    last_step_no: Vec<Option<i64>>,
    state: Vec<u32>,
    next: Vec<u32>,
    entities: Vec<i64>,
    value: Vec<Option<i128>>,
    has_times: Vec<bool>,
    times_lengths: Vec<usize>,
    wait_us: Vec<i64>,
    step_us: Vec<i64>,
}

impl Lists {
    fn step(&mut self, step: usize, total: &StepTotal) {
        self.step_no.push(step as i64 + 1);
        self.last_step_no.push(None);
        self.state.push(NONE);
        self.next.push(NONE);
        self.entities.push(total.reached);
        self.value.push(None);
        self.has_times.push(true);
        self.times_lengths.push(total.wait_us.len());
        self.wait_us.extend_from_slice(&total.wait_us);
        self.step_us.extend_from_slice(&total.step_us);
    }

    fn end(&mut self, key: &EndKey, total: &EndTotal) {
        self.step_no.push(i64::from(key.step_no));
        self.last_step_no.push(Some(i64::from(key.last_step_no)));
        self.state.push(key.state);
        self.next.push(key.next);
        self.entities.push(total.entities);
        self.value.push(total.value);
        self.has_times.push(false);
        self.times_lengths.push(0);
    }

    fn finish(self, value_type: &DataType, names: &mut Names) -> Result<ArrayRef> {
        if i32::try_from(self.wait_us.len()).is_err() {
            return exec_err!("path_totals: too many entries in one group");
        }
        let nulls = NullBuffer::from(self.has_times);
        let offsets = OffsetBuffer::<i32>::from_lengths(self.times_lengths);
        let item = Arc::new(Field::new_list_field(DataType::Int64, true));
        let times = |times: Vec<i64>| -> Result<ArrayRef> {
            let times = Arc::new(Int64Array::from(times));
            Ok(Arc::new(ListArray::try_new(
                Arc::clone(&item),
                offsets.clone(),
                times,
                Some(nulls.clone()),
            )?))
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(self.step_no)),
            Arc::new(Int64Array::from(self.last_step_no)),
            names.texts(&self.state)?,
            names.texts(&self.next)?,
            Arc::new(Int64Array::from(self.entities)),
            ValueType::of(value_type)?.array(&self.value)?,
            times(self.wait_us)?,
            times(self.step_us)?,
        ];
        let totals = StructArray::try_new(fields(value_type), columns, None)?;
        // A group without entries has no list.
        let is_there: Vec<bool> = self.lengths.iter().map(|length| *length > 0).collect();
        Ok(Arc::new(ListArray::try_new(
            list_item(value_type),
            OffsetBuffer::from_lengths(self.lengths),
            Arc::new(totals),
            Some(NullBuffer::from(is_there)),
        )?))
    }
}

fn column<'a>(rows: &'a StructArray, name: &str) -> Result<&'a ArrayRef> {
    rows.column_by_name(name).ok_or_else(|| {
        exec_datafusion_err!(
            "path_totals: its argument has no `{name}`; it takes an entry of funnel_path"
        )
    })
}

fn wrong(name: &str, array: &ArrayRef) -> datafusion::common::DataFusionError {
    exec_datafusion_err!("path_totals: `{name}` arrived as {}", array.data_type())
}

fn whole<'a>(rows: &'a StructArray, name: &str) -> Result<&'a Int64Array> {
    let array = column(rows, name)?;
    array
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(|| wrong(name, array))
}

fn text<'a>(rows: &'a StructArray, name: &str) -> Result<&'a StringViewArray> {
    let array = column(rows, name)?;
    array.as_string_view_opt().ok_or_else(|| wrong(name, array))
}

/// The values of lists and where each begins.
fn times<'a>(rows: &'a StructArray, name: &str) -> Result<(&'a Int64Array, &'a [i32])> {
    let array = column(rows, name)?;
    let list = array
        .as_list_opt::<i32>()
        .ok_or_else(|| wrong(name, array))?;
    let values = list
        .values()
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(|| wrong(name, array))?;
    Ok((values, list.value_offsets()))
}

fn number(value: i64) -> Result<u16> {
    u16::try_from(value).map_err(|_| exec_datafusion_err!("path_totals: {value} is no step"))
}
