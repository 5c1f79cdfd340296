//! One suite against the local disk, a server of S3 and one of Azure: the same assertions, the same bytes.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;

use crate::creation_only::CreationOnly;
use crate::store_servers::{Place, SECRET};
use crate::support::Folder;

const PIPELINE: &str = r#"sources:
  events:
    from: <place>raw/
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
    quarantine: {at_most: 50%}

funnels:
  shop:
    title: {zh-CN: 商城, en: Shop}
    on: events
    window: 24h
    steps:
      - {name: click, title: {zh-CN: 点击, en: Click}, when: "event = 'click'"}
      - {name: pay, title: {zh-CN: 支付, en: Payment}, when: "event = 'pay'"}
    by: [platform]
"#;

const DAILY: &str = "select date, platform, count(*) as events, sum(amount) as amount from events where date between $start and $end group by date, platform";
const DAILY_YAML: &str = "build: by_date\ngrain: one row per day and platform\nkey: [date, platform]\ncolumns: {date: {type: date}, platform: {type: string}, events: {type: int64}, amount: {type: \"decimal(22,2)\"}}\n";

const NIGHT: [&str; 7] = [
    "--as-of",
    "2026-11-22T06:00:00+08:00",
    "run",
    "--from",
    "2026-11-19",
    "--to",
    "2026-11-21",
];

fn project(place: &Place) -> Folder {
    let file = format!(
        "project: small\ntime_zone: Asia/Shanghai\nlocale: en\ncurrency: CNY\nwarehouse: {}warehouse/\n{}",
        place.url, place.settings
    );
    Folder::new(&[
        ("pipelines/_project.yaml", &file),
        (
            "pipelines/small.yaml",
            &PIPELINE.replace("<place>", &place.url),
        ),
        ("sql/marts/daily.sql", DAILY),
        ("sql/marts/daily.yaml", DAILY_YAML),
    ])
}

fn event(id: &str, time: &str, user: &str, event: &str) -> String {
    let line = json!({"id": id, "ts": time, "user": user, "event": event, "platform": "ios", "amount": "1.10"});
    format!("{line}\n")
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Two objects a day: u1 and u2 click, u1 pays; on the last day one line is no JSON.
async fn put_days(place: &Place) {
    for day in 19..=21 {
        for user in ["u1", "u2"] {
            let time = |hour: u32| format!("2026-11-{day}T{hour:02}:00:00+08:00");
            let mut text = event(&format!("{day}-{user}-c"), &time(10), user, "click");
            if user == "u1" {
                text += &event(&format!("{day}-{user}-p"), &time(11), user, "pay");
            }
            if (day, user) == (21, "u2") {
                text += "no json\n";
            }
            let key = format!("raw/dt=2026-11-{day}/{user}.ndjson.gz");
            place.put(&key, gzip(&text)).await;
        }
    }
}

/// The night as the program tells it in JSON.
fn night(place: &Place, project: &Path, more: &[&str]) -> Value {
    let mut arguments = NIGHT.to_vec();
    arguments.extend(["--format", "json"]);
    arguments.extend(more);
    serde_json::from_str(&place.succeeds(project, &arguments)).unwrap()
}

fn query(place: &Place, project: &Path, sql: &str) -> Vec<Value> {
    let text = place.succeeds(project, &["query", sql, "--format", "json"]);
    serde_json::from_str(&text).unwrap()
}

fn status<'a>(results: &'a Value, name: &str) -> &'a str {
    step(results, name)["status"].as_str().unwrap()
}

fn step<'a>(results: &'a Value, name: &str) -> &'a Value {
    let mut steps = results["steps"].as_array().unwrap().iter();
    steps.find(|step| step["name"] == name).unwrap()
}

fn dates(results: &Value, name: &str) -> Vec<String> {
    let dates = step(results, name)["dates"].as_array().unwrap();
    dates
        .iter()
        .map(|date| date.as_str().unwrap().to_string())
        .collect()
}

/// Published tables by key.
async fn tables(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for key in place.keys("warehouse").await {
        if key.ends_with(".parquet") {
            found.insert(key.clone(), place.get(&key).await);
        }
    }
    found
}

const NAMES: [&str; 5] = [
    "events",
    "daily",
    "funnel_ends",
    "funnel_steps",
    "funnel_totals",
];

/// The whole suite on one place; gives what is published in the end.
async fn suite(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let folder = project(place);
    let root = folder.path("");
    let root = root.as_path();
    put_days(place).await;

    // A whole night.
    let plan = place.succeeds(
        root,
        &[
            "--as-of",
            NIGHT[1],
            "plan",
            "--from",
            "2026-11-19",
            "--to",
            "2026-11-21",
        ],
    );
    assert!(plan.contains("new"), "{plan}");
    let first = night(place, root, &[]);
    for name in NAMES {
        assert_eq!(status(&first, name), "done", "{}", place.name);
        assert_eq!(dates(&first, name).len(), 3);
    }
    let published = tables(place).await;
    assert_eq!(published.len(), 3 * NAMES.len(), "{:?}", published.keys());
    // By hand: three events a day, and who clicked and paid.
    assert_eq!(
        query(
            place,
            root,
            "select date, events, amount from daily order by date"
        ),
        [19, 20, 21]
            .map(|day| json!({"date": format!("2026-11-{day}"), "events": 3, "amount": 3.3}))
    );
    let steps = "select step_no, reached from funnel_steps where date = '2026-11-21' and breakdown = 'overall' and basis = 'same_day' order by step_no";
    assert_eq!(
        query(place, root, steps),
        [
            json!({"step_no": 1, "reached": 2}),
            json!({"step_no": 2, "reached": 1})
        ]
    );
    let quarantine = place
        .get("warehouse/_loudou/quarantine/events/dt=2026-11-21/u2.ndjson.gz.ndjson")
        .await;
    let bad: Value = serde_json::from_slice(&quarantine).unwrap();
    assert_eq!(bad["line"], 2);
    let listed = place.succeeds(root, &["ls", "--format", "json"]);
    assert!(listed.contains("\"name\":\"daily\",\"kind\":\"by_date\",\"first_date\":\"2026-11-19\",\"last_date\":\"2026-11-21\",\"partitions\":3"), "{listed}");

    // Again: nothing.
    let again = night(place, root, &[]);
    for name in NAMES {
        assert_eq!(status(&again, name), "unchanged", "{}", place.name);
    }
    assert_eq!(again["recovered"], json!([]));
    assert_eq!(tables(place).await, published);
    let plan = place.succeeds(
        root,
        &[
            "--as-of",
            NIGHT[1],
            "plan",
            "--from",
            "2026-11-19",
            "--to",
            "2026-11-21",
        ],
    );
    assert!(plan.contains("nothing to do"), "{plan}");

    // A late object of the 20th with a row of the 19th restates exactly these days.
    let late = event("late", "2026-11-19T23:00:00+08:00", "u3", "click");
    place
        .put("raw/dt=2026-11-20/late.ndjson.gz", gzip(&late))
        .await;
    let restated = night(place, root, &[]);
    assert_eq!(dates(&restated, "events"), ["2026-11-19"], "{}", place.name);
    assert_eq!(dates(&restated, "daily"), ["2026-11-19"]);
    let with_late = tables(place).await;
    let changed: Vec<&String> = with_late
        .iter()
        .filter(|(key, bytes)| published.get(*key) != Some(bytes))
        .map(|(key, _)| key)
        .collect();
    assert!(
        changed.iter().all(|key| key.contains("dt=2026-11-19")),
        "{changed:?}"
    );
    assert_eq!(
        query(place, root, "select events from daily order by date")[0],
        json!({"events": 4})
    );

    // Mended, the object leaves quarantine.
    let mended = event("21-u2-c", "2026-11-21T10:00:00+08:00", "u2", "click");
    place
        .put("raw/dt=2026-11-21/u2.ndjson.gz", gzip(&mended))
        .await;
    night(place, root, &[]);
    assert_eq!(
        place.keys("warehouse/_loudou/quarantine").await,
        Vec::<String>::new()
    );
    let whole = tables(place).await;

    // Somebody deletes one published object, cuts another short, and changes a third.
    place
        .remove("warehouse/daily/dt=2026-11-20/data.parquet")
        .await;
    place
        .put("warehouse/events/dt=2026-11-19/data.parquet", "cut")
        .await;
    let mut same_size = whole["warehouse/daily/dt=2026-11-21/data.parquet"].clone();
    same_size[100] ^= 1;
    place
        .put("warehouse/daily/dt=2026-11-21/data.parquet", same_size)
        .await;
    let results = night(place, root, &[]);
    assert_eq!(
        results["recovered"].as_array().unwrap().len(),
        3,
        "{results}"
    );
    assert_eq!(tables(place).await, whole, "{}", place.name);

    a_commit_without_done(place, root, &whole).await;
    sandbox(place, root, &whole).await;
    if place.is_remote() {
        holders(place, root, &whole).await;
        a_reader_is_told(place, root).await;
    }
    refusals(place, &folder);
    for key in place.keys("warehouse/_loudou").await {
        let text = String::from_utf8_lossy(&place.get(&key).await).into_owned();
        assert!(!text.contains(&SECRET[..20]), "{key} holds a secret");
        assert!(!key.contains("/probe/"), "{key} was left");
    }
    tables(place).await
}

/// The newest slot of the log.
async fn last_slot(place: &Place) -> u64 {
    let keys = place.keys("warehouse/_loudou/log").await;
    let name = keys.last().unwrap().rsplit('/').next().unwrap().to_string();
    name.trim_end_matches(".json").parse().unwrap()
}

async fn write_slot(place: &Place, slot: u64, entry: &Value) {
    let key = format!("warehouse/_loudou/log/{slot:020}.json");
    place.put(&key, entry.to_string()).await;
}

/// A run was cut off after it had said what it would publish: one object of it is there, one is not.
async fn a_commit_without_done(place: &Place, root: &Path, whole: &BTreeMap<String, Vec<u8>>) {
    let slot = last_slot(place).await;
    let epoch = 90;
    let acquire = json!({"kind": "acquire", "epoch": epoch, "holder": "cut off", "at": "then"});
    write_slot(place, slot + 1, &acquire).await;
    let partition = |day: u32, hash: &str| {
        json!({"date": format!("2026-11-{day}"), "key": format!("daily/dt=2026-11-{day}/data.parquet"),
            "rows": 1, "bytes": whole[&format!("warehouse/daily/dt=2026-11-{day}/data.parquet")].len(),
            "hash": hash, "previous": null, "inputs": "others"})
    };
    let commit = json!({"kind": "commit", "epoch": epoch, "table": "daily", "definition": "another",
        "partitions": [partition(19, "a"), partition(20, "b")]});
    write_slot(place, slot + 2, &commit).await;
    // It was not cut off just now, but some time ago.
    if place.is_remote() {
        tokio::time::sleep(Duration::from_millis(7_500)).await;
    }
    let results = night(place, root, &[]);
    assert_eq!(
        results["recovered"].as_array().unwrap().len(),
        2,
        "{results}"
    );
    assert_eq!(dates(&results, "daily"), ["2026-11-19", "2026-11-20"]);
    assert_eq!(&tables(place).await, whole, "{}", place.name);
    let again = night(place, root, &[]);
    assert_eq!(again["recovered"], json!([]), "{}", place.name);
}

/// `--into` over the warehouse: only what differs is built, into a local folder, and nothing is written
/// into the warehouse.
async fn sandbox(place: &Place, root: &Path, whole: &BTreeMap<String, Vec<u8>>) {
    let slot = last_slot(place).await;
    let into = tempfile::tempdir().unwrap();
    let dir = into.path().join("try");
    let sql = std::fs::read_to_string(root.join("sql/marts/daily.sql")).unwrap();
    std::fs::write(
        root.join("sql/marts/daily.sql"),
        sql.replace("sum(amount)", "sum(amount + 1)"),
    )
    .unwrap();
    let results = night(place, root, &["--into", dir.to_str().unwrap()]);
    assert_eq!(status(&results, "daily"), "done", "{}", place.name);
    assert_eq!(status(&results, "funnel_steps"), "unchanged");
    assert!(dir.join("daily/dt=2026-11-20/data.parquet").is_file());
    assert!(!dir.join("events").exists());
    std::fs::write(root.join("sql/marts/daily.sql"), sql).unwrap();
    assert_eq!(&tables(place).await, whole);
    assert_eq!(last_slot(place).await, slot);
}

/// Another writer is told who holds the warehouse; one that has gone silent is taken over.
async fn holders(place: &Place, root: &Path, whole: &BTreeMap<String, Vec<u8>>) {
    let slot = last_slot(place).await;
    let acquire =
        json!({"kind": "acquire", "epoch": 190, "holder": "process 7 of elsewhere", "at": "then"});
    write_slot(place, slot + 1, &acquire).await;
    let beat = format!("warehouse/_loudou/beat/{:020}", 190);
    place.put(&beat, "").await;
    let begun = Instant::now();
    let second = place.loudou(root, &NIGHT);
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(75), "{said}");
    assert!(said.contains("process 7 of elsewhere"), "{said}");
    // While it is heard of it is not taken over, however long that lasts.
    while begun.elapsed() < Duration::from_secs(9) {
        place.put(&beat, "").await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(place.loudou(root, &NIGHT).status.code(), Some(75));
    // Readers need no leave.
    assert_eq!(query(place, root, "select events from daily").len(), 3);
    tokio::time::sleep(Duration::from_millis(7_500)).await;
    let results = night(place, root, &[]);
    assert_eq!(results["exit_code"], 0);
    assert_eq!(&tables(place).await, whole);
    let entry: Value = serde_json::from_slice(
        &place
            .get(&format!("warehouse/_loudou/log/{:020}.json", slot + 2))
            .await,
    )
    .unwrap();
    assert_eq!(entry["epoch"], 191, "{entry}");
}

/// What is not the version of the log is not read as if it were.
async fn a_reader_is_told(place: &Place, root: &Path) {
    let key = "warehouse/daily/dt=2026-11-20/data.parquet";
    let mut bytes = place.get(key).await;
    place.remove(key).await;
    let output = place.loudou(root, &["query", "select sum(amount) as amount from daily"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // Azure says of one that is gone, too, that it is another version.
    assert!(matches!(output.status.code(), Some(1 | 75)), "{said}");
    assert!(said.contains("`loudou run` mends it"), "{said}");
    bytes[100] ^= 1;
    place.put(key, bytes).await;
    let output = place.loudou(root, &["query", "select sum(amount) as amount from daily"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(
        said.contains("is not the version that was published"),
        "{said}"
    );
    let results = night(place, root, &[]);
    assert_eq!(results["recovered"].as_array().unwrap().len(), 1);
    assert_eq!(query(place, root, "select events from daily").len(), 3);
}

/// A wrong bucket, wrong or no credentials, and a store that does not answer.
fn refusals(place: &Place, folder: &Folder) {
    if !place.is_remote() {
        return;
    }
    let root = folder.path("");
    let file = std::fs::read_to_string(folder.path("pipelines/_project.yaml")).unwrap();
    let said = |text: &str| {
        folder.write("pipelines/_project.yaml", text);
        let output = place.loudou(&root, &NIGHT);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let (code, text) = said(&file.replace("loudou/", "nowhere/"));
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("there is no such bucket or container"),
        "{text}"
    );
    // A port that nobody listens on.
    let start = file.find("127.0.0.1:").unwrap() + "127.0.0.1:".len();
    let port: String = file[start..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let (code, text) = said(&file.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:1"));
    assert_eq!(code, Some(75), "{text}");
    folder.write("pipelines/_project.yaml", &file);
}

/// The built-in project over a store: its pages, and `report`.
async fn pages(place: &Place) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("demo");
    let text = root.to_str().unwrap();
    let arguments = ["demo", text, "--raw-only", "--days", "2", "--users", "60"];
    place.succeeds(folder.path(), &arguments);
    let raw = root.join("raw");
    let mut folders = vec![raw.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(&raw).unwrap().to_str().unwrap();
            let bytes = std::fs::read(&path).unwrap();
            place.put(&format!("demo/{below}"), bytes).await;
        }
    }
    std::fs::remove_dir_all(&raw).unwrap();
    let edit = |path: &str, from: &str, to: &str| {
        let path = root.join(path);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    };
    edit(
        "pipelines/shop.yaml",
        "from: raw/",
        &format!("from: {}demo/", place.url),
    );
    let warehouse = format!("warehouse: {}shop/\n{}", place.url, place.settings);
    edit(
        "pipelines/_project.yaml",
        "warehouse: warehouse/",
        &format!("{warehouse}#"),
    );
    let run = [
        "--as-of",
        "2026-11-22T06:00:00+08:00",
        "run",
        "--date",
        "2026-11-21",
    ];
    let said = place.succeeds(&root, &run);
    let key = "shop/_site/2026-11-21/operations.zh-CN.html";
    assert!(
        said.contains(&format!("report: {}{key}", place.url)),
        "{said}"
    );
    let page = place.get(key).await;
    assert!(String::from_utf8_lossy(&page).contains("</html>"));
    // The same content is not written again; another language is.
    let report = [
        "--as-of",
        "2026-11-23T06:00:00+08:00",
        "report",
        "--date",
        "2026-11-21",
    ];
    place.succeeds(&root, &report);
    assert_eq!(place.get(key).await, page);
    let english = [&report[..], &["--locale", "en"]].concat();
    let said = place.succeeds(&root, &english);
    let key = "shop/_site/2026-11-21/operations.en.html";
    assert!(said.contains(key), "{said}");
    assert!(String::from_utf8_lossy(&place.get(key).await).contains("</html>"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_store_gives_the_same_bytes() {
    let on = |place: Option<Place>| {
        tokio::spawn(async move {
            match place {
                Some(place) => {
                    pages(&place).await;
                    Some(suite(&place).await)
                }
                None => None,
            }
        })
    };
    let disk = on(Some(Place::disk()));
    let (s3, azure) = (on(Place::s3()), on(Place::azure()));
    let disk = disk.await.unwrap().unwrap();
    let keys: Vec<&String> = disk.keys().collect();
    assert_eq!(keys.len(), 3 * NAMES.len());
    for (name, other) in [("s3", s3), ("azure", azure)] {
        if let Some(other) = other.await.unwrap() {
            assert_eq!(other.keys().collect::<Vec<_>>(), keys, "{name}");
            assert!(other == disk, "{name} has other bytes than the disk");
        }
    }
}

/// OSS and COS guard creation alone, each by a header of its own: a server that does so goes through the
/// whole suite, with the bytes of the local disk. One that does not honour the header is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_guards_creation_alone() {
    let disk = suite(&Place::disk()).await;
    for (word, header) in [
        ("oss_forbid_overwrite", "x-oss-forbid-overwrite"),
        ("cos_forbid_overwrite", "x-cos-forbid-overwrite"),
    ] {
        let Some(mut place) = Place::s3() else { return };
        let port = place.port().unwrap();
        let server = CreationOnly::start(port, header);
        let by = place
            .settings
            .replace(&format!(":{port}"), &format!(":{}", server.port()));
        let through = |header: &str| format!("{by}{header}");
        // Without its header, or with another store's, nothing guards the log.
        let other = match word {
            "oss_forbid_overwrite" => "cos_forbid_overwrite",
            _ => "oss_forbid_overwrite",
        };
        for (settings, why) in [
            (through(""), "the store does not know such requests"),
            (
                through(&format!("    conditional_writes: {other}\n")),
                "ignores the conditions of writes",
            ),
        ] {
            place.settings = settings;
            let folder = project(&place);
            let refused = place.loudou(&folder.path(""), &NIGHT);
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(2), "{said}");
            assert!(said.contains(why), "{said}");
            assert!(place.keys("warehouse/_loudou/log").await.is_empty());
        }
        place.settings = through(&format!("    conditional_writes: {word}\n"));
        let before = server.refused();
        assert!(suite(&place).await == disk, "{word}: other bytes");
        assert!(server.refused() > before, "nothing was ever refused");
    }
}
