//! Logs and declarations that change: new fields, other types, other columns.

use loudou::run::plan;
use serde_json::json;

use crate::cli::loudou;
use crate::support::{Folder, column, night, project_file, step};

const PIPELINE: &str = r#"sources:
  events:
    from: raw/
    layout: "{date}/*"
    format: ndjson
    time: {field: ts, format: iso}
    id: id
    user: user
    quarantine: {at_most: 60%}
    columns:
      event: string
      amount: {type: "decimal(12,2)"}
      rank: {type: int64, wrong: null}
      price: float64
      label: string
"#;

fn project() -> Folder {
    Folder::new(&[
        ("pipelines/_project.yaml", &project_file("Asia/Shanghai")),
        ("pipelines/small.yaml", PIPELINE),
        (
            "sql/marts/daily.sql",
            "select date, count(*) as events, sum(amount) as amount from events where date between $start and $end group by date",
        ),
        (
            "sql/marts/daily.yaml",
            "build: by_date\ngrain: one row per day\nkey: [date]\ncolumns:\n  date: {type: date}\n  events: {type: int64}\n  amount: {type: \"decimal(22,2)\"}\n",
        ),
    ])
}

fn line(id: &str, day: u32, more: &serde_json::Value) -> String {
    let mut line = json!({"id": id, "ts": format!("2026-11-{day}T10:00:00+08:00"), "user": "u", "event": "view"});
    let fields = more.as_object().unwrap().clone();
    line.as_object_mut().unwrap().extend(fields);
    format!("{line}\n")
}

fn after(day: u32) -> crate::support::Night {
    night(&format!("2026-11-{}T12:00:00+08:00", day + 1))
}

#[tokio::test]
async fn new_fields_stay_in_props_and_are_named_once() {
    let folder = project();
    folder.write("raw/2026-11-20/a", line("a", 20, &json!({"color": "red"})));
    let first = folder.run_well(after(20)).await;
    assert_eq!(
        first.warnings,
        Vec::<String>::new(),
        "nothing to compare with"
    );

    let more = json!({"color": "red", "coupon": "c1", "user.id": 7, "deep": {"x": 1}});
    let lines: String = ["b", "c"].map(|id| line(id, 21, &more)).concat();
    folder.write("raw/2026-11-21/a", lines);
    folder.write("raw/2026-11-21/b", line("d", 21, &json!({"coupon": null})));
    let second = folder.run_well(after(21)).await;
    assert_eq!(
        second.warnings,
        [
            "events: new fields, kept in props: coupon (3 rows, first in 2026-11-21/a), deep (2 rows, first in 2026-11-21/a), user.id (2 rows, first in 2026-11-21/a); declare what is needed as columns"
        ]
    );
    let report = serde_json::to_value(step(&second, "events").ingest.as_ref().unwrap()).unwrap();
    assert_eq!(
        report["new_fields"][0],
        json!({"name": "coupon", "rows": 3, "first_object": "2026-11-21/a"})
    );
    let props = folder.column("events", "2026-11-21", "props");
    assert_eq!(
        props[0],
        r#"{"color":"red","coupon":"c1","user.id":7,"deep":{"x":1}}"#
    );

    folder.write("raw/2026-11-22/a", line("e", 22, &more));
    let third = folder.run_well(after(22)).await;
    assert_eq!(third.warnings, Vec::<String>::new(), "known by now");
}

#[tokio::test]
async fn a_field_of_another_type_is_set_aside_or_widened_and_counted() {
    let folder = project();
    let lines = [
        line(
            "a",
            21,
            &json!({"amount": "12.50", "rank": 1, "price": 1, "label": 7}),
        ),
        line("b", 21, &json!({"amount": {"value": 1}, "rank": 2})),
        line("c", 21, &json!({"amount": "12,50", "rank": "first"})),
        line(
            "d",
            21,
            &json!({"amount": 3, "rank": "second", "label": true}),
        ),
        "{nonsense}\n".to_owned(),
    ];
    folder.write("raw/2026-11-21/a.gz", lines.concat());
    let results = folder.run_well(after(21)).await;
    let report = serde_json::to_value(step(&results, "events").ingest.as_ref().unwrap()).unwrap();
    assert_eq!(
        report["set_aside"],
        json!([
            {"column": "amount", "reason": "wrong_type", "lines": 2, "first_object": "2026-11-21/a.gz", "first_line": 2},
            {"column": null, "reason": "not_json", "lines": 1, "first_object": "2026-11-21/a.gz", "first_line": 5},
        ])
    );
    assert_eq!(
        report["made_null"],
        json!({"rank": 1}),
        "only of rows that stay"
    );
    let rows = folder.rows("events", "2026-11-21");
    assert_eq!(column(&rows, "price"), ["1.0", "null"]);
    assert_eq!(column(&rows, "label"), ["7", "true"]);
    assert_eq!(column(&rows, "rank"), ["1", "null"]);

    folder.remove("raw/2026-11-21/a.gz");
    folder.write("raw/2026-11-21/a.gz", lines.concat());
    let output = loudou(
        &folder.path(""),
        &[
            "--as-of",
            "2026-11-22T12:00",
            "run",
            "--full-refresh",
            "--date",
            "2026-11-21",
        ],
    );
    let text = String::from_utf8(output.stdout).unwrap();
    for told in [
        "set aside: amount wrong_type in 2 lines, first in 2026-11-21/a.gz line 2",
        "set aside: not_json in 1 lines, first in 2026-11-21/a.gz line 5",
        "wrong and made null: rank in 1 rows",
    ] {
        assert!(text.contains(told), "{text}");
    }
}

#[tokio::test]
async fn a_changed_declaration_is_told_by_the_plan() {
    let folder = project();
    folder.write("raw/2026-11-20/a", line("a", 20, &json!({"amount": 1})));
    folder.run_well(after(20)).await;
    let planned = async || {
        let workspace = folder.workspace().await;
        let plan = plan::plan(&workspace, &after(20).options()).await.unwrap();
        let steps = plan.steps.into_iter();
        steps
            .map(|step| (step.name, step.columns))
            .collect::<Vec<_>>()
    };
    assert_eq!(planned().await, [], "nothing has changed");
    folder.edit(
        "pipelines/small.yaml",
        "      label: string\n",
        "      tags: list(string)\n",
    );
    folder.edit(
        "pipelines/small.yaml",
        "price: float64",
        "price: \"decimal(10,3)\"",
    );
    folder.edit(
        "sql/marts/daily.yaml",
        "  events: {type: int64}\n",
        "  views: {type: int64}\n",
    );
    folder.edit("sql/marts/daily.sql", "as events", "as views");
    let told = |text: &[&str]| {
        text.iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        planned().await,
        [
            (
                "events".to_owned(),
                told(&[
                    "column price was float64 and is decimal(10,3)",
                    "column tags (list(string)) is new",
                    "column label (string) is gone",
                ])
            ),
            (
                "daily".to_owned(),
                told(&[
                    "column views (int64) is new",
                    "column events (int64) is gone"
                ])
            ),
        ]
    );
    let output = loudou(&folder.path(""), &["--as-of", "2026-11-21T12:00", "plan"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("column views (int64) is new, column events (int64) is gone"),
        "{text}"
    );
}
