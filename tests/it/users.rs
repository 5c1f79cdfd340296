//! Who is who: the built-in `user_days`, `user_milestones` and `users` over small projects, by hand; and
//! that a model which reads its own earlier dates comes to the same bytes in any order of arrival.

use std::collections::BTreeMap;

use loudou::run::plan;
use loudou::run::results::Status::{Failed, Skipped};
use proptest::prelude::*;
use serde_json::json;

use crate::cli::query;
use crate::support::{Folder, Night, differing, night, project_file, step};

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
      channel: string
      page: string
      order_id: string
      amount: "decimal(12,2)"
      element: string
      x: int64
      y: int64
      screen_width: int64
      page_height: int64
      scroll_pct: int64
    late: 2d
    quarantine: {at_most: 60%}
"#;

/// Counts each day's users by whether they are new, with the view of all users.
const DAILY: [(&str, &str); 2] = [
    (
        "sql/marts/daily.sql",
        "select d.date, u.first_seen_date = d.date as is_new, count(*) as users, sum(d.paid) as paid \
         from user_days d join users u on d.user_key = u.user_key and d.user_id = u.user_id \
         where d.date between $start and $end group by d.date, u.first_seen_date = d.date",
    ),
    (
        "sql/marts/daily.yaml",
        "build: by_date\ngrain: one row per day, new or not\nkey: [date, is_new]\ncolumns:\n  date: {type: date}\n  is_new: {type: bool, checks: [not_null]}\n  users: {type: int64}\n  paid: {type: \"decimal(28,2)\"}\n",
    ),
];

/// A project with the built-in models of users.
fn project() -> Folder {
    let project = project_file("Asia/Shanghai");
    let folder = Folder::new(&[
        ("pipelines/_project.yaml", project.as_str()),
        ("pipelines/small.yaml", PIPELINE),
    ]);
    for (path, text) in DAILY {
        folder.write(path, text);
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in [
        "staging/stg_events",
        "marts/users/user_days",
        "marts/users/user_milestones",
        "marts/users/users",
    ] {
        for kind in ["sql", "yaml"] {
            let path = format!("sql/{name}.{kind}");
            folder.write(&path, std::fs::read(root.join(&path)).unwrap());
        }
    }
    folder
}

/// A line: id, local time from the day on, user, event, platform.
fn line(id: &str, time: &str, user: Option<&str>, event: &str, platform: &str) -> String {
    let amount = if event == "pay" { Some("2.50") } else { None };
    let line = json!({"id": id, "ts": format!("2026-11-{time}+08:00"), "user": user, "event": event,
        "platform": platform, "channel": format!("by {platform}"), "amount": amount});
    format!("{line}\n")
}

/// The morning after 2026-11-<day>.
fn after(day: u32) -> Night {
    night(&format!("2026-11-{}T03:00:00+08:00", day + 1))
}

/// Milestones of a date as `user milestone platform time`.
fn milestones(folder: &Folder, day: u32) -> Vec<String> {
    let mut found: Vec<String> = folder
        .rows("user_milestones", &format!("2026-11-{day}"))
        .iter()
        .map(|row| {
            ["user_id", "milestone", "platform", "event_time"]
                .map(|name| row[name].clone().unwrap_or_default())
                .join(" ")
        })
        .collect();
    found.sort();
    found
}

fn days(days: impl IntoIterator<Item = u32>) -> Vec<String> {
    days.into_iter()
        .map(|day| format!("2026-11-{day}"))
        .collect()
}

/// Three days: users around midnight, events out of order, one without a user.
fn write_three_days(folder: &Folder) {
    folder.write(
        "raw/dt=2026-11-16/a.ndjson",
        [
            // The last instant of the day.
            line("1", "16T23:59:59.999", Some("eve"), "page_view", "ios"),
            line("2", "16T10:00:00", None, "pay", "ios"),
            line("3", "16T12:00:00", Some("old"), "pay", "android"),
            line("4", "16T09:00:00", Some("old"), "page_view", "ios"),
        ]
        .concat(),
    );
    folder.write(
        "raw/dt=2026-11-17/a.ndjson",
        [
            // Two at the same instant: the smaller event id is the first.
            line("6", "17T00:00:00", Some("midnight"), "page_view", "android"),
            line("5", "17T00:00:00", Some("midnight"), "page_view", "ios"),
            line("7", "17T00:00:00", Some("eve"), "register", "ios"),
            line("8", "17T08:00:00", Some("eve"), "register", "android"),
            line("9", "17T09:00:00", Some("old"), "pay", "ios"),
        ]
        .concat(),
    );
    folder.write(
        "raw/dt=2026-11-18/a.ndjson",
        [
            line("10", "18T10:00:00", Some("eve"), "register", "ios"),
            line("11", "18T11:00:00", Some("eve"), "pay", "ios"),
            line("12", "18T12:00:00", Some("late"), "register", "ios"),
        ]
        .concat(),
    );
}

#[tokio::test]
async fn firsts_by_hand() {
    let folder = project();
    write_three_days(&folder);
    folder.run_well(after(18)).await;
    // Times are UTC: midnight in Shanghai is 16:00.
    assert_eq!(
        milestones(&folder, 16),
        [
            "eve first_seen ios 2026-11-16T15:59:59.999Z",
            "old first_payment android 2026-11-16T04:00:00Z",
            "old first_seen ios 2026-11-16T01:00:00Z",
        ]
    );
    assert_eq!(
        milestones(&folder, 17),
        [
            "eve registration ios 2026-11-16T16:00:00Z",
            "midnight first_seen ios 2026-11-16T16:00:00Z",
        ]
    );
    assert_eq!(
        milestones(&folder, 18),
        [
            "eve first_payment ios 2026-11-18T03:00:00Z",
            "late first_seen ios 2026-11-18T04:00:00Z",
            "late registration ios 2026-11-18T04:00:00Z",
        ]
    );
    let of_old: Vec<_> = folder
        .rows("user_days", "2026-11-16")
        .into_iter()
        .filter(|row| row["user_id"].as_deref() == Some("old"))
        .collect();
    let of_old = of_old.first().unwrap();
    for (column, value) in [
        ("events", Some("2")),
        ("page_views", Some("1")),
        ("payments", Some("1")),
        ("paid", Some("2.50")),
        ("platform", Some("ios")),
        ("channel", Some("by ios")),
        ("payment_platform", Some("android")),
        ("first_event_time", Some("2026-11-16T01:00:00Z")),
        ("last_event_time", Some("2026-11-16T04:00:00Z")),
        ("payment_time", Some("2026-11-16T04:00:00Z")),
        ("registration_time", None),
        ("login_time", None),
    ] {
        assert_eq!(of_old[column].as_deref(), value, "{column}");
    }
    // Who has no id is nobody: two users on the 16th.
    assert_eq!(folder.rows("user_days", "2026-11-16").len(), 2);
    let users = query(&folder.path(""), "select * from users order by user_id");
    let of = |user: &str, column: &str| {
        let row = users.iter().find(|row| row["user_id"] == user).unwrap();
        row[column].as_str().unwrap_or_default().to_string()
    };
    assert_eq!(users.len(), 4);
    assert_eq!(of("eve", "first_seen_date"), "2026-11-16");
    assert_eq!(of("eve", "registration_date"), "2026-11-17");
    assert_eq!(of("eve", "first_payment_date"), "2026-11-18");
    assert_eq!(of("eve", "first_channel"), "by ios");
    assert_eq!(of("midnight", "first_seen_date"), "2026-11-17");
    assert_eq!(of("midnight", "registration_date"), "");
    assert_eq!(of("old", "first_payment_date"), "2026-11-16");
    assert_eq!(
        folder.column("daily", "2026-11-17", "is_new"),
        ["false", "true"]
    );
    assert_eq!(folder.column("daily", "2026-11-17", "users"), ["2", "1"]);
}

#[tokio::test]
async fn a_late_event_moves_a_user_to_an_earlier_day() {
    let folder = project();
    write_three_days(&folder);
    folder.run_well(after(18)).await;
    // The 19th brings an event of the 17th of a user first seen on the 18th.
    folder.write(
        "raw/dt=2026-11-19/a.ndjson",
        line("20", "17T23:00:00", Some("late"), "page_view", "android")
            + &line("21", "19T10:00:00", Some("late"), "pay", "ios"),
    );
    let results = folder.run_well(after(19)).await;
    assert_eq!(step(&results, "user_days").dates, days([17, 19]));
    assert_eq!(step(&results, "user_milestones").dates, days(17..=19));
    assert_eq!(step(&results, "user_milestones").changed, days(17..=19));
    assert!(
        milestones(&folder, 17)
            .contains(&"late first_seen android 2026-11-17T15:00:00Z".to_string())
    );
    assert_eq!(
        milestones(&folder, 18),
        [
            "eve first_payment ios 2026-11-18T03:00:00Z",
            "late registration ios 2026-11-18T04:00:00Z",
        ]
    );
    assert_eq!(
        milestones(&folder, 19),
        ["late first_payment ios 2026-11-19T02:00:00Z"]
    );
    assert_eq!(folder.column("daily", "2026-11-17", "users"), ["2", "2"]);
    assert_eq!(folder.column("daily", "2026-11-18", "is_new"), ["false"]);

    let at_once = project();
    write_three_days(&at_once);
    let late = std::fs::read(folder.path("raw/dt=2026-11-19/a.ndjson")).unwrap();
    at_once.write("raw/dt=2026-11-19/a.ndjson", late);
    at_once.run_well(after(19)).await;
    assert_eq!(
        differing(&folder.tables(), &at_once.tables()),
        Vec::<String>::new()
    );
}

/// Six days, each with two returning users and one of its own.
fn write_six_days(folder: &Folder) {
    for day in 16..=21 {
        let of = |hour: u32, user: &str, event: &str| {
            let time = format!("{day}T{hour:02}:00:00");
            line(&format!("{day}-{hour}"), &time, Some(user), event, "ios")
        };
        folder.write(
            &format!("raw/dt=2026-11-{day}/a.ndjson"),
            of(9, "u1", "page_view")
                + &of(10, "u2", "pay")
                + &of(11, &format!("of {day}"), "register"),
        );
    }
}

#[tokio::test]
async fn what_is_restated_restates_the_days_behind_as_far_as_bytes_change() {
    let folder = project();
    write_six_days(&folder);
    folder.run_well(after(21)).await;
    let before = folder.tables();

    // Another event of a known user on the 16th: its day changes, nobody's first time does.
    folder.write(
        "raw/dt=2026-11-16/b.ndjson",
        line("b", "16T20:00:00", Some("u1"), "page_view", "ios"),
    );
    let results = folder.run_well(after(21)).await;
    assert_eq!(step(&results, "user_days").changed, days([16]));
    assert_eq!(step(&results, "user_milestones").dates, days([16]));
    assert_eq!(
        step(&results, "user_milestones").changed,
        Vec::<String>::new()
    );
    assert_eq!(
        step(&results, "user_milestones").why,
        "1 inputs changed (user_days 2026-11-16)"
    );

    // A user of the 20th was there on the 16th: the days behind are looked at, one of them changes.
    folder.write(
        "raw/dt=2026-11-16/c.ndjson",
        line("c", "16T21:00:00", Some("of 20"), "page_view", "ios"),
    );
    let workspace = folder.workspace().await;
    let options = after(21).options();
    let planned = plan::plan(&workspace, &options).await.unwrap();
    let of_model = |name: &str| {
        let step = planned.steps.iter().find(|step| step.name == name).unwrap();
        (step.dates.clone(), step.why.clone())
    };
    assert_eq!(
        of_model("user_milestones"),
        (
            vec!["2026-11-16 to 2026-11-21".to_string()],
            vec!["inputs changed: user_days 2026-11-16".to_string()]
        )
    );
    let results = folder.run_well(after(21)).await;
    assert_eq!(step(&results, "user_milestones").dates, days(16..=21));
    assert_eq!(step(&results, "user_milestones").changed, days([16, 20]));
    let again = folder.run_well(after(21)).await;
    assert_eq!(step(&again, "user_milestones").dates, Vec::<String>::new());

    // Both vanish again.
    folder.remove("raw/dt=2026-11-16/b.ndjson");
    folder.remove("raw/dt=2026-11-16/c.ndjson");
    folder.run_well(after(21)).await;
    assert_eq!(differing(&before, &folder.tables()), Vec::<String>::new());
    let full = folder.run_well(after(21).full_refresh()).await;
    assert_eq!(step(&full, "user_milestones").why, "6 full refresh");
    assert_eq!(differing(&before, &folder.tables()), Vec::<String>::new());
}

#[tokio::test]
async fn nights_backfills_and_holes_come_to_the_same_bytes() {
    let (all, nightly, backwards) = (project(), project(), project());
    for folder in [&all, &nightly, &backwards] {
        write_six_days(folder);
    }
    all.run_well(after(21)).await;
    for day in 16..=21 {
        let text = format!("2026-11-{day}");
        nightly.run_well(after(day).of(&text, &text)).await;
    }
    assert_eq!(
        differing(&all.tables(), &nightly.tables()),
        Vec::<String>::new()
    );
    // The last day first, then one in the middle, then the rest: users of a hole count as new where
    // they come next, until the hole is filled.
    for (from, to) in [(21, 21), (18, 18), (19, 20), (16, 17)] {
        let (from, to) = (format!("2026-11-{from}"), format!("2026-11-{to}"));
        backwards.run_well(after(21).of(&from, &to)).await;
        if from == "2026-11-21" {
            assert_eq!(backwards.column("daily", "2026-11-21", "users"), ["3"]);
        }
    }
    assert_eq!(
        differing(&all.tables(), &backwards.tables()),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_day_held_back_does_not_hold_back_the_days_behind_it() {
    let folder = project();
    write_six_days(&folder);
    let good = std::fs::read(folder.path("raw/dt=2026-11-18/a.ndjson")).unwrap();
    folder.write("raw/dt=2026-11-18/a.ndjson", "{\n{\n{\n{\n{\n");
    let results = folder.run(after(21)).await;
    assert_eq!(step(&results, "events").status, Failed);
    assert_eq!(step(&results, "user_milestones").status, Skipped);
    let without = days([16, 17, 19, 20, 21]);
    assert_eq!(folder.dates("user_milestones"), without);
    folder.write("raw/dt=2026-11-18/a.ndjson", good);
    folder.run_well(after(21)).await;
    let whole = project();
    write_six_days(&whole);
    whole.run_well(after(21)).await;
    assert_eq!(
        differing(&whole.tables(), &folder.tables()),
        Vec::<String>::new()
    );
}

/// Path date, object, lines of (id, day, hour, user, event).
type Drawn = (u32, u32, Vec<(u32, u32, u32, u32, usize)>);

fn drawn() -> impl Strategy<Value = Drawn> {
    let line = (0u32..30, 16u32..=20, 0u32..24, 0u32..6, 0usize..4);
    (16u32..=20, 0u32..3, prop::collection::vec(line, 0..8))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Objects arrive on any night; the tables are those of one night that saw all, and the milestones
    /// are what looking through the events by hand gives.
    #[test]
    fn arrival_does_not_matter(
        drawn in prop::collection::vec(drawn(), 1..10),
        arrival in prop::collection::vec(16u32..=20, 10),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let events = ["page_view", "register", "pay", "login"];
        let mut objects: BTreeMap<String, String> = BTreeMap::new();
        for (day, name, lines) in &drawn {
            let text: String = lines
                .iter()
                .map(|(id, day, hour, user, event)| {
                    let time = format!("{day}T{hour:02}:00:00");
                    line(&format!("e{id}"), &time, Some(&format!("u{user}")), events[*event], "ios")
                })
                .collect();
            objects.insert(format!("raw/dt=2026-11-{day}/{name}.ndjson"), text);
        }
        let first = ("raw/dt=2026-11-16/first.ndjson", line("first", "16T00:00:00", Some("u0"), "page_view", "ios"));
        let (several, one) = (project(), project());
        for folder in [&several, &one] {
            folder.write("pipelines/small.yaml", PIPELINE.replace("60%", "100%"));
            folder.write(first.0, &first.1);
        }
        for night in 16..=20u32 {
            for (number, (path, text)) in objects.iter().enumerate() {
                if arrival[number % arrival.len()] == night {
                    several.write(path, text);
                }
            }
            let results = runtime.block_on(several.run(after(night).rescan()));
            prop_assert_eq!(results.exit_code, 0);
        }
        for (path, text) in &objects {
            one.write(path, text);
        }
        runtime.block_on(several.run_well(after(20).rescan()));
        runtime.block_on(one.run_well(after(20)));
        prop_assert_eq!(differing(&several.tables(), &one.tables()), Vec::<String>::new());

        let mut reached: BTreeMap<(String, &str), (String, String)> = BTreeMap::new();
        for day in 16..=20u32 {
            let date = format!("2026-11-{day}");
            for row in one.rows("events", &date) {
                let (user, time) = (row["user_id"].clone().unwrap(), row["event_time"].clone().unwrap());
                let milestone = match row["event"].as_deref() {
                    Some("register") => Some("registration"),
                    Some("pay") => Some("first_payment"),
                    _ => None,
                };
                for milestone in [Some("first_seen"), milestone].into_iter().flatten() {
                    let first = reached.entry((user.clone(), milestone)).or_insert_with(|| (date.clone(), time.clone()));
                    if time < first.1 {
                        *first = (date.clone(), time.clone());
                    }
                }
            }
        }
        let mut found = BTreeMap::new();
        for day in 16..=20u32 {
            let date = format!("2026-11-{day}");
            for row in one.rows("user_milestones", &date) {
                let milestone = ["first_seen", "registration", "first_payment"]
                    .into_iter()
                    .find(|name| row["milestone"].as_deref() == Some(name))
                    .unwrap();
                let before = found.insert(
                    (row["user_id"].clone().unwrap(), milestone),
                    (date.clone(), row["event_time"].clone().unwrap()),
                );
                prop_assert_eq!(before, None, "reached twice");
            }
        }
        prop_assert_eq!(found, reached);
    }
}
