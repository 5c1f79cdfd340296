//! A model's step: which dates, built on scratch, audited, published; what reads something that failed
//! is skipped by name.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::Night;
use crate::error::{Error, Result};
use crate::model::audit::Audit;
use crate::model::build::{self, Published, Range};
use crate::model::{Model, Window};
use crate::project::Before;
use crate::run::causes;
use crate::run::fingerprint::{self, Fingerprints};
use crate::run::results::{Status, StepResult};
use crate::run::tables::{Reason, needed, ranges};
use crate::table::audit::{CheckResult, Scratch};
use crate::table::log::RunLog;
use crate::table::publish::{Ready, TableCommit, publish};
use crate::table::state::{PartitionState, State, date_key};

/// Dates of one commit at most.
const DATES_PER_COMMIT: usize = 31;

impl Night<'_> {
    pub(super) async fn model(
        &mut self,
        model: &Model,
        log: &mut RunLog,
        step: &mut StepResult,
    ) -> Result<()> {
        let workspace = self.workspace;
        let seen = self.seen(log);
        let mut wanted = needed(workspace, model, &seen, &self.asked);
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
        // The slots of a sandbox's log are not those of the warehouse's.
        let changed = match self.sandbox {
            None => causes::changed_inputs(workspace, model, &seen, &wanted.build),
            Some(_) => String::new(),
        };
        let built = self
            .build_and_audit(model, &seen, &mut wanted.build, &skipped, step)
            .await;
        drop(seen);
        let warnings = step.checks.iter().filter_map(CheckResult::warning);
        self.results.warnings.extend(warnings);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for reason in wanted.build.values() {
            *counts.entry(reason.words()).or_default() += 1;
        }
        step.why = counts
            .iter()
            .map(
                |(reason, count)| match *reason == Reason::InputsChanged.words() {
                    true if !changed.is_empty() => format!("{count} {reason} ({changed})"),
                    _ => format!("{count} {reason}"),
                },
            )
            .collect::<Vec<_>>()
            .join(", ");
        let commits = match built {
            Ok(commits) if !step.checks.iter().any(CheckResult::stops) => commits,
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
                        .filter(|check| check.stops())
                        .map(CheckResult::words)
                        .collect::<Vec<_>>()
                        .join("; ")
                );
                return Ok(());
            }
        };
        for mut commit in commits {
            self.restate_model(model, log, &mut commit).await;
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
            let changed = publish(&workspace.warehouse, log, commit).await?;
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
        build: &mut BTreeMap<Option<NaiveDate>, Reason>,
    ) -> BTreeMap<Option<NaiveDate>, String> {
        let mut skipped = BTreeMap::new();
        // What a check must read to stop the model is an input, too; but what is built stays.
        for (table, window) in self.workspace.models.windows_of_checks(model) {
            let is_hit = |date: &Option<NaiveDate>| match window {
                Window::Around { .. } | Window::Earlier => self.has_failed(&table, *date),
                Window::All => self.has_failed(&table, None),
            };
            let hit: Vec<Option<NaiveDate>> =
                build.keys().copied().filter(|date| is_hit(date)).collect();
            for date in hit {
                build.remove(&date);
                skipped.insert(date, table.clone());
            }
        }
        let in_range = |date: NaiveDate| self.asked.dates.0 <= date && date <= self.asked.dates.1;
        for (table, window) in self.workspace.models.windows(model) {
            let Some((dates, all)) = self.unavailable.get(&table) else {
                continue;
            };
            let touches = |date: Option<NaiveDate>| match (window, date) {
                (Window::Around { before, after }, Some(date)) => {
                    // What reads all that lies before goes on without a day that failed; filling the
                    // day restates it.
                    let before = match before {
                        Before::Days(_) => before,
                        Before::All => Before::Days(0),
                    };
                    let near = Window::Around { before, after };
                    *all || dates.iter().any(|failed| near.sees(*failed, (date, date)))
                }
                (Window::Earlier, Some(_)) => false,
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

    /// What is built by one query each: dates that are complete equally far go together.
    fn batches(
        &self,
        model: &Model,
        state: &State,
        dates: impl Iterator<Item = Option<NaiveDate>>,
    ) -> Vec<Range> {
        let mut by_through: BTreeMap<NaiveDate, Vec<NaiveDate>> = BTreeMap::new();
        let mut batches: Vec<Range> = Vec::new();
        for date in dates {
            let Some(date) = date else {
                batches.push(Range {
                    start: self.asked.dates.0,
                    end: self.asked.dates.1,
                    complete_through: self.asked.complete_through,
                });
                continue;
            };
            let through = fingerprint::published_through(
                &self.workspace.models,
                model,
                state,
                Some(date),
                self.asked.complete_through,
            );
            by_through.entry(through).or_default().push(date);
        }
        for (complete_through, dates) in by_through {
            for (start, end) in ranges(dates.into_iter(), DATES_PER_COMMIT) {
                batches.push(Range {
                    start,
                    end,
                    complete_through,
                });
            }
        }
        batches
    }

    /// Builds what is wanted. A model that reads its own earlier dates is built in their order, and what
    /// comes out of one batch decides whether the dates behind it are built again: those are added to
    /// `wanted`, the `skipped` ones apart.
    async fn build_and_audit(
        &self,
        model: &Model,
        seen: &State,
        wanted: &mut BTreeMap<Option<NaiveDate>, Reason>,
        skipped: &BTreeMap<Option<NaiveDate>, String>,
        step: &mut StepResult,
    ) -> Result<Vec<TableCommit>> {
        let workspace = self.workspace;
        let mut commits = Vec::new();
        if model.contract.reads_itself() {
            let mut state = seen.clone();
            let mut waiting: BTreeSet<Option<NaiveDate>> = wanted.keys().copied().collect();
            loop {
                let batches = self.batches(model, &state, waiting.iter().copied());
                let Some(range) = batches.into_iter().min_by_key(|range| range.start) else {
                    break;
                };
                let commit = self.build(model, &state, &range).await?;
                see_built(&mut state, &commit);
                commits.push(commit);
                let behind = needed(workspace, model, &state, &self.asked).build;
                waiting.clear();
                for (date, reason) in behind {
                    if date > Some(range.end) && !skipped.contains_key(&date) {
                        waiting.insert(date);
                        wanted.entry(date).or_insert(reason);
                    }
                }
            }
        } else {
            for range in self.batches(model, seen, wanted.keys().copied()) {
                commits.push(self.build(model, seen, &range).await?);
            }
        }
        let mut scratch = Vec::new();
        for ready in commits.iter().flat_map(|commit| &commit.ready) {
            let path = object_store::path::Path::from_absolute_path(&ready.written.path)
                .map_err(|error| Error::Failed(error.to_string()))?;
            scratch.push(Scratch {
                date: ready.date,
                path,
                size: ready.written.bytes,
                rows: ready.written.rows,
            });
        }
        scratch.sort_by_key(|part| part.date);
        let audit = Audit {
            engine: &workspace.engine,
            project: &workspace.project,
            models: &workspace.models,
            model,
            published: Published {
                state: seen,
                warehouse: &workspace.warehouse,
            },
            dates: self.asked.dates,
            complete_through: self.asked.complete_through,
            has_failed: &|table, date| self.has_failed(table, date),
        };
        step.checks = audit.run(&scratch).await?;
        Ok(commits)
    }

    /// Whether a table failed in this run: on a date, or (`None`) on any.
    fn has_failed(&self, table: &str, date: Option<NaiveDate>) -> bool {
        self.unavailable
            .get(table)
            .is_some_and(|(dates, all)| match date {
                Some(date) => *all || dates.contains(&date),
                None => *all || !dates.is_empty(),
            })
    }

    /// Builds one range of dates on scratch.
    async fn build(&self, model: &Model, state: &State, range: &Range) -> Result<TableCommit> {
        let workspace = self.workspace;
        let published = Published {
            state,
            warehouse: &workspace.warehouse,
        };
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
        let mut commit = TableCommit {
            table: model.name().to_string(),
            definition: workspace.models.definition(&workspace.project, model),
            ..TableCommit::default()
        };
        for (date, written) in written {
            commit.ready.push(Ready {
                date,
                written,
                inputs: String::new(),
            });
        }
        // The later dates of the range see its earlier ones.
        let mut with_earlier;
        let state = match model.contract.reads_itself() {
            true => {
                with_earlier = state.clone();
                see_built(&mut with_earlier, &commit);
                &with_earlier
            }
            false => state,
        };
        let through = self.asked.complete_through;
        let fingerprints = Fingerprints::new(&workspace.models, model, state, through);
        for ready in &mut commit.ready {
            ready.inputs = fingerprints.of(ready.date);
        }
        Ok(commit)
    }
}

/// Enters what lies on scratch as if it were published, for the dates behind it.
pub(super) fn see_built(state: &mut State, commit: &TableCommit) {
    let table = state.tables.entry(commit.table.clone()).or_default();
    for ready in &commit.ready {
        table.partitions.insert(
            date_key(ready.date),
            PartitionState {
                // An absolute path stands for itself, below no warehouse.
                key: ready.written.path.to_string_lossy().into_owned(),
                rows: ready.written.rows,
                bytes: ready.written.bytes,
                hash: ready.written.hash.clone(),
                inputs: ready.inputs.clone(),
                definition: commit.definition.clone(),
                ..PartitionState::default()
            },
        );
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
