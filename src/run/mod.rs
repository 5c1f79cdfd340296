//! One night: which dates and why, sources, models, audits, publication, reports.
//!
//! Everything is decided from three things: the raw inventory, the definitions, and the last complete
//! day. The clock is an argument.

pub mod calendar;
mod causes;
pub mod check;
mod column_changes;
pub mod completeness;
pub mod fingerprint;
mod holes;
pub mod manifest;
pub mod night;
pub mod plan;
pub mod reports;
pub mod restatements;
pub mod results;
pub mod sandbox;
pub mod tables;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::analysis;
use crate::config::Parts;
use crate::diagnostic::Diagnostic;
use crate::engine::{Engine, EngineOptions};
use crate::error::Result;
use crate::model::{ModelSource, Models, Unread};
use crate::project::{Build, Contract, Duration, Project};
use crate::table::warehouse::Warehouse;

/// A project with its models, ready to run.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The project.
    pub project: Project,
    /// Its models, declared analyses included.
    pub models: Models,
    /// The engine.
    pub engine: Engine,
    /// Where published tables lie.
    pub warehouse: Warehouse,
}

/// Folder of a project for what is not worth keeping: scratch, results.
pub fn work_folder(root: &Path) -> PathBuf {
    root.join(".loudou")
}

impl Workspace {
    /// Parses the SQL of a project, as far as its YAML is sound. Problems found on the way come with
    /// it; a workspace with problems must not run.
    pub fn open(parts: Parts) -> Result<(Self, Vec<Diagnostic>)> {
        let Parts {
            project,
            unread_tables,
            are_all_named,
            loose_models,
            ..
        } = parts;
        let spill = work_folder(&project.root).join("scratch/spill");
        let engine = Engine::new(EngineOptions::for_machine(
            project.zone,
            project.memory,
            spill,
        ))
        .or_else(|_| {
            // Who may read a project but not write into it can still check and query it.
            let elsewhere = std::env::temp_dir().join(format!("loudou-{}", std::process::id()));
            Engine::new(EngineOptions::for_machine(
                project.zone,
                project.memory,
                elsewhere,
            ))
        })?;
        let mut problems = Vec::new();
        let mut sources = Vec::new();
        let loose = loose_models.into_iter().map(unsound_contract);
        for contract in project.contracts.values().cloned().chain(loose) {
            let path = project.root.join(&contract.sql_path);
            match std::fs::read_to_string(&path) {
                Ok(sql) => sources.push(ModelSource { contract, sql }),
                Err(error) if error.kind() == ErrorKind::NotFound || path.is_dir() => {} // told
                Err(error) => problems.push(Diagnostic {
                    file: contract.sql_path,
                    line: 0,
                    column: 0,
                    cause: format!("the file cannot be read: {error}"),
                    mend: "save it as UTF-8 text".to_string(),
                }),
            }
        }
        sources.extend(analysis::models(&project));
        let (models, found) = Models::parse(
            &project,
            sources,
            Unread {
                tables: unread_tables,
                may_be_more: !are_all_named,
            },
        );
        problems.extend(found);
        let warehouse = Warehouse::open(&project.warehouse, &project.warehouse_store)?;
        Ok((
            Self {
                project,
                models,
                engine,
                warehouse,
            },
            problems,
        ))
    }
}

/// Stands in for a contract that has problems, so that the model's SQL can be looked at.
fn unsound_contract((name, sql_path): (String, String)) -> Contract {
    Contract {
        name,
        yaml_path: sql_path.clone(),
        sql_path,
        grain: String::new(),
        build: Build::Whole,
        key: Vec::new(),
        reads: Vec::new(),
        matures_after: Duration::from_us(0),
        columns: Vec::new(),
        key_figures: None,
        checks: Vec::new(),
    }
}
