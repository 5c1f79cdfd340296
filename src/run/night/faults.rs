//! Whole nights over a store that fails: the real engine, decoding, models, audits and pages. However a
//! night went, the next one gives the bytes of a night in which nothing went wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration as Time;

use bytes::Bytes;
use chrono::DateTime;
use futures::future::BoxFuture;

use super::{Progress, RunOptions, run};
use crate::error::{Error, Result};
use crate::run::Workspace;
use crate::run::check::check;
use crate::run::results::{RunResults, StepResult};
use crate::table::faults::at_once::{Cells, Nights, shown};
use crate::table::faults::{Chance, rounds, seed};
use crate::table::warehouse::Warehouse;

const FILES: [(&str, &str); 6] = [
    (
        "pipelines/_project.yaml",
        "project: small\ntime_zone: Asia/Shanghai\nlocale: en\ncurrency: CNY\nwarehouse: warehouse/\ncatch_up: 7d\n",
    ),
    (
        "pipelines/small.yaml",
        "sources:\n  events:\n    from: raw/\n    layout: \"dt={date}/*\"\n    format: ndjson\n    time: {field: ts, format: iso}\n    id: id\n    user: user\n    columns: {event: string, amount: \"decimal(12,2)\"}\n    late: 1d\n    quarantine: {at_most: 50%}\nfunnels:\n  shop:\n    title: {zh-CN: 商城, en: Shop}\n    on: events\n    window: 24h\n    steps:\n      - {name: click, title: {zh-CN: 点击, en: Click}, when: \"event = 'click'\"}\n      - {name: pay, title: {zh-CN: 支付, en: Payment}, when: \"event = 'pay'\"}\n",
    ),
    (
        "sql/marts/daily.sql",
        "select date, count(*) as events, sum(amount) as amount from events where date between $start and $end group by date",
    ),
    (
        "sql/marts/daily.yaml",
        "build: by_date\ngrain: one row per day\nkey: [date]\ncolumns: {date: {type: date}, events: {type: int64}, amount: {type: \"decimal(22,2)\"}}\n",
    ),
    (
        "sql/marts/total.sql",
        "select count(*) as events, count(distinct user_id) as users from events",
    ),
    (
        "sql/marts/total.yaml",
        "build: whole\ngrain: one row\nkey: [events]\ncolumns: {events: {type: int64}, users: {type: int64}}\n",
    ),
];

struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: &str, _: usize, _: usize) {}
    fn end(&self, _: &StepResult) {}
    fn waits(&self, _: &str) {}
    fn pause(&self, _: Time) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn raw(root: &Path, day: u32, object: &str, users: std::ops::Range<u32>) {
    let mut text = String::new();
    for user in users {
        for (hour, event) in [(10, "click"), (11, "pay")] {
            text.push_str(&format!(
                "{{\"id\":\"{day}-{user}-{event}\",\"ts\":\"2026-11-{day}T{hour}:00:00+08:00\",\"user\":\"u{user}\",\"event\":\"{event}\",\"amount\":\"1.10\"}}\n"
            ));
        }
    }
    write(
        root,
        &format!("raw/dt=2026-11-{day}/{object}.ndjson"),
        &text,
    );
}

/// The raw data of the first night, and what the second finds beside it: a late object, a day more, an
/// object that has changed.
fn raw_of_night(root: &Path, number: u32) {
    if number == 1 {
        raw(root, 19, "a", 1..4);
        raw(root, 20, "a", 2..5);
    } else {
        raw(root, 19, "late", 7..8);
        raw(root, 20, "a", 2..7);
        raw(root, 21, "a", 1..3);
    }
}

async fn workspace(root: &Path, warehouse: &Warehouse) -> Workspace {
    let (workspace, problems) = check(root).await.unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    Workspace {
        warehouse: warehouse.clone(),
        ..workspace.unwrap()
    }
}

async fn night(root: &Path, warehouse: &Warehouse) -> Result<RunResults> {
    let options = RunOptions {
        dates: Some(("2026-11-19".parse().unwrap(), "2026-11-21".parse().unwrap())),
        rescan: false,
        full_refresh: false,
        accept_vanished: false,
        select: None,
        into: None,
        wait: Time::ZERO,
        reports: false,
        now: DateTime::parse_from_rfc3339("2026-11-22T06:00:00+08:00")
            .unwrap()
            .to_utc(),
        started: DateTime::UNIX_EPOCH,
        holder: "a test".to_string(),
    };
    run(&workspace(root, warehouse).await, &options, &Silent).await
}

/// Nights in which nothing goes wrong: what is published in the end, and the requests of each.
async fn undisturbed(profile: usize) -> (BTreeMap<String, Bytes>, [usize; 2]) {
    let folder = project();
    let nights = Nights::on(profile);
    let mut requests = [0; 2];
    for number in [1, 2] {
        raw_of_night(folder.path(), number);
        let quiet = nights.run(&[], 0);
        let results = night(folder.path(), &quiet.warehouse).await.unwrap();
        assert_eq!(results.exit_code, 0, "{:?}", results.steps);
        requests[number as usize - 1] = quiet.requests();
    }
    assert_eq!(nights.complaints(), Vec::<String>::new());
    (nights.data(), requests)
}

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in FILES {
        write(folder.path(), path, text);
    }
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_that_fails_anywhere_is_made_good_by_the_next() {
    let seed = seed();
    let mut expected = Vec::new();
    for profile in 0..3 {
        expected.push(undisturbed(profile).await);
    }
    let mut cells = Cells::new();
    let mut ended_well = 0;
    let cases = 24 * rounds();
    for case in 0..cases {
        let mut chance = Chance::new(seed ^ (case << 32));
        let profile = chance.below(3);
        let (data, requests) = &expected[profile];
        let folder = project();
        let nights = Nights::on(profile);
        let is_second = chance.one_in(2);
        raw_of_night(folder.path(), 1);
        if is_second {
            let quiet = nights.run(&[], 0);
            night(folder.path(), &quiet.warehouse).await.unwrap();
            raw_of_night(folder.path(), 2);
        }
        let most = requests[usize::from(is_second)];
        let faults: Vec<usize> = (0..=chance.below(3)).map(|_| chance.below(most)).collect();
        let disturbed = nights.run(&faults, seed ^ case);
        let outcome = tokio::select! {
            outcome = night(folder.path(), &disturbed.warehouse) => Some(outcome),
            () = disturbed.cut_off() => None,
        };
        nights.count(&disturbed);
        let case_is = format!(
            "LOUDOU_FAULT_SEED={seed}, case {case}, store {profile}, {}: {}",
            disturbed.fired(),
            match &outcome {
                None => "cut off".to_string(),
                Some(Ok(results)) => format!("exit code {}", results.exit_code),
                Some(Err(error)) => error.to_string(),
            }
        );
        assert_eq!(nights.violations(), Vec::<String>::new(), "{case_is}");
        if let Some(Ok(results)) = &outcome
            && results.exit_code == 0
        {
            ended_well += 1;
            assert_eq!(nights.complaints(), Vec::<String>::new(), "{case_is}");
        }
        if let Some(Err(Error::Usage(_) | Error::Project(_))) = &outcome {
            panic!("a fault of the store is told as a fault of the project: {case_is}");
        }
        raw_of_night(folder.path(), 2);
        // Without conditions on writes, what comes late is made good by the night after.
        let heals = if nights.is_create_only() { 2 } else { 1 };
        for heal in 0..heals {
            let quiet = nights.run(&[], 0);
            let results = night(folder.path(), &quiet.warehouse)
                .await
                .unwrap_or_else(|error| panic!("{case_is}\n{error}"));
            assert_eq!(results.exit_code, 0, "{case_is}\n{:?}", results.steps);
            if heal == 0 {
                nights.flush_late();
            }
        }
        assert_eq!(nights.complaints(), Vec::<String>::new(), "{case_is}");
        let found = nights.data();
        let keys = |data: &BTreeMap<String, Bytes>| data.keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&found), keys(data), "{case_is}");
        for (key, bytes) in data {
            assert!(found[key] == *bytes, "{key} differs: {case_is}");
        }
        nights.add_to(&mut cells);
    }
    println!(
        "seed {seed}, {cases} nights, {ended_well} ended well all the same\n{}",
        shown(&cells)
    );
    assert!(cells.values().sum::<u64>() >= cases);
}
