//! loudou (漏斗, "funnel") turns raw logs into trusted funnel tables and one daily report per role.
//!
//! The flow, one way, no step back:
//!
//! ```text
//! raw objects ──ingest──▶ canonical tables ──SQL models, analyses──▶ marts ──▶ reports
//! ```
//!
//! The modules, from the outermost to the innermost. **Imports go down this list only**
//! (`tests/it/layers.rs` guards it):
//!
//! | module | owns |
//! | --- | --- |
//! | [`cli`] | one file per verb; the only place that prints |
//! | [`demo`] | the generator of planted raw logs |
//! | [`run`] | one night: which dates and why, ingest → models → audit → publish → report |
//! | [`report`] | typed view models, strict templates, charts, words in two languages |
//! | [`analysis`] | YAML-declared analyses compiled to SQL |
//! | [`ingest`] | raw → canonical: decode, quarantine, merge, deduplicate, sort |
//! | [`model`] | SQL models: discovery, dependencies, order, bound dates |
//! | [`table`] | contracts' audits, Parquet writing, publishing, the run log |
//! | [`engine`] | the only place that builds a `SessionContext` |
//! | [`functions`] | the SQL functions of our own |
//! | [`stats`] | pure mathematics on numbers and slices |
//! | [`source`] | listing and decoding of raw objects |
//! | [`store`] | URL → object store, its settings and credentials |
//! | [`project`] | checked types: what a valid project is |
//! | [`config`] | YAML as written: serde types, places, every problem at once |
//! | [`error`] | what can go wrong while running |
//! | [`diagnostic`] | how a problem in a file is shown |

pub mod analysis;
pub mod cli;
pub mod config;
pub mod demo;
pub mod diagnostic;
pub mod engine;
pub mod error;
pub mod functions;
pub mod ingest;
pub mod model;
pub mod project;
pub mod report;
pub mod run;
pub mod source;
pub mod stats;
pub mod store;
pub mod table;
