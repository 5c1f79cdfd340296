//! Published tables: their schema, how partitions are written, audited, published, and the run log
//! that remembers all of it.
//!
//! Nothing here decides what to run; [`crate::run`] does.

pub mod audit;
mod date_text;
mod durable;
#[cfg(test)]
pub(crate) mod faults;
mod lock;
pub mod log;
mod mounts;
mod planted;
pub mod publish;
pub mod remote;
pub mod restatement;
pub mod schema;
pub mod state;
pub mod warehouse;
pub mod write;
