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

mod groups;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, not_impl_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};

use self::groups::{Groups, One};
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
        Ok(Box::new(One::new(shares(&args)?)))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::groups::quantile;
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
