//! The function as the engine sees it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, not_impl_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};

use super::accumulator::{GroupTotals, OneTotal};
use super::totals::list_item;

/// `path_totals`, see the module.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct PathTotals {
    signature: Signature,
}

impl PathTotals {
    /// The function.
    pub fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl Default for PathTotals {
    fn default() -> Self {
        Self::new()
    }
}

/// The type of the sums: as wide as can be.
fn sum_type(entry: &DataType) -> Result<DataType> {
    let DataType::Struct(fields) = entry else {
        return plan_err!("path_totals takes an entry of funnel_path, got {entry}");
    };
    for name in [
        "step_no",
        "last_step_no",
        "end_state",
        "next",
        "step_us",
        "wait_us",
    ] {
        if fields.find(name).is_none() {
            return plan_err!(
                "path_totals takes an entry of funnel_path, but its argument has no `{name}`"
            );
        }
    }
    match fields.find("value").map(|(_, field)| field.data_type()) {
        Some(DataType::Decimal128(_, scale)) => Ok(DataType::Decimal128(38, *scale)),
        Some(whole @ (DataType::Int64 | DataType::Null)) => Ok(whole.clone()),
        other => plan_err!(
            "path_totals takes an entry of funnel_path; the `value` of its argument is {other:?}"
        ),
    }
}

fn sum_type_of(args: &AccumulatorArgs) -> Result<DataType> {
    if args.is_distinct {
        return not_impl_err!("path_totals(DISTINCT …)");
    }
    match args.expr_fields.first() {
        Some(field) => sum_type(field.data_type()),
        None => plan_err!("path_totals takes an entry of funnel_path"),
    }
}

impl AggregateUDFImpl for PathTotals {
    fn name(&self) -> &str {
        "path_totals"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [entry] => sum_type(entry).map(|_| types.to_vec()),
            _ => plan_err!("path_totals takes one argument, got {}", types.len()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [entry] => Ok(DataType::List(list_item(&sum_type(entry)?))),
            _ => plan_err!("path_totals takes one argument, got {}", types.len()),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format!("{}[totals]", args.name);
        Ok(vec![Arc::new(Field::new(
            name,
            args.return_field.data_type().clone(),
            true,
        ))])
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        ScalarValue::try_from(data_type)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneTotal::new(sum_type_of(&args)?)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(GroupTotals::new(sum_type_of(&args)?)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}
