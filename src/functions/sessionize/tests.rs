//! Sessions by hand, in several zones, and against a rule written the other way round.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, NaiveDate, TimeZone};
use chrono_tz::Tz;
use datafusion::datasource::MemTable;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, col};
use proptest::prelude::*;

use super::boundary::{BoundaryError, SessionBoundary, SessionRules};
use crate::functions::sql_testing::{context_in, context_with, error_of, table_of};

const MINUTE_US: i64 = 60_000_000;
const GAP_US: i64 = 30 * MINUTE_US;

fn instant(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text)
        .unwrap()
        .timestamp_micros()
}

/// 30 minutes, midnight cuts nothing.
const RULES: SessionRules = SessionRules {
    gap_us: GAP_US,
    cut_at_midnight: false,
};

/// For each event whether it begins a session.
fn begins(zone: Tz, events: &[(i64, Option<&str>)]) -> Vec<bool> {
    begins_by(zone, RULES, events)
}

fn begins_by(zone: Tz, rules: SessionRules, events: &[(i64, Option<&str>)]) -> Vec<bool> {
    let mut boundary = SessionBoundary::new(zone, rules);
    events
        .iter()
        .map(|(time_us, campaign)| boundary.begins_session(*time_us, *campaign).unwrap())
        .collect()
}

fn at(zone: Tz, times: &[i64]) -> Vec<bool> {
    begins(
        zone,
        &times
            .iter()
            .map(|time_us| (*time_us, None))
            .collect::<Vec<_>>(),
    )
}

/// Every 30 minutes from `start`, which breaks no session.
fn steadily(start: &str, events: i64) -> Vec<i64> {
    (0..events)
        .map(|event| instant(start) + event * GAP_US)
        .collect()
}

#[test]
fn a_pause_of_the_gap_goes_on_and_a_microsecond_more_does_not() {
    let start = instant("2026-10-18T01:00:00Z");
    assert_eq!(
        at(
            Tz::Asia__Shanghai,
            &[start, start, start + GAP_US, start + 2 * GAP_US + 1]
        ),
        [true, false, false, true]
    );
}

#[test]
fn a_campaign_begins_a_session_when_it_changes() {
    let start = instant("2026-10-18T01:00:00Z");
    let events = [
        (start, Some("a")),
        (start + 1, Some("a")),
        (start + 2, None),
        (start + 3, Some("a")),
        (start + 4, Some("b")),
        (start + 4, Some("a")),
        // A pause forgets the campaign …
        (start + 5 + GAP_US, None),
        // … so any other is a change.
        (start + 6 + GAP_US, Some("a")),
        (start + 7 + 2 * GAP_US, Some("a")),
    ];
    let expected = [true, false, false, false, true, true, true, true, true];
    assert_eq!(begins(Tz::Asia__Shanghai, &events), expected);
}

#[test]
fn midnight_alone_cuts_nothing() {
    // 23:50 and 0:10 in Shanghai.
    let times = [
        instant("2026-10-18T15:50:00Z"),
        instant("2026-10-18T16:10:00Z"),
    ];
    assert_eq!(at(Tz::Asia__Shanghai, &times), [true, false]);
}

#[test]
fn cut_at_midnight_begins_a_session_with_the_first_event_of_each_local_day() {
    let rules = SessionRules {
        cut_at_midnight: true,
        ..RULES
    };
    // (zone, the last instant before a local midnight); New York on its days of 23 and 25 hours, Cairo
    // where the day begins at 01:00.
    for (zone, last) in [
        (Tz::UTC, "2026-10-17T23:59:59.999999Z"),
        (Tz::Asia__Shanghai, "2026-10-17T15:59:59.999999Z"),
        (Tz::America__New_York, "2026-03-08T04:59:59.999999Z"),
        (Tz::America__New_York, "2026-03-09T03:59:59.999999Z"),
        (Tz::America__New_York, "2026-11-01T03:59:59.999999Z"),
        (Tz::America__New_York, "2026-11-02T04:59:59.999999Z"),
        (Tz::Africa__Cairo, "2026-04-23T21:59:59.999999Z"),
    ] {
        let last = instant(last);
        let events = [
            (last - MINUTE_US, Some("a")),
            (last, None),
            // The day's first microsecond, then others of the day, a pause, and the next midnight: every
            // cut forgets the campaign, as a pause does.
            (last + 1, None),
            (last + 1, None),
            (last + 2, Some("a")),
            (last + 2 + GAP_US, Some("a")),
            (last + 3 + 2 * GAP_US, None),
        ];
        assert_eq!(
            begins_by(zone, rules, &events),
            [true, false, true, false, true, false, true],
            "{zone} {last}"
        );
        let uncut = [true, false, false, false, false, false, true];
        assert_eq!(begins(zone, &events), uncut, "{zone} {last}");
    }
    // The clock that goes back over 01:00 in New York shows 00:30 twice nowhere, but an hour twice: no
    // midnight lies in it.
    let times = ["2026-11-01T05:50:00Z", "2026-11-01T06:10:00Z"].map(|time| (instant(time), None));
    assert_eq!(
        begins_by(Tz::America__New_York, rules, &times),
        [true, false]
    );
}

#[test]
fn a_whole_day_without_pause_is_cut_at_the_next_midnight_of_the_zone() {
    // (zone, the instant its 2026-10-18 begins)
    for (zone, start) in [
        (Tz::UTC, "2026-10-18T00:00:00Z"),
        (Tz::Asia__Shanghai, "2026-10-17T16:00:00Z"),
        (Tz::Asia__Kolkata, "2026-10-17T18:30:00Z"),
        (Tz::America__New_York, "2026-10-18T04:00:00Z"),
    ] {
        // Three days and a bit; each day's first event begins a session.
        let expected: Vec<_> = (0..150).map(|event| event % 48 == 0).collect();
        assert_eq!(at(zone, &steadily(start, 150)), expected, "{zone}");
        // The same from 10 minutes into the day: its ends are within the gap too.
        let times: Vec<_> = steadily(start, 150)
            .iter()
            .map(|time_us| time_us + 10 * MINUTE_US)
            .collect();
        assert_eq!(at(zone, &times), expected, "{zone}");
        // From the day before at noon: that day began with a pause, so the first cut is a day later.
        let times: Vec<_> = steadily(start, 150)
            .iter()
            .map(|time_us| time_us - 24 * GAP_US)
            .collect();
        let expected: Vec<_> = (0..150)
            .map(|event| event == 0 || (event > 24 && (event - 24) % 48 == 0))
            .collect();
        assert_eq!(at(zone, &times), expected, "{zone}");
    }
}

#[test]
fn days_of_23_and_25_hours() {
    // New York goes forward on 2026-03-08 (46 half hours), back on 2026-11-01 (50 half hours).
    for (start, half_hours) in [("2026-03-08T05:00:00Z", 46), ("2026-11-01T04:00:00Z", 50)] {
        let expected: Vec<_> = (0..110)
            .map(|event| event == 0 || event == half_hours || event == half_hours + 48)
            .collect();
        assert_eq!(at(Tz::America__New_York, &steadily(start, 110)), expected);
    }
}

#[test]
fn a_pause_at_either_end_of_the_day_or_within_it_leaves_the_next_midnight_alone() {
    let start = instant("2026-10-17T16:00:00Z");
    let day = 48 * GAP_US;
    let begins_after = |times: Vec<i64>| {
        let begun = at(Tz::Asia__Shanghai, &times);
        times
            .iter()
            .zip(begun)
            .filter(|(_, begins)| *begins)
            .map(|(time_us, _)| (time_us - start) / MINUTE_US)
            .collect::<Vec<_>>()
    };
    let steady = |from: i64, to: i64| {
        (0..)
            .map(move |event| from + event * 20 * MINUTE_US)
            .take_while(move |time_us| *time_us <= to)
    };
    let evening_before = start - 10 * MINUTE_US;
    // Unbroken from the evening before: cut at midnight (1,440 minutes; first event 10 minutes later).
    assert_eq!(
        begins_after(steady(evening_before, start + day + 60 * MINUTE_US).collect()),
        [-10, 1_450]
    );
    // First event of the day 31 minutes in.
    assert_eq!(
        begins_after(steady(start + 31 * MINUTE_US, start + day + 60 * MINUTE_US).collect()),
        [31]
    );
    // A pause of 31 minutes at noon.
    let noon = start + day / 2;
    let times = steady(evening_before, noon)
        .chain(steady(noon + 41 * MINUTE_US, start + day + 60 * MINUTE_US));
    assert_eq!(begins_after(times.collect()), [-10, 761]);
    // Last event 31 minutes before the end: the pause itself begins the session.
    let times = steady(start, start + day - 31 * MINUTE_US).chain([start + day + 5 * MINUTE_US]);
    assert_eq!(begins_after(times.collect()), [0, 1_445]);
    // A day without events lies between.
    assert_eq!(
        begins_after(
            steady(start, start + day - 1)
                .chain([start + 2 * day])
                .collect()
        ),
        [0, 2_880]
    );
}

#[test]
fn time_does_not_run_backwards() {
    let mut boundary = SessionBoundary::new(Tz::UTC, RULES);
    assert_eq!(boundary.begins_session(5, None), Ok(true));
    assert_eq!(
        boundary.begins_session(4, None),
        Err(BoundaryError::Backwards)
    );
    let mut boundary = SessionBoundary::new(Tz::UTC, RULES);
    assert_eq!(
        boundary.begins_session(i64::MAX, None),
        Err(BoundaryError::OutsideCalendar)
    );
}

/// The rules from all events at once: for each event, pauses and changes before it, and for each local day
/// whether some stretch between its beginning, its events and its end is longer than the gap.
fn begins_from_all(zone: Tz, rules: SessionRules, events: &[(i64, Option<u8>)]) -> Vec<bool> {
    let gap_us = rules.gap_us;
    let date = |time_us: i64| zone.timestamp_micros(time_us).unwrap().date_naive();
    let starts = |date: NaiveDate| {
        (0..=180)
            .find_map(|minute| {
                zone.from_local_datetime(
                    &date
                        .and_hms_opt(0, 0, 0)?
                        .checked_add_signed(chrono::TimeDelta::minutes(minute))?,
                )
                .earliest()
            })
            .unwrap()
            .timestamp_micros()
    };
    let is_unbroken = |day: NaiveDate| {
        let mut marks: Vec<i64> = events
            .iter()
            .map(|event| event.0)
            .filter(|time_us| date(*time_us) == day)
            .collect();
        marks.extend([starts(day), starts(day.succ_opt().unwrap())]);
        marks.sort_unstable();
        marks.windows(2).all(|pair| pair[1] - pair[0] <= gap_us)
    };
    let mut begun: Vec<bool> = Vec::new();
    for (position, (time_us, campaign)) in events.iter().enumerate() {
        let by_time = position == 0 || {
            let before = events[position - 1].0;
            time_us - before > gap_us
                || (date(before) != date(*time_us)
                    && (rules.cut_at_midnight || is_unbroken(date(*time_us).pred_opt().unwrap())))
        };
        let session = begun.iter().rposition(|begins| *begins).unwrap_or(0);
        let current = events[session..position]
            .iter()
            .rev()
            .find_map(|event| event.1);
        begun.push(by_time || (campaign.is_some() && *campaign != current));
    }
    begun
}

/// Zones with and without daylight saving, days on which clocks change, and pauses in quarters of an hour
/// against a gap of six hours: days without pause are frequent.
fn drawn() -> impl Strategy<Value = (Tz, SessionRules, Vec<(i64, Option<u8>)>)> {
    (
        prop::sample::select(vec![
            Tz::UTC,
            Tz::Asia__Shanghai,
            Tz::America__New_York,
            Tz::Africa__Cairo,
        ]),
        prop::sample::select(vec![
            "2026-03-07T20:00:00Z",
            "2026-04-23T10:00:00Z",
            "2026-10-31T20:00:00Z",
        ]),
        any::<bool>(),
        prop::collection::vec((0i64..27, prop::option::weighted(0.1, 0u8..2)), 1..60),
    )
        .prop_map(|(zone, start, cut_at_midnight, pauses)| {
            let mut time_us = instant(start);
            let events = pauses
                .into_iter()
                .map(|(quarters, campaign)| {
                    time_us += quarters * 15 * MINUTE_US;
                    (time_us, campaign)
                })
                .collect();
            let gap_us = 6 * 60 * MINUTE_US;
            let rules = SessionRules {
                gap_us,
                cut_at_midnight,
            };
            (zone, rules, events)
        })
}

fn walked(zone: Tz, rules: SessionRules, events: &[(i64, Option<u8>)]) -> Vec<bool> {
    let mut boundary = SessionBoundary::new(zone, rules);
    events
        .iter()
        .map(|(time_us, campaign)| {
            let campaign = campaign.map(|campaign| campaign.to_string());
            boundary
                .begins_session(*time_us, campaign.as_deref())
                .unwrap()
        })
        .collect()
}

proptest! {
    #[test]
    fn the_same_as_from_all_events_at_once((zone, rules, events) in drawn()) {
        prop_assert_eq!(walked(zone, rules, &events), begins_from_all(zone, rules, &events));
    }

    /// What the models of sessions rest on: with the local day before in sight, and no more, a day's sessions
    /// begin where they begin with all events in sight.
    #[test]
    fn a_day_needs_the_day_before_and_no_more((zone, rules, events) in drawn()) {
        let date = |time_us: i64| zone.timestamp_micros(time_us).unwrap().date_naive();
        let of_all = walked(zone, rules, &events);
        let days: std::collections::BTreeSet<_> = events.iter().map(|event| date(event.0)).collect();
        for day in days {
            let is_seen = |time_us: i64| (day.pred_opt().unwrap()..=day).contains(&date(time_us));
            let from = events.iter().position(|event| is_seen(event.0)).unwrap();
            let to = events.iter().rposition(|event| is_seen(event.0)).unwrap();
            let seen = walked(zone, rules, &events[from..=to]);
            for position in from..=to {
                if date(events[position].0) == day {
                    prop_assert_eq!(seen[position - from], of_all[position]);
                }
            }
        }
    }
}

/// 40 users with events every 7 to 50 minutes, in the order of the canonical table.
fn events_table() -> MemTable {
    let mut rows: Vec<(i64, String, i64, String)> = Vec::new();
    for user in 0..40 {
        let mut time_us = instant("2026-10-17T15:00:00Z") + user;
        for event in 0..(user * 3 % 50 + 1) {
            time_us += ((user * 31 + event * 17) % 44 + 7) * MINUTE_US;
            rows.push((
                user * 7_919 % 101,
                format!("user-{user}"),
                time_us,
                format!("{user}-{event:03}"),
            ));
        }
    }
    rows.sort();
    let batches: Vec<_> = rows
        .chunks(33)
        .map(|rows| {
            RecordBatch::try_from_iter_with_nullable([
                (
                    "user_key",
                    Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)))
                        as ArrayRef,
                    false,
                ),
                (
                    "user_id",
                    Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.1))),
                    true,
                ),
                (
                    "event_time",
                    Arc::new(
                        TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.2))
                            .with_timezone("UTC"),
                    ),
                    false,
                ),
                (
                    "event_id",
                    Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.3))),
                    true,
                ),
            ])
            .unwrap()
        })
        .collect();
    MemTable::try_new(batches[0].schema(), vec![batches])
        .unwrap()
        .with_sort_order(vec![
            ["user_key", "user_id", "event_time", "event_id"]
                .map(|name| col(name).sort(true, true))
                .to_vec(),
        ])
}

const SESSIONS: &str = "select user_id, event_id, sessionize(user_id, event_time, event_id, interval '30 minutes')
    over (partition by user_key, user_id order by event_time nulls first, event_id nulls first) as session_id from events";

#[tokio::test]
async fn sorted_input_streams_and_agrees_with_shuffled_input() {
    let stream = context_with(
        SessionConfig::new()
            .with_target_partitions(1)
            .with_batch_size(16),
        Tz::Asia__Shanghai,
    );
    stream
        .register_table("events", Arc::new(events_table()))
        .unwrap();
    let plan = stream
        .sql(SESSIONS)
        .await
        .unwrap()
        .create_physical_plan()
        .await
        .unwrap();
    let plan = displayable(plan.as_ref()).indent(false).to_string();
    assert!(
        plan.contains("BoundedWindowAggExec") && !plan.contains("SortExec"),
        "{plan}"
    );
    let mut streamed = table_of(&stream, SESSIONS).await;

    let hashed = context_with(
        SessionConfig::new().with_target_partitions(3),
        Tz::Asia__Shanghai,
    );
    hashed
        .register_table("events", Arc::new(events_table()))
        .unwrap();
    let mut shuffled = table_of(
        &hashed,
        &SESSIONS.replace(
            "from events",
            "from (select * from events order by event_id desc) as e",
        ),
    )
    .await;
    // Beside a function that needs the whole partition, the engine evaluates all rows at once.
    let beside = SESSIONS.replace(
        "from events",
        ", percent_rank() over (partition by user_key, user_id order by event_time nulls first, event_id nulls first) from events",
    );
    let plan = hashed
        .sql(&beside)
        .await
        .unwrap()
        .create_physical_plan()
        .await
        .unwrap();
    let plan = displayable(plan.as_ref()).indent(false).to_string();
    assert!(!plan.contains("BoundedWindowAggExec"), "{plan}");
    let at_once = table_of(&hashed, &beside).await;
    let mut at_once: Vec<_> = at_once
        .iter()
        .map(|row| row.rsplit_once('|').unwrap().0.to_owned())
        .collect();
    streamed.sort();
    shuffled.sort();
    at_once.sort();
    assert_eq!(streamed, shuffled);
    assert_eq!(streamed, at_once);

    let mut expected = 0;
    let batches = stream
        .sql("select * from events")
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    let mut users: std::collections::BTreeMap<String, Vec<i64>> = std::collections::BTreeMap::new();
    for batch in &batches {
        use arrow::array::AsArray;
        let times = batch
            .column(2)
            .as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
        let ids = batch.column(1).as_string::<i32>();
        for row in 0..batch.num_rows() {
            users
                .entry(ids.value(row).to_owned())
                .or_default()
                .push(times.value(row));
        }
    }
    for times in users.values() {
        expected += begins_from_all(
            Tz::Asia__Shanghai,
            RULES,
            &times
                .iter()
                .map(|time_us| (*time_us, None))
                .collect::<Vec<_>>(),
        )
        .into_iter()
        .filter(|begins| *begins)
        .count();
    }
    let ids: std::collections::BTreeSet<_> = streamed
        .iter()
        .map(|row| row.rsplit('|').next().unwrap())
        .collect();
    assert_eq!(ids.len(), expected);
    assert!(expected > 100 && expected < streamed.len());
}

/// `rows` of (user, time, id, campaign) to session ids, in the order of time and id.
async fn sessions(call: &str, rows: &str) -> Vec<String> {
    let sql = format!(
        "select {call} over (partition by u order by t, id) from (values {rows}) as v(u, t, id, c) order by u nulls last, t, id"
    );
    table_of(&context_in(Tz::Asia__Shanghai), &sql).await
}

#[tokio::test]
async fn ids_nulls_and_campaigns_in_sql() {
    let rows = "('u', timestamp '2026-10-18 01:00:00', 'a', 'x'), ('u', timestamp '2026-10-18 01:00:00', 'b', null),
        ('u', timestamp '2026-10-18 01:10:00', 'c', 'y'), ('u', null, 'd', 'x'), ('u', timestamp '2026-10-18 03:00:00', null, null),
        ('v', timestamp '2026-10-18 01:00:00', 'a', 'x'), (null, timestamp '2026-10-18 01:00:00', 'a', 'x')";
    let plain = sessions("sessionize(u, t, id, interval '30 minutes')", rows).await;
    assert_eq!(plain.len(), 7);
    assert!(plain[0] == plain[1] && plain[1] == plain[2], "{plain:?}");
    assert!(plain[3] != plain[0] && plain[3].len() == 32);
    assert_eq!(plain[4], "NULL");
    assert!(plain[5] != plain[0]);
    assert_eq!(plain[6], "NULL");
    let campaigns = sessions("sessionize(u, t, id, interval '30 minutes', c)", rows).await;
    assert_eq!(campaigns[0], plain[0]);
    assert_eq!(campaigns[1], plain[0]);
    assert_ne!(campaigns[2], plain[0]);
    assert_eq!(campaigns[3], plain[3]);
    // Strings of any kind and integers give the same ids where they read the same.
    for kind in ["Utf8View", "LargeUtf8", "Utf8"] {
        let call = format!(
            "sessionize(arrow_cast(u, '{kind}'), arrow_cast(t, 'Timestamp(ms, \"UTC\")'), arrow_cast(id, '{kind}'), interval '30 minutes', arrow_cast(c, '{kind}'))"
        );
        assert_eq!(sessions(&call, rows).await, campaigns, "{kind}");
    }
    let numbers =
        "(1, timestamp '2026-10-18 01:00:00', 7, 3), (1, timestamp '2026-10-18 01:10:00', 8, 4)";
    let texts = "('1', timestamp '2026-10-18 01:00:00', '7', '3'), ('1', timestamp '2026-10-18 01:10:00', '8', '4')";
    let call = "sessionize(u, t, id, interval '30 minutes', c)";
    assert_eq!(sessions(call, numbers).await, sessions(call, texts).await);
    assert_eq!(
        sessions(
            "sessionize(u, t, null, interval '30 minutes', null)",
            numbers
        )
        .await
        .len(),
        2
    );
}

#[tokio::test]
async fn midnight_in_sql() {
    // 23:50, 00:10 and 00:15 in Shanghai.
    let rows = "('u', timestamp '2026-10-18 15:50:00', 'a', 'x'), ('u', timestamp '2026-10-18 16:10:00', 'b', 'x'),
        ('u', timestamp '2026-10-18 16:15:00', 'c', null)";
    let ids = |call: &'static str| async move { sessions(call, rows).await };
    let uncut = ids("sessionize(u, t, id, interval '30 minutes', c, false)").await;
    assert!(uncut[0] == uncut[1] && uncut[1] == uncut[2], "{uncut:?}");
    assert_eq!(
        uncut,
        ids("sessionize(u, t, id, interval '30 minutes', c)").await
    );
    let cut = ids("sessionize(u, t, id, interval '30 minutes', c, true)").await;
    assert!(
        cut[0] == uncut[0] && cut[1] != cut[0] && cut[2] == cut[1],
        "{cut:?}"
    );
    assert_eq!(
        cut,
        ids("sessionize(u, t, id, interval '30 minutes', null, true)").await
    );
}

#[tokio::test]
async fn wrong_arguments_are_told() {
    let ctx = context_in(Tz::Asia__Shanghai);
    let rows = "from (values ('u', timestamp '2026-10-18 01:00:00', 'a', 1), ('v', timestamp '2026-10-18 02:00:00', 'a', 2)) as v(u, t, id, n)";
    let over = "over (partition by u order by t)";
    for (call, told) in [
        (
            format!("sessionize(u, t, id) {over}"),
            "takes 4 to 6 arguments, got 3",
        ),
        (
            format!("sessionize(u, t, id, interval '1 hour', id, true, id) {over}"),
            "takes 4 to 6 arguments, got 7",
        ),
        (
            format!("sessionize(u, t, id, interval '1 hour', id, 'yes') {over}"),
            "cut_at_midnight must be true or false",
        ),
        (
            format!("sessionize(u, t, id, interval '1 hour', id, n > 1) {over}"),
            "cut_at_midnight must be a constant",
        ),
        (
            format!("sessionize(u, t, id, interval '1 hour', id, cast(null as boolean)) {over}"),
            "cut_at_midnight must not be null",
        ),
        (
            format!("sessionize(u, id, id, interval '1 hour') {over}"),
            "event_time must be a timestamp",
        ),
        (
            format!("sessionize(u, t, id, 30) {over}"),
            "gap must be an INTERVAL",
        ),
        (
            format!("sessionize(u, t, id, interval '1 month') {over}"),
            "must not hold months or years",
        ),
        (
            format!("sessionize(u, t, id, interval '0 seconds') {over}"),
            "more than nothing and at most 12 hours",
        ),
        (
            format!("sessionize(u, t, id, interval '12 hours 1 second') {over}"),
            "more than nothing and at most 12 hours",
        ),
        (format!("sessionize(u, t, id, t - t) {over}"), "gap must be"),
        (
            format!("sessionize(t, t, id, interval '1 hour') {over}"),
            "user_id must be a string or an integer",
        ),
        (
            "sessionize(u, t, id, interval '1 hour') over (order by t)".to_owned(),
            "one partition holds two users",
        ),
        (
            "sessionize('u', t, id, interval '1 hour') over (order by t desc)".to_owned(),
            "a time follows a later one",
        ),
    ] {
        let error = error_of(&ctx, &format!("select {call} {rows}")).await;
        assert!(error.contains(told), "{call}: {error}");
    }
    let gap_of_a_column = "select sessionize(u, t, id, g) over (partition by u order by t)
        from (values ('u', timestamp '2026-10-18 01:00:00', 'a', interval '1 hour')) as v(u, t, id, g)";
    let error = error_of(&ctx, gap_of_a_column).await;
    assert!(error.contains("gap must be a constant"), "{error}");
}
