//! Levels against ClickHouse, against a search of all chains, and through the engine's own paths.

mod brute_force;
mod clickhouse;
mod engine;
