//! Where sessions begin, by the rules written in `int_session_events`; who stays out of them.

use chrono_tz::Tz;
use serde_json::json;

use super::Shop;

const CALL: &str =
    "sessionize(user_id, event_time, event_id, interval '30 minutes', nullif(channel, ''))";

fn sessions(shop: &Shop, date: &str) -> Vec<String> {
    let mut rows = shop.table(
        "int_sessions",
        date,
        "start_time end_time user_id channel events entry_page exit_page",
    );
    rows.sort();
    rows
}

#[tokio::test]
async fn another_channel_begins_a_session() {
    let mut shop = Shop::new(Tz::Asia__Shanghai);
    for (time, page, channel) in [
        ("10:00", "home", Some("ads")),
        ("10:05", "product", Some("ads")),
        // What has no channel belongs to the one before, be it null or empty.
        ("10:06", "cart", None),
        ("10:07", "coupon", Some("")),
        ("10:10", "home", Some("search")),
        ("10:20", "product", Some("search")),
        // After a pause, the same channel.
        ("10:51", "home", Some("search")),
    ] {
        let more = json!({"page": page, "channel": channel});
        shop.event(
            &format!("2026-11-20 {time}:00"),
            Some("u"),
            "page_view",
            more,
        );
    }
    shop.night("2026-11-21 03:00").await;
    assert_eq!(
        sessions(&shop, "2026-11-20"),
        [
            "20.10:00 20.10:07 u ads 4 home coupon",
            "20.10:10 20.10:20 u search 2 home product",
            "20.10:51 20.10:51 u search 1 home home",
        ]
    );
    assert_eq!(
        shop.table(
            "page_daily",
            "2026-11-20",
            "page views visitors entries exits"
        ),
        [
            "cart 1 1 0 0",
            "coupon 1 1 0 1",
            "home 3 1 3 1",
            "product 2 1 0 1",
        ]
    );
    // Another rule in the one place where it is written: no campaigns.
    shop.folder.edit(
        "sql/intermediate/int_session_events.sql",
        CALL,
        "sessionize(user_id, event_time, event_id, interval '30 minutes')",
    );
    shop.folder
        .remove("warehouse/int_sessions/dt=2026-11-20/data.parquet");
    shop.night("2026-11-21 03:00").await;
    assert_eq!(
        sessions(&shop, "2026-11-20"),
        [
            "20.10:00 20.10:20 u ads 6 home product",
            "20.10:51 20.10:51 u search 1 home home",
        ]
    );
}

/// Over midnights before and after the days of 25 hours (New York, 1 November) and in zones without them.
#[tokio::test]
async fn midnight_cuts_where_it_is_asked_to() {
    for zone in [Tz::UTC, Tz::Asia__Shanghai, Tz::America__New_York] {
        for is_cut in [false, true] {
            let mut shop = Shop::new(zone);
            if is_cut {
                shop.folder.edit(
                    "sql/intermediate/int_session_events.sql",
                    CALL,
                    "sessionize(user_id, event_time, event_id, interval '30 minutes', channel, true)",
                );
            }
            for (time, page) in [
                ("10-31 23:50:00", "home"),
                ("11-01 00:10:00", "product"),
                ("11-01 00:20:00", "cart"),
                ("11-01 23:59:00", "home"),
                ("11-02 00:00:00", "coupon"),
            ] {
                shop.view(&format!("2026-{time}"), "u", page);
            }
            shop.night("2026-11-03 03:00").await;
            let found =
                ["2026-10-31", "2026-11-01", "2026-11-02"].map(|date| sessions(&shop, date));
            let none: [&str; 0] = [];
            if is_cut {
                assert_eq!(found[0], ["31.23:50 31.23:50 u - 1 home home"], "{zone}");
                assert_eq!(
                    found[1],
                    [
                        "01.00:10 01.00:20 u - 2 product cart",
                        "01.23:59 01.23:59 u - 1 home home",
                    ],
                    "{zone}"
                );
                assert_eq!(
                    found[2],
                    ["02.00:00 02.00:00 u - 1 coupon coupon"],
                    "{zone}"
                );
            } else {
                assert_eq!(found[0], ["31.23:50 01.00:20 u - 3 home cart"], "{zone}");
                assert_eq!(found[1], ["01.23:59 02.00:00 u - 2 home coupon"], "{zone}");
                assert_eq!(found[2], none, "{zone}");
            }
        }
    }
}

#[tokio::test]
async fn single_page_mode_stands_apart() {
    let mut shop = Shop::new(Tz::Asia__Shanghai);
    let date = "2026-11-20";
    let page = |page: &str, scene: i64| json!({"page": page, "scene": scene, "platform": "ios"});
    shop.event(
        "2026-11-20 10:00:00",
        Some("u"),
        "page_view",
        page("home", 1011),
    );
    // A scene and no user, a user and that scene: neither is single-page mode.
    shop.event("2026-11-20 10:01:00", None, "page_view", page("home", 1011));
    shop.event(
        "2026-11-20 10:02:00",
        Some("u"),
        "page_view",
        page("cart", 1154),
    );
    shop.event(
        "2026-11-20 10:03:00",
        None,
        "page_view",
        json!({"page": "home"}),
    );
    for time in ["10:04:00", "10:05:00"] {
        shop.event(
            &format!("2026-11-20 {time}"),
            None,
            "page_view",
            page("product", 1154),
        );
    }
    shop.event("2026-11-20 10:06:00", None, "page_view", page("", 1154));
    // Something else than a view, and only in single-page mode: a platform of its own.
    let more = json!({"page": "product", "scene": 1154, "platform": "web"});
    shop.event("2026-11-20 10:07:00", None, "exposure", more);
    shop.night("2026-11-21 03:00").await;
    assert_eq!(
        shop.table("single_page_daily", date, "page page_views"),
        ["(none) 1", "product 2"]
    );
    assert_eq!(
        shop.table(
            "daily_core",
            date,
            "platform visitors sessions page_views exposed"
        ),
        ["(none) 0 0 1 0", "all 1 1 4 0", "ios 1 1 3 0"]
    );
    assert_eq!(
        shop.table("page_daily", date, "page views visitors"),
        ["cart 1 1", "home 1 1"]
    );
    assert_eq!(shop.table("user_days", date, "user_id events"), ["u 2"]);
    assert_eq!(shop.table("int_sessions", date, "user_id events"), ["u 2"]);
    assert_eq!(
        shop.table("traffic_quality", date, "channel visitors"),
        ["(none) 1"]
    );
}
