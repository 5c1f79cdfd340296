//! A declared funnel with everything it may say, on a chain of two sources, worked by hand.

use crate::support::{Folder, Row, differing, night, project_file};

const PIPELINE: &str = r#"sources:
  events:
    from: raw/events/
    layout: "{date}.ndjson"
    format: ndjson
    time: {field: ts, format: iso}
    id: id
    user: user
    columns: {event: string, platform: string, channel: string}
    quarantine: {at_most: 1%}
  orders:
    from: raw/orders/
    layout: "{date}.ndjson"
    format: ndjson
    time: {field: paid_at, format: iso}
    id: order
    user: buyer
    columns: {event: string, channel: string, amount: "decimal(12,2)"}
    quarantine: {at_most: 1%}
funnels:
  chain:
    on: int_chain
    window: 1h
    steps:
      - {name: view, when: "event = 'view'"}
      - {name: cart, when: "event = 'cart'", optional: true}
      - name: pay
        when: "event = 'order_paid'"
        golden: 40%
        fields:
          - {name: card, when: "event = 'card'"}
    exclude: [{when: "event = 'refund'"}]
    value: amount
    by:
      - platform
      - {columns: [channel], at: last, at_least: 2}
      - {columns: [platform], at: each}
      - {columns: [tier], segments: tiers}
"#;

const MODELS: [(&str, &str); 4] = [
    (
        "sql/intermediate/int_chain.sql",
        "select date, event_time, user_id, event, platform, channel, cast(null as decimal(12, 2)) as amount\n\
         from events where date between $start and $end\n\
         union all\n\
         select date, event_time, user_id, event, cast(null as varchar) as platform, channel, amount\n\
         from orders where date between $start and $end",
    ),
    (
        "sql/intermediate/int_chain.yaml",
        "build: view\ngrain: one row per event or order\nkey: [date, user_id, event_time, event]\ncolumns:\n  \
         date: {type: date}\n  event_time: {type: timestamp}\n  user_id: {type: string}\n  event: {type: string}\n  \
         platform: {type: string}\n  channel: {type: string}\n  amount: {type: \"decimal(12,2)\"}\n",
    ),
    (
        "sql/intermediate/tiers.sql",
        "select date, user_id, 'gold' as tier from events\n\
         where date between $start and $end and user_id in ('u1', 'u4') group by date, user_id",
    ),
    (
        "sql/intermediate/tiers.yaml",
        "build: by_date\ngrain: one row per day and user of a tier\nkey: [date, user_id]\ncolumns:\n  \
         date: {type: date}\n  user_id: {type: string}\n  tier: {type: string}\n",
    ),
];

/// Local times of 20 and 21 November; u3 pays after midnight.
const EVENTS: &str = r#"{"id":"1","ts":"2026-11-20 09:00:00","user":"u1","event":"view","platform":"ios","channel":"ads"}
{"id":"2","ts":"2026-11-20 09:10:00","user":"u1","event":"cart","platform":"ios","channel":"ads"}
{"id":"3","ts":"2026-11-20 10:00:00","user":"u2","event":"view","platform":"android","channel":"ads"}
{"id":"4","ts":"2026-11-20 10:05:00","user":"u2","event":"search","platform":"android","channel":"ads"}
{"id":"5","ts":"2026-11-20 23:50:00","user":"u3","event":"view","platform":"ios","channel":"feed"}
{"id":"6","ts":"2026-11-20 23:55:00","user":"u3","event":"card","platform":"ios","channel":"feed"}
{"id":"7","ts":"2026-11-20 11:00:00","user":"u4","event":"view","platform":"ios","channel":"feed"}
{"id":"8","ts":"2026-11-20 11:02:00","user":"u4","event":"card","platform":"ios","channel":"feed"}
{"id":"9","ts":"2026-11-20 11:05:00","user":"u4","event":"refund","platform":"ios","channel":"feed"}
"#;

fn project() -> Folder {
    let project = project_file("Asia/Shanghai");
    let folder = Folder::new(&[
        ("pipelines/_project.yaml", project.as_str()),
        ("pipelines/small.yaml", PIPELINE),
        ("raw/events/2026-11-20.ndjson", EVENTS),
        (
            "raw/orders/2026-11-20.ndjson",
            "{\"order\":\"a\",\"event\":\"order_paid\",\"paid_at\":\"2026-11-20 09:30:00\",\"buyer\":\"u1\",\"channel\":\"wallet\",\"amount\":\"10.00\"}\n",
        ),
        (
            "raw/orders/2026-11-21.ndjson",
            "{\"order\":\"b\",\"event\":\"order_paid\",\"paid_at\":\"2026-11-21 00:10:00\",\"buyer\":\"u3\",\"channel\":\"wallet\",\"amount\":\"5.50\"}\n",
        ),
    ]);
    for (path, text) in MODELS {
        folder.write(path, text);
    }
    folder
}

/// Rows as `a b c`, nulls as `-`, in the order of the table.
fn lines(rows: &[Row], columns: &str, keep: impl Fn(&Row) -> bool) -> Vec<String> {
    let line = |row: &Row| {
        columns
            .split_whitespace()
            .map(|column| row[column].clone().unwrap_or_else(|| "-".to_string()))
            .collect::<Vec<_>>()
            .join(" ")
    };
    rows.iter().filter(|row| keep(row)).map(line).collect()
}

fn is(row: &Row, breakdown: &str, basis: &str) -> bool {
    row["breakdown"].as_deref() == Some(breakdown) && row["basis"].as_deref() == Some(basis)
}

#[tokio::test]
async fn everything_a_funnel_may_say() {
    let folder = project();
    // The window of the 20th ends on the 21st, which is not over.
    folder
        .run_well(night("2026-11-21T02:30:00+08:00").of("2026-11-20", "2026-11-20"))
        .await;
    let day = "2026-11-20";
    let steps = folder.rows("funnel_steps", day);
    let due = lines(&steps, "step entrants reached is_mature", |row| {
        is(row, "overall", "mature")
    });
    assert_eq!(due, ["view 4 - false", "cart 4 - false", "pay 4 - false"]);
    let ends = folder.rows("funnel_ends", day);
    let open = lines(&ends, "step end_state next_event entities", |row| {
        is(row, "overall", "mature")
    });
    assert_eq!(
        open,
        [
            "view elsewhere search 1",
            "view excluded (none) 1",
            "view open (none) 1",
            "pay converted (none) 1"
        ]
    );

    folder
        .run_well(night("2026-11-22T02:30:00+08:00").of("2026-11-20", "2026-11-21"))
        .await;
    let steps = folder.rows("funnel_steps", day);
    let columns = "step_no step entrants reached previous_reached step_rate overall_rate median_us median_from_entry_us golden_rate is_optional";
    let of = |breakdown: &'static str, basis: &'static str| {
        lines(&steps, columns, |row| is(row, breakdown, basis))
    };
    assert_eq!(
        of("overall", "same_day"),
        [
            "1 view 4 4 - - 1.0 - - - false",
            "2 cart 4 1 4 0.25 0.25 600000000.0 600000000.0 - true",
            "3 pay 4 1 4 0.25 0.25 1800000000.0 1800000000.0 0.4 false",
        ]
    );
    // u1 after 30 minutes, u3 after 20: the median lies between.
    assert_eq!(
        of("overall", "mature")[2],
        "3 pay 4 2 4 0.5 0.5 1500000000.0 1500000000.0 0.4 false"
    );
    let reached = |breakdown: &'static str, basis: &'static str| {
        lines(&steps, "segment step entrants reached", |row| {
            is(row, breakdown, basis) && row["step"].as_deref() != Some("cart")
        })
    };
    assert_eq!(
        reached("platform", "mature"),
        [
            "android view 1 1",
            "android pay 1 0",
            "ios view 3 3",
            "ios pay 3 2"
        ]
    );
    // By the channel of the furthest step, u3's last event of the day is the view; wallet has one entrant
    // on the same-day basis and is put together with the others that have fewer than two.
    assert_eq!(
        reached("channel@last", "same_day"),
        [
            "(other) view 2 2",
            "(other) pay 2 1",
            "feed view 2 2",
            "feed pay 2 0"
        ]
    );
    // Orders have no platform: the funnel of each platform's own events has none.
    assert_eq!(
        reached("platform@each", "mature"),
        [
            "android view 1 1",
            "android pay 1 0",
            "ios view 3 3",
            "ios pay 3 0"
        ]
    );
    assert_eq!(
        reached("tier", "mature"),
        [
            "(none) view 2 2",
            "(none) pay 2 1",
            "gold view 2 2",
            "gold pay 2 1"
        ]
    );

    let ends = folder.rows("funnel_ends", day);
    let ended = |basis: &'static str| {
        lines(
            &ends,
            "step end_state next_event entities entrants",
            |row| is(row, "overall", basis),
        )
    };
    assert_eq!(
        ended("same_day"),
        [
            "view elsewhere search 1 4",
            "view excluded (none) 1 4",
            "view gone (none) 1 4",
            "pay converted (none) 1 4"
        ]
    );
    assert_eq!(
        ended("mature"),
        [
            "view elsewhere search 1 4",
            "view excluded (none) 1 4",
            "pay converted (none) 2 4"
        ]
    );

    let fields = folder.rows("funnel_fields", day);
    let fields = |basis: &'static str| {
        lines(
            &fields,
            "step field started reached left_here leave_rate",
            |row| is(row, "overall", basis),
        )
    };
    assert_eq!(fields("same_day"), ["pay card 4 2 2 1.0"]);
    assert_eq!(fields("mature"), ["pay card 4 2 1 0.5"]);

    let leverage = folder.rows("funnel_leverage", day);
    let columns = "basis step revenue point_revenue percent_revenue elasticity";
    assert_eq!(
        lines(&leverage, columns, |_| true),
        // 15.5 × 0.01 / 0.5, and 10 × 0.01 / 0.25.
        [
            "mature pay 15.500000 0.31 0.155 -",
            "same_day pay 10.000000 0.4 0.1 -"
        ]
    );

    // A day is built again only while its window is open.
    let again = folder
        .run_well(night("2026-11-23T02:30:00+08:00").of("2026-11-20", "2026-11-22"))
        .await;
    let built = again.steps.iter().find(|step| step.name == "funnel_totals");
    assert_eq!(
        built
            .unwrap()
            .dates
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["2026-11-21", "2026-11-22"]
    );

    // The view that the funnel runs on is asked for the days of the window, too: the range of a run
    // changes no byte.
    let before = folder.tables();
    folder
        .run_well(
            night("2026-11-23T02:30:00+08:00")
                .of("2026-11-20", "2026-11-20")
                .full_refresh(),
        )
        .await;
    assert_eq!(differing(&before, &folder.tables()), Vec::<String>::new());
}
