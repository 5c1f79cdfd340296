//! The clickstream of `tests/projects/ecom`: figures that retentioneering and ClickHouse gave.

use std::path::Path;

use serde_json::json;

use crate::cli::{copy_folder, query, succeeds};

const STEPS: &str = "event = 'product_view', event = 'add_to_cart', event = 'cart', \
     event = 'shipping_details', event = 'payment_details', event = 'purchase'";

/// Steps in the order of the declaration, the optional wish list second; entry days up to 2024-06-28, which
/// are due.
const CHECKOUT_REACHED: [i64; 7] = [2845, 403, 935, 471, 183, 66, 14];
const CHECKOUT_ENDS: [&str; 14] = [
    "product_view elsewhere 1670",
    "product_view gone 240",
    "add_to_cart elsewhere 353",
    "add_to_cart gone 111",
    "cart elsewhere 187",
    "cart excluded 23",
    "cart gone 78",
    "shipping elsewhere 53",
    "shipping excluded 13",
    "shipping gone 51",
    "payment elsewhere 6",
    "payment excluded 6",
    "payment gone 40",
    "purchase converted 14",
];

fn reached(project: &Path, entity: &str) -> Vec<i64> {
    let sql = format!(
        "with levels as (
             select window_funnel(interval '400 days', 'default', event_time, {STEPS}) as level
             from events group by {entity}
         )
         select step, count(*) filter (where level >= step) as reached
         from levels cross join unnest(range(1, 7)) as steps(step)
         group by step order by step"
    );
    query(project, &sql)
        .iter()
        .map(|row| row["reached"].as_i64().unwrap())
        .collect()
}

#[test]
fn sessions_funnels_and_duplicates_are_those_of_independent_tools() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects/ecom");
    copy_folder(&source, project);
    let run = [
        "--as-of",
        "2024-07-01T12:00",
        "run",
        "--from",
        "2024-01-04",
        "--to",
        "2024-06-29",
    ];
    let text = succeeds(project, &[&run[..], &["--format", "json"]].concat());
    let results: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ingest = &results["steps"][0]["ingest"];
    assert_eq!(ingest["lines"], 31_106);
    assert_eq!(ingest["duplicates"], 30);
    assert_eq!(ingest["bad_lines"], 0);

    // Sessions: ours and the given ones are the same sets of events.
    let sessions = query(
        project,
        "select count(*) as ours, count(distinct given_session_id) as given, max(given_sessions) as most
         from int_sessions",
    );
    assert_eq!(sessions[0], json!({"ours": 3605, "given": 3605, "most": 1}));
    let daily = query(project, "select sum(sessions) as sessions from daily_core");
    assert_eq!(daily[0]["sessions"], 3605);

    assert_eq!(reached(project, "user_id"), [598, 517, 429, 329, 222, 114]);
    assert_eq!(
        reached(project, "given_session_id"),
        [2868, 944, 477, 194, 72, 15]
    );

    // A declared funnel with an optional step, a step's own time and an exclusion: figures of
    // tests/oracles/ecom_checkout.py, which keeps every chain of every session.
    let steps = query(
        project,
        "select step, sum(entrants) as entrants, sum(reached) as reached from funnel_steps
         where funnel = 'checkout' and breakdown = 'overall' and basis = 'mature' and date <= '2024-06-28'
         group by step_no, step order by step_no",
    );
    let reached: Vec<_> = steps.iter().map(|row| row["reached"].clone()).collect();
    assert_eq!(reached, CHECKOUT_REACHED);
    let ends = query(
        project,
        "select concat(step, ' ', end_state, ' ', sum(entities)) as line from funnel_ends
         where funnel = 'checkout' and breakdown = 'overall' and basis = 'mature' and date <= '2024-06-28'
         group by step_no, step, end_state order by step_no, end_state",
    );
    let ends: Vec<_> = ends
        .iter()
        .map(|row| row["line"].as_str().unwrap())
        .collect();
    assert_eq!(ends, CHECKOUT_ENDS);

    let page = project.join("warehouse/_site/2024-06-29/operations.en.html");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("Purchase funnel"), "the page has its funnel");

    // The same again: nothing to do, and the same bytes after a full refresh.
    let hash = |table: &str| {
        let path = project.join(format!("warehouse/{table}/dt=2024-03-13/data.parquet"));
        std::fs::read(path).unwrap()
    };
    let before = ["events", "int_sessions", "funnel_steps", "daily_core"].map(hash);
    let again = succeeds(project, &run);
    assert!(
        again.contains("178 done already with the same inputs and definitions"),
        "{again}"
    );
    let _ = succeeds(project, &[&run[..], &["--full-refresh"]].concat());
    assert!(before == ["events", "int_sessions", "funnel_steps", "daily_core"].map(hash));
}
