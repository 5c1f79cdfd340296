//! `funnel_path(rules, first_day, last_day, complete_through, date, time, name, carried, same, value, step1, …, exclusion1, …)`:
//! the chain that one entity went through on each day it entered a funnel, and what became of it.
//!
//! An aggregate over the events of one entity. Its result is a list of entries (null for none): one per
//! entry day from `first_day` to `last_day` and basis. An entity enters on each local day on which it has
//! an event of the first step; its chain may start at any of them, and the one that first reaches the
//! deepest step counts (SEMANTICS, "Funnels").
//!
//! | argument | takes |
//! | --- | --- |
//! | `rules` | constant string, parts between semicolons: `window 24h` (required; inclusive, from the first step), `ordered` (default), `strict` or `any`, `step 3 within 30m` (inclusive, from the required step before), `step 4 optional`, `exclusion 1 after step 1 before step 3 keep` (or `drop`; without `after` and `before` from the first required step to the last) |
//! | `first_day`, `last_day` | constant DATEs: entry days, both inclusive |
//! | `complete_through` | constant DATE, the last complete local day, or null where all is complete: later windows are `open` |
//! | `date`, `time` | the local day and the Timestamp of the event; rows without are left out |
//! | `name` | what the event is called where it takes the entrant elsewhere; string or null |
//! | `carried` | anything (a struct for several columns, or null), given back of the first and the furthest step |
//! | `same` | what must be equal along a chain (a struct for several columns); an event where it is null is no step. The constant null: nothing |
//! | `value` | whole number or decimal, given back of the last step's event where the chain converted |
//! | `step1` …, `exclusion1` … | conditions, null counts as false: 1 to 32 steps, then as many exclusions as the rules name, 0 to 8 |
//!
//! **ordered**: other events may stand between the steps. **strict**: none but repeats of the step reached
//! last and optional steps of that gap. **any**: step k is reached with k different steps; the entry is the
//! first of them. An optional step is reached by the earliest event between the required steps beside it. One event fills at most one step; one that matches an exclusion fills none. Events of
//! equal time come by step: those that match nothing before all, exclusions behind all. What happens in the
//! moment of a step is not after it.
//!
//! An entry is a struct:
//!
//! | field | holds |
//! | --- | --- |
//! | `entry_date`, `basis` | the entry day; `same_day` (only that day's events are looked at) or `mature` |
//! | `entry_time` | time of the chain's first step |
//! | `level` | required steps reached, 1 to their number |
//! | `step_no`, `last_step_no` | number of the furthest required step, and of the step reached last of all (of several at one time the highest) |
//! | `end_state` | `converted`, `excluded`, `open`, `timed_out`, `elsewhere`, `gone`: the first that applies |
//! | `next` | where `elsewhere`: the name of the first event after the furthest step (of several at one time the smallest) |
//! | `step_us`, `wait_us` | lists with an item per step, null where not reached: microseconds since the entry, and since the required step before (null for the first) |
//! | `first_value`, `last_value` | what the first and the furthest required step carry |
//! | `value` | of the last step, where converted |
//!
//! Errors: rules that do not parse or contradict each other; an entity whose dates fall while its times
//! rise, since then `date` is not the local day of `time`.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> datafusion::error::Result<()> {
//! let ctx = datafusion::prelude::SessionContext::new();
//! loudou::functions::register(&ctx, chrono_tz::UTC);
//! // A at 1:00, B at 1:10, then the search: step C never came.
//! let rows = ctx
//!     .sql(
//!         "select entry['basis'] as basis, entry['level'] as level, entry['end_state'] as state, entry['next'] as next
//!          from (select unnest(funnel_path('window 1h', date '2026-10-18', date '2026-10-18', null,
//!                    cast(t as date), t, e, null, null, null, e = 'A', e = 'B', e = 'C')) as entry
//!                from (values (timestamp '2026-10-18 01:00:00', 'A'), (timestamp '2026-10-18 01:10:00', 'B'),
//!                             (timestamp '2026-10-18 01:20:00', 'search')) as v(t, e))",
//!     )
//!     .await?
//!     .to_string()
//!     .await?;
//! assert!(rows.contains("| mature   | 2     | elsewhere | search |"), "{rows}");
//! # Ok(())
//! # }
//! ```
//!
//! How it is built: `rules` and `call` read the constants, `input` the rows of a batch, `intern` turns names
//! and values into numbers, `ordered`, `strict` and `any` find chains (`chain`; `functions::matching` where
//! rows share a moment and match several steps), `ends` says what became of them, `entity` does it for one entity,
//! `output` writes the lists, `groups` and `udaf` tie it to the engine. The operator that reads events by
//! user (`engine::by_user`) calls `PathFinder` itself.

mod any;
mod call;
mod chain;
mod ends;
mod entity;
mod groups;
mod input;
mod intern;
mod ordered;
mod output;
mod row;
mod rules;
mod strict;
mod udaf;
mod value_type;

#[cfg(test)]
mod tests;

pub use call::{CARRIED, CONDITIONS, Call, DATE, NAME, PathFinder, SAME, TIME, VALUE};
pub use input::{Columns, Input};
pub use intern::Names;
pub use output::is_time;
pub use row::NONE;
pub use udaf::FunnelPath;
pub use value_type::ValueType;
