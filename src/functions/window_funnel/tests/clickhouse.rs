//! Levels that ClickHouse gives: `tests/oracles/window_funnel_cases.json` (its public tests and the
//! version named there agree) and `window_funnel_random.json` (made by `window_funnel_chdb.py`).

use serde::Deserialize;

use crate::functions::sql_testing::{context_in, table_of};

#[derive(Deserialize)]
struct Cases {
    logs: std::collections::BTreeMap<String, Vec<LogRow>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct LogRow {
    user: u32,
    t: i64,
    event: String,
}

#[derive(Deserialize)]
struct Case {
    id: u32,
    log: String,
    window: i64,
    modes: Vec<String>,
    steps: Vec<String>,
    expected: std::collections::BTreeMap<u32, i64>,
}

#[derive(Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    modes: Vec<String>,
    window: i64,
    steps: Vec<Vec<String>>,
    logs: Vec<Vec<(i64, String)>>,
    levels: Vec<i64>,
}

/// The query `user|level` over rows of (user, time, event).
fn query(window: i64, modes: &[String], steps: &[String], rows: &[String]) -> String {
    let mode = if modes.is_empty() {
        "default".to_owned()
    } else {
        modes.join(", ")
    };
    format!(
        "select u, window_funnel({window}, '{mode}', t, {}) from (values {}) as v(u, t, e) group by u order by u",
        steps.join(", "),
        rows.join(", "),
    )
}

#[tokio::test]
async fn published_cases() {
    let cases: Cases = serde_json::from_str(include_str!(
        "../../../../tests/oracles/window_funnel_cases.json"
    ))
    .unwrap();
    let ctx = context_in(chrono_tz::UTC);
    let mut tested = 0;
    for case in &cases.cases {
        if case.modes.iter().any(|mode| mode == "allow_reentry") {
            continue;
        }
        let rows: Vec<_> = cases.logs[&case.log]
            .iter()
            .map(|row| format!("({}, {}, '{}')", row.user, row.t, row.event))
            .collect();
        let steps: Vec<_> = case
            .steps
            .iter()
            .map(|step| format!("e = '{step}'"))
            .collect();
        let found = table_of(&ctx, &query(case.window, &case.modes, &steps, &rows)).await;
        for (user, level) in &case.expected {
            assert!(
                found.contains(&format!("{user}|{level}")),
                "case {}: user {user} is not {level} in {found:?}",
                case.id
            );
        }
        tested += 1;
    }
    assert_eq!(tested, 25);
}

#[tokio::test]
async fn random_logs() {
    let groups: Groups = serde_json::from_str(include_str!(
        "../../../../tests/oracles/window_funnel_random.json"
    ))
    .unwrap();
    let ctx = context_in(chrono_tz::UTC);
    for group in &groups.groups {
        let rows: Vec<_> = (0..)
            .zip(&group.logs)
            .flat_map(|(user, log): (u32, _)| {
                log.iter()
                    .map(move |(t, event)| format!("({user}, {t}, '{event}')"))
            })
            .collect();
        let steps: Vec<_> = group
            .steps
            .iter()
            .map(|step| format!("e in ('{}')", step.join("', '")))
            .collect();
        let sql = query(group.window, &group.modes, &steps, &rows);
        let expected: Vec<_> = (0..)
            .zip(&group.levels)
            .map(|(user, level): (u32, _)| format!("{user}|{level}"))
            .collect();
        assert_eq!(table_of(&ctx, &sql).await, expected, "{sql}");
    }
    assert!(groups.groups.len() >= 50);
}

/// `funnel_path` follows the rules of `strict_once`: its deepest chain is as deep as ClickHouse says.
#[tokio::test]
async fn the_chain_is_as_deep() {
    let groups: Groups = serde_json::from_str(include_str!(
        "../../../../tests/oracles/window_funnel_random.json"
    ))
    .unwrap();
    let ctx = context_in(chrono_tz::UTC);
    let mut with_ties = 0;
    for group in &groups.groups {
        if group.modes != ["strict_once"] {
            continue;
        }
        let steps: Vec<_> = group
            .steps
            .iter()
            .map(|step| format!("e in ('{}')", step.join("', '")))
            .collect();
        for (log, level) in group.logs.iter().zip(&group.levels) {
            let times: std::collections::BTreeSet<i64> = log.iter().map(|(t, _)| *t).collect();
            with_ties += u32::from(times.len() < log.len());
            let rows: Vec<_> = log.iter().map(|(t, e)| format!("({t}, '{e}')")).collect();
            let sql = format!(
                "select coalesce(max(entry['level']), 0) from (
                   select unnest(funnel_path('window {}s', date '1970-01-01', date '1970-01-01', null,
                     date '1970-01-01', to_timestamp_micros(t * 1000000), e, null, null, null, {})) as entry
                   from (values {}) as v(t, e))",
                group.window,
                steps.join(", "),
                rows.join(", "),
            );
            assert_eq!(table_of(&ctx, &sql).await, [level.to_string()], "{sql}");
        }
    }
    assert!(with_ties >= 10);
}
