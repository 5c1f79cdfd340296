//! `manifest.json`: the resolved graph, the same bytes for the same definitions, documented.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use loudou::run::manifest::Manifest;
use serde_json::{Value, json};

use crate::support::{Folder, night, project_file};

const PIPELINE: &str = r#"sources:
  events:
    from: raw/
    layout: "dt={date}/*"
    format: ndjson
    time: {field: ts, format: iso}
    id: id
    user: user
    columns: {event: string, phone: {type: string, personal: true}}
    freshness: {fail_after: 1d}
funnels:
  buy:
    on: events
    window: 25h
    steps: [{name: view, when: "event = 'view'"}, {name: pay, when: "event = 'pay'"}]
"#;

fn project() -> Folder {
    let project = project_file("Asia/Shanghai");
    Folder::new(&[
        ("pipelines/_project.yaml", project.as_str()),
        ("pipelines/small.yaml", PIPELINE),
        (
            "sql/staging/stg_events.sql",
            "select date, user_id from events",
        ),
        (
            "sql/staging/stg_events.yaml",
            "build: view\ngrain: one row per event\nkey: [date]\ncolumns: {date: {type: date}, user_id: {type: string}}\n",
        ),
        (
            "sql/marts/users.sql",
            "select date, user_id from stg_events where date between $start and $end group by date, user_id",
        ),
        (
            "sql/marts/users.yaml",
            "build: by_date\ngrain: one row per day and user\nkey: [date, user_id]\nreads: {stg_events: {before: 2d}}\ncolumns: {date: {type: date}, user_id: {type: string}}\nchecks: [{relationship: {columns: [user_id], to: events, severity: warn}}]\n",
        ),
        ("sql/marts/total.sql", "select count(*) as users from users"),
        (
            "sql/marts/total.yaml",
            "build: whole\ngrain: one row\nkey: [users]\ncolumns: {users: {type: int64, unit: users}}\n",
        ),
    ])
}

async fn manifest(folder: &Folder) -> Value {
    let workspace = folder.workspace().await;
    let text = Manifest::of(&workspace).unwrap().text().unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn the_graph_is_resolved() {
    let folder = project();
    let written = manifest(&folder).await;
    let nodes = written["nodes"].as_object().unwrap();
    assert_eq!(
        nodes.keys().collect::<Vec<_>>(),
        [
            "funnel.buy",
            "model.funnel_ends",
            "model.funnel_steps",
            "model.funnel_totals",
            "model.stg_events",
            "model.total",
            "model.users",
            "source.events"
        ]
    );
    assert_eq!(
        written["build_order"],
        json!([
            "model.funnel_totals",
            "model.funnel_ends",
            "model.funnel_steps",
            "model.users",
            "model.total"
        ])
    );
    let users = &nodes["model.users"];
    assert_eq!(
        users["depends_on"],
        json!([{"node": "model.stg_events", "before_days": 2, "after_days": 0}])
    );
    assert_eq!(
        users["sees"],
        json!([{"node": "source.events", "before_days": 2, "after_days": 0}])
    );
    assert_eq!(users["parents"], json!(["model.stg_events"]));
    assert_eq!(users["children"], json!(["model.total"]));
    assert_eq!(
        users["checks"].as_array().unwrap().last().unwrap(),
        &json!({"check": "user_id: relationship to events.user_id", "severity": "warn", "reads": ["source.events"]})
    );
    assert_eq!(
        nodes["model.total"]["depends_on"],
        json!([{"node": "model.users"}])
    );
    assert_eq!(
        nodes["funnel.buy"]["depends_on"],
        json!([{"node": "source.events", "before_days": 0, "after_days": 2}])
    );
    assert_eq!(
        nodes["model.funnel_totals"]["parents"],
        json!(["funnel.buy", "source.events"])
    );
    assert_eq!(
        nodes["model.funnel_steps"]["parents"],
        json!(["model.funnel_totals"])
    );
    let events = &nodes["source.events"];
    assert_eq!(
        (&events["line"], &events["files"]),
        (&json!(2), &json!(["pipelines/small.yaml"]))
    );
    let columns = events["columns"].as_array().unwrap();
    assert!(columns.contains(&json!({"name": "phone", "type": "string", "personal": true})));
    // What a node has as parent has it as child.
    for (id, node) in nodes {
        for parent in node["parents"].as_array().unwrap() {
            let children = nodes[parent.as_str().unwrap()]["children"]
                .as_array()
                .unwrap();
            assert!(children.contains(&json!(id)), "{parent} → {id}");
        }
    }
}

#[tokio::test]
async fn the_same_definitions_give_the_same_bytes_anywhere() {
    let (one, two) = (project(), project());
    let text = |folder: &Folder| fs::read_to_string(folder.path(".loudou/manifest.json")).unwrap();
    let hour = "2026-11-17T03:00:00+08:00";
    one.run(night(hour).of("2026-11-16", "2026-11-16")).await;
    two.run(night(hour).of("2026-11-16", "2026-11-16")).await;
    assert_eq!(text(&one), text(&two));
    let place = one.path("").canonicalize().unwrap();
    assert!(!text(&one).contains(place.to_str().unwrap()));

    // A new comment line moves a source; only its SQL or contract changes a model.
    let before = manifest(&one).await;
    one.write("pipelines/small.yaml", format!("# moved\n{PIPELINE}"));
    let mut moved = manifest(&one).await;
    for id in ["source.events", "funnel.buy"] {
        assert_eq!(
            moved["nodes"][id]["line"],
            json!(before["nodes"][id]["line"].as_u64().unwrap() + 1)
        );
        moved["nodes"][id]["line"] = before["nodes"][id]["line"].clone();
    }
    assert_eq!(moved, before);
    one.write(
        "sql/marts/total.sql",
        "select count(user_id) as users from users",
    );
    let changed = manifest(&one).await;
    let hash = |manifest: &Value, id: &str| manifest["nodes"][id]["hash"].clone();
    assert_ne!(hash(&changed, "model.total"), hash(&before, "model.total"));
    assert_eq!(hash(&changed, "model.users"), hash(&before, "model.users"));
}

/// Every key of the built-in project's manifest and of a run's results stands in the docs.
#[tokio::test]
async fn every_key_is_documented() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/results.md");
    let docs = fs::read_to_string(docs).unwrap();
    let folder = project();
    folder.write(
        "raw/dt=2026-11-16/a.ndjson",
        "{\"id\": \"1\", \"ts\": \"2026-11-16T10:00:00+08:00\", \"user\": \"u\", \"event\": \"view\"}\n",
    );
    folder
        .run(night("2026-11-17T03:00:00+08:00").of("2026-11-16", "2026-11-16"))
        .await;
    let mut keys = BTreeSet::new();
    for file in ["manifest.json", "run_results.json"] {
        let text = fs::read_to_string(folder.path(&format!(".loudou/{file}"))).unwrap();
        collect(&serde_json::from_str(&text).unwrap(), &mut keys);
    }
    assert!(keys.len() > 40, "{keys:?}");
    let missing: Vec<&String> = keys
        .iter()
        // Ids of nodes and the counts of ingest are no keys of ours to explain one by one.
        .filter(|key| !key.contains('.'))
        .filter(|key| !docs.contains(&format!("`{key}`")))
        .collect();
    assert!(missing.is_empty(), "not in docs/results.md: {missing:?}");
}

fn collect(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => {
            for (key, inner) in entries {
                keys.insert(key.clone());
                collect(inner, keys);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, keys)),
        _ => {}
    }
}
