//! One run: sources, then models in order, each computed on scratch, audited, and only then
//! published. A failure stops what depends on it, by name, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

use super::results::{RunResults, Status, StepResult, peak_memory_bytes};
use super::tables::{Asked, needed, ranges};
use super::{Workspace, calendar, fingerprint, reports, work_folder};
use crate::engine::PartitionFile;
use crate::error::{Error, Result};
use crate::ingest::plan::Request;
use crate::ingest::{self, IngestContext};
use crate::model::build::{self, Published, Range};
use crate::model::{Model, Window};
use crate::project::Source;
use crate::table::audit::audit;
use crate::table::log::RunLog;
use crate::table::publish::{Ready, TableCommit, publish, recover};

/// Dates of one commit at most.
const DATES_PER_COMMIT: usize = 31;

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
            steps: Vec::new(),
            seconds: 0.0,
            peak_memory_bytes: None,
            exit_code: 0,
        },
    };
    let outcome = night.steps(options, &mut log, progress).await;
    let _ = std::fs::remove_dir_all(&night.scratch);
    let mut results = night.results;
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
            if let Err(error) = self.source(source, options, log, &mut step).await {
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

    async fn source(
        &mut self,
        source: &Source,
        options: &RunOptions,
        log: &mut RunLog,
        step: &mut StepResult,
    ) -> Result<()> {
        let workspace = self.workspace;
        let state = log.state.table(&source.name);
        let request = Request {
            dates: Some(self.asked.dates),
            rescan: options.rescan,
            full_refresh: options.full_refresh,
            accept_vanished: options.accept_vanished,
        };
        let plan = ingest::plan::plan(source, &state, &request).await?;
        if plan.is_empty() {
            step.why = "no new, changed or vanished objects".to_string();
            return Ok(());
        }
        let context = IngestContext {
            engine: workspace.engine.clone(),
            scratch: self.scratch.clone(),
            warehouse: workspace.warehouse.clone(),
        };
        let (commit, report) = ingest::ingest(&context, source, &state, &plan).await?;
        step.dates = commit
            .ready
            .iter()
            .filter_map(|ready| ready.date)
            .map(|date| date.to_string())
            .collect();
        step.rows = commit.ready.iter().map(|ready| ready.written.rows).sum();
        if !commit.ready.is_empty() || !commit.objects.is_empty() || !commit.gone.is_empty() {
            let changed = publish(&workspace.warehouse, log, commit)?;
            step.changed = changed
                .into_iter()
                .flatten()
                .map(|date| date.to_string())
                .collect();
            step.status = Status::Done;
        }
        for warning in &report.warnings {
            self.results
                .warnings
                .push(format!("{}: {warning}", source.name));
        }
        if !report.blocked.is_empty() {
            step.status = Status::Failed;
            step.why = report
                .blocked
                .iter()
                .map(|blocked| {
                    format!(
                        "{}: {} of {} lines are bad, more than {}%; the date stays unpublished (see _loudou/quarantine/{}/)",
                        blocked.what,
                        blocked.bad_lines,
                        blocked.lines,
                        source.quarantine_at_most * 100.0,
                        source.name
                    )
                })
                .collect::<Vec<_>>()
                .join("; ");
            let dates = report
                .blocked
                .iter()
                .flat_map(|blocked| blocked.dates.iter().copied())
                .collect();
            self.unavailable.insert(source.name.clone(), (dates, false));
        }
        step.ingest = Some(report);
        Ok(())
    }

    async fn model(
        &mut self,
        model: &Model,
        log: &mut RunLog,
        step: &mut StepResult,
    ) -> Result<()> {
        let workspace = self.workspace;
        let mut wanted = needed(workspace, model, &log.state, &self.asked);
        let skipped = self.take_unavailable(model, &mut wanted.build);
        if wanted.build.is_empty() && skipped.is_empty() {
            step.why = match wanted.done.len() {
                0 => "nothing to build".to_string(),
                count => format!("{count} done already with the same inputs and definitions"),
            };
            if !wanted.stale.is_empty() {
                step.why.push_str(&format!(
                    "; {} from older definitions (--full-refresh restates them)",
                    wanted.stale.len()
                ));
            }
            return Ok(());
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for reason in wanted.build.values() {
            *counts.entry(reason.words()).or_default() += 1;
        }
        step.why = counts
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect::<Vec<_>>()
            .join(", ");
        // Dates that are complete equally far are built together.
        let mut by_through: BTreeMap<NaiveDate, Vec<NaiveDate>> = BTreeMap::new();
        for date in wanted.build.keys().copied().flatten() {
            let through = fingerprint::published_through(
                &workspace.models,
                model,
                &log.state,
                Some(date),
                self.asked.complete_through,
            );
            by_through.entry(through).or_default().push(date);
        }
        let mut batches: Vec<Range> = Vec::new();
        for (complete_through, dates) in by_through {
            for (start, end) in ranges(dates.into_iter(), DATES_PER_COMMIT) {
                batches.push(Range {
                    start,
                    end,
                    complete_through,
                });
            }
        }
        if wanted.build.contains_key(&None) {
            batches.push(Range {
                start: self.asked.dates.0,
                end: self.asked.dates.1,
                complete_through: self.asked.complete_through,
            });
        }
        let built = self.build_and_audit(model, log, &batches, step).await;
        let commits = match built {
            Ok(commits) if step.checks.iter().all(|check| check.failed_rows == 0) => commits,
            failed => {
                let not_built = || wanted.build.keys().chain(skipped.keys()).copied();
                self.unavailable.insert(
                    model.name().to_string(),
                    (
                        not_built().flatten().collect(),
                        not_built().any(|date| date.is_none()),
                    ),
                );
                failed?;
                step.status = Status::Failed;
                step.why = format!(
                    "audit failed, nothing of it is published: {}",
                    step.checks
                        .iter()
                        .filter(|check| check.failed_rows > 0)
                        .map(|check| {
                            let mut text = format!("{} ({} rows", check.check, check.failed_rows);
                            if !check.examples.is_empty() {
                                text.push_str(&format!(": {}", check.examples.join("; ")));
                            }
                            text + ")"
                        })
                        .collect::<Vec<_>>()
                        .join("; ")
                );
                return Ok(());
            }
        };
        for commit in commits {
            step.dates.extend(
                commit
                    .ready
                    .iter()
                    .filter_map(|ready| ready.date)
                    .map(|date| date.to_string()),
            );
            step.rows += commit
                .ready
                .iter()
                .map(|ready| ready.written.rows)
                .sum::<u64>();
            let changed = publish(&workspace.warehouse, log, commit)?;
            step.changed
                .extend(changed.into_iter().flatten().map(|date| date.to_string()));
        }
        step.status = Status::Done;
        if !skipped.is_empty() {
            let (dates, cause) = skipped_words(&skipped);
            step.status = Status::Skipped;
            step.why = format!("{dates} not built, since {cause}");
            let dates = skipped.keys().copied().flatten().collect();
            self.unavailable.insert(
                model.name().to_string(),
                (dates, skipped.contains_key(&None)),
            );
        }
        Ok(())
    }

    /// Takes out of `build` what reads something that failed in this run; gives it with the table at
    /// fault.
    fn take_unavailable(
        &self,
        model: &Model,
        build: &mut BTreeMap<Option<NaiveDate>, super::tables::Reason>,
    ) -> BTreeMap<Option<NaiveDate>, String> {
        let mut skipped = BTreeMap::new();
        let in_range = |date: NaiveDate| self.asked.dates.0 <= date && date <= self.asked.dates.1;
        for (table, window) in self.workspace.models.windows(model) {
            let Some((dates, all)) = self.unavailable.get(&table) else {
                continue;
            };
            let touches = |date: Option<NaiveDate>| match (window, date) {
                (Window::Around { before, after }, Some(date)) => {
                    *all || dates.iter().any(|failed| {
                        let ahead = (*failed - date).num_days();
                        -i64::from(before) <= ahead && ahead <= i64::from(after)
                    })
                }
                _ => true,
            };
            let hit: Vec<Option<NaiveDate>> = build
                .keys()
                .copied()
                .filter(|date| touches(*date))
                .collect();
            for date in hit {
                build.remove(&date);
                skipped.insert(date, table.clone());
            }
            // A date that was asked for and has no inputs because they failed is skipped, too.
            for date in dates.iter().copied().filter(|date| in_range(*date)) {
                skipped.entry(Some(date)).or_insert_with(|| table.clone());
            }
            if *all && skipped.is_empty() {
                skipped.insert(None, table.clone());
            }
        }
        skipped
    }

    async fn build_and_audit(
        &self,
        model: &Model,
        log: &RunLog,
        batches: &[Range],
        step: &mut StepResult,
    ) -> Result<Vec<TableCommit>> {
        let workspace = self.workspace;
        let published = Published {
            state: &log.state,
            warehouse: &workspace.warehouse,
        };
        let definition = workspace.models.definition(&workspace.project, model);
        let mut commits = Vec::new();
        let mut files = Vec::new();
        for range in batches {
            let written = build::build(
                &workspace.engine,
                &workspace.project,
                &workspace.models,
                model,
                &published,
                range,
                &self.scratch,
            )
            .await?;
            let mut ready = Vec::new();
            for (date, written) in written {
                let path = object_store::path::Path::from_absolute_path(&written.path)
                    .map_err(|error| Error::Failed(error.to_string()))?;
                files.push(PartitionFile {
                    date,
                    path,
                    size: written.bytes,
                });
                let inputs = fingerprint::inputs(
                    &workspace.models,
                    model,
                    &log.state,
                    date,
                    self.asked.complete_through,
                );
                ready.push(Ready {
                    date,
                    written,
                    inputs,
                });
            }
            commits.push(TableCommit {
                table: model.name().to_string(),
                definition: definition.clone(),
                ready,
                ..TableCommit::default()
            });
        }
        step.checks = audit(&workspace.engine, &model.contract, files).await?;
        Ok(commits)
    }
}

fn skipped_words(skipped: &BTreeMap<Option<NaiveDate>, String>) -> (String, String) {
    let dates = ranges(skipped.keys().copied().flatten(), usize::MAX)
        .into_iter()
        .map(|(start, end)| match start == end {
            true => start.to_string(),
            false => format!("{start} to {end}"),
        })
        .collect::<Vec<_>>();
    let tables: BTreeSet<&str> = skipped.values().map(String::as_str).collect();
    let tables = tables.into_iter().collect::<Vec<_>>().join(", ");
    let dates = match dates.is_empty() {
        true => "everything".to_string(),
        false => dates.join(", "),
    };
    (dates, format!("{tables} failed in this run"))
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
