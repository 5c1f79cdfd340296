//! Raw objects → canonical tables: what a row becomes, where it goes, what is set aside.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde_json::json;

use crate::support::{Folder, Row, column, night, project_file, step};

/// A source of events, `extra` keys included, with a layout whose names end as they like.
fn events(format: &str, extra: &str) -> String {
    format!(
        r#"sources:
  events:
    from: raw/
    layout: "dt={{date}}/*"
    format: {format}
    time: {{field: ts, format: iso}}
    id: id
    user: user
    columns:
      event: string
      amount: {{type: "decimal(12,2)", missing: null, wrong: quarantine}}
      count: {{type: int64, wrong: null}}
      city: {{type: string, from: {city}}}
      phone: {{type: string, personal: true}}
    late: 1d
{extra}"#,
        city = if format == "csv" { "city" } else { "geo.city" }
    )
}

fn project(zone: &str, pipeline: &str) -> Folder {
    Folder::new(&[
        ("pipelines/_project.yaml", &project_file(zone)),
        ("pipelines/small.yaml", pipeline),
    ])
}

/// The morning after 2026-11-21 in Shanghai.
const NOW: &str = "2026-11-22T03:00:00+08:00";

/// An event's line at a time.
fn line(id: &str, time: &str, user: &str) -> String {
    format!(
        "{}\n",
        json!({"id": id, "ts": time, "user": user, "event": "view"})
    )
}

/// `count` good lines of 2026-11-<day>, ids from a prefix.
fn good_lines(prefix: &str, day: u32, count: usize) -> String {
    (0..count)
        .map(|number| {
            let time = format!(
                "2026-11-{day}T10:{:02}:{:02}+08:00",
                number / 60,
                number % 60
            );
            line(&format!("{prefix}{number}"), &time, "u")
        })
        .collect()
}

fn without(rows: Vec<Row>, names: &[&str]) -> Vec<Row> {
    rows.into_iter()
        .map(|mut row| {
            for name in names {
                row.remove(*name);
            }
            row
        })
        .collect()
}

#[tokio::test]
async fn every_format_gives_the_same_rows() {
    let lines = [
        json!({"id": "a", "ts": "2026-11-21T08:00:00.123456+08:00", "user": "张三", "event": "pay", "amount": "128.00", "count": 3, "geo": {"city": "上海"}, "phone": "138", "net": "wifi"}),
        json!({"id": "b", "ts": "2026-11-21T00:30:00Z", "user": "u,2", "event": "say \"hi\"", "amount": 1.5, "geo": {"city": null}}),
        json!({"id": "c", "ts": "2026-11-21 09:00:00", "event": "view", "count": "7"}),
    ];
    let ndjson: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let mut found = Vec::new();
    for name in ["part.ndjson", "part.ndjson.gz", "part.ndjson.zst"] {
        let folder = project("Asia/Shanghai", &events("ndjson", ""));
        folder.write(&format!("raw/dt=2026-11-21/{name}"), &ndjson);
        folder.run_well(night(NOW)).await;
        found.push((name, folder.rows("events", "2026-11-21")));
    }
    let csv = "id,ts,user,event,amount,count,city,phone,net\n\
        a,2026-11-21T08:00:00.123456+08:00,张三,pay,128.00,3,上海,138,wifi\n\
        b,2026-11-21T00:30:00Z,\"u,2\",\"say \"\"hi\"\"\",1.5,,,,\n\
        c,2026-11-21 09:00:00,,view,,7,,,\n";
    let folder = project("Asia/Shanghai", &events("csv", ""));
    folder.write("raw/dt=2026-11-21/part.csv", csv);
    folder.run_well(night(NOW)).await;
    found.push(("part.csv", folder.rows("events", "2026-11-21")));

    let text = |values: [Option<&str>; 3]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let geo = arrow::array::StructArray::from(vec![(
        Arc::new(arrow::datatypes::Field::new(
            "city",
            arrow::datatypes::DataType::Utf8,
            true,
        )),
        text([Some("上海"), None, None]),
    )]);
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("id", text([Some("a"), Some("b"), Some("c")]), true),
        (
            "ts",
            text([
                Some("2026-11-21T08:00:00.123456+08:00"),
                Some("2026-11-21T00:30:00Z"),
                Some("2026-11-21 09:00:00"),
            ]),
            true,
        ),
        ("user", text([Some("张三"), Some("u,2"), None]), true),
        (
            "event",
            text([Some("pay"), Some("say \"hi\""), Some("view")]),
            true,
        ),
        ("amount", text([Some("128.00"), Some("1.5"), None]), true),
        (
            "count",
            Arc::new(Int64Array::from(vec![Some(3), None, Some(7)])) as ArrayRef,
            true,
        ),
        ("geo", Arc::new(geo) as ArrayRef, true),
        ("phone", text([Some("138"), None, None]), true),
        ("net", text([Some("wifi"), None, None]), true),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let folder = project("Asia/Shanghai", &events("parquet", ""));
    folder.write("raw/dt=2026-11-21/part.parquet", bytes);
    folder.run_well(night(NOW)).await;
    found.push(("part.parquet", folder.rows("events", "2026-11-21")));

    // Where a row came from and how its format spells what is not declared is its own.
    let own = ["source_object", "source_offset", "props"];
    let expected = without(found[0].1.clone(), &own);
    for (name, rows) in &found {
        assert_eq!(without(rows.clone(), &own), expected, "{name}");
    }
    let by_id = |rows: &[Row], id: &str, name: &str| {
        let row = rows
            .iter()
            .find(|row| row["event_id"].as_deref() == Some(id));
        row.unwrap()[name].clone()
    };
    let rows = &found[0].1;
    assert_eq!(rows.len(), 3);
    assert_eq!(
        rows[0]["event_id"].as_deref(),
        Some("c"),
        "no user comes first"
    );
    for (id, name, value) in [
        ("a", "date", Some("2026-11-21")),
        ("a", "event_time", Some("2026-11-21T00:00:00.123456Z")),
        ("a", "user_id", Some("张三")),
        ("a", "source_user_id", Some("张三")),
        ("a", "event", Some("pay")),
        ("a", "amount", Some("128.00")),
        ("a", "count", Some("3")),
        ("a", "city", Some("上海")),
        ("a", "phone", Some("138")),
        ("a", "source_object", Some("dt=2026-11-21/part.ndjson")),
        ("a", "source_offset", Some("0")),
        ("b", "event_time", Some("2026-11-21T00:30:00Z")),
        ("b", "event", Some("say \"hi\"")),
        ("b", "amount", Some("1.50")),
        ("b", "city", None),
        ("b", "count", None),
        ("c", "event_time", Some("2026-11-21T01:00:00Z")),
        ("c", "user_id", None),
        ("c", "user_key", Some("-9223372036854775808")),
        ("c", "count", Some("7")),
        ("c", "props", None),
    ] {
        assert_eq!(by_id(rows, id, name).as_deref(), value, "{id} {name}");
    }
    for (name, rows) in &found {
        let props: serde_json::Value =
            serde_json::from_str(&by_id(rows, "a", "props").unwrap()).unwrap();
        assert_eq!(props["net"], "wifi", "{name}");
    }
}

#[tokio::test]
async fn undeclared_fields_stay_as_they_were_written() {
    let folder = project("Asia/Shanghai", &events("ndjson", ""));
    let text = r#"{"id":"a","x":1.50,"ts":"2026-11-21T08:00:00+08:00","event":"e","geo":{"city":"c","lat": 3},"y":{"k":[1, null]},"z":"\u4e2d\n","phone":"1"}"#;
    folder.write("raw/dt=2026-11-21/a.ndjson", text);
    folder.run_well(night(NOW)).await;
    assert_eq!(
        folder.column("events", "2026-11-21", "props"),
        [r#"{"x":1.50,"geo":{"city":"c","lat": 3},"y":{"k":[1, null]},"z":"\u4e2d\n"}"#]
    );
}

/// Reason and column.
type Fault = (&'static str, Option<&'static str>);

#[tokio::test]
async fn bad_lines_are_set_aside_with_place_reason_and_masked_text() {
    let folder = project(
        "Asia/Shanghai",
        &events("ndjson", "    quarantine: {at_most: 100%}\n"),
    );
    let time = "2026-11-21T08:00:00+08:00";
    let lines: Vec<(String, Option<Fault>)> = vec![
        (
            format!(r#"{{"id":"ok","ts":"{time}","event":"e","phone":"137"}}"#),
            None,
        ),
        (String::new(), None),
        (
            r#"{"id":"cut","phone":"138"#.into(),
            Some(("not_json", None)),
        ),
        (r#"["phone","139"]"#.into(), Some(("not_an_object", None))),
        (
            r#"{"id":"t","ts":"yesterday","event":"e","phone":"140"}"#.into(),
            Some(("time", Some("ts"))),
        ),
        ("   ".into(), None),
        (
            format!(r#"{{"id":"w","ts":"{time}","event":"e","phone":"14\u0031","amount":"12,5"}}"#),
            Some(("wrong_type", Some("amount"))),
        ),
        (
            format!(r#"{{"ts":"{time}","event":"e","phone":{{"n":"142"}}}}"#),
            Some(("missing", Some("id"))),
        ),
        (
            format!(r#"{{"id":"e","ts":"{time}","phone":143}}"#),
            Some(("missing", Some("event"))),
        ),
        (
            r#"{"id":"l","ts":"2026-11-24T08:00:00+08:00","event":"e"}"#.into(),
            Some(("outside_late", Some("ts"))),
        ),
        (
            format!(r#"{{"id":"p","ts":"{time}","phone":"144","event":null,"phone":"145"}}"#),
            Some(("null", Some("event"))),
        ),
        (
            format!(r#"{{"id":"k","ts":"{time}","event":"e","count":"many"}}"#),
            None,
        ),
    ];
    // A byte-order mark and Windows line ends.
    let mut text = b"\xef\xbb\xbf".to_vec();
    let mut offsets = Vec::new();
    for (line, _) in &lines {
        offsets.push(text.len() as u64);
        text.extend_from_slice(line.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    offsets.push(text.len() as u64);
    text.extend_from_slice(b"{\"id\":\"\xff\xfe\"}\n");
    folder.write("raw/dt=2026-11-21/a.ndjson.gz", &text);
    let results = folder.run_well(night(NOW)).await;

    let found = folder.quarantine("events", "dt=2026-11-21/a.ndjson.gz");
    let place = |value: &serde_json::Value| {
        (
            value["line"].as_u64().unwrap(),
            value["offset"].as_u64().unwrap(),
            value["reason"].as_str().unwrap().to_string(),
            value["column"].as_str().map(String::from),
        )
    };
    let mut expected: Vec<_> = lines
        .iter()
        .enumerate()
        .filter_map(|(at, (_, bad))| {
            let (reason, column) = (*bad)?;
            Some((
                at as u64 + 1,
                offsets[at],
                reason.to_string(),
                column.map(String::from),
            ))
        })
        .collect();
    expected.push((13, offsets[12], "not_utf8".into(), None));
    assert_eq!(found.iter().map(place).collect::<Vec<_>>(), expected);
    for bad in &found {
        assert_eq!(bad["object"], "dt=2026-11-21/a.ndjson.gz");
        let text = bad["text"].as_str().unwrap();
        assert!(
            !["138", "139", "140", "14\\u0031", "142", "143", "144", "145"]
                .iter()
                .any(|phone| text.contains(phone)),
            "{text}"
        );
    }
    assert_eq!(
        found[2]["text"],
        r#"{"id":"t","ts":"yesterday","event":"e","phone":"***"}"#
    );
    let report = step(&results, "events").ingest.clone().unwrap();
    assert_eq!((report.lines, report.bad_lines), (11, 9));
    assert_eq!(report.bad_by_reason["missing"], 2);
    assert_eq!(report.bad_by_reason["null"], 1);
    let rows = folder.rows("events", "2026-11-21");
    assert_eq!(
        column(&rows, "event_id")
            .into_iter()
            .collect::<BTreeSet<_>>(),
        ["k", "ok"].map(String::from).into()
    );
    assert_eq!(
        column(&rows, "count"),
        ["null", "null"],
        "wrong: null keeps the row"
    );

    // A mended object leaves nothing behind, nor does one that is gone.
    folder.write("raw/dt=2026-11-21/a.ndjson.gz", line("ok", time, "u"));
    folder.write("raw/dt=2026-11-21/b.ndjson", "no\n");
    folder.run_well(night(NOW)).await;
    assert_eq!(
        folder
            .quarantine("events", "dt=2026-11-21/a.ndjson.gz")
            .len(),
        0
    );
    assert_eq!(
        folder.quarantine("events", "dt=2026-11-21/b.ndjson").len(),
        1
    );
    folder.remove("raw/dt=2026-11-21/b.ndjson");
    folder.run_well(night(NOW)).await;
    assert_eq!(
        folder.quarantine("events", "dt=2026-11-21/b.ndjson").len(),
        0
    );
}

#[tokio::test]
async fn a_personal_value_below_a_key_hides_all_of_the_key() {
    let pipeline = events("ndjson", "    quarantine: {at_most: 100%}\n").replace(
        "phone: {type: string, personal",
        "phone: {type: string, from: who.phone, personal",
    );
    let folder = project("Asia/Shanghai", &pipeline);
    folder.write(
        "raw/dt=2026-11-21/a.ndjson",
        "{\"id\":\"a\",\"who\":{\"phone\":\"138\"},\"ts\":\"x\"}\n{\"id\":\"b\",\"who\":\"139\",\"ts\":\"x\"}\n",
    );
    folder.run_well(night(NOW)).await;
    let texts: Vec<_> = folder
        .quarantine("events", "dt=2026-11-21/a.ndjson")
        .iter()
        .map(|bad| bad["text"].as_str().unwrap().to_string())
        .collect();
    assert!(!texts.concat().contains("13"), "{texts:?}");
    assert!(texts[0].starts_with("{\"id\":\"a\",\"who\":"), "{texts:?}");
}

#[tokio::test]
async fn csv_rows_of_another_width_and_bytes_are_set_aside() {
    let folder = project(
        "Asia/Shanghai",
        &events("csv", "    quarantine: {at_most: 100%}\n"),
    );
    let mut text = b"\xef\xbb\xbfid,ts,event,phone\r\na,2026-11-21T08:00:00Z,e,138\r\n\r\nb,2026-11-21T08:00:00Z,e\r\nc,2026-11-21T08:00:00Z,".to_vec();
    let second = text.windows(2).position(|two| two == b"b,").unwrap() as u64;
    let third = text.windows(2).position(|two| two == b"c,").unwrap() as u64;
    text.extend_from_slice(b"\xff,139\r\nd,never,e,140\r\n");
    folder.write("raw/dt=2026-11-21/a.csv", &text);
    folder.run_well(night(NOW)).await;
    let found = folder.quarantine("events", "dt=2026-11-21/a.csv");
    let reasons: Vec<_> = found
        .iter()
        .map(|bad| bad["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["field_count", "not_utf8", "time"]);
    assert_eq!(
        (found[0]["line"].as_u64(), found[0]["offset"].as_u64()),
        (Some(4), Some(second))
    );
    assert_eq!(
        (found[1]["line"].as_u64(), found[1]["offset"].as_u64()),
        (Some(5), Some(third))
    );
    assert_eq!(found[2]["text"], "d,never,e,***");
    assert_eq!(folder.column("events", "2026-11-21", "event_id"), ["a"]);
}

#[tokio::test]
async fn of_equal_ids_the_smallest_by_time_object_and_offset_stays() {
    let folder = project("Asia/Shanghai", &events("ndjson", ""));
    let at = |second: u32| format!("2026-11-21T08:00:{second:02}+08:00");
    let write = |object: &str, lines: &[(&str, u32, &str)]| {
        let text: String = lines
            .iter()
            .map(|(id, second, user)| line(id, &at(*second), user))
            .collect();
        folder.write(&format!("raw/dt=2026-11-21/{object}"), text);
    };
    // time: the later object has the earlier event; object; offset.
    write(
        "b",
        &[
            ("time", 5, "late"),
            ("object", 5, "second object"),
            ("offset", 5, "first line"),
            ("offset", 5, "second line"),
        ],
    );
    write("c", &[("time", 4, "early")]);
    write("a", &[("object", 5, "first object")]);
    let results = folder.run_well(night(NOW)).await;
    let users = |folder: &Folder| -> BTreeSet<(String, String)> {
        let rows = folder.rows("events", "2026-11-21");
        column(&rows, "event_id")
            .into_iter()
            .zip(column(&rows, "user_id"))
            .collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> BTreeSet<(String, String)> {
        pairs
            .iter()
            .map(|(id, user)| (id.to_string(), user.to_string()))
            .collect()
    };
    let expected = [
        ("time", "early"),
        ("object", "first object"),
        ("offset", "first line"),
    ];
    assert_eq!(users(&folder), pairs(&expected));
    assert_eq!(
        step(&results, "events").ingest.as_ref().unwrap().duplicates,
        3
    );

    // A later night brings an earlier event, and a duplicate that loses.
    write("d", &[("object", 3, "third night"), ("time", 9, "loses")]);
    folder.run_well(night(NOW)).await;
    let expected = [
        ("time", "early"),
        ("object", "third night"),
        ("offset", "first line"),
    ];
    assert_eq!(users(&folder), pairs(&expected));

    // The winner goes away: the one it had beaten is back.
    folder.remove("raw/dt=2026-11-21/c");
    folder.run_well(night(NOW)).await;
    let expected = [
        ("time", "late"),
        ("object", "third night"),
        ("offset", "first line"),
    ];
    assert_eq!(users(&folder), pairs(&expected));
}

#[tokio::test]
async fn whole_rows_are_one_and_keep_keeps_all() {
    let text = "{\"ts\":\"2026-11-21T08:00:00Z\",\"k\":\"a\",\"x\":1}\n".repeat(2)
        + "{\"ts\":\"2026-11-21T08:00:00Z\",\"k\":\"a\",\"x\":2}\n"
        + "{\"ts\":\"2026-11-21T08:00:01Z\",\"k\":\"a\",\"x\":1}\n";
    for (rule, expected) in [("whole_row", 3), ("keep", 5)] {
        let pipeline = format!(
            "sources:\n  logs:\n    from: raw/\n    layout: \"{{date}}/*\"\n    format: ndjson\n    time: {{field: ts, format: iso}}\n    duplicates: {rule}\n    sort_by: [k]\n    columns: {{k: string}}\n"
        );
        let folder = project("UTC", &pipeline);
        folder.write("raw/2026-11-21/a", &text);
        folder.write(
            "raw/2026-11-21/b",
            "{\"ts\":\"2026-11-21T08:00:00Z\",\"k\":\"a\",\"x\":2}\n",
        );
        folder.run_well(night("2026-11-22T03:00:00Z")).await;
        let rows = folder.rows("logs", "2026-11-21");
        assert_eq!(rows.len(), expected, "{rule}");
        assert_eq!(
            rows.iter()
                .any(|row| row["source_object"].as_deref() == Some("2026-11-21/b")),
            rule == "keep"
        );
    }
}

#[tokio::test]
async fn one_id_on_two_dates_is_kept_and_counted() {
    let folder = project("Asia/Shanghai", &events("ndjson", ""));
    folder.write(
        "raw/dt=2026-11-20/a",
        line("x", "2026-11-20T08:00:00+08:00", "u") + &line("y", "2026-11-20T08:00:00+08:00", "u"),
    );
    folder.write(
        "raw/dt=2026-11-21/a",
        line("x", "2026-11-21T08:00:00+08:00", "u"),
    );
    let results = folder.run_well(night(NOW)).await;
    assert_eq!(
        step(&results, "events")
            .ingest
            .as_ref()
            .unwrap()
            .id_conflicts,
        1
    );
    assert_eq!(
        folder.column("events", "2026-11-20", "event_id"),
        ["x", "y"]
    );
    assert_eq!(folder.column("events", "2026-11-21", "event_id"), ["x"]);
    // Against what an earlier night published, too.
    folder.write(
        "raw/dt=2026-11-21/b",
        line("y", "2026-11-21T08:00:00+08:00", "u"),
    );
    let results = folder.run_well(night(NOW)).await;
    let report = step(&results, "events").ingest.as_ref().unwrap();
    assert_eq!((report.objects_read, report.id_conflicts), (1, 2));
}

#[tokio::test]
async fn days_begin_at_local_midnight_whatever_the_zone() {
    // (zone, night, instant, local date); clocks go forward on 2026-03-08 and back on 2026-11-01.
    let cases = [
        (
            "Asia/Shanghai",
            "2026-11-22T03:00:00+08:00",
            vec![
                ("2026-11-20T15:59:59.999999Z", "2026-11-20"),
                ("2026-11-20T16:00:00Z", "2026-11-21"),
            ],
        ),
        (
            "UTC",
            "2026-11-22T03:00:00Z",
            vec![
                ("2026-11-20T23:59:59.999999Z", "2026-11-20"),
                ("2026-11-21T00:00:00Z", "2026-11-21"),
            ],
        ),
        (
            "America/New_York",
            "2026-03-10T03:00:00-04:00",
            vec![
                ("2026-03-08T04:59:59Z", "2026-03-07"),
                ("2026-03-08T05:00:00Z", "2026-03-08"),
                ("2026-03-08 23:59:59", "2026-03-08"),
                ("2026-03-09T03:59:59Z", "2026-03-08"),
                ("2026-03-09T04:00:00Z", "2026-03-09"),
            ],
        ),
        (
            "America/New_York",
            "2026-11-03T03:00:00-05:00",
            vec![
                ("2026-11-01T03:59:59Z", "2026-10-31"),
                ("2026-11-01T04:00:00Z", "2026-11-01"),
                ("2026-11-02T04:59:59Z", "2026-11-01"),
                ("2026-11-02T05:00:00Z", "2026-11-02"),
            ],
        ),
    ];
    for (zone, now, instants) in cases {
        let folder = project(zone, &events("ndjson", ""));
        for (number, (instant, date)) in instants.iter().enumerate() {
            // Every object lies a day off, which `late` allows.
            let path_date = crate::support::date(date).succ_opt().unwrap();
            folder.write(
                &format!("raw/dt={path_date}/{number}"),
                line(&number.to_string(), instant, "u"),
            );
            folder.write(&format!("raw/dt={date}/empty"), "");
        }
        folder.run_well(night(now)).await;
        for (number, (_, date)) in instants.iter().enumerate() {
            assert!(
                folder
                    .column("events", date, "event_id")
                    .contains(&number.to_string()),
                "{zone} {number}"
            );
        }
        let rows: usize = folder
            .dates("events")
            .iter()
            .map(|date| folder.rows("events", date).len())
            .sum();
        assert_eq!(rows, instants.len());
    }
}

#[tokio::test]
async fn a_layout_in_utc_is_late_by_its_own_days() {
    let folder = project(
        "Asia/Shanghai",
        &events(
            "ndjson",
            "    layout_zone: utc\n    quarantine: {at_most: 100%}\n",
        ),
    );
    // UTC 2026-11-20 holds Shanghai's 08:00 of the 20th to 08:00 of the 21st; late: 1d is a UTC day off.
    folder.write(
        "raw/dt=2026-11-20/a",
        line("same", "2026-11-20T23:59:59Z", "u")
            + &line("before", "2026-11-19T00:00:00Z", "u")
            + &line("after", "2026-11-21T23:59:59Z", "u")
            + &line("too early", "2026-11-18T23:59:59Z", "u")
            + &line("too late", "2026-11-22T00:00:00Z", "u"),
    );
    folder.write("raw/dt=2026-11-18/a", "");
    folder.run_well(night("2026-11-23T03:00:00+08:00")).await;
    assert_eq!(folder.column("events", "2026-11-21", "event_id"), ["same"]);
    assert_eq!(
        folder.column("events", "2026-11-19", "event_id"),
        ["before"]
    );
    assert_eq!(folder.column("events", "2026-11-22", "event_id"), ["after"]);
    assert_eq!(folder.quarantine("events", "dt=2026-11-20/a").len(), 2);
}

#[tokio::test]
async fn late_rows_restate_the_days_they_belong_to() {
    let folder = project(
        "Asia/Shanghai",
        &events("ndjson", "    quarantine: {at_most: 100%}\n"),
    );
    for day in 19..=20 {
        folder.write(
            &format!("raw/dt=2026-11-{day}/a"),
            line(
                &format!("{day}"),
                &format!("2026-11-{day}T08:00:00+08:00"),
                "u",
            ),
        );
    }
    folder.run_well(night("2026-11-21T03:00:00+08:00")).await;
    let before = folder.tables();
    folder.write(
        "raw/dt=2026-11-21/a",
        line("21", "2026-11-21T00:00:00+08:00", "u")
            + &line("late", "2026-11-20T00:00:00+08:00", "u")
            + &line("later", "2026-11-19T23:59:59+08:00", "u"),
    );
    let results = folder.run_well(night(NOW)).await;
    assert_eq!(
        step(&results, "events").changed,
        ["2026-11-20", "2026-11-21"]
    );
    assert_eq!(
        crate::support::differing(&before, &folder.tables()),
        [
            "events/dt=2026-11-20/data.parquet",
            "events/dt=2026-11-21/data.parquet"
        ]
    );
    assert_eq!(
        folder.column("events", "2026-11-20", "event_id"),
        ["late", "20"]
    );
    assert_eq!(
        folder.quarantine("events", "dt=2026-11-21/a")[0]["reason"],
        "outside_late"
    );
}

#[tokio::test]
async fn a_day_without_rows_is_an_empty_file_and_days_before_the_first_are_not_invented() {
    let folder = project("Asia/Shanghai", &events("ndjson", ""));
    folder.write(
        "raw/dt=2026-11-18/a",
        line("18", "2026-11-18T08:00:00+08:00", "u"),
    );
    folder.write(
        "raw/dt=2026-11-20/a",
        line("20", "2026-11-20T08:00:00+08:00", "u"),
    );
    folder.run_well(night(NOW)).await;
    assert_eq!(
        folder.dates("events"),
        ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"]
    );
    for (date, rows) in [
        ("2026-11-18", 1),
        ("2026-11-19", 0),
        ("2026-11-20", 1),
        ("2026-11-21", 0),
    ] {
        assert_eq!(folder.rows("events", date).len(), rows, "{date}");
    }
}

#[tokio::test]
async fn without_dates_in_the_paths_the_rows_tell_where_days_begin() {
    let pipeline = "sources:\n  logs:\n    from: raw/\n    layout: \"*.ndjson\"\n    format: ndjson\n    time: {field: ts, format: iso}\n    duplicates: keep\n    sort_by: [k]\n    columns: {k: string}\n    quarantine: {at_most: 0%}\n";
    let folder = project("UTC", pipeline);
    let row = |day: u32, k: &str| format!("{{\"ts\":\"2026-11-{day}T08:00:00Z\",\"k\":\"{k}\"}}\n");
    folder.write("raw/all.ndjson", row(18, "a") + &row(20, "b"));
    folder.run_well(night("2026-11-22T03:00:00Z")).await;
    assert_eq!(
        folder.dates("logs"),
        ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"]
    );
    let again = folder.run_well(night("2026-11-22T03:00:00Z")).await;
    assert_eq!(
        step(&again, "logs").why,
        "no new, changed or vanished objects"
    );

    // One file that grows: each of its dates is built again, from the new version alone.
    folder.write(
        "raw/all.ndjson",
        row(18, "a") + &row(20, "b") + &row(20, "c") + &row(21, "d"),
    );
    let grown = folder.run_well(night("2026-11-22T03:00:00Z")).await;
    assert_eq!(step(&grown, "logs").changed, ["2026-11-20", "2026-11-21"]);
    assert_eq!(folder.column("logs", "2026-11-20", "k"), ["b", "c"]);

    // `at_most` counts per object: the dirty one is left out, dates of the other stay as they are.
    folder.write("raw/dirty.ndjson", row(21, "x").repeat(99) + "no\n");
    let results = folder.run(night("2026-11-22T03:00:00Z")).await;
    assert_eq!(results.exit_code, 1);
    assert!(
        step(&results, "logs")
            .why
            .contains("dirty.ndjson: 1 of 100 lines"),
        "{}",
        step(&results, "logs").why
    );
    assert_eq!(folder.column("logs", "2026-11-21", "k"), ["d"]);
}

#[tokio::test]
async fn a_source_without_a_time_takes_the_paths_date() {
    let pipeline = "sources:\n  spend:\n    from: 花费 raw/\n    layout: \"表 {date}.csv\"\n    format: csv\n    duplicates: keep\n    sort_by: [channel]\n    columns: {channel: string, spend: \"decimal(14,2)\"}\n";
    let folder = project("America/New_York", pipeline);
    folder.write(
        "花费 raw/表 2026-11-21.csv",
        "channel,spend,x\nb,1.10,y\na,2,\n",
    );
    folder.write("花费 raw/表 2026-11-20.csv", "");
    folder.run_well(night("2026-11-22T03:00:00-05:00")).await;
    assert_eq!(folder.dates("spend"), ["2026-11-20", "2026-11-21"]);
    let rows = folder.rows("spend", "2026-11-21");
    assert_eq!(column(&rows, "channel"), ["a", "b"]);
    assert_eq!(column(&rows, "spend"), ["2.00", "1.10"]);
    assert_eq!(column(&rows, "props"), ["null", "{\"x\":\"y\"}"]);
    assert_eq!(column(&rows, "date"), ["2026-11-21", "2026-11-21"]);
    folder.write("花费 raw/表 2026-11-21.csv", "channel,spend\nc,3\n");
    folder.run_well(night("2026-11-22T03:00:00-05:00")).await;
    assert_eq!(folder.column("spend", "2026-11-21", "channel"), ["c"]);
}

#[tokio::test]
async fn an_unreadable_object_fails_its_source_by_name_and_nothing_is_published_of_it() {
    let folder = project("Asia/Shanghai", &events("ndjson", ""));
    folder.write("raw/dt=2026-11-21/a.ndjson.gz", good_lines("a", 21, 200));
    let path = folder.path("raw/dt=2026-11-21/a.ndjson.gz");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let results = folder.run(night(NOW)).await;
    assert_eq!(results.exit_code, 1);
    assert!(
        step(&results, "events")
            .why
            .starts_with("dt=2026-11-21/a.ndjson.gz: cannot be read to its end"),
        "{}",
        step(&results, "events").why
    );
    assert_eq!(folder.dates("events"), Vec::<String>::new());
    folder.write("raw/dt=2026-11-21/a.ndjson.gz", good_lines("a", 21, 200));
    folder.run_well(night(NOW)).await;
    assert_eq!(folder.rows("events", "2026-11-21").len(), 200);
}

const COUNTS_SQL: &str =
    "select date, count(*) as events from events where date between $start and $end group by date";
const COUNTS: &str = "build: by_date\ngrain: one row per day\nkey: [date]\ncolumns: {date: {type: date}, events: {type: int64}}\n";
const NEXT_SQL: &str = "select date, events from counts where date between $start and $end";

/// A project with a chain of two models behind the events.
fn dirty_project(extra: &str) -> Folder {
    let folder = project("Asia/Shanghai", &events("ndjson", extra));
    folder.write("sql/marts/counts.sql", COUNTS_SQL);
    folder.write("sql/marts/counts.yaml", COUNTS);
    folder.write("sql/marts/next.sql", NEXT_SQL);
    folder.write("sql/marts/next.yaml", COUNTS);
    folder
}

#[tokio::test]
async fn a_dirty_date_stays_unpublished_until_it_is_mended() {
    use loudou::run::results::Status::{Done, Failed, Skipped};
    let folder = dirty_project("    quarantine: {at_most: 1%}\n");
    folder.write("raw/dt=2026-11-19/a", good_lines("a", 19, 100));
    // 2 of 200 lines are just allowed; 2 of 199 are not.
    folder.write("raw/dt=2026-11-20/a", good_lines("b", 20, 100) + "no\n");
    folder.write(
        "raw/dt=2026-11-20/b",
        good_lines("c", 20, 96) + &line("late", "2026-11-19T08:00:00+08:00", "u") + "no\n",
    );
    folder.write("raw/dt=2026-11-21/a", good_lines("d", 21, 198) + "no\nno\n");
    let results = folder.run(night(NOW)).await;
    assert_eq!(results.exit_code, 1);
    let why = &step(&results, "events").why;
    assert!(why.starts_with("2026-11-20: 2 of 199 lines"), "{why}");
    for table in ["events", "counts", "next"] {
        assert_eq!(folder.dates(table), ["2026-11-19", "2026-11-21"], "{table}");
    }
    assert_eq!(
        crate::support::statuses(&results),
        [("counts", Skipped), ("events", Failed), ("next", Skipped)].into()
    );
    assert_eq!(
        step(&results, "counts").why,
        "2026-11-20 not built, since events failed in this run"
    );
    assert_eq!(
        step(&results, "next").why,
        "2026-11-20 not built, since counts failed in this run"
    );
    assert_eq!(
        folder.column("counts", "2026-11-19", "events"),
        ["100"],
        "the whole path date is left out"
    );
    let text = std::fs::read_to_string(folder.path(".loudou/run_results.json")).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["exit_code"],
        1
    );

    let again = folder.run(night(NOW)).await;
    assert_eq!(again.exit_code, 1, "it fails until it is mended");

    folder.write(
        "raw/dt=2026-11-20/b",
        good_lines("c", 20, 96) + &line("late", "2026-11-19T08:00:00+08:00", "u"),
    );
    let results = folder.run_well(night(NOW)).await;
    assert_eq!(
        crate::support::statuses(&results),
        [("counts", Done), ("events", Done), ("next", Done)].into()
    );
    assert_eq!(folder.column("next", "2026-11-20", "events"), ["196"]);
    assert_eq!(folder.column("next", "2026-11-19", "events"), ["101"]);
}

#[tokio::test]
async fn a_published_date_that_turns_dirty_stays_and_loses_nothing_that_came_meanwhile() {
    let folder = dirty_project("    quarantine: {at_most: 1%}\n");
    folder.write("raw/dt=2026-11-19/a", good_lines("a", 19, 100));
    folder.write(
        "raw/dt=2026-11-20/a",
        good_lines("b", 20, 100) + &line("late", "2026-11-19T08:00:00+08:00", "u"),
    );
    folder.run_well(night("2026-11-21T03:00:00+08:00")).await;
    let before = folder.tables();

    // The next night brings dirt of the 20th, and a clean object of the 21st with a late row of it.
    let dirt = "no\n".repeat(5);
    folder.write("raw/dt=2026-11-20/b", good_lines("c", 20, 10) + &dirt);
    folder.write(
        "raw/dt=2026-11-21/a",
        good_lines("d", 21, 100) + &line("meanwhile", "2026-11-20T09:00:00+08:00", "u"),
    );
    let results = folder.run(night(NOW)).await;
    assert_eq!(results.exit_code, 1);
    assert!(
        step(&results, "events")
            .why
            .contains("2026-11-20: 5 of 116 lines"),
        "{}",
        step(&results, "events").why
    );
    let after = folder.tables();
    assert!(before.iter().all(|(path, bytes)| after[path] == *bytes));
    assert_eq!(
        folder.dates("counts"),
        ["2026-11-19", "2026-11-20", "2026-11-21"]
    );

    folder.write("raw/dt=2026-11-20/b", good_lines("c", 20, 10));
    folder.run_well(night(NOW)).await;
    assert_eq!(folder.column("counts", "2026-11-20", "events"), ["111"]);

    // An object that was clean turns dirty: what it gave other dates stays, too.
    let before = folder.tables();
    folder.write("raw/dt=2026-11-20/a", good_lines("b", 20, 90) + &dirt);
    let results = folder.run(night(NOW)).await;
    assert_eq!(results.exit_code, 1);
    assert_eq!(
        crate::support::differing(&before, &folder.tables()),
        Vec::<String>::new()
    );
    // It is taken away instead of mended: the next night goes on without it.
    folder.remove("raw/dt=2026-11-20/a");
    folder.run_well(night(NOW)).await;
    assert_eq!(folder.column("counts", "2026-11-19", "events"), ["100"]);
    assert_eq!(folder.column("counts", "2026-11-20", "events"), ["11"]);
}

#[tokio::test]
async fn a_day_that_has_only_begun_is_not_judged_until_it_is_asked_for() {
    let folder = dirty_project("    quarantine: {at_most: 1%}\n");
    folder.write("raw/dt=2026-11-21/a", good_lines("a", 21, 100));
    let dirty = (0..100)
        .map(|number| line(&format!("n{number}"), "2026-11-22T01:00:00+08:00", "u"))
        .collect::<String>();
    folder.write(
        "raw/dt=2026-11-22/a",
        dirty.clone() + &"no\n".repeat(9) + &line("late", "2026-11-21T08:00:00+08:00", "u"),
    );
    folder.run_well(night(NOW)).await;
    assert_eq!(folder.column("counts", "2026-11-21", "events"), ["101"]);
    // Nothing new arrives, and the day is complete.
    let results = folder.run(night("2026-11-23T03:00:00+08:00")).await;
    assert_eq!(results.exit_code, 1);
    assert!(
        step(&results, "events")
            .why
            .contains("2026-11-22: 9 of 110 lines"),
        "{}",
        step(&results, "events").why
    );
    assert_eq!(folder.dates("events"), ["2026-11-21"]);
    folder.write("raw/dt=2026-11-22/a", dirty);
    folder.run_well(night("2026-11-23T03:00:00+08:00")).await;
    assert_eq!(folder.column("counts", "2026-11-22", "events"), ["100"]);
    assert_eq!(folder.column("counts", "2026-11-21", "events"), ["100"]);
}

#[tokio::test]
async fn an_old_object_that_changed_unseen_is_named_with_the_way_out() {
    let folder = project("Asia/Shanghai", &events("ndjson", ""));
    for day in 11..=21 {
        folder.write(
            &format!("raw/dt=2026-11-{day}/a"),
            line(
                &format!("{day}"),
                &format!("2026-11-{day}T08:00:00+08:00"),
                "u",
            ),
        );
    }
    folder
        .run_well(night(NOW).of("2026-11-11", "2026-11-21"))
        .await;
    let before = folder.tables();
    std::fs::remove_file(folder.partition("events", "2026-11-11")).unwrap();
    folder.write(
        "raw/dt=2026-11-11/a",
        line("11", "2026-11-11T09:00:00+08:00", "other"),
    );
    // With as many rows of the same days it is taken for a copy, and read as it is.
    folder.run_well(night(NOW)).await;
    assert_eq!(
        crate::support::differing(&before, &folder.tables()),
        ["events/dt=2026-11-11/data.parquet"]
    );
    assert_eq!(folder.column("events", "2026-11-11", "user_id"), ["other"]);

    // With others it is another object, whose dates only a look at everything can tell.
    std::fs::remove_file(folder.partition("events", "2026-11-11")).unwrap();
    let more = line("11", "2026-11-11T09:00:00+08:00", "other")
        + &line("99", "2026-11-12T09:00:00+08:00", "other");
    folder.write("raw/dt=2026-11-11/a", more);
    let results = folder.run(night(NOW)).await;
    assert_eq!(results.exit_code, 1);
    assert!(
        step(&results, "events").why.contains("--rescan"),
        "{}",
        step(&results, "events").why
    );
    folder.run_well(night(NOW).rescan()).await;
    assert_eq!(
        crate::support::differing(&before, &folder.tables()),
        [
            "events/dt=2026-11-11/data.parquet",
            "events/dt=2026-11-12/data.parquet"
        ]
    );
}

#[tokio::test]
async fn few_lines_are_too_dirty_when_more_than_half_are_bad_unless_all_may_be() {
    for (bad, at_most, exit_code) in [(1, "0%", 0), (2, "0%", 1), (2, "100%", 0)] {
        let extra = format!("    quarantine: {{at_most: {at_most}}}\n");
        let folder = project("Asia/Shanghai", &events("ndjson", &extra));
        let text = good_lines("a", 21, 1) + &"no\n".repeat(bad);
        folder.write("raw/dt=2026-11-21/a", text);
        let results = folder.run(night(NOW)).await;
        assert_eq!(results.exit_code, exit_code, "{bad} bad, {at_most}");
    }
}

#[tokio::test]
async fn the_share_is_of_all_known_lines_of_a_path_date_over_the_nights() {
    let folder = dirty_project("    quarantine: {at_most: 1%}\n");
    folder.write("raw/dt=2026-11-20/a", good_lines("a", 20, 400));
    folder.run_well(night("2026-11-21T03:00:00+08:00")).await;
    // Half of the new object is bad, but 4 of the date's 408 lines are not more than 1%.
    folder.write(
        "raw/dt=2026-11-20/b",
        good_lines("b", 20, 4) + &"no\n".repeat(4),
    );
    folder.write("raw/dt=2026-11-21/a", good_lines("c", 21, 100));
    folder.run_well(night(NOW)).await;
    assert_eq!(folder.column("counts", "2026-11-20", "events"), ["404"]);
    // One more, and it is 5 of 409: the first of the date to be kept out, though it is the least bad.
    folder.write("raw/dt=2026-11-20/c", "no\n");
    let results = folder.run(night(NOW)).await;
    assert_eq!(results.exit_code, 1);
    let why = &step(&results, "events").why;
    assert!(why.contains("2026-11-20: 5 of 409 lines"), "{why}");
    assert_eq!(folder.column("counts", "2026-11-20", "events"), ["404"]);
    // More good lines bring the share down again: 5 of 509.
    folder.write("raw/dt=2026-11-20/d", good_lines("d", 20, 100));
    folder.run_well(night(NOW)).await;
    assert_eq!(folder.column("counts", "2026-11-20", "events"), ["504"]);
}

#[tokio::test]
async fn at_most_holds_for_csv_and_parquet_alike() {
    let counts: Vec<Option<&str>> = (0..100)
        .map(|at| match at {
            97.. => Some("many"),
            _ => Some("1"),
        })
        .collect();
    let mut csv = String::from("id,ts,event,count\n");
    for (at, count) in counts.iter().enumerate() {
        csv.push_str(&format!(
            "{at},2026-11-21T08:00:00+08:00,view,{}\n",
            count.unwrap_or_default()
        ));
    }
    let ids: Vec<String> = (0..100).map(|at| at.to_string()).collect();
    let texts = |text: &str| Arc::new(StringArray::from(vec![text; 100])) as ArrayRef;
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(StringArray::from(ids)) as ArrayRef),
        ("ts", texts("2026-11-21T08:00:00+08:00")),
        ("event", texts("view")),
        ("count", Arc::new(StringArray::from(counts)) as ArrayRef),
    ])
    .unwrap();
    let mut parquet = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut parquet, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    for (format, bytes) in [("csv", csv.into_bytes()), ("parquet", parquet)] {
        for (at_most, exit_code) in [("2%", 1), ("3%", 0)] {
            let pipeline = events(format, &format!("    quarantine: {{at_most: {at_most}}}\n"))
                .replace("count: {type: int64, wrong: null}", "count: int64");
            let folder = project("Asia/Shanghai", &pipeline);
            folder.write("sql/marts/counts.sql", COUNTS_SQL);
            folder.write("sql/marts/counts.yaml", COUNTS);
            folder.write(&format!("raw/dt=2026-11-21/a.{format}"), &bytes);
            let results = folder.run(night(NOW)).await;
            assert_eq!(results.exit_code, exit_code, "{format} {at_most}");
            match exit_code {
                0 => assert_eq!(folder.column("counts", "2026-11-21", "events"), ["97"]),
                _ => {
                    assert_eq!(folder.dates("events"), Vec::<String>::new());
                    let why = &step(&results, "events").why;
                    assert!(why.contains("2026-11-21: 3 of 100 lines"), "{why}");
                    assert_eq!(
                        step(&results, "counts").why,
                        "2026-11-21 not built, since events failed in this run"
                    );
                }
            }
            assert_eq!(
                folder
                    .quarantine("events", &format!("dt=2026-11-21/a.{format}"))
                    .len(),
                3
            );
        }
    }
}
