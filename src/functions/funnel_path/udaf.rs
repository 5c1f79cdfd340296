//! The function as the engine sees it.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, TimeUnit};
use chrono_tz::Tz;
use datafusion::common::{Result, ScalarValue, not_impl_err, plan_err};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{
    AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs,
};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Expr, GroupsAccumulator, Signature, Volatility,
};

use datafusion::physical_expr::PhysicalExpr;

use super::call::{
    CARRIED, COMPLETE_THROUGH, CONDITIONS, Call, DATE, FIRST_DAY, LAST_DAY, NAME, RULES, TIME,
    VALUE,
};
use super::groups::{OneGroup, PathGroups, state_field};
use super::output::OutputTypes;
use super::rules::Rules;
use crate::functions::constant;

/// How it is called.
pub const USAGE: &str = "funnel_path(rules, first_day, last_day, complete_through, date, time, name, carried, same, value, \
                         step1, …, exclusion1, …) takes 11 arguments or more";

/// `funnel_path`, see the module.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct FunnelPath {
    signature: Signature,
    zone: Tz,
}

impl FunnelPath {
    /// The function; days are those of `zone`.
    pub fn new(zone: Tz) -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
            zone,
        }
    }

    /// Reads a call's constant arguments, for readers of their own.
    pub fn read(&self, args: &[Arc<dyn PhysicalExpr>], types: &[DataType]) -> Result<Call> {
        Call::read(args, types, self.zone)
    }

    fn call(&self, args: &AccumulatorArgs) -> Result<(Call, Vec<DataType>)> {
        if args.is_distinct {
            return not_impl_err!("funnel_path(DISTINCT …)");
        }
        let types: Vec<DataType> = args
            .expr_fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        Ok((Call::read(args.exprs, &types, self.zone)?, types))
    }
}

impl AggregateUDFImpl for FunnelPath {
    fn name(&self) -> &str {
        "funnel_path"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.len() <= CONDITIONS {
            return plan_err!("{USAGE}, got {}", types.len());
        }
        let wrong = |what: &str, wanted: &str, at: usize| {
            plan_err!("funnel_path: {what} must be {wanted}, got {}", types[at])
        };
        let mut coerced = types.to_vec();
        if !matches!(
            types[RULES],
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        ) {
            return wrong("rules", "a string such as 'window 24h'", RULES);
        }
        for (at, what) in [
            (FIRST_DAY, "the first day"),
            (LAST_DAY, "the last day"),
            (COMPLETE_THROUGH, "the last complete day"),
            (DATE, "date"),
        ] {
            coerced[at] = match types[at] {
                DataType::Date32 | DataType::Date64 | DataType::Null => DataType::Date32,
                _ => return wrong(what, "a DATE", at),
            };
        }
        coerced[TIME] = match &types[TIME] {
            DataType::Timestamp(_, zone) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            _ => return wrong("time", "a timestamp", TIME),
        };
        coerced[NAME] = match types[NAME] {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                DataType::Utf8View
            }
            _ => return wrong("name", "a string", NAME),
        };
        coerced[VALUE] = match types[VALUE] {
            DataType::Null | DataType::Decimal128(..) => types[VALUE].clone(),
            ref whole if whole.is_integer() => DataType::Int64,
            _ => return wrong("value", "a whole number or a decimal", VALUE),
        };
        for at in CONDITIONS..types.len() {
            coerced[at] = match types[at] {
                DataType::Boolean | DataType::Null => DataType::Boolean,
                _ => {
                    return wrong(
                        &format!("condition {}", at - CONDITIONS + 1),
                        "true or false",
                        at,
                    );
                }
            };
        }
        Ok(coerced)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        if types.len() <= CONDITIONS {
            return plan_err!("{USAGE}, got {}", types.len());
        }
        let types = OutputTypes {
            time: types[TIME].clone(),
            carried: types[CARRIED].clone(),
            value: types[VALUE].clone(),
        };
        Ok(types.list())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let types: Vec<DataType> = args
            .input_fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        Ok(vec![state_field(args.name, &types)])
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        ScalarValue::try_from(data_type)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let (call, types) = self.call(&args)?;
        Ok(Box::new(OneGroup::new(call, &types)?))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let (call, types) = self.call(&args)?;
        Ok(Box::new(PathGroups::new(call, &types)?))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    /// Changes nothing; it lets wrong rules be told when the query is planned.
    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        Some(Box::new(|call: AggregateFunction, _| {
            if let Some(Expr::Literal(rules, _)) = call.params.args.get(RULES) {
                let rules = constant::text(rules, "funnel_path: rules")?;
                Rules::read(rules, call.params.args.len().saturating_sub(CONDITIONS))?;
            }
            Ok(Expr::AggregateFunction(call))
        }))
    }
}
