//! The program under faults of its machine: killed, stopped and raced, with a store that fails, without
//! space. What fails by a plan inside one process is tested beside the code (`src/table`).
//!
//! `LOUDOU_FAULT_SEED` gives the seed (each test prints it), `LOUDOU_FAULT_ROUNDS` how many times the usual
//! number of rounds is run. From 10 on every fault must have met every operation it can meet:
//!
//! ```text
//! LOUDOU_FAULT_ROUNDS=10 LOUDOU_STORE_SERVERS=required cargo test --locked --test it -- --nocapture faults
//! ```
//!
//! When a signal or an answer arrives is up to the machine, so that a seed gives the same plan, not the
//! same trace.

#![expect(
    clippy::print_stdout,
    reason = "seed and fired faults are told whoever of the helpers knows them"
)]

mod fired;
mod no_space;
mod oracle;
mod processes;
mod proxy;
mod reader;
mod room;
mod seed;
