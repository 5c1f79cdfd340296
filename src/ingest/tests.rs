//! One day built in every way (in memory, from runs on scratch, merged with what is published) against
//! the plainest reading of the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use chrono::NaiveDate;
use chrono_tz::Tz;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use super::IngestContext;
use super::chunk::{Chunk, Head};
use super::partition::{self, PartitionTask};
use super::store::RowStore;
use crate::engine::{Engine, EngineOptions};
use crate::project::{Column, Duplicates, FileFormat, Rule, Source, TimeFormat, TimeSpec, date32};
use crate::source::columns::RowShape;
use crate::source::row_code::{push, push_text};
use crate::source::{DecodeContext, RowSchema};

/// (user key, user id, time, event id, object, offset)
type Key = (i64, Option<String>, i64, String, String, i64);

#[derive(Debug, Clone)]
struct Drawn {
    user: Option<u8>,
    time_us: i64,
    id: u8,
    object: u8,
}

impl Drawn {
    /// Two users of each key: what hashing gives once in ages.
    fn key(&self) -> i64 {
        self.user.map_or(i64::MIN, |user| i64::from(user / 2) - 1)
    }

    fn user_id(&self) -> Option<String> {
        self.user.map(|user| format!("user {}", 9 - user))
    }

    fn object(&self) -> String {
        // Numbers are given as objects come; names do not stand in that order.
        format!("object {}", 9 - self.object)
    }
}

fn rows() -> impl Strategy<Value = Vec<Drawn>> {
    let row = (prop::option::of(0u8..4), 0i64..4, 0u8..40, 0u8..3).prop_map(
        |(user, time_us, id, object)| Drawn {
            user,
            time_us,
            id,
            object,
        },
    );
    prop::collection::vec(row, 0..60)
}

fn source(duplicates: Duplicates) -> Source {
    Source {
        time: Some(TimeSpec {
            field: vec!["ts".to_string()],
            format: TimeFormat::EpochUs,
        }),
        id: Some("id".to_string()),
        user: Some("user".to_string()),
        duplicates,
        columns: vec![Column::of_tests("event", &["event"], Rule::Quarantine)],
        ..Source::of_tests("events", FileFormat::Ndjson)
    }
}

fn day() -> NaiveDate {
    NaiveDate::default()
}

fn context(folder: &Path, memory_bytes: usize) -> IngestContext {
    let engine = Engine::new(EngineOptions {
        zone: Tz::UTC,
        memory_bytes,
        spill_dir: folder.join("spill"),
        threads: 2,
    })
    .unwrap();
    IngestContext {
        engine,
        scratch: folder.join("scratch"),
        warehouse: crate::table::warehouse::Warehouse::local(folder.join("warehouse")),
    }
}

/// Builds a day from rows, `rows_per_chunk` at a time; gives the file and how many were duplicates.
fn build(
    context: &IngestContext,
    decode: &DecodeContext,
    drawn: &[(usize, Drawn)],
    rows_per_chunk: usize,
    base: Option<&Path>,
    excluded: &[&str],
    key_of: &dyn Fn(&Drawn) -> i64,
) -> (Vec<u8>, u64) {
    let store = RowStore::new(
        context.scratch.join("rows"),
        Arc::clone(&decode.shape),
        &context.engine,
    )
    .unwrap();
    for part in drawn.chunks(rows_per_chunk.max(1)) {
        let mut chunk = Chunk::default();
        for (offset, row) in part {
            let mut coded = Vec::new();
            let object = store.object_number(&row.object());
            decode.shape.begin(&mut coded, object, *offset as u64, &[]);
            let id = format!("id {}", row.id);
            push_text(&mut coded, Some(id.as_bytes()));
            push_text(&mut coded, row.user_id().as_deref().map(str::as_bytes));
            push(&mut coded, crate::source::value::Value::Text("pay"));
            push_text(&mut coded, None);
            let head = Head {
                key: key_of(row),
                time_us: row.time_us,
                id_hash: decode.shape.id_hash(row.time_us, &coded),
                at: 0,
            };
            chunk.push(head, &coded);
        }
        store.push(date32(day()), chunk).unwrap();
    }
    if let Some(base) = base {
        store.push_published(date32(day()), base).unwrap();
    }
    let task = PartitionTask {
        date: day(),
        rows: store.take(date32(day())),
        names: store.names(),
        excluded: excluded
            .iter()
            .map(|name| store.object_number(name))
            .collect(),
        inputs: String::new(),
        threads: 2,
    };
    let prepared = partition::prepare(decode, task).unwrap();
    let (ready, counts) = partition::write(context, decode, prepared).unwrap();
    let ids: BTreeSet<u64> = counts.id_hashes.iter().copied().collect();
    assert!(
        counts.id_hashes.iter().copied().eq(ids),
        "ascending, once each"
    );
    (
        std::fs::read(&ready.written.path).unwrap(),
        counts.duplicates,
    )
}

fn expected(drawn: &[(usize, Drawn)], duplicates: Duplicates) -> (Vec<Key>, u64) {
    let mut winners: BTreeMap<String, (i64, String, usize, Drawn)> = BTreeMap::new();
    for (offset, row) in drawn {
        let id = match duplicates {
            Duplicates::ById => format!("{}", row.id),
            Duplicates::WholeRow => format!("{} {:?} {}", row.id, row.user, row.time_us),
            Duplicates::Keep => format!("{offset}"),
        };
        let challenger = (row.time_us, row.object(), *offset, row.clone());
        let place = |row: &(i64, String, usize, Drawn)| (row.0, row.1.clone(), row.2);
        match winners.get(&id) {
            Some(holder) if place(holder) < place(&challenger) => {}
            _ => {
                winners.insert(id, challenger);
            }
        }
    }
    let mut keys: Vec<Key> = winners
        .into_values()
        .map(|(time_us, object, offset, row)| {
            (
                row.key(),
                row.user_id(),
                time_us,
                format!("id {}", row.id),
                object,
                offset as i64,
            )
        })
        .collect();
    keys.sort();
    let gone = drawn.len() - keys.len();
    (keys, gone as u64)
}

fn read(path: &Path) -> Vec<Key> {
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    let mut keys = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let text = |name: &str| {
            batch
                .column_by_name(name)
                .unwrap()
                .as_string::<i32>()
                .clone()
        };
        let (user, id, object) = (text("user_id"), text("event_id"), text("source_object"));
        let number = |name: &str| batch.column_by_name(name).unwrap().clone();
        let (key, time) = (number("user_key"), number("event_time"));
        let offset = number("source_offset");
        for row in 0..batch.num_rows() {
            keys.push((
                key.as_primitive::<Int64Type>().value(row),
                user.is_valid(row).then(|| user.value(row).to_string()),
                time.as_primitive::<TimestampMicrosecondType>().value(row),
                id.value(row).to_string(),
                object.value(row).to_string(),
                offset.as_primitive::<Int64Type>().value(row),
            ));
        }
    }
    keys
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_day_is_the_same_however_it_is_built(
        drawn in rows(),
        rows_per_chunk in 1usize..20,
        duplicates in prop::sample::select(vec![Duplicates::ById, Duplicates::WholeRow, Duplicates::Keep]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let source = source(duplicates);
        let decode = DecodeContext {
            shape: Arc::new(RowShape::of(&source)),
            row_schema: RowSchema::of(&source),
            source,
            zone: Tz::UTC,
        };
        let drawn: Vec<(usize, Drawn)> = drawn.into_iter().enumerate().collect();
        let (keys, gone) = expected(&drawn, duplicates);

        let roomy = context(folder.path(), 1 << 30);
        let (bytes, duplicates) = build(&roomy, &decode, &drawn, rows_per_chunk, None, &[], &Drawn::key);
        let path = folder.path().join("published.parquet");
        std::fs::write(&path, &bytes).unwrap();
        prop_assert_eq!(read(&path), keys);
        prop_assert_eq!(duplicates, gone);

        // With hardly any memory nearly every chunk goes to scratch.
        let narrow = context(folder.path(), 4_000);
        let (spilled, _) = build(&narrow, &decode, &drawn, rows_per_chunk, None, &[], &Drawn::key);
        prop_assert!(spilled == bytes, "from runs");
        let mut backwards = drawn.clone();
        backwards.reverse();
        let (turned, _) = build(&narrow, &decode, &backwards, rows_per_chunk, None, &[], &Drawn::key);
        prop_assert!(turned == bytes, "in another order");

        // An object that is left out leaves what the others give alone.
        let others: Vec<(usize, Drawn)> = drawn
            .iter()
            .filter(|(_, row)| row.object != 1)
            .cloned()
            .collect();
        let (without, _) = build(&roomy, &decode, &others, rows_per_chunk, None, &[], &Drawn::key);
        for context in [&roomy, &narrow] {
            let (left_out, _) = build(context, &decode, &drawn, rows_per_chunk, None, &["object 8"], &Drawn::key);
            prop_assert!(left_out == without, "left out");
        }
    }

    #[test]
    fn merging_with_what_is_published_equals_building_at_once(
        drawn in rows(),
        first in 0usize..60,
        memory in prop::sample::select(vec![4_000usize, 1 << 30]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let source = source(Duplicates::ById);
        let decode = DecodeContext {
            shape: Arc::new(RowShape::of(&source)),
            row_schema: RowSchema::of(&source),
            source,
            zone: Tz::UTC,
        };
        // Published rows get their key from the id again: true keys here.
        let key_of = |row: &Drawn| crate::source::user_key(row.user_id().as_deref());
        let context = context(folder.path(), memory);
        let drawn: Vec<(usize, Drawn)> = drawn.into_iter().enumerate().collect();
        let (head, tail) = drawn.split_at(first.min(drawn.len()));
        let builds = |rows: &[(usize, Drawn)], base: Option<&Path>| {
            build(&context, &decode, rows, 7, base, &[], &key_of).0
        };
        let path = folder.path().join("published.parquet");
        std::fs::write(&path, builds(head, None)).unwrap();
        prop_assert!(builds(tail, Some(&path)) == builds(&drawn, None));
    }
}
