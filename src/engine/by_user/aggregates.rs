//! Aggregates of one user after another, worked out on the rows where they lie: no table of groups,
//! no copies. Only those are here that per-user questions ask most; for any other the engine's own
//! grouping is used.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Int64Type, Schema, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::{Column, Literal};

use super::conditions::Conditions;
use super::merge::Run;
use super::one_value::{self, Choice};
use super::paths;
use crate::functions::window_funnel::EntityFunnel;

/// An aggregate of the user at hand.
pub trait UserAggregate: Send {
    /// Takes what it needs of a stream's next batch.
    fn load(&mut self, stream: usize, batch: &RecordBatch) -> Result<()>;
    /// Rows of the user at hand, in their order.
    fn update(&mut self, run: Run);
    /// The user at hand has no more rows.
    fn finish(&mut self);
    /// The results of the users finished since the last call.
    fn take(&mut self) -> Result<ArrayRef>;
    /// Bytes held.
    fn size(&self) -> usize;
}

/// The aggregate of an expression, over batches of `schema`; `None` where it is none of ours. `args` and
/// `filter` are the call's, over the merge's columns; `order` are the columns after the user by which a
/// user's rows come.
pub fn user_aggregate(
    call: &AggregateFunctionExpr,
    args: &[Arc<dyn PhysicalExpr>],
    order_by: &[Arc<dyn PhysicalExpr>],
    filter: Option<&Arc<dyn PhysicalExpr>>,
    schema: &Schema,
    order: &[usize],
) -> Result<Option<Box<dyn UserAggregate>>> {
    let is_plain = call.order_bys().is_empty() && !call.ignore_nulls();
    if call.is_distinct() || call.is_reversed() {
        return Ok(None);
    }
    let filter = match filter {
        Some(filter) => Some(Conditions::new(vec![Arc::clone(filter)], schema)?),
        None => None,
    };
    let result = call.field().data_type().clone();
    Ok(match (call.fun().name(), args) {
        ("window_funnel", [window, mode, time, steps @ ..]) if is_plain => {
            let time_type = time.data_type(schema)?;
            let is_known = matches!(
                time_type,
                DataType::Int64 | DataType::Timestamp(TimeUnit::Microsecond, _)
            );
            let constants = [window, mode]
                .iter()
                .all(|argument| argument.downcast_ref::<Literal>().is_some());
            if !is_known || !constants {
                return Ok(None);
            }
            let is_integer = time_type.is_integer();
            Some(Box::new(Funnel {
                time: Arc::clone(time),
                steps: Conditions::new(steps.to_vec(), schema)?,
                filter,
                inputs: Slots::default(),
                entity: EntityFunnel::new(window, mode, is_integer, steps.len())?,
                levels: Vec::new(),
            }))
        }
        ("funnel_path", args) if is_plain => paths::of(call, args, filter, schema)?,
        ("count", [of]) if is_plain => Some(Box::new(Count {
            of: Arc::clone(of),
            filter,
            inputs: Slots::default(),
            rows: 0,
            counts: Vec::new(),
        })),
        (name, [of]) => {
            let choice = match name {
                "min" if is_plain => Choice::Smallest,
                "max" if is_plain => Choice::Largest,
                "first_value" if comes_first(call, order_by, schema, order) => Choice::First {
                    ignore_nulls: call.ignore_nulls(),
                },
                _ => return Ok(None),
            };
            let of_type = of.data_type(schema)?;
            if of_type != result {
                return Ok(None);
            }
            let of = Arc::clone(of);
            one_value::of(choice, of, filter, result)
        }
        _ => None,
    })
}

/// Whether the first by the call's order is the first that comes.
fn comes_first(
    call: &AggregateFunctionExpr,
    order_by: &[Arc<dyn PhysicalExpr>],
    schema: &Schema,
    order: &[usize],
) -> bool {
    let as_it_comes = |(at, expr): (usize, &Arc<dyn PhysicalExpr>)| {
        let options = call.order_bys()[at].options;
        let column = expr.downcast_ref::<Column>().map(Column::index);
        !options.descending
            && column.is_some()
            && column == order.get(at).copied()
            && (options.nulls_first || !expr.nullable(schema).unwrap_or(true))
    };
    order_by.len() == call.order_bys().len() && order_by.iter().enumerate().all(as_it_comes)
}

/// What was taken of each stream's batch.
pub(super) struct Slots<T>(Vec<Option<T>>);

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Slots<T> {
    pub(super) fn put(&mut self, stream: usize, input: T) {
        if self.0.len() <= stream {
            self.0.resize_with(stream + 1, || None);
        }
        self.0[stream] = Some(input);
    }

    pub(super) fn get(&self, run: Run) -> Option<&T> {
        self.0.get(run.stream)?.as_ref()
    }
}

/// The rows that pass a filter; `None` for all.
pub(super) fn selected(
    filter: &mut Option<Conditions>,
    batch: &RecordBatch,
) -> Result<Option<BooleanBuffer>> {
    match filter {
        None => Ok(None),
        Some(filter) => Ok(Some(filter.first(batch)?.into_parts().0)),
    }
}

/// Both, where both are told.
pub(super) fn both(
    one: Option<BooleanBuffer>,
    other: Option<&BooleanBuffer>,
) -> Option<BooleanBuffer> {
    match (one, other) {
        (Some(one), Some(other)) => Some(&one & other),
        (one, other) => one.or_else(|| other.cloned()),
    }
}

pub(super) fn value_of(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<ArrayRef> {
    expr.evaluate(batch)?.into_array(batch.num_rows())
}

/// The rows of a run that pass.
pub(super) fn rows(run: Run, passing: Option<&BooleanBuffer>) -> impl Iterator<Item = usize> {
    (run.start..run.end).filter(move |row| passing.is_none_or(|passing| passing.value(*row)))
}

struct Funnel {
    time: Arc<dyn PhysicalExpr>,
    steps: Conditions,
    filter: Option<Conditions>,
    inputs: Slots<FunnelInput>,
    entity: EntityFunnel,
    levels: Vec<i64>,
}

struct FunnelInput {
    times: ScalarBuffer<i64>,
    steps: Vec<u32>,
    /// Rows with a time that pass the filter.
    passing: Option<BooleanBuffer>,
}

impl UserAggregate for Funnel {
    fn load(&mut self, stream: usize, batch: &RecordBatch) -> Result<()> {
        let times = value_of(&self.time, batch)?;
        let values = match times.data_type() {
            DataType::Int64 => times.as_primitive::<Int64Type>().values(),
            _ => times
                .as_primitive_opt::<TimestampMicrosecondType>()
                .ok_or_else(|| {
                    exec_datafusion_err!("window_funnel: time arrived as {}", times.data_type())
                })?
                .values(),
        };
        let with_time = times.nulls().map(|nulls| nulls.inner());
        let input = FunnelInput {
            times: values.clone(),
            steps: self.steps.bits(batch)?,
            passing: both(selected(&mut self.filter, batch)?, with_time),
        };
        self.inputs.put(stream, input);
        Ok(())
    }

    fn update(&mut self, run: Run) {
        if let Some(input) = self.inputs.get(run) {
            for row in rows(run, input.passing.as_ref()) {
                self.entity.add(input.times[row], input.steps[row]);
            }
        }
    }

    fn finish(&mut self) {
        let level = self.entity.finish();
        self.levels.push(level);
    }

    fn take(&mut self) -> Result<ArrayRef> {
        Ok(Arc::new(Int64Array::from(std::mem::take(&mut self.levels))))
    }

    fn size(&self) -> usize {
        self.entity.size() + self.levels.capacity() * size_of::<i64>()
    }
}

/// Rows whose argument is not null.
struct Count {
    of: Arc<dyn PhysicalExpr>,
    filter: Option<Conditions>,
    inputs: Slots<Option<BooleanBuffer>>,
    rows: i64,
    counts: Vec<i64>,
}

impl UserAggregate for Count {
    fn load(&mut self, stream: usize, batch: &RecordBatch) -> Result<()> {
        let not_null = match self.of.downcast_ref::<Literal>() {
            Some(literal) if !literal.value().is_null() => None,
            _ => value_of(&self.of, batch)?
                .logical_nulls()
                .map(|nulls| nulls.inner().clone()),
        };
        let passing = both(selected(&mut self.filter, batch)?, not_null.as_ref());
        self.inputs.put(stream, passing);
        Ok(())
    }

    fn update(&mut self, run: Run) {
        if let Some(passing) = self.inputs.get(run) {
            self.rows += match passing {
                None => (run.end - run.start) as i64,
                Some(_) => rows(run, passing.as_ref()).count() as i64,
            };
        }
    }

    fn finish(&mut self) {
        self.counts.push(std::mem::take(&mut self.rows));
    }

    fn take(&mut self) -> Result<ArrayRef> {
        Ok(Arc::new(Int64Array::from(std::mem::take(&mut self.counts))))
    }

    fn size(&self) -> usize {
        self.counts.capacity() * size_of::<i64>()
    }
}
