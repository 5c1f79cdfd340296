//! `wilson_low(successes, trials)` and `wilson_high(successes, trials)`: the bounds of the 95% Wilson score
//! interval of a share, Float64; null where an argument is null or there are no trials.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::stats::normal::Z_95;
use crate::stats::wilson;

/// Which bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bound {
    /// The lower.
    Low,
    /// The upper.
    High,
}

/// See the module.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct WilsonBound {
    bound: Bound,
    signature: Signature,
}

impl WilsonBound {
    /// The function of a bound.
    pub fn new(bound: Bound) -> Self {
        let numbers = vec![DataType::Float64, DataType::Float64];
        Self {
            bound,
            signature: Signature::exact(numbers, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for WilsonBound {
    fn name(&self) -> &str {
        match self.bound {
            Bound::Low => "wilson_low",
            Bound::High => "wilson_high",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [successes, trials] = arrays.as_slice() else {
            return exec_err!("{}(successes, trials) takes two numbers", self.name());
        };
        let (successes, trials) = (
            cast(successes, &DataType::Float64)?,
            cast(trials, &DataType::Float64)?,
        );
        let pairs = successes
            .as_primitive::<Float64Type>()
            .iter()
            .zip(trials.as_primitive::<Float64Type>());
        let bounds: Float64Array = pairs
            .map(|(successes, trials)| {
                let (low, high) = wilson::interval(successes?, trials?, Z_95)?;
                Some(match self.bound {
                    Bound::Low => low,
                    Bound::High => high,
                })
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(bounds) as ArrayRef))
    }
}
