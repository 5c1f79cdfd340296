//! What a night refuses to follow: folders that are gone, clocks set back, days that are missing, files
//! that were touched. Each was once followed silently.

use std::fs;

use loudou::run::results::Status::{Done, Failed};

use crate::cli;
use crate::support::{Folder, Night, differing, night, project_file, step};

const PIPELINE: &str = r#"sources:
  events:
    from: raw/events/
    layout: "dt={date}/*.ndjson"
    format: ndjson
    time: {field: ts, format: iso}
    id: id
    user: user
    columns: {event: string}
    late: 1d
  spend:
    from: raw/spend/
    layout: "{date}.csv"
    format: csv
    duplicates: keep
    sort_by: [channel]
    columns: {channel: string, clicks: int64}
funnels:
  buy:
    on: events
    window: 3d
    steps: [{name: see, when: "event = 'see'"}, {name: pay, when: "event = 'pay'"}]
"#;

fn after(day: u32) -> Night {
    night(&format!("2026-11-{:02}T03:00:00+08:00", day + 1))
}

fn write_day(folder: &Folder, day: u32) {
    let event = |id: &str, hour: u32, name: &str| {
        format!(
            "{{\"id\":\"{day}{id}\",\"ts\":\"2026-11-{day}T{hour:02}:00:00+08:00\",\"user\":\"u{day}\",\"event\":\"{name}\"}}\n"
        )
    };
    folder.write(
        &format!("raw/events/dt=2026-11-{day}/a.ndjson"),
        event("a", 9, "see") + &event("b", 10, "pay"),
    );
    folder.write(
        &format!("raw/spend/2026-11-{day}.csv"),
        "channel,clicks\nsearch,3\nkol,4\n",
    );
}

/// Days 16 to 20, published night by night.
async fn five_days() -> Folder {
    let project = project_file("Asia/Shanghai");
    let folder = Folder::new(&[
        ("pipelines/_project.yaml", project.as_str()),
        ("pipelines/small.yaml", PIPELINE),
    ]);
    for day in 16..=20 {
        write_day(&folder, day);
    }
    folder.run_well(after(20)).await;
    folder
}

#[tokio::test]
async fn a_folder_that_is_gone_fails_its_source_and_changes_nothing() {
    let folder = five_days().await;
    let before = folder.tables();
    fs::rename(folder.path("raw/events"), folder.path("raw/moved")).unwrap();
    let results = folder.run(after(20)).await;
    assert_eq!(results.exit_code, 1);
    let events = step(&results, "events");
    assert_eq!(events.status, Failed);
    assert!(events.why.contains("5 of 5 raw objects"), "{}", events.why);
    assert_eq!(differing(&before, &folder.tables()), Vec::<String>::new());

    // A layout that fits nothing looks the same.
    fs::rename(folder.path("raw/moved"), folder.path("raw/events")).unwrap();
    folder.write(
        "pipelines/small.yaml",
        PIPELINE.replace("{date}.csv", "{date}.tsv"),
    );
    let results = folder.run(after(20)).await;
    assert_eq!(step(&results, "spend").status, Failed);
    assert_eq!(differing(&before, &folder.tables()), Vec::<String>::new());

    // Said to be meant, it is followed.
    folder.write("pipelines/small.yaml", PIPELINE);
    fs::remove_dir_all(folder.path("raw/spend")).unwrap();
    let workspace = folder.workspace().await;
    let mut options = after(20).options();
    options.accept_vanished = true;
    let results = loudou::run::night::run(&workspace, &options, &crate::support::Silent)
        .await
        .unwrap();
    assert_eq!(results.exit_code, 0);
    assert_eq!(folder.rows("spend", "2026-11-18").len(), 0);
    assert_eq!(folder.rows("events", "2026-11-18").len(), 2);
}

#[tokio::test]
async fn a_first_run_without_logs_says_what_is_missing() {
    let project = project_file("Asia/Shanghai");
    let folder = Folder::new(&[
        ("pipelines/_project.yaml", project.as_str()),
        ("pipelines/small.yaml", PIPELINE),
        ("raw/events/2026/elsewhere.ndjson", "{}\n"),
    ]);
    let results = folder.run(after(20)).await;
    let events = &step(&results, "events").why;
    assert!(events.contains("2026/elsewhere.ndjson"), "{events}");
    let spend = &step(&results, "spend").why;
    assert!(spend.contains("there are no raw logs under"), "{spend}");
    assert_eq!(folder.tables().len(), 0);
}

#[tokio::test]
async fn a_window_with_a_missing_day_is_not_mature_and_the_hole_is_named() {
    let project = project_file("Asia/Shanghai");
    let folder = Folder::new(&[
        (
            "pipelines/_project.yaml",
            project.replace("7d", "1d").as_str(),
        ),
        ("pipelines/small.yaml", PIPELINE),
    ]);
    for day in 16..=20 {
        write_day(&folder, day);
    }
    let mature = |day: &str| {
        let rows = folder.rows("funnel_steps", day);
        let of_basis = rows
            .iter()
            .filter(|row| row["basis"].as_deref() == Some("mature"));
        of_basis
            .map(|row| row["is_mature"].clone().unwrap())
            .collect::<Vec<_>>()
    };
    // All but the 18th.
    folder
        .run_well(after(20).of("2026-11-16", "2026-11-17"))
        .await;
    let results = folder
        .run_well(after(20).of("2026-11-19", "2026-11-20"))
        .await;
    assert_eq!(
        mature("2026-11-16"),
        ["false", "false"],
        "its window holds the 18th"
    );
    let warnings = results.warnings.join("\n");
    assert!(
        warnings.contains("2026-11-18 to 2026-11-18 is not published"),
        "{warnings}"
    );

    folder
        .run_well(after(20).of("2026-11-18", "2026-11-18"))
        .await;
    assert_eq!(mature("2026-11-16"), ["true", "true"]);
    assert_eq!(mature("2026-11-17"), ["true", "true"]);
    assert_eq!(
        mature("2026-11-18"),
        ["false", "false"],
        "its window ends on the 21st"
    );
}

#[tokio::test]
async fn a_clock_set_back_changes_nothing_that_is_published() {
    let folder = five_days().await;
    let before = folder.tables();
    for now in ["2020-01-01T00:00:00+08:00", "2026-11-18T03:00:00+08:00"] {
        folder.run(night(now)).await;
        assert_eq!(
            differing(&before, &folder.tables()),
            Vec::<String>::new(),
            "{now}"
        );
    }
}

#[tokio::test]
async fn a_csv_column_that_is_not_there_is_told() {
    let folder = five_days().await;
    folder.write("raw/spend/2026-11-20.csv", "channel,Clicks\nsearch,3\n");
    let results = folder.run_well(after(20)).await;
    assert_eq!(
        results.warnings,
        [
            "spend: 2026-11-20.csv has no column clicks; read as null",
            // The same column under another name.
            "spend: new fields, kept in props: Clicks (1 rows, first in 2026-11-20.csv); declare what is needed as columns"
        ]
    );
    folder.write(
        "raw/spend/2026-11-20.csv",
        "channel,channel,clicks\na,b,3\n",
    );
    let results = folder.run(after(20)).await;
    let why = &step(&results, "spend").why;
    assert!(why.contains("its header has channel twice"), "{why}");

    // Another format altogether, in few lines: not a dirty day but a wrong one.
    let before = folder.tables();
    folder.write(
        "raw/spend/2026-11-20.csv",
        "channel,clicks\n3,search\n4,kol\n",
    );
    let results = folder.run(after(20)).await;
    assert_eq!(step(&results, "spend").status, Failed);
    assert_eq!(differing(&before, &folder.tables()), Vec::<String>::new());
}

#[tokio::test]
async fn a_flipped_byte_is_found_and_mended() {
    let folder = five_days().await;
    let before = folder.tables();
    let path = folder.partition("events", "2026-11-18");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let results = folder.run_well(after(20)).await;
    assert_eq!(
        results.recovered,
        ["events 2026-11-18: its bytes are not what was published"]
    );
    assert_eq!(step(&results, "events").status, Done);
    assert_eq!(differing(&before, &folder.tables()), Vec::<String>::new());

    // Touched and the same: nothing to mend.
    fs::write(&path, fs::read(&path).unwrap()).unwrap();
    let results = folder.run_well(after(20)).await;
    assert_eq!(results.recovered, Vec::<String>::new());
}

#[test]
fn a_project_may_lie_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["商城 项目", "a#b%20c?d", "quote\"s [1]*"] {
        let project = folder.path().join(name);
        let dir = project.to_str().unwrap();
        cli::succeeds(
            folder.path(),
            &["-q", "demo", dir, "--users", "50", "--days", "3"],
        );
        let rows = cli::query(
            &project,
            "select count(*) as days from daily_core where platform = 'all'",
        );
        assert_eq!(rows[0]["days"], 3, "{name}");
    }
}

#[test]
fn a_log_that_cannot_be_written_does_not_end_the_night() {
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("demo");
    let dir = project.to_str().unwrap();
    cli::succeeds(
        folder.path(),
        &["-q", "demo", dir, "--users", "50", "--days", "3"],
    );
    fs::remove_dir_all(project.join("warehouse")).unwrap();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_loudou"))
        .args(["-C", dir, "--as-of", "2026-11-22T03:00", "run"])
        .stdout(Stdio::null())
        .stderr(Stdio::from(full))
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(
        project
            .join("warehouse/page_flow/dt=2026-11-21/data.parquet")
            .is_file()
    );
}

#[tokio::test]
async fn a_day_without_files_and_vanished_files_are_named_every_night() {
    let folder = five_days().await;
    fs::remove_dir_all(folder.path("raw/events/dt=2026-11-18")).unwrap();
    let results = folder.run_well(after(20)).await;
    let gone = "events: 1 raw objects that were read before are gone (dt=2026-11-18/a.ndjson, …); their rows go, too";
    let none = "events: there is no raw object of 2026-11-18";
    assert_eq!(results.warnings, [none, gone]);
    let results = folder.run_well(after(20)).await;
    assert_eq!(results.warnings, [none]);
}

#[tokio::test]
async fn a_copied_project_runs_on() {
    let folder = five_days().await;
    let before = folder.tables();
    // Another time of change on every file, as `cp -r` leaves it; the days far back are not listed.
    for day in 16..=20 {
        let path = folder.path(&format!("raw/events/dt=2026-11-{day}/a.ndjson"));
        let text = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, text).unwrap();
    }
    write_day(&folder, 28);
    fs::remove_file(folder.partition("events", "2026-11-16")).unwrap();
    folder.run_well(after(28)).await;
    let after_copy = folder.tables();
    for (path, bytes) in before
        .iter()
        .filter(|(path, _)| path.starts_with("events/"))
    {
        assert_eq!(after_copy.get(path), Some(bytes), "{path}");
    }
}

#[test]
fn a_quiet_init_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("shop");
    let text = cli::succeeds(folder.path(), &["-q", "init", dir.to_str().unwrap()]);
    assert_eq!(text, "");
    assert!(dir.join("pipelines/_project.yaml").is_file());
}
