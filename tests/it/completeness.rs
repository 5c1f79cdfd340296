//! When a day is complete: hours, markers, the clock; what an incomplete day holds up; waiting for it.

use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;
use loudou::run::night::{self, Progress};
use loudou::run::plan;
use loudou::run::results::StepResult;
use loudou::table::log::RunLog;
use serde_json::json;

use crate::cli::{loudou, succeeds};
use crate::support::{Folder, Night, night, project_file, step};

fn pipeline(complete_when: &str, extra: &str) -> String {
    format!(
        r#"sources:
  events:
    from: raw/
    layout: "dt={{date}}/hour={{hour}}/*"
    format: ndjson
    time: {{field: ts, format: iso}}
    id: id
    user: user
    columns: {{event: string}}
    late: 1d
    complete_when: {complete_when}
{extra}"#
    )
}

const MATURING: [(&str, &str); 2] = [
    (
        "sql/marts/maturing.sql",
        "select date, count(*) as events, date < $complete_through as is_mature from events where date between $start and $end group by date",
    ),
    (
        "sql/marts/maturing.yaml",
        "build: by_date\ngrain: one row per day\nkey: [date]\nmatures_after: 1d\nreads: {events: {after: 1d}}\ncolumns: {date: {type: date}, events: {type: int64}, is_mature: {type: bool}}\n",
    ),
];

fn project(zone: &str, complete_when: &str, extra: &str) -> Folder {
    let project = project_file(zone);
    let pipeline = pipeline(complete_when, extra);
    let mut files = vec![
        ("pipelines/_project.yaml", project.as_str()),
        ("pipelines/small.yaml", pipeline.as_str()),
    ];
    files.extend(MATURING);
    Folder::new(&files)
}

/// One event of an instant, in the object of a path date and hour.
fn write(folder: &Folder, date: &str, hour: u32, instant: &str) {
    let line = json!({"id": instant, "ts": instant, "user": "u", "event": "pay"});
    folder.write(
        &format!("raw/dt={date}/hour={hour:02}/a"),
        format!("{line}\n"),
    );
}

/// An object of every hour of a day in Shanghai, apart from some.
fn write_day(folder: &Folder, day: u32, without: &[u32]) {
    for hour in (0..24).filter(|hour| !without.contains(hour)) {
        let date = format!("2026-11-{day}");
        write(
            folder,
            &date,
            hour,
            &format!("{date}T{hour:02}:30:00+08:00"),
        );
    }
}

/// The morning after 2026-11-<day>, in Shanghai.
fn after(day: u32) -> Night {
    night(&format!("2026-11-{}T03:00:00+08:00", day + 1))
}

fn incomplete(results: &loudou::run::results::RunResults) -> Vec<String> {
    results.incomplete.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_day_waits_for_its_hours_and_the_missing_ones_are_named() {
    let folder = project("Asia/Shanghai", "{hours: all}", "");
    for day in 19..=20 {
        write_day(&folder, day, &[]);
    }
    write_day(&folder, 21, &[3, 4, 9, 10, 11, 23]);
    let results = folder.run_well(after(21)).await;
    assert_eq!(results.complete_through, "2026-11-20");
    assert_eq!(results.to, "2026-11-20");
    let lacks = "2026-11-21: events: no object of hours 03, 04, 09 to 11, 23";
    assert_eq!(incomplete(&results), [lacks]);
    assert_eq!(folder.dates("events"), ["2026-11-19", "2026-11-20"]);
    // What looks a day ahead waits, too.
    assert_eq!(
        folder.column("maturing", "2026-11-19", "is_mature"),
        ["true"]
    );
    assert_eq!(
        folder.column("maturing", "2026-11-20", "is_mature"),
        ["false"]
    );

    let workspace = folder.workspace().await;
    let plan = plan::plan(&workspace, &after(21).options()).await.unwrap();
    assert_eq!(plan.incomplete, results.incomplete);
    assert_eq!((plan.to.as_str(), plan.steps.len()), ("2026-11-20", 0));

    let at = ["--as-of", "2026-11-22T03:00"];
    let text = succeeds(&folder.path(""), &[&at[..], &["plan"]].concat());
    assert!(text.contains(&format!("not complete: {lacks}")), "{text}");
    let text = succeeds(&folder.path(""), &[&at[..], &["run"]].concat());
    assert!(text.contains(&format!("not complete: {lacks}")), "{text}");
    let output = loudou(
        &folder.path(""),
        &[&at[..], &["run", "--date", "2026-11-21"]].concat(),
    );
    assert_eq!(output.status.code(), Some(75));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(lacks), "{text}");

    // Files without lines say that there was nothing.
    for hour in [3, 4, 9, 10, 11, 23] {
        let path = format!("raw/dt=2026-11-21/hour={hour:02}/none.ndjson.gz");
        folder.write(&path, "");
    }
    let results = folder.run_well(after(21)).await;
    assert_eq!(results.complete_through, "2026-11-21");
    assert_eq!(incomplete(&results), Vec::<String>::new());
    assert_eq!(
        folder.column("maturing", "2026-11-20", "is_mature"),
        ["true"]
    );
    assert_eq!(folder.column("maturing", "2026-11-21", "events"), ["18"]);
}

#[tokio::test]
async fn the_last_hour_before_midnight_does_not_make_today_complete() {
    let folder = project("Asia/Shanghai", "{hours: all}", "");
    write_day(&folder, 20, &[]);
    write_day(&folder, 21, &[]);
    let results = folder.run_well(night("2026-11-21T23:59:59+08:00")).await;
    assert_eq!(results.complete_through, "2026-11-20");
    let results = folder.run_well(night("2026-11-22T00:00:00+08:00")).await;
    assert_eq!(results.complete_through, "2026-11-21");
    // `after` may stand beside: then both must hold.
    let folder = project("Asia/Shanghai", "{hours: all, after: 90m}", "");
    write_day(&folder, 20, &[]);
    write_day(&folder, 21, &[]);
    for (now, through) in [("01:29:59", "2026-11-20"), ("01:30:00", "2026-11-21")] {
        let results = folder
            .run_well(night(&format!("2026-11-22T{now}+08:00")))
            .await;
        assert_eq!(results.complete_through, through);
    }
}

#[tokio::test]
async fn hours_that_may_be_empty_and_those_before_the_first_object_are_not_waited_for() {
    let folder = project("Asia/Shanghai", "{hours: all, may_be_empty: [2, 3, 4]}", "");
    // The first day begins at 14:00.
    write_day(&folder, 20, &(0..14).collect::<Vec<_>>());
    write_day(&folder, 21, &[2, 3, 4]);
    let results = folder.run_well(after(21)).await;
    assert_eq!(results.complete_through, "2026-11-21");
    assert_eq!(folder.dates("events"), ["2026-11-20", "2026-11-21"]);
    write_day(&folder, 22, &[2, 3, 4, 5]);
    let results = folder.run_well(after(22)).await;
    assert_eq!(
        incomplete(&results),
        ["2026-11-22: events: no object of hour 05"]
    );
}

#[tokio::test]
async fn a_hole_holds_later_days_up_until_catch_up_has_passed() {
    let folder = project("Asia/Shanghai", "{hours: all}", "");
    folder.edit("pipelines/_project.yaml", "catch_up: 7d", "catch_up: 3d");
    for day in 17..=22 {
        let without: &[u32] = if day == 19 { &[7] } else { &[] };
        write_day(&folder, day, without);
    }
    let through = |day: u32| {
        let folder = &folder;
        async move { folder.run_well(after(day)).await.complete_through }
    };
    assert_eq!(through(18).await, "2026-11-18");
    assert_eq!(through(19).await, "2026-11-18");
    assert_eq!(through(20).await, "2026-11-18");
    // A day behind the hole cannot be had by asking for it either.
    let error = folder
        .try_run(after(20).of("2026-11-20", "2026-11-20"))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("2026-11-20 stands behind a day that is not complete: 2026-11-19: events: no object of hour 07"),
        "{error}"
    );
    assert_eq!(through(21).await, "2026-11-18");
    assert_eq!(folder.dates("events"), ["2026-11-17", "2026-11-18"]);
    // Now a bare run no longer goes back to the 19th: a hole, named.
    let results = folder.run_well(after(22)).await;
    assert_eq!(
        (results.from.as_str(), results.to.as_str()),
        ("2026-11-20", "2026-11-22")
    );
    assert!(
        results.warnings.iter().any(|warning| warning.starts_with(
            "events: 2026-11-19 is not published and not complete (events: no object of hour 07)"
        )),
        "{:?}",
        results.warnings
    );
    // The 18th looks a day ahead at the 19th, which is not there: immature still.
    assert_eq!(
        folder.column("maturing", "2026-11-18", "is_mature"),
        ["false"]
    );
    assert_eq!(
        folder.column("maturing", "2026-11-20", "is_mature"),
        ["true"]
    );
    let error = folder
        .try_run(after(22).of("2026-11-19", "2026-11-19"))
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 75);
    write_day(&folder, 19, &[]);
    folder
        .run_well(after(22).of("2026-11-19", "2026-11-19"))
        .await;
    assert_eq!(
        folder.column("maturing", "2026-11-18", "is_mature"),
        ["true"]
    );
    assert_eq!(folder.dates("events").len(), 6);
}

#[tokio::test]
async fn a_published_day_stays_complete_when_an_hour_of_it_vanishes() {
    let folder = project("Asia/Shanghai", "{hours: all}", "");
    write_day(&folder, 20, &[]);
    write_day(&folder, 21, &[]);
    folder.run_well(after(21)).await;
    folder.remove("raw/dt=2026-11-21/hour=07/a");
    write_day(&folder, 22, &[]);
    let results = folder.run_well(after(22)).await;
    assert_eq!(results.complete_through, "2026-11-22");
    assert_eq!(folder.column("maturing", "2026-11-21", "events"), ["23"]);
    // And it can be asked for.
    folder
        .run_well(after(22).of("2026-11-21", "2026-11-21"))
        .await;
}

#[tokio::test]
async fn nothing_complete_at_all_is_to_be_tried_again() {
    let folder = project("Asia/Shanghai", "{hours: all}", "");
    folder.edit("pipelines/_project.yaml", "catch_up: 7d", "catch_up: 1d");
    write_day(&folder, 20, &[]);
    write_day(&folder, 21, &[12]);
    let error = folder.try_run(after(21)).await.unwrap_err();
    assert_eq!(error.exit_code(), 75);
    assert!(
        error
            .to_string()
            .contains("2026-11-21: events: no object of hour 12"),
        "{error}"
    );
}

#[tokio::test]
async fn hours_that_clocks_skip_are_not_expected_and_repeated_ones_are_one() {
    let folder = project("America/New_York", "{hours: all}", "");
    // 2026-03-08 has no 02:00 to 03:00; the day before begins the logs.
    for (date, without) in [("2026-03-07", None), ("2026-03-08", Some(2))] {
        for hour in (0..24).filter(|hour| Some(*hour) != without) {
            write(&folder, date, hour, &format!("{date} {hour:02}:30:00"));
        }
    }
    let results = folder.run_well(night("2026-03-09T03:00:00-04:00")).await;
    assert_eq!(results.complete_through, "2026-03-08");
    assert_eq!(folder.rows("events", "2026-03-08").len(), 23);
    // 2026-11-01 has 01:00 to 02:00 twice: both in one folder.
    let folder = project("America/New_York", "{hours: all}", "");
    for date in ["2026-10-31", "2026-11-01"] {
        for hour in 0..24 {
            write(&folder, date, hour, &format!("{date} {hour:02}:30:00"));
        }
    }
    write(&folder, "2026-11-01", 1, "2026-11-01T01:30:00-04:00");
    let results = folder.run_well(night("2026-11-02T03:00:00-05:00")).await;
    assert_eq!(results.complete_through, "2026-11-01");
}

#[tokio::test]
async fn a_local_day_needs_the_hours_of_two_utc_dates() {
    let folder = project("America/New_York", "{hours: all}", "    layout_zone: utc\n");
    // 2026-11-01 in New York: 25 hours, 04:00Z to 05:00Z of the next date; logs begin a day before.
    let begin = chrono::DateTime::parse_from_rfc3339("2026-10-31T04:00:00Z").unwrap();
    let write_hour = |hours: i64| {
        let time = begin + chrono::Duration::hours(hours);
        let date = time.format("%Y-%m-%d").to_string();
        let hour: u32 = time.format("%H").to_string().parse().unwrap();
        let instant = (time + chrono::Duration::minutes(30)).to_rfc3339();
        write(&folder, &date, hour, &instant);
    };
    for hours in (0..24 + 25).filter(|hours| ![30, 48].contains(hours)) {
        write_hour(hours);
    }
    let now = "2026-11-02T03:00:00-05:00";
    let results = folder.run_well(night(now)).await;
    assert_eq!(results.complete_through, "2026-10-31");
    assert_eq!(
        incomplete(&results),
        ["2026-11-01: events: no object of hour 10 of 2026-11-01 and hour 04 of 2026-11-02 (UTC)"]
    );
    write_hour(30);
    write_hour(48);
    let results = folder.run_well(night(now)).await;
    assert_eq!(results.complete_through, "2026-11-01");
    assert_eq!(folder.rows("events", "2026-11-01").len(), 25);
}

const SPEND: &str = r#"  spend:
    from: spend/
    layout: "dt={date}/*"
    format: csv
    duplicates: keep
    sort_by: [channel]
    columns: {channel: string, spend: "decimal(12,2)"}
    complete_when: {marker: _SUCCESS}
"#;

#[tokio::test]
async fn a_marker_makes_a_day_whole_and_holds_no_rows() {
    let folder = project("Asia/Shanghai", "{after: 2h}", SPEND);
    for day in 19..=21 {
        write_day(&folder, day, &[]);
        folder.write(
            &format!("spend/dt=2026-11-{day}/a.csv"),
            "channel,spend\nads,1.50\n",
        );
        if day < 21 {
            folder.write(&format!("spend/dt=2026-11-{day}/_SUCCESS"), "");
        }
    }
    let results = folder.run_well(after(21)).await;
    assert_eq!(results.complete_through, "2026-11-20");
    assert_eq!(
        incomplete(&results),
        ["2026-11-21: spend: dt=2026-11-21/_SUCCESS is not there"]
    );
    // A day is complete when all its sources are.
    assert_eq!(folder.dates("events"), ["2026-11-19", "2026-11-20"]);
    folder.write("spend/dt=2026-11-21/_SUCCESS", "whatever it holds\n");
    let results = folder.run_well(after(21)).await;
    assert_eq!(results.complete_through, "2026-11-21");
    assert_eq!(step(&results, "spend").rows, 1);
    assert_eq!(folder.column("spend", "2026-11-21", "spend"), ["1.50"]);
    // Another marker touches nothing.
    folder.write("spend/dt=2026-11-21/_SUCCESS", "again\n");
    let results = folder.run_well(after(21)).await;
    assert!(step(&results, "spend").dates.is_empty(), "{results:#?}");
}

#[tokio::test]
async fn days_of_a_source_that_came_later_are_named_when_they_are_passed_over() {
    let folder = project("Asia/Shanghai", "{after: 2h}", "");
    for day in 10..=21 {
        write_day(&folder, day, &[]);
    }
    folder
        .run_well(after(21).of("2026-11-10", "2026-11-21"))
        .await;
    // It waits for markers: the 12th and the 20th have none. Its files begin on the 11th.
    let folder_with_spend = project("Asia/Shanghai", "{after: 2h}", SPEND);
    let pipeline = std::fs::read_to_string(folder_with_spend.path("pipelines/small.yaml")).unwrap();
    folder.write("pipelines/small.yaml", pipeline);
    for day in 11..=21 {
        folder.write(
            &format!("spend/dt=2026-11-{day}/a.csv"),
            "channel,spend\nads,1.50\n",
        );
        if ![12, 20].contains(&day) {
            folder.write(&format!("spend/dt=2026-11-{day}/_SUCCESS"), "");
        }
    }
    let passed_over = |start: u32, end: u32| {
        format!(
            "spend: 2026-11-{start} to 2026-11-{end} is not published and lies before the dates of a run, although it is complete; `loudou run --from 2026-11-{start} --to 2026-11-{end}` publishes it"
        )
    };
    let lacking = |day: u32| {
        format!(
            "spend: 2026-11-{day} is not published and not complete (spend: dt=2026-11-{day}/_SUCCESS is not there); when that is there, `loudou run --date 2026-11-{day}` publishes it"
        )
    };
    let expected = [
        passed_over(11, 11),
        passed_over(13, 19),
        lacking(12),
        lacking(20),
    ];
    let workspace = folder.workspace().await;
    let plan = plan::plan(&workspace, &after(21).options()).await.unwrap();
    assert_eq!(plan.warnings, expected);
    let results = folder.run_well(after(21)).await;
    assert_eq!(folder.dates("spend"), ["2026-11-21"]);
    assert_eq!(results.warnings, expected);
    // What is complete can be had by the words that name it; then the rest is named alone.
    for (from, to) in [("2026-11-11", "2026-11-11"), ("2026-11-13", "2026-11-19")] {
        folder.run_well(after(21).of(from, to)).await;
    }
    assert_eq!(folder.dates("spend").len(), 9);
    let results = folder.run_well(after(21)).await;
    assert_eq!(results.warnings, [lacking(12), lacking(20)]);
    folder.write("spend/dt=2026-11-12/_SUCCESS", "");
    folder
        .run_well(after(21).of("2026-11-12", "2026-11-12"))
        .await;
    let results = folder.run_well(after(21)).await;
    assert_eq!(results.warnings, [lacking(20)]);
}

/// Does something while a run waits.
struct Waiting<F: Fn(Duration)> {
    heard: Mutex<Vec<String>>,
    meanwhile: F,
}

impl<F: Fn(Duration)> Waiting<F> {
    fn new(meanwhile: F) -> Self {
        Self {
            heard: Mutex::default(),
            meanwhile,
        }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl<F: Fn(Duration)> Progress for Waiting<F> {
    fn begin(&self, _kind: &str, _name: &str, _done: usize, _total: usize) {}
    fn end(&self, _step: &StepResult) {}
    fn waits(&self, why: &str) {
        self.heard.lock().unwrap().push(why.to_string());
    }
    fn pause(&self, time: Duration) -> BoxFuture<'_, ()> {
        (self.meanwhile)(time);
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test]
async fn a_run_may_wait_for_the_lock() {
    let folder = project("Asia/Shanghai", "{after: 2h}", "");
    write_day(&folder, 21, &[]);
    let workspace = folder.workspace().await;
    let held = RunLog::acquire(&workspace.warehouse, "process 7", "now")
        .await
        .unwrap();
    let paused = Mutex::new(Duration::ZERO);
    let progress = Waiting::new(|time| *paused.lock().unwrap() += time);
    let error = night::run(&workspace, &after(21).wait(25).options(), &progress)
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 75);
    assert!(error.to_string().contains("process 7"), "{error}");
    assert_eq!(*paused.lock().unwrap(), Duration::from_secs(25));
    assert_eq!(progress.heard().len(), 1, "{:?}", progress.heard());

    // The other run ends meanwhile, and has done it all.
    let held = Mutex::new(Some(held));
    let progress = Waiting::new(|_| drop(held.lock().unwrap().take()));
    let results = night::run(&workspace, &after(21).wait(25).options(), &progress)
        .await
        .unwrap();
    assert_eq!(results.exit_code, 0);
    assert_eq!(results.started_at, "2026-11-21T19:00:10Z", "ten seconds on");
    assert_eq!(folder.dates("events"), ["2026-11-21"]);
}

#[tokio::test]
async fn a_run_may_wait_for_a_day_and_then_goes_on_with_what_is_complete() {
    let folder = project("Asia/Shanghai", "{hours: all}", "");
    write_day(&folder, 20, &[]);
    write_day(&folder, 21, &[23]);
    let workspace = folder.workspace().await;
    // It never comes: a bare run takes what is there, a date that was asked for is refused.
    let progress = Waiting::new(|_| {});
    let results = night::run(&workspace, &after(21).wait(60).options(), &progress)
        .await
        .unwrap();
    assert_eq!(results.exit_code, 0);
    assert_eq!(results.complete_through, "2026-11-20");
    assert_eq!(
        progress.heard(),
        ["2026-11-21: events: no object of hour 23"]
    );
    let asked = after(21).of("2026-11-21", "2026-11-21").wait(60);
    let error = night::run(&workspace, &asked.options(), &Waiting::new(|_| {}))
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 75);
    // A date that is complete is not held up by yesterday.
    let progress = Waiting::new(|_| unreachable!("it waits for nothing"));
    let asked = after(21).of("2026-11-20", "2026-11-20").wait(60);
    night::run(&workspace, &asked.options(), &progress)
        .await
        .unwrap();
    // It comes.
    let progress = Waiting::new(|_| write_day(&folder, 21, &[]));
    let results = night::run(&workspace, &after(21).wait(60).options(), &progress)
        .await
        .unwrap();
    assert_eq!(results.complete_through, "2026-11-21");
}

#[tokio::test]
async fn a_run_may_wait_for_the_clock() {
    let folder = project("Asia/Shanghai", "{after: 2h}", "");
    write_day(&folder, 20, &[]);
    write_day(&folder, 21, &[]);
    let workspace = folder.workspace().await;
    let early = night("2026-11-22T01:59:45+08:00");
    let results = folder.run_well(early.clone()).await;
    assert_eq!(results.complete_through, "2026-11-20");
    let results = night::run(&workspace, &early.wait(60).options(), &Waiting::new(|_| {}))
        .await
        .unwrap();
    assert_eq!(results.complete_through, "2026-11-21");
    assert_eq!(results.started_at, "2026-11-21T18:00:05Z");
}

#[tokio::test]
async fn a_layout_in_utc_begins_on_the_local_day_of_its_first_hour() {
    let folder = project("America/New_York", "{after: 2h}", "    layout_zone: utc\n");
    // 21:30 of the 17th in New York.
    write(&folder, "2026-11-18", 2, "2026-11-18T02:30:00Z");
    write(&folder, "2026-11-20", 12, "2026-11-20T12:30:00Z");
    let results = folder.run_well(night("2026-11-21T03:00:00-05:00")).await;
    assert_eq!(
        folder.dates("events"),
        ["2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"]
    );
    assert_eq!(folder.rows("events", "2026-11-17").len(), 1);
    // UTC's 19th, and its 21st, which holds the evening of the 20th.
    let missing: Vec<&str> = results
        .warnings
        .iter()
        .filter_map(|warning| warning.strip_prefix("events: there is no raw object of "))
        .collect();
    assert_eq!(missing, ["2026-11-19", "2026-11-21"]);
    // East of Greenwich the day before it is not one without rows.
    let folder = project("Asia/Shanghai", "{after: 2h}", "    layout_zone: utc\n");
    write(&folder, "2026-11-19", 20, "2026-11-19T20:30:00Z");
    folder.run_well(night("2026-11-21T03:00:00+08:00")).await;
    assert_eq!(folder.dates("events"), ["2026-11-20"]);
}
