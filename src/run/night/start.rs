//! How a run begins: the days it is for, and the lock; it may wait for both.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

use super::{Progress, RunOptions};
use crate::error::{Error, Result};
use crate::project::Project;
use crate::run::Workspace;
use crate::run::completeness::{Completeness, Incomplete, look};
use crate::run::sandbox::Sandbox;
use crate::run::tables::Asked;
use crate::table::log::{RunLog, read_state};
use crate::table::state::State;

/// A waiting run looks again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// The local day of an instant.
pub fn today(project: &Project, now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&project.zone).date_naive()
}

/// Works out which dates a run is for.
pub fn asked(
    project: &Project,
    state: &State,
    options: &RunOptions,
    found: &Completeness,
    now: DateTime<Utc>,
) -> Result<Asked> {
    let dates = match options.dates {
        Some(dates) => {
            found.explicit(dates, today(project, now))?;
            dates
        }
        None => found.bare(project)?,
    };
    let asked = Asked {
        dates,
        complete_through: found.through,
        full_refresh: options.full_refresh,
        follow_definitions: options.into.is_some(),
    };
    Ok(Asked {
        complete_through: asked.matured_by(state),
        ..asked
    })
}

/// A run that has begun.
#[derive(Debug)]
pub(super) struct Start {
    pub log: RunLog,
    pub asked: Asked,
    pub incomplete: Vec<Incomplete>,
    /// The clock, when the waiting was over.
    pub now: DateTime<Utc>,
}

/// Waits, as long as the run may, until the days are complete and no other run holds the warehouse. After
/// that a bare run takes what is complete; dates that were asked for are refused.
pub(super) async fn start(
    workspace: &Workspace,
    sandbox: Option<&Sandbox>,
    options: &RunOptions,
    progress: &dyn Progress,
) -> Result<Start> {
    let project = &workspace.project;
    let over = |own: &State| sandbox.map_or_else(|| own.clone(), |sandbox| sandbox.over(own));
    let mut waited = Duration::ZERO;
    let mut told = String::new();
    loop {
        let now = options.now + waited;
        let may_wait = waited < options.wait;
        let own = read_state(&workspace.warehouse).await?;
        let seen = over(&own);
        let mut found = look(project, &seen, now, options.dates).await?;
        let mut why = found.waits_for(options.dates, today(project, now));
        if why.is_none() || !may_wait {
            let asked_before = asked(project, &seen, options, &found, now)?;
            let at = (options.started + waited).to_rfc3339_opts(SecondsFormat::Secs, true);
            match RunLog::acquire(&workspace.warehouse, &options.holder, &at).await {
                Err(Error::Held(holder)) if may_wait => why = Some(holder),
                Err(error) => return Err(error),
                Ok(mut log) => {
                    let mut asked = asked_before;
                    // Another run may have ended since we looked; acquiring takes one slot itself.
                    if log.state.slot != own.slot + 1 {
                        let seen = over(&log.state);
                        found = look(project, &seen, now, options.dates).await?;
                        asked = self::asked(project, &seen, options, &found, now)?;
                    }
                    log.note_complete_through(found.through).await?;
                    return Ok(Start {
                        log,
                        asked,
                        incomplete: found.incomplete,
                        now,
                    });
                }
            }
        }
        let why = why.unwrap_or_default();
        if why != told {
            progress.waits(&why);
            told = why;
        }
        let time = LOOK_AGAIN.min(options.wait.saturating_sub(waited));
        progress.pause(time).await;
        waited += time;
    }
}
