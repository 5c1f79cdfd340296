//! One log under three well-known rule sets, with the rows that make the difference (docs/funnels.md).
//!
//! ClickHouse and PostHog let a later first step take the place of an earlier one; Mixpanel's default
//! counts from the first. PostHog drops who is excluded, Mixpanel keeps the steps reached. What the others
//! do is written here in a few lines of their own words, so that the difference is between rules, not
//! between programs.

use super::support::{Asked, Given, HOUR};

const MINUTE: i64 = HOUR / 60;

/// Of one user each: what happened at which minute.
const LOG: [(&str, &[(i64, char)]); 5] = [
    ("golden", &[(60, 'A'), (90, 'A'), (105, 'B'), (135, 'C')]),
    ("plain", &[(0, 'A'), (10, 'B'), (20, 'C')]),
    ("excluded", &[(60, 'A'), (70, 'X'), (80, 'B')]),
    (
        "excluded, then anew",
        &[(60, 'A'), (70, 'X'), (75, 'A'), (80, 'B')],
    ),
    (
        "first try deeper",
        &[(0, 'A'), (50, 'B'), (55, 'A'), (112, 'C')],
    ),
];

fn rows(log: &[(i64, char)]) -> Vec<Given> {
    log.iter()
        .map(|(minute, what)| Given {
            time: minute * MINUTE,
            steps: match what {
                'X' => 0,
                step => 1 << (*step as u32 - 'A' as u32),
            },
            exclusions: u32::from(*what == 'X'),
            same: None,
            name: "event",
        })
        .collect()
}

/// Level, or nothing where the user is not in the funnel.
fn ours(log: &[(i64, char)], then: &str) -> Option<usize> {
    let rules = format!("window 1h; exclusion 1 after step 1 before step 2 {then}");
    let entries = Asked::new(&rules, 4).entries(&rows(log), true);
    entries
        .iter()
        .find(|entry| entry.basis == "mature")
        .map(|entry| entry.level)
}

/// Mixpanel's default: the first A opens the window; each step is the next of its kind; an X between A and
/// B ends it with the steps reached.
fn first_entry(log: &[(i64, char)]) -> Option<usize> {
    let start = log.iter().find(|(_, what)| *what == 'A')?.0;
    let mut level = 1;
    for (minute, what) in log
        .iter()
        .filter(|(minute, _)| *minute > start && *minute <= start + 60)
    {
        match (level, what) {
            (1, 'X') => return Some(1),
            (1, 'B') => level = 2,
            (2, 'C') => level = 3,
            _ => {}
        }
        let _ = minute;
    }
    Some(level)
}

#[test]
fn the_rows_that_make_the_difference() {
    let told: Vec<String> = LOG
        .iter()
        .map(|(name, log)| {
            let of =
                |level: Option<usize>| level.map_or("out".to_string(), |level| level.to_string());
            format!(
                "{name}: keep {}, drop {}, first entry {}",
                of(ours(log, "keep")),
                of(ours(log, "drop")),
                of(first_entry(log))
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            // The A of 1:30 takes the place of the one of 1:00.
            "golden: keep 3, drop 3, first entry 2",
            "plain: keep 3, drop 3, first entry 3",
            // X at 1:10: who drops counts nobody.
            "excluded: keep 1, drop out, first entry 1",
            // The A of 1:15 begins anew behind the exclusion.
            "excluded, then anew: keep 2, drop 2, first entry 1",
            // C at 1:52 lies within an hour of the second A, but no B follows that one: two steps for all.
            "first try deeper: keep 2, drop 2, first entry 2",
        ]
    );
}
