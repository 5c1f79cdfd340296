//! Spoilt raw text through every decoder: valid lines are cut, flipped, doubled, spliced, nested and blown
//! up. Nothing may panic; every line is a row, bad or blank; and where pieces of the stream begin and end
//! must not matter.
//!
//! A few seconds unless `LOUDOU_FUZZ_SECS` says longer; `LOUDOU_FUZZ_SEED` begins elsewhere, and with
//! `LOUDOU_FUZZ_CASE` runs that one case. What it finds is told with both.

#![expect(
    clippy::print_stderr,
    reason = "a case that fails must be told, and how many were run"
)]

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loudou::error::Result;
use loudou::project::Source;
use loudou::source::columns::RowShape;
use loudou::source::{DecodeContext, Decoded, RawObject, RowHead, RowSchema, RowSink, decode_text};

use crate::support::{Folder, project_file};

/// Small limits, so that they are met.
const PIPELINE: &str = r#"sources:
  ndjson:
    from: raw/a/
    layout: "{date}/*"
    format: ndjson
    time: {field: ts, format: iso}
    id: id
    user: who.id
    limits: {line: 1KiB, nesting: 6, fields: 12}
    columns:
      event: string
      amount: {type: "decimal(12,2)", from: cart.total}
      rank: {type: int64, wrong: null}
      price: {type: float64, missing: null}
      tags: {type: list(string), one_of: [a, b, c]}
      born: date
      phone: {type: string, from: who.phone, personal: true}
  csv:
    from: raw/b/
    layout: "{date}/*"
    format: csv
    time: {field: ts, format: epoch_ms}
    id: id
    user: user
    limits: {line: 1KiB, fields: 12}
    columns:
      event: string
      amount: "decimal(12,2)"
      phone: {type: string, personal: true}
  combined:
    from: raw/c/
    layout: "{date}/*"
    format: combined
    user: ip
    duplicates: keep
    limits: {line: 1KiB}
    columns:
      event: {type: string, from: method}
      path: {type: string, personal: true}
      status: {type: int64, wrong: null}
      bytes: int64
      agent: {type: string, from: user_agent}
  pattern:
    from: raw/d/
    layout: "{date}/*"
    format: regex
    pattern: '(?P<at>\S+ \S+) \[(?P<level>[A-Z]+)\] (?P<whole>user=(?P<user>\w+) )?(?:-|(?P<ms>\d+)ms) (?P<message>.*)'
    time: {field: at, format: "%Y-%m-%d %H:%M:%S"}
    duplicates: keep
    sort_by: [ms]
    limits: {line: 1KiB}
    columns:
      ms: int64
      message: string
      name: {type: string, from: user, personal: true}
"#;

/// Valid lines of each source, in the order above by name: combined, csv, ndjson, pattern.
const VALID: [&[&str]; 4] = [
    &[
        r#"10.0.0.1 - - [21/Nov/2026:10:00:00 +0800] "GET /a?b=c HTTP/1.1" 200 512 "https://x.test/" "Mozilla/5.0 (X11; Linux)""#,
        r#"::1 - ann lee [21/Nov/2026:10:00:00 +0000] "POST / HTTP/2.0" 404 - "-" "say \"hi\" \xE4\xB8\xAD""#,
        r#"10.0.0.2 - - [21/Nov/2026:23:59:60 +0000] "\x16\x03\x01" 400 0 "-" "-""#,
    ],
    &[
        "e1,1795226400000,u1,view,12.50,139,x",
        "e2,1795226400001,u2,\"a \"\"b\"\", c\",0,,",
        "e3,1795226400002,,pay,1e3,\"two\nlines\",y",
    ],
    &[
        r#"{"id":"e1","ts":"2026-11-21T10:00:00+08:00","who":{"id":"u1","phone":"139"},"event":"view","cart":{"total":12.5},"rank":3}"#,
        r#"{"id":"e2","ts":"2026-11-21 10:00:01.5","who":{"id":7},"event":"p\u0061y \ud83d\ude00","price":-1.5e-3,"tags":["a","b"],"born":"2026-11-21","more":[1,{"k":null}]}"#,
        r#"  {"event":"x","id":"e3","ts":"20261121T100000Z","props":{"a":{"b":{"c":1}}},"who":null}  "#,
        r#"{}"#,
        r#"{"event":"x","id":"e4","ts":"20261121T100000Z","tags":["d"],"k1":1,"k2":2,"k3":3,"k4":4,"k5":5,"k6":6,"k7":7,"k8":8}"#,
    ],
    &[
        "2026-11-21 08:30:00 [INFO] user=ann 12ms 付款 ok",
        "2026-11-21 08:30:01 [WARN] - slow",
        "2026-11-21 24:30:01 [E] 7ms ",
    ],
];

const CSV_HEADER: &str = "id,ts,user,event,amount,phone,more\n";

/// What is put where nobody expects it.
const PIECES: [&str; 26] = [
    "\"",
    "\\",
    "\\\"",
    "\\u",
    "\\ud800",
    "\\x",
    "\\x0",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\r",
    "\n",
    "\r\n\n",
    "\0",
    "\u{feff}",
    "é",
    "😀",
    "null",
    "-",
    "1e999999999",
    "-0.0000000000000000000000000001",
    "99999999999999999999999999999999999999999",
    " ",
];

/// xorshift64*, seeded.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Spoils a text in one way.
fn spoil(text: &mut Vec<u8>, other: &[u8], chance: &mut Chance) {
    let at = chance.below(text.len() + 1);
    let end = at + chance.below(text.len() - at + 1).min(40);
    match chance.below(11) {
        0 if at < text.len() => text[at] ^= 1 << chance.below(8),
        1 => text.truncate(at),
        2 => drop(text.drain(at..end)),
        3 => {
            let piece = text[at..end].to_vec();
            text.splice(at..at, piece);
        }
        4 => {
            let from = chance.below(other.len() + 1);
            text.splice(at.., other[from..].iter().copied());
        }
        5 => {
            let depth = chance.below(200);
            text.splice(
                at..at,
                [b"[", b"{\"k\":".as_slice()][chance.below(2)].repeat(depth),
            );
        }
        6 => {
            let bytes = [b'x', b'9', b'"', b' ', 0xff][chance.below(5)];
            let count = chance.below(1_500);
            text.splice(at..at, vec![bytes; count]);
        }
        7 if at < text.len() => text[at] = (chance.next() >> 40) as u8,
        8 => {
            let nested = [b"{\"a\":".as_slice(), text.as_slice(), b"}"].concat();
            *text = nested;
        }
        _ => {
            let piece = PIECES[chance.below(PIECES.len())];
            text.splice(at..at, piece.bytes());
        }
    }
}

fn draw(format: usize, chance: &mut Chance) -> Vec<u8> {
    let mut text = match format {
        1 if chance.below(20) > 0 => CSV_HEADER.as_bytes().to_vec(),
        _ if chance.below(10) == 0 => b"\xef\xbb\xbf".to_vec(),
        _ => Vec::new(),
    };
    for _ in 0..chance.below(9) {
        let mut line = chance.pick(VALID[format]).as_bytes().to_vec();
        if chance.below(3) > 0 {
            let other = VALID[chance.below(4)];
            let other = chance.pick(other).as_bytes().to_vec();
            for _ in 0..=chance.below(4) {
                spoil(&mut line, &other, chance);
            }
        }
        text.extend_from_slice(&line);
        text.extend_from_slice([b"\n".as_slice(), b"\n", b"\n", b"\r\n", b"\n\n"][chance.below(5)]);
    }
    if chance.below(4) == 0 {
        text.pop();
    }
    text
}

/// Gives a text in pieces of any size.
struct Pieces<'a> {
    rest: &'a [u8],
    chance: Chance,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = [1, 3, 17, 200][self.chance.below(4)];
        let count = (1 + self.chance.below(most))
            .min(self.rest.len())
            .min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

#[derive(Default, PartialEq, Debug)]
struct Rows(Vec<(i32, i64, i64, u64, Vec<u8>)>);

impl RowSink for Rows {
    fn object_number(&self) -> u32 {
        1
    }
    fn row(&mut self, head: RowHead, coded: &[u8]) -> Result<()> {
        let RowHead {
            date,
            time_us,
            key,
            id_hash,
        } = head;
        self.0.push((date, time_us, key, id_hash, coded.to_vec()));
        Ok(())
    }
}

fn context(source: Source) -> DecodeContext {
    DecodeContext {
        row_schema: RowSchema::of(&source),
        shape: Arc::new(RowShape::of(&source)),
        source,
        zone: chrono_tz::Asia::Shanghai,
    }
}

fn read(context: &DecodeContext, text: impl Read) -> (Rows, Result<Decoded, String>) {
    let object = RawObject {
        path: "2026-11-21/a".to_owned(),
        size: 1,
        etag: String::new(),
        path_date: "2026-11-21".parse().ok(),
        path_hour: None,
    };
    let mut rows = Rows::default();
    let decoded = decode_text(context, &object, text, &mut rows);
    (rows, decoded.map_err(|error| error.to_string()))
}

/// Checks one text; tells what the decoders made of it.
fn check(context: &DecodeContext, text: &[u8], seed: u64) -> Result<Decoded, String> {
    let (rows, whole) = read(context, text);
    let pieces = Pieces {
        rest: text,
        chance: Chance(seed | 1),
    };
    let (rows_of_pieces, of_pieces) = read(context, pieces);
    assert_eq!(whole, of_pieces, "the same in pieces");
    assert!(
        whole.is_err() || rows == rows_of_pieces,
        "the same rows in pieces"
    );
    let Ok(decoded) = whole else { return whole };
    assert_eq!(decoded.rows, rows.0.len() as u64);
    assert_eq!(
        decoded.lines,
        decoded.rows + decoded.bad_lines,
        "every line is a row or bad"
    );
    let by_kind: u64 = decoded.bad_by_kind.values().map(|count| count.lines).sum();
    assert_eq!(
        (by_kind, decoded.bad.len() as u64),
        (decoded.bad_lines, decoded.bad_lines)
    );
    for bad in &decoded.bad {
        let start = usize::try_from(bad.offset).unwrap();
        assert!(start <= text.len(), "its place is in the text");
        let before = text[..start].iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(bad.line, before + 1, "line and offset are of one place");
        let is_known = bad.column.is_some();
        assert!(
            is_known || bad.text == "***",
            "a line not taken apart is not shown: {bad:?}"
        );
    }
    let format = context.source.format.name();
    if format != "csv" {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        // A form feed is a blank of text, not of JSON.
        let is_blank =
            |byte: &u8| byte.is_ascii_whitespace() && (format != "ndjson" || *byte != 0x0c);
        let lines = text.split(|byte| *byte == b'\n');
        let filled = lines.filter(|line| line.len() > 1_024 || !line.iter().all(is_blank));
        assert_eq!(
            decoded.lines,
            filled.count() as u64,
            "lines that are not blank"
        );
    }
    whole_lines(context, &decoded, text);
    Ok(decoded)
}

/// The judge of JSON is serde_json, which knows nothing of the scanner.
fn whole_lines(context: &DecodeContext, decoded: &Decoded, text: &[u8]) {
    if context.source.format.name() != "ndjson" {
        return;
    }
    for bad in &decoded.bad {
        let start = usize::try_from(bad.offset).unwrap();
        let line = text[start..].split(|byte| *byte == b'\n').next().unwrap();
        let is_json = std::str::from_utf8(line)
            .is_ok_and(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
        if matches!(bad.reason, "not_json" | "not_utf8") {
            assert!(!is_json, "{bad:?} of {}", String::from_utf8_lossy(line));
        }
    }
}

/// Says which case it was if it is dropped by a panic.
struct Case<'a>(u64, u64, &'a [u8]);

impl Drop for Case<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(seed, case, text) = self;
            eprintln!(
                "LOUDOU_FUZZ_SEED={seed} LOUDOU_FUZZ_CASE={case}:\n{:?}",
                String::from_utf8_lossy(text)
            );
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

async fn contexts() -> Vec<DecodeContext> {
    let folder = Folder::new(&[
        ("pipelines/_project.yaml", &project_file("Asia/Shanghai")),
        ("pipelines/small.yaml", PIPELINE),
    ]);
    let sources = folder.workspace().await.project.sources;
    sources.into_values().map(context).collect()
}

#[tokio::test]
async fn fuzz_every_text_decoder() {
    let contexts = contexts().await;
    let seed = number("LOUDOU_FUZZ_SEED").unwrap_or(20_261_121);
    let only = number("LOUDOU_FUZZ_CASE");
    let time = Duration::from_secs(number("LOUDOU_FUZZ_SECS").unwrap_or(3));
    let begin = Instant::now();
    let mut reasons = std::collections::BTreeMap::<String, u64>::new();
    let (mut cases, mut rows, mut bad, mut errors) = (0u64, 0u64, 0u64, 0u64);
    // However slow the machine: as many cases as meet every reason below.
    while cases < 20_000 || begin.elapsed() < time {
        let case = only.unwrap_or(cases);
        // Each case stands alone, so that one can be run again.
        let mut chance = Chance(seed.wrapping_add(case).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let format = chance.below(4);
        let text = draw(format, &mut chance);
        let told = Case(seed, case, &text);
        match check(&contexts[format], &text, chance.next()) {
            Ok(decoded) => {
                rows += decoded.rows;
                bad += decoded.bad_lines;
                for (kind, count) in decoded.bad_by_kind {
                    *reasons.entry(kind.reason.to_owned()).or_default() += count.lines;
                }
            }
            Err(_) => errors += 1,
        }
        drop(told);
        cases += 1;
        if only.is_some() {
            break;
        }
    }
    eprintln!(
        "{cases} cases, seed {seed}: {rows} rows, {errors} objects in error, {bad} bad lines: {reasons:?}"
    );
    assert!(
        only.is_some() || (rows > 100 && errors > 0),
        "it draws what is read and what is not"
    );
    let met = [
        "missing",
        "wrong_type",
        "not_one_of",
        "time",
        "outside_late",
        "not_json",
        "not_an_object",
        "not_utf8",
        "too_long",
        "too_deep",
        "too_many_fields",
        "field_count",
        "no_match",
    ];
    for reason in met {
        assert!(
            only.is_some() || reasons.contains_key(reason),
            "{reason} is never met"
        );
    }
}

/// What came up while the decoders were written and run so, kept.
#[tokio::test]
async fn fuzz_cases_that_were_worth_keeping() {
    let contexts = contexts().await;
    let cases: &[(usize, &[u8])] = &[
        (0, b""),
        (0, b"\xef\xbb\xbf"),
        (0, b"\xef\xbb"),
        (0, b"\\"),
        (0, br#"a - - [t] "\"#),
        (0, br#"a - - [t] "\\" 1 2 "\x" "\x4""#),
        (0, "a - - [t] \"é\\é\" 1 2 \"\\\u{1f600}\" \"\"".as_bytes()),
        (0, b"a -  [ [] \"\" 1 2 \"\" \"\"   "),
        // An offset that is none, in a pattern that asks for one.
        (0, br#"a - - [21/Nov/2026:10:00:00 +8000] "" 1 2 "" """#),
        (1, b"id"),
        (1, b"\"id"),
        (1, b"id,ts\n\"\"\""),
        (1, b"id,ts\r\n\r\n\"\",\"\"\r\n"),
        (1, b"\xef\xbb\xbf\"id\",ts\n1,2\n"),
        (1, b"id,ts\n1,\"a\"b,c\"\n"),
        (2, b"{"),
        (2, b"{\"who\":{\"phone\":1},\"who\":{\"phone\":2},\"ts\":1}"),
        (
            2,
            b"{\"who\":[{\"phone\":1}],\"wh\\u006f\":{\"ph\\u006fne\":{}}}",
        ),
        (2, b"{\"tags\":[\"a\",],\"ts\":\"\"}"),
        (2, b"{\"\\ud800\\\\u\":\"\\ud800\\ud800\"}"),
        (2, b"{\"price\":1e400,\"cart\":{\"total\":1e-999999999}}"),
        (3, b"\r"),
        (3, b"2026-11-21 08:30:00 [I] - \r\r"),
        (3, b"9999-99-99 99:99:99 [I] 1ms "),
    ];
    for (format, text) in cases {
        for seed in 1..20 {
            let told = Case(0, 0, text);
            let _ = check(&contexts[*format], text, seed);
            drop(told);
        }
    }
}
