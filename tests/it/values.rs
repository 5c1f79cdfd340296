//! What a field becomes: every type in every format, checked by hand; times in three zones.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Date64Array, Decimal128Array, Decimal256Array,
    Float32Array, Float64Array, Int8Array, Int32Array, Int64Array, LargeStringArray, ListBuilder,
    RecordBatch, StringArray, StringBuilder, StringViewArray, StructArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, i256};
use parquet::arrow::ArrowWriter;
use serde_json::json;

use crate::support::{Folder, column, night, project_file, step};

/// A source of anything, one object a day.
fn project(zone: &str, format: &str, columns: &[(&str, &str)]) -> Folder {
    let mut pipeline = format!(
        "sources:\n  things:\n    from: raw/\n    layout: \"{{date}}/*\"\n    format: {format}\n    duplicates: keep\n    sort_by: [n]\n    quarantine: {{at_most: 100%}}\n    columns:\n      n: int64\n"
    );
    for (name, declared) in columns {
        writeln!(pipeline, "      {name}: {declared}").unwrap();
    }
    Folder::new(&[
        ("pipelines/_project.yaml", &project_file(zone)),
        ("pipelines/small.yaml", &pipeline),
    ])
}

/// The morning after 2026-11-21 in each of the zones.
const NOW: &str = "2026-11-22T12:00:00Z";

fn parquet(columns: &[(String, ArrayRef)]) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns
            .iter()
            .map(|(name, array)| (name.as_str(), Arc::clone(array), true)),
    )
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Declaration, the value in JSON, the field in CSV, what the table holds; `None` is quarantine.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
);

const CASES: &[Case] = &[
    ("string", r#""上海""#, "上海", Some("上海")),
    ("string", "1.50", "1.50", Some("1.50")),
    ("string", "true", "true", Some("true")),
    ("string", r#""a\n\u4e2d""#, "\"a\n中\"", Some("a\n中")),
    (
        "string",
        r#"{"a": [1]}"#,
        r#""{""a"": [1]}""#,
        Some(r#"{"a": [1]}"#),
    ),
    ("int64", "-7", "-7", Some("-7")),
    ("int64", r#"" 7 ""#, " 7 ", Some("7")),
    ("int64", "12.0", "12.0", Some("12")),
    ("int64", "1.2E1", "1.2E1", Some("12")),
    (
        "int64",
        "9223372036854775807",
        "9223372036854775807",
        Some("9223372036854775807"),
    ),
    ("int64", "9223372036854775808", "9223372036854775808", None),
    ("int64", "12.5", "12.5", None),
    ("int64", "true", "true", None),
    ("int64", "[1]", "[1]", None),
    ("float64", "1.5", "1.5", Some("1.5")),
    ("float64", r#""-2e-3""#, "-2e-3", Some("-0.002")),
    ("float64", r#""NaN""#, "NaN", None),
    ("float64", "1e999", "1e999", None),
    ("bool", "true", "true", Some("true")),
    ("bool", r#""False""#, "False", Some("false")),
    ("bool", "1", "1", Some("true")),
    ("bool", r#""yes""#, "yes", None),
    ("decimal(12,2)", "128.00", "128.00", Some("128.00")),
    ("decimal(12,2)", "1.28E2", "1.28E2", Some("128.00")),
    ("decimal(12,2)", r#""0.1""#, "0.1", Some("0.10")),
    (
        "decimal(38,18)",
        "12345678901234567890.123456789012345678",
        "12345678901234567890.123456789012345678",
        Some("12345678901234567890.123456789012345678"),
    ),
    (
        "decimal(12,2)",
        "0.30000000000000004",
        "0.30000000000000004",
        None,
    ),
    ("decimal(12,2)", "10000000000", "10000000000", None),
    ("decimal(12,2)", r#""1,5""#, "\"1,5\"", None),
    (
        "timestamp",
        r#""2026-11-21T08:30:00""#,
        "2026-11-21T08:30:00",
        Some("2026-11-21T00:30:00Z"),
    ),
    (
        "timestamp",
        r#""20261121T003000.5Z""#,
        "20261121T003000.5Z",
        Some("2026-11-21T00:30:00.500Z"),
    ),
    ("timestamp", r#""2026-11-21""#, "2026-11-21", None),
    ("timestamp", "1795221000", "1795221000", None),
    (
        "{type: timestamp, format: epoch_ms}",
        "1795221000250",
        "1795221000250",
        Some("2026-11-21T00:30:00.250Z"),
    ),
    (
        "{type: timestamp, format: epoch_s}",
        "1.795221E9",
        "1.795221E9",
        Some("2026-11-21T00:30:00Z"),
    ),
    (
        "{type: timestamp, format: \"%d/%b/%Y:%H:%M:%S %z\"}",
        r#""21/Nov/2026:08:30:00 +0800""#,
        "21/Nov/2026:08:30:00 +0800",
        Some("2026-11-21T00:30:00Z"),
    ),
    ("date", r#""2026-11-21""#, "2026-11-21", Some("2026-11-21")),
    ("date", "20261121", "20261121", Some("2026-11-21")),
    ("date", r#""26-11-21""#, "26-11-21", None),
    ("date", r#""2026-02-29""#, "2026-02-29", None),
    (
        "{type: date, format: \"%d.%m.%Y\"}",
        r#""21.11.2026""#,
        "21.11.2026",
        Some("2026-11-21"),
    ),
    // Half past seven in the evening of the 20th, UTC, is the 21st in Shanghai.
    (
        "{type: date, format: iso}",
        r#""2026-11-20T19:30:00Z""#,
        "2026-11-20T19:30:00Z",
        Some("2026-11-21"),
    ),
    (
        "list(string)",
        r#"["a", "中\"", null, 1]"#,
        r#""[""a"", ""中\"""", null, 1]""#,
        Some("[a, 中\", , 1]"),
    ),
    ("list(string)", "[]", "[]", Some("[]")),
    ("list(string)", r#""a,b""#, "\"a,b\"", None),
    ("list(string)", r#"{"a":1}"#, r#""{""a"":1}""#, None),
    (
        "list(int64)",
        r#"[1, "2", 3.0]"#,
        r#""[1, ""2"", 3.0]""#,
        Some("[1, 2, 3]"),
    ),
    ("list(int64)", "[1, 2.5]", "\"[1, 2.5]\"", None),
    (
        "list(decimal(6,2))",
        "[1.5, 2]",
        "\"[1.5, 2]\"",
        Some("[1.50, 2.00]"),
    ),
    (
        "list(date)",
        r#"["2026-11-21"]"#,
        r#""[""2026-11-21""]""#,
        Some("[2026-11-21]"),
    ),
    (
        "{type: string, one_of: [ios, android]}",
        r#""ios""#,
        "ios",
        Some("ios"),
    ),
    (
        "{type: string, one_of: [ios, android]}",
        r#""iOS""#,
        "iOS",
        None,
    ),
    ("{type: int64, one_of: [1, 2]}", "2.0", "2.0", Some("2")),
    ("{type: int64, one_of: [1, 2]}", "3", "3", None),
    (
        "{type: list(string), one_of: [a, b]}",
        r#"["b","a"]"#,
        r#""[""b"",""a""]""#,
        Some("[b, a]"),
    ),
    (
        "{type: list(string), one_of: [a, b]}",
        r#"["c"]"#,
        r#""[""c""]""#,
        None,
    ),
];

#[tokio::test]
async fn every_type_is_read_alike_in_json_and_csv() {
    let names: Vec<String> = (0..CASES.len()).map(|at| format!("c{at}")).collect();
    let columns: Vec<(&str, &str)> = names
        .iter()
        .zip(CASES)
        .map(|(name, case)| (name.as_str(), case.0))
        .collect();
    let ndjson: String = (CASES.iter().enumerate())
        .map(|(at, case)| format!("{{\"n\":{at},\"c{at}\":{}}}\n", case.1))
        .collect();
    let mut csv = format!("n,{}\n", names.join(","));
    for (at, case) in CASES.iter().enumerate() {
        let fields: Vec<&str> = (0..CASES.len())
            .map(|other| if other == at { case.2 } else { "" })
            .collect();
        writeln!(csv, "{at},{}", fields.join(",")).unwrap();
    }
    // Types with commas stand in quotes.
    let quoted: Vec<(&str, String)> = columns
        .iter()
        .map(|(name, declared)| match declared.starts_with('{') {
            true => (*name, (*declared).to_owned()),
            false => (*name, format!("\"{declared}\"")),
        })
        .collect();
    let columns: Vec<(&str, &str)> = quoted
        .iter()
        .map(|(name, declared)| (*name, declared.as_str()))
        .collect();
    for (format, text) in [("ndjson", ndjson), ("csv", csv)] {
        let folder = project("Asia/Shanghai", format, &columns);
        folder.write(&format!("raw/2026-11-21/a.{format}"), text);
        folder.run_well(night(NOW)).await;
        let rows = folder.rows("things", "2026-11-21");
        let bad = folder.quarantine("things", &format!("2026-11-21/a.{format}"));
        for (at, (declared, written, _, expected)) in CASES.iter().enumerate() {
            let what = format!("{format}: {declared} {written}");
            let number = at.to_string();
            let row = rows
                .iter()
                .find(|row| row["n"].as_deref() == Some(&*number));
            let fault = bad
                .iter()
                .find(|bad| bad["column"].as_str() == Some(&*format!("c{at}")));
            match expected {
                Some(expected) => {
                    let row = row.unwrap_or_else(|| unreachable!("{what}: {fault:?}"));
                    assert_eq!(row[&format!("c{at}")].as_deref(), Some(*expected), "{what}");
                    let others = row.iter().filter(|(name, _)| name.starts_with('c'));
                    assert_eq!(others.filter(|(_, value)| value.is_some()).count(), 1);
                }
                None => {
                    assert!(row.is_none(), "{what}: {row:?}");
                    let reason = match declared.contains("one_of") {
                        true => "not_one_of",
                        false => "wrong_type",
                    };
                    assert_eq!(fault.unwrap()["reason"], reason, "{what}");
                }
            }
        }
        assert_eq!(rows.len() + bad.len(), CASES.len());
    }
}

/// A declaration, an array of one value and a null, what the table holds.
fn parquet_cases() -> Vec<(&'static str, ArrayRef, Option<&'static str>)> {
    let of_text = |data_type: DataType, text: &str| {
        cast(&StringArray::from(vec![Some(text), None]), &data_type).unwrap()
    };
    let eight_thirty = 1_795_221_000; // 2026-11-21 00:30:00 UTC, 8:30 in Shanghai
    let naive = eight_thirty + 8 * 3600;
    let text_list = |texts: &[Option<&str>]| {
        let mut builder = ListBuilder::new(StringBuilder::new());
        for text in texts {
            builder.values().append_option(*text);
        }
        builder.append(true);
        builder.append(false);
        Arc::new(builder.finish()) as ArrayRef
    };
    let item = |data_type| Arc::new(Field::new_list_field(data_type, true));
    let tags = text_list(&[Some("a\"b"), None, Some("中")]);
    let shown_tags = Some("[a\"b, , 中]");
    let whole_list = cast(
        &text_list(&[Some("1"), Some("2")]),
        &DataType::List(item(DataType::Int32)),
    )
    .unwrap();
    vec![
        ("string", of_text(DataType::Utf8, "上海"), Some("上海")),
        (
            "string",
            Arc::new(StringViewArray::from(vec![Some("a"), None])),
            Some("a"),
        ),
        (
            "string",
            Arc::new(LargeStringArray::from(vec![Some("a"), None])),
            Some("a"),
        ),
        (
            "string",
            of_text(
                DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)),
                "a",
            ),
            Some("a"),
        ),
        ("string", of_text(DataType::Binary, "上海"), Some("上海")),
        (
            "string",
            Arc::new(Int32Array::from(vec![Some(7), None])),
            Some("7"),
        ),
        ("string", whole_list.clone(), Some("[1,2]")),
        (
            "int64",
            Arc::new(Int8Array::from(vec![Some(-7), None])),
            Some("-7"),
        ),
        (
            "int64",
            Arc::new(UInt64Array::from(vec![Some(7), None])),
            Some("7"),
        ),
        (
            "int64",
            Arc::new(UInt64Array::from(vec![Some(u64::MAX), None])),
            None,
        ),
        // How a whole number with nulls comes out of pandas.
        (
            "int64",
            Arc::new(Float64Array::from(vec![Some(12.0), None])),
            Some("12"),
        ),
        (
            "int64",
            Arc::new(Float64Array::from(vec![Some(1.7e15), None])),
            Some("1700000000000000"),
        ),
        (
            "int64",
            Arc::new(Float64Array::from(vec![Some(12.5), None])),
            None,
        ),
        (
            "int64",
            Arc::new(
                Decimal128Array::from(vec![Some(1200), None])
                    .with_precision_and_scale(10, 2)
                    .unwrap(),
            ),
            Some("12"),
        ),
        (
            "float64",
            Arc::new(Float32Array::from(vec![Some(0.1), None])),
            Some("0.1"),
        ),
        (
            "float64",
            Arc::new(Float64Array::from(vec![Some(1e300), None])),
            Some("1e300"),
        ),
        (
            "float64",
            Arc::new(Float64Array::from(vec![Some(f64::NAN), None])),
            None,
        ),
        (
            "bool",
            Arc::new(BooleanArray::from(vec![Some(false), None])),
            Some("false"),
        ),
        (
            "bool",
            Arc::new(Int8Array::from(vec![Some(1), None])),
            Some("true"),
        ),
        (
            "\"decimal(12,2)\"",
            Arc::new(
                Decimal128Array::from(vec![Some(125_000), None])
                    .with_precision_and_scale(20, 4)
                    .unwrap(),
            ),
            Some("12.50"),
        ),
        (
            "\"decimal(12,2)\"",
            Arc::new(
                Decimal128Array::from(vec![Some(125_001), None])
                    .with_precision_and_scale(20, 4)
                    .unwrap(),
            ),
            None,
        ),
        (
            "\"decimal(12,2)\"",
            Arc::new(
                Decimal256Array::from(vec![Some(i256::from_i128(125)), None])
                    .with_precision_and_scale(60, 1)
                    .unwrap(),
            ),
            Some("12.50"),
        ),
        (
            "\"decimal(12,2)\"",
            Arc::new(Float64Array::from(vec![Some(128.28), None])),
            Some("128.28"),
        ),
        (
            "\"decimal(12,2)\"",
            Arc::new(Int32Array::from(vec![Some(7), None])),
            Some("7.00"),
        ),
        (
            "timestamp",
            Arc::new(
                TimestampMillisecondArray::from(vec![Some(eight_thirty * 1_000 + 250), None])
                    .with_timezone("UTC"),
            ),
            Some("2026-11-21T00:30:00.250Z"),
        ),
        (
            "timestamp",
            Arc::new(
                TimestampNanosecondArray::from(vec![
                    Some(eight_thirty * 1_000_000_000 + 1_999),
                    None,
                ])
                .with_timezone("America/New_York"),
            ),
            Some("2026-11-21T00:30:00.000001Z"),
        ),
        // Before 1970 nanoseconds are cut the same way.
        (
            "timestamp",
            Arc::new(TimestampNanosecondArray::from(vec![Some(-1), None]).with_timezone("UTC")),
            Some("1969-12-31T23:59:59.999999Z"),
        ),
        (
            "timestamp",
            Arc::new(TimestampMicrosecondArray::from(vec![
                Some(naive * 1_000_000 + 1),
                None,
            ])),
            Some("2026-11-21T00:30:00.000001Z"),
        ),
        (
            "timestamp",
            Arc::new(TimestampSecondArray::from(vec![Some(naive), None])),
            Some("2026-11-21T00:30:00Z"),
        ),
        (
            "{type: timestamp, format: epoch_s}",
            Arc::new(Float64Array::from(vec![Some(1_795_221_000.25), None])),
            Some("2026-11-21T00:30:00.250Z"),
        ),
        (
            "{type: timestamp, format: epoch_ms}",
            Arc::new(Int64Array::from(vec![Some(eight_thirty * 1_000), None])),
            Some("2026-11-21T00:30:00Z"),
        ),
        (
            "date",
            Arc::new(Date32Array::from(vec![Some(20_778), None])),
            Some("2026-11-21"),
        ),
        (
            "date",
            Arc::new(Date64Array::from(vec![Some(20_778 * 86_400_000), None])),
            Some("2026-11-21"),
        ),
        (
            "date",
            Arc::new(Int32Array::from(vec![Some(20_261_121), None])),
            Some("2026-11-21"),
        ),
        (
            "{type: date, format: iso}",
            Arc::new(
                TimestampSecondArray::from(vec![Some(eight_thirty - 3_600), None])
                    .with_timezone("UTC"),
            ),
            Some("2026-11-21"),
        ),
        ("list(string)", tags.clone(), shown_tags),
        (
            "list(string)",
            cast(&tags, &DataType::LargeList(item(DataType::Utf8))).unwrap(),
            shown_tags,
        ),
        ("list(int64)", whole_list.clone(), Some("[1, 2]")),
        ("list(string)", whole_list, Some("[1, 2]")),
        (
            "list(date)",
            cast(
                &text_list(&[Some("2026-11-21")]),
                &DataType::List(item(DataType::Date32)),
            )
            .unwrap(),
            Some("[2026-11-21]"),
        ),
        // Written as JSON, as a CSV would.
        (
            "list(int64)",
            of_text(DataType::Utf8, "[1,2]"),
            Some("[1, 2]"),
        ),
        ("list(int64)", of_text(DataType::Utf8, "1,2"), None),
    ]
}

#[tokio::test]
async fn every_type_of_a_parquet_column_is_read_exactly() {
    let cases = parquet_cases();
    let names: Vec<String> = (0..cases.len()).map(|at| format!("c{at}")).collect();
    let columns: Vec<(&str, &str)> = names
        .iter()
        .zip(&cases)
        .map(|(name, case)| (name.as_str(), case.0))
        .collect();
    // A value that cannot be read becomes null here, so that all stand in one row.
    let columns: Vec<(&str, String)> = columns
        .into_iter()
        .map(|(name, declared)| {
            let declared = match declared.strip_prefix('{') {
                Some(rest) => format!("{{wrong: null, {rest}"),
                None => format!("{{type: {declared}, wrong: null}}"),
            };
            (name, declared)
        })
        .collect();
    let columns: Vec<(&str, &str)> = columns
        .iter()
        .map(|(name, declared)| (*name, declared.as_str()))
        .collect();
    let mut arrays = vec![(
        "n".to_owned(),
        Arc::new(Int64Array::from(vec![0, 1])) as ArrayRef,
    )];
    for (name, (_, array, _)) in names.iter().zip(&cases) {
        arrays.push((name.clone(), Arc::clone(array)));
    }
    let folder = project("Asia/Shanghai", "parquet", &columns);
    folder.write("raw/2026-11-21/a.parquet", parquet(&arrays));
    folder.run_well(night(NOW)).await;
    let rows = folder.rows("things", "2026-11-21");
    assert_eq!(rows.len(), 2);
    for (at, (declared, array, expected)) in cases.iter().enumerate() {
        let what = format!("{declared} from {}", array.data_type());
        assert_eq!(rows[0][&names[at]].as_deref(), *expected, "{what}");
        assert_eq!(rows[1][&names[at]], None, "{what}");
    }
}

#[tokio::test]
async fn nested_parquet_columns_are_read_as_json_lines_are() {
    let columns = [
        ("total", "{type: \"decimal(12,2)\", from: props.cart.total}"),
        ("cart", "{type: string, from: props.cart}"),
    ];
    let folder = project("UTC", "ndjson", &columns);
    folder.write(
        "raw/2026-11-21/a.ndjson",
        "{\"n\":1,\"props\":{\"cart\":{\"total\":1.5}}}\n{\"n\":2,\"props\":{\"cart\":null}}\n{\"n\":3}\n",
    );
    folder.run_well(night(NOW)).await;
    let from_json = folder.rows("things", "2026-11-21");

    let total = Arc::new(Float64Array::from(vec![Some(1.5), None, None])) as ArrayRef;
    let within = |name: &str, array: ArrayRef, valid: Vec<bool>| {
        let field = Field::new(name, array.data_type().clone(), true);
        Arc::new(StructArray::new(
            vec![field].into(),
            vec![array],
            Some(valid.into()),
        )) as ArrayRef
    };
    let cart = within("total", total, vec![true, false, false]);
    let props = within("cart", cart, vec![true, true, false]);
    let folder = project("UTC", "parquet", &columns);
    let n = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
    folder.write(
        "raw/2026-11-21/a.parquet",
        parquet(&[("n".to_owned(), n), ("props".to_owned(), props)]),
    );
    folder.run_well(night(NOW)).await;
    let from_parquet = folder.rows("things", "2026-11-21");
    for rows in [&from_json, &from_parquet] {
        assert_eq!(column(rows, "total"), ["1.50", "null", "null"]);
        assert_eq!(column(rows, "cart"), ["{\"total\":1.5}", "null", "null"]);
    }
}

#[tokio::test]
async fn missing_null_and_wrong_have_a_rule_each() {
    let rules = [
        ("a", "{type: int64, missing: quarantine, null: null}"),
        ("b", "{type: int64, missing: null, null: quarantine}"),
        ("c", "{type: int64, missing: quarantine}"),
        ("d", "{type: int64, wrong: null}"),
    ];
    let full = json!({"n": 0, "a": 1, "b": 1, "c": 1, "d": 1});
    let with = |n: usize, name: &str, value: Option<serde_json::Value>| {
        let mut row = full.clone();
        row["n"] = n.into();
        match value {
            Some(value) => row[name] = value,
            None => {
                row.as_object_mut().unwrap().remove(name);
            }
        }
        format!("{row}\n")
    };
    let null = || Some(serde_json::Value::Null);
    // What happens to each row: kept with a null, or set aside for a reason.
    let cases = [
        (with(1, "a", None), Some("missing")),
        (with(2, "a", null()), None),
        (with(3, "b", None), None),
        (with(4, "b", null()), Some("null")),
        (with(5, "c", None), Some("missing")),
        (with(6, "c", null()), Some("null")),
        (with(7, "d", None), None),
        (with(8, "d", null()), None),
        (with(9, "d", Some("x".into())), None),
        (with(10, "c", Some("x".into())), Some("wrong_type")),
    ];
    let folder = project("UTC", "ndjson", &rules);
    let text: String = cases.iter().map(|(line, _)| line.as_str()).collect();
    folder.write("raw/2026-11-21/a.ndjson", text);
    folder.run_well(night(NOW)).await;
    let kept: Vec<String> = (cases.iter().enumerate())
        .filter(|(_, (_, reason))| reason.is_none())
        .map(|(at, _)| (at + 1).to_string())
        .collect();
    assert_eq!(folder.column("things", "2026-11-21", "n"), kept);
    let bad = folder.quarantine("things", "2026-11-21/a.ndjson");
    let found: Vec<(u64, &str)> = bad
        .iter()
        .map(|bad| {
            (
                bad["line"].as_u64().unwrap(),
                bad["reason"].as_str().unwrap(),
            )
        })
        .collect();
    let expected: Vec<(u64, &str)> = (cases.iter().enumerate())
        .filter_map(|(at, (_, reason))| Some((at as u64 + 1, (*reason)?)))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(
        bad.last().unwrap()["detail"],
        "not an int64: a whole number from -2^63 to 2^63-1"
    );

    // In a CSV an empty field is null; a column that the header lacks is missing.
    let folder = project("UTC", "csv", &rules);
    folder.write(
        "raw/2026-11-21/a.csv",
        "n,a,c,d\n1,,1,1\n2,1,,1\n3,1,1,\n4,1,1,x\n",
    );
    folder.write("raw/2026-11-21/b.csv", "n,b,c,d\n5,1,1,1\n");
    folder.run_well(night(NOW)).await;
    assert_eq!(folder.column("things", "2026-11-21", "n"), ["1", "3", "4"]);
    for (object, reason, column) in [("a.csv", "null", "c"), ("b.csv", "missing", "a")] {
        let bad = folder.quarantine("things", &format!("2026-11-21/{object}"));
        assert_eq!(bad.len(), 1, "{object}");
        assert_eq!(
            (&bad[0]["reason"], &bad[0]["column"]),
            (&json!(reason), &json!(column))
        );
    }
}

#[tokio::test]
async fn lists_go_through_a_model_and_come_out_of_a_query() {
    let folder = project(
        "UTC",
        "ndjson",
        &[("tags", "list(string)"), ("sizes", "list(int64)")],
    );
    folder.write(
        "raw/2026-11-21/a.ndjson",
        "{\"n\":1,\"tags\":[\"b\",\"a\",\"b\"],\"sizes\":[3]}\n{\"n\":2,\"tags\":[]}\n{\"n\":3}\n",
    );
    folder.write(
        "sql/marts/kinds.sql",
        "select date, n, array_sort(array_distinct(tags)) as tags, cardinality(tags) as tag_count\nfrom things where date between $start and $end",
    );
    folder.write(
        "sql/marts/kinds.yaml",
        "build: by_date\ngrain: one row per thing\nkey: [date, n]\ncolumns:\n  date: {type: date}\n  n: {type: int64}\n  tags: {type: list(string)}\n  tag_count: {type: int64}\n",
    );
    folder.write(
        "sql/marts/tag_days.sql",
        "select date, tag, count(*) as things\nfrom (select date, unnest(tags) as tag from things where date between $start and $end)\ngroup by date, tag",
    );
    folder.write(
        "sql/marts/tag_days.yaml",
        "build: by_date\ngrain: one row per tag\nkey: [date, tag]\ncolumns:\n  date: {type: date}\n  tag: {type: string}\n  things: {type: int64}\n",
    );
    folder.run_well(night(NOW)).await;
    let rows = folder.rows("kinds", "2026-11-21");
    assert_eq!(column(&rows, "tags"), ["[a, b]", "[]", "null"]);
    let rows = folder.rows("tag_days", "2026-11-21");
    assert_eq!(column(&rows, "tag"), ["a", "b"]);
    assert_eq!(column(&rows, "things"), ["1", "2"]);
    for (format, expected) in [
        (
            "csv",
            "n,tags,sizes\n1,\"[\"\"b\"\",\"\"a\"\",\"\"b\"\"]\",[3]\n2,[],\n3,,\n",
        ),
        (
            "json",
            "[{\"n\":1,\"tags\":[\"b\",\"a\",\"b\"],\"sizes\":[3]},{\"n\":2,\"tags\":[],\"sizes\":null},{\"n\":3,\"tags\":null,\"sizes\":null}]\n",
        ),
    ] {
        let asked = std::process::Command::new(env!("CARGO_BIN_EXE_loudou"))
            .arg("-C")
            .arg(folder.path(""))
            .args(["query", "select n, tags, sizes from things order by n"])
            .args(["--format", format])
            .output()
            .unwrap();
        assert!(asked.status.success(), "{asked:?}");
        assert_eq!(String::from_utf8(asked.stdout).unwrap(), expected);
    }
    // The next night merges with what is published.
    folder.write("raw/2026-11-21/b.ndjson", "{\"n\":4,\"tags\":[\"c\"]}\n");
    let results = folder.run_well(night(NOW)).await;
    assert_eq!(step(&results, "things").changed, ["2026-11-21"]);
    assert_eq!(
        folder.column("things", "2026-11-21", "tags"),
        ["[b, a, b]", "[]", "null", "[c]"]
    );
}

/// Zone, how the times are written, text, the instant, its local day.
const TIMES: &[(&str, &str, &str, &str, &str)] = &[
    (
        "UTC",
        "iso",
        "2026-11-21T23:59:59.999999",
        "2026-11-21T23:59:59.999999Z",
        "2026-11-21",
    ),
    (
        "UTC",
        "iso",
        "2026-11-21T24:00",
        "2026-11-22T00:00:00Z",
        "2026-11-22",
    ),
    (
        "UTC",
        "iso",
        "2026-11-22T07:59:59+08:00",
        "2026-11-21T23:59:59Z",
        "2026-11-21",
    ),
    (
        "UTC",
        "epoch_s",
        "1795219199",
        "2026-11-20T23:59:59Z",
        "2026-11-20",
    ),
    (
        "UTC",
        "epoch_us",
        "1795219200000000",
        "2026-11-21T00:00:00Z",
        "2026-11-21",
    ),
    (
        "UTC",
        "date",
        "2026-11-21",
        "2026-11-21T00:00:00Z",
        "2026-11-21",
    ),
    (
        "Asia/Shanghai",
        "iso",
        "2026-11-21 00:00:00",
        "2026-11-20T16:00:00Z",
        "2026-11-21",
    ),
    (
        "Asia/Shanghai",
        "iso",
        "2026-11-20T15:59:59.999999Z",
        "2026-11-20T15:59:59.999999Z",
        "2026-11-20",
    ),
    (
        "Asia/Shanghai",
        "iso",
        "20261121T235959",
        "2026-11-21T15:59:59Z",
        "2026-11-21",
    ),
    (
        "Asia/Shanghai",
        "epoch_ms",
        "1795190400000",
        "2026-11-20T16:00:00Z",
        "2026-11-21",
    ),
    (
        "Asia/Shanghai",
        "date",
        "20261121",
        "2026-11-20T16:00:00Z",
        "2026-11-21",
    ),
    (
        "Asia/Shanghai",
        "\"%Y/%m/%d %H:%M\"",
        "2026/11/21 23:59",
        "2026-11-21T15:59:00Z",
        "2026-11-21",
    ),
    // China had summer time until 1991: on 1991-04-14 two o'clock was skipped.
    (
        "Asia/Shanghai",
        "iso",
        "1991-04-14T02:30:00",
        "1991-04-13T18:30:00Z",
        "1991-04-14",
    ),
    (
        "Asia/Shanghai",
        "iso",
        "1991-07-01T00:00:00",
        "1991-06-30T15:00:00Z",
        "1991-07-01",
    ),
    // 2026-03-08 in New York has no 2:00 to 3:00: such a time counts on from two o'clock.
    (
        "America/New_York",
        "iso",
        "2026-03-08T01:59:59",
        "2026-03-08T06:59:59Z",
        "2026-03-08",
    ),
    (
        "America/New_York",
        "iso",
        "2026-03-08T02:30:00",
        "2026-03-08T07:30:00Z",
        "2026-03-08",
    ),
    (
        "America/New_York",
        "iso",
        "2026-03-08T03:30:00",
        "2026-03-08T07:30:00Z",
        "2026-03-08",
    ),
    (
        "America/New_York",
        "\"%Y-%m-%d %H:%M\"",
        "2026-03-08 02:30",
        "2026-03-08T07:30:00Z",
        "2026-03-08",
    ),
    (
        "America/New_York",
        "date",
        "2026-03-08",
        "2026-03-08T05:00:00Z",
        "2026-03-08",
    ),
    (
        "America/New_York",
        "date",
        "2026-03-09",
        "2026-03-09T04:00:00Z",
        "2026-03-09",
    ),
    // 2026-11-01 has 1:00 to 2:00 twice: without an offset the first is meant.
    (
        "America/New_York",
        "iso",
        "2026-11-01T01:30:00",
        "2026-11-01T05:30:00Z",
        "2026-11-01",
    ),
    (
        "America/New_York",
        "iso",
        "2026-11-01T01:30:00-05:00",
        "2026-11-01T06:30:00Z",
        "2026-11-01",
    ),
    (
        "America/New_York",
        "iso",
        "2026-11-01T02:00:00",
        "2026-11-01T07:00:00Z",
        "2026-11-01",
    ),
    (
        "America/New_York",
        "epoch_s",
        "1793509199",
        "2026-11-01T04:59:59Z",
        "2026-11-01",
    ),
    (
        "America/New_York",
        "iso",
        "2026-11-02T04:59:59Z",
        "2026-11-02T04:59:59Z",
        "2026-11-01",
    ),
    (
        "America/New_York",
        "iso",
        "2026-11-02T05:00:00Z",
        "2026-11-02T05:00:00Z",
        "2026-11-02",
    ),
];

#[tokio::test]
async fn times_and_their_days_in_three_zones() {
    for (zone, format, text, instant, day) in TIMES {
        let what = format!("{zone} {format} {text}");
        let pipeline = format!(
            "sources:\n  things:\n    from: raw/\n    layout: \"*.ndjson\"\n    format: ndjson\n    time: {{field: t, format: {format}}}\n    duplicates: keep\n    sort_by: [n]\n    columns:\n      n: int64\n      again: {{type: timestamp, from: t, format: {format}}}\n      day: {{type: date, from: t, format: {format}}}\n"
        );
        let folder = Folder::new(&[
            ("pipelines/_project.yaml", &project_file(zone)),
            ("pipelines/small.yaml", &pipeline),
        ]);
        folder.write("raw/a.ndjson", format!("{}\n", json!({"n": 1, "t": text})));
        folder
            .run_well(night("2026-12-01T12:00:00Z").of(day, day))
            .await;
        let rows = folder.rows("things", day);
        assert_eq!(column(&rows, "event_time"), [*instant], "{what}");
        assert_eq!(column(&rows, "again"), [*instant], "{what}");
        assert_eq!(column(&rows, "day"), [*day], "{what}");
    }
}

#[tokio::test]
async fn a_parquet_column_of_no_readable_type_is_named() {
    let folder = project("UTC", "parquet", &[("id", "string")]);
    let n = Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let id = cast(
        &arrow::array::BinaryArray::from(vec![&[0u8; 16][..]]),
        &DataType::FixedSizeBinary(16),
    )
    .unwrap();
    folder.write(
        "raw/2026-11-21/a.parquet",
        parquet(&[("n".to_owned(), n), ("id".to_owned(), id)]),
    );
    let results = folder.run(night(NOW)).await;
    assert_eq!(results.exit_code, 1);
    let why = &step(&results, "things").why;
    assert!(
        why.starts_with(
            "2026-11-21/a.parquet: its column id is of the Parquet type FixedSizeBinary(16)"
        ),
        "{why}"
    );
}
