//! `--into DIR` and `--select`: what is built, what is read from where, and that the warehouse is left as
//! it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use loudou::model::select::Selection;
use loudou::run::plan;
use loudou::run::results::RunResults;
use loudou::run::results::Status::{Done, Unchanged};
use loudou::table::log::RunLog;
use loudou::table::warehouse::Warehouse;
use serde_json::json;

use crate::cli::{loudou, succeeds};
use crate::support::{Folder, Night, column, night, project_file, rows, statuses, step};

const FILES: [(&str, &str); 9] = [
    (
        "pipelines/small.yaml",
        r#"sources:
  events:
    from: raw/
    layout: "dt={date}/*"
    format: ndjson
    time: {field: ts, format: iso}
    id: id
    user: user
    columns: {event: string, platform: string}
    late: 1d
"#,
    ),
    (
        "sql/staging/stg_events.sql",
        "select date, user_id, platform from events where user_id is not null",
    ),
    (
        "sql/staging/stg_events.yaml",
        "build: view\ngrain: one row per event\nkey: [date, user_id]\ncolumns: {date: {type: date}, user_id: {type: string}, platform: {type: string}}\n",
    ),
    (
        "sql/marts/daily.sql",
        "select date, platform, count(*) as events from stg_events where date between $start and $end group by date, platform",
    ),
    (
        "sql/marts/daily.yaml",
        "build: by_date\ngrain: one row per day and platform\nkey: [date, platform]\ncolumns: {date: {type: date}, platform: {type: string}, events: {type: int64}}\n",
    ),
    (
        "sql/marts/total.sql",
        "select sum(events) as events from daily",
    ),
    (
        "sql/marts/total.yaml",
        "build: whole\ngrain: one row\nkey: [events]\ncolumns: {events: {type: int64}}\n",
    ),
    (
        "sql/marts/users.sql",
        "select date, count(distinct user_id) as users from stg_events where date between $start and $end group by date",
    ),
    (
        "sql/marts/users.yaml",
        "build: by_date\ngrain: one row per day\nkey: [date]\ncolumns: {date: {type: date}, users: {type: int64}}\n",
    ),
];

/// Four days of two events each, all published.
async fn published() -> Folder {
    let project = project_file("Asia/Shanghai");
    let mut files = vec![("pipelines/_project.yaml", project.as_str())];
    files.extend(FILES);
    let folder = Folder::new(&files);
    for day in 18..=21 {
        write_day(&folder, day);
    }
    folder.run_well(after(21)).await;
    folder
}

fn write_day(folder: &Folder, day: u32) {
    for (number, platform) in ["ios", "android"].iter().enumerate() {
        let line = json!({"id": format!("{day}-{number}"), "ts": format!("2026-11-{day}T10:00:00+08:00"),
            "user": format!("u{number}"), "event": "pay", "platform": platform});
        folder.write(
            &format!("raw/dt=2026-11-{day}/{number}"),
            format!("{line}\n"),
        );
    }
}

fn after(day: u32) -> Night {
    night(&format!("2026-11-{}T03:00:00+08:00", day + 1))
}

/// Ten times as many events.
fn change_daily(folder: &Folder) {
    folder.edit("sql/marts/daily.sql", "count(*)", "10 * count(*)");
}

/// Every file below a folder, the run log included: bytes and time of change.
fn all_files(folder: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let entry = entry.unwrap();
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => {
                    let modified = entry.metadata().unwrap().modified().unwrap();
                    let bytes = fs::read(&path).unwrap();
                    found.insert(path.display().to_string(), (bytes, modified));
                }
            }
        }
    }
    found
}

/// Tables with dates of a sandbox.
fn built(results: &RunResults) -> Vec<(&str, Vec<String>)> {
    results
        .steps
        .iter()
        .filter(|step| step.status == Done)
        .map(|step| (step.name.as_str(), step.dates.clone()))
        .collect()
}

fn days(days: &[u32]) -> Vec<String> {
    days.iter().map(|day| format!("2026-11-{day}")).collect()
}

#[tokio::test]
async fn a_changed_definition_is_tried_beside_the_warehouse() {
    let folder = published().await;
    change_daily(&folder);
    let before = all_files(&folder.path("warehouse"));
    let dir = folder.path("try");

    let sandbox = || {
        after(21)
            .of("2026-11-20", "2026-11-21")
            .into_dir(folder.path("try"))
    };
    let workspace = folder.workspace().await;
    let planned = plan::plan(&workspace, &sandbox().options()).await.unwrap();
    let steps: Vec<(&str, &[String], String)> = planned
        .steps
        .iter()
        .map(|step| (step.name.as_str(), &step.dates[..], step.why.join(", ")))
        .collect();
    assert_eq!(
        steps,
        [
            (
                "daily",
                &["2026-11-20 to 2026-11-21".to_string()][..],
                "definition changed".to_string()
            ),
            (
                "total",
                &["whole table".to_string()][..],
                "inputs changed, reads all of its inputs".to_string()
            )
        ]
    );
    assert!(!dir.exists(), "a plan writes nothing");

    let results = folder.run_well(sandbox()).await;
    assert_eq!(
        built(&results),
        [("daily", days(&[20, 21])), ("total", Vec::new())]
    );
    assert_eq!(
        step(&results, "users").why,
        "2 done already with the same inputs and definitions"
    );
    // Two new days of 20 over two published ones of 2.
    assert_eq!(
        column(&rows(&dir.join("total/data.parquet")), "events"),
        ["44"]
    );
    assert_eq!(
        column(
            &rows(&dir.join("daily/dt=2026-11-20/data.parquet")),
            "events"
        ),
        ["10", "10"]
    );
    assert!(!dir.join("daily/dt=2026-11-19").exists());
    assert!(!dir.join("events").exists());
    assert!(dir.join("_loudou/run_results.json").is_file());

    // The same again does nothing; another change is followed without being asked.
    let again = folder.run_well(sandbox()).await;
    assert!(again.steps.iter().all(|step| step.status == Unchanged));
    folder.edit("sql/marts/daily.sql", "10 *", "100 *");
    let again = folder.run_well(sandbox()).await;
    assert_eq!(built(&again)[0], ("daily", days(&[20, 21])));
    assert_eq!(
        column(&rows(&dir.join("total/data.parquet")), "events"),
        ["404"]
    );
    assert_eq!(all_files(&folder.path("warehouse")), before);

    // What a full refresh of the warehouse then publishes is what was tried.
    let tried = fs::read(dir.join("daily/dt=2026-11-21/data.parquet")).unwrap();
    folder.run_well(after(21).full_refresh()).await;
    assert_eq!(
        fs::read(folder.partition("daily", "2026-11-21")).unwrap(),
        tried
    );
}

#[tokio::test]
async fn a_sandbox_needs_no_lock_of_the_warehouse() {
    let folder = published().await;
    change_daily(&folder);
    let held = RunLog::acquire(
        &Warehouse::local(folder.path("warehouse")),
        "process 7",
        "now",
    )
    .await
    .unwrap();
    let before = all_files(&folder.path("warehouse"));
    let night = || after(21).into_dir(folder.path("try")).select("daily");
    let results = folder.run_well(night()).await;
    assert_eq!(built(&results), [("daily", days(&[18, 19, 20, 21]))]);
    assert_eq!(results.steps.len(), 1, "{results:#?}");
    assert_eq!(all_files(&folder.path("warehouse")), before);
    // But one of its own.
    let own = RunLog::acquire(&Warehouse::local(folder.path("try")), "process 8", "now")
        .await
        .unwrap();
    let error = folder.try_run(night()).await.unwrap_err();
    assert!(error.to_string().contains("process 8"), "{error}");
    drop((held, own));
}

#[tokio::test]
async fn a_source_that_is_selected_is_read_from_raw() {
    let folder = published().await;
    let before = all_files(&folder.path("warehouse"));
    // A row more on the 21st, and a day that is not published yet.
    let line = json!({"id": "more", "ts": "2026-11-21T11:00:00+08:00", "user": "u9", "event": "pay", "platform": "ios"});
    folder.write("raw/dt=2026-11-21/more", format!("{line}\n"));
    write_day(&folder, 22);
    let night = || {
        after(22)
            .of("2026-11-21", "2026-11-22")
            .into_dir(folder.path("try"))
    };
    // Not selected: the warehouse knows nothing of it.
    let results = folder.run_well(night()).await;
    assert_eq!(built(&results), []);
    let results = folder.run_well(night().select("events+")).await;
    assert_eq!(
        built(&results),
        [
            ("events", days(&[21, 22])),
            ("daily", days(&[21, 22])),
            ("users", days(&[21, 22])),
            ("total", Vec::new()),
        ]
    );
    let total = rows(&folder.path("try/total/data.parquet"));
    assert_eq!(column(&total, "events"), ["11"]); // 2 × 3 + 3 + 2
    assert_eq!(all_files(&folder.path("warehouse")), before);
}

#[tokio::test]
async fn pages_of_a_sandbox_stand_in_it() {
    let folder = Folder::built_in("Asia/Shanghai");
    for day in 20..=21 {
        let line = json!({"event_id": day, "ts": format!("2026-11-{day}T10:00:00"), "openid": "u",
            "event": "page_view", "page": "home", "platform": "ios"});
        folder.write(
            &format!("raw/events/dt=2026-11-{day}/hour=10/a.ndjson.gz"),
            format!("{line}\n"),
        );
        folder.write(
            &format!("raw/spend/2026-11-{day}.csv"),
            "channel,campaign,impressions,clicks,spend\nads,a,1,1,1.00\n",
        );
    }
    let at = ["--as-of", "2026-11-22T03:00", "run"];
    succeeds(&folder.path(""), &at);
    let before = all_files(&folder.path("warehouse"));
    folder.edit(
        "sql/marts/core/daily_core.sql",
        "count(*) filter (where event = 'page_view') as page_views",
        "3 * count(*) filter (where event = 'page_view') as page_views",
    );
    let dir = folder.path("try");
    let into = ["--into", dir.to_str().unwrap()];
    let text = succeeds(&folder.path(""), &[&at[..], &into[..]].concat());
    assert!(
        text.contains(&format!("into {}", dir.canonicalize().unwrap().display())),
        "{text}"
    );
    assert!(text.contains("definition changed"), "{text}");
    assert!(dir.join("_site/2026-11-21/operations.zh-CN.html").is_file());
    let with_select = [&at[..], &into[..], &["--select", "daily_core+"]].concat();
    let text = succeeds(&folder.path(""), &with_select);
    assert!(!text.contains("report:"), "{text}");
    assert_eq!(all_files(&folder.path("warehouse")), before);
}

#[tokio::test]
async fn folders_that_are_no_sandbox_are_refused() {
    let folder = published().await;
    fs::create_dir_all(folder.path("full")).unwrap();
    fs::write(folder.path("full/mine.txt"), "mine").unwrap();
    std::os::unix::fs::symlink(folder.path("warehouse"), folder.path("link")).unwrap();
    let before = all_files(&folder.path(""));
    for (dir, why) in [
        ("warehouse", "that is the warehouse itself"),
        ("link", "that is the warehouse itself"),
        ("warehouse/try", "it lies in the warehouse"),
        ("link/try", "it lies in the warehouse"),
        ("warehouse/../warehouse/daily", "it lies in the warehouse"),
        (".", "the warehouse lies in it"),
        ("sql/marts", "it lies in the project's sql/"),
        ("raw", "among the raw objects of source events"),
        (
            "raw/dt=2026-11-21",
            "among the raw objects of source events",
        ),
        ("full", "is not empty and no sandbox"),
    ] {
        let night = after(21).into_dir(folder.path(dir));
        let error = folder.try_run(night.clone()).await.unwrap_err();
        assert_eq!(error.exit_code(), 2, "{dir}");
        assert!(error.to_string().contains(why), "{dir}: {error}");
        let workspace = folder.workspace().await;
        assert!(plan::plan(&workspace, &night.options()).await.is_err());
    }
    assert_eq!(all_files(&folder.path("")), before);
    // The sandbox of another warehouse.
    let other = published().await;
    let dir = folder.path("try");
    folder.run_well(after(21).into_dir(dir.clone())).await;
    let error = other.try_run(after(21).into_dir(dir)).await.unwrap_err();
    assert!(
        error.to_string().contains("sandbox of another warehouse"),
        "{error}"
    );
}

#[tokio::test]
async fn a_damaged_warehouse_is_not_read() {
    let folder = published().await;
    change_daily(&folder);
    fs::write(folder.partition("events", "2026-11-20"), "not Parquet").unwrap();
    let night = || after(21).into_dir(folder.path("try"));
    let error = folder.try_run(night()).await.unwrap_err();
    assert_eq!(error.exit_code(), 75);
    assert!(
        error
            .to_string()
            .contains("events 2026-11-20 of the warehouse cannot be read: its size is not"),
        "{error}"
    );
    folder.run_well(after(21)).await;
    folder.run_well(night()).await;
}

#[tokio::test]
async fn a_selection_leaves_the_rest_as_it_is() {
    let folder = published().await;
    write_day(&folder, 22);
    let night = || after(22).of("2026-11-22", "2026-11-22");
    let results = folder.run_well(night().select("events")).await;
    assert_eq!(built(&results), [("events", days(&[22]))]);
    assert_eq!(folder.dates("daily"), days(&[18, 19, 20, 21]));
    let results = folder.run_well(night().select("users daily+")).await;
    assert_eq!(
        statuses(&results),
        [("daily", Done), ("users", Done), ("total", Done)].into()
    );
    let results = folder.run_well(after(22)).await;
    assert!(
        results.steps.iter().all(|step| step.status == Unchanged),
        "{results:#?}"
    );
}

#[tokio::test]
async fn selections_follow_the_graph() {
    let folder = published().await;
    let workspace = folder.workspace().await;
    let all = ["events", "stg_events", "daily", "total", "users"];
    for (selections, expected) in [
        (vec!["daily"], vec!["daily"]),
        (vec!["daily+"], vec!["daily", "total"]),
        (vec!["+daily"], vec!["events", "stg_events", "daily"]),
        (
            vec!["+daily+"],
            vec!["events", "stg_events", "daily", "total"],
        ),
        (vec!["events+"], all.to_vec()),
        (vec!["total", "users"], vec!["total", "users"]),
        (vec!["total users"], vec!["total", "users"]),
        (
            vec!["stg_events+,+total"],
            vec!["stg_events", "daily", "total"],
        ),
    ] {
        let selections: Vec<String> = selections.into_iter().map(String::from).collect();
        let found = Selection::parse(&selections, &workspace.project, &workspace.models).unwrap();
        let found: Vec<&str> = all.into_iter().filter(|name| found.holds(name)).collect();
        assert_eq!(found, expected, "{selections:?}");
    }
    for (selection, told) in [
        (
            "dayly",
            "--select dayly: there is no source or model dayly; did you mean daily? there are events, stg_events",
        ),
        ("tag:core", "models have no tags"),
        (
            "total,users",
            "selects nothing: `a,b` is what both a and b select; for all of them write `--select total users`",
        ),
        ("+", "there is no source or model"),
    ] {
        let output = loudou(&folder.path(""), &["run", "--select", selection]);
        assert_eq!(output.status.code(), Some(2), "{selection}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(told), "{selection}: {text}");
    }
}
