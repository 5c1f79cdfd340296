//! What a commit says of partitions that were published before, worked out while the old files still lie
//! there. A sandbox publishes nothing, so it restates nothing.

use std::collections::BTreeSet;

use chrono::{NaiveDate, SecondsFormat};

use super::Night;
use super::models::see_built;
use crate::ingest::why::DateCause;
use crate::model::build::files;
use crate::model::figures::{self, ROWS};
use crate::model::{Model, Window};
use crate::project::{Before, Source};
use crate::run::causes;
use crate::run::tables::dates_as_text;
use crate::table::log::RunLog;
use crate::table::publish::{Ready, TableCommit};
use crate::table::restatement::{Cause, CauseKind, ChangeKind, FigureChange, Restatement, kind_of};
use crate::table::state::{PartitionState, State};

impl Night<'_> {
    /// Adds to a source's commit what it restates: of raw rows only their number is told.
    pub(super) fn restate_source(
        &mut self,
        source: &Source,
        log: &RunLog,
        causes: &[DateCause],
        commit: &mut TableCommit,
    ) {
        let mut restated = Vec::new();
        for (ready, published) in self.republished(&log.state, commit) {
            let is_other = published.definition != commit.definition;
            let causes = causes::of_source(&source.name, ready.date, causes, is_other);
            let (before, after) = (published.rows, ready.written.rows);
            let rows = (before != after).then(|| FigureChange {
                figure: ROWS.to_string(),
                of: String::new(),
                unit: None,
                before: Some(before.to_string()),
                after: Some(after.to_string()),
            });
            let kind = kind_of(&causes);
            restated.push(Restatement {
                figures: rows.into_iter().collect(),
                ..self.restatement(&source.name, ready.date, kind, causes, log)
            });
        }
        self.results.restatements.extend(restated.clone());
        commit.restated = restated;
    }

    /// Adds to a model's commit what it restates.
    pub(super) async fn restate_model(
        &mut self,
        model: &Model,
        log: &RunLog,
        commit: &mut TableCommit,
    ) {
        let mut restated: Vec<Restatement> = Vec::new();
        for (ready, published) in self.republished(&log.state, commit) {
            let mut causes =
                causes::of_model(self.workspace, model, &log.state, ready.date, published);
            if model.contract.reads_itself() {
                // Its earlier dates of this commit are not published yet.
                let earlier: BTreeSet<NaiveDate> = restated
                    .iter()
                    .filter(|earlier| earlier.kind == ChangeKind::Restatement)
                    .filter_map(|earlier| earlier.date)
                    .collect();
                if !earlier.is_empty() {
                    causes.retain(|cause| cause.kind != CauseKind::Unexplained);
                    causes.push(Cause {
                        table: model.name().to_string(),
                        dates: dates_as_text(&earlier),
                        ..Cause::of_kind(CauseKind::InputRestated)
                    });
                }
            }
            let (figures, more_figures) =
                self.figures(model, &log.state, ready, &commit.table).await;
            let kind = kind_of(&causes);
            restated.push(Restatement {
                declared: model.contract.key_figures.is_some(),
                figures,
                more_figures,
                ..self.restatement(model.name(), ready.date, kind, causes, log)
            });
        }
        self.results.restatements.extend(restated.clone());
        commit.restated = restated;
    }

    /// What of a commit replaces other bytes. A damaged file is only put right.
    fn republished<'c>(
        &self,
        state: &'c State,
        commit: &'c TableCommit,
    ) -> Vec<(&'c Ready, &'c PartitionState)> {
        let table = state
            .tables
            .get(&commit.table)
            .filter(|_| self.sandbox.is_none());
        let mut found: Vec<(&Ready, &PartitionState)> = commit
            .ready
            .iter()
            .filter_map(|ready| {
                let published = table?.partition(ready.date)?;
                let is_other = !published.hash.is_empty() && published.hash != ready.written.hash;
                is_other.then_some((ready, published))
            })
            .collect();
        found.sort_by_key(|(ready, _)| ready.date);
        found
    }

    fn restatement(
        &self,
        table: &str,
        date: Option<NaiveDate>,
        kind: ChangeKind,
        causes: Vec<Cause>,
        log: &RunLog,
    ) -> Restatement {
        Restatement {
            table: table.to_string(),
            date,
            kind,
            run: log.epoch(),
            recorded_at: self.now.to_rfc3339_opts(SecondsFormat::Secs, true),
            declared: false,
            figures: Vec::new(),
            more_figures: 0,
            causes,
        }
    }

    /// Key figures that differ. They are told beside the numbers; that they cannot be added up stops
    /// nothing.
    async fn figures(
        &self,
        model: &Model,
        state: &State,
        ready: &Ready,
        table: &str,
    ) -> (Vec<FigureChange>, usize) {
        let workspace = self.workspace;
        let (window, day) = match ready.date {
            Some(date) => {
                let only = Window::Around {
                    before: Before::Days(0),
                    after: 0,
                };
                (only, date)
            }
            None => (Window::All, self.asked.dates.1),
        };
        let files_of =
            |state: &State| files(state, &workspace.warehouse, table, window, (day, day));
        let mut built = State::default();
        let commit = TableCommit {
            table: table.to_string(),
            ready: vec![ready.clone()],
            ..TableCommit::default()
        };
        see_built(&mut built, &commit);
        let measure = |files| figures::measure(&workspace.engine, &model.contract, files);
        let before = measure(files_of(state)).await.ok();
        match measure(files_of(&built)).await {
            Ok(after) => figures::changes(&model.contract, before.as_ref(), &after),
            Err(error) => {
                tracing::warn!("what changed in {table} could not be added up: {error}");
                (Vec::new(), 0)
            }
        }
    }
}
