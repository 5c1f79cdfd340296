//! How old a source's newest row is at the end of the run's last date. A pure function of what is
//! published and of that date: no clock is read.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use chrono::NaiveDate;

use super::Night;
use crate::engine::PublishedTable;
use crate::error::{Error, Result};
use crate::model::Window;
use crate::model::build::files;
use crate::project::{Before, Severity, Source};
use crate::run::results::{Status, StepResult};
use crate::source::RowSchema;
use crate::table::audit::{CheckResult, Heading, Newest, Verdict, judge, results, value_at};
use crate::table::log::RunLog;
use crate::table::state::State;

impl Night<'_> {
    /// Checks a source that declares it; if its newest row is too old, the dates at fault are held back
    /// from its readers.
    pub(super) async fn freshness(
        &mut self,
        source: &Source,
        log: &RunLog,
        step: &mut StepResult,
    ) -> Result<()> {
        let Some(limits) = source.freshness else {
            return Ok(());
        };
        let started = Instant::now();
        let zone = self.workspace.project.zone;
        let (first, last) = self.asked.dates;
        let newest = self.newest(source, &log.state).await?;
        let seconds = started.elapsed().as_secs_f64();
        let bounds = [
            (limits.warn_after, Severity::Warn),
            (limits.fail_after, Severity::Stop),
        ];
        for (at_most, severity) in bounds {
            let Some(at_most) = at_most else {
                continue;
            };
            let heading = Heading {
                table: source.name.clone(),
                check: format!("freshness within {at_most}"),
                name: None,
                severity,
            };
            let outcome = judge(newest, Some(last), last, at_most, zone);
            step.checks
                .extend(results(&heading, vec![outcome], seconds));
        }
        let warnings = step.checks.iter().filter_map(CheckResult::warning);
        self.results.warnings.extend(warnings);
        let Some(failed) = step.checks.iter().find(|check| check.stops()) else {
            return Ok(());
        };
        let why = failed.words();
        step.status = Status::Failed;
        step.why = match step.why.is_empty() {
            true => why,
            false => format!("{}; {why}", step.why),
        };
        let Some(fail_after) = limits.fail_after else {
            return Ok(());
        };
        let is_stale = |day: &NaiveDate| {
            judge(newest, None, *day, fail_after, zone).verdict == Verdict::Broken
        };
        let stale = first
            .iter_days()
            .take_while(|day| *day <= last)
            .filter(is_stale);
        let (dates, _) = self
            .unavailable
            .entry(source.name.clone())
            .or_insert((BTreeSet::new(), false));
        dates.extend(stale);
        Ok(())
    }

    /// The newest row up to the run's last date: its time, or its day where rows have no time.
    async fn newest(&self, source: &Source, state: &State) -> Result<Option<Newest>> {
        let last = self.asked.dates.1;
        let table = state.table(&source.name);
        let with_rows = table
            .partitions
            .iter()
            .filter(|(_, partition)| partition.rows > 0)
            .filter_map(|(date, _)| date.parse::<NaiveDate>().ok())
            .filter(|date| *date <= last);
        let Some(date) = with_rows.max() else {
            return Ok(None);
        };
        if source.time.is_none() {
            return Ok(Some(Newest::Day(date)));
        }
        let what = || format!("looking for the newest row of {}", source.name);
        let only = Window::Around {
            before: Before::Days(0),
            after: 0,
        };
        let files = files(
            state,
            &self.workspace.warehouse,
            &source.name,
            only,
            (date, date),
        );
        let session = self.workspace.engine.session()?;
        let table = PublishedTable::new(&RowSchema::of(source).schema, files);
        session
            .register_table("published", Arc::new(table))
            .map_err(Error::engine(what()))?;
        let batches = session
            .sql("select max(date), max(event_time) from published")
            .await
            .map_err(Error::engine(what()))?
            .collect()
            .await
            .map_err(Error::engine(what()))?;
        let mut rows = batches.iter().filter(|batch| batch.num_rows() > 0);
        Ok(rows.next().and_then(|batch| value_at(batch, 0)))
    }
}
