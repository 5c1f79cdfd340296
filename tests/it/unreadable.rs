//! Objects that are broken, are not what their names say, or are far too large: each is named once, its
//! date waits, other dates go on, and nothing grows without bound.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use loudou::run::results::Status;
use serde_json::{Value, json};

use crate::cli::loudou;
use crate::support::{Folder, differing, night, project_file, step};

fn pipeline(format: &str, more: &str) -> String {
    format!(
        "sources:\n  events:\n    from: raw/\n    layout: \"{{date}}/*\"\n    format: {format}\n    duplicates: keep\n    sort_by: [n]\n    late: 1d\n    columns: {{n: int64, phone: {{type: string, personal: true}}}}\n{more}"
    )
}

fn project(format: &str, more: &str) -> Folder {
    Folder::new(&[
        ("pipelines/_project.yaml", &project_file("Asia/Shanghai")),
        ("pipelines/small.yaml", &pipeline(format, more)),
    ])
}

const NOW: &str = "2026-11-23T12:00:00+08:00";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 1).unwrap()
}

fn utf16(text: &str, mark: bool) -> Vec<u8> {
    let mark = mark.then_some(0xfeff);
    let units = mark.into_iter().chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

fn good(format: &str, day: u32) -> String {
    match format {
        "csv" => format!("n,phone\n{day},1\n"),
        "combined" => format!(
            "10.0.0.{day} - - [{day}/Nov/2026:10:00:00 +0800] \"GET / HTTP/1.1\" 200 1 \"-\" \"x\"\n"
        ),
        _ => format!("{{\"n\":{day},\"phone\":\"1\"}}\n"),
    }
}

/// Runs with a broken object on the 21st; the step's words. The 20th and 22nd must be there, the 21st not;
/// once the object is whole, all is as if it had always been.
async fn broken(folder: &Folder, format: &str, name: &str, bytes: &[u8]) -> String {
    for day in [20, 22] {
        folder.write(&format!("raw/2026-11-{day}/a"), good(format, day));
    }
    folder.write("raw/2026-11-21/a", good(format, 21));
    let path = format!("raw/2026-11-21/{name}");
    folder.write(&path, "");
    std::fs::write(folder.path(&path), bytes).unwrap();
    let results = folder.run(night(NOW)).await;
    let events = step(&results, "events");
    assert_eq!(events.status, Status::Failed, "{name}: {events:#?}");
    assert_eq!(
        folder.dates("events"),
        ["2026-11-20", "2026-11-22"],
        "{name}"
    );
    let start = format!("2026-11-21/{name}: ");
    let why = events.why.strip_prefix(&start);
    let why = why.unwrap_or_else(|| unreachable!("{}", events.why));
    let (cause, rest) = why.rsplit_once("; ").unwrap();
    assert_eq!(rest, "until then 2026-11-21 stays unpublished");

    folder.write(&path, good(format, 21));
    folder.run_well(night(NOW)).await;
    let clean = Folder::new(&[
        ("pipelines/_project.yaml", &project_file("Asia/Shanghai")),
        (
            "pipelines/small.yaml",
            &std::fs::read_to_string(folder.path("pipelines/small.yaml")).unwrap(),
        ),
    ]);
    for day in [20, 21, 22] {
        clean.write(&format!("raw/2026-11-{day}/a"), good(format, day));
    }
    clean.write(&path, good(format, 21));
    clean.run_well(night(NOW)).await;
    assert_eq!(
        differing(&folder.tables(), &clean.tables()),
        Vec::<String>::new()
    );
    cause.to_owned()
}

#[tokio::test]
async fn each_is_named_and_only_its_date_waits() {
    let line = "{\"n\":1,\"phone\":\"13812345678\"}\n".repeat(2_000);
    let (packed, frames) = (gzip(line.as_bytes()), zstd(line.as_bytes()));
    let followed = |bytes: &[u8]| [bytes, b"garbage"].concat();
    let mut parquet = b"PAR1".to_vec();
    parquet.extend_from_slice(line.as_bytes());
    let page = b"\xef\xbb\xbf\n <!DOCTYPE html>\n<html><body>403 Forbidden</body></html>".to_vec();
    let cases: Vec<(&str, &str, Vec<u8>, &str)> = vec![
        (
            "ndjson",
            "b.gz",
            packed[..packed.len() - 9].to_vec(),
            "cannot be read to its end",
        ),
        (
            "ndjson",
            "b.gz",
            packed[..packed.len() / 2].to_vec(),
            "cannot be read to its end",
        ),
        (
            "ndjson",
            "b.gz",
            packed[..5].to_vec(),
            "cannot be read to its end",
        ),
        (
            "ndjson",
            "b.gz",
            followed(&packed),
            "cannot be read to its end",
        ),
        (
            "ndjson",
            "b.gz",
            Vec::new(),
            "its name says gzip, but it is empty",
        ),
        (
            "ndjson",
            "b.gz",
            line.clone().into_bytes(),
            "its name says gzip, but it begins otherwise",
        ),
        (
            "ndjson",
            "b.gz",
            frames.clone(),
            "its name says gzip, but it is zstd",
        ),
        (
            "ndjson",
            "b.zst",
            frames[..frames.len() - 3].to_vec(),
            "cannot be read to its end",
        ),
        (
            "ndjson",
            "b.zst",
            followed(&frames),
            "cannot be read to its end",
        ),
        (
            "ndjson",
            "b.zst",
            packed.clone(),
            "its name says zstd, but it is gzip",
        ),
        (
            "ndjson",
            "b.ndjson",
            packed.clone(),
            "it is gzip, not the text of format ndjson",
        ),
        ("ndjson", "b.gz", gzip(&packed), "it is gzip, not the text"),
        (
            "ndjson",
            "b.ndjson",
            parquet.clone(),
            "it is Parquet, not the text",
        ),
        (
            "ndjson",
            "b.gz",
            gzip(&parquet),
            "it is Parquet, not the text",
        ),
        (
            "ndjson",
            "b.ndjson",
            page.clone(),
            "it is a web page or XML, not the text",
        ),
        (
            "ndjson",
            "b.ndjson",
            utf16(&line, true),
            "it is text in UTF-16",
        ),
        (
            "ndjson",
            "b.ndjson",
            utf16(&line, false),
            "it is text in UTF-16",
        ),
        (
            "csv",
            "b.csv",
            page,
            "it is a web page or XML, not the text of format csv",
        ),
        (
            "csv",
            "b.csv",
            b"1,13812345678\n2,13912345678\n".to_vec(),
            "its header (***) has none of the declared fields",
        ),
        (
            "csv",
            "b.csv",
            b"n,n\n1,2\n".to_vec(),
            "its header has *** twice",
        ),
        (
            "csv",
            "b.csv",
            b"n,phone\n1,a\n2,\"b\n3,c\n".to_vec(),
            "line 3 opens a quote that is never closed",
        ),
        (
            "csv",
            "b.csv",
            b"n,phone\n1,a\n2,\"b".to_vec(),
            "line 3 opens a quote that is never closed",
        ),
        (
            "parquet",
            "b.parquet",
            line.into_bytes(),
            "is not readable as Parquet",
        ),
        (
            "parquet",
            "b.parquet",
            Vec::new(),
            "is not readable as Parquet",
        ),
    ];
    for (format, name, bytes, expected) in cases {
        if format == "parquet" {
            continue;
        }
        let folder = project(format, "");
        let cause = broken(&folder, format, name, &bytes).await;
        assert!(cause.contains(expected), "{name}: {cause}");
        assert!(!cause.contains("13812345678"), "{name}: {cause}");
    }
}

#[tokio::test]
async fn what_is_no_parquet_is_named() {
    for bytes in [
        &b"{\"n\":1}\n"[..],
        b"",
        b"PAR1PAR1",
        b"PAR1\0\0\0\0\xff\xff\xff\x7fPAR1",
    ] {
        let folder = project("parquet", "");
        folder.write("raw/2026-11-21/b.parquet", bytes);
        let results = folder.run(night(NOW)).await;
        let why = &step(&results, "events").why;
        assert!(
            why.starts_with("2026-11-21/b.parquet: is not readable as Parquet"),
            "{why}"
        );
    }
}

/// What is not a fault of the whole object: bad lines are set aside, sound ones are read.
#[tokio::test]
async fn bad_bytes_are_set_aside_line_by_line() {
    let folder = project(
        "ndjson",
        "    quarantine: {at_most: 90%}\n    limits: {line: 2KiB, nesting: 4, fields: 5}\n",
    );
    let mut text = b"\xef\xbb\xbf{\"n\":1}\r\n{\"n\":\xff}\n\0\0\n\n{\"n\":2,\"a\":[[[1]]]}\n{\"n\":3,\"a\":[[[[1]]]]}\n".to_vec();
    text.extend_from_slice(b"{\"n\":4,\"a\":1,\"b\":2,\"c\":3,\"d\":4}\n{\"n\":5,\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}\n");
    text.extend_from_slice(format!("{{\"n\":6,\"a\":\"{}\"}}\n", "x".repeat(2_034)).as_bytes());
    text.extend_from_slice(
        format!("{{\"n\":7,\"a\":\"{}\"}}\n{{\"n\":8}}", "x".repeat(2_035)).as_bytes(),
    );
    folder.write("raw/2026-11-21/a", text);
    folder.write("raw/2026-11-21/empty", "");
    let results = folder.run_well(night(NOW)).await;
    assert_eq!(
        folder.column("events", "2026-11-21", "n"),
        ["1", "2", "4", "6", "8"]
    );
    let told: Vec<Value> = folder
        .quarantine("events", "2026-11-21/a")
        .iter()
        .map(|bad| json!([bad["line"], bad["reason"], bad["detail"], bad["text"]]))
        .collect();
    assert_eq!(
        told,
        [
            json!([2, "not_utf8", "not valid UTF-8", "***"]),
            json!([3, "not_an_object", "a line holds one JSON object", "***"]),
            json!([
                6,
                "too_deep",
                "byte 15 of the line: nested more than 4 deep",
                "***"
            ]),
            json!([8, "too_many_fields", "6 fields, more than 5", "***"]),
            json!([10, "too_long", "longer than 2 KiB", "***"]),
        ]
    );
    assert_eq!(
        results.warnings.last().unwrap(),
        "events: 2026-11-21/empty is empty"
    );
}

#[tokio::test]
async fn a_published_date_stays_as_it_was_when_its_object_breaks() {
    let folder = project("ndjson", "");
    for day in [20, 21, 22] {
        folder.write(&format!("raw/2026-11-{day}/a.gz"), good("ndjson", day));
    }
    folder.run_well(night(NOW)).await;
    let before = folder.tables();
    let whole = std::fs::read(folder.path("raw/2026-11-21/a.gz")).unwrap();
    std::fs::write(
        folder.path("raw/2026-11-21/a.gz"),
        &whole[..whole.len() - 5],
    )
    .unwrap();
    folder.write("raw/2026-11-22/a.gz", good("ndjson", 7));
    for _ in 0..2 {
        let results = folder.run(night(NOW)).await;
        let why = &step(&results, "events").why;
        let rest = "; until then what is published of 2026-11-21 stays as it is";
        assert!(why.ends_with(rest), "{why}");
        assert_eq!(
            differing(&folder.tables(), &before),
            ["events/dt=2026-11-22/data.parquet"]
        );
    }
    assert_eq!(folder.column("events", "2026-11-22", "n"), ["7"]);
    folder.write("raw/2026-11-21/a.gz", good("ndjson", 9));
    folder.run_well(night(NOW)).await;
    assert_eq!(folder.column("events", "2026-11-21", "n"), ["9"]);
}

/// A source whose paths tell no date: which days are held back is unknown, so all are.
#[tokio::test]
async fn without_a_date_in_its_layout_the_source_waits() {
    let folder = project("ndjson", "    time: {field: ts, format: iso}\n");
    folder.edit("pipelines/small.yaml", "{date}/*", "*.gz");
    folder.write("raw/a.gz", "{\"n\":1,\"ts\":\"2026-11-21T10:00:00\"}\n");
    folder.write("raw/b.gz", "");
    std::fs::write(folder.path("raw/b.gz"), b"").unwrap();
    let results = folder.run(night(NOW)).await;
    let events = step(&results, "events");
    assert_eq!(events.status, Status::Failed);
    assert!(
        events
            .why
            .contains("b.gz: its name says gzip, but it is empty"),
        "{}",
        events.why
    );
    assert_eq!(folder.dates("events"), Vec::<String>::new());
}

/// Objects that would become gigabytes. Each is read by a process of its own, whose memory is looked at.
#[test]
fn bombs_are_defused_in_little_memory() {
    let mib = vec![0u8; 1 << 20];
    let line = format!("{{\"n\":1,\"a\":\"{}\"}}\n", "x".repeat((1 << 16) - 15));
    let lines = line.as_bytes().repeat(16);
    let many = |piece: Vec<u8>, count: usize| piece.repeat(count);
    let tight = "    limits: {object: 96MiB, ratio: 1000000}\n";
    let quoted = [&b"n,phone\n1,\""[..], &vec![b'x'; 64 << 20]].concat();
    let cases: [(&str, &str, &str, Vec<u8>, &str); 6] = [
        (
            "ndjson",
            "",
            "b.gz",
            many(gzip(&lines), 1_024),
            "become more than 500 times as many",
        ),
        (
            "ndjson",
            "",
            "b.zst",
            many(zstd(&mib), 4_096),
            "become more than 500 times as many",
        ),
        (
            "ndjson",
            tight,
            "b.gz",
            many(gzip(&mib), 1_024),
            "it is larger than 96 MiB",
        ),
        (
            "combined",
            tight,
            "b.gz",
            many(gzip(&mib), 1_024),
            "it is larger than 96 MiB",
        ),
        (
            "csv",
            tight,
            "b.csv.gz",
            gzip(&quoted),
            "is longer than 16 MiB: is a quote opened",
        ),
        // Nothing is wrong with it but that it has no line ends: one long line, set aside.
        (
            "ndjson",
            "    limits: {ratio: 1000000}\n    quarantine: {at_most: 100%}\n",
            "b.gz",
            many(gzip(&mib), 256),
            "",
        ),
    ];
    for (format, more, name, bytes, expected) in cases {
        assert!(bytes.len() < 8 << 20, "it is small where it lies");
        let folder = project(format, more);
        if format == "combined" {
            folder.edit(
                "pipelines/small.yaml",
                "n: int64, phone: {",
                "n: {type: int64, from: status}, phone: {from: ip, ",
            );
        }
        folder.edit(
            "pipelines/_project.yaml",
            "catch_up",
            "memory: 256MiB\ncatch_up",
        );
        folder.write("raw/2026-11-20/a", good(format, 20));
        let path = format!("raw/2026-11-21/{name}");
        folder.write(&path, "");
        std::fs::write(folder.path(&path), bytes).unwrap();
        let arguments = [
            "--as-of",
            "2026-11-22T12:00",
            "run",
            "--from",
            "2026-11-20",
            "--to",
            "2026-11-21",
            "--format",
            "json",
        ];
        let output = loudou(&folder.path(""), &arguments);
        let results: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| unreachable!("{}", String::from_utf8_lossy(&output.stderr)));
        let why = results["steps"][0]["why"].as_str().unwrap();
        assert!(why.contains(expected), "{name}: {why}");
        assert_eq!(
            results["exit_code"],
            if expected.is_empty() { 0 } else { 1 }
        );
        assert!(folder.dates("events").contains(&"2026-11-20".to_owned()));
        let peak = results["peak_memory_bytes"].as_u64().unwrap_or(0);
        assert!(
            peak < 320 << 20,
            "{name} of {format} took {} MiB",
            peak >> 20
        );
    }
}
