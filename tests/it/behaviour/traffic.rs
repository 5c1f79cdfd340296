//! What visitors are worth, and what a marked date changed.

use chrono_tz::Tz;
use loudou::run::results::Status::{Done, Unchanged};
use loudou::table::restatement::ChangeKind;
use serde_json::json;

use super::Shop;
use crate::support::step;

const MARKS: &str = "sql/intermediate/int_marked_dates.sql";

/// Visitors of a channel on a day of November, the first ones of them effective.
fn visitors(shop: &mut Shop, day: u32, channel: Option<&str>, visitors: u32, effective: u32) {
    for visitor in 0..visitors {
        let user = format!("{day} {} {visitor}", channel.unwrap_or("-"));
        let time = format!("2026-11-{day} 10:00:00");
        shop.event(
            &time,
            Some(&user),
            "page_view",
            json!({"page": "home", "channel": channel}),
        );
        if visitor < effective {
            let time = format!("2026-11-{day} 10:01:00");
            // What comes later in the day by another channel does not move the visitor.
            shop.event(
                &time,
                Some(&user),
                "article_open",
                json!({"channel": "later"}),
            );
        }
    }
}

fn spend(shop: &Shop, day: u32, rows: &[(&str, &str)]) {
    let mut text = "channel,campaign,impressions,clicks,spend\n".to_string();
    for (channel, spend) in rows {
        text += &format!("{channel},a,1,1,{spend}\n");
    }
    shop.folder
        .write(&format!("raw/spend/2026-11-{day}.csv"), text);
}

fn mark(shop: &Shop, marks: &str) {
    let text = std::fs::read_to_string(shop.folder.path(MARKS)).unwrap();
    let (before, rest) = text.split_once("(values\n").unwrap();
    let (_, after) = rest.split_once("\n) as marks").unwrap();
    shop.folder.write(
        MARKS,
        format!("{before}(values\n{marks}\n) as marks{after}"),
    );
}

/// Before: ads 1 of 8, search 2 of 4. After: ads 0 of 2, search 5 of 8, wechat 1 of 2.
fn written() -> Shop {
    let mut shop = Shop::new(Tz::Asia__Shanghai);
    mark(&shop, "    ('moved', date '2026-11-20', 2)");
    for (day, channel, came, effective) in [
        (18, "ads", 4, 1),
        (18, "search", 2, 1),
        (19, "ads", 4, 0),
        (19, "search", 2, 1),
        (20, "ads", 1, 0),
        (20, "search", 4, 2),
        (21, "ads", 1, 0),
        (21, "search", 4, 3),
        (21, "wechat", 2, 1),
    ] {
        visitors(&mut shop, day, Some(channel), came, effective);
    }
    spend(
        &shop,
        18,
        &[("ads", "10.00"), ("ads", "2.50"), ("kol", "5.00")],
    );
    spend(&shop, 19, &[("ads", "20.00"), ("search", "0.00")]);
    spend(&shop, 21, &[("wechat", "7.00")]);
    shop
}

#[tokio::test]
async fn quality_keeps_both_sides() {
    let mut shop = written();
    visitors(&mut shop, 18, None, 1, 0);
    visitors(&mut shop, 18, Some("all"), 1, 1);
    spend(&shop, 20, &[("", "1.00"), ("all", "2.00")]);
    let payer = Some("18 search 0");
    shop.event(
        "2026-11-18 11:00:00",
        payer,
        "pay",
        json!({"amount": "9.90"}),
    );
    shop.event(
        "2026-11-18 11:00:01",
        payer,
        "pay",
        json!({"amount": "0.10"}),
    );
    // Nobody's payment is no channel's.
    shop.event(
        "2026-11-18 11:00:02",
        None,
        "pay",
        json!({"amount": "5.00"}),
    );
    shop.night("2026-11-22 03:00").await;
    let quality = |date: &str| {
        shop.table(
            "traffic_quality",
            date,
            "channel visitors effective_users effective_rate payers revenue spend is_ineffective",
        )
    };
    assert_eq!(
        quality("2026-11-18"),
        [
            "(all) 1 1 1.0 0 0.00 0.00 false",
            "(none) 1 0 0.0 0 0.00 0.00 false",
            "ads 4 1 0.25 0 0.00 12.50 false",
            "kol 0 0 - 0 0.00 5.00 true",
            "search 2 1 0.5 1 10.00 0.00 false",
        ]
    );
    assert_eq!(
        quality("2026-11-19"),
        [
            "ads 4 0 0.0 0 0.00 20.00 true",
            "search 2 1 0.5 0 0.00 0.00 false",
        ]
    );
    assert_eq!(
        quality("2026-11-20"),
        [
            "(all) 0 0 - 0 0.00 2.00 true",
            "(none) 0 0 - 0 0.00 1.00 true",
            "ads 1 0 0.0 0 0.00 0.00 false",
            "search 4 2 0.5 0 0.00 0.00 false",
        ]
    );
}

const COMPARED: &str = "mark channel marked_date days last_date visitors_before visitors_after \
    effective_users_before effective_users_after spend_before spend_after";

#[tokio::test]
async fn a_change_is_taken_apart_by_hand() {
    let shop = written();
    shop.night("2026-11-22 03:00").await;
    assert_eq!(
        shop.table("traffic_comparison", "", COMPARED),
        [
            "moved ads 2026-11-20 2 2026-11-21 8 2 1 0 32.50 0.00",
            "moved all 2026-11-20 2 2026-11-21 12 12 3 6 37.50 7.00",
            "moved kol 2026-11-20 2 2026-11-21 0 0 0 0 5.00 0.00",
            "moved search 2026-11-20 2 2026-11-21 4 8 2 5 0.00 0.00",
            "moved wechat 2026-11-20 2 2026-11-21 0 2 0 1 0.00 7.00",
        ]
    );
    // ads: shares 2/3 → 1/6, rates 1/8 → 0: mix −1/2 × (1/16 − 3/8), rate 5/12 × −1/8.
    // search: shares 1/3 → 2/3, rates 1/2 → 5/8: mix 1/3 × (9/16 − 3/8), rate 1/2 × 1/8.
    // wechat: share 0 → 1/6, only there after: mix 1/6 × (1/2 − 3/8). kol: nobody at all.
    assert_eq!(
        shop.table(
            "traffic_comparison",
            "",
            "channel effective_rate_before effective_rate_after change mix_effect rate_effect"
        ),
        [
            "ads 0.125 0.0 -0.125000000000 0.156250000000 -0.052083333333",
            "all 0.25 0.5 0.250000000000 0.239583333333 0.010416666667",
            "kol - - - 0.000000000000 0.000000000000",
            "search 0.5 0.625 0.125000000000 0.062500000000 0.062500000000",
            "wechat - 0.5 - 0.020833333333 0.000000000000",
        ]
    );
}

#[tokio::test]
async fn a_comparison_comes_when_it_is_due_and_stays_as_it_is() {
    let mut shop = written();
    visitors(&mut shop, 22, Some("ads"), 3, 3);
    let (last, later): (Vec<_>, Vec<_>) = [21, 22]
        .map(|day| format!("raw/events/dt=2026-11-{day}/hour=10/a.ndjson.gz"))
        .map(|path| (path.clone(), shop.lines.remove(&path).unwrap()))
        .into_iter()
        .partition(|(path, _)| path.contains("-21"));
    let path = || shop.folder.partition("traffic_comparison", "");
    shop.night("2026-11-21 03:00").await;
    assert!(shop.folder.rows("traffic_comparison", "").is_empty());
    let add = |lines: &[(String, String)]| {
        for (path, lines) in lines {
            shop.folder.write(path, lines);
        }
    };
    add(&last);
    let results = shop.night("2026-11-22 03:00").await;
    assert_eq!(step(&results, "traffic_comparison").status, Done);
    assert_eq!(shop.folder.rows("traffic_comparison", "").len(), 5);
    // Its falling due is time passing: nothing known before is another.
    let kinds: Vec<_> = results
        .restatements
        .iter()
        .map(|told| (told.table.as_str(), told.kind))
        .collect();
    assert_eq!(kinds, [("traffic_comparison", ChangeKind::Maturation)]);
    let due = std::fs::read(path()).unwrap();

    add(&later);
    shop.night("2026-11-23 03:00").await;
    assert!(
        due == std::fs::read(path()).unwrap(),
        "another day changes nothing"
    );
    let again = shop.night("2026-11-23 04:00").await;
    assert_eq!(step(&again, "traffic_comparison").status, Unchanged);

    // A new mark shows in the night after, and leaves the rows of the old one alone.
    let old = shop.table("traffic_comparison", "", COMPARED);
    mark(
        &shop,
        "    ('moved', date '2026-11-20', 2),\n    ('one day', date '2026-11-22', 1),\n    ('to come', date '2026-11-23', 3)",
    );
    spend(&shop, 23, &[("ads", "1.00")]);
    shop.night("2026-11-24 03:00").await;
    let new = shop.table("traffic_comparison", "", COMPARED);
    assert_eq!(new[..old.len()], old[..]);
    assert_eq!(
        new[old.len()..],
        [
            "one day ads 2026-11-22 1 2026-11-22 1 3 0 3 0.00 0.00",
            "one day all 2026-11-22 1 2026-11-22 7 3 4 3 7.00 0.00",
            "one day search 2026-11-22 1 2026-11-22 4 0 3 0 0.00 0.00",
            "one day wechat 2026-11-22 1 2026-11-22 2 0 1 0 7.00 0.00",
        ]
    );
}
