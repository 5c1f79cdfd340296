//! Why each date of a source is built: what of its raw objects is new, late, changed or gone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::plan::{Fingerprints, IngestPlan, ReadReason};
use crate::table::state::{ObjectRecord, TableState};

/// Why a date is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceCause {
    /// It is asked for and not published yet.
    Missing,
    /// It is published, and new objects hold rows of it.
    Late,
    /// An object that holds or held rows of it is another one now.
    Changed,
    /// An object that held rows of it is gone.
    Vanished,
    /// An earlier run read more of it than it could publish.
    HeldBack,
    /// The published file is not what the log says.
    Damaged,
    /// Asked for by `--full-refresh`.
    FullRefresh,
    /// Objects of a day that is not asked for yet: they are read for the late rows they may hold.
    Ahead,
}

impl SourceCause {
    /// In words, with what stands behind a number of objects.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("missing", "new"),
            Self::Late => ("late", "new"),
            Self::Changed => ("changed", "changed"),
            Self::Vanished => ("vanished", "vanished"),
            Self::HeldBack => ("held back before", "known"),
            Self::Damaged => ("damaged or cut off", "known"),
            Self::FullRefresh => ("full refresh", "known"),
            Self::Ahead => ("not asked for yet, read for late rows", "new"),
        }
    }
}

/// One reason of one date, with the objects behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateCause {
    /// The local day.
    pub date: NaiveDate,
    /// Why.
    pub cause: SourceCause,
    /// Paths.
    pub objects: BTreeSet<String>,
}

impl Serialize for DateCause {
    /// The number of objects and an example stand for all of them.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("DateCause", 4)?;
        fields.serialize_field("date", &self.date.to_string())?;
        fields.serialize_field("cause", &self.cause)?;
        fields.serialize_field("objects", &self.objects.len())?;
        fields.serialize_field("example", &self.objects.first())?;
        fields.end()
    }
}

/// Before anything is read: a new object is taken to hold rows of its path date. Dates that only late
/// rows touch are known after reading.
pub fn of_plan(
    plan: &IngestPlan,
    state: &TableState,
    dates: &BTreeSet<NaiveDate>,
) -> Vec<DateCause> {
    causes(plan, state, None, dates)
}

/// After reading, of the dates that were built.
pub(super) fn of_built(
    plan: &IngestPlan,
    state: &TableState,
    records: &[ObjectRecord],
    dates: &BTreeSet<NaiveDate>,
) -> Vec<DateCause> {
    let rows_by_object = records
        .iter()
        .map(|record| {
            let dates: BTreeSet<NaiveDate> = record.rows_by_date.keys().copied().collect();
            (record.path.as_str(), dates)
        })
        .collect();
    causes(plan, state, Some(&rows_by_object), dates)
}

fn causes(
    plan: &IngestPlan,
    state: &TableState,
    read: Option<&BTreeMap<&str, BTreeSet<NaiveDate>>>,
    dates: &BTreeSet<NaiveDate>,
) -> Vec<DateCause> {
    let mut found: BTreeMap<(NaiveDate, SourceCause), BTreeSet<String>> = BTreeMap::new();
    let mut tell = |date: NaiveDate, cause, object: &str| {
        found
            .entry((date, cause))
            .or_default()
            .insert(object.to_string());
    };
    let stood_in = |path: &str| {
        state
            .objects
            .get(path)
            .into_iter()
            .flat_map(|known| known.rows_by_date.keys().copied())
    };
    for object in &plan.read {
        let path = object.object.path.as_str();
        let path_date = object.object.path_date;
        let holds: BTreeSet<NaiveDate> = match read {
            Some(read) => read.get(path).cloned().unwrap_or_default(),
            None => path_date.into_iter().collect(),
        };
        if read.is_none()
            && let Some(date) = path_date.filter(|date| !dates.contains(date))
            && object.reason == ReadReason::New
        {
            tell(date, SourceCause::Ahead, path);
        }
        let before = stood_in(path).filter(|_| object.reason == ReadReason::Changed);
        for date in holds
            .into_iter()
            .chain(before)
            .filter(|date| dates.contains(date))
        {
            let cause = match (plan.published.contains(&date), object.reason) {
                (false, _) => SourceCause::Missing,
                (true, ReadReason::New) => SourceCause::Late,
                (true, ReadReason::Changed) => SourceCause::Changed,
            };
            tell(date, cause, path);
        }
    }
    for path in &plan.gone {
        for date in stood_in(path).filter(|date| dates.contains(date)) {
            tell(date, SourceCause::Vanished, path);
        }
    }
    let known = Fingerprints::of(state.objects.values());
    for date in dates {
        let is_told = found.keys().any(|(told, _)| told == date);
        let cause = match state.partition(Some(*date)) {
            None => SourceCause::Missing,
            Some(_) if is_told => continue,
            Some(partition) if partition.inputs.is_empty() => SourceCause::Damaged,
            Some(partition) if partition.inputs != known.at(*date) => SourceCause::HeldBack,
            Some(_) => SourceCause::FullRefresh,
        };
        found.entry((*date, cause)).or_default();
    }
    found
        .into_iter()
        .map(|((date, cause), objects)| DateCause {
            date,
            cause,
            objects,
        })
        .collect()
}

/// One phrase for each kind of cause: `late 2026-11-18 (2 new objects, such as dt=2026-11-19/b)`.
/// `as_text` writes dates.
pub fn words(
    causes: &[DateCause],
    as_text: impl Fn(&BTreeSet<NaiveDate>) -> Vec<String>,
) -> Vec<String> {
    let mut by_cause: BTreeMap<SourceCause, (BTreeSet<NaiveDate>, BTreeSet<&str>)> =
        BTreeMap::new();
    for found in causes {
        let (dates, objects) = by_cause.entry(found.cause).or_default();
        dates.insert(found.date);
        objects.extend(found.objects.iter().map(String::as_str));
    }
    by_cause
        .into_iter()
        .map(|(cause, (dates, objects))| {
            let (word, which) = cause.words();
            let dates = as_text(&dates).join(", ");
            match objects.first() {
                None => format!("{word} {dates}"),
                Some(only) if objects.len() == 1 => {
                    format!("{word} {dates} (1 {which} object, {only})")
                }
                Some(first) => format!(
                    "{word} {dates} ({} {which} objects, such as {first})",
                    objects.len()
                ),
            }
        })
        .collect()
}
