//! Whole pages: content, states, hash, escaping, snapshots.

use std::path::PathBuf;

use chrono::Days;

use super::fixture::{
    PageDay, Select, Tables, chain, day, files, input, later, operations, root, tables,
};
use crate::error::Result;
use crate::project::{Locale, Report};
use crate::report::{MissingPartition, Page, RenderInput, ReportFiles, render};

const DATE: &str = "2026-11-21";

async fn page_of(
    report: &Report,
    files: &ReportFiles,
    input: &RenderInput<'_>,
    tables: &Tables,
) -> Result<Page> {
    render(report, files, input, &Select::new(tables, input.date)).await
}

async fn page(input: &RenderInput<'_>, tables: &Tables) -> Page {
    let report = operations();
    page_of(&report, &files(&report), input, tables)
        .await
        .unwrap()
}

/// The part of a page from one text to another.
pub fn between<'a>(html: &'a str, from: &str, to: &str) -> &'a str {
    let start = html
        .find(from)
        .unwrap_or_else(|| panic!("{from} is not on the page"));
    let rest = &html[start..];
    &rest[..rest.find(to).unwrap()]
}

/// Tables as they are when nothing moved.
fn calm() -> Tables {
    let mut tables = tables(DATE);
    let before = day("2026-11-14");
    let core = tables
        .core
        .iter()
        .find(|row| row.date == before)
        .unwrap()
        .clone();
    for row in tables.core.iter_mut().filter(|row| row.date == day(DATE)) {
        *row = core.clone();
        row.date = day(DATE);
        row.gmv_cents += row.gmv_cents / 100;
    }
    let steps: Vec<_> = tables
        .steps
        .iter()
        .filter(|row| row.date == before)
        .cloned()
        .collect();
    tables.steps.retain(|row| row.date != day(DATE));
    tables.steps.extend(steps.into_iter().map(|mut row| {
        row.date = day(DATE);
        row
    }));
    tables
}

#[tokio::test]
async fn the_pages_are_as_blessed() {
    for locale in Locale::ALL {
        let page = page(&input(locale, DATE), &tables(DATE)).await;
        snapshot(&format!("operations.{}.html", locale.tag()), &page.html);
    }
}

/// Compares with `tests/snapshots/report/<name>`; LOUDOU_BLESS=1 writes it.
pub fn snapshot(name: &str, text: &str) {
    let path: PathBuf = root().join("tests/snapshots/report").join(name);
    if std::env::var_os("LOUDOU_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let blessed = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; LOUDOU_BLESS=1 writes it", path.display()));
    for (at, (now, then)) in text.lines().zip(blessed.lines()).enumerate() {
        assert_eq!(
            now,
            then,
            "{name} line {}; LOUDOU_BLESS=1 accepts it",
            at + 1
        );
    }
    assert_eq!(text.lines().count(), blessed.lines().count(), "{name}");
}

#[test]
fn every_snapshot_is_used() {
    let mut found: Vec<String> = std::fs::read_dir(root().join("tests/snapshots/report"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    let mut wanted: Vec<String> = Locale::ALL
        .iter()
        .flat_map(|locale| {
            ["operations", "parts"].map(|page| format!("{page}.{}.html", locale.tag()))
        })
        .collect();
    wanted.sort();
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn the_sentence_tells_money_the_biggest_mover_and_the_step() {
    let page = page(&input(Locale::ZhCn, DATE), &tables(DATE)).await;
    assert_eq!(page.title, "11-21 周六 · 运营日报");
    // 1,284,213.50 against 1,388,196.42; 2,558 against 3,164; 9,873/23,640 against 48.56%.
    assert_eq!(
        page.sentence,
        "支付GMV ¥128.4万，较上周同日下降\u{a0}7.5%（少\u{a0}¥10.4万）；变动最大的是新用户数，\
         下降\u{a0}19.2%；购物漏斗的「注册登录」转化率 41.8%，下降\u{a0}6.8\u{a0}个百分点。"
    );
}

#[tokio::test]
async fn a_calm_day_says_so() {
    let zh = page(&input(Locale::ZhCn, DATE), &calm()).await;
    assert_eq!(
        zh.sentence,
        "平稳：核心指标较上周同日变动均不到 5%；支付GMV ¥140.2万，较上周同日上升\u{a0}1.0%（多\u{a0}¥1.39万）。"
    );
    assert!(!zh.html.contains("class=\"verdict"));
    let en = page(&input(Locale::En, DATE), &calm()).await;
    assert!(en.sentence.starts_with("A calm day:"), "{}", en.sentence);
}

#[tokio::test]
async fn without_the_same_weekday_there_are_dashes_and_no_invented_change() {
    let mut tables = tables(DATE);
    let before = day("2026-11-14");
    tables.core.retain(|row| row.date != before);
    tables.steps.retain(|row| row.date != before);
    tables.pages.retain(|row| row.date != before);
    let mut input = input(Locale::ZhCn, DATE);
    input.missing = ["daily_core", "page_daily"]
        .map(|table| MissingPartition {
            table: table.to_owned(),
            date: before,
        })
        .to_vec();
    let page = page(&input, &tables).await;
    assert_eq!(page.sentence, "支付GMV ¥128.4万，上周同日无数据可比。");
    let card = between(&page.html, "<h3>支付GMV", "</article>");
    assert!(
        card.contains("<dt>较上周同日</dt><dd class=\"none\">—</dd>"),
        "{card}"
    );
    assert!(
        card.contains("<dt>较前日</dt><dd class=\"quiet\">▲0.7%</dd>"),
        "{card}"
    );
    assert!(page.html.contains("缺数据：核心指标 11-14"));
    // The report's own day is whole.
    assert!(page.html.contains("<details class=\"status complete\">"));
}

#[tokio::test]
async fn what_is_missing_of_the_day_is_told() {
    let mut input = input(Locale::ZhCn, DATE);
    input.complete_through = day("2026-11-20");
    input.sources[0].missing_hours = vec![4, 3];
    let page = page(&input, &tables(DATE)).await;
    let strip = between(
        &page.html,
        "<details class=\"status incomplete\">",
        "</summary>",
    );
    assert!(strip.contains("⚠"), "{strip}");
    assert!(strip.contains("数据截至 11-20"), "{strip}");
    let notes = between(&page.html, "<ul class=\"notes\">", "</ul>");
    assert!(notes.contains("11-21 的数据尚未收齐，数值暂定"), "{notes}");
    assert!(notes.contains("行为事件缺 03、04 时"), "{notes}");
}

#[tokio::test]
async fn an_empty_warehouse_gives_a_page_that_says_so() {
    for locale in Locale::ALL {
        let page = page(&input(locale, DATE), &Tables::default()).await;
        let empty = if locale == Locale::ZhCn {
            "没有符合条件的数据"
        } else {
            "No rows"
        };
        assert_eq!(
            page.html
                .matches(&format!("<p class=\"empty\">{empty}</p>"))
                .count(),
            10
        );
        assert!(!page.html.contains("<svg"));
    }
}

#[tokio::test]
async fn a_day_without_its_row_is_not_the_day_before() {
    let mut tables = tables(DATE);
    tables.core.retain(|row| row.date != day(DATE));
    let page = page(&input(Locale::ZhCn, DATE), &tables).await;
    let core = between(&page.html, "<section id=\"core\"", "</section>");
    assert!(
        core.contains("<p class=\"empty\">没有 11-21 的数据</p>"),
        "{core}"
    );
    assert_eq!(
        page.sentence,
        "没有 11-21 的核心指标数据，请先核对数据完整度。"
    );
}

#[tokio::test]
async fn the_mature_picture_is_of_the_latest_due_day() {
    let page = page(&input(Locale::ZhCn, DATE), &tables(DATE)).await;
    let shop = between(&page.html, "<section id=\"shop\"", "</section>");
    assert!(shop.contains("成熟口径 · 11-20 进入"), "{shop}");
    let course = between(&page.html, "<section id=\"course\"", "</section>");
    assert!(course.contains("成熟口径 · 11-14 进入"), "{course}");
}

#[tokio::test]
async fn where_nothing_is_due_the_page_says_not_yet_and_never_zero() {
    let mut tables = Tables::default();
    let steps = [("article", 10), ("course_page", 4)];
    let course = ("course", "overall", "all");
    chain(&mut tables, day(DATE), course, ("same_day", true), &steps);
    chain(&mut tables, day(DATE), course, ("mature", false), &steps);
    let page = page(&input(Locale::En, DATE), &tables).await;
    let course = between(&page.html, "<section id=\"course\"", "</section>");
    assert!(course.contains("Mature basis not yet due"), "{course}");
    assert_eq!(course.matches("<figure").count(), 1);
}

#[tokio::test]
async fn a_step_not_yet_due_is_drawn_open() {
    let mut tables = Tables::default();
    let steps = [("article", 10), ("course_page", 4)];
    chain(
        &mut tables,
        day(DATE),
        ("course", "overall", "all"),
        ("same_day", true),
        &steps,
    );
    tables.steps[1].reached = None;
    let page = page(&input(Locale::ZhCn, DATE), &tables).await;
    let course = between(&page.html, "<section id=\"course\"", "</section>");
    assert!(course.contains("class=\"undue\""), "{course}");
    assert!(course.contains("未到期"), "{course}");
    assert!(!course.contains(">0<"), "{course}");
}

#[tokio::test]
async fn nobody_entering_gives_dashes_not_division() {
    let mut tables = Tables::default();
    let steps = [("article", 0), ("course_page", 0)];
    chain(
        &mut tables,
        day(DATE),
        ("course", "overall", "all"),
        ("same_day", true),
        &steps,
    );
    let page = page(&input(Locale::ZhCn, DATE), &tables).await;
    let course = between(&page.html, "<section id=\"course\"", "</section>");
    assert!(course.contains("整体转化率 —"), "{course}");
    assert!(
        !course.contains("NaN") && !course.contains("inf"),
        "{course}"
    );
}

#[tokio::test]
async fn hostile_names_are_text_and_short() {
    let script = "<script>alert(1)</script>\"'&";
    let long = "长".repeat(10_000);
    let turned = "abc\u{202e}gpj.exe";
    let mut tables = tables(DATE);
    for (page, exits) in [(script, 90_000), (long.as_str(), 80_000), (turned, 70_000)] {
        tables.pages.push(PageDay {
            date: day(DATE),
            page: page.to_owned(),
            views: 100_000,
            exits,
        });
    }
    let segment = ("shop", "platform", script);
    chain(
        &mut tables,
        day(DATE),
        segment,
        ("same_day", true),
        &[(script, 5), (&long, 2)],
    );
    let mut input = input(Locale::ZhCn, DATE);
    input.project_name = script;
    input.sources[0].name = script.to_owned();
    input.missing = vec![MissingPartition {
        table: script.to_owned(),
        date: day(DATE),
    }];
    let page = page(&input, &tables).await;
    assert!(!page.html.to_lowercase().contains("<script"));
    assert!(page.html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!page.html.contains('\u{202e}'));
    assert!(!page.html.contains(&"长".repeat(61)));
    assert!(page.html.contains(&format!("{}…", "长".repeat(59))));
}

#[tokio::test]
async fn the_hash_leaves_out_when_the_page_was_made_and_nothing_else() {
    let first = page(&input(Locale::ZhCn, DATE), &tables(DATE)).await;
    let mut again = input(Locale::ZhCn, DATE);
    again.generated_at = later();
    let again = page(&again, &tables(DATE)).await;
    assert_eq!(first.content_hash, again.content_hash);
    assert_ne!(first.html, again.html);
    assert!(first.html.contains(&first.content_hash[..12]));
    // 22:31:05 UTC is the next morning in Shanghai.
    assert!(first.html.contains("2026-11-22 06:31:05"));
    let mut moved = tables(DATE);
    moved.core.last_mut().unwrap().visitors += 1;
    let moved = page(&input(Locale::ZhCn, DATE), &moved).await;
    assert_ne!(first.content_hash, moved.content_hash);
}

#[tokio::test]
async fn the_page_runs_nothing_and_loads_nothing() {
    for locale in Locale::ALL {
        let html = page(&input(locale, DATE), &tables(DATE)).await.html;
        for banned in [
            "<script",
            " src=",
            " href=",
            "url(",
            "@import",
            "<link",
            "<img",
            "javascript:",
        ] {
            assert!(!html.contains(banned), "{banned}");
        }
        assert!(
            html.contains(
                "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\""
            )
        );
        assert!(html.contains(&format!("<html lang=\"{}\">", locale.tag())));
        assert!(html.contains("name=\"viewport\""));
        // Every picture says what it is, and every mark has its tooltip.
        let pictures = html.matches("<svg ").count();
        assert_eq!(html.matches("role=\"img\"").count(), pictures);
        assert_eq!(html.matches("<desc>").count(), pictures);
        // Cards, two funnels of two bases and their ends, times, intervals of two platforms, exits,
        // flow, two classes of screens, depth.
        assert_eq!(pictures, 6 + 4 + 2 + 2 + 10 + 1 + 1 + 2 + 1);
        // A page is opened in a browser, on a phone that may have a slow line.
        assert!(html.len() < 150_000, "{}", html.len());
    }
}

#[tokio::test]
async fn every_number_shown_is_defined() {
    let page = page(&input(Locale::ZhCn, DATE), &tables(DATE)).await;
    let definitions = between(&page.html, "<section id=\"definitions\"", "</section>");
    for label in [
        "支付GMV",
        "访问人数",
        "新用户数",
        "当日整体转化率",
        "支付人数",
        "跳出率",
        "较前日",
        "较上周同日",
        "进入人数",
        "到达人数",
        "步骤转化率",
        "流失率",
        "整体转化率",
        "当日口径",
        "成熟口径",
        "退出次数",
        "退出率",
        "访问次数",
    ] {
        assert!(
            definitions.contains(&format!("<dt>{label}</dt>")),
            "{label}"
        );
    }
}

#[tokio::test]
async fn ratios_change_by_points_and_amounts_by_percent() {
    let page = page(&input(Locale::ZhCn, DATE), &tables(DATE)).await;
    let card = between(&page.html, "<h3>当日整体转化率", "</article>");
    assert!(card.contains("▼1.1\u{a0}个百分点"), "{card}");
    let card = between(&page.html, "<h3>支付人数", "</article>");
    assert!(
        card.contains("▼7.7%") && !card.contains("个百分点"),
        "{card}"
    );
    let exits = between(&page.html, "<section id=\"exits\"", "</section>");
    assert!(
        exits.contains("class=\"number bad\">▲16.8\u{a0}个百分点"),
        "{exits}"
    );
}

#[tokio::test]
async fn a_platform_that_pays_worse_shows_in_its_row() {
    let page = page(&input(Locale::En, DATE), &tables(DATE)).await;
    let matrix = between(&page.html, "<table class=\"matrix\">", "</table>");
    let ios = between(matrix, "iOS</th>", "</tr>");
    // 825 of 2,483; 1,313 of 3,429.
    assert!(
        ios.contains("33.2%<svg") && ios.contains("<small>825</small>"),
        "{ios}"
    );
    // Wilson's interval for 825 of 2,483.
    assert!(
        ios.contains("33.2%, 95% interval 31.4% to 35.1%, of 2,483"),
        "{ios}"
    );
    let android = between(matrix, "Android</th>", "</tr>");
    assert!(
        android.contains("38.3%<svg") && android.contains("<small>1,313</small>"),
        "{android}"
    );
}

#[tokio::test]
async fn another_days_report_does_not_look_ahead() {
    // The tables hold later days; the page of the 18th shows none of them.
    let mut input = input(Locale::ZhCn, "2026-11-18");
    input.complete_through = day(DATE);
    let page = page(&input, &tables(DATE)).await;
    assert_eq!(page.title, "11-18 周三 · 运营日报");
    for ahead in [
        day("2026-11-19"),
        day("2026-11-20"),
        day("2026-11-18") + Days::new(3),
    ] {
        assert!(
            !page.html.contains(&ahead.format("%m-%d").to_string()),
            "{ahead}"
        );
    }
    // Its own entry day is due by now.
    assert!(page.html.contains("成熟口径 · 11-18 进入"));
}

/// Writes pages to look at into the folder that LOUDOU_PAGES names; does nothing without it.
#[tokio::test]
async fn pages_to_look_at() {
    let Some(folder) = std::env::var_os("LOUDOU_PAGES").map(PathBuf::from) else {
        return;
    };
    for locale in Locale::ALL {
        let mut late = input(locale, DATE);
        late.complete_through = day("2026-11-20");
        late.sources[0].missing_hours = vec![3, 4];
        let mut young = tables(DATE);
        young.core.retain(|row| row.date >= day("2026-11-19"));
        young.pages.retain(|row| row.date == day(DATE));
        young.steps.retain(|row| row.date == day(DATE));
        let pages = [
            ("full", page(&input(locale, DATE), &tables(DATE)).await),
            ("calm", page(&input(locale, DATE), &calm()).await),
            ("young", page(&late, &young).await),
            (
                "empty",
                page(&input(locale, DATE), &Tables::default()).await,
            ),
        ];
        for (name, page) in pages {
            std::fs::write(
                folder.join(format!("{name}.{}.html", locale.tag())),
                page.html,
            )
            .unwrap();
        }
    }
}
