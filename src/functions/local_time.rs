//! `local_time(ts)` and `local_date(ts)`: the wall clock and the calendar day of the project's zone;
//! `local_midnight(day)`: the instant at which a local day begins.
//!
//! `ts` is a Timestamp of any unit, with a zone or without one (then it is UTC). Null gives null.
//! `local_time` gives a Timestamp(µs) **without** zone, the reading of the wall clock: where clocks
//! are put back two instants have the same reading, so order by `ts`, not by it. `local_date` gives
//! a Date32. `day` is a Date32, and `local_midnight` a Timestamp(µs) in UTC: where the clock is put
//! forward over midnight, the first instant after it. Outside the calendar (±262,000 years) is an error.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> datafusion::error::Result<()> {
//! let ctx = datafusion::prelude::SessionContext::new();
//! loudou::functions::register(&ctx, chrono_tz::Asia::Shanghai);
//! let rows = ctx
//!     .sql("select local_time(t) as wall, local_date(t) as day from (values (timestamp '2026-10-17 16:30:00')) as v(t)")
//!     .await?
//!     .to_string()
//!     .await?;
//! assert!(rows.contains("| 2026-10-18T00:30:00 | 2026-10-18 |"));
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;

use arrow::array::{AsArray, PrimitiveArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, TimeUnit, TimestampMicrosecondType,
};
use chrono_tz::Tz;
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::local_clock::LocalClock;

/// `local_time(ts)`, see the module.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct LocalTime {
    zone: Tz,
    signature: Signature,
}

/// `local_date(ts)`, see the module.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct LocalDate {
    zone: Tz,
    signature: Signature,
}

impl LocalTime {
    /// The function for one zone.
    pub fn new(zone: Tz) -> Self {
        Self {
            zone,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl LocalDate {
    /// The function for one zone.
    pub fn new(zone: Tz) -> Self {
        Self {
            zone,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

/// `local_midnight(day)`, see the module.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct LocalMidnight {
    zone: Tz,
    signature: Signature,
}

impl LocalMidnight {
    /// The function for one zone.
    pub fn new(zone: Tz) -> Self {
        Self {
            zone,
            signature: Signature::exact(vec![DataType::Date32], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for LocalMidnight {
    fn name(&self) -> &str {
        "local_midnight"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(utc_microseconds())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        convert::<Date32Type, TimestampMicrosecondType>(args, self.zone, LocalClock::day_start_us)
    }
}

fn utc_microseconds() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

impl ScalarUDFImpl for LocalTime {
    fn name(&self) -> &str {
        "local_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        microseconds(self.name(), types)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Timestamp(TimeUnit::Microsecond, None))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        convert::<TimestampMicrosecondType, TimestampMicrosecondType>(
            args,
            self.zone,
            LocalClock::local_us,
        )
    }
}

impl ScalarUDFImpl for LocalDate {
    fn name(&self) -> &str {
        "local_date"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        microseconds(self.name(), types)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        convert::<TimestampMicrosecondType, Date32Type>(args, self.zone, LocalClock::local_day)
    }
}

/// The one argument as a timestamp of microseconds; its zone is only how it is shown.
fn microseconds(name: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Timestamp(_, zone)] => Ok(vec![DataType::Timestamp(
            TimeUnit::Microsecond,
            zone.clone(),
        )]),
        [DataType::Null] => Ok(vec![DataType::Timestamp(TimeUnit::Microsecond, None)]),
        [other] => plan_err!("{name}(ts) takes a timestamp, got {other}"),
        _ => plan_err!("{name}(ts) takes one argument, got {}", types.len()),
    }
}

/// Applies one conversion to every value that is not null.
fn convert<Input: ArrowPrimitiveType, Output: ArrowPrimitiveType>(
    args: ScalarFunctionArgs,
    zone: Tz,
    of_one: impl Fn(&mut LocalClock, Input::Native) -> Option<Output::Native>,
) -> Result<ColumnarValue> {
    let is_scalar = args
        .args
        .iter()
        .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    let arrays = ColumnarValue::values_to_arrays(&args.args)?;
    let values = arrays
        .first()
        .and_then(|array| array.as_primitive_opt::<Input>())
        .ok_or_else(|| exec_datafusion_err!("a local time of something of another type"))?;
    let mut clock = LocalClock::new(zone);
    let converted = values
        .iter()
        .map(|value| match value {
            Some(value) => match of_one(&mut clock, value) {
                Some(found) => Ok(Some(found)),
                None => exec_err!(
                    "{value:?} {} since 1970 lie outside the calendar",
                    match Input::DATA_TYPE {
                        DataType::Date32 => "days",
                        _ => "microseconds",
                    }
                ),
            },
            None => Ok(None),
        })
        .collect::<Result<PrimitiveArray<Output>>>()?
        .with_data_type(args.return_field.data_type().clone());
    if is_scalar {
        let value = ScalarValue::try_from_array(&converted, 0)?;
        return Ok(ColumnarValue::Scalar(value));
    }
    Ok(ColumnarValue::Array(Arc::new(converted)))
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America::New_York, Asia::Shanghai, UTC};

    use crate::functions::sql_testing::{context_in, error_of, table_of};

    #[tokio::test]
    async fn every_unit_and_zone_of_a_timestamp_is_the_same_instant() {
        let sql = "
            select local_time(t), local_date(t) from (values (timestamp '2026-10-17 16:30:00')) as v(t)
            union all select local_time(arrow_cast(t, 'Timestamp(s)')), local_date(arrow_cast(t, 'Timestamp(s)'))
                from (values (timestamp '2026-10-17 16:30:00')) as v(t)
            union all select local_time(arrow_cast(t, 'Timestamp(µs, \"UTC\")')), local_date(arrow_cast(t, 'Timestamp(ms, \"UTC\")'))
                from (values (timestamp '2026-10-17 16:30:00')) as v(t)
            union all select local_time(arrow_cast('2026-10-18T01:30:00+09:00', 'Timestamp(ns, \"Asia/Tokyo\")')), local_date(arrow_cast('2026-10-18T01:30:00+09:00', 'Timestamp(ns, \"Asia/Tokyo\")'))";
        let rows = table_of(&context_in(Shanghai), sql).await;
        assert_eq!(rows, vec!["2026-10-18T00:30:00|2026-10-18"; 4]);
        let rows = table_of(&context_in(UTC), sql).await;
        assert_eq!(rows, vec!["2026-10-17T16:30:00|2026-10-17"; 4]);
    }

    #[tokio::test]
    async fn summer_time_and_nulls() {
        let rows = table_of(
            &context_in(New_York),
            "select local_time(t), local_date(t) from (values
                (1, timestamp '2026-03-08 06:59:59'), (2, timestamp '2026-03-08 07:00:00'), (3, null),
                (4, timestamp '2026-11-01 03:59:59'), (5, timestamp '2026-11-02 04:59:59'),
                (6, timestamp '2026-11-02 05:00:00')) as v(n, t) order by n",
        )
        .await;
        assert_eq!(
            rows,
            [
                "2026-03-08T01:59:59|2026-03-08",
                "2026-03-08T03:00:00|2026-03-08",
                "NULL|NULL",
                "2026-10-31T23:59:59|2026-10-31",
                "2026-11-01T23:59:59|2026-11-01",
                "2026-11-02T00:00:00|2026-11-02",
            ]
        );
    }

    #[tokio::test]
    async fn a_day_begins_at_its_midnight() {
        let sql = "select local_midnight(d), local_date(local_midnight(d)), local_date(local_midnight(d) - interval '1 microsecond')
            from (values (1, date '2026-03-08'), (2, date '2026-03-09'), (3, date '2026-11-02'), (4, null)) as v(n, d) order by n";
        let rows = table_of(&context_in(New_York), sql).await;
        assert_eq!(
            rows,
            [
                "2026-03-08T05:00:00Z|2026-03-08|2026-03-07",
                "2026-03-09T04:00:00Z|2026-03-09|2026-03-08",
                "2026-11-02T05:00:00Z|2026-11-02|2026-11-01",
                "NULL|NULL|NULL",
            ]
        );
    }

    #[tokio::test]
    async fn what_is_no_timestamp_is_refused() {
        let ctx = context_in(Shanghai);
        let error = error_of(&ctx, "select local_date('2026-10-18')").await;
        assert!(
            error.contains("local_date(ts) takes a timestamp"),
            "{error}"
        );
        let error = error_of(&ctx, "select local_time(now(), now())").await;
        assert!(
            error.contains("local_time(ts) takes one argument, got 2"),
            "{error}"
        );
    }
}
