//! One run: sources, then models in order, each computed on scratch, audited, and only then
//! published. A failure stops what depends on it, by name, and nothing else.

mod freshness;
mod models;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

use super::manifest::Manifest;
use super::results::{CheckCounts, RunResults, Status, StepResult, peak_memory_bytes};
use super::tables::Asked;
use super::{Workspace, calendar, reports, work_folder};
use crate::error::{Error, Result};
use crate::table::log::RunLog;
use crate::table::publish::recover;

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// First and last date; the last complete days within `catch_up` if absent.
    pub dates: Option<(NaiveDate, NaiveDate)>,
    /// Look at every raw object.
    pub rescan: bool,
    /// Build published dates of the range again.
    pub full_refresh: bool,
    /// Go on although most raw objects of a source are gone.
    pub accept_vanished: bool,
    /// Render reports after the models.
    pub reports: bool,
    /// The clock.
    pub now: DateTime<Utc>,
    /// One line about this process, for the log.
    pub holder: String,
}

/// Told while a run goes on.
pub trait Progress {
    /// A step begins; `done` of `total` steps lie behind.
    fn begin(&self, kind: &str, name: &str, done: usize, total: usize);
    /// A step has ended.
    fn end(&self, step: &StepResult);
}

/// Dates that are not what they should be in this run, by table, with the table at fault.
type Unavailable = BTreeMap<String, (BTreeSet<NaiveDate>, bool)>;

/// Works out which dates a run is for.
pub fn asked(workspace: &Workspace, options: &RunOptions) -> Result<Asked> {
    let complete_through = calendar::complete_through(&workspace.project, options.now);
    let dates = match options.dates {
        Some((from, to)) if from > to => {
            return Err(Error::Usage(format!("--from {from} is after --to {to}")));
        }
        Some((_, to)) if to > complete_through => {
            return Err(Error::Usage(format!(
                "{to} is not complete yet; data is complete through {complete_through} (`complete_when` says how long a day waits)"
            )));
        }
        Some(dates) => dates,
        None => calendar::catch_up(&workspace.project, complete_through),
    };
    Ok(Asked {
        dates,
        complete_through,
        full_refresh: options.full_refresh,
    })
}

/// Runs. The results are written whatever happens after the lock is taken.
pub async fn run(
    workspace: &Workspace,
    options: &RunOptions,
    progress: &dyn Progress,
) -> Result<RunResults> {
    let started = Instant::now();
    let mut asked = asked(workspace, options)?;
    let at = options.now.to_rfc3339_opts(SecondsFormat::Secs, true);
    let work = work_folder(&workspace.project.root);
    let mut log = RunLog::acquire(&workspace.warehouse, &options.holder, &at)?;
    Manifest::of(workspace)?.write(&work)?;
    log.note_complete_through(asked.complete_through)?;
    asked.complete_through = asked.matured_by(&log.state);
    let mut night = Night {
        workspace,
        asked,
        scratch: work.join("scratch").join(format!("run-{}", log.epoch())),
        unavailable: Unavailable::new(),
        results: RunResults {
            project: workspace.project.name.clone(),
            complete_through: asked.complete_through.to_string(),
            from: asked.dates.0.to_string(),
            to: asked.dates.1.to_string(),
            started_at: at,
            recovered: Vec::new(),
            warnings: Vec::new(),
            checks: CheckCounts::default(),
            steps: Vec::new(),
            seconds: 0.0,
            peak_memory_bytes: None,
            exit_code: 0,
        },
    };
    let outcome = night.steps(options, &mut log, progress).await;
    let _ = std::fs::remove_dir_all(&night.scratch);
    let mut results = night.results;
    results.checks = CheckCounts::of(&results.steps);
    results.seconds = started.elapsed().as_secs_f64();
    results.peak_memory_bytes = peak_memory_bytes();
    results.exit_code = match &outcome {
        Err(error) => error.exit_code(),
        Ok(()) => u8::from(results.has_failed()),
    };
    results.write(&work)?;
    outcome?;
    log.release()?;
    Ok(results)
}

struct Night<'a> {
    workspace: &'a Workspace,
    asked: Asked,
    scratch: PathBuf,
    unavailable: Unavailable,
    results: RunResults,
}

impl Night<'_> {
    async fn steps(
        &mut self,
        options: &RunOptions,
        log: &mut RunLog,
        progress: &dyn Progress,
    ) -> Result<()> {
        let workspace = self.workspace;
        remove_old_scratch(&work_folder(&workspace.project.root).join("scratch"));
        for damaged in recover(&workspace.warehouse, log)? {
            self.results.recovered.push(format!(
                "{} {}: {}",
                damaged.table, damaged.date, damaged.why
            ));
        }
        let stored = workspace
            .models
            .iter()
            .filter(|model| !model.is_view())
            .count();
        let total = workspace.project.sources.len()
            + stored
            + if options.reports {
                workspace.project.reports.len()
            } else {
                0
            };
        for source in workspace.project.sources.values() {
            progress.begin("source", &source.name, self.results.steps.len(), total);
            let started = Instant::now();
            let mut step = StepResult::new("source", &source.name);
            let mut outcome = self.source(source, options, log, &mut step).await;
            if outcome.is_ok() {
                outcome = self.freshness(source, log, &mut step).await;
            }
            if let Err(error) = outcome {
                stop_if_fatal(&error)?;
                step.status = Status::Failed;
                step.why = error.to_string();
                self.unavailable
                    .insert(source.name.clone(), (BTreeSet::new(), true));
            }
            self.finish(step, started, progress);
        }
        let holes = super::holes(workspace, &log.state, self.asked.dates.0);
        self.results.warnings.extend(holes);
        for model in workspace.models.iter().filter(|model| !model.is_view()) {
            progress.begin("model", model.name(), self.results.steps.len(), total);
            let started = Instant::now();
            let mut step = StepResult::new("model", model.name());
            if let Err(error) = self.model(model, log, &mut step).await {
                stop_if_fatal(&error)?;
                step.status = Status::Failed;
                step.why = error.to_string();
                self.unavailable
                    .entry(model.name().to_string())
                    .or_insert((BTreeSet::new(), true));
            }
            self.finish(step, started, progress);
        }
        if options.reports {
            for report in &workspace.project.reports {
                progress.begin("report", &report.role, self.results.steps.len(), total);
                let started = Instant::now();
                let mut step = StepResult::new("report", &report.role);
                let unavailable: BTreeMap<&str, &BTreeSet<NaiveDate>> = self
                    .unavailable
                    .iter()
                    .map(|(table, (dates, _))| (table.as_str(), dates))
                    .collect();
                if let Err(error) = reports::nightly(
                    workspace,
                    report,
                    &log.state,
                    &self.asked,
                    options.now,
                    &unavailable,
                    &mut step,
                )
                .await
                {
                    stop_if_fatal(&error)?;
                    step.status = Status::Failed;
                    step.why = error.to_string();
                }
                self.finish(step, started, progress);
            }
        }
        Ok(())
    }

    fn finish(&mut self, mut step: StepResult, started: Instant, progress: &dyn Progress) {
        step.seconds = started.elapsed().as_secs_f64();
        step.dates.sort();
        step.changed.sort();
        progress.end(&step);
        self.results.steps.push(step);
    }
}

/// What runs that were cut off left; we hold the lock.
fn remove_old_scratch(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("run-") {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Errors after which nothing more may be written.
fn stop_if_fatal(error: &Error) -> Result<()> {
    match error {
        Error::Locked(what) => Err(Error::Locked(what.clone())),
        _ => Ok(()),
    }
}
