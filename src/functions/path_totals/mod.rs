//! `path_totals(entry)`: many entries of `funnel_path` counted together, in one pass.
//!
//! The argument is an entry, a struct as the lists of `funnel_path` hold it; nulls are left out. The
//! result is a list of structs (null for no entries), of two kinds:
//!
//! | field | of a step (`end_state` is null) | of an end |
//! | --- | --- | --- |
//! | `step_no` | number of the step, from 1 | furthest required step reached |
//! | `last_step_no` | null | step reached last, optional ones too |
//! | `end_state`, `next` | null | the state, and the event that took them elsewhere |
//! | `entities` | entries that reached it | entries that ended so |
//! | `value` | null | sum of the entries' values, null where none has one |
//! | `wait_us`, `step_us` | times since the required step before, and since the entry, in no order | null |
//!
//! The lists of times are for [`exact_quantiles`](super::exact_quantiles), which takes lists of many
//! groups together: so one pass over the entries serves every breakdown.

mod accumulator;
mod totals;
mod udaf;

pub use udaf::PathTotals;
