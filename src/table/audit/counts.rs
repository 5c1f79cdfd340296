//! Checks of how many rows a date has: no file is read, the writer and the run log know the numbers.

use chrono::{Days, NaiveDate};

use super::Scratch;
use super::result::Outcome;
use crate::project::Earlier;
use crate::table::state::TableState;

/// Rows of each partition against bounds, inclusive.
pub fn within_bounds(scratch: &[Scratch], min: Option<u64>, max: Option<u64>) -> Vec<Outcome> {
    let expected = words(min, max);
    scratch
        .iter()
        .map(|part| {
            let holds =
                min.is_none_or(|min| part.rows >= min) && max.is_none_or(|max| part.rows <= max);
            Outcome::of_value(part.date, holds, part.rows, expected.clone())
        })
        .collect()
}

/// Bounds in words.
pub fn words(min: Option<u64>, max: Option<u64>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "any".to_string(),
    }
}

/// Rows of each date against those of an earlier one: as it is to be published with it, else as it is
/// published. `definition` is the one that builds now.
pub fn against(
    scratch: &[Scratch],
    published: &TableState,
    definition: &str,
    earlier: Earlier,
    within: f64,
) -> Vec<Outcome> {
    scratch
        .iter()
        .filter_map(|part| {
            let date = part.date?;
            let other = date.checked_sub_days(Days::new(earlier.days()))?;
            Some(one_date(
                part,
                date,
                other,
                |day| {
                    let together = scratch.iter().find(|part| part.date == Some(day));
                    match together {
                        Some(part) => Some((part.rows, true)),
                        None => published
                            .partition(Some(day))
                            .map(|partition| (partition.rows, partition.definition == definition)),
                    }
                },
                within,
            ))
        })
        .collect()
}

fn one_date(
    part: &Scratch,
    date: NaiveDate,
    other: NaiveDate,
    rows_of: impl Fn(NaiveDate) -> Option<(u64, bool)>,
    within: f64,
) -> Outcome {
    let Some((before, is_same_definition)) = rows_of(other) else {
        return Outcome::not_applicable(Some(date), format!("{other} is not published"));
    };
    if before == 0 {
        return Outcome::not_applicable(Some(date), format!("{other} has no rows to compare with"));
    }
    let (least, most) = bounds(before, within);
    let older = match is_same_definition {
        true => "",
        false => ", built from an older definition",
    };
    Outcome::of_value(
        Some(date),
        least <= part.rows && part.rows <= most,
        part.rows,
        format!("{least} to {most} ({before} on {other}{older})"),
    )
}

/// The whole numbers that differ from `before` by at most this share of it.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "row counts lie far below 2^53, and bounds are not negative"
)]
fn bounds(before: u64, within: f64) -> (u64, u64) {
    let before = before as f64;
    // 100 × (1 − 0.29) is a hair more than 71 in floats: that hair is no row.
    let hair = before * 1e-9;
    let least = (before * (1.0 - within) - hair).ceil().max(0.0);
    let most = (before * (1.0 + within) + hair).floor();
    (least as u64, most as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::audit::result::Verdict::{self, Broken, Holds, NotApplicable};
    use crate::table::state::PartitionState;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    fn part(date: u32, rows: u64) -> Scratch {
        Scratch {
            date: Some(day(date)),
            path: object_store::path::Path::from("x"),
            size: 0,
            rows,
        }
    }

    fn published(days: &[(u32, u64)]) -> TableState {
        let mut table = TableState::default();
        for (date, rows) in days {
            table.partitions.insert(
                day(*date).to_string(),
                PartitionState {
                    key: String::new(),
                    rows: *rows,
                    bytes: 0,
                    hash: String::new(),
                    inputs: String::new(),
                    definition: "now".into(),
                    commit: 0,
                    modified_ns: None,
                    etag: None,
                },
            );
        }
        table
    }

    fn verdicts(outcomes: &[Outcome]) -> Vec<Verdict> {
        outcomes.iter().map(|outcome| outcome.verdict).collect()
    }

    #[test]
    fn shares_are_whole_rows() {
        for (before, within, expected) in [
            (100, 0.5, (50, 150)),
            (100, 0.29, (71, 129)),
            (3, 0.5, (2, 4)),
            (10, 0.0, (10, 10)),
            (10, 2.0, (0, 30)),
            (1, 0.3, (1, 1)),
        ] {
            assert_eq!(bounds(before, within), expected, "{before} {within}");
        }
    }

    #[test]
    fn yesterday_is_what_is_published_with_it_or_before_it() {
        let state = published(&[(1, 100), (3, 0), (5, 10)]);
        // 2: 100 → 149 holds; 3 is built again with 160: 149 → 160 holds; 4: 160 → 10 is broken;
        // 5 is built again, against the new 4; 7 has no yesterday.
        let scratch = [
            part(2, 149),
            part(3, 160),
            part(4, 10),
            part(5, 10),
            part(7, 1),
        ];
        let found = against(&scratch, &state, "now", Earlier::Yesterday, 0.5);
        assert_eq!(
            verdicts(&found),
            [Holds, Holds, Broken, Holds, NotApplicable]
        );
        assert_eq!(
            found[2].expected.as_deref(),
            Some("80 to 240 (160 on 2026-11-03)")
        );
        assert_eq!(
            found[4].reason.as_deref(),
            Some("2026-11-06 is not published")
        );
    }

    #[test]
    fn no_rows_are_nothing_to_compare_with_but_something_to_compare() {
        let state = published(&[(1, 0), (2, 8), (8, 4)]);
        let found = against(
            &[part(8, 5), part(9, 0)],
            &state,
            "new",
            Earlier::SameWeekday,
            0.5,
        );
        assert_eq!(verdicts(&found), [NotApplicable, Broken]);
        assert_eq!(
            found[1].expected.as_deref(),
            Some("4 to 12 (8 on 2026-11-02, built from an older definition)")
        );
    }
}
