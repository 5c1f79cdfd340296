//! The function as the engine sees it: its types, and its constant arguments read as early as can be.

use arrow::datatypes::{DataType, FieldRef, TimeUnit};
use datafusion::common::{Result, ScalarValue, not_impl_err, plan_err};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{
    AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs,
};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Expr, GroupsAccumulator, Signature, Volatility,
};

use super::accumulators::{Funnel, FunnelGroups, state_fields};
use super::arguments::{self, Mode, Rules, STEPS_AT_MOST};

/// `window_funnel`, see the module.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct WindowFunnel {
    signature: Signature,
}

impl WindowFunnel {
    /// The function.
    pub fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl Default for WindowFunnel {
    fn default() -> Self {
        Self::new()
    }
}

impl AggregateUDFImpl for WindowFunnel {
    fn name(&self) -> &str {
        "window_funnel"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [window, mode, time, steps @ ..] = types else {
            return plan_err!(
                "window_funnel(window, mode, time, step1, …) takes at least 4 arguments, got {}",
                types.len()
            );
        };
        if steps.is_empty() || steps.len() > STEPS_AT_MOST {
            return plan_err!(
                "window_funnel takes 1 to {STEPS_AT_MOST} steps, got {}",
                steps.len()
            );
        }
        let window = match window {
            DataType::Interval(_) => window.clone(),
            whole if whole.is_integer() => DataType::Int64,
            other => {
                return plan_err!(
                    "window_funnel: window must be an INTERVAL or whole microseconds, got {other}"
                );
            }
        };
        let mode = match mode {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => mode.clone(),
            other => {
                return plan_err!(
                    "window_funnel: mode must be a string such as 'default', got {other}"
                );
            }
        };
        let time = match time {
            DataType::Timestamp(_, zone) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            DataType::Date32 | DataType::Date64 => DataType::Timestamp(TimeUnit::Microsecond, None),
            whole if whole.is_integer() => DataType::Int64,
            other => {
                return plan_err!(
                    "window_funnel: time must be a timestamp, a date or an integer, got {other}"
                );
            }
        };
        let mut coerced = vec![window, mode, time];
        for (step, step_type) in steps.iter().enumerate() {
            match step_type {
                DataType::Boolean | DataType::Null => coerced.push(DataType::Boolean),
                other => {
                    return plan_err!(
                        "window_funnel: step {} must be a condition, got {other}",
                        step + 1
                    );
                }
            }
        }
        Ok(coerced)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn is_nullable(&self) -> bool {
        false
    }

    fn default_value(&self, _data_type: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(0)))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(state_fields(args.name))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Funnel::new(rules(&args)?)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(FunnelGroups::new(rules(&args)?)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    /// Changes nothing; it lets a wrong window or mode be told when the query is planned.
    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        Some(Box::new(|call: AggregateFunction, info| {
            if let [window, mode, time, ..] = call.params.args.as_slice() {
                if let Expr::Literal(mode, _) = mode {
                    Mode::parse(mode)?;
                }
                if let Expr::Literal(window, _) = window {
                    arguments::window(window, info.get_data_type(time)?.is_integer())?;
                }
            }
            Ok(Expr::AggregateFunction(call))
        }))
    }
}

fn rules(args: &AccumulatorArgs) -> Result<Rules> {
    if args.is_distinct {
        return not_impl_err!("window_funnel(DISTINCT …)");
    }
    let ([window, mode, _, steps @ ..], [_, _, time, ..]) = (args.exprs, args.expr_fields) else {
        return plan_err!(
            "window_funnel(window, mode, time, step1, …) takes at least 4 arguments, got {}",
            args.exprs.len()
        );
    };
    Rules::read(window, mode, time.data_type().is_integer(), steps.len())
}
