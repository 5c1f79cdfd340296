//! The integration tests, one binary.

#![expect(
    clippy::unwrap_used,
    reason = "tests may fail loudly; clippy.toml allows it in test functions only, not in their helpers"
)]

mod arrival;
mod behaviour;
mod broken;
mod by_user;
mod check;
mod cli;
mod command_check;
mod completeness;
mod contracts;
mod creation_only;
mod demo;
mod drift;
mod ecom;
mod faults;
mod funnels;
mod fuzz;
mod guards;
mod ingest;
mod layers;
mod loading;
mod manifest;
mod mending;
mod nights;
mod restatements;
mod sandbox;
mod schemas;
mod secrets;
mod store_servers;
mod stores;
mod support;
mod text_logs;
mod unreadable;
mod users;
mod values;
mod zones;
