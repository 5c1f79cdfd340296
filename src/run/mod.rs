//! One night: which dates and why, sources, models, audits, publication, reports.
//!
//! Everything is decided from three things: the raw inventory, the definitions, and the last complete
//! day. The clock is an argument.

pub mod calendar;
pub mod check;
mod column_changes;
pub mod completeness;
pub mod fingerprint;
pub mod manifest;
pub mod night;
pub mod plan;
pub mod reports;
pub mod results;
pub mod sandbox;
pub mod tables;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};

use crate::analysis;
use crate::config::Parts;
use crate::diagnostic::Diagnostic;
use crate::engine::{Engine, EngineOptions};
use crate::error::{Error, Result};
use crate::model::{ModelSource, Models, Unread};
use crate::project::{Build, Contract, Duration, Needs, Project};
use crate::source::store::Location;
use crate::table::state::State;

/// Dates that are not published and lie before the dates of a run: of sources between published ones, of
/// models where what they read is published.
pub(crate) fn holes(workspace: &Workspace, state: &State, before: NaiveDate) -> Vec<String> {
    let mut found = Vec::new();
    let mut tell = |name: &str, missing: &mut dyn Iterator<Item = NaiveDate>| {
        for (start, end) in tables::ranges(missing, usize::MAX) {
            found.push(format!(
                "{name}: {start} to {end} is not published and lies before the dates of a run; `loudou run --from {start} --to {end}` fills it"
            ));
        }
    };
    let mut known: BTreeSet<NaiveDate> = BTreeSet::new();
    let published_anywhere: BTreeSet<NaiveDate> = workspace
        .project
        .sources
        .values()
        .flat_map(|source| state.table(&source.name).dates().collect::<Vec<_>>())
        .collect();
    let catch_up = Days::new(workspace.project.catch_up_days.into());
    for source in workspace.project.sources.values() {
        let published: BTreeSet<NaiveDate> = state.table(&source.name).dates().collect();
        known.extend(&published);
        // A source that came later and waits for hours or markers may be passed over where others are
        // published already.
        let waits = source.complete_when.needs != Needs::Nothing;
        let since = before.checked_sub_days(catch_up).filter(|_| waits);
        let joined = since.and_then(|since| published_anywhere.range(since..).next());
        let days = published
            .first()
            .into_iter()
            .chain(joined)
            .min()
            .into_iter()
            .flat_map(|first| first.iter_days());
        tell(
            &source.name,
            &mut days
                .take_while(|date| *date < before)
                .filter(|date| !published.contains(date)),
        );
    }
    for model in workspace
        .models
        .iter()
        .filter(|model| model.contract.build == Build::ByDate)
    {
        let published: BTreeSet<NaiveDate> = state.table(model.name()).dates().collect();
        let days = known.iter().copied().filter(|date| *date < before);
        tell(
            model.name(),
            &mut days
                .filter(|date| !published.contains(date))
                .filter(|date| tables::has_inputs(workspace, model, state, *date)),
        );
    }
    found
}

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
        checks: Vec::new(),
    }
}
