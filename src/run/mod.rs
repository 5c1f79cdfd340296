//! One night: which dates and why, sources, models, audits, publication, reports.
//!
//! Everything is decided from three things: the raw inventory, the definitions, and the last complete
//! day. The clock is an argument.

pub mod calendar;
pub mod check;
pub mod fingerprint;
pub mod night;
pub mod plan;
pub mod reports;
pub mod results;
pub mod tables;

use std::path::{Path, PathBuf};

use crate::analysis;
use crate::diagnostic::Diagnostic;
use crate::engine::{Engine, EngineOptions};
use crate::error::{Error, Result};
use crate::model::{ModelSource, Models};
use crate::project::Project;
use crate::source::store::Location;

/// A project with its models, ready to run.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The project.
    pub project: Project,
    /// Its models, declared analyses included.
    pub models: Models,
    /// The engine.
    pub engine: Engine,
    /// The warehouse's folder.
    pub warehouse: PathBuf,
}

/// Folder of a project for what is not worth keeping: scratch, results.
pub fn work_folder(root: &Path) -> PathBuf {
    root.join(".loudou")
}

impl Workspace {
    /// Parses the SQL of a checked project. Problems found on the way come with it; a workspace with
    /// problems must not run.
    pub fn open(project: Project) -> Result<(Self, Vec<Diagnostic>)> {
        let spill = work_folder(&project.root).join("scratch/spill");
        let engine =
            Engine::new(EngineOptions::for_machine(project.zone, spill)).or_else(|_| {
                // Who may read a project but not write into it can still check and query it.
                let elsewhere = std::env::temp_dir().join(format!("loudou-{}", std::process::id()));
                Engine::new(EngineOptions::for_machine(project.zone, elsewhere))
            })?;
        let mut problems = Vec::new();
        let mut sources = Vec::new();
        for contract in project.contracts.values() {
            let path = project.root.join(&contract.sql_path);
            match std::fs::read_to_string(&path) {
                Ok(sql) => sources.push(ModelSource {
                    contract: contract.clone(),
                    sql,
                }),
                Err(error) => problems.push(Diagnostic {
                    file: contract.sql_path.clone(),
                    line: 0,
                    column: 0,
                    cause: format!("cannot be read: {error}"),
                    mend: "a SQL file is UTF-8 text".to_string(),
                }),
            }
        }
        sources.extend(analysis::models(&project));
        let (models, found) = Models::parse(&project, sources);
        problems.extend(found);
        let warehouse = Location::open(&project.warehouse)?
            .local_path()
            .ok_or_else(|| Error::Usage(format!("{} is not a local folder", project.warehouse)))?;
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
