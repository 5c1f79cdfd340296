//! How much dirt a date may hold (`quarantine.at_most`).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::findings::Unreadable;
use super::plan::IngestPlan;
use super::{Blocked, IngestReport};
use crate::project::Source;
use crate::table::state::{ObjectRecord, TableState};

/// Lines a date needs before its share of bad ones means anything. With fewer, more than half must be
/// bad: then it is not dirt but another format.
const MIN_LINES_FOR_SHARE: u64 = 100;

/// Finds path dates (objects, for layouts without dates) with more bad lines than allowed, takes
/// their objects out of `records` so that the next run looks at them again, and gives the paths.
///
/// A path date is judged once it is asked for or published: before, its objects are still arriving.
pub(super) fn over_limit(
    source: &Source,
    state: &TableState,
    plan: &IngestPlan,
    records: &mut Vec<ObjectRecord>,
    report: &mut IngestReport,
) -> BTreeSet<String> {
    let is_wanted =
        |date: &NaiveDate| plan.requested.contains(date) || plan.published.contains(date);
    let group = |record: &ObjectRecord| {
        record
            .path_date
            .map_or_else(|| record.path.clone(), |date| date.to_string())
    };
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let unread = state
        .objects
        .values()
        .filter(|record| !plan.is_read_or_gone(&record.path));
    for record in unread.chain(records.iter()) {
        if record.path_date.is_none_or(|date| is_wanted(&date)) {
            let (lines, bad) = sums.entry(group(record)).or_default();
            *lines += record.lines;
            *bad += record.bad_lines;
        }
    }
    sums.retain(|_, (lines, bad)| {
        let is_share_over = *bad as f64 > source.quarantine_at_most * *lines as f64;
        is_share_over && (*lines >= MIN_LINES_FOR_SHARE || *bad * 2 > *lines)
    });
    let mut blocked: BTreeMap<String, BTreeSet<NaiveDate>> = plan
        .new_dates()
        .map(|date| (date.to_string(), BTreeSet::from([date])))
        .filter(|(date, _)| sums.contains_key(date))
        .collect();
    let mut excluded = BTreeSet::new();
    records.retain(|record| {
        let group = group(record);
        let is_over = sums.contains_key(&group);
        if is_over {
            excluded.insert(record.path.clone());
            let dates = blocked.entry(group).or_default();
            match record.path_date {
                Some(date) => {
                    dates.insert(date);
                }
                None => dates.extend(record.rows_by_date.keys().filter(|date| is_wanted(date))),
            }
            // What its earlier version gave cannot be read any more: the dates it stands in stay.
            if let Some(earlier) = state.objects.get(&record.path) {
                let stands_in = earlier.rows_by_date.keys();
                dates.extend(stands_in.filter(|date| plan.published.contains(date)));
            }
        }
        !is_over
    });
    for (what, dates) in blocked {
        let (lines, bad_lines) = sums.get(&what).copied().unwrap_or_default();
        report.blocked.push(Blocked {
            what,
            cause: None,
            bad_lines,
            lines,
            dates,
        });
    }
    excluded
}

/// Holds back the dates of objects that cannot be read: their path dates, and published ones in which an
/// earlier version of them stands. Gives their paths; the next run looks at them again.
pub(super) fn unreadable(
    objects: Vec<Unreadable>,
    state: &TableState,
    plan: &IngestPlan,
    report: &mut IngestReport,
) -> BTreeSet<String> {
    let is_wanted =
        |date: &NaiveDate| plan.requested.contains(date) || plan.published.contains(date);
    let mut excluded = BTreeSet::new();
    for object in objects {
        let mut dates = BTreeSet::from([object.path_date]);
        if let Some(earlier) = state.objects.get(&object.path) {
            let stands_in = earlier.rows_by_date.keys();
            dates.extend(stands_in.filter(|date| plan.published.contains(date)));
        }
        excluded.insert(object.path.clone());
        dates.retain(is_wanted);
        if dates.is_empty() {
            // Nothing waits for it yet; it may still be on its way.
            let warning = format!("{}: {}", object.path, object.cause);
            report.warnings.push(warning);
            continue;
        }
        report.blocked.push(Blocked {
            what: object.path,
            cause: Some(object.cause),
            bad_lines: 0,
            lines: 0,
            dates,
        });
    }
    excluded
}
