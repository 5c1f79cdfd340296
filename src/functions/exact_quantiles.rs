//! `exact_quantiles(values, share1, share2, …)`: quantiles of whole numbers, exactly.
//!
//! `values` is a whole number or a list of whole numbers (nulls are left out, lists are taken together);
//! the shares are constants from 0 to 1. The result is a list of Float64, one per share, null where there
//! are no values: between two neighbouring values it lies on the straight line, as SQL's
//! `percentile_cont` does (R's type 7).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> datafusion::error::Result<()> {
//! let ctx = datafusion::prelude::SessionContext::new();
//! loudou::functions::register(&ctx, chrono_tz::UTC);
//! let rows = ctx
//!     .sql("select exact_quantiles(x, 0.5, 0.9) as q from (values (1), (2), (3), (10)) as v(x)")
//!     .await?
//!     .to_string()
//!     .await?;
//! assert!(rows.contains("[2.5, 7.9"));
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{
    Result, ScalarValue, exec_datafusion_err, exec_err, not_impl_err, plan_err,
};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::constant;

const USAGE: &str = "exact_quantiles(values, share1, …) takes whole numbers, or lists of them, and constant shares from 0 to 1";

/// `exact_quantiles`, see the module.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ExactQuantiles {
    signature: Signature,
}

impl ExactQuantiles {
    /// The function.
    pub fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl Default for ExactQuantiles {
    fn default() -> Self {
        Self::new()
    }
}

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

fn shares(args: &AccumulatorArgs) -> Result<Vec<f64>> {
    if args.is_distinct {
        return not_impl_err!("exact_quantiles(DISTINCT …)");
    }
    let of = |value: &ScalarValue| match value {
        ScalarValue::Float64(Some(share)) if (0.0..=1.0).contains(share) => Ok(*share),
        other => plan_err!("exact_quantiles: a share is a number from 0 to 1, got {other}"),
    };
    let shares = args.exprs.get(1..).unwrap_or_default();
    shares
        .iter()
        .map(|share| of(constant::value(share, "exact_quantiles: a share")?))
        .collect()
}

impl AggregateUDFImpl for ExactQuantiles {
    fn name(&self) -> &str {
        "exact_quantiles"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [values, shares @ ..] = types else {
            return plan_err!("{USAGE}");
        };
        let values = match values {
            whole if whole.is_integer() => DataType::Int64,
            DataType::Null => DataType::Int64,
            DataType::List(item) if item.data_type().is_integer() => list_of(DataType::Int64),
            other => return plan_err!("{USAGE}; the values are {other}"),
        };
        if shares.is_empty() || !shares.iter().all(DataType::is_numeric) {
            return plan_err!("{USAGE}");
        }
        Ok(std::iter::once(values)
            .chain(shares.iter().map(|_| DataType::Float64))
            .collect())
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(list_of(DataType::Float64))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format!("{}[values]", args.name);
        Ok(vec![Arc::new(Field::new(
            name,
            list_of(DataType::Int64),
            true,
        ))])
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        ScalarValue::try_from(data_type)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let mut groups = Groups::new(shares(&args)?);
        groups.pieces.resize_with(1, Vec::new);
        Ok(Box::new(One(groups)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups::new(shares(&args)?)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// Values of a group that lie in one buffer.
#[derive(Debug, Clone, Copy)]
struct Piece {
    buffer: u32,
    start: u32,
    length: u32,
}

/// The values of all groups, where they came: lists are not copied until they are asked about.
#[derive(Debug)]
struct Groups {
    shares: Vec<f64>,
    buffers: Vec<ScalarBuffer<i64>>,
    /// By group.
    pieces: Vec<Vec<Piece>>,
    bytes: usize,
}

impl Groups {
    fn new(shares: Vec<f64>) -> Self {
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
fn quantile(values: &mut [i64], share: f64) -> Option<f64> {
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
struct One(Groups);

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::quantile;
    use crate::functions::sql_testing::{context_in, error_of, table_of};

    proptest! {
        #[test]
        fn equal_to_the_sorted_values(values in prop::collection::vec(-50i64..50, 0..40), share in 0.0f64..=1.0) {
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let expected = sorted.len().checked_sub(1).map(|last| {
                let place = share * last as f64;
                let (low, high) = (place.floor(), place.ceil());
                let (low_value, high_value) = (sorted[low as usize] as f64, sorted[high as usize] as f64);
                low_value + (high_value - low_value) * (place - low)
            });
            prop_assert_eq!(quantile(&mut values.clone(), share), expected);
        }
    }

    #[tokio::test]
    async fn lists_and_numbers_give_the_same_in_groups_and_alone() {
        let ctx = context_in(chrono_tz::UTC);
        let values =
            "(values ('a', 4), ('a', 1), ('b', 7), ('a', 9), ('b', null), ('c', null)) as v(g, x)";
        let grouped = table_of(
            &ctx,
            &format!("select g, exact_quantiles(x, 0.5, 0.9) from {values} group by g order by g"),
        )
        .await;
        assert_eq!(grouped, ["a|[4.0, 8.0]", "b|[7.0, 7.0]", "c|NULL"]);
        let lists = format!("(select g, array_agg(x) as xs from {values} group by g)");
        let merged = table_of(
            &ctx,
            &format!("select exact_quantiles(xs, 0, 0.5, 1) from {lists}"),
        )
        .await;
        assert_eq!(merged, ["[1.0, 5.5, 9.0]"]);
        let alone = table_of(
            &ctx,
            &format!("select exact_quantiles(x, 0, 0.5, 1) from {values}"),
        )
        .await;
        assert_eq!(alone, merged);
        let wrong = error_of(
            &ctx,
            "select exact_quantiles(x, 2) from (values (1)) as v(x)",
        )
        .await;
        assert!(wrong.contains("a share is a number from 0 to 1"), "{wrong}");
    }
}
