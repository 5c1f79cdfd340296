//! The first pages of sessions, and what converters take.

use chrono_tz::Tz;
use serde_json::json;

use super::Shop;

/// Sessions of users of their own: how many, of them converted, and their pages.
const VISITS: [(u32, u32, &[&str]); 6] = [
    (25, 6, &["home", "product"]),
    // A repeat at once counts once: the same path.
    (5, 0, &["home", "home", "product", "product"]),
    // A page that comes again later counts again.
    (20, 15, &["home", "product", "home"]),
    // Of seven pages the first six.
    (
        20,
        20,
        &[
            "home",
            "category",
            "product",
            "cart",
            "coupon",
            "checkout",
            "pay_result",
        ],
    ),
    // Rare.
    (9, 0, &["search"]),
    (1, 1, &["a", "b", "c", "d", "e", "f"]),
];

#[tokio::test]
async fn paths_by_hand() {
    let mut shop = Shop::new(Tz::Asia__Shanghai);
    for (kind, (sessions, converted, pages)) in VISITS.iter().enumerate() {
        for session in 0..*sessions {
            let user = format!("u{kind}-{session}");
            for (minute, page) in pages.iter().enumerate() {
                shop.view(&format!("2026-11-20 10:{minute:02}:00"), &user, page);
            }
            if session < *converted {
                let pay = if session % 2 == 0 {
                    "pay"
                } else {
                    "course_pay"
                };
                shop.event(
                    "2026-11-20 10:20:00",
                    Some(&user),
                    pay,
                    json!({"amount": "1.00"}),
                );
            }
        }
    }
    // A session without pages is on no path.
    shop.event(
        "2026-11-20 12:00:00",
        Some("nowhere"),
        "pay",
        json!({"amount": "1.00"}),
    );
    shop.night("2026-11-21 03:00").await;
    let found = shop.table(
        "top_paths",
        "2026-11-20",
        "path length sessions converted_sessions share conversion_rate share_of_converted share_of_others lift",
    );
    // 80 sessions, 42 of them converted.
    let line = |path: &str, length: &str, sessions: f64, converted: f64, has_lift: bool| {
        let of_converted = converted / 42.0;
        let of_others = (sessions - converted) / 38.0;
        let lift = match has_lift {
            true => format!("{:?}", converted * 38.0 / (42.0 * (sessions - converted))),
            false => "-".to_string(),
        };
        format!(
            "{path} {length} {sessions} {converted} {:?} {:?} {of_converted:?} {of_others:?} {lift}",
            sessions / 80.0,
            converted / sessions
        )
    };
    assert_eq!(
        found,
        [
            line("(other)", "-", 10.0, 1.0, true),
            line(
                "home › category › product › cart › coupon › checkout",
                "6",
                20.0,
                20.0,
                false
            ),
            line("home › product", "2", 30.0, 6.0, true),
            line("home › product › home", "3", 20.0, 15.0, true),
        ]
    );
    // 6/42 of the converted took it, and 24/38 of the others.
    assert!(found[2].ends_with(" 0.2261904761904762"), "{}", found[2]);
    assert!(found[3].ends_with(" 2.7142857142857144"), "{}", found[3]);
}
