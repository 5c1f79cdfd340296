//! The SQL functions of our own. They know nothing of a project's files: what they need from it
//! (its time zone) is an argument of [`register`].
//!
//! | function | kind | gives |
//! | --- | --- | --- |
//! | [`window_funnel`]`(window, mode, time, step1, …, stepN)` | aggregate | Int64, the deepest step reached, 0 to N |
//! | [`funnel_path`]`(rules, …, step1, …, exclusion1, …)` | aggregate | list of structs, the chain of each entry day and its end |
//! | [`path_totals`]`(entry)` | aggregate | list of structs, entries counted together |
//! | [`exact_quantiles`]`(values, share1, …)` | aggregate | list of Float64 |
//! | [`least_squares`]`(y, x)` | aggregate | struct, a slope with its interval |
//! | [`wilson`]: `wilson_low(successes, trials)`, `wilson_high(…)` | scalar | Float64, the bounds of a share's interval |
//! | [`sessionize`]`(user_id, event_time, event_id, gap [, campaign [, cut_at_midnight]])` | window | Utf8, the session's id |
//! | [`local_time`]`(ts)` | scalar | Timestamp(µs) without zone, the wall clock in the project's zone |
//! | `local_date(ts)`, in the same module | scalar | Date32, the local day |
//! | `local_midnight(day)`, in the same module | scalar | Timestamp(µs, UTC), where a local day begins |

pub mod exact_quantiles;
pub mod funnel_path;
pub mod least_squares;
pub mod local_clock;
pub mod local_time;
pub mod path_totals;
pub mod sessionize;
pub mod wilson;
pub mod window_funnel;

mod condition_bits;
mod constant;
mod matching;
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
    ctx.register_udaf(AggregateUDF::from(funnel_path::FunnelPath::new(zone)));
    ctx.register_udaf(AggregateUDF::from(path_totals::PathTotals::new()));
    ctx.register_udaf(AggregateUDF::from(exact_quantiles::ExactQuantiles::new()));
    ctx.register_udaf(AggregateUDF::from(least_squares::LeastSquares::new()));
    ctx.register_udwf(WindowUDF::from(sessionize::Sessionize::new(zone)));
    for bound in [wilson::Bound::Low, wilson::Bound::High] {
        ctx.register_udf(ScalarUDF::from(wilson::WilsonBound::new(bound)));
    }
    ctx.register_udf(ScalarUDF::from(local_time::LocalTime::new(zone)));
    ctx.register_udf(ScalarUDF::from(local_time::LocalDate::new(zone)));
    ctx.register_udf(ScalarUDF::from(local_time::LocalMidnight::new(zone)));
}
