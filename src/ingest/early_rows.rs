//! Rows that are read and belong to no day that is published: counted and named, so that none is lost in
//! silence. Rows of days to come need no word: they are published with their day.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::IngestReport;
use super::plan::IngestPlan;
use crate::project::Source;
use crate::table::state::ObjectRecord;

/// Tells rows of days before the first object's (such a day would hold nothing but its latest rows, so it
/// is not published); counts those of days that lie before the run's dates and before everything published.
pub(super) fn tell(
    source: &Source,
    plan: &IngestPlan,
    records: &[ObjectRecord],
    report: &mut IngestReport,
) {
    let mut by_date: BTreeMap<NaiveDate, (u64, &str)> = BTreeMap::new();
    for record in records {
        for (date, rows) in &record.rows_by_date {
            by_date.entry(*date).or_insert((0, &record.path)).0 += rows;
        }
    }
    let known = plan
        .requested
        .first()
        .into_iter()
        .chain(plan.published.first());
    let Some(first_known) = known.min().copied() else {
        return;
    };
    by_date.retain(|date, _| *date < first_known);
    // Only of days that were listed is it known that they have no file.
    let is_too_early = |date: &NaiveDate| plan.listed_from <= *date && Some(*date) < plan.first_day;
    for (date, (rows, example)) in by_date.iter().filter(|(date, _)| is_too_early(date)) {
        report.rows_before_first_day += rows;
        let path = source.layout.replace("{date}", &date.to_string());
        report.warnings.push(format!(
            "{rows} rows of {date} are not published: they stand in files of later days ({example}), and there is no file of {date} itself. A file there, also one without lines ({path}), has the day published"
        ));
    }
    by_date.retain(|date, _| !is_too_early(date));
    report.rows_before_dates = by_date.values().map(|(rows, _)| rows).sum();
    report.before_dates = by_date.into_keys().collect();
}
