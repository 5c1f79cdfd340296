//! The demo at three seeds against DuckDB's recount of its raw files, committed with the version that
//! made it (`tests/oracles/demo_recount.json`; `tests/oracles/demo_figures.py` makes it anew).

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::cli::{query, succeeds};

fn by_key(rows: Vec<Value>, key: &[&str]) -> BTreeMap<String, Value> {
    rows.into_iter()
        .map(|row| {
            let name = key
                .iter()
                .map(|column| {
                    row[*column]
                        .as_str()
                        .map_or(row[*column].to_string(), String::from)
                })
                .collect::<Vec<_>>()
                .join("/");
            (name, row)
        })
        .collect()
}

/// Compares numbers of two JSON values; decimals stand as text in one and as numbers in the other.
fn same(left: &Value, right: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::String(text) => text.parse::<f64>().ok(),
        other => other.as_f64(),
    };
    match (number(left), number(right)) {
        (Some(left), Some(right)) => (left - right).abs() <= 1e-12 * left.abs().max(1.0),
        _ => left == right,
    }
}

#[test]
fn every_count_is_that_of_the_recount_at_three_seeds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("tests/oracles/demo_recount.json")).unwrap();
    let figures: Value = serde_json::from_str(&text).unwrap();
    let seeds = figures["seeds"].as_object().unwrap();
    assert_eq!(seeds.len(), 3);
    for (seed, recounted) in seeds {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("demo");
        let (users, days) = (figures["users"].to_string(), figures["days"].to_string());
        let folder_name = project.to_str().unwrap();
        succeeds(
            folder.path(),
            &[
                "demo",
                folder_name,
                "--seed",
                seed,
                "--users",
                &users,
                "--days",
                &days,
                "--locale",
                "en",
            ],
        );
        let truth = std::fs::read_to_string(project.join("truth.json")).unwrap();
        let truth: Value = serde_json::from_str(&truth).unwrap();
        assert_eq!(truth["drawn"], *recounted, "seed {seed}: what was drawn");
        published(seed, &project, recounted);
    }
}

fn published(seed: &str, project: &Path, recounted: &Value) {
    let mut compared = 0;
    let mut check = |what: String, expected: &Value, row: Option<&Value>, column: &str| {
        let found = row.map_or(&Value::Null, |row| &row[column]);
        assert!(
            same(expected, found),
            "seed {seed}, {what}/{column}: {expected} and {found}"
        );
        compared += 1;
    };
    let core = by_key(
        query(project, "select * from daily_core"),
        &["date", "platform"],
    );
    for (date, platforms) in recounted["daily_core"].as_object().unwrap() {
        for (platform, counts) in platforms.as_object().unwrap() {
            let row = core.get(&format!("{date}/{platform}"));
            // Views without a user are those of the single-page mode, which stand apart.
            let with_user = |counts: &Value| {
                Some(counts["page_views"].as_u64()? - counts["page_views_without_user"].as_u64()?)
            };
            let mut counts = counts.clone();
            counts["page_views"] = with_user(&counts).into();
            for column in [
                "visitors",
                "new_users",
                "sessions",
                "page_views",
                "registrations",
                "new_registrations",
                "payers",
                "new_payers",
                "orders",
                "paid_gmv",
                "exposed",
            ] {
                check(
                    format!("daily_core/{date}/{platform}"),
                    &counts[column],
                    row,
                    column,
                );
            }
        }
    }
    let pages = by_key(
        query(project, "select * from page_daily"),
        &["date", "page"],
    );
    for (date, counted) in recounted["page_daily"].as_object().unwrap() {
        for (page, counts) in counted.as_object().unwrap() {
            let row = pages.get(&format!("{date}/{page}"));
            for column in [
                "views",
                "visitors",
                "entries",
                "exits",
                "bounces",
                "median_dwell_us",
            ] {
                check(
                    format!("page_daily/{date}/{page}"),
                    &counts[column],
                    row,
                    column,
                );
            }
        }
    }
    let key = ["funnel", "date", "segment", "basis", "step_no"];
    let steps = by_key(query(project, "select * from funnel_steps"), &key);
    for (funnel, dates) in recounted["funnels"].as_object().unwrap() {
        for (date, segments) in dates.as_object().unwrap() {
            for (segment, bases) in segments.as_object().unwrap() {
                for (basis, reached) in bases.as_object().unwrap() {
                    for (at, count) in reached.as_array().into_iter().flatten().enumerate() {
                        let name = format!("{funnel}/{date}/{segment}/{basis}/{}", at + 1);
                        if count != 0 || steps.contains_key(&name) {
                            check(
                                format!("funnel_steps/{name}"),
                                count,
                                steps.get(&name),
                                "reached",
                            );
                        }
                    }
                }
            }
        }
    }
    assert!(compared > 1000, "{compared} figures compared");
}

#[test]
fn raw_logs_alone_are_those_of_the_whole_demo() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, more: &[&str]| {
        let project = folder.path().join(name);
        let dir = project.to_str().unwrap();
        let arguments = ["-q", "demo", dir, "--users", "60", "--days", "3"];
        succeeds(folder.path(), &[&arguments[..], more].concat());
        project
    };
    let (whole, raw) = (write("whole", &[]), write("raw", &["--raw-only"]));
    let files = |project: &Path| {
        let events = project.join("raw/events");
        let mut found = Vec::new();
        for date in std::fs::read_dir(events).unwrap() {
            for hour in std::fs::read_dir(date.unwrap().path()).unwrap() {
                let path = hour.unwrap().path().join("part-0.ndjson.gz");
                let below = path.strip_prefix(project).unwrap().to_path_buf();
                found.push((below, std::fs::read(path).unwrap()));
            }
        }
        found.sort();
        found
    };
    assert_eq!(files(&whole).len(), 3 * 24);
    assert!(files(&whole) == files(&raw));
    assert!(whole.join("warehouse").is_dir() && whole.join("truth.json").is_file());
    assert!(!raw.join("warehouse").exists() && !raw.join("truth.json").exists());
    assert!(raw.join("pipelines/shop.yaml").is_file());
}
