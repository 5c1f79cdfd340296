//! The SQL functions of our own. They know nothing of a project's files: what they need from it
//! (its time zone) is an argument of [`register`].
//!
//! | function | kind | gives |
//! | --- | --- | --- |
//! | [`window_funnel`]`(window, mode, time, step1, …, stepN)` | aggregate | Int64, the deepest step reached, 0 to N |
//! | [`sessionize`]`(user_id, event_time, event_id, gap [, campaign [, cut_at_midnight]])` | window | Utf8, the session's id |
//! | [`local_time`]`(ts)` | scalar | Timestamp(µs) without zone, the wall clock in the project's zone |
//! | `local_date(ts)`, in the same module | scalar | Date32, the local day |
//! | `local_midnight(day)`, in the same module | scalar | Timestamp(µs, UTC), where a local day begins |

pub mod local_clock;
pub mod local_time;
pub mod sessionize;
pub mod window_funnel;

mod constant;
#[cfg(test)]
mod sql_testing;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion::prelude::SessionContext;

/// Makes our functions known to `ctx`; local times and days are those of `zone`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> datafusion::error::Result<()> {
/// use datafusion::prelude::SessionContext;
///
/// let ctx = SessionContext::new();
/// loudou::functions::register(&ctx, chrono_tz::Asia::Shanghai);
/// let day = ctx.sql("select local_date(timestamp '2026-10-17 16:30:00') as day").await?;
/// assert!(day.to_string().await?.contains("2026-10-18"));
/// # Ok(())
/// # }
/// ```
pub fn register(ctx: &SessionContext, zone: chrono_tz::Tz) {
    ctx.register_udaf(AggregateUDF::from(window_funnel::WindowFunnel::new()));
    ctx.register_udwf(WindowUDF::from(sessionize::Sessionize::new(zone)));
    ctx.register_udf(ScalarUDF::from(local_time::LocalTime::new(zone)));
    ctx.register_udf(ScalarUDF::from(local_time::LocalDate::new(zone)));
    ctx.register_udf(ScalarUDF::from(local_time::LocalMidnight::new(zone)));
}
