//! How deep pages are seen.

use chrono_tz::Tz;
use serde_json::json;

use super::Shop;

fn scroll(shop: &mut Shop, time: &str, user: &str, page: &str, scroll_pct: Option<i64>) {
    let more = json!({"page": page, "scroll_pct": scroll_pct});
    shop.event(time, Some(user), "scroll", more);
}

/// Six views of the product page, which go 70, 0, 100, 38, 0 and 50 percent deep; the cart tells nothing.
fn written() -> Shop {
    let mut shop = Shop::new(Tz::Asia__Shanghai);
    let day = |time: &str| format!("2026-11-20 {time}");
    shop.view(&day("10:00:00"), "u1", "product");
    scroll(&mut shop, &day("10:00:30"), "u1", "product", Some(20));
    scroll(&mut shop, &day("10:01:00"), "u1", "product", Some(45));
    shop.view(&day("10:02:00"), "u1", "cart");
    // Sent on leaving, when the next page is open already.
    scroll(&mut shop, &day("10:02:01"), "u1", "product", Some(70));
    // The same page again: a view of its own, not scrolled.
    shop.view(&day("10:05:00"), "u1", "product");
    // More than there is.
    shop.view(&day("11:00:00"), "u2", "product");
    scroll(&mut shop, &day("11:00:01"), "u2", "product", Some(120));
    // Just to the upper edge of a block; later events tell less.
    shop.view(&day("12:00:00"), "u3", "product");
    scroll(&mut shop, &day("12:00:01"), "u3", "product", Some(38));
    scroll(&mut shop, &day("12:00:02"), "u3", "product", Some(-7));
    // Before any view, of another page, without a share: nothing.
    scroll(&mut shop, &day("13:00:00"), "u4", "product", Some(90));
    shop.view(&day("13:00:01"), "u4", "product");
    scroll(&mut shop, &day("13:00:02"), "u4", "home", Some(90));
    scroll(&mut shop, &day("13:00:03"), "u4", "product", None);
    // Over midnight: the day the session begins on.
    shop.view(&day("23:55:00"), "u5", "product");
    scroll(&mut shop, "2026-11-21 00:03:00", "u5", "product", Some(50));
    shop
}

#[tokio::test]
async fn depths_by_hand() {
    let shop = written();
    shop.night("2026-11-22 03:00").await;
    let date = "2026-11-20";
    assert_eq!(
        shop.table(
            "int_scroll_depths",
            date,
            "page depth_pct views scrolled_views"
        ),
        [
            "cart 0 1 0",
            "product 0 2 0",
            "product 38 1 1",
            "product 50 1 1",
            "product 70 1 1",
            "product 100 1 1",
        ]
    );
    let expected: Vec<String> = [
        (0, 6, "1.0"),
        (10, 4, "0.6666666666666666"),
        (20, 4, "0.6666666666666666"),
        (30, 4, "0.6666666666666666"),
        (40, 3, "0.5"),
        (50, 3, "0.5"),
        (60, 2, "0.3333333333333333"),
        (70, 2, "0.3333333333333333"),
        (80, 1, "0.16666666666666666"),
        (90, 1, "0.16666666666666666"),
        (100, 1, "0.16666666666666666"),
    ]
    .map(|(scroll_pct, reaching, share)| format!("product {scroll_pct} {reaching} 6 4 {share}"))
    .into();
    let columns = "page scroll_pct views_reaching views scrolled_views share";
    assert_eq!(shop.table("scroll_depth", date, columns), expected);
    assert_eq!(
        shop.table(
            "scroll_blocks",
            date,
            "page block_no block from_pct to_pct views reached reached_share"
        ),
        [
            "product 1 gallery 0 20 6 6 1.0",
            "product 2 price 20 30 6 4 0.6666666666666666",
            "product 3 coupon 30 38 6 4 0.6666666666666666",
            "product 4 specification 38 62 6 4 0.6666666666666666",
            "product 5 reviews 62 82 6 2 0.3333333333333333",
            "product 6 recommend 82 100 6 1 0.16666666666666666",
        ]
    );
    let none: [&str; 0] = [];
    assert_eq!(shop.table("scroll_depth", "2026-11-21", columns), none);
}

/// An outline that contradicts itself publishes nothing, and the check says why.
#[tokio::test]
async fn a_wrong_outline_is_told() {
    let shop = written();
    let outline = "sql/intermediate/int_page_blocks.sql";
    shop.folder
        .edit(outline, "'price', 20, 30", "'price', 15, 30");
    for (path, lines) in &shop.lines {
        shop.folder.write(path, lines);
    }
    let night = crate::support::night("2026-11-22T03:00:00+08:00");
    let results = shop.folder.run(night).await;
    let step = crate::support::step(&results, "scroll_blocks");
    assert_eq!(step.status, loudou::run::results::Status::Failed);
    assert!(
        step.why.contains("blocks_lie_below_each_other"),
        "{}",
        step.why
    );
    assert!(
        !shop
            .folder
            .partition("scroll_blocks", "2026-11-20")
            .exists()
    );
}
