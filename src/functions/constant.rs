//! Arguments that must be constants: a window, a mode, a gap, a choice.

use std::sync::Arc;

use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// The value of a constant argument; `what` names function and argument in the error.
pub fn value<'a>(expr: &'a Arc<dyn PhysicalExpr>, what: &str) -> Result<&'a ScalarValue> {
    match expr.downcast_ref::<Literal>() {
        Some(literal) => Ok(literal.value()),
        None => plan_err!("{what} must be a constant, got `{expr}`"),
    }
}

/// The text of a constant string.
pub fn text<'a>(value: &'a ScalarValue, what: &str) -> Result<&'a str> {
    match value.try_as_str() {
        Some(Some(text)) => Ok(text),
        Some(None) => plan_err!("{what} must not be null"),
        None => plan_err!("{what} must be a string, got {}", value.data_type()),
    }
}

/// A constant `true` or `false`.
pub fn boolean(value: &ScalarValue, what: &str) -> Result<bool> {
    match value {
        ScalarValue::Boolean(Some(value)) => Ok(*value),
        ScalarValue::Boolean(None) => plan_err!("{what} must not be null"),
        other => plan_err!("{what} must be true or false, got {}", other.data_type()),
    }
}

/// The length of a constant INTERVAL in microseconds. A day is 24 hours; months have no fixed
/// length and are refused, as are null and parts of a microsecond.
pub fn interval_us(value: &ScalarValue, what: &str) -> Result<i64> {
    let (days, rest_us) = match value {
        ScalarValue::IntervalDayTime(Some(interval)) => (
            interval.days,
            i64::from(interval.milliseconds).checked_mul(1_000),
        ),
        ScalarValue::IntervalMonthDayNano(Some(interval)) => {
            if interval.months != 0 {
                return plan_err!(
                    "{what} must not hold months or years, which have no fixed length: give days"
                );
            }
            if interval.nanoseconds % 1_000 != 0 {
                return plan_err!("{what} must be whole microseconds");
            }
            (interval.days, Some(interval.nanoseconds / 1_000))
        }
        ScalarValue::IntervalYearMonth(Some(_)) => {
            return plan_err!(
                "{what} must not hold months or years, which have no fixed length: give days"
            );
        }
        other if other.is_null() => return plan_err!("{what} must not be null"),
        other => {
            return plan_err!(
                "{what} must be an INTERVAL such as `interval '30 minutes'`, got {}",
                other.data_type()
            );
        }
    };
    let total_us = i64::from(days)
        .checked_mul(MICROSECONDS_A_DAY)
        .zip(rest_us)
        .and_then(|(days_us, rest_us)| days_us.checked_add(rest_us));
    match total_us {
        Some(total_us) => Ok(total_us),
        None => plan_err!("{what} is too long"),
    }
}
