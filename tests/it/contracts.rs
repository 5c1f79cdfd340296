//! Checks of contracts over small nights: each kind passes, warns, stops and has nothing to look at.
//! All numbers are counted by hand from the rows written here.

use std::fs;

use loudou::run::results::Status::{Done, Failed, Skipped};
use loudou::run::results::{CheckCounts, RunResults};
use loudou::table::audit::CheckResult;
use loudou::table::audit::CheckStatus::{self, Fail, Pass, Skipped as NotApplicable, Warn};
use serde_json::{Value, json};

use crate::support::{Folder, Night, night, project_file, statuses, step};

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
      page: string
      phone: {type: string, personal: true}
    late: 1d
"#;

/// One row per event.
const VIEWS_SQL: &str = "select date, event_id, user_id, page, phone, event_time from events where date between $start and $end";
const VIEWS_YAML: &str = "build: by_date
grain: one row per event
key: [date, event_id]
columns:
  date: {type: date}
  event_id: {type: string}
  user_id: {type: string}
  page: {type: string}
  phone: {type: string}
  event_time: {type: timestamp}
";
const TOTAL_YAML: &str = "build: whole
grain: one row per page
key: [page]
columns: {page: {type: string}, views: {type: int64}}
";

/// The project with checks of `views`, which `total` reads.
fn project(checks: &str) -> Folder {
    let project = project_file("Asia/Shanghai");
    let views = format!("{VIEWS_YAML}{checks}");
    Folder::new(&[
        ("pipelines/_project.yaml", project.as_str()),
        ("pipelines/small.yaml", PIPELINE),
        ("sql/marts/views.sql", VIEWS_SQL),
        ("sql/marts/views.yaml", views.as_str()),
        (
            "sql/marts/total.sql",
            "select page, count(*) as views from views group by page",
        ),
        ("sql/marts/total.yaml", TOTAL_YAML),
    ])
}

/// This many events on a day of November 2026, at 10:00, 10:01, … of users u0, u1, …
fn write_day(folder: &Folder, day: u32, events: u32) {
    let mut text = String::new();
    for number in 0..events {
        let ts = format!("2026-11-{day:02}T10:{number:02}:00+08:00");
        let line = json!({
            "id": format!("{day}-{number:02}"), "ts": ts, "user": format!("u{number}"),
            "event": "view", "page": format!("/p{}", number % 2), "phone": "13800000000",
        });
        text.push_str(&format!("{line}\n"));
    }
    folder.write(&format!("raw/dt=2026-11-{day:02}/a.ndjson"), text);
}

/// The morning after 2026-11-<day>, for these days.
fn nights(from: u32, to: u32) -> Night {
    night(&format!("2026-11-{:02}T03:00:00+08:00", to + 1))
        .of(&format!("2026-11-{from:02}"), &format!("2026-11-{to:02}"))
}

/// Results of the checks whose words hold this text, of a step.
fn checks<'a>(results: &'a RunResults, name: &str, words: &str) -> Vec<&'a CheckResult> {
    let checks = step(results, name).checks.iter();
    checks.filter(|check| check.check.contains(words)).collect()
}

/// Status, days of November, what was found, what was expected or why not.
fn told(checks: &[&CheckResult]) -> Vec<(CheckStatus, String, String, String)> {
    checks
        .iter()
        .map(|check| {
            let days: Vec<&str> = check.dates.iter().map(|date| &date[8..]).collect();
            let observed = check.observed.as_ref().map(Value::to_string);
            let why = check.expected.clone().or(check.reason.clone());
            (
                check.status,
                days.join(" "),
                observed.unwrap_or_default(),
                why.unwrap_or_default(),
            )
        })
        .collect()
}

fn row(
    status: CheckStatus,
    days: &str,
    observed: &str,
    why: &str,
) -> (CheckStatus, String, String, String) {
    (status, days.into(), observed.into(), why.into())
}

#[tokio::test]
async fn row_counts_against_yesterday_stop_the_model_and_its_readers() {
    let folder = project("checks: [{row_count: {against: yesterday, within: 50%}}]\n");
    // 4, 5, then a zero-row day, then 12 and 6.
    for (day, events) in [(16, 4), (17, 5), (18, 0), (19, 12), (20, 6)] {
        write_day(&folder, day, events);
    }
    let first = folder.run_well(nights(16, 17)).await;
    let words = "row_count within 50% of yesterday";
    assert_eq!(
        told(&checks(&first, "views", words)),
        [
            row(NotApplicable, "16", "", "2026-11-15 is not published"),
            // 2.5 to 7.5 rows are 2 to 6 of 4 rows.
            row(Pass, "17", "5", "2 to 6 (4 on 2026-11-16)"),
        ]
    );
    // 18: nothing after 5 rows. 19: nothing to compare with. 20: 6 of 12 rows is just 50%.
    let second = folder.run(nights(18, 20)).await;
    assert_eq!(
        told(&checks(&second, "views", words)),
        [
            row(Fail, "18", "0", "3 to 7 (5 on 2026-11-17)"),
            row(
                NotApplicable,
                "19",
                "",
                "2026-11-18 has no rows to compare with"
            ),
            row(Pass, "20", "6", "6 to 18 (12 on 2026-11-19)"),
        ]
    );
    assert_eq!(second.exit_code, 1);
    assert_eq!(
        statuses(&second),
        [("events", Done), ("total", Skipped), ("views", Failed)].into()
    );
    assert_eq!(
        step(&second, "views").why,
        "audit failed, nothing of it is published: row_count within 50% of yesterday on 2026-11-18 (0, expected 3 to 7 (5 on 2026-11-17))"
    );
    assert!(
        step(&second, "total")
            .why
            .contains("views failed in this run")
    );
    assert_eq!(folder.dates("views"), ["2026-11-16", "2026-11-17"]);
    assert_eq!(folder.column("total", "", "views"), ["5", "4"]);
}

#[tokio::test]
async fn row_counts_against_the_same_weekday_warn_and_publication_goes_on() {
    let folder = project(
        "checks: [{row_count: {against: same_weekday, within: 30%, severity: warn, name: weekly}}]\n",
    );
    for day in 14..=22 {
        write_day(&folder, day, if day == 21 { 20 } else { 10 });
    }
    let words = "row_count within 30% of same_weekday";
    let first = folder.run_well(nights(14, 20)).await;
    let skipped = told(&checks(&first, "views", words));
    assert_eq!(skipped.len(), 7, "{skipped:?}");
    assert!(skipped.iter().all(|entry| entry.0 == NotApplicable));
    assert_eq!(skipped[6].3, "2026-11-13 is not published");
    assert_eq!(first.warnings, Vec::<String>::new());

    let second = folder.run_well(nights(21, 22)).await;
    assert_eq!(
        told(&checks(&second, "views", words)),
        [
            row(Warn, "21", "20", "7 to 13 (10 on 2026-11-14)"),
            row(Pass, "22", "10", "7 to 13 (10 on 2026-11-15)"),
        ]
    );
    assert_eq!(
        second.warnings,
        [
            "views: weekly, row_count within 30% of same_weekday on 2026-11-21 (20, expected 7 to 13 (10 on 2026-11-14))"
        ]
    );
    assert_eq!(
        second.checks,
        CheckCounts {
            pass: 6,
            warn: 1,
            fail: 0,
            skipped: 0
        }
    );
    assert_eq!(folder.rows("views", "2026-11-21").len(), 20);
}

#[tokio::test]
async fn a_restated_day_is_compared_as_it_is_to_be_published() {
    let folder = project("checks: [{row_count: {against: yesterday, within: 50%}}]\n");
    write_day(&folder, 16, 4);
    write_day(&folder, 17, 4);
    folder.run_well(nights(16, 17)).await;
    // Late rows: the 16th comes to have 5 rows, the 17th 8, which is more than 7 of 5 and of 4.
    let late = |day: u32, count: u32| -> String {
        (0..count)
            .map(|number| {
                let ts = format!("2026-11-{day}T11:{number:02}:00+08:00");
                format!("{}\n", json!({"id": format!("late-{day}-{number}"), "ts": ts, "user": "u9", "event": "view"}))
            })
            .collect()
    };
    folder.write("raw/dt=2026-11-16/late.ndjson", late(16, 1));
    folder.write("raw/dt=2026-11-17/late.ndjson", late(17, 4));
    let results = folder.run(nights(16, 17)).await;
    assert_eq!(
        told(&checks(&results, "views", "row_count")),
        [
            row(NotApplicable, "16", "", "2026-11-15 is not published"),
            row(Fail, "17", "8", "3 to 7 (5 on 2026-11-16)"),
        ]
    );
    // What was there stays.
    assert_eq!(folder.rows("views", "2026-11-16").len(), 4);
}

#[tokio::test]
async fn row_counts_within_bounds() {
    let folder = project(
        "checks: [{row_count: {min: 1}}, {row_count: {max: 3, severity: warn}}, {row_count: {min: 1, max: 4}}]\n",
    );
    write_day(&folder, 16, 4);
    let results = folder.run_well(nights(16, 16)).await;
    assert_eq!(
        told(&checks(&results, "views", "row_count")),
        [
            row(Pass, "16", "4", "at least 1"),
            row(Warn, "16", "4", "at most 3"),
            row(Pass, "16", "4", "1 to 4"),
        ]
    );
    let folder = project("checks: [{row_count: {min: 1}}]\n");
    write_day(&folder, 16, 0);
    let results = folder.run(nights(16, 16)).await;
    assert_eq!(
        told(&checks(&results, "views", "row_count")),
        [row(Fail, "16", "0", "at least 1")]
    );
    assert_eq!(folder.dates("views"), Vec::<String>::new());
}

/// Users of each day, but for one.
const USERS: [(&str, &str); 2] = [
    (
        "sql/marts/users.sql",
        "select date, user_id, count(*) as events from events where date between $start and $end and user_id <> 'u2' group by date, user_id",
    ),
    (
        "sql/marts/users.yaml",
        "build: by_date\ngrain: one row per day and user\nkey: [date, user_id]\ncolumns: {date: {type: date}, user_id: {type: string}, events: {type: int64}}\n",
    ),
];

#[tokio::test]
async fn relationships_look_at_the_same_date_of_the_other_table() {
    for (severity, status) in [("stop", Fail), ("warn", Warn)] {
        let folder = project(&format!(
            "checks: [{{relationship: {{columns: [user_id], to: users, severity: {severity}}}}}]\n"
        ));
        for (path, text) in USERS {
            folder.write(path, text);
        }
        write_day(&folder, 16, 2); // u0, u1
        write_day(&folder, 17, 4); // u0 to u3
        let results = folder.run(nights(16, 17)).await;
        let found = checks(&results, "views", "user_id: relationship to users.user_id");
        assert_eq!(
            told(&found),
            [row(Pass, "16", "", ""), row(status, "17", "", "")]
        );
        assert_eq!(found[1].failed_rows, 1);
        assert_eq!(
            found[1].examples,
            ["date=2026-11-17, event_id=17-02, user_id=u2"]
        );
        let is_stopped = severity == "stop";
        assert_eq!(results.exit_code, u8::from(is_stopped));
        assert_eq!(folder.dates("views").is_empty(), is_stopped);
        // The other table stands before the one whose check reads it.
        let at = |name: &str| results.steps.iter().position(|step| step.name == name);
        assert!(at("users") < at("views"));
    }
}

#[tokio::test]
async fn what_a_check_reads_may_be_missing_or_have_failed() {
    // The other table is not published for the day: it reads a source that begins later.
    let folder = project(
        "checks: [{relationship: {columns: [user_id], to: members, to_columns: [member]}}]\n",
    );
    folder.write(
        "pipelines/members.yaml",
        "sources:\n  members:\n    from: members/\n    layout: \"{date}.ndjson\"\n    format: ndjson\n    duplicates: keep\n    sort_by: [member]\n    columns: {member: string}\n",
    );
    write_day(&folder, 16, 2);
    write_day(&folder, 17, 2);
    let members = "{\"member\": \"u0\"}\n{\"member\": \"u1\"}\n{\"member\": \"u7\"}\n";
    folder.write("members/2026-11-17.ndjson", members);
    let results = folder.run_well(nights(16, 17)).await;
    let words = "relationship to members";
    assert_eq!(
        told(&checks(&results, "views", words)),
        [
            row(
                NotApplicable,
                "16",
                "",
                "members of 2026-11-16 is not published"
            ),
            row(Pass, "17", "", ""),
        ]
    );

    // The other table fails: a check that stops cannot be left out, so the model is not built.
    for (severity, status) in [("stop", Skipped), ("warn", Done)] {
        let folder = project(&format!(
            "checks: [{{relationship: {{columns: [user_id], to: users, severity: {severity}}}}}]\n"
        ));
        for (path, text) in USERS {
            folder.write(path, text);
        }
        folder.write(
            USERS[1].0,
            format!("{}checks: [{{row_count: {{min: 3}}}}]\n", USERS[1].1),
        );
        write_day(&folder, 16, 2);
        let results = folder.run(nights(16, 16)).await;
        assert_eq!(step(&results, "users").status, Failed);
        assert_eq!(step(&results, "views").status, status);
        match severity {
            "stop" => assert_eq!(
                step(&results, "views").why,
                "2026-11-16 not built, since users failed in this run"
            ),
            _ => assert_eq!(
                told(&checks(&results, "views", "relationship to users")),
                [row(NotApplicable, "16", "", "users failed in this run")]
            ),
        }
    }
}

#[tokio::test]
async fn queries_return_rows_at_fault_and_personal_data_are_masked() {
    let folder = project(
        r#"checks:
  - sql:
      name: no_odd_pages
      severity: warn
      query: |
        select event_id, page, phone, phone as number, count(*) as copies
        from views
        where page = '/p1'
        group by event_id, page, phone
  - sql:
      name: a_user_once
      query: select user_id from this group by user_id having count(*) > 1
"#,
    );
    write_day(&folder, 16, 9); // 4 odd ones
    write_day(&folder, 17, 1);
    let results = folder.run_well(nights(16, 17)).await;
    let found = checks(&results, "views", "no_odd_pages");
    assert_eq!(
        told(&found),
        [row(Warn, "16", "", ""), row(Pass, "17", "", "")]
    );
    assert_eq!(found[0].failed_rows, 4);
    assert_eq!(
        found[0].examples,
        [1, 3, 5].map(|number| format!(
            "event_id=16-0{number}, page=/p1, phone=***, number=***, copies=***"
        ))
    );
    // u0 is there on both days; a check looks at one.
    assert_eq!(
        told(&checks(&results, "views", "a_user_once")),
        [row(Pass, "16 17", "", "")]
    );
    assert!(
        !fs::read_to_string(folder.path(".loudou/run_results.json"))
            .unwrap()
            .contains("13800000000")
    );
}

#[tokio::test]
async fn queries_see_other_tables_as_far_as_reads_says() {
    // A page of today was there yesterday; `reads` shows the day before.
    for (reads, failed) in [("", 2), ("reads: {events: {before: 1d}}\n", 0)] {
        let folder = project(&format!(
            "{reads}checks:\n  - sql:\n      name: known_pages\n      query: select * from this where page not in (select e.page from events e where e.date < (select min(date) from this))\n"
        ));
        write_day(&folder, 16, 2);
        folder.run(nights(16, 16)).await;
        write_day(&folder, 17, 2);
        let results = folder.run(nights(17, 17)).await;
        let found = checks(&results, "views", "known_pages");
        let failing: u64 = found
            .iter()
            .filter(|check| check.dates == ["2026-11-17"])
            .map(|check| check.failed_rows)
            .sum();
        assert_eq!(failing, failed, "{reads}");
    }
}

#[tokio::test]
async fn freshness_is_judged_at_the_end_of_the_date() {
    let folder = project(
        "checks:\n  - freshness: {column: event_time, at_most: 14h}\n  - freshness: {column: event_time, at_most: 13h, severity: warn}\n",
    );
    // 3 events: the newest is of 10:02, 13 h 58 min before midnight.
    write_day(&folder, 16, 3);
    let results = folder.run_well(nights(16, 16)).await;
    let observed = "\"2026-11-16T10:02:00+08:00\"";
    assert_eq!(
        told(&checks(&results, "views", "freshness")),
        [
            row(Pass, "16", observed, "2026-11-16T10:00:00+08:00 or later"),
            row(Warn, "16", observed, "2026-11-16T11:00:00+08:00 or later"),
        ]
    );
    // A day without rows has nothing new.
    write_day(&folder, 17, 0);
    let results = folder.run(nights(17, 17)).await;
    assert_eq!(step(&results, "views").status, Failed);
    assert_eq!(
        checks(&results, "views", "freshness")[0].observed,
        Some("no value".into())
    );
}

#[tokio::test]
async fn a_whole_table_is_judged_at_the_end_of_the_last_date() {
    let folder = project("");
    folder.write(
        "sql/marts/total.sql",
        "select page, count(*) as views, max(date) as last_date from views group by page",
    );
    folder.write("sql/marts/total.yaml", TOTAL_YAML.replace("views: {type: int64}}", "views: {type: int64}, last_date: {type: date}}\nchecks: [{freshness: {column: last_date, at_most: 0s}}, {row_count: {min: 2}}]"));
    write_day(&folder, 16, 3);
    let results = folder.run_well(nights(16, 16)).await;
    assert_eq!(
        told(&checks(&results, "total", "")).split_off(2),
        [
            row(
                Pass,
                "",
                "\"2026-11-16\"",
                "2026-11-17T00:00:00+08:00 or later"
            ),
            row(Pass, "", "2", "at least 2"),
        ]
    );
    // One more page: the table changes, but nothing of it is of the 18th.
    write_day(&folder, 17, 3);
    write_day(&folder, 18, 0);
    let results = folder.run(nights(17, 18)).await;
    assert_eq!(step(&results, "total").status, Failed);
    assert_eq!(folder.column("total", "", "views"), ["2", "1"]);
}

#[tokio::test]
async fn stale_sources_warn_or_hold_back_the_dates_at_fault() {
    let freshness = |limits: &str| {
        let folder = project("");
        folder.write(
            "pipelines/small.yaml",
            format!("{PIPELINE}    freshness: {limits}\n"),
        );
        // The newest row is of the 16th at 10:02; the 17th has an object without rows.
        write_day(&folder, 16, 3);
        write_day(&folder, 17, 0);
        folder
    };
    // At the end of the 17th it is 37 h 58 min old.
    let folder = freshness("{warn_after: 37h, fail_after: 38h}");
    let results = folder.run_well(nights(16, 17)).await;
    assert_eq!(
        results.warnings.last().map(String::as_str),
        Some(
            "events: freshness within 37h on 2026-11-17 (2026-11-16T10:02:00+08:00, expected 2026-11-16T11:00:00+08:00 or later)"
        )
    );
    assert_eq!(
        told(&checks(&results, "events", "freshness within 38h"))[0].0,
        Pass
    );
    let folder = freshness("{fail_after: 37h}");
    let results = folder.run(nights(16, 17)).await;
    assert_eq!(
        statuses(&results),
        [("events", Failed), ("total", Skipped), ("views", Skipped)].into()
    );
    assert_eq!(
        step(&results, "views").why,
        "2026-11-17 not built, since events failed in this run"
    );
    assert_eq!(folder.dates("views"), ["2026-11-16"]);
    // Neither does a run of the model alone get round it.
    let results = folder.run(nights(16, 17).select("views")).await;
    assert_eq!(
        statuses(&results),
        [("events", Failed), ("views", Skipped)].into()
    );
    assert_eq!(folder.dates("views"), ["2026-11-16"]);
}

#[tokio::test]
async fn what_comes_of_a_date_does_not_depend_on_what_is_built_with_it() {
    let checks = "checks:
  - row_count: {against: yesterday, within: 60%, severity: warn}
  - relationship: {columns: [user_id], to: users, severity: warn}
  - sql: {name: few, severity: warn, query: \"select count(*) as n from this having count(*) > 3\"}
  - freshness: {column: event_time, at_most: 14h, severity: warn}
";
    let make = || {
        let folder = project(checks);
        for (path, text) in USERS {
            folder.write(path, text);
        }
        folder.write(
            "sql/marts/views.yaml",
            format!("{VIEWS_YAML}{checks}").replace(
                "page: {type: string}",
                "page: {type: string, checks: [unique: {severity: warn}]}",
            ),
        );
        for (day, events) in [(16, 1), (17, 3), (18, 5), (19, 4)] {
            write_day(&folder, day, events);
        }
        folder
    };
    /// Status and failed rows of each check on each date.
    fn by_date(results: &[RunResults]) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        let steps = results.iter().map(|results| step(results, "views"));
        for check in steps.flat_map(|step| &step.checks) {
            for date in &check.dates {
                let status = format!("{:?} {:?}", check.status, check.expected);
                found.push((check.check.clone(), date.clone(), status));
            }
        }
        found.sort();
        found
    }
    let together = make();
    let at_once = [together.run_well(nights(16, 19)).await];
    let apart = make();
    let mut one_by_one = Vec::new();
    for day in 16..=19 {
        one_by_one.push(apart.run_well(nights(day, day)).await);
    }
    let expected = by_date(&at_once);
    assert_eq!(expected.len(), 4 * (3 + 1 + 4), "{expected:?}");
    assert_eq!(by_date(&one_by_one), expected);
    assert_eq!(together.tables(), apart.tables());
}

#[tokio::test]
async fn results_say_everything_about_each_check() {
    let folder = project("checks: [{row_count: {min: 9, severity: warn, name: enough}}]\n");
    write_day(&folder, 16, 3);
    folder.run_well(nights(16, 16)).await;
    let text = fs::read_to_string(folder.path(".loudou/run_results.json")).unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    let steps = written["steps"].as_array().unwrap();
    let views = steps.iter().find(|step| step["name"] == "views").unwrap();
    let mut last = views["checks"].as_array().unwrap().last().unwrap().clone();
    assert!(last["seconds"].is_f64());
    last["seconds"] = json!(0);
    assert_eq!(
        last,
        json!({
            "table": "views", "check": "row_count at least 9", "name": "enough", "severity": "warn",
            "status": "warn", "dates": ["2026-11-16"], "failed_rows": 0, "observed": 3,
            "expected": "at least 9", "seconds": 0,
        })
    );
    // The key of views (3), of total (2), and this one.
    assert_eq!(
        written["checks"],
        json!({"pass": 5, "warn": 1, "fail": 0, "skipped": 0})
    );
}
