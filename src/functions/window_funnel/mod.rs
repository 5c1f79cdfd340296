//! `window_funnel(window, mode, time, step1, …, stepN)`: how deep one entity got in a funnel.
//!
//! An aggregate after ClickHouse's `windowFunnel`: of the rows of a group, in the order of `time`,
//! it finds the longest chain *step 1, step 2, …* whose last row lies within `window` of its
//! first, and gives the number of its steps, 0 to N (Int64, never null; 0 for no rows).
//!
//! | argument | takes |
//! | --- | --- |
//! | `window` | constant: an INTERVAL without months (a day is 24 hours), or a whole number in microseconds; not negative. Inclusive: a step counts at `time <= first + window` |
//! | `mode` | constant string: `default`, or a comma list of the modes below |
//! | `time` | Timestamp (finer than µs is cut), Date, or an integer (then `window` is a whole number in the same unit). A row whose time is null is left out |
//! | `step1` … `stepN` | boolean, null counts as false; 1 to 32 of them |
//!
//! **default**: equal times count as one moment in which all their steps happen, so order among
//! them never matters and one row may fill several steps. A chain may start at any first step;
//! where a later start reaches as far it replaces the earlier one, so its window ends later.
//!
//! **strict_once**: a row fills at most one step of a chain. Default and `strict_once` give
//! ClickHouse's level on any rows, ties included.
//!
//! **strict_increase**: each step's time is later than the step's before it.
//!
//! **strict_deduplication**: the search ends, with the level reached so far, at a row that repeats
//! a step already reached (the first step may repeat). With `strict_once`, rows of one moment that
//! the chain holds for different steps are no repeats of each other's.
//!
//! **strict_order**: no other event stands between the steps of a chain. Between two of them only
//! rows may stand that repeat the step reached last. Any other row ends the chain: one that
//! matches no step, one that matches only earlier steps, and one that matches a step which is not
//! yet due (even if it fills the step that is due as well). A chain may begin anew at a later
//! first step. At equal times rows come by the first step they match, those that match none before all.
//! On rows without a repeated earlier step this is ClickHouse's level; there its versions differ
//! (`a b a c` is 2 here, 3 in 26.9; `a d a b c` is 3 here, 1 in 26.9).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> datafusion::error::Result<()> {
//! let ctx = datafusion::prelude::SessionContext::new();
//! loudou::functions::register(&ctx, chrono_tz::Asia::Shanghai);
//! // A at 1:00 and 1:30, B at 1:45, C at 2:15: the later A lets C lie within the hour.
//! let rows = ctx
//!     .sql(
//!         "select user_id, window_funnel(interval '1 hour', 'strict_once', t, e = 'A', e = 'B', e = 'C') as level
//!          from (values ('u', timestamp '2026-10-18 01:00:00', 'A'), ('u', timestamp '2026-10-18 01:30:00', 'A'),
//!                       ('u', timestamp '2026-10-18 01:45:00', 'B'), ('u', timestamp '2026-10-18 02:15:00', 'C')) as v(user_id, t, e)
//!          group by user_id",
//!     )
//!     .await?
//!     .to_string()
//!     .await?;
//! assert!(rows.contains("| u       | 3     |"));
//! # Ok(())
//! # }
//! ```
//!
//! How it is built: `arguments` reads window and mode, `arena` holds the rows of all groups in
//! one flat list, `level` walks the rows of one group (`tie` where rows share a moment under
//! `strict_once`, `order` under `strict_order`), `accumulators` and `udaf` tie them to the engine;
//! `entity` serves the operator that reads events by user.

mod accumulators;
mod arena;
mod arguments;
mod entity;
mod level;
mod order;
mod tie;
mod udaf;

#[cfg(test)]
mod tests;

pub use entity::EntityFunnel;
pub use udaf::WindowFunnel;
