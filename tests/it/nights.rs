//! Nights over small projects: what is built and why, what is not, and that the bytes are the same
//! however one gets there.

use std::collections::BTreeMap;
use std::fs;

use loudou::engine::{Engine, EngineOptions, PartitionFile, PublishedTable};
use loudou::run::plan;
use loudou::run::results::Status::{Done, Failed, Skipped, Unchanged};
use loudou::table::log::{RunLog, read_state};
use loudou::table::state::{Commit, CommitPartition};
use loudou::table::warehouse::Warehouse;
use proptest::prelude::*;
use serde_json::json;

use crate::support::{Folder, Night, differing, night, project_file, statuses, step};

const PIPELINE: &str = r#"sources:
  events:
    from: raw/
    layout: "dt={date}/*"
    format: ndjson
    time: {field: ts, format: iso}
    id: id
    user: user
    columns:
      event: string
      platform: string
      amount: "decimal(12,2)"
    late: 1d
    quarantine: {at_most: 100%}
"#;

const MODELS: [(&str, &str); 8] = [
    (
        "sql/staging/stg_events.sql",
        "select date, event_time, user_id, platform, amount from events where user_id is not null",
    ),
    (
        "sql/staging/stg_events.yaml",
        "build: view\ngrain: one row per event\nkey: [date, user_id, event_time]\ncolumns: {date: {type: date}, event_time: {type: timestamp}, user_id: {type: string}, platform: {type: string}, amount: {type: \"decimal(12,2)\"}}\n",
    ),
    (
        "sql/marts/daily.sql",
        "select date, platform, count(*) as events, count(distinct user_id) as users, sum(amount) as amount from stg_events where date between $start and $end group by date, platform",
    ),
    (
        "sql/marts/daily.yaml",
        "build: by_date\ngrain: one row per day and platform\nkey: [date, platform]\ncolumns:\n  date: {type: date}\n  platform: {type: string}\n  events: {type: int64, checks: [{range: {min: 1, max: 1000}}]}\n  users: {type: int64}\n  amount: {type: \"decimal(18,2)\"}\n",
    ),
    (
        "sql/marts/around.sql",
        "select b.date, count(*) as events from (select date from stg_events where date between $start and $end group by date) b join stg_events e on e.date between b.date - interval '1 day' and b.date + interval '1 day' group by b.date",
    ),
    (
        "sql/marts/around.yaml",
        "build: by_date\ngrain: one row per day\nkey: [date]\nreads: {stg_events: {before: 1d, after: 1d}}\ncolumns: {date: {type: date}, events: {type: int64}}\n",
    ),
    (
        "sql/marts/total.sql",
        "select platform, sum(events) as events from daily group by platform",
    ),
    (
        "sql/marts/total.yaml",
        "build: whole\ngrain: one row per platform\nkey: [platform]\ncolumns: {platform: {type: string}, events: {type: int64}}\n",
    ),
];

pub fn project() -> Folder {
    let project = project_file("Asia/Shanghai");
    let mut files = vec![
        ("pipelines/_project.yaml", project.as_str()),
        ("pipelines/small.yaml", PIPELINE),
    ];
    files.extend(MODELS);
    Folder::new(&files)
}

pub fn event(id: &str, time: &str, user: &str, platform: &str) -> String {
    let line = json!({"id": id, "ts": time, "user": user, "event": "pay", "platform": platform, "amount": "1.10"});
    format!("{line}\n")
}

/// Three objects a day from the 16th to the 21st of November 2026: two users, one platform each, and a
/// late row of the day before.
pub fn write_days(folder: &Folder) {
    for day in 16..=21 {
        for (number, (user, platform)) in [("u1", "ios"), ("u2", "android")].iter().enumerate() {
            let time = format!("2026-11-{day}T1{number}:00:00+08:00");
            folder.write(
                &format!("raw/dt=2026-11-{day}/{number}.ndjson"),
                event(&format!("{day}-{number}"), &time, user, platform),
            );
        }
        if day > 16 {
            let time = format!("2026-11-{}T23:00:00+08:00", day - 1);
            let late = event(&format!("{day}-late"), &time, "u1", "ios");
            folder.write(&format!("raw/dt=2026-11-{day}/late.ndjson.gz"), late);
        }
    }
}

/// The morning after 2026-11-<day>.
pub fn after(day: u32) -> Night {
    night(&format!("2026-11-{}T03:00:00+08:00", day + 1))
}

/// One day as a label.
pub fn days(days: &[u32]) -> Vec<String> {
    days.iter().map(|day| format!("2026-11-{day}")).collect()
}

#[tokio::test]
async fn counts_by_hand() {
    let folder = project();
    write_days(&folder);
    let results = folder.run_well(after(21)).await;
    assert_eq!(results.complete_through, "2026-11-21");
    assert_eq!(
        statuses(&results),
        [
            ("around", Done),
            ("daily", Done),
            ("events", Done),
            ("total", Done)
        ]
        .into()
    );
    // Every day but the last has a late row of ios besides its own two.
    assert_eq!(
        folder.column("daily", "2026-11-18", "platform"),
        ["android", "ios"]
    );
    assert_eq!(folder.column("daily", "2026-11-18", "events"), ["1", "2"]);
    assert_eq!(
        folder.column("daily", "2026-11-18", "amount"),
        ["1.10", "2.20"]
    );
    assert_eq!(folder.column("daily", "2026-11-21", "events"), ["1", "1"]);
    assert_eq!(folder.column("total", "", "events"), ["6", "11"]);
    let around: Vec<String> = (16..=21)
        .flat_map(|day| folder.column("around", &format!("2026-11-{day}"), "events"))
        .collect();
    assert_eq!(around, ["6", "9", "9", "9", "8", "5"]);
}

#[tokio::test]
async fn a_rerun_does_nothing_and_says_so_and_a_full_refresh_gives_the_same_bytes() {
    let folder = project();
    write_days(&folder);
    folder.run_well(after(21)).await;
    let tables = folder.tables();
    let changed_at = |path: &str| fs::metadata(folder.path(path)).unwrap().modified().unwrap();
    let path = "warehouse/daily/dt=2026-11-20/data.parquet";
    let before = changed_at(path);

    let again = folder.run_well(after(21)).await;
    assert!(
        again.steps.iter().all(|step| step.status == Unchanged),
        "{again:#?}"
    );
    assert_eq!(
        step(&again, "events").why,
        "no new, changed or vanished objects"
    );
    assert_eq!(
        step(&again, "daily").why,
        "6 done already with the same inputs and definitions"
    );
    assert_eq!(differing(&tables, &folder.tables()), Vec::<String>::new());
    assert_eq!(changed_at(path), before, "not even written again");

    let full = folder.run_well(after(21).full_refresh()).await;
    assert_eq!(step(&full, "events").dates.len(), 6);
    assert_eq!(step(&full, "daily").why, "6 full refresh");
    assert!(
        full.steps.iter().all(|step| step.changed.is_empty()),
        "{full:#?}"
    );
    assert_eq!(differing(&tables, &folder.tables()), Vec::<String>::new());
}

#[tokio::test]
async fn a_full_refresh_mends_bytes_that_rotted() {
    let folder = project();
    write_days(&folder);
    folder.run_well(after(21)).await;
    let tables = folder.tables();
    let path = folder.partition("daily", "2026-11-20");
    let mut bytes = fs::read(&path).unwrap();
    bytes[10] ^= 1;
    fs::write(&path, bytes).unwrap();
    folder.run_well(after(21).full_refresh()).await;
    assert_eq!(differing(&tables, &folder.tables()), Vec::<String>::new());
}

#[tokio::test]
async fn days_one_at_a_time_give_the_same_bytes_as_all_at_once() {
    let (one, all) = (project(), project());
    write_days(&one);
    write_days(&all);
    for day in 16..=21 {
        let text = format!("2026-11-{day}");
        one.run_well(after(21).of(&text, &text)).await;
    }
    all.run_well(after(21)).await;
    assert_eq!(
        differing(&one.tables(), &all.tables()),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_changed_object_restates_its_dates_and_what_is_computed_from_them() {
    let folder = project();
    write_days(&folder);
    folder.run_well(after(21)).await;

    // The late object of the 19th also gets a row of the 19th; its other date, the 18th, loses one.
    folder.write(
        "raw/dt=2026-11-19/late.ndjson.gz",
        event("new", "2026-11-19T05:00:00+08:00", "u3", "web"),
    );
    let expected = project();
    write_days(&expected);
    expected.write(
        "raw/dt=2026-11-19/late.ndjson.gz",
        event("new", "2026-11-19T05:00:00+08:00", "u3", "web"),
    );
    let results = folder.run_well(after(21)).await;
    let events = step(&results, "events");
    assert_eq!(
        (&events.dates, &events.changed),
        (&days(&[18, 19]), &days(&[18, 19]))
    );
    assert_eq!(step(&results, "daily").dates, days(&[18, 19]));
    assert_eq!(
        step(&results, "daily").why,
        "2 inputs changed (events 2026-11-18 to 2026-11-19)"
    );
    assert_eq!(step(&results, "around").dates, days(&[17, 18, 19, 20]));
    assert_eq!(step(&results, "total").status, Done);
    expected.run_well(after(21)).await;
    assert_eq!(
        differing(&folder.tables(), &expected.tables()),
        Vec::<String>::new()
    );

    // It vanishes: again its dates and no others.
    folder.remove("raw/dt=2026-11-19/late.ndjson.gz");
    let results = folder.run_well(after(21)).await;
    assert_eq!(step(&results, "events").changed, days(&[19]));
    assert_eq!(step(&results, "around").dates, days(&[18, 19, 20]));
    expected.remove("raw/dt=2026-11-19/late.ndjson.gz");
    expected.run_well(after(21).full_refresh()).await;
    assert_eq!(
        differing(&folder.tables(), &expected.tables()),
        Vec::<String>::new()
    );

    // A touched object with the same content is read again and changes nothing.
    let text = fs::read(folder.path("raw/dt=2026-11-20/0.ndjson")).unwrap();
    folder.remove("raw/dt=2026-11-20/0.ndjson");
    folder.write("raw/dt=2026-11-20/0.ndjson", text);
    let results = folder.run_well(after(21)).await;
    assert_eq!(step(&results, "events").dates, days(&[20]));
    assert_eq!(step(&results, "events").changed, Vec::<String>::new());
    assert_eq!(step(&results, "daily").status, Unchanged);
}

#[tokio::test]
async fn an_object_outside_the_dates_is_seen_by_a_rescan_only() {
    let folder = project();
    write_days(&folder);
    folder.run_well(after(21)).await;
    let more = event("more", "2026-11-16T05:00:00+08:00", "u3", "web");
    folder.write("raw/dt=2026-11-16/more.ndjson", &more);
    let results = folder
        .run_well(after(21).of("2026-11-20", "2026-11-21"))
        .await;
    assert_eq!(step(&results, "events").status, Unchanged);
    let results = folder
        .run_well(after(21).of("2026-11-20", "2026-11-21").rescan())
        .await;
    assert_eq!(step(&results, "events").changed, days(&[16]));
    assert_eq!(step(&results, "daily").changed, days(&[16]));
    assert_eq!(
        folder.column("daily", "2026-11-16", "platform"),
        ["android", "ios", "web"]
    );
    // One changes, one goes, one comes that is older than everything published.
    let before = folder.tables();
    let changed = event("17-1", "2026-11-17T11:00:00+08:00", "u2", "web");
    folder.write("raw/dt=2026-11-17/1.ndjson", changed);
    folder.remove("raw/dt=2026-11-18/1.ndjson");
    let older = event("older", "2026-11-10T05:00:00+08:00", "u3", "web");
    folder.write("raw/dt=2026-11-10/a.ndjson", older);
    let of = || after(21).of("2026-11-21", "2026-11-21");
    let results = folder.run_well(of()).await;
    assert_eq!(step(&results, "events").status, Unchanged);
    let results = folder.run_well(of().rescan()).await;
    assert_eq!(step(&results, "events").changed, days(&[17, 18]));
    assert_eq!(step(&results, "daily").changed, days(&[17, 18]));
    let events: Vec<String> = differing(&before, &folder.tables())
        .into_iter()
        .filter(|path| path.starts_with("events/"))
        .collect();
    assert_eq!(
        events,
        [
            "events/dt=2026-11-17/data.parquet",
            "events/dt=2026-11-18/data.parquet"
        ]
    );
    let older = "events: 1 rows of 2026-11-10 to 2026-11-10 are not published: they lie before the dates of this run and before everything published; `loudou run --from 2026-11-10 --to 2026-11-10` publishes these days if they are complete";
    assert!(
        results.warnings.contains(&older.to_string()),
        "{:?}",
        results.warnings
    );
    folder
        .run_well(after(21).of("2026-11-10", "2026-11-10"))
        .await;
    assert_eq!(folder.column("events", "2026-11-10", "event_id"), ["older"]);
}

#[tokio::test]
async fn a_changed_definition_runs_new_dates_and_the_plan_names_the_stale() {
    let folder = project();
    write_days(&folder);
    folder.run_well(after(20)).await;
    let before = folder.tables();
    let (path, sql) = MODELS[2];
    folder.write(
        path,
        sql.replace("count(*) as events", "10 * count(*) as events"),
    );

    let workspace = folder.workspace().await;
    let plan = plan::plan(&workspace, &after(21).options()).await.unwrap();
    let planned: BTreeMap<&str, (&[String], &[String])> = plan
        .steps
        .iter()
        .map(|step| {
            (
                step.name.as_str(),
                (step.dates.as_slice(), step.stale.as_slice()),
            )
        })
        .collect();
    // The late row of the 20th in the 21st's folder was there, and read, a night before.
    assert_eq!(planned["events"].0, days(&[21]));
    assert_eq!(
        planned["daily"],
        (
            days(&[21]).as_slice(),
            ["2026-11-16 to 2026-11-20".to_string()].as_slice()
        )
    );
    assert_eq!(folder.tables(), before, "a plan writes nothing");

    let results = folder.run_well(after(21)).await;
    assert_eq!(step(&results, "daily").dates, days(&[21]));
    assert_eq!(folder.column("daily", "2026-11-19", "events"), ["1", "2"]);
    assert_eq!(folder.column("daily", "2026-11-21", "events"), ["10", "10"]);
    let again = folder.run_well(after(21)).await;
    assert!(
        step(&again, "daily")
            .why
            .ends_with("5 from older definitions (--full-refresh restates them)"),
        "{}",
        step(&again, "daily").why
    );
    folder.run_well(after(21).full_refresh()).await;
    assert_eq!(folder.column("daily", "2026-11-19", "events"), ["10", "20"]);

    // A contract's waiting time decides no row.
    folder.write(
        "pipelines/small.yaml",
        format!("{PIPELINE}    complete_when: {{after: 1h}}\n"),
    );
    let workspace = folder.workspace().await;
    let plan = plan::plan(&workspace, &after(21).options()).await.unwrap();
    assert!(plan.steps.is_empty(), "{plan:#?}");
}

#[tokio::test]
async fn a_table_that_becomes_whole_is_not_also_by_date() {
    let folder = project();
    write_days(&folder);
    folder.run_well(after(21)).await;
    folder.write(
        "sql/marts/daily.sql",
        "select platform, count(*) as events from stg_events group by platform",
    );
    folder.write("sql/marts/daily.yaml", "build: whole\ngrain: one row per platform\nkey: [platform]\ncolumns: {platform: {type: string}, events: {type: int64}}\n");
    folder.run_well(after(21)).await;
    assert_eq!(folder.column("total", "", "events"), ["6", "11"]);
}

#[tokio::test]
async fn a_failing_audit_publishes_nothing_of_its_model_and_holds_back_its_dependants() {
    let cases = [
        (
            "key (date, platform) unique",
            "union all select date, 'ios', 1, 1, 1 from stg_events where date between $start and $end group by date",
            "[{range: {min: 1, max: 1000}}]",
        ),
        (
            "platform: not_null (key)",
            "union all select date, null, 1, 1, 1 from stg_events where date between $start and $end group by date",
            "[]",
        ),
        ("events: range 1 to 1", "", "[{range: {min: 1, max: 1}}]"),
        (
            "events: accepted_values (1, 3)",
            "",
            "[accepted_values: [1, 3]]",
        ),
        // On one date: android and web have one event each.
        (
            "events: unique",
            "union all select date, 'web', 1, 1, 1 from stg_events where date between $start and $end group by date",
            "[unique]",
        ),
    ];
    for (check, more, checks) in cases {
        let folder = project();
        write_days(&folder);
        folder
            .run_well(after(20).of("2026-11-16", "2026-11-18"))
            .await;
        let before = folder.tables();
        let (sql_path, sql) = MODELS[2];
        let (yaml_path, yaml) = MODELS[3];
        folder.write(sql_path, format!("{sql} {more}"));
        folder.write(
            yaml_path,
            yaml.replace("[{range: {min: 1, max: 1000}}]", checks),
        );
        let results = folder.run(after(20)).await;
        assert_eq!(results.exit_code, 1, "{check}");
        assert_eq!(
            statuses(&results),
            [
                ("around", Done),
                ("daily", Failed),
                ("events", Done),
                ("total", Skipped)
            ]
            .into(),
            "{check}"
        );
        let why = &step(&results, "daily").why;
        assert!(
            why.starts_with("audit failed, nothing of it is published: "),
            "{why}"
        );
        assert!(why.contains(&format!("{check} on ")), "{check}: {why}");
        assert!(
            step(&results, "total")
                .why
                .contains("daily failed in this run")
        );
        let after_it = folder.tables();
        let is_of = |path: &&String| path.starts_with("daily/") || path.starts_with("total/");
        assert_eq!(
            before
                .iter()
                .filter(|(path, _)| is_of(path))
                .collect::<Vec<_>>(),
            after_it
                .iter()
                .filter(|(path, _)| is_of(path))
                .collect::<Vec<_>>()
        );
        assert_eq!(folder.dates("around"), days(&[16, 17, 18, 19, 20]));
        let text = fs::read_to_string(folder.path(".loudou/run_results.json")).unwrap();
        let written: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(written["exit_code"], 1);
        let steps = written["steps"].as_array().unwrap();
        let daily = steps.iter().find(|step| step["name"] == "daily").unwrap();
        assert_eq!(daily["status"], "failed");
        assert!(
            daily["checks"]
                .as_array()
                .unwrap()
                .iter()
                .any(|found| found["check"] == check && found["failed_rows"].as_i64() > Some(0))
        );

        // Mended, the same night catches up.
        folder.write(sql_path, sql);
        folder.write(yaml_path, yaml);
        folder.run_well(after(20)).await;
        assert_eq!(folder.dates("daily"), days(&[16, 17, 18, 19, 20]));
        assert_eq!(folder.column("total", "", "events"), ["5", "10"]);
    }
}

#[tokio::test]
async fn a_model_whose_files_cannot_be_written_holds_back_its_dependants() {
    let folder = project();
    write_days(&folder);
    folder.run_well(after(20)).await;
    let total = fs::read(folder.partition("total", "")).unwrap();
    // Where the new day's folder should be there is a file.
    folder.write("warehouse/daily/dt=2026-11-21", "in the way");
    let results = folder.run(after(21)).await;
    assert_eq!(
        (
            step(&results, "daily").status,
            step(&results, "total").status
        ),
        (Failed, Skipped)
    );
    assert_eq!(fs::read(folder.partition("total", "")).unwrap(), total);
    folder.remove("warehouse/daily/dt=2026-11-21");
    let results = folder.run_well(after(21)).await;
    assert_eq!(results.recovered.len(), 1, "{:?}", results.recovered);
    assert_eq!(folder.column("total", "", "events"), ["6", "11"]);
}

#[tokio::test]
async fn a_second_run_is_told_to_try_again() {
    let folder = project();
    write_days(&folder);
    let warehouse = Warehouse::local(folder.path("warehouse"));
    let log = RunLog::acquire(&warehouse, "process 7", "now")
        .await
        .unwrap();
    let error = folder.try_run(after(21)).await.unwrap_err();
    assert_eq!(error.exit_code(), 75);
    assert!(error.to_string().contains("process 7"), "{error}");
    drop(log);
    folder.run_well(after(21)).await;
    // Who meets the lock reads the real clock, whatever the run takes as the present.
    let holder = fs::read_to_string(folder.path("warehouse/_loudou/lock")).unwrap();
    assert_eq!(holder, "a test, since 1970-01-01T00:00:00Z");
}

#[tokio::test]
async fn damaged_and_vanished_files_are_built_again_with_the_same_bytes() {
    let folder = project();
    write_days(&folder);
    folder.run_well(after(21)).await;
    let tables = folder.tables();
    for table in ["events", "daily", "around"] {
        fs::remove_file(folder.partition(table, "2026-11-17")).unwrap();
        fs::write(folder.partition(table, "2026-11-19"), "cut").unwrap();
    }
    fs::remove_dir_all(folder.path("warehouse/total")).unwrap();
    // What a run that was killed leaves.
    folder.write(".loudou/scratch/run-1/rows-events/000000.arrow", "left");
    let results = folder.run_well(after(21)).await;
    assert_eq!(results.recovered.len(), 7);
    for table in ["events", "daily", "around"] {
        assert_eq!(step(&results, table).dates, days(&[17, 19]), "{table}");
    }
    assert_eq!(step(&results, "daily").why, "2 damaged or cut off");
    assert_eq!(differing(&tables, &folder.tables()), Vec::<String>::new());
    assert!(!folder.path(".loudou/scratch/run-1").exists());
    let again = folder.run_well(after(21)).await;
    assert_eq!(again.recovered, Vec::<String>::new());
    assert!(again.steps.iter().all(|step| step.status == Unchanged));
}

#[tokio::test]
async fn a_crash_between_commit_and_publication_is_mended() {
    let folder = project();
    write_days(&folder);
    folder.run_well(after(21)).await;
    let tables = folder.tables();
    // As if a run had been cut off after it had entered another version of two partitions, of the same
    // size as what lies there.
    let warehouse = Warehouse::local(folder.path("warehouse"));
    for table in ["events", "daily"] {
        let mut log = RunLog::acquire(&warehouse, "killed", "now").await.unwrap();
        let current = log.state.table(table).partitions["2026-11-19"].clone();
        let epoch = log.epoch();
        log.commit(Commit {
            epoch,
            table: table.to_string(),
            definition: current.definition,
            partitions: vec![CommitPartition {
                date: Some(crate::support::date("2026-11-19")),
                key: current.key,
                rows: current.rows,
                bytes: current.bytes,
                hash: "another".to_string(),
                previous: Some(current.hash),
                previous_etag: None,
                inputs: current.inputs,
            }],
            objects: Vec::new(),
            gone: Vec::new(),
            restated: Vec::new(),
            undeclared: None,
        })
        .await
        .unwrap();
    }
    let results = folder.run_well(after(21)).await;
    assert_eq!(results.recovered.len(), 2, "{:?}", results.recovered);
    assert_eq!(step(&results, "events").dates, days(&[19]));
    assert_eq!(step(&results, "daily").dates, days(&[19]));
    assert_eq!(differing(&tables, &folder.tables()), Vec::<String>::new());
    let again = folder.run_well(after(21)).await;
    assert_eq!(again.recovered, Vec::<String>::new());
    assert!(read_state(&warehouse).await.unwrap().unfinished.is_empty());
}

#[tokio::test]
async fn a_day_that_is_not_complete_is_refused_and_a_bare_run_goes_back_no_further_than_catch_up() {
    let folder = project();
    write_days(&folder);
    for (now, complete) in [
        ("2026-11-21T01:59:59+08:00", "2026-11-19"),
        ("2026-11-21T02:00:00+08:00", "2026-11-20"),
    ] {
        let next = crate::support::date(complete)
            .succ_opt()
            .unwrap()
            .to_string();
        let error = folder
            .try_run(night(now).of("2026-11-16", &next))
            .await
            .unwrap_err();
        // Over, but not for long enough: to be tried again. Not over: wrong.
        let is_over = complete == "2026-11-19";
        assert_eq!(error.exit_code(), if is_over { 75 } else { 2 });
        assert!(
            error
                .to_string()
                .contains(&format!("complete through {complete}")),
            "{error}"
        );
    }
    let error = folder
        .try_run(after(21).of("2026-11-20", "2026-11-19"))
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert_eq!(folder.tables(), BTreeMap::new());

    let text = fs::read_to_string(folder.path("pipelines/_project.yaml")).unwrap();
    folder.write(
        "pipelines/_project.yaml",
        text.replace("catch_up: 7d", "catch_up: 3d"),
    );
    let results = folder.run_well(after(21)).await;
    assert_eq!(
        (results.from.as_str(), results.to.as_str()),
        ("2026-11-19", "2026-11-21")
    );
    for table in ["events", "daily", "around"] {
        assert_eq!(folder.dates(table), days(&[19, 20, 21]), "{table}");
    }
}

#[tokio::test]
async fn values_mature_with_the_last_complete_day_and_no_longer() {
    let folder = project();
    write_days(&folder);
    folder.write(
        "sql/marts/maturing.sql",
        "select date, date < $complete_through as is_mature from events where date between $start and $end group by date",
    );
    folder.write("sql/marts/maturing.yaml", "build: by_date\ngrain: one row per day\nkey: [date]\nmatures_after: 1d\ncolumns: {date: {type: date}, is_mature: {type: bool}}\n");
    folder.run_well(after(19)).await;
    assert_eq!(
        folder.column("maturing", "2026-11-18", "is_mature"),
        ["true"]
    );
    assert_eq!(
        folder.column("maturing", "2026-11-19", "is_mature"),
        ["false"]
    );
    let results = folder.run_well(after(20)).await;
    assert_eq!(step(&results, "maturing").dates, days(&[19, 20]));
    assert_eq!(
        folder.column("maturing", "2026-11-19", "is_mature"),
        ["true"]
    );
    assert_eq!(
        folder.column("maturing", "2026-11-20", "is_mature"),
        ["false"]
    );
}

/// An object of the random nights: path date, name, lines.
type Drawn = (u32, u32, Vec<Line>);

#[derive(Debug, Clone)]
enum Line {
    /// Id, day of its time, hour, user.
    Event(u32, u32, u32, u32),
    Dirt,
    Blank,
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let line = prop_oneof![
        8 => (0u32..12, 16u32..=20, 0u32..24, 0u32..3).prop_map(|(id, day, hour, user)| Line::Event(id, day, hour, user)),
        1 => Just(Line::Dirt),
        1 => Just(Line::Blank),
    ];
    prop::collection::vec(line, 0..8)
}

fn text(lines: &[Line]) -> String {
    lines
        .iter()
        .map(|line| match line {
            Line::Event(id, day, hour, user) => {
                let time = format!("2026-11-{day}T{hour:02}:00:00+08:00");
                event(&format!("e{id}"), &time, &format!("u{user}"), "ios")
            }
            Line::Dirt => "{\"id\": \n".to_string(),
            Line::Blank => "\n".to_string(),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Objects arrive in any order over several nights, some in an earlier version first, some only to
    /// vanish again; the tables are those of one night that saw the last of them.
    #[test]
    fn arrival_does_not_matter(
        first in lines(),
        drawn in prop::collection::vec((16u32..=20, 0u32..3, lines()), 1..10),
        arrival in prop::collection::vec((0u32..3, any::<bool>()), 10),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut objects: BTreeMap<(u32, u32), Vec<Line>> = drawn
            .into_iter()
            .map(|(day, name, lines): Drawn| ((day, name), lines))
            .collect();
        // The first day has an object from the first night on, so that both know where days begin.
        objects.insert((16, 9), first);
        let path = |(day, name): (u32, u32)| format!("raw/dt=2026-11-{day}/{name}.ndjson.gz");
        let (several, one) = (project(), project());
        for folder in [&several, &one] {
            // However dirty a date is: whether it is blocked may well depend on the night.
            folder.write("pipelines/small.yaml", PIPELINE.replace("60%", "100%"));
        }
        for part in 0..3u32 {
            for (number, (object, lines)) in objects.iter().enumerate() {
                let (arrives, is_restated) = arrival[number % arrival.len()];
                let arrives = if *object == (16, 9) { 0 } else { arrives };
                if part == arrives {
                    let version = if is_restated { &lines[..lines.len() / 2] } else { lines };
                    several.write(&path(*object), text(version));
                }
            }
            several.write(&path((17, 8)), event(&format!("gone{part}"), "2026-11-17T09:00:00+08:00", "u1", "ios"));
            let results = runtime.block_on(several.run(after(17 + part)));
            prop_assert_eq!(results.exit_code, 0);
        }
        several.remove(&path((17, 8)));
        for (object, lines) in &objects {
            several.write(&path(*object), text(lines));
            one.write(&path(*object), text(lines));
        }
        let results = runtime.block_on(several.run(after(20).rescan()));
        prop_assert_eq!(results.exit_code, 0);
        let results = runtime.block_on(one.run(after(20)));
        prop_assert_eq!(results.exit_code, 0);
        prop_assert_eq!(differing(&several.tables(), &one.tables()), Vec::<String>::new());

        // And they are what counting by hand gives: of equal ids of one day the smallest by time,
        // object and offset, within a day of the path's.
        let mut kept: BTreeMap<(u32, u32), (u32, String, usize, u32)> = BTreeMap::new();
        for (object, lines) in &objects {
            for (offset, line) in lines.iter().enumerate() {
                if let Line::Event(id, day, hour, user) = line
                    && day.abs_diff(object.0) <= 1
                {
                    let challenger = (*hour, path(*object), offset, *user);
                    let holder = kept.entry((*day, *id)).or_insert_with(|| challenger.clone());
                    if challenger < *holder {
                        *holder = challenger;
                    }
                }
            }
        }
        for day in 16..=20u32 {
            let date = format!("2026-11-{day}");
            let rows = one.rows("events", &date);
            let mut found: Vec<(String, String, String)> = rows
                .iter()
                .map(|row| (row["event_id"].clone().unwrap(), row["user_id"].clone().unwrap(), row["source_object"].clone().unwrap()))
                .collect();
            found.sort();
            let mut expected: Vec<(String, String, String)> = kept
                .iter()
                .filter(|((of, _), _)| *of == day)
                .map(|((_, id), (_, object, _, user))| (format!("e{id}"), format!("u{user}"), object.trim_start_matches("raw/").to_string()))
                .collect();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}

#[tokio::test]
async fn the_built_in_project_gives_the_same_bytes_in_any_ranges() {
    use loudou::demo::{Demo, DemoOptions};
    let options = DemoOptions {
        days: 10,
        users: 300,
        ..DemoOptions::default()
    };
    let demo = Demo::new(options.clone()).unwrap();
    let (first, last) = (options.first_date, options.last_date());
    let zone = "Asia/Shanghai";
    let (one, all) = (Folder::built_in(zone), Folder::built_in(zone));
    for folder in [&one, &all] {
        demo.write_raw(&folder.path(""), first..=last, &mut |_, _| {})
            .unwrap();
    }
    let now = format!("{}T03:00:00+08:00", last.succ_opt().unwrap());
    all.run_well(night(&now).of(&first.to_string(), &last.to_string()))
        .await;
    let mut date = first;
    while date <= last {
        one.run_well(night(&now).of(&date.to_string(), &date.to_string()))
            .await;
        date = date.succ_opt().unwrap();
    }
    let tables = all.tables();
    assert_eq!(differing(&tables, &one.tables()), Vec::<String>::new());
    let names: std::collections::BTreeSet<&str> = tables
        .keys()
        .filter_map(|path| path.split('/').next())
        .collect();
    assert!(names.len() >= 8, "{names:?}");
    // Built again in one range from tables that were built day by day.
    one.run_well(
        night(&now)
            .of(&first.to_string(), &last.to_string())
            .full_refresh(),
    )
    .await;
    assert_eq!(differing(&tables, &one.tables()), Vec::<String>::new());
}

#[tokio::test]
async fn the_engine_reads_columns_added_later_as_null_and_prunes_by_date() {
    use arrow::datatypes::{DataType, Field, Schema};
    let folder = project();
    write_days(&folder);
    folder.run_well(after(21)).await;
    let engine = Engine::new(EngineOptions {
        zone: chrono_tz::Tz::Asia__Shanghai,
        memory_bytes: 64 << 20,
        spill_dir: folder.path("spill"),
        threads: 2,
    })
    .unwrap();
    let schema = Schema::new(vec![
        Field::new("added", DataType::Utf8, true),
        Field::new("date", DataType::Date32, true),
        Field::new("platform", DataType::Utf8, true),
        Field::new("events", DataType::Int64, true),
        Field::new("more", DataType::Decimal128(12, 2), true),
    ]);
    let files: Vec<PartitionFile> = (16..=21)
        .map(|day| {
            let path = folder.partition("daily", &format!("2026-11-{day}"));
            PartitionFile {
                date: Some(crate::support::date(&format!("2026-11-{day}"))),
                size: fs::metadata(&path).unwrap().len(),
                path: object_store::path::Path::from_absolute_path(&path).unwrap(),
                pin: None,
            }
        })
        .collect();
    // A day whose file is gone: whoever opens it fails.
    let mut with_hole = files.clone();
    with_hole[0].path = object_store::path::Path::from_absolute_path(folder.path("gone")).unwrap();
    let with_hole = PublishedTable::new(&schema, with_hole);
    let session = engine.session().unwrap();
    session
        .register_table(
            "daily",
            std::sync::Arc::new(PublishedTable::new(&schema, files)),
        )
        .unwrap();
    session
        .register_table("with_hole", std::sync::Arc::new(with_hole))
        .unwrap();
    let answer = async |sql: &str| {
        let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
        arrow::util::pretty::pretty_format_batches(&batches)
            .unwrap()
            .to_string()
    };
    for (sql, expected) in [
        (
            "select count(*), count(added), count(more), sum(events) from daily",
            "| 12       | 0                  | 0                 | 17                |",
        ),
        (
            "select count(*) from daily where added is null and more is null",
            "| 12 ",
        ),
        (
            "select count(*) from daily where added = 'x' or platform = 'ios'",
            "| 6 ",
        ),
        (
            "select sum(events) from daily where date = DATE '2026-11-18'",
            "| 3 ",
        ),
        (
            "select count(*) from with_hole where date between DATE '2026-11-21' - interval '4 days' and DATE '2026-11-21'",
            "| 10 ",
        ),
        (
            "select count(*) from with_hole where platform = 'ios' and date > DATE '2026-11-16'",
            "| 5 ",
        ),
        (
            "select count(*) from (select * from daily limit 5) x",
            "| 5 ",
        ),
    ] {
        let text = answer(sql).await;
        let row = text.lines().nth(3).unwrap();
        assert!(row.starts_with(expected.trim_end()), "{sql}:\n{text}");
    }
    let analyzed =
        answer("explain analyze select sum(events) from daily where date = DATE '2026-11-18'")
            .await;
    let pruned = |name: &str| {
        let at = analyzed.find(name).unwrap() + name.len();
        analyzed[at..].chars().take(60).collect::<String>()
    };
    assert!(
        pruned("files_ranges_pruned_statistics=").contains("6 total")
            || pruned("row_groups_pruned_statistics=").contains("1 matched"),
        "{analyzed}"
    );
}
