//! `funnel_path` of one user after another: rows come in order of time, so that most of those that match
//! nothing are left out without being looked at.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::Schema;
use datafusion::common::{DataFusionError, Result};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Literal;

use super::aggregates::{Slots, UserAggregate, both, rows, selected, value_of};
use super::conditions::Conditions;
use super::merge::Run;
use crate::functions::funnel_path::{
    CARRIED, CONDITIONS, Columns, DATE, FunnelPath, Input, NAME, PathFinder, SAME, TIME, VALUE,
    is_time,
};

/// The aggregate; `None` where its arguments are not such as can be read here.
pub(super) fn of(
    call: &AggregateFunctionExpr,
    args: &[Arc<dyn PhysicalExpr>],
    filter: Option<Conditions>,
    schema: &Schema,
) -> Result<Option<Box<dyn UserAggregate>>> {
    let Some(function) = call.fun().inner().downcast_ref::<FunnelPath>() else {
        return Ok(None);
    };
    let is_constant = |arg: &Arc<dyn PhysicalExpr>| arg.downcast_ref::<Literal>().is_some();
    if args.len() <= CONDITIONS || !args[..DATE].iter().all(is_constant) {
        return Ok(None);
    }
    let types = args
        .iter()
        .map(|arg| arg.data_type(schema))
        .collect::<Result<Vec<_>>>()?;
    if !is_time(&types[TIME]) {
        return Ok(None);
    }
    let finder = PathFinder::new(function.read(args, &types)?)?;
    let (steps, exclusions) = args[CONDITIONS..].split_at(finder.call().steps());
    let exclusions = match exclusions {
        [] => None,
        some => Some(Conditions::new(some.to_vec(), schema)?),
    };
    Ok(Some(Box::new(Paths {
        columns: [DATE, TIME, NAME, CARRIED, SAME, VALUE].map(|at| Arc::clone(&args[at])),
        steps: Conditions::new(steps.to_vec(), schema)?,
        exclusions,
        filter,
        inputs: Slots::default(),
        finder,
        failure: None,
    })))
}

struct Paths {
    columns: [Arc<dyn PhysicalExpr>; 6],
    steps: Conditions,
    exclusions: Option<Conditions>,
    filter: Option<Conditions>,
    inputs: Slots<(Input, Option<BooleanBuffer>)>,
    finder: PathFinder,
    /// Told with the next results.
    failure: Option<DataFusionError>,
}

impl UserAggregate for Paths {
    fn load(&mut self, stream: usize, batch: &RecordBatch) -> Result<()> {
        let [date, time, name, carried, same, value] = &self.columns;
        let columns = Columns {
            date: value_of(date, batch)?,
            time: value_of(time, batch)?,
            name: value_of(name, batch)?,
            carried: value_of(carried, batch)?,
            same: value_of(same, batch)?,
            value: value_of(value, batch)?,
        };
        let steps = self.steps.bits(batch)?;
        let exclusions = match &mut self.exclusions {
            Some(exclusions) => exclusions.bits(batch)?,
            None => Vec::new(),
        };
        let input = self.finder.load(&columns, steps, exclusions)?;
        let passing = both(selected(&mut self.filter, batch)?, input.with_time());
        self.inputs.put(stream, (input, passing));
        Ok(())
    }

    fn update(&mut self, run: Run) {
        if let Some((input, passing)) = self.inputs.get(run) {
            for row in rows(run, passing.as_ref()) {
                self.finder.add_in_order(input, row);
            }
        }
    }

    fn finish(&mut self) {
        if let Err(failure) = self.finder.finish() {
            self.failure.get_or_insert(failure);
        }
        self.finder.forget_values();
    }

    fn take(&mut self) -> Result<ArrayRef> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.finder.take(),
        }
    }

    fn size(&self) -> usize {
        self.finder.size()
    }
}
