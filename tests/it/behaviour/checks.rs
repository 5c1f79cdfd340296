//! Every contract holds what it promises: a model that is changed to count wrong publishes nothing, and the
//! check that tells is the one that is meant to.

use chrono_tz::Tz;
use loudou::run::results::Status;
use serde_json::json;

use super::Shop;
use crate::support::{night, step};

/// What is changed in which model, and the check that must find it.
const MISTAKES: [(&str, &str, &str, &str); 11] = [
    (
        "intermediate/int_scroll_depths",
        "where view_no > 0",
        "where view_no > 1",
        "every_page_view_has_its_depth",
    ),
    (
        "marts/behaviour/scroll_depth",
        ">= marks.scroll_pct",
        "> marks.scroll_pct",
        "all_views_reach_the_top",
    ),
    (
        "marts/behaviour/scroll_blocks",
        ">= int_page_blocks.from_pct",
        "> int_page_blocks.from_pct",
        "blocks_agree_with_depths",
    ),
    (
        "marts/behaviour/tap_heat",
        "and is_placed",
        "and is_placed and grid_x > 0",
        "every_placed_tap_has_its_bin",
    ),
    (
        "marts/behaviour/tap_elements",
        "$end\n",
        "$end and is_placed\n",
        "every_tap_is_counted",
    ),
    (
        "marts/behaviour/top_paths",
        "where step_no <= 6",
        "where step_no = 2",
        "every_session_with_pages_has_its_path",
    ),
    (
        "marts/behaviour/single_page_daily",
        "    and user_id is null\n",
        "",
        "with_daily_core_they_are_all_page_views",
    ),
    (
        "marts/traffic/traffic_quality",
        "full join cost",
        "left join cost",
        "all_spend_is_here",
    ),
    (
        "marts/traffic/traffic_quality",
        "count(*) as visitors",
        "count(*) + 1 as visitors",
        "channels_add_up_to_daily_core",
    ),
    (
        "marts/traffic/traffic_comparison",
        "(share_before + share_after) / 2",
        "share_before",
        "effects_sum_to_the_change",
    ),
    (
        "marts/traffic/traffic_comparison",
        "sum(visitors_before) as visitors_before",
        "max(visitors_before) as visitors_before",
        "channels_add_up",
    ),
];

/// Two days with a little of everything: on the second one user of six stays away and one more signs in.
fn written() -> Shop {
    let mut shop = Shop::new(Tz::Asia__Shanghai);
    shop.folder.edit(
        "sql/intermediate/int_marked_dates.sql",
        "date '2026-11-08', 14",
        "date '2026-11-21', 1",
    );
    for day in [20, 21] {
        for user in 0..26 - day {
            let (name, channel) = (
                format!("u{user}"),
                ["ads", "search"][usize::from(user % 2 == 1)],
            );
            let at = |minute: u32| format!("2026-11-{day} 10:{minute:02}:00");
            let page = json!({"page": "product", "channel": channel});
            shop.event(&at(0), Some(&name), "page_view", page.clone());
            let scrolled = json!({"page": "product", "scroll_pct": 15 * user});
            shop.event(&at(1), Some(&name), "scroll", scrolled);
            let tapped = json!({"page": "product", "x": 60 * user, "y": 10, "screen_width": 360,
                "page_height": if user == 5 { 0 } else { 2400 }});
            shop.event(&at(2), Some(&name), "tap", tapped);
            if user < day - 18 {
                shop.event(&at(3), Some(&name), "login", json!({"channel": channel}));
            }
            shop.event(&at(4), Some(&name), "page_view", page);
            let apart = json!({"page": "product", "scene": 1154});
            shop.event(&at(5), None, "page_view", apart.clone());
            if user == 0 {
                shop.event(&at(6), Some(&name), "page_view", apart);
            }
        }
        let spent = "channel,campaign,impressions,clicks,spend\nads,a,1,1,5.00\nkol,a,1,1,2.00\n";
        shop.folder
            .write(&format!("raw/spend/2026-11-{day}.csv"), spent);
    }
    shop
}

#[tokio::test]
async fn every_mistake_is_found_by_its_check() {
    let shop = written();
    shop.night("2026-11-22 03:00").await;
    let published = shop.folder.tables();
    assert!(!shop.folder.rows("traffic_comparison", "").is_empty());
    for (model, from, to, check) in MISTAKES {
        let path = format!("sql/{model}.sql");
        let right = std::fs::read(shop.folder.path(&path)).unwrap();
        shop.folder.edit(&path, from, to);
        let name = model.rsplit('/').next().unwrap();
        let again = night("2026-11-22T03:00:00+08:00")
            .of("2026-11-20", "2026-11-21")
            .full_refresh()
            .select(name);
        let results = shop.folder.run(again).await;
        let step = step(&results, name);
        assert_eq!(step.status, Status::Failed, "{name}: {from} → {to}");
        assert!(step.why.contains(check), "{name}: {}", step.why);
        assert!(shop.folder.tables() == published, "{name} is published");
        shop.folder.write(&path, right);
    }
}
