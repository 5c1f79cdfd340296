//! Objects that cannot be read: what is held back for each, so that all the rest goes on.
//!
//! A half-uploaded object may hold any rows of its path date, so that date waits; what it may hold of
//! others (late rows) restates them when it is whole. Where it was read before, the dates it stood in
//! wait, too.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use serde::{Serialize, Serializer};

use super::plan::IngestPlan;
use crate::error::{Error, Result};
use crate::project::{Source, layout_dates};
use crate::table::state::TableState;

/// An object that could not be read, or not as it was read before.
#[derive(Debug, Clone, Serialize)]
pub struct Unreadable {
    /// Its path below the source's base.
    pub object: String,
    /// Why, and how to mend it.
    pub cause: String,
    /// Local days that are not built because of it.
    #[serde(serialize_with = "as_texts")]
    pub dates: BTreeSet<NaiveDate>,
}

fn as_texts<S: Serializer>(dates: &BTreeSet<NaiveDate>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(dates.iter().map(ToString::to_string))
}

/// Of objects that were listed just now. One whose path has no date may hold rows of any day: then
/// nothing of the source can be built.
pub(super) fn listed(
    source: &Source,
    state: &TableState,
    plan: &IngestPlan,
    zone: Tz,
    failed: Vec<(String, Error)>,
) -> Result<Vec<Unreadable>> {
    let mut found = Vec::new();
    for (path, error) in failed {
        let read = plan.read.iter().find(|read| read.object.path == path);
        let Some(path_date) = read.and_then(|read| read.object.path_date) else {
            return Err(error);
        };
        let mut dates: BTreeSet<NaiveDate> = local_days(source, zone, path_date).collect();
        if let Some(earlier) = state.objects.get(&path) {
            // What its earlier version gave cannot be read any more.
            let is_wanted =
                |date: &&NaiveDate| plan.requested.contains(date) || plan.published.contains(date);
            dates.extend(earlier.rows_by_date.keys().filter(is_wanted));
        }
        found.push(Unreadable {
            object: path,
            cause: cause(&error),
            dates,
        });
    }
    Ok(found)
}

/// Of an object that was read in an earlier run and that `rebuild` needs again.
pub(super) fn known(
    state: &TableState,
    path: &str,
    error: &Error,
    rebuild: &BTreeSet<NaiveDate>,
) -> Unreadable {
    let stands_in = state.objects.get(path).into_iter();
    Unreadable {
        object: path.to_string(),
        cause: cause(error),
        dates: stands_in
            .flat_map(|record| record.rows_by_date.keys())
            .filter(|date| rebuild.contains(date))
            .copied()
            .collect(),
    }
}

fn cause(error: &Error) -> String {
    match error {
        Error::Object { cause, .. } => cause.clone(),
        other => other.to_string(),
    }
}

/// The local days that a path date holds.
fn local_days(source: &Source, zone: Tz, path_date: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let first = path_date
        .checked_sub_days(Days::new(1))
        .unwrap_or(path_date);
    first.iter_days().take(3).filter(move |day| {
        layout_dates(zone, source.layout_zone, *day)
            .into_iter()
            .any(|date| date == path_date)
    })
}
