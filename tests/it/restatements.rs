//! What a run says of days that it publishes anew: which key figures, from what to what, because of which
//! inputs; maturing kept apart. Every figure here is worked out by hand.

use loudou::run::results::RunResults;
use loudou::table::restatement::{Restatement, read_all};
use loudou::table::warehouse::Warehouse;
use serde_json::{Value, json};

use crate::cli::{query, succeeds};
use crate::nights::{after, days, event, project, write_days};
use crate::support::{Folder, step};

const DAILY: &str = "build: by_date
grain: one row per day and platform
key: [date, platform]
columns:
  date: {type: date}
  platform: {type: string}
  events: {type: int64, unit: events}
  users: {type: int64, unit: users}
  amount: {type: \"decimal(18,2)\", unit: currency}
key_figures: {columns: [events, amount], by: [platform]}
";
const AROUND: &str = "build: by_date
grain: one row per day
key: [date]
reads: {stg_events: {before: 1d, after: 1d}}
columns: {date: {type: date}, events: {type: int64, unit: events}}
";
const TOTAL: &str = "build: whole
grain: one row per platform
key: [platform]
columns: {platform: {type: string}, events: {type: int64, unit: events}}
";
const MATURING_SQL: &str = "select date, count(*) as events, date < $complete_through as is_mature from stg_events where date between $start and $end group by date";
const MATURING: &str = "build: by_date
grain: one row per day
key: [date]
matures_after: 1d
columns: {date: {type: date}, events: {type: int64, unit: events}, is_mature: {type: bool}}
";

/// Two events a day and a late one of the day before: three of each day from the 16th to the 20th, two of
/// the 21st.
fn restating() -> Folder {
    let folder = project();
    for (path, text) in [
        ("daily", DAILY),
        ("around", AROUND),
        ("total", TOTAL),
        ("maturing", MATURING),
    ] {
        folder.write(&format!("sql/marts/{path}.yaml"), text);
    }
    folder.write("sql/marts/maturing.sql", MATURING_SQL);
    write_days(&folder);
    folder
}

fn as_json(results: &RunResults, table: &str) -> Vec<Value> {
    let of_table = |found: &&Restatement| found.table == table;
    results
        .restatements
        .iter()
        .filter(of_table)
        .map(|found| {
            let mut found = serde_json::to_value(found).unwrap();
            let fields = found.as_object_mut().unwrap();
            assert_eq!(fields.remove("table").unwrap(), table);
            assert_eq!(
                fields.remove("recorded_at").unwrap(),
                "2026-11-21T19:00:00Z"
            );
            fields.remove("run");
            found
        })
        .collect()
}

#[tokio::test]
async fn a_late_row_restates_its_day_and_the_days_that_read_it() {
    let folder = restating();
    let results = folder.run_well(after(20)).await;
    assert_eq!(results.restatements, [], "nothing was published before");
    folder.write(
        "raw/dt=2026-11-20/more.ndjson",
        event("more", "2026-11-19T05:00:00+08:00", "u3", "web"),
    );
    let results = folder.run_well(after(21)).await;
    let late = json!({"kind": "late_objects", "table": "events", "objects": 1, "example": "dt=2026-11-20/more.ndjson"});
    assert_eq!(
        as_json(&results, "events"),
        [json!({
            "date": "2026-11-19",
            "kind": "restatement",
            "figures": [{"figure": "rows", "before": "3", "after": "4"}],
            "causes": [late],
        })]
    );
    let events = json!({"kind": "input_restated", "table": "events", "dates": ["2026-11-19"]});
    assert_eq!(
        as_json(&results, "daily"),
        [json!({
            "date": "2026-11-19",
            "kind": "restatement",
            "declared": true,
            "figures": [
                {"figure": "events", "of": "web", "unit": "events", "before": null, "after": "1"},
                {"figure": "amount", "of": "web", "unit": "currency", "before": null, "after": "1.10"},
                {"figure": "rows", "of": "web", "before": null, "after": "1"},
            ],
            "causes": [events],
        })]
    );
    // The 20th was published without the 21st, so that part of its change is no restatement.
    let around = |date: u32, before: &str, after: &str, causes: Value| {
        json!({
            "date": format!("2026-11-{date}"),
            "kind": "restatement",
            "figures": [{"figure": "events", "unit": "events", "before": before, "after": after}],
            "causes": causes,
        })
    };
    let later = json!({"kind": "later_days", "table": "events", "dates": ["2026-11-21"]});
    assert_eq!(
        as_json(&results, "around"),
        [
            around(18, "9", "10", json!([events])),
            around(19, "9", "10", json!([events])),
            around(20, "6", "9", json!([events, later])),
        ]
    );
    // 15 events of the 16th to 20th; then one more, and two of the 21st.
    assert_eq!(
        as_json(&results, "total"),
        [json!({
            "date": null,
            "kind": "restatement",
            "figures": [
                {"figure": "events", "unit": "events", "before": "15", "after": "18"},
                {"figure": "rows", "before": "2", "after": "3"},
            ],
            "causes": [
                {"kind": "input_restated", "table": "daily", "dates": ["2026-11-19"]},
                {"kind": "later_days", "table": "daily", "dates": ["2026-11-21"]},
            ],
        })]
    );
    // The 20th only matured: its count is what it was.
    let maturing = as_json(&results, "maturing");
    assert_eq!(maturing.len(), 2);
    assert_eq!(
        (
            &maturing[0]["date"],
            &maturing[0]["kind"],
            &maturing[0]["causes"]
        ),
        (
            &json!("2026-11-19"),
            &json!("restatement"),
            &json!([events])
        )
    );
    assert_eq!(
        maturing[1],
        json!({
            "date": "2026-11-20",
            "kind": "maturation",
            "figures": [],
            "causes": [{"kind": "days_complete"}],
        })
    );

    // The record is the same wherever it is read.
    assert_eq!(
        read_all(&Warehouse::local(folder.path("warehouse")))
            .await
            .unwrap(),
        results.restatements
    );
    let rows = query(
        &folder.path(""),
        "select table_name, date, figure, before, after, causes from restatements where kind = 'restatement' and \"of\" = 'web' and figure = 'amount'",
    );
    assert_eq!(
        rows,
        [json!({
            "table_name": "daily",
            "date": "2026-11-19",
            "figure": "amount",
            "before": null,
            "after": 1.1,
            "causes": "events 2026-11-19 restated",
        })]
    );
    let text = succeeds(&folder.path(""), &["ls", "--restatements"]);
    assert!(
        text.contains("events 6 → 9")
            && text.contains("events: 1 late object (dt=2026-11-20/more.ndjson)"),
        "{text}"
    );
    // A rerun restates nothing.
    let again = folder.run_well(after(21)).await;
    assert_eq!(again.restatements, []);
    assert_eq!(
        read_all(&Warehouse::local(folder.path("warehouse")))
            .await
            .unwrap()
            .len(),
        results.restatements.len()
    );
}

#[tokio::test]
async fn the_summary_tells_a_restated_day_in_two_lines_from_its_raw_objects() {
    let folder = restating();
    folder.run_well(after(20)).await;
    folder.write(
        "raw/dt=2026-11-20/more.ndjson",
        event("more", "2026-11-19T05:00:00+08:00", "u3", "web"),
    );
    let text = succeeds(
        &folder.path(""),
        &["--as-of", "2026-11-22T03:00", "run", "--no-reports"],
    );
    for lines in [
        "\nrestated 2026-11-18: around events 9 → 10\n  because of events: 1 late object (dt=2026-11-20/more.ndjson)\n",
        "\nrestated 2026-11-19: daily events (web) none → 1, amount (web) none → 1.10, rows (web) none → 1; around events 9 → 10; maturing events 3 → 4; also events\n  because of events: 1 late object (dt=2026-11-20/more.ndjson)\n",
        "\nrestated 2026-11-20: around events 6 → 9\n  because of events 2026-11-21 is there; events: 1 late object (dt=2026-11-20/more.ndjson)\n",
        "\nrestated whole: total events 15 → 18, rows 2 → 3\n",
        "\nmatured, since more days are complete: maturing of 2026-11-20\n",
    ] {
        assert!(text.contains(lines), "no {lines} in\n{text}");
    }
}

#[tokio::test]
async fn changed_and_vanished_objects_and_definitions_are_named_and_days_that_only_come_are_growth()
{
    let folder = restating();
    folder.run_well(after(20)).await;
    let results = folder.run_well(after(21)).await;
    let kinds: Vec<(&str, String, &str)> = results
        .restatements
        .iter()
        .map(|found| {
            let date = found
                .date
                .map_or("whole".to_string(), |date| date.to_string());
            (found.table.as_str(), date, found.kind.word())
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("around", days(&[20])[0].clone(), "maturation"),
            ("maturing", days(&[20])[0].clone(), "maturation"),
            ("total", "whole".to_string(), "maturation"),
        ]
    );
    let causes = |results: &RunResults, table: &str| -> Vec<String> {
        let of_table = |found: &&Restatement| found.table == table;
        results
            .restatements
            .iter()
            .filter(of_table)
            .flat_map(|found| &found.causes)
            .map(|cause| cause.words())
            .collect()
    };
    folder.remove("raw/dt=2026-11-18/0.ndjson");
    folder.write(
        "raw/dt=2026-11-18/1.ndjson",
        event("18-1", "2026-11-18T11:00:00+08:00", "u2", "web"),
    );
    let results = folder.run_well(after(21)).await;
    assert_eq!(
        causes(&results, "events"),
        [
            "events: 1 changed object (dt=2026-11-18/1.ndjson)",
            "events: 1 vanished object (dt=2026-11-18/0.ndjson)"
        ]
    );
    assert_eq!(causes(&results, "daily"), ["events 2026-11-18 restated"]);
    folder.edit("sql/marts/daily.sql", "sum(amount)", "2 * sum(amount)");
    let results = folder.run_well(after(21).full_refresh()).await;
    assert_eq!(step(&results, "events").changed, Vec::<String>::new());
    assert_eq!(causes(&results, "daily").len(), 6);
    assert!(
        causes(&results, "daily")
            .iter()
            .all(|cause| cause == "another definition")
    );
    let amount = results.restatements[0].figures[0].words();
    assert_eq!(amount, "amount (android) 1.10 → 2.20");
    // What is read from it: only its events, which are what they were.
    assert_eq!(causes(&results, "total"), Vec::<String>::new());
}
