//! Taps on the grid and by element.

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::Shop;

#[tokio::test]
async fn taps_by_hand() {
    let mut shop = Shop::new(Tz::Asia__Shanghai);
    let mut tap =
        |user: Option<&str>, page: &str, element: Option<&str>, place: [Option<i64>; 4]| {
            let [x, y, screen_width, page_height] = place;
            let more: Value = json!({"page": page, "element": element, "x": x, "y": y,
            "screen_width": screen_width, "page_height": page_height});
            shop.event("2026-11-20 10:00:00", user, "tap", more);
        };
    let at = |x: i64, y: i64, width: i64| [Some(x), Some(y), Some(width), Some(2400)];
    // A bin of 30 × 100 px on a screen of 360 px and a page of 2,400.
    tap(Some("u1"), "home", Some("banner"), at(0, 0, 360));
    tap(Some("u1"), "home", Some("banner"), at(29, 99, 360));
    tap(Some("u2"), "home", Some("banner"), at(30, 100, 360));
    tap(Some("u2"), "home", None, at(359, 2399, 360));
    // Outside: the nearest bin.
    tap(Some("u3"), "home", Some(""), at(360, 2400, 360));
    tap(Some("u3"), "home", Some("banner"), at(-5, -1, 360));
    tap(
        Some("u3"),
        "home",
        Some("banner"),
        at(i64::MAX, i64::MIN, 360),
    );
    // Classes by width.
    tap(Some("u1"), "item", Some("buy"), at(373, 0, 374));
    tap(Some("u1"), "item", Some("buy"), at(0, 0, 375));
    tap(Some("u1"), "item", Some("buy"), at(428, 0, 429));
    tap(Some("u1"), "item", Some("buy"), at(215, 1200, 430));
    // No place: no height, height 0, no width, no x.
    tap(
        Some("u1"),
        "item",
        Some("buy"),
        [Some(1), Some(1), Some(430), None],
    );
    tap(
        Some("u1"),
        "item",
        Some("buy"),
        [Some(1), Some(1), Some(430), Some(0)],
    );
    tap(
        Some("u1"),
        "item",
        Some("buy"),
        [Some(1), Some(1), None, Some(2400)],
    );
    tap(
        Some("u1"),
        "item",
        Some("buy"),
        [None, Some(1), Some(430), Some(2400)],
    );
    tap(
        Some("u1"),
        "item",
        Some("buy"),
        [Some(1), Some(1), Some(i64::MAX), Some(2400)],
    );
    // Nobody's.
    tap(None, "home", Some("banner"), at(0, 0, 360));
    shop.night("2026-11-21 03:00").await;
    let date = "2026-11-20";
    assert_eq!(
        shop.table(
            "tap_heat",
            date,
            "page screen_class grid_x grid_y taps users"
        ),
        [
            // (0, 0), (29, 99) and what lies above and to the left.
            "home compact 0 0 3 2",
            "home compact 1 1 1 1",
            "home compact 11 0 1 1",
            "home compact 11 23 2 2",
            "item compact 11 0 1 1",
            "item regular 0 0 1 1",
            "item regular 11 0 1 1",
            "item wide 6 12 1 1",
        ]
    );
    assert_eq!(
        shop.table(
            "tap_elements",
            date,
            "page screen_class element taps placed_taps users share"
        ),
        [
            "home compact (none) 2 2 2 0.2857142857142857",
            "home compact banner 5 5 3 0.7142857142857143",
            "item (none) buy 1 0 1 1.0",
            "item compact buy 1 1 1 1.0",
            "item regular buy 2 2 1 1.0",
            "item wide buy 5 1 1 1.0",
        ]
    );
}
