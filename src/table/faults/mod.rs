//! The fault plan: the log and the publication over a store, a clock and a disk that go wrong by a plan.
//!
//! Runs in small (`night`) work on a store in memory (`world`) that they see through requests which wait for
//! their turn (`store`); a plan (`plans`) decides whose turn it is and what goes wrong (`schedule`). After it
//! the faults stop, one more run heals, and everything must be as if nothing had happened (`scenario`).
//!
//! - `exhaustive`: every request × every fault, on every kind of store
//! - `interleaved`: a run that is silent at any request while another works, with a fault before it
//! - `seeded`: two runs, several faults, by chance
//! - `local`: every operation of the disk, the process killed or the machine stopped around it
//! - `at_once`: a store for whole nights of the real engine, which answers as it is asked
//! - `mistakes`: the same plans find mistakes that are planted
//!
//! `LOUDOU_FAULT_SEED` is the seed, `LOUDOU_FAULT_ROUNDS` how many times more than usual is played.

pub(crate) mod at_once;
pub(super) mod disk;
mod exhaustive;
mod interleaved;
mod local;
mod mistakes;
mod night;
mod plans;
mod scenario;
mod schedule;
mod seeded;
mod store;
mod world;

use std::future::Future;

pub(crate) use plans::Chance;

/// A number of the environment.
fn number_of(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap(),
        Err(_) => default,
    }
}

pub(crate) fn seed() -> u64 {
    number_of("LOUDOU_FAULT_SEED", 20_261_121)
}

pub(crate) fn rounds() -> u64 {
    number_of("LOUDOU_FAULT_ROUNDS", 1)
}

/// Everything of a scenario runs on one thread, in an order of its own.
fn on_one_thread<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, future)
}
