//! What came of a contract's checks: one entry per check and outcome, with the dates that share it.

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::Value as Json;

use crate::project::Severity;

/// Examples of one entry at most.
const EXAMPLES: usize = 3;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// It holds.
    Pass,
    /// It is broken, and only told.
    Warn,
    /// It is broken, and nothing of the model is published.
    Fail,
    /// There was nothing to check against; the reason stands beside it.
    Skipped,
}

/// What came of one check, for the dates on which the same came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckResult {
    /// The model, or the source.
    pub table: String,
    /// What was checked, in words: `visitors: not_null`.
    pub check: String,
    /// Its own name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `stop` or `warn`.
    pub severity: &'static str,
    /// How it ended.
    pub status: CheckStatus,
    /// Local days that this is about, in order; none for a table built whole.
    pub dates: Vec<String>,
    /// Rows that break it; 0 where it is not about single rows.
    pub failed_rows: u64,
    /// What was found, where that is one value (a number of rows, the newest time).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<Json>,
    /// What it should have been, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The first of the rows that break it, for finding the culprit; personal data are masked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    /// Seconds that the check took on all of its dates.
    pub seconds: f64,
}

impl CheckResult {
    /// Whether it holds publication back.
    pub fn stops(&self) -> bool {
        self.status == CheckStatus::Fail
    }

    /// The check with what came of it, in one line without the table's name.
    pub fn words(&self) -> String {
        let mut text = self.check.clone();
        if let Some(name) = self.name.as_ref().filter(|name| **name != self.check) {
            text = format!("{name}, {text}");
        }
        match self.dates.as_slice() {
            [] => {}
            [date] => text.push_str(&format!(" on {date}")),
            [first, .., last] => {
                text.push_str(&format!(
                    " on {} days from {first} to {last}",
                    self.dates.len()
                ));
            }
        }
        let mut found = Vec::new();
        if let Some(observed) = &self.observed {
            let observed = observed.as_str().map_or(observed.to_string(), String::from);
            found.push(observed);
        }
        if let Some(expected) = &self.expected {
            found.push(format!("expected {expected}"));
        }
        if self.failed_rows > 0 {
            let rows = match self.failed_rows {
                1 => "1 row".to_string(),
                rows => format!("{rows} rows"),
            };
            found.push(match self.examples.is_empty() {
                true => rows,
                false => format!("{rows}: {}", self.examples.join("; ")),
            });
        }
        found.extend(self.reason.clone());
        match found.is_empty() {
            true => text,
            false => text + " (" + &found.join(", ") + ")",
        }
    }

    /// The warning that a broken check of severity `warn` is.
    pub fn warning(&self) -> Option<String> {
        (self.status == CheckStatus::Warn).then(|| format!("{}: {}", self.table, self.words()))
    }
}

/// A check as results name it.
#[derive(Debug, Clone)]
pub struct Heading {
    /// The model, or the source.
    pub table: String,
    /// What is checked, in words.
    pub check: String,
    /// Its own name.
    pub name: Option<String>,
    /// What a broken one does.
    pub severity: Severity,
}

/// Whether a check holds on a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Holds,
    /// It does not.
    Broken,
    /// There is nothing to check against.
    NotApplicable,
}

/// What came of a check on one date.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The date; `None` for a table built whole.
    pub date: Option<NaiveDate>,
    /// Whether it holds.
    pub verdict: Verdict,
    /// Rows that break it.
    pub failed_rows: u64,
    /// What was found.
    pub observed: Option<Json>,
    /// What it should have been.
    pub expected: Option<String>,
    /// Why there is nothing to check against.
    pub reason: Option<String>,
    /// Rows that break it.
    pub examples: Vec<String>,
}

impl Outcome {
    /// Rows were counted that break it.
    pub fn of_rows(date: Option<NaiveDate>, failed_rows: u64, examples: Vec<String>) -> Self {
        Self {
            date,
            verdict: match failed_rows {
                0 => Verdict::Holds,
                _ => Verdict::Broken,
            },
            failed_rows,
            observed: None,
            expected: None,
            reason: None,
            examples,
        }
    }

    /// One value was looked at.
    pub fn of_value(
        date: Option<NaiveDate>,
        holds: bool,
        observed: impl Into<Json>,
        expected: String,
    ) -> Self {
        Self {
            date,
            verdict: match holds {
                true => Verdict::Holds,
                false => Verdict::Broken,
            },
            failed_rows: 0,
            observed: Some(observed.into()),
            expected: Some(expected),
            reason: None,
            examples: Vec::new(),
        }
    }

    /// There was nothing to check against.
    pub fn not_applicable(date: Option<NaiveDate>, reason: String) -> Self {
        Self {
            date,
            verdict: Verdict::NotApplicable,
            failed_rows: 0,
            observed: None,
            expected: None,
            reason: Some(reason),
            examples: Vec::new(),
        }
    }
}

/// One entry for each different outcome of a check, in the order of their first dates.
pub fn results(heading: &Heading, outcomes: Vec<Outcome>, seconds: f64) -> Vec<CheckResult> {
    let mut found: Vec<CheckResult> = Vec::new();
    for outcome in outcomes {
        let status = match (outcome.verdict, heading.severity) {
            (Verdict::Holds, _) => CheckStatus::Pass,
            (Verdict::Broken, Severity::Stop) => CheckStatus::Fail,
            (Verdict::Broken, Severity::Warn) => CheckStatus::Warn,
            (Verdict::NotApplicable, _) => CheckStatus::Skipped,
        };
        let same = found.iter_mut().find(|entry| {
            entry.status == status
                && entry.observed == outcome.observed
                && entry.expected == outcome.expected
                && entry.reason == outcome.reason
        });
        let date = outcome.date.map(|date| date.to_string());
        match same {
            Some(entry) => {
                entry.dates.extend(date);
                entry.failed_rows += outcome.failed_rows;
                let room = EXAMPLES.saturating_sub(entry.examples.len());
                entry
                    .examples
                    .extend(outcome.examples.into_iter().take(room));
            }
            None => found.push(CheckResult {
                table: heading.table.clone(),
                check: heading.check.clone(),
                name: heading.name.clone(),
                severity: heading.severity.word(),
                status,
                dates: date.into_iter().collect(),
                failed_rows: outcome.failed_rows,
                observed: outcome.observed,
                expected: outcome.expected,
                reason: outcome.reason,
                examples: outcome.examples,
                seconds,
            }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(2026, 11, day)
    }

    fn heading(severity: Severity) -> Heading {
        Heading {
            table: "t".into(),
            check: "a: not_null".into(),
            name: None,
            severity,
        }
    }

    #[test]
    fn dates_with_the_same_outcome_are_one_entry() {
        let outcomes = vec![
            Outcome::of_rows(day(1), 0, vec![]),
            Outcome::of_rows(day(2), 2, vec!["x".into(), "y".into()]),
            Outcome::of_rows(day(3), 0, vec![]),
            Outcome::of_rows(day(4), 2, vec!["z".into(), "w".into()]),
        ];
        let found = results(&heading(Severity::Stop), outcomes, 0.5);
        let dates: Vec<_> = found.iter().map(|entry| entry.dates.join(" ")).collect();
        assert_eq!(dates, ["2026-11-01 2026-11-03", "2026-11-02 2026-11-04"]);
        assert_eq!(found[1].failed_rows, 4);
        assert_eq!(found[1].examples, ["x", "y", "z"]);
        assert!(found[1].stops() && !found[0].stops());
        assert_eq!(
            found[1].words(),
            "a: not_null on 2 days from 2026-11-02 to 2026-11-04 (4 rows: x; y; z)"
        );
    }

    #[test]
    fn values_that_differ_are_entries_of_their_own() {
        let expected = || "50 to 150 (100 on 2026-10-31)".to_string();
        let outcomes = vec![
            Outcome::of_value(day(1), false, 200, expected()),
            Outcome::of_value(day(2), false, 201, expected()),
            Outcome::not_applicable(day(3), "2026-11-02 is not published".into()),
        ];
        let found = results(&heading(Severity::Warn), outcomes, 0.0);
        assert_eq!(found.len(), 3);
        assert_eq!(
            found[0].warning().as_deref(),
            Some("t: a: not_null on 2026-11-01 (200, expected 50 to 150 (100 on 2026-10-31))")
        );
        assert_eq!(found[2].status, CheckStatus::Skipped);
        assert_eq!(found[2].warning(), None);
    }
}
