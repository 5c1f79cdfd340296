//! `funnel_path(rules, first_day, last_day, complete_through, date, time, name, carried, same, value, step1, …, exclusion1, …)`:
//! the chain that one entity went through on each day it entered a funnel, and what became of it.
//!
//! placeholder
mod any;
mod call;
mod chain;
mod ends;
mod entity;
mod groups;
mod input;
mod intern;
mod matching;
mod money;
mod ordered;
mod output;
mod row;
mod rules;
mod strict;
mod udaf;

#[cfg(test)]
mod tests;

pub use call::{CARRIED, CONDITIONS, Call, DATE, NAME, PathFinder, SAME, TIME, VALUE};
pub use input::{Columns, Input};
pub use intern::Names;
pub use money::Money;
pub use output::is_time;
pub use row::NONE;
pub use udaf::FunnelPath;
