//! The value of the last step: whole numbers and decimals, kept exactly.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int64Array, new_null_array};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion::common::{Result, exec_err, plan_err};

/// How values are read and written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueType(DataType);

impl ValueType {
    /// Values of a type: Int64, Decimal128, or nothing.
    pub fn of(data_type: &DataType) -> Result<Self> {
        match data_type {
            DataType::Int64 | DataType::Decimal128(..) | DataType::Null => {
                Ok(Self(data_type.clone()))
            }
            other => {
                plan_err!("funnel_path: value must be a whole number or a decimal, got {other}")
            }
        }
    }

    /// The value of a row.
    pub fn value(values: &ArrayRef, row: usize) -> Option<i128> {
        if values.is_null(row) {
            return None;
        }
        match values.data_type() {
            DataType::Int64 => Some(i128::from(values.as_primitive::<Int64Type>().value(row))),
            DataType::Decimal128(..) => Some(values.as_primitive::<Decimal128Type>().value(row)),
            _ => None,
        }
    }

    /// Values as an array.
    pub fn array(&self, values: &[Option<i128>]) -> Result<ArrayRef> {
        match &self.0 {
            DataType::Null => Ok(new_null_array(&DataType::Null, values.len())),
            DataType::Int64 => {
                let whole = values
                    .iter()
                    .map(|value| value.and_then(|value| i64::try_from(value).ok()));
                Ok(Arc::new(Int64Array::from_iter(whole)))
            }
            DataType::Decimal128(precision, scale) => {
                let decimals = Decimal128Array::from_iter(values.iter().copied());
                Ok(Arc::new(
                    decimals.with_precision_and_scale(*precision, *scale)?,
                ))
            }
            other => exec_err!("funnel_path: value arrived as {other}"),
        }
    }
}
