//! The values of all groups, and their quantiles.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

/// Values of a group that lie in one buffer.
#[derive(Debug, Clone, Copy)]
struct Piece {
    buffer: u32,
    start: u32,
    length: u32,
}

/// The values of all groups, where they came: lists are not copied until they are asked about.
#[derive(Debug)]
pub(super) struct Groups {
    shares: Vec<f64>,
    buffers: Vec<ScalarBuffer<i64>>,
    /// By group.
    pieces: Vec<Vec<Piece>>,
    bytes: usize,
}

impl Groups {
    /// No groups yet.
    pub(super) fn new(shares: Vec<f64>) -> Self {
        Self {
            shares,
            buffers: Vec::new(),
            pieces: Vec::new(),
            bytes: 0,
        }
    }

    fn add(
        &mut self,
        values: &ArrayRef,
        filter: Option<&BooleanArray>,
        group_of: impl Fn(usize) -> usize,
    ) -> Result<()> {
        let buffer = u32::try_from(self.buffers.len())
            .map_err(|_| exec_datafusion_err!("exact_quantiles: too many batches"))?;
        let passes =
            |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        let wrong =
            || exec_datafusion_err!("exact_quantiles: values arrived as {}", values.data_type());
        let numbers = match values.data_type() {
            DataType::Int64 => {
                let numbers = values.as_primitive::<Int64Type>();
                for row in (0..numbers.len()).filter(|row| numbers.is_valid(*row) && passes(*row)) {
                    self.put(
                        group_of(row),
                        Piece {
                            buffer,
                            start: row as u32,
                            length: 1,
                        },
                    );
                }
                numbers
            }
            _ => {
                let lists = values.as_list_opt::<i32>().ok_or_else(wrong)?;
                let numbers = lists
                    .values()
                    .as_primitive_opt::<Int64Type>()
                    .ok_or_else(wrong)?;
                for row in (0..lists.len()).filter(|row| lists.is_valid(*row) && passes(*row)) {
                    let (start, end) = (
                        lists.value_offsets()[row] as usize,
                        lists.value_offsets()[row + 1] as usize,
                    );
                    match numbers.nulls().filter(|nulls| nulls.null_count() > 0) {
                        None if end > start => {
                            let piece = Piece {
                                buffer,
                                start: start as u32,
                                length: (end - start) as u32,
                            };
                            self.put(group_of(row), piece);
                        }
                        None => {}
                        Some(nulls) => {
                            for at in (start..end).filter(|at| nulls.is_valid(*at)) {
                                self.put(
                                    group_of(row),
                                    Piece {
                                        buffer,
                                        start: at as u32,
                                        length: 1,
                                    },
                                );
                            }
                        }
                    }
                }
                numbers
            }
        };
        self.buffers.push(numbers.values().clone());
        self.bytes += numbers.values().len() * size_of::<i64>();
        Ok(())
    }

    /// Neighbouring values of one group are one piece.
    fn put(&mut self, group: usize, piece: Piece) {
        let pieces = &mut self.pieces[group];
        match pieces.last_mut() {
            Some(last)
                if last.buffer == piece.buffer && last.start + last.length == piece.start =>
            {
                last.length += piece.length;
            }
            _ => {
                pieces.push(piece);
                self.bytes += size_of::<Piece>();
            }
        }
    }

    fn values<'a>(&'a self, pieces: &'a [Piece]) -> impl Iterator<Item = &'a [i64]> {
        pieces.iter().map(|piece| {
            let start = piece.start as usize;
            &self.buffers[piece.buffer as usize][start..start + piece.length as usize]
        })
    }

    /// The pieces of the first groups, which are then forgotten.
    fn first(&mut self, emit_to: EmitTo) -> Vec<Vec<Piece>> {
        let groups = match emit_to {
            EmitTo::All => self.pieces.len(),
            EmitTo::First(groups) => groups.min(self.pieces.len()),
        };
        let rest = self.pieces.split_off(groups);
        std::mem::replace(&mut self.pieces, rest)
    }

    fn forget(&mut self) {
        if self.pieces.is_empty() {
            self.buffers.clear();
            self.bytes = 0;
        }
    }

    fn quantiles(&mut self, emit_to: EmitTo) -> ArrayRef {
        let groups = self.first(emit_to);
        let mut values = Vec::new();
        let mut quantiles = Vec::new();
        let mut is_there = Vec::new();
        for pieces in &groups {
            values.clear();
            self.values(pieces)
                .for_each(|piece| values.extend_from_slice(piece));
            is_there.push(!values.is_empty());
            quantiles.extend(
                self.shares
                    .iter()
                    .map(|share| quantile(&mut values, *share)),
            );
        }
        let lengths = vec![self.shares.len(); groups.len()];
        self.forget();
        let item = Arc::new(Field::new_list_field(DataType::Float64, true));
        let (offsets, nulls) = (
            OffsetBuffer::from_lengths(lengths),
            Some(NullBuffer::from(is_there)),
        );
        Arc::new(ListArray::new(
            item,
            offsets,
            Arc::new(Float64Array::from(quantiles)),
            nulls,
        ))
    }

    fn lists(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.first(emit_to);
        let mut values = Vec::new();
        let mut lengths = Vec::with_capacity(groups.len());
        for pieces in &groups {
            let before = values.len();
            self.values(pieces)
                .for_each(|piece| values.extend_from_slice(piece));
            lengths.push(values.len() - before);
        }
        self.forget();
        if i32::try_from(values.len()).is_err() {
            return exec_err!(
                "exact_quantiles: a partial state holds more than {} values",
                i32::MAX
            );
        }
        let item = Arc::new(Field::new_list_field(DataType::Int64, true));
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(ListArray::try_new(
            item,
            offsets,
            Arc::new(Int64Array::from(values)),
            None,
        )?))
    }
}

/// The quantile of some values, whose order is changed; `None` of none.
pub(super) fn quantile(values: &mut [i64], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let place = share * last as f64;
    let below = (place.floor() as usize).min(last);
    let (_, low, above) = values.select_nth_unstable(below);
    let low = *low;
    let part = place - below as f64;
    match above.iter().min() {
        Some(high) if part > 0.0 => Some(low as f64 + (*high as f64 - low as f64) * part),
        _ => Some(low as f64),
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.pieces.resize_with(total_num_groups, Vec::new);
        self.add(&values[0], opt_filter, |row| group_indices[row])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.quantiles(emit_to))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.lists(emit_to)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.pieces.resize_with(total_num_groups, Vec::new);
        self.add(&values[0], None, |row| group_indices[row])
    }

    /// Each row is a group of its own.
    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut alone = Self::new(self.shares.clone());
        alone.pieces.resize_with(values[0].len(), Vec::new);
        alone.add(&values[0], opt_filter, |row| row)?;
        Ok(vec![alone.lists(EmitTo::All)?])
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.bytes + self.pieces.len() * size_of::<Vec<Piece>>()
    }
}

/// The same for one group.
#[derive(Debug)]
pub(super) struct One(Groups);

impl One {
    /// No values yet.
    pub(super) fn new(shares: Vec<f64>) -> Self {
        let mut groups = Groups::new(shares);
        groups.pieces.resize_with(1, Vec::new);
        Self(groups)
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.add(&values[0], None, |_| 0)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let quantiles = self.0.quantiles(EmitTo::All);
        self.0.pieces.resize_with(1, Vec::new);
        ScalarValue::try_from_array(&quantiles, 0)
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let lists = self.0.lists(EmitTo::All)?;
        self.0.pieces.resize_with(1, Vec::new);
        Ok(vec![ScalarValue::try_from_array(&lists, 0)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.add(&states[0], None, |_| 0)
    }
}
