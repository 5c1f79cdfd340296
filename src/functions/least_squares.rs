//! `least_squares(y, x)`: the straight line through points, by least squares.
//!
//! An aggregate of two Float64; pairs with a null are left out. The result is a struct: `slope`,
//! `slope_low` and `slope_high` (its 95% interval by Student's t), `points` (Int64) and `x_deviation`, the
//! standard deviation of x; slope and interval are null for fewer than three points or where x never
//! moves. Points are put in order before anything is summed: the order of rows changes no digit.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, not_impl_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use crate::stats::regression;

/// `least_squares`, see the module.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct LeastSquares {
    signature: Signature,
}

impl LeastSquares {
    /// The function.
    pub fn new() -> Self {
        let numbers = vec![DataType::Float64, DataType::Float64];
        Self {
            signature: Signature::exact(numbers, Volatility::Immutable),
        }
    }
}

impl Default for LeastSquares {
    fn default() -> Self {
        Self::new()
    }
}

fn fields() -> Fields {
    let number = |name: &str| Field::new(name, DataType::Float64, true);
    vec![
        number("slope"),
        number("slope_low"),
        number("slope_high"),
        Field::new("points", DataType::Int64, true),
        number("x_deviation"),
    ]
    .into()
}

fn list() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)))
}

impl AggregateUDFImpl for LeastSquares {
    fn name(&self) -> &str {
        "least_squares"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let state =
            |part: &str| Arc::new(Field::new(format!("{}[{part}]", args.name), list(), true));
        Ok(vec![state("y"), state("x")])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return not_impl_err!("least_squares(DISTINCT …)");
        }
        Ok(Box::new(Points::default()))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// The points seen.
#[derive(Debug, Default)]
struct Points(Vec<(f64, f64)>);

impl Points {
    fn add(&mut self, y: &ArrayRef, x: &ArrayRef) -> Result<()> {
        let wrong = || exec_datafusion_err!("least_squares: its arguments are not Float64");
        let y = y.as_primitive_opt::<Float64Type>().ok_or_else(wrong)?;
        let x = x.as_primitive_opt::<Float64Type>().ok_or_else(wrong)?;
        let pairs = y.iter().zip(x.iter());
        self.0.extend(pairs.filter_map(|(y, x)| Some((x?, y?))));
        Ok(())
    }
}

impl Accumulator for Points {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], &values[1])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.sort_unstable_by(|left, right| {
            left.0.total_cmp(&right.0).then(left.1.total_cmp(&right.1))
        });
        let (x, y): (Vec<f64>, Vec<f64>) = self.0.iter().copied().unzip();
        let fit = regression::slope(&x, &y);
        let interval = fit.map(|fit| fit.interval_95());
        let columns: Vec<ArrayRef> = [
            ScalarValue::Float64(fit.map(|fit| fit.slope)),
            ScalarValue::Float64(interval.map(|(low, _)| low)),
            ScalarValue::Float64(interval.map(|(_, high)| high)),
            ScalarValue::Int64(Some(x.len() as i64)),
            ScalarValue::Float64(regression::deviation(&x)),
        ]
        .iter()
        .map(ScalarValue::to_array)
        .collect::<Result<_>>()?;
        let row = arrow::array::StructArray::try_new(fields(), columns, None)?;
        Ok(ScalarValue::Struct(Arc::new(row)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.capacity() * size_of::<(f64, f64)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let one = |pick: fn(&(f64, f64)) -> f64| {
            let values: Vec<ScalarValue> = self
                .0
                .iter()
                .map(|point| ScalarValue::from(pick(point)))
                .collect();
            ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Float64))
        };
        Ok(vec![one(|point| point.1), one(|point| point.0)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let wrong = || exec_datafusion_err!("least_squares: a partial state is not two lists");
        let (y, x) = (
            states[0].as_list_opt::<i32>(),
            states[1].as_list_opt::<i32>(),
        );
        let (y, x) = y.zip(x).ok_or_else(wrong)?;
        for row in (0..y.len()).filter(|row| y.is_valid(*row)) {
            self.add(&y.value(row), &x.value(row))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::functions::sql_testing::{context_in, table_of};

    #[tokio::test]
    async fn a_line_through_points_in_any_order() {
        let ctx = context_in(chrono_tz::UTC);
        let points = "(values (1.0, 2.1), (2.0, 3.9), (3.0, 6.2), (4.0, 7.8), (5.0, 10.1), (6.5, 12.4), (7.0, null)) as v(x, y)";
        let fit = |order: &str| {
            format!(
                "select round(fit['slope'], 9), round(fit['slope_low'], 6), round(fit['slope_high'], 6), fit['points']
                 from (select least_squares(y, x) as fit from (select * from {points} order by {order}))"
            )
        };
        let expected = ["1.90556701|1.751742|2.059392|6"];
        assert_eq!(table_of(&ctx, &fit("x")).await, expected);
        assert_eq!(table_of(&ctx, &fit("y desc")).await, expected);
        let flat = "select fit['slope'], fit['points'] from (select least_squares(y, 1.0) as fit from (values (1.0), (2.0), (4.0)) as v(y))";
        assert_eq!(table_of(&ctx, flat).await, ["NULL|3"]);
    }
}
