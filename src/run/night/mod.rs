//! One run: sources, then models in order, each computed on scratch, audited, and only then
//! published. A failure stops what depends on it, by name, and nothing else.

#[cfg(test)]
mod faults;
mod freshness;
mod models;
mod restated;
mod sources;
mod start;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use futures::future::BoxFuture;

use super::manifest::Manifest;
use super::results::{CheckCounts, RunResults, Status, StepResult, peak_memory_bytes};
use super::sandbox::Sandbox;
use super::tables::Asked;
use super::{Workspace, reports, work_folder};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::model::select::Selection;
use crate::project::{Report, Source};
use crate::table::log::RunLog;
use crate::table::publish::recover;
use crate::table::state::State;

pub use start::{asked, today};

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
    /// Only these sources and models, and no reports; all of them if absent.
    pub select: Option<Selection>,
    /// Read what is published, write into this folder (relative to the current one).
    pub into: Option<PathBuf>,
    /// How long to wait for another run to end and for days to become complete.
    pub wait: Duration,
    /// Render reports after the models.
    pub reports: bool,
    /// The clock that days are judged by; `--as-of` replaces it.
    pub now: DateTime<Utc>,
    /// The real clock: whoever meets the lock reads how long it has been held.
    pub started: DateTime<Utc>,
    /// One line about this process, for the log.
    pub holder: String,
}

/// Told while a run goes on.
pub trait Progress {
    /// A step begins; `done` of `total` steps lie behind.
    fn begin(&self, kind: &str, name: &str, done: usize, total: usize);
    /// A step has ended.
    fn end(&self, step: &StepResult);
    /// The run waits; told again only for another reason.
    fn waits(&self, why: &str);
    /// Lets time pass while the run waits.
    fn pause(&self, time: Duration) -> BoxFuture<'_, ()>;
}

/// Dates that are not what they should be in this run, by table, with the table at fault.
type Unavailable = BTreeMap<String, (BTreeSet<NaiveDate>, bool)>;

/// Runs. The results are written whatever happens after the lock is taken.
pub async fn run(
    workspace: &Workspace,
    options: &RunOptions,
    progress: &dyn Progress,
) -> Result<RunResults> {
    let started = Instant::now();
    let sandbox = match &options.into {
        Some(dir) => Some(Sandbox::open(workspace, dir).await?),
        None => None,
    };
    let work = match &sandbox {
        Some(sandbox) => {
            sandbox.begin()?;
            sandbox.folder()
        }
        None => work_folder(&workspace.project.root),
    };
    let workspace = sandbox
        .as_ref()
        .map_or(workspace, |sandbox| &sandbox.workspace);
    Manifest::of(workspace)?.write(&work)?;
    let start::Start {
        mut log,
        asked,
        incomplete,
        now,
    } = start::start(workspace, sandbox.as_ref(), options, progress).await?;
    let mut night = Night {
        workspace,
        sandbox: sandbox.as_ref(),
        asked,
        scratch: work.join("scratch").join(format!("run-{}", log.epoch())),
        work,
        now,
        unavailable: Unavailable::new(),
        results: RunResults {
            project: workspace.project.name.clone(),
            into: sandbox.as_ref().map(|sandbox| sandbox.folder_of_tables()),
            complete_through: asked.complete_through.to_string(),
            from: asked.dates.0.to_string(),
            to: asked.dates.1.to_string(),
            started_at: now.to_rfc3339_opts(SecondsFormat::Secs, true),
            incomplete,
            recovered: Vec::new(),
            warnings: Vec::new(),
            restatements: Vec::new(),
            checks: CheckCounts::default(),
            steps: Vec::new(),
            seconds: 0.0,
            peak_memory_bytes: None,
            exit_code: 0,
        },
    };
    let outcome = night.steps(options, &mut log, progress).await;
    let _ = std::fs::remove_dir_all(&night.scratch);
    let Night {
        mut results, work, ..
    } = night;
    results.checks = CheckCounts::of(&results.steps);
    results.seconds = started.elapsed().as_secs_f64();
    results.peak_memory_bytes = peak_memory_bytes();
    results.exit_code = match &outcome {
        Err(error) => error.exit_code(),
        Ok(()) => results.code_of_steps(),
    };
    // Whether or not the results can be written: nobody is to wait for a run that has ended.
    let written = results.write(&work);
    match outcome {
        Ok(()) => log.release().await?,
        Err(error) => {
            // Whoever comes next need not wait for this one; unless it is there already.
            if !error.ends_the_run() {
                let _ = log.release().await;
            }
            return Err(error);
        }
    }
    written.map(|()| results)
}

/// The sources and stored models that a run with these options is about, in order.
pub fn steps_of<'a>(
    workspace: &'a Workspace,
    is_sandbox: bool,
    options: &RunOptions,
) -> (Vec<&'a Source>, Vec<&'a Model>) {
    let is_selected = |name: &str| {
        options
            .select
            .as_ref()
            .is_none_or(|select| select.holds(name))
    };
    let sources = workspace
        .project
        .sources
        .values()
        .filter(|source| is_selected(&source.name))
        // What is published of a source is read as it is, unless the source itself is to be tried.
        .filter(|_| !is_sandbox || options.select.is_some())
        .collect();
    let models = workspace
        .models
        .iter()
        .filter(|model| !model.is_view() && is_selected(model.name()))
        .collect();
    (sources, models)
}

struct Night<'a> {
    /// Its warehouse is what is written into.
    workspace: &'a Workspace,
    sandbox: Option<&'a Sandbox>,
    asked: Asked,
    /// Folder of what is not worth keeping.
    work: PathBuf,
    scratch: PathBuf,
    now: DateTime<Utc>,
    unavailable: Unavailable,
    results: RunResults,
}

impl Night<'_> {
    /// What is published, as this run sees it.
    fn seen<'s>(&self, log: &'s RunLog) -> Cow<'s, State> {
        match self.sandbox {
            Some(sandbox) => Cow::Owned(sandbox.over(&log.state)),
            None => Cow::Borrowed(&log.state),
        }
    }

    async fn steps(
        &mut self,
        options: &RunOptions,
        log: &mut RunLog,
        progress: &dyn Progress,
    ) -> Result<()> {
        let workspace = self.workspace;
        let is_alone = workspace.warehouse.folder().is_some();
        remove_old_scratch(&self.work.join("scratch"), log.epoch(), is_alone);
        for damaged in recover(&workspace.warehouse, log).await? {
            self.results.recovered.push(format!(
                "{} {}: {}",
                damaged.table, damaged.date, damaged.why
            ));
        }
        let (sources, models) = steps_of(workspace, self.sandbox.is_some(), options);
        // A part of the tables is no night to report.
        let reports: &[Report] = match options.reports && options.select.is_none() {
            true => &workspace.project.reports,
            false => &[],
        };
        let total = sources.len() + models.len() + reports.len();
        let unselected: Vec<&Source> = workspace
            .project
            .sources
            .values()
            .filter(|source| !sources.iter().any(|selected| selected.name == source.name))
            .collect();
        for source in sources {
            progress.begin("source", &source.name, self.results.steps.len(), total);
            let started = Instant::now();
            let mut step = StepResult::new("source", &source.name);
            let mut outcome = self.source(source, options, log, &mut step).await;
            if outcome.is_ok() {
                outcome = self.freshness(source, log, &mut step).await;
            }
            if let Err(error) = outcome {
                let error = stop_if_fatal(error)?;
                step.status = Status::Failed;
                step.why = error.to_string();
                step.is_unreachable = error.is_unreachable();
                self.unavailable
                    .insert(source.name.clone(), (BTreeSet::new(), true));
            }
            self.finish(step, started, progress);
        }
        // A source that is only read is not ingested, but a stale one holds its readers back all the same.
        for source in unselected {
            let is_read =
                |model: &&Model| workspace.models.windows(model).contains_key(&source.name);
            if self.sandbox.is_some() || !models.iter().any(is_read) {
                continue;
            }
            let started = Instant::now();
            let mut step = StepResult::new("source", &source.name);
            self.freshness(source, log, &mut step).await?;
            if !step.checks.is_empty() {
                self.finish(step, started, progress);
            }
        }
        let holes = super::holes::holes(workspace, &self.seen(log), self.asked.dates.0).await;
        match holes {
            Ok(found) => self.results.warnings.extend(found),
            // The night does not hang on it.
            Err(error) => self.results.warnings.push(format!(
                "what is missing before the dates of this run could not be looked at: {error}"
            )),
        }
        for model in models {
            progress.begin("model", model.name(), self.results.steps.len(), total);
            let started = Instant::now();
            let mut step = StepResult::new("model", model.name());
            if let Err(error) = self.model(model, log, &mut step).await {
                let error = stop_if_fatal(error)?;
                step.status = Status::Failed;
                step.why = error.to_string();
                step.is_unreachable = error.is_unreachable();
                self.unavailable
                    .entry(model.name().to_string())
                    .or_insert((BTreeSet::new(), true));
            }
            self.finish(step, started, progress);
        }
        for report in reports {
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
                (log, &self.seen(log)),
                &self.asked,
                self.now,
                &unavailable,
                &mut step,
            )
            .await
            {
                let error = stop_if_fatal(error)?;
                step.status = Status::Failed;
                step.why = error.to_string();
                step.is_unreachable = error.is_unreachable();
            }
            self.finish(step, started, progress);
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

/// What runs that were cut off left. A lock of the system keeps others out for sure (`is_alone`). Of a store
/// another process may have taken over by now, as this one does not know yet: its scratch has a later number.
fn remove_old_scratch(folder: &std::path::Path, epoch: u64, is_alone: bool) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(number) = name.to_str().and_then(|name| name.strip_prefix("run-")) else {
            continue;
        };
        if is_alone || number.parse().is_ok_and(|number: u64| number < epoch) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Gives errors back after which nothing more may be written.
fn stop_if_fatal(error: Error) -> Result<Error> {
    match error.ends_the_run() {
        true => Err(error),
        false => Ok(error),
    }
}

#[cfg(test)]
mod tests {
    use super::remove_old_scratch;

    #[test]
    fn scratch_of_a_run_that_took_over_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| std::fs::create_dir(folder.path().join(name)).unwrap();
        let is_there = |name: &str| folder.path().join(name).exists();
        ["run-1", "run-3", "run-x", "spill"]
            .into_iter()
            .for_each(make);
        remove_old_scratch(folder.path(), 2, false);
        assert_eq!(
            ["run-1", "run-3", "spill"].map(is_there),
            [false, true, true]
        );
        remove_old_scratch(folder.path(), 2, true);
        assert_eq!(["run-3", "spill"].map(is_there), [false, true]);
    }
}
