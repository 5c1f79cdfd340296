//! The engine's accumulators: rows of all groups in one list, for readers that bring them in no order.
//!
//! The partial state of a group is its rows: a list of structs.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, ListArray, StructArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::{BooleanBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit, UInt32Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::call::{CARRIED, CONDITIONS, Call, DATE, NAME, PathFinder, SAME, TIME, VALUE};
use super::input::{Columns, Input};
use super::row::Row;
use super::value_type::ValueType;
use crate::functions::condition_bits;

/// The rows of all groups.
#[derive(Debug)]
pub struct PathGroups {
    finder: PathFinder,
    state: FieldRef,
    rows: Vec<(u32, Row)>,
    groups: usize,
}

/// The partial state: a list of rows. `types` are those of the arguments.
pub fn state_field(name: &str, types: &[DataType]) -> FieldRef {
    let item = Arc::new(Field::new_list_field(
        DataType::Struct(state_fields(types)),
        true,
    ));
    Arc::new(Field::new(
        format!("{name}[rows]"),
        DataType::List(item),
        true,
    ))
}

fn state_fields(types: &[DataType]) -> Fields {
    let of = |at: usize| types.get(at).cloned().unwrap_or(DataType::Null);
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, true);
    vec![
        field("date", DataType::Date32),
        field("time", DataType::Timestamp(TimeUnit::Microsecond, None)),
        field("name", DataType::Utf8View),
        field("carried", of(CARRIED)),
        field("same", of(SAME)),
        field("value", of(VALUE)),
        field("steps", DataType::UInt32),
        field("exclusions", DataType::UInt32),
    ]
    .into()
}

impl PathGroups {
    /// No groups yet.
    pub fn new(call: Call, types: &[DataType]) -> Result<Self> {
        Ok(Self {
            finder: PathFinder::new(call)?,
            state: state_field("rows", types),
            rows: Vec::new(),
            groups: 0,
        })
    }

    fn read(
        &mut self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
        group_of: impl Fn(usize) -> usize,
    ) -> Result<()> {
        let Some(conditions) = values.get(CONDITIONS..) else {
            return exec_err!("funnel_path: {} arguments are too few", values.len());
        };
        let rows = values[DATE].len();
        let (steps, exclusions) = conditions.split_at(self.finder.call().steps());
        let bits = |conditions: &[ArrayRef]| -> Result<Vec<u32>> {
            let mut bits = Vec::new();
            condition_bits::fill(&mut bits, rows, conditions, "funnel_path")?;
            Ok(bits)
        };
        let (steps, exclusions) = (bits(steps)?, bits(exclusions)?);
        let columns = Columns {
            date: Arc::clone(&values[DATE]),
            time: Arc::clone(&values[TIME]),
            name: Arc::clone(&values[NAME]),
            carried: Arc::clone(&values[CARRIED]),
            same: Arc::clone(&values[SAME]),
            value: Arc::clone(&values[VALUE]),
        };
        let input = self.finder.load(&columns, steps, exclusions)?;
        let passing = filter.map(|filter| match filter.nulls() {
            None => filter.values().clone(),
            Some(nulls) => filter.values() & nulls.inner(),
        });
        self.keep(&input, passing.as_ref(), group_of)
    }

    fn keep(
        &mut self,
        input: &Input,
        passing: Option<&BooleanBuffer>,
        group_of: impl Fn(usize) -> usize,
    ) -> Result<()> {
        self.rows.reserve(input.rows());
        for row in 0..input.rows() {
            let is_kept =
                |chosen: Option<&BooleanBuffer>| chosen.is_none_or(|chosen| chosen.value(row));
            if is_kept(input.with_time()) && is_kept(passing) {
                let group = u32::try_from(group_of(row)).map_err(|_| {
                    exec_datafusion_err!("funnel_path: too many groups in one partition")
                })?;
                let row = self.finder.row(input, row);
                self.rows.push((group, row));
            }
        }
        Ok(())
    }

    fn emitted(&self, emit_to: EmitTo) -> usize {
        match emit_to {
            EmitTo::All => self.groups,
            EmitTo::First(groups) => groups.min(self.groups),
        }
    }

    /// Hands the rows of each of the first groups to `take`.
    fn each_group(
        &mut self,
        groups: usize,
        mut take: impl FnMut(&mut PathFinder, &[(u32, Row)]) -> Result<()>,
    ) -> Result<()> {
        self.rows.sort_by_key(|(group, _)| *group);
        let mut start = 0;
        for group in 0..groups {
            let length = self.rows[start..]
                .iter()
                .take_while(|(of, _)| *of as usize == group)
                .count();
            take(&mut self.finder, &self.rows[start..start + length])?;
            start += length;
        }
        Ok(())
    }

    fn forget(&mut self, groups: usize) {
        let count = self
            .rows
            .partition_point(|(group, _)| (*group as usize) < groups);
        self.rows.drain(..count);
        for (group, _) in &mut self.rows {
            *group -= groups as u32;
        }
        self.groups -= groups;
        if self.rows.is_empty() {
            self.rows = Vec::new();
            self.finder.forget_values();
        }
    }

    fn answers(&mut self, groups: usize) -> Result<ArrayRef> {
        self.each_group(groups, |finder, rows| {
            rows.iter().for_each(|(_, row)| finder.add(*row));
            finder.finish()
        })?;
        self.finder.take()
    }

    fn states(&mut self, groups: usize) -> Result<ArrayRef> {
        let mut lengths = Vec::with_capacity(groups);
        self.each_group(groups, |_, rows| {
            lengths.push(rows.len());
            Ok(())
        })?;
        let count = lengths.iter().sum();
        let rows: Vec<Row> = self.rows[..count].iter().map(|(_, row)| *row).collect();
        self.state_list(&rows, lengths)
    }

    fn state_list(&mut self, rows: &[Row], lengths: Vec<usize>) -> Result<ArrayRef> {
        let DataType::List(item) = self.state.data_type() else {
            return exec_err!("funnel_path: its state is no list");
        };
        let DataType::Struct(fields) = item.data_type() else {
            return exec_err!("funnel_path: its state is no list of rows");
        };
        let numbers = &mut self.finder.numbers;
        let all = |pick: fn(&Row) -> u32| rows.iter().map(pick).collect::<Vec<u32>>();
        let values: Vec<Option<i128>> = rows
            .iter()
            .map(|row| numbers.values.get(row.value as usize).copied())
            .collect();
        let value_type = fields
            .find("value")
            .map_or(DataType::Null, |(_, field)| field.data_type().clone());
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Date32Array::from_iter_values(
                rows.iter().map(|row| row.day),
            )),
            Arc::new(TimestampMicrosecondArray::from_iter_values(
                rows.iter().map(|row| row.time),
            )),
            numbers.names.texts(&all(|row| row.name))?,
            numbers.carried.values(&all(|row| row.carried))?,
            numbers.same.values(&all(|row| row.same))?,
            ValueType::of(&value_type)?.array(&values)?,
            Arc::new(UInt32Array::from(all(|row| row.steps))),
            Arc::new(UInt32Array::from(all(|row| row.exclusions))),
        ];
        if i32::try_from(rows.len()).is_err() {
            return exec_err!(
                "funnel_path: a partial state holds {} rows, at most {} fit",
                rows.len(),
                i32::MAX
            );
        }
        let structs = StructArray::try_new(fields.clone(), columns, None)?;
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(ListArray::try_new(
            Arc::clone(item),
            offsets,
            Arc::new(structs),
            None,
        )?))
    }

    fn merge(&mut self, states: &[ArrayRef], group_of: impl Fn(usize) -> usize) -> Result<()> {
        let wrong = || exec_datafusion_err!("funnel_path: a partial state is no list of rows");
        let lists = states
            .first()
            .and_then(|list| list.as_list_opt::<i32>())
            .ok_or_else(wrong)?;
        let first = lists.value_offsets().first().copied().unwrap_or(0) as usize;
        let last = lists.value_offsets().last().copied().unwrap_or(0) as usize;
        let rows = lists.values().slice(first, last - first);
        let rows = rows.as_struct_opt().ok_or_else(wrong)?;
        let column = |name: &str| rows.column_by_name(name).map(Arc::clone).ok_or_else(wrong);
        let number = |name: &str| -> Result<Vec<u32>> {
            let column = column(name)?;
            Ok(column
                .as_primitive_opt::<UInt32Type>()
                .ok_or_else(wrong)?
                .values()
                .to_vec())
        };
        let columns = Columns {
            date: column("date")?,
            time: column("time")?,
            name: column("name")?,
            carried: column("carried")?,
            same: column("same")?,
            value: column("value")?,
        };
        let input = self
            .finder
            .load(&columns, number("steps")?, number("exclusions")?)?;
        let mut groups = Vec::with_capacity(input.rows());
        for (state, range) in lists.value_offsets().windows(2).enumerate() {
            let length = (range[1] - range[0]) as usize;
            groups.extend(std::iter::repeat_n(group_of(state), length));
        }
        self.keep(&input, None, |row| groups[row])
    }
}

impl GroupsAccumulator for PathGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups = total_num_groups;
        self.read(values, opt_filter, |row| group_indices[row])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.emitted(emit_to);
        let answers = self.answers(groups)?;
        self.forget(groups);
        Ok(answers)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.emitted(emit_to);
        let states = self.states(groups)?;
        self.forget(groups);
        Ok(vec![states])
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

    /// Each row is a group of its own.
    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |values| values.len());
        let mut alone = Self {
            finder: PathFinder::new(self.finder.call().clone())?,
            state: Arc::clone(&self.state),
            rows: Vec::new(),
            groups: rows,
        };
        alone.read(values, opt_filter, |row| row)?;
        Ok(vec![alone.states(rows)?])
    }

    fn size(&self) -> usize {
        self.finder.size() + self.rows.capacity() * size_of::<(u32, Row)>()
    }
}

/// The same for one group.
#[derive(Debug)]
pub struct OneGroup(PathGroups);

impl OneGroup {
    /// No rows yet.
    pub fn new(call: Call, types: &[DataType]) -> Result<Self> {
        let mut groups = PathGroups::new(call, types)?;
        groups.groups = 1;
        Ok(Self(groups))
    }
}

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.read(values, None, |_| 0)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.0.answers(1)?, 0)
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::try_from_array(&self.0.states(1)?, 0)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge(states, |_| 0)
    }
}
