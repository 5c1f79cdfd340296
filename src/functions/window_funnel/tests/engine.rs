//! The paths through the engine: partial states, partitions, early emission, windows, arguments.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::super::accumulators::{Funnel, FunnelGroups};
use super::super::arguments::{Mode, Rules};
use crate::functions::sql_testing::{context_in, context_with, error_of, table_of};

/// A row of the input: group, time (null with none), the steps it matches.
type Input = (usize, Option<i64>, u32);

const STEPS: usize = 4;

fn rules() -> impl Strategy<Value = Rules> {
    (0i64..7, any::<[bool; 4]>()).prop_map(|(window, [once, increase, order, deduplication])| {
        Rules {
            window,
            steps: STEPS,
            mode: Mode {
                once,
                increase,
                order,
                deduplication,
            },
        }
    })
}

fn input() -> impl Strategy<Value = Vec<Input>> {
    let row = (
        0usize..5,
        prop::option::weighted(0.9, 0i64..6),
        0u32..1 << STEPS,
    );
    prop::collection::vec(row, 1..40)
}

/// The arguments as the engine hands them over: window and mode are there and not looked at.
fn arguments(rows: &[Input]) -> Vec<ArrayRef> {
    let mut arguments: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![0; rows.len()])),
        Arc::new(StringArray::from(vec![""; rows.len()])),
        Arc::new(TimestampMicrosecondArray::from_iter(
            rows.iter().map(|row| row.1),
        )),
    ];
    for step in 0..STEPS {
        // Not matching is told by false and by null.
        let matches = rows.iter().map(|row| {
            (row.2 >> step & 1 == 1)
                .then_some(true)
                .or((row.0 > 2).then_some(false))
        });
        arguments.push(Arc::new(matches.collect::<BooleanArray>()));
    }
    arguments
}

fn groups_of(rows: &[Input]) -> Vec<usize> {
    rows.iter().map(|row| row.0).collect()
}

/// Every group by itself in a plain accumulator that sees its rows in one batch.
fn levels_one_by_one(rules: Rules, rows: &[Input]) -> Vec<i64> {
    (0..5)
        .map(|group| {
            let rows: Vec<_> = rows.iter().filter(|row| row.0 == group).copied().collect();
            let mut funnel = Funnel::new(rules);
            funnel.update_batch(&arguments(&rows)).unwrap();
            match funnel.evaluate().unwrap() {
                datafusion::common::ScalarValue::Int64(Some(level)) => level,
                other => panic!("{other:?}"),
            }
        })
        .collect()
}

fn values(array: &ArrayRef) -> Vec<i64> {
    array.as_primitive::<Int64Type>().values().to_vec()
}

proptest! {
    #[test]
    fn batches_partial_states_and_early_emission_change_nothing(
        rules in rules(),
        rows in input(),
        cut in any::<prop::sample::Index>(),
        emitted in 0usize..5,
        filter in prop::collection::vec(prop::option::weighted(0.9, any::<bool>()), 40),
    ) {
        let expected = levels_one_by_one(rules, &rows);
        let (left, right) = rows.split_at(cut.index(rows.len()));

        // Two batches.
        let mut whole = FunnelGroups::new(rules);
        whole.update_batch(&arguments(left), &groups_of(left), None, 5).unwrap();
        whole.update_batch(&arguments(right), &groups_of(right), None, 5).unwrap();
        prop_assert_eq!(values(&whole.evaluate(EmitTo::All).unwrap()), expected.clone());
        prop_assert_eq!(whole.evaluate(EmitTo::All).unwrap().len(), 0);

        // Two partial states, the second one row by row as where partial aggregation is skipped.
        let mut partial = FunnelGroups::new(rules);
        partial.update_batch(&arguments(left), &groups_of(left), None, 5).unwrap();
        let left_state = partial.state(EmitTo::All).unwrap();
        let right_state = partial.convert_to_state(&arguments(right), None).unwrap();
        let mut merged = FunnelGroups::new(rules);
        merged.merge_batch(&right_state, &groups_of(right), 5).unwrap();
        merged.merge_batch(&left_state, &[0, 1, 2, 3, 4], 5).unwrap();
        // The first groups leave early, the rest move up.
        let mut found = values(&merged.evaluate(EmitTo::First(emitted)).unwrap());
        prop_assert_eq!(found.len(), emitted);
        found.extend(values(&merged.evaluate(EmitTo::All).unwrap()));
        prop_assert_eq!(&found, &expected);

        // States may leave early too, and plain accumulators take the same states.
        let mut partial = FunnelGroups::new(rules);
        partial.update_batch(&arguments(&rows), &groups_of(&rows), None, 5).unwrap();
        let states = [partial.state(EmitTo::First(emitted)).unwrap(), partial.state(EmitTo::All).unwrap()];
        let mut found = Vec::new();
        for state in states {
            for group in 0..state[0].len() {
                let mut single = Funnel::new(rules);
                single.merge_batch(&[state[0].slice(group, 1), state[1].slice(group, 1)]).unwrap();
                let again: Vec<ArrayRef> = single.state().unwrap().iter().map(|list| list.to_array().unwrap()).collect();
                let mut single = Funnel::new(rules);
                single.merge_batch(&again).unwrap();
                found.extend(values(&single.evaluate().unwrap().to_array().unwrap()));
            }
        }
        prop_assert_eq!(&found, &expected);

        // A filter passes rows where it is true, in both ways in.
        let filter: BooleanArray = filter.into_iter().take(rows.len()).collect();
        let passing: Vec<_> = rows.iter().zip(&filter).filter(|(_, passes)| *passes == Some(true)).map(|(row, _)| *row).collect();
        let expected = levels_one_by_one(rules, &passing);
        let mut whole = FunnelGroups::new(rules);
        whole.update_batch(&arguments(&rows), &groups_of(&rows), Some(&filter), 5).unwrap();
        prop_assert_eq!(values(&whole.evaluate(EmitTo::All).unwrap()), expected.clone());
        let state = whole.convert_to_state(&arguments(&rows), Some(&filter)).unwrap();
        whole.merge_batch(&state, &groups_of(&rows), 5).unwrap();
        prop_assert_eq!(values(&whole.evaluate(EmitTo::All).unwrap()), expected);
    }
}

#[test]
fn memory_is_told_and_given_back() {
    let rules = Rules {
        window: 5,
        steps: STEPS,
        mode: Mode::default(),
    };
    let mut funnel = FunnelGroups::new(rules);
    let empty = funnel.size();
    // Of 8,000 rows half match a step; only these are kept, 16 bytes each.
    let rows: Vec<Input> = (0..8_000)
        .map(|row| (row / 8, Some(row as i64), (row % 2) as u32))
        .collect();
    funnel
        .update_batch(&arguments(&rows), &groups_of(&rows), None, 1_000)
        .unwrap();
    let full = funnel.size();
    assert!(full - empty >= 4_000 * 16 + 8_000 * 4, "{empty} → {full}");
    assert!(full - empty <= 8_192 * 16 + 8_192 * 4, "{empty} → {full}");
    assert_eq!(funnel.evaluate(EmitTo::All).unwrap().len(), 1_000);
    assert!(funnel.size() <= empty + 8_192 * 4);
}

/// 3,000 users with 12 events each, in 4 partitions of small batches, ordered by user and time or not.
fn users(ordered: bool) -> (MemTable, Arc<arrow::datatypes::Schema>) {
    let mut rows: Vec<(i64, i64, &str)> = Vec::new();
    let mut state = 42u64;
    for user in 0..3_000 {
        for _ in 0..12 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            rows.push((
                user,
                (state >> 33) as i64 % 40,
                ["a", "b", "c", "x"][(state >> 59) as usize % 4],
            ));
        }
    }
    if ordered {
        rows.sort_unstable();
    } else {
        rows.sort_unstable_by_key(|row| (row.1 * 7_919 + row.0 * 104_729) % 65_537);
    }
    let batches: Vec<_> = rows
        .chunks(1_000)
        .map(|rows| {
            RecordBatch::try_from_iter_with_nullable([
                (
                    "u",
                    Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)))
                        as ArrayRef,
                    false,
                ),
                (
                    "t",
                    Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))),
                    false,
                ),
                (
                    "e",
                    Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.2))),
                    false,
                ),
            ])
            .unwrap()
        })
        .collect();
    let schema = batches[0].schema();
    let partitions = batches
        .chunks(batches.len().div_ceil(4))
        .map(<[_]>::to_vec)
        .collect();
    (
        MemTable::try_new(Arc::clone(&schema), partitions).unwrap(),
        schema,
    )
}

const LEVELS: &str = "select u, window_funnel(9, 'strict_once', t, e = 'a', e in ('a', 'b'), e = 'c', e = 'a') as level from events group by u";

async fn sorted(ctx: &SessionContext, sql: &str) -> Vec<String> {
    let mut rows = table_of(ctx, sql).await;
    rows.sort();
    rows
}

#[tokio::test]
async fn one_partition_many_partitions_and_declared_order_agree() {
    let one = context_with(
        SessionConfig::new().with_target_partitions(1),
        chrono_tz::UTC,
    );
    one.register_table("events", Arc::new(users(false).0))
        .unwrap();
    let expected = sorted(&one, LEVELS).await;
    assert_eq!(expected.len(), 3_000);
    for level in ["|0", "|1", "|2", "|3", "|4"] {
        assert!(
            expected.iter().any(|row| row.ends_with(level)),
            "no level {level}"
        );
    }

    // Small batches make the engine skip partial aggregation as well (its probe finds few repeats).
    let mut config = SessionConfig::new()
        .with_target_partitions(3)
        .with_batch_size(128);
    config
        .options_mut()
        .execution
        .skip_partial_aggregation_probe_rows_threshold = 500;
    config
        .options_mut()
        .execution
        .skip_partial_aggregation_probe_ratio_threshold = 0.1;
    let many = context_with(config, chrono_tz::UTC);
    many.register_table("events", Arc::new(users(false).0))
        .unwrap();
    assert_eq!(sorted(&many, LEVELS).await, expected);

    // One sorted partition: groups are emitted as soon as the next user begins.
    let (table, _) = users(true);
    let order = vec![vec![datafusion::prelude::col("u").sort(true, false)]];
    let stream = context_with(
        SessionConfig::new()
            .with_target_partitions(1)
            .with_batch_size(100),
        chrono_tz::UTC,
    );
    let all = stream
        .read_table(Arc::new(table))
        .unwrap()
        .sort(order[0].clone())
        .unwrap()
        .collect()
        .await
        .unwrap();
    let sorted_table = MemTable::try_new(all[0].schema(), vec![all])
        .unwrap()
        .with_sort_order(order);
    stream
        .register_table("events", Arc::new(sorted_table))
        .unwrap();
    let plan = stream
        .sql(LEVELS)
        .await
        .unwrap()
        .create_physical_plan()
        .await
        .unwrap();
    let plan = displayable(plan.as_ref()).indent(false).to_string();
    assert!(plan.contains("ordering_mode=Sorted"), "{plan}");
    assert_eq!(sorted(&stream, LEVELS).await, expected);
}

#[tokio::test]
async fn no_rows_nulls_filters_and_windows() {
    let ctx = context_in(chrono_tz::UTC);
    let none = "select window_funnel(1, 'default', t, true) from (values (1)) as v(t) where t > 1";
    assert_eq!(table_of(&ctx, none).await, ["0"]);
    let nulls = "select window_funnel(9, 'default', t, e = 'a', null, e = 'b'), window_funnel(9, 'default', t, e = 'a', e = 'b')
        from (values (1, 'a'), (null, 'b'), (3, null)) as v(t, e)";
    assert_eq!(table_of(&ctx, nulls).await, ["1|1"]);
    let filtered = "select u, window_funnel(9, 'default', t, e = 'a', e = 'b') filter (where t < 3)
        from (values ('u', 1, 'a'), ('u', 2, 'b'), ('v', 1, 'a'), ('v', 3, 'b')) as v(u, t, e) group by u order by u";
    assert_eq!(table_of(&ctx, filtered).await, ["u|2", "v|1"]);
    let running = "select window_funnel(9, 'default', t, e = 'a', e = 'b') over (order by t)
        from (values (1, 'a'), (2, 'x'), (3, 'b')) as v(t, e) order by t";
    assert_eq!(table_of(&ctx, running).await, ["1", "1", "2"]);
    let schema = ctx
        .sql(none)
        .await
        .unwrap()
        .create_physical_plan()
        .await
        .unwrap()
        .schema();
    assert_eq!(schema.field(0).data_type(), &DataType::Int64);
}

#[tokio::test]
async fn windows_and_times_of_every_kind() {
    let ctx = context_in(chrono_tz::UTC);
    let level = |window: &str, time_type: &str, first: &str, second: &str| {
        format!(
            "select window_funnel({window}, 'default', arrow_cast(t, '{time_type}'), e = 'a', e = 'b')
             from (values ('{first}', 'a'), ('{second}', 'b')) as v(t, e)"
        )
    };
    for (window, first, second, expected) in [
        (
            "interval '24 hours'",
            "2026-10-18T00:00:00",
            "2026-10-19T00:00:00",
            "2",
        ),
        (
            "interval '1 day'",
            "2026-10-18T00:00:00",
            "2026-10-19T00:00:00.000001",
            "1",
        ),
        (
            "interval '1 day 1 second'",
            "2026-10-18T00:00:00",
            "2026-10-19T00:00:01",
            "2",
        ),
        (
            "interval '15 minutes' + interval '15 minutes'",
            "2026-10-18T00:00:00",
            "2026-10-18T00:30:00",
            "2",
        ),
        ("1000000", "2026-10-18T00:00:00", "2026-10-18T00:00:01", "2"),
        ("999999", "2026-10-18T00:00:00", "2026-10-18T00:00:01", "1"),
        (
            "arrow_cast('2 days', 'Interval(DayTime)')",
            "2026-10-18T00:00:00",
            "2026-10-20T00:00:00",
            "2",
        ),
        ("0", "2026-10-18T00:00:00", "2026-10-18T00:00:00", "2"),
    ] {
        for time_type in ["Timestamp(µs)", "Timestamp(ms)", "Timestamp(ns, \"UTC\")"] {
            if time_type == "Timestamp(ms)" && second.contains(".000001") {
                continue;
            }
            let sql = level(window, time_type, first, second);
            assert_eq!(
                table_of(&ctx, &sql).await,
                [expected],
                "{window} {time_type}"
            );
        }
    }
    let dates =
        "select window_funnel(interval '1 day', 'default', cast(t as date), e = 'a', e = 'b')
        from (values ('2026-10-18', 'a'), ('2026-10-19', 'b')) as v(t, e)";
    assert_eq!(table_of(&ctx, dates).await, ["2"]);
}

#[tokio::test]
async fn wrong_arguments_are_told() {
    let ctx = context_in(chrono_tz::UTC);
    let t = "from (values (timestamp '2026-10-18 00:00:00', 5, 'a')) as v(t, n, e)";
    for (call, told) in [
        (
            "window_funnel(1, 'strict', t, true)",
            "unknown mode 'strict'; known are default, strict_once, strict_increase, strict_order, strict_deduplication",
        ),
        (
            "window_funnel(1, 'strict_order, allow_reentry', t, true)",
            "unknown mode 'allow_reentry'",
        ),
        (
            "window_funnel(interval '1 month', 'default', t, true)",
            "must not hold months or years",
        ),
        (
            "window_funnel(interval '-1 day', 'default', t, true)",
            "must not be negative",
        ),
        (
            "window_funnel(-1, 'default', t, true)",
            "must not be negative, got -1",
        ),
        (
            "window_funnel(n, 'default', t, true)",
            "window must be a constant",
        ),
        ("window_funnel(1, e, t, true)", "mode must be a constant"),
        (
            "window_funnel('1 day', 'default', t, true)",
            "window must be an INTERVAL or whole microseconds",
        ),
        ("window_funnel(1, 2, t, true)", "mode must be a string"),
        (
            "window_funnel(1, arrow_cast(null, 'Utf8'), t, true)",
            "mode must not be null",
        ),
        (
            "window_funnel(interval '1 day', 'default', n, true)",
            "window must be a whole number where time is one",
        ),
        (
            "window_funnel(1, 'default', e, true)",
            "time must be a timestamp, a date or an integer",
        ),
        (
            "window_funnel(1, 'default', t, e)",
            "step 1 must be a condition",
        ),
        ("window_funnel(1, 'default', t)", "1 to 32 steps, got 0"),
        ("window_funnel(1, 'default')", "at least 4 arguments"),
        ("window_funnel(distinct 1, 'default', t, true)", "DISTINCT"),
    ] {
        let error = error_of(&ctx, &format!("select {call} {t}")).await;
        assert!(error.contains(told), "{call}: {error}");
    }
    let steps = vec!["true"; 33].join(", ");
    let error = error_of(
        &ctx,
        &format!("select window_funnel(1, 'default', t, {steps}) {t}"),
    )
    .await;
    assert!(error.contains("1 to 32 steps, got 33"), "{error}");

    // Told while planning, before any row is read.
    let planned = ctx
        .sql(&format!("select window_funnel(1, 'strict', t, true) {t}"))
        .await
        .unwrap();
    assert!(planned.create_physical_plan().await.is_err());
}
