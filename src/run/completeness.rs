//! Which days are complete, and what the others lack.
//!
//! A day is complete when it is so in every source: the clock has passed its end by `after`, and what
//! its `hours` or `marker` ask for is there. A pure function of the raw inventory, the clock, and what the
//! log says was complete before.
//!
//! The *last complete day* is the end of the unbroken run of complete days behind the last one that was
//! complete for an earlier run: no day is done before the days before it. A day that stays incomplete
//! holds the later ones up as long as a bare run would still go back to it (`catch_up`); after that it is
//! a hole, named every night. What was complete once stays so.

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Serialize, Serializer};

use super::calendar;
use crate::error::{Error, Result};
use crate::project::{Needs, Project, Source};
use crate::source::inventory::{Inventory, PathHour};
use crate::table::state::State;

/// A day that has ended and lacks something of a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Incomplete {
    /// The local day.
    #[serde(serialize_with = "as_text")]
    pub date: NaiveDate,
    /// The source.
    pub source: String,
    /// What it lacks, in words.
    pub lacks: String,
}

fn as_text<S: Serializer>(date: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

impl std::fmt::Display for Incomplete {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}", self.date, self.source, self.lacks)
    }
}

/// What is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completeness {
    /// The last complete day.
    pub through: NaiveDate,
    /// The last day that has ended by the clock; it may be incomplete.
    pub ended_through: NaiveDate,
    /// The last day that was complete for an earlier run.
    known_through: Option<NaiveDate>,
    /// Days that have ended and are not complete, among those looked at, by date.
    pub incomplete: Vec<Incomplete>,
}

/// Looks at the days a bare run would go back to, and at those asked for. Days that a source has
/// published are complete in it.
pub async fn look(
    project: &Project,
    state: &State,
    now: DateTime<Utc>,
    asked: Option<(NaiveDate, NaiveDate)>,
) -> Result<Completeness> {
    let ended_through = calendar::ended_through(project, now);
    let spans = [
        Some((
            calendar::catch_up_from(project, ended_through),
            ended_through,
        )),
        asked.map(|(from, to)| (from, to.min(ended_through))),
    ];
    let mut incomplete = Vec::new();
    for source in project
        .sources
        .values()
        .filter(|source| source.complete_when.needs != Needs::Nothing)
    {
        for span in spans.into_iter().flatten() {
            incomplete.extend(of_source(project, source, state, span).await?);
        }
    }
    incomplete.sort();
    incomplete.dedup();
    Ok(judge(
        calendar::catch_up_from(project, ended_through),
        ended_through,
        state.complete_through,
        incomplete,
    ))
}

/// What days of one source lack, those that it has published apart.
pub(super) async fn of_source(
    project: &Project,
    source: &Source,
    state: &State,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<Vec<Incomplete>> {
    let table = state.tables.get(&source.name);
    let dates: Vec<NaiveDate> = from
        .iter_days()
        .take_while(|date| *date <= to)
        .filter(|date| table.is_none_or(|table| table.partition(Some(*date)).is_none()))
        .collect();
    let (Some(first), Some(last)) = (dates.first(), dates.last()) else {
        return Ok(Vec::new());
    };
    let known_first: Option<PathHour> = table
        .into_iter()
        .flat_map(|table| table.objects.values())
        .filter_map(|object| Some((object.path_date?, object.path_hour.unwrap_or(0))))
        .min();
    let inventory = Inventory::list(source, project.zone, (*first, *last), known_first).await?;
    Ok(dates
        .into_iter()
        .filter_map(|date| {
            Some(Incomplete {
                date,
                source: source.name.clone(),
                lacks: inventory.lacks(source, project.zone, date)?,
            })
        })
        .collect())
}

/// The end of the unbroken run that begins behind `known_through`, or at `catch_up_from` if that is later.
fn judge(
    catch_up_from: NaiveDate,
    ended_through: NaiveDate,
    known_through: Option<NaiveDate>,
    incomplete: Vec<Incomplete>,
) -> Completeness {
    let begins = known_through
        .and_then(|known| known.succ_opt())
        .map_or(catch_up_from, |next| next.max(catch_up_from));
    let through = incomplete
        .iter()
        .map(|found| found.date)
        .find(|date| begins <= *date && *date <= ended_through)
        .and_then(|date| date.pred_opt())
        .unwrap_or(ended_through);
    Completeness {
        through,
        ended_through,
        known_through,
        incomplete,
    }
}

impl Completeness {
    /// The dates a bare run is for: those of the last `catch_up` that are complete.
    pub fn bare(&self, project: &Project) -> Result<(NaiveDate, NaiveDate)> {
        // A hole that lies behind what was complete before is passed over.
        let behind_hole = self
            .incomplete
            .iter()
            .filter(|found| found.date <= self.through)
            .filter_map(|found| found.date.succ_opt())
            .next_back();
        let from = calendar::catch_up_from(project, self.ended_through);
        let from = behind_hole.map_or(from, |next| next.max(from));
        if from <= self.through {
            return Ok((from, self.through));
        }
        if self.known_through == Some(self.through) {
            return Ok((self.through, self.through));
        }
        Err(Error::Incomplete(format!(
            "none of the days {from} to {} is complete: {}",
            self.ended_through,
            self.words(|_| true)
        )))
    }

    /// Refuses dates that are not complete, or that stand behind one that is not. `today` is the local
    /// day of the clock.
    pub fn explicit(&self, (from, to): (NaiveDate, NaiveDate), today: NaiveDate) -> Result<()> {
        if from > to {
            return Err(Error::Usage(format!("--from {from} is after --to {to}")));
        }
        let through = self.through;
        if to > self.ended_through {
            let words = format!(
                "{to} is not complete yet; data is complete through {through} (`complete_when` says what a day waits for)"
            );
            return Err(match to >= today {
                true => Error::Usage(words),
                false => Error::Incomplete(words),
            });
        }
        let lacking = self.words(|found| from <= found.date && found.date <= to);
        let before = self.words(|found| through < found.date && found.date < from);
        let dates = match from == to {
            true => from.to_string(),
            false => format!("{from} to {to}"),
        };
        let words = match (lacking.is_empty(), before.is_empty()) {
            (true, true) => return Ok(()),
            (false, _) => format!("{dates} is not complete: {lacking}"),
            (true, false) => {
                format!("{dates} stands behind a day that is not complete: {before}")
            }
        };
        Err(Error::Incomplete(format!(
            "{words}. Put what is missing there (a file without lines says that there were no rows); hours that are often empty go into `may_be_empty`"
        )))
    }

    /// What a run that may wait would wait for: the days asked for, or yesterday.
    pub fn waits_for(
        &self,
        asked: Option<(NaiveDate, NaiveDate)>,
        today: NaiveDate,
    ) -> Option<String> {
        let yesterday = today.checked_sub_days(Days::new(1)).unwrap_or(today);
        let (from, to) = asked.unwrap_or((self.through, yesterday));
        if to >= today {
            return None; // no waiting makes it complete
        }
        let lacking = self
            .words(|found| (from <= found.date || self.through < found.date) && found.date <= to);
        if !lacking.is_empty() {
            return Some(lacking);
        }
        (to > self.ended_through).then(|| format!("{to}: not over for long enough (`after`)"))
    }

    fn words(&self, is_told: impl Fn(&Incomplete) -> bool) -> String {
        self.incomplete
            .iter()
            .filter(|found| is_told(found))
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    fn judged(known: Option<u32>, incomplete: &[u32]) -> Completeness {
        let incomplete = incomplete
            .iter()
            .map(|date| Incomplete {
                date: day(*date),
                source: "events".into(),
                lacks: "no object of hour 03".into(),
            })
            .collect();
        // Seven days, 15 to 21.
        judge(day(15), day(21), known.map(day), incomplete)
    }

    #[test]
    fn the_last_complete_day_ends_the_unbroken_run() {
        for (known, incomplete, through) in [
            (None, vec![], 21),
            (Some(20), vec![], 21),
            (Some(20), vec![21], 20),
            (Some(18), vec![19], 18), // 20 and 21 are complete and wait
            (Some(18), vec![20], 19),
            (Some(20), vec![17], 21), // was complete before
            (Some(10), vec![], 21),   // the hole is further back than a bare run goes
            (None, vec![15], 14),
            (Some(21), vec![], 21),
            (Some(23), vec![21], 21), // a clock set back
        ] {
            let found = judged(known, &incomplete);
            assert_eq!(found.through, day(through), "{known:?} {incomplete:?}");
        }
    }

    #[test]
    fn a_date_asked_for_is_refused_with_what_is_missing() {
        let found = judged(Some(18), &[19]);
        for (from, to, is_good) in [(18, 18, true), (19, 19, false), (20, 21, false)] {
            assert_eq!(
                found.explicit((day(from), day(to)), day(22)).is_ok(),
                is_good,
                "{from} to {to}"
            );
        }
        let error = found.explicit((day(20), day(20)), day(22)).unwrap_err();
        assert_eq!(error.exit_code(), 75);
        assert!(
            error
                .to_string()
                .contains("2026-11-19: events: no object of hour 03"),
            "{error}"
        );
        let today = found.explicit((day(22), day(22)), day(22)).unwrap_err();
        assert_eq!(today.exit_code(), 2);
    }

    #[test]
    fn a_run_waits_for_yesterday_and_for_what_holds_it_up() {
        let found = judged(Some(18), &[19]);
        assert!(found.waits_for(None, day(22)).unwrap().contains("11-19"));
        assert_eq!(found.waits_for(Some((day(17), day(18))), day(22)), None);
        // By the clock yesterday is the 22nd, which waits for its `after`.
        let found = judged(Some(21), &[]);
        assert!(found.waits_for(None, day(23)).unwrap().contains("11-22"));
        assert_eq!(found.waits_for(None, day(22)), None);
    }
}
