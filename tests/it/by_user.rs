//! Tables sorted by user, read by user: the same rows as a plain scan gives, in the promised order,
//! from the pages that hold them; and the plans that come of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::util::pretty::pretty_format_batches;
use datafusion::physical_plan::{ExecutionPlan, collect, displayable};
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use loudou::engine::{Engine, EngineOptions, PartitionFile, PublishedTable};
use loudou::model::build::{Published, Range, register_all};
use loudou::model::sql::{Dates, bind, parse};
use loudou::run::check::check;
use loudou::table::state::{PartitionState, State};
use loudou::table::warehouse::Warehouse;
use loudou::table::write::PartitionWriter;

use crate::support::date;

const ORDER: [&str; 6] = [
    "user_key",
    "user_id",
    "event_time",
    "event_id",
    "source_object",
    "source_offset",
];
const DAY_US: i64 = 86_400_000_000;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    key: i64,
    user: Option<String>,
    time: i64,
    id: Option<String>,
    object: String,
    offset: i64,
    event: &'static str,
    platform: Option<&'static str>,
}

/// Numbers that look drawn and are the same every time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    /// Events of one day: some without a user, some users with the key of another, ties in time.
    fn day(&mut self, day: i64, count: u64, users: u64) -> Vec<Event> {
        let mut events: Vec<Event> = (0..count)
            .map(|offset| {
                let user = self.below(users + 1);
                // Two users share each key; keys lie all over the numbers.
                let key = (user as i64 / 2 - users as i64 / 4)
                    .wrapping_mul(i64::MAX / users.max(8) as i64 * 3);
                let is_known = user < users;
                Event {
                    key: if is_known { key } else { i64::MIN },
                    user: is_known.then(|| format!("user-with-a-long-name-{user}")),
                    time: day * DAY_US + self.below(3_000) as i64 * 1_000_000,
                    id: (self.below(5) > 0).then(|| format!("{:05}", self.below(90_000))),
                    object: format!("object-{}", self.below(3)),
                    offset: offset as i64,
                    event: ["exposure", "click", "pay", "view"][self.below(4) as usize],
                    platform: [None, Some("ios"), Some("wechat")][self.below(3) as usize],
                }
            })
            .collect();
        events.sort();
        events
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("date", DataType::Date32, false),
        Field::new(
            "event_time",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            false,
        ),
        Field::new("event", DataType::Utf8, false),
        Field::new("event_id", DataType::Utf8, true),
        Field::new("user_id", DataType::Utf8, true),
        Field::new("user_key", DataType::Int64, false),
        Field::new("platform", DataType::Utf8, true),
        Field::new("source_object", DataType::Utf8, false),
        Field::new("source_offset", DataType::Int64, false),
    ]))
}

fn write(folder: &Path, day: i64, events: &[Event], sorted_by: &[&str]) -> PartitionFile {
    let path = folder.join(format!("dt=2026-10-{:02}.parquet", day + 1));
    let sorted_by: Vec<String> = sorted_by.iter().map(ToString::to_string).collect();
    let mut writer = PartitionWriter::create(&path, &schema(), &sorted_by).unwrap();
    let texts = |of: fn(&Event) -> Option<&str>| StringArray::from_iter(events.iter().map(of));
    let numbers = |of: fn(&Event) -> i64| Int64Array::from_iter_values(events.iter().map(of));
    let times = TimestampMicrosecondArray::from_iter_values(events.iter().map(|event| event.time));
    let batch = RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(Date32Array::from_iter_values(
                events.iter().map(|_| day as i32),
            )),
            Arc::new(times.with_timezone("UTC")),
            Arc::new(texts(|event| Some(event.event))),
            Arc::new(texts(|event| event.id.as_deref())),
            Arc::new(texts(|event| event.user.as_deref())),
            Arc::new(numbers(|event| event.key)),
            Arc::new(texts(|event| event.platform)),
            Arc::new(texts(|event| Some(&event.object))),
            Arc::new(numbers(|event| event.offset)),
        ],
    )
    .unwrap();
    writer.write(batch).unwrap();
    let written = writer.finish().unwrap();
    PartitionFile {
        date: None,
        path: object_store::path::Path::from_absolute_path(&path).unwrap(),
        size: written.bytes,
        pin: None,
    }
}

fn engine(folder: &Path, threads: usize) -> Engine {
    Engine::new(EngineOptions {
        zone: chrono_tz::Tz::UTC,
        memory_bytes: 1 << 30,
        spill_dir: folder.join("spill"),
        threads,
    })
    .unwrap()
}

/// `by_user` tells its order, `plain` has the same rows and tells none.
fn session(folder: &Path, threads: usize, files: &[PartitionFile]) -> SessionContext {
    let session = engine(folder, threads).session().unwrap();
    let order = ORDER.map(String::from);
    let by_user = PublishedTable::new(&schema(), files.to_vec()).sorted_by(&order);
    session
        .register_table("by_user", Arc::new(by_user))
        .unwrap();
    let plain = PublishedTable::new(&schema(), files.to_vec());
    session.register_table("plain", Arc::new(plain)).unwrap();
    session
}

async fn physical(session: &SessionContext, sql: &str) -> Arc<dyn ExecutionPlan> {
    session
        .sql(sql)
        .await
        .unwrap()
        .create_physical_plan()
        .await
        .unwrap()
}

fn text_of(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(false).to_string()
}

/// The plan's operators without their expressions: how rows are read, exchanged, sorted and grouped.
fn outline(plan: &str) -> String {
    let told = [
        "mode=",
        "ordering_mode=",
        "partitioning=",
        "join_type=",
        "ranges=",
        "files=",
    ];
    let mut text = String::new();
    for line in plan.lines() {
        let (name, rest) = line.split_once(':').unwrap_or((line, ""));
        text.push_str(name);
        // Expressions hold commas too; what is told never does.
        for part in rest.split(", ").map(str::trim) {
            if told.iter().any(|key| part.starts_with(key)) {
                text.push(' ');
                text.push_str(part.split('(').next().unwrap_or(part));
            }
        }
        text.push('\n');
    }
    text
}

/// The answer's lines, sorted, and the plan.
async fn answer(session: &SessionContext, sql: &str) -> (Vec<String>, String) {
    let plan = physical(session, sql).await;
    let text = text_of(&plan);
    let batches = collect(plan, session.task_ctx()).await.unwrap();
    let table = pretty_format_batches(&batches).unwrap().to_string();
    let mut lines: Vec<String> = table.lines().map(|line| line.replace(' ', "")).collect();
    lines.sort();
    (lines, text)
}

const FUNNEL: &str = "select platform, level, count(*) as users from (
    select user_key, user_id,
        first_value(platform order by event_time, event_id nulls first, source_object, source_offset)
            filter (where event = 'exposure') as platform,
        window_funnel(interval '24 hours', 'default', event_time,
            event = 'exposure', event = 'click', event = 'pay') as level
    from by_user group by user_key, user_id)
    group by platform, level";

/// Shapes of use; `{table}` is the table.
const QUERIES: [&str; 6] = [
    "select user_key, user_id, count(*), min(event_time), max(event_id),
        window_funnel(interval '1 hour', 'strict_once', event_time, event = 'exposure', event = 'pay')
        from {table} group by user_key, user_id",
    "select user_key, user_id, date, count(*), count(platform) from {table} where event <> 'view'
        group by user_key, user_id, date",
    "select user_key, count(*) from {table} where user_id is not null group by user_key",
    "select user_key, user_id, event_time, event_id, source_object, source_offset, platform,
        row_number() over (partition by user_key, user_id
            order by event_time, event_id nulls first, source_object, source_offset) as place
        from {table}",
    "select user_id, event_time, source_offset, event, sessionize(user_id, event_time, event_id, interval '5 minutes')
        over (partition by user_key, user_id order by event_time, event_id nulls first, source_object, source_offset)
        from {table} where user_id is not null",
    "select user_key, user_id, last_value(event order by event_time, event_id nulls first, source_object, source_offset)
        from {table} where event_time >= timestamp '1970-01-02 00:10:00Z' group by user_key, user_id",
];

/// Groupings that are worked out on the rows where they lie.
const GROUPED: [&str; 9] = [
    "select user_key, user_id, min(platform), max(platform), min(event), max(event_id), count(*), count(platform),
        min(event_time), max(source_offset), min(date), count(distinct_by_nothing)
        from (select *, nullif(event, 'view') as distinct_by_nothing from {table})
        group by user_key, user_id",
    "select user_id, user_key,
        first_value(platform order by event_time, event_id nulls first, source_object, source_offset)
            filter (where event = 'exposure') as platform,
        first_value(event_id order by event_time, event_id nulls first, source_object, source_offset) as id,
        first_value(source_offset order by event_time nulls first, event_id nulls first, source_object nulls first,
            source_offset) filter (where event in ('click', 'pay') and platform is not null) as place,
        window_funnel(interval '24 hours', 'default', event_time,
            event = 'exposure', event = 'click', event = 'pay') as level
        from {table} group by user_id, user_key",
    "select user_key, user_id,
        window_funnel(interval '10 minutes', 'default', event_time, event = 'exposure', event = 'click', event = 'pay'),
        window_funnel(interval '10 minutes', 'strict_once', event_time, event in ('exposure', 'view'), event <> 'view'),
        window_funnel(interval '1 day', 'strict_increase', event_time, event = 'exposure', event = 'click'),
        window_funnel(interval '1 hour', 'strict_order', event_time, event = 'exposure', event = 'click', event = 'pay'),
        window_funnel(interval '1 hour', 'strict_deduplication', event_time, event = 'view', event = 'click', event = 'pay'),
        window_funnel(600, 'default', source_offset, event = 'exposure' and platform = 'ios', event = 'pay')
            filter (where platform is not null)
        from {table} group by user_key, user_id",
    "select user_key, user_id,
        funnel_path('window 3h; step 2 within 20m; step 3 optional; exclusion 1', date '1970-01-01', date '1970-01-20',
            date '1970-01-02', date, event_time, event, named_struct('p', platform, 'e', event), null, source_offset,
            event = 'exposure', event = 'click', event = 'view', event = 'pay', event = 'view' and platform = 'ios')
        from {table} group by user_key, user_id",
    "select user_key, user_id,
        funnel_path('window 10m; strict', date '1970-01-01', date '1970-01-20', null, date, event_time, platform,
            platform, platform, null, event in ('exposure', 'view'), event in ('click', 'view'), event = 'pay'),
        funnel_path('window 1d; any; exclusion 1 drop', date '1970-01-02', date '1970-01-02', null, date, event_time, null,
            null, null, null, event = 'exposure', event in ('click', 'view'), event = 'pay', platform is null)
            filter (where event <> 'share')
        from {table} group by user_key, user_id",
    "select platform, level, count(*) from (
        select min(platform) as platform,
            window_funnel(interval '1 day', 'default', event_time, event = 'exposure', event = 'click') as level
            from {table} where event in ('exposure', 'click') and user_id is not null group by user_key, user_id)
        where level > 0 group by platform, level",
    "select user_key, user_id, count(*), max(event_time) from {table} where event_time >= timestamp '1970-01-02 00:10:00Z'
        and event_id > '5' group by user_key, user_id",
    "select user_key, user_id from {table} group by user_key, user_id",
    "select user_key, user_id, count(*) as events from {table} where platform = 'ios' group by user_key, user_id
        having count(*) > 2",
];

/// Groupings that stay with the engine: an aggregate that is none of ours, another order, another group.
const NOT_GROUPED: [&str; 6] = [
    "select user_key, user_id, sum(source_offset) from {table} group by user_key, user_id",
    "select user_key, user_id, count(distinct event) from {table} group by user_key, user_id",
    "select user_key, user_id, first_value(event order by source_offset, source_object, event_id) from {table}
        group by user_key, user_id",
    "select user_key, user_id, event, count(*) from {table} group by user_key, user_id, event",
    // What is called by a column's name need not be that column.
    "select user_key, user_id, first_value(event order by event_time, event_id nulls first, source_object) from (
        select user_key, user_id, event, source_offset as event_time, event_id, source_object from {table})
        group by user_key, user_id",
    "select user_key, user_id, count(*) from {table} where length(event_id) > random() group by user_key, user_id",
];

#[tokio::test]
async fn every_answer_is_that_of_a_plain_scan() {
    let cases: [(u64, Vec<u64>, u64); 6] = [
        (1, vec![300, 0, 250, 1], 12),
        (2, vec![40], 3),
        (3, vec![0, 0], 3),
        (4, vec![20_000, 30_000, 9_000], 900),
        // One user with most of the rows, over batches and days.
        (5, vec![12_000, 12_000], 1),
        (6, vec![60; 29], 40),
    ];
    for (seed, counts, users) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut draw = Draw(seed);
        let files: Vec<PartitionFile> = counts
            .iter()
            .enumerate()
            .map(|(day, count)| {
                let events = draw.day(day as i64, *count, users);
                write(folder.path(), day as i64, &events, &ORDER)
            })
            .collect();
        for threads in [1, 2, 5] {
            let session = session(folder.path(), threads, &files);
            for query in QUERIES {
                let by_user =
                    answer(&session, &query.replace("{table}", "by_user as events")).await;
                let plain = answer(&session, &query.replace("{table}", "plain as events")).await;
                assert_eq!(
                    by_user.0, plain.0,
                    "seed {seed}, {threads} threads: {query}"
                );
                assert!(by_user.1.contains("UserMergeExec"), "{}", by_user.1);
                assert!(!by_user.1.contains("SortExec"), "{}", by_user.1);
                assert!(!plain.1.contains("UserMergeExec"), "{}", plain.1);
            }
            for (query, is_ours) in GROUPED
                .iter()
                .map(|query| (query, true))
                .chain(NOT_GROUPED[..5].iter().map(|query| (query, false)))
            {
                let by_user =
                    answer(&session, &query.replace("{table}", "by_user as events")).await;
                let plain = answer(&session, &query.replace("{table}", "plain as events")).await;
                let place = format!("seed {seed}, {threads} threads: {query}\n{}", by_user.1);
                assert_eq!(by_user.0, plain.0, "{place}");
                assert_eq!(by_user.1.contains("UserGroupExec"), is_ours, "{place}");
                assert!(!plain.1.contains("UserGroupExec"), "{}", plain.1);
            }
        }
    }
}

#[tokio::test]
async fn rows_come_in_the_promised_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut draw = Draw(11);
    let mut expected = Vec::new();
    let files: Vec<PartitionFile> = (0..4)
        .map(|day| {
            let events = draw.day(day, 15_000, 200);
            expected.extend(events.iter().map(|event| {
                (
                    event.key,
                    event.user.clone(),
                    event.time,
                    event.id.clone(),
                    event.object.clone(),
                    event.offset,
                )
            }));
            write(folder.path(), day, &events, &ORDER)
        })
        .collect();
    expected.sort();
    let session = session(folder.path(), 3, &files);
    let plan = physical(&session, QUERIES[3].replace("{table}", "by_user").as_str()).await;
    let mut found = Vec::new();
    for partition in 0..plan.properties().partitioning.partition_count() {
        let stream = plan.execute(partition, session.task_ctx()).unwrap();
        for batch in stream.try_collect::<Vec<_>>().await.unwrap() {
            let text = |column: usize, row: usize| {
                use arrow::array::{Array, AsArray};
                let column = batch.column(column).as_string_view();
                column.is_valid(row).then(|| column.value(row).to_string())
            };
            let number = |column: usize, row: usize| {
                use arrow::array::AsArray;
                let column = arrow::compute::cast(batch.column(column), &DataType::Int64).unwrap();
                column
                    .as_primitive::<arrow::datatypes::Int64Type>()
                    .value(row)
            };
            for row in 0..batch.num_rows() {
                found.push((
                    number(0, row),
                    text(1, row),
                    number(2, row),
                    text(3, row),
                    text(4, row).unwrap(),
                    number(5, row),
                ));
            }
        }
    }
    assert_eq!(found.len(), expected.len());
    let differing = found
        .iter()
        .zip(&expected)
        .position(|(one, other)| one != other);
    let at = differing.unwrap_or(0);
    assert_eq!(
        differing, None,
        "found {:?}, expected {:?}",
        found[at], expected[at]
    );
}

#[tokio::test]
async fn a_range_reads_its_pages_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut draw = Draw(21);
    let files: Vec<PartitionFile> = (0..2)
        .map(|day| write(folder.path(), day, &draw.day(day, 300_000, 60_000), &ORDER))
        .collect();
    let session = session(folder.path(), 4, &files);
    let sql = "select user_key, user_id, count(event_time) from by_user group by user_key, user_id";
    let read = async |partitions: std::ops::Range<usize>| {
        let plan = physical(&session, sql).await;
        for partition in partitions {
            let stream = plan.execute(partition, session.task_ctx()).unwrap();
            stream.try_collect::<Vec<_>>().await.unwrap();
        }
        let mut scan = plan;
        while let [child] = scan.children()[..] {
            scan = Arc::clone(child);
        }
        assert_eq!(scan.name(), "UserMergeExec");
        let metrics = scan.metrics().unwrap();
        let value = |name: &str| metrics.sum_by_name(name).unwrap().as_usize();
        (value("bytes_scanned"), metrics.output_rows().unwrap())
    };
    let (all_bytes, _) = read(0..4).await;
    for range in 0..4 {
        let (bytes, rows) = read(range..range + 1).await;
        // A quarter of the users, and at most a page more at either end of each file.
        assert!(
            bytes * 10 < all_bytes * 4,
            "range {range}: {bytes} of {all_bytes} bytes"
        );
        assert!(
            (100_000..250_000).contains(&rows),
            "range {range}: {rows} rows"
        );
    }
}

/// Files as (day, events, what they say they are sorted by).
type Days<'a> = &'a [(i64, &'a [Event], &'a [&'a str])];

#[tokio::test]
async fn files_in_another_layout_are_refused() {
    let mut draw = Draw(31);
    let sound = draw.day(0, 500, 20);
    let mut shuffled = sound.clone();
    shuffled.rotate_left(250);
    let cases: [(Days<'_>, &str); 3] = [
        (
            &[(0, &sound, &["event_time"])],
            "is not sorted by user_key, user_id",
        ),
        (
            &[(0, &shuffled, &ORDER)],
            "is not sorted by user_key, user_id",
        ),
        (
            &[(0, &sound, &ORDER), (1, &sound, &ORDER)],
            "the two days overlap in time",
        ),
    ];
    for (days, cause) in cases {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PartitionFile> = days
            .iter()
            .map(|(day, events, order)| write(folder.path(), *day, events, order))
            .collect();
        let session = session(folder.path(), 2, &files);
        let sql = QUERIES[0].replace("{table}", "by_user");
        let plan = physical(&session, &sql).await;
        let error = collect(plan, session.task_ctx())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(cause), "{error}");
    }
}

#[tokio::test]
async fn the_funnel_by_user_streams() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PartitionFile> = (0..60).map(|day| unread(&format!("dt={day:02}"))).collect();
    let session = session(folder.path(), 2, &files);
    let plan = text_of(&physical(&session, FUNNEL).await);
    let expected = include_str!("../snapshots/plan/funnel_by_user.txt");
    bless_or_equal("funnel_by_user", &outline(&plan), expected);
    assert!(!plan.contains("SortExec"), "{plan}");
    assert!(plan.contains("UserMergeExec: ranges=2, files=60"), "{plan}");
    let random = NOT_GROUPED[5].replace("{table}", "by_user");
    let plan = text_of(&physical(&session, &random).await);
    assert!(!plan.contains("UserGroupExec"), "{plan}");

    // Nobody wants the order: files are read whole, side by side.
    for sql in [
        "select date, count(*) from by_user group by date",
        "select count(distinct user_id) from by_user",
        "select * from by_user where user_id = 'a'",
        "select platform, count(user_key) from by_user group by platform",
    ] {
        let plan = text_of(&physical(&session, sql).await);
        assert!(!plan.contains("UserMergeExec"), "{plan}");
    }
}

/// A file that a plan may name and nobody reads.
fn unread(name: &str) -> PartitionFile {
    PartitionFile {
        date: None,
        path: object_store::path::Path::from(format!("nowhere/{name}/data.parquet")),
        size: 1 << 20,
        pin: None,
    }
}

fn bless_or_equal(name: &str, found: &str, expected: &str) {
    if std::env::var_os("LOUDOU_BLESS").is_some() {
        let path = format!(
            "{}/tests/snapshots/plan/{name}.txt",
            env!("CARGO_MANIFEST_DIR")
        );
        std::fs::write(path, found).unwrap();
        return;
    }
    assert_eq!(
        found, expected,
        "{name}: LOUDOU_BLESS=1 rewrites tests/snapshots/plan/{name}.txt"
    );
}

#[tokio::test]
async fn built_in_models_read_events_by_user() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, problems) = check(Path::new(env!("CARGO_MANIFEST_DIR"))).await.unwrap();
    assert!(problems.is_empty());
    let workspace = workspace.unwrap();
    let mut state = State::default();
    let partitions = &mut state
        .tables
        .entry("events".to_string())
        .or_default()
        .partitions;
    for day in 16..=18 {
        let day = format!("2026-10-{day}");
        let partition = PartitionState {
            key: format!("events/dt={day}/data.parquet"),
            rows: 1,
            bytes: 1 << 20,
            hash: String::new(),
            inputs: String::new(),
            definition: String::new(),
            commit: 1,
            modified_ns: None,
            ..PartitionState::default()
        };
        partitions.insert(day, partition);
    }
    let (start, end) = (date("2026-10-17"), date("2026-10-17"));
    let range = Range {
        start,
        end,
        complete_through: date("2026-10-18"),
    };
    let session = engine(folder.path(), 2).session().unwrap();
    let nowhere = Warehouse::local("/nowhere");
    let published = Published {
        state: &state,
        warehouse: &nowhere,
    };
    register_all(
        &session,
        &workspace.project,
        &workspace.models,
        &published,
        &range,
    )
    .await
    .unwrap();
    let dates = Dates::from([
        ("start", start),
        ("end", end),
        ("complete_through", range.complete_through),
    ]);
    let mut plans = BTreeMap::new();
    for name in [
        "int_session_events",
        "int_sessions",
        "int_page_views",
        "funnel_totals",
    ] {
        let model = workspace.models.get(name).unwrap();
        let statement = bind(&parse(&model.sql, "").unwrap().statement, &dates).unwrap();
        let plan = loudou::model::check::plan(&session, statement)
            .await
            .unwrap();
        let plan = session.state().create_physical_plan(&plan).await.unwrap();
        plans.insert(name, text_of(&plan));
    }
    let text: String = plans
        .iter()
        .map(|(name, plan)| format!("== {name}\n{}\n", outline(plan)))
        .collect();
    bless_or_equal(
        "built_in",
        &text,
        include_str!("../snapshots/plan/built_in.txt"),
    );
    for (name, plan) in &plans {
        // Every scan of events is a merge.
        assert!(plan.contains("UserMergeExec"), "{name}\n{plan}");
        assert!(!plan.contains("file_type=parquet"), "{name}\n{plan}");
    }
    assert_eq!(
        plans["funnel_totals"].matches("UserMergeExec").count(),
        workspace.project.funnels.len()
    );
    assert!(!plans["int_page_views"].contains("RepartitionExec"));
    for name in ["int_session_events", "int_sessions"] {
        assert!(!plans[name].contains("SortExec"), "{name}\n{}", plans[name]);
        assert!(
            !plans[name].contains("RepartitionExec"),
            "{name}\n{}",
            plans[name]
        );
    }
}
