//! Every shape of section on one page: what is shown, what stops it, what `check` finds.

use std::path::PathBuf;

use super::fixture::input;
use super::pages::{between, snapshot};
use super::parts_rows::{DATE, FLOW, Made, parts_files, report, text};
use crate::error::Result;
use crate::project::{Format, Locale, SectionColumn};
use crate::report::section::Cell;
use crate::report::{Page, check, render};

async fn rendered(locale: Locale, change: impl FnOnce(&mut Made)) -> Result<Page> {
    let report = report();
    let mut made = Made::all(&report);
    change(&mut made);
    render(&report, &parts_files(&report), &input(locale, DATE), &made).await
}

async fn page(locale: Locale) -> Page {
    rendered(locale, |_| {}).await.unwrap()
}

/// The error after one change of one section's rows.
async fn error(name: &str, change: impl FnOnce(&mut Vec<Vec<Cell>>)) -> String {
    let result = rendered(Locale::En, |made| change(made.0.get_mut(name).unwrap())).await;
    result.unwrap_err().to_string()
}

// --- what the page shows ---

#[tokio::test]
async fn the_parts_are_as_blessed() {
    for locale in Locale::ALL {
        snapshot(
            &format!("parts.{}.html", locale.tag()),
            &page(locale).await.html,
        );
    }
}

/// Writes the page to look at into the folder that LOUDOU_PAGES names; does nothing without it.
#[tokio::test]
async fn parts_to_look_at() {
    let Some(folder) = std::env::var_os("LOUDOU_PAGES").map(PathBuf::from) else {
        return;
    };
    for locale in Locale::ALL {
        let name = format!("parts.{}.html", locale.tag());
        std::fs::write(folder.join(name), page(locale).await.html).unwrap();
    }
}

#[test]
fn sections_of_every_shape_are_without_problem() {
    let report = report();
    assert_eq!(check(&report, &parts_files(&report)), []);
}

#[tokio::test]
async fn where_those_who_stopped_went_is_written_below_each_step() {
    let html = page(Locale::ZhCn).await.html;
    let ends = between(&html, "<section id=\"ends\"", "</section>");
    // 5,500 of 10,000 stop at the first step; 4,000 of them elsewhere; 1,800 of those in the search.
    for said in [
        "停在此步 5,500 人，占到达 55.0%",
        "转向他处 72.7%",
        "无后续 27.3%",
        "search 45.0%",
        "其他 10.0%",
        "整体转化率 6.0%",
    ] {
        assert!(ends.contains(said), "{said}");
    }
    // The latest day whose window has passed, not the youngest.
    assert!(ends.contains("成熟口径 · 11-18 进入"));
    assert!(!ends.contains("11-20"));
    assert!(!ends.contains("窗口期内"));
}

#[tokio::test]
async fn ends_that_do_not_add_up_stop_the_report() {
    let said = error("ends", |rows| rows[0][10] = Cell::Int(1801)).await;
    assert!(
        said.contains("column entities: add up to 10001 on 2026-11-21, but 10000 entered"),
        "{said}"
    );
    let said = error("ends", |rows| rows[0][8] = text("lost")).await;
    assert!(
        said.contains("column end_state: is `lost`, none of elsewhere"),
        "{said}"
    );
    let said = error("ends", |rows| rows.push(rows[0].clone())).await;
    assert!(said.contains("comes twice"), "{said}");
    let said = error("ends", |rows| rows[0][7] = Cell::Int(9)).await;
    assert!(said.contains("differs from row to row"), "{said}");
}

#[tokio::test]
async fn times_are_written_and_share_a_scale() {
    let html = page(Locale::ZhCn).await.html;
    let times = between(&html, "<section id=\"times\"", "</section>");
    for said in ["4.2 秒", "1 小时 30 分", "25 小时 0 分", ">1秒<", ">7天<"] {
        assert!(times.contains(said), "{said}");
    }
    assert_eq!(times.matches(">7天<").count(), 2);
    let said = error("times", |rows| {
        let row = rows.iter_mut().find(|row| row[8] != Cell::Null).unwrap();
        row[8] = Cell::Real(1.0);
    })
    .await;
    assert!(said.contains("column p90_us"), "{said}");
}

#[tokio::test]
async fn a_segment_has_its_rate_its_interval_and_its_cases() {
    let html = page(Locale::ZhCn).await.html;
    let matrix = between(&html, "<table class=\"matrix\">", "</table>");
    let community = between(matrix, "社群</th>", "</tr>");
    // 820 of 1,204, by Wilson.
    assert!(
        community.contains("68.1%，95% 置信区间 65.4% 至 70.7%，样本 1,204"),
        "{community}"
    );
    let kol = between(matrix, "KOL</th>", "</tr>");
    assert_eq!(kol.matches("未到期").count(), 4, "{kol}");
}

#[tokio::test]
async fn small_flows_are_folded_and_nothing_is_lost() {
    let html = page(Locale::ZhCn).await.html;
    let flow = between(&html, "<section id=\"flow\"", "</section>");
    // Search (400) and registration (360) of 182,827 views.
    let views: i64 = FLOW
        .iter()
        .flat_map(|(_, nexts)| nexts.iter())
        .map(|(_, n)| n)
        .sum();
    assert_eq!(views, 182_827);
    assert!(flow.contains("访问次数 182,827"), "{flow}");
    assert!(flow.contains("760 · 0.42%"));
    assert!(flow.contains("首页 → 商品页：21,000，占首页 38.1%"));
    assert!(flow.contains("class=\"node-exit\""));
    let said = error("flow", |rows| rows.push(rows[0].clone())).await;
    assert!(said.contains("column next_page: comes twice"), "{said}");
    let said = error("paths", |rows| rows[0][0] = Cell::Int(4)).await;
    assert!(said.contains("column level: is not 1 to 3"), "{said}");
}

#[tokio::test]
async fn taps_are_summed_by_block_and_cells_outside_are_errors() {
    let html = page(Locale::ZhCn).await.html;
    let heat = between(&html, "<section id=\"heat\"", "</section>");
    assert!(heat.contains("规格参数"), "{heat}");
    assert_eq!(heat.matches("class=\"rank\"").count(), 6);
    let said = error("heat", |rows| rows[10][5] = Cell::Int(12)).await;
    assert!(said.contains("outside of 12 × 24"), "{said}");
    let said = error("heat", |rows| rows[0][4] = Cell::Int(0)).await;
    assert!(said.contains("column from_pct"), "{said}");
}

#[tokio::test]
async fn the_steepest_loss_is_named_with_its_block() {
    let html = page(Locale::ZhCn).await.html;
    let scroll = between(&html, "<section id=\"scroll\"", "</section>");
    assert!(scroll.contains("流失最陡 30%→40%"), "{scroll}");
    assert!(scroll.contains("少\u{a0}51.0\u{a0}个百分点"), "{scroll}");
    let said = error("scroll", |rows| rows[8][6] = Cell::Real(1.2)).await;
    assert!(
        said.contains("column reached_share: is not between 0 and 1"),
        "{said}"
    );
}

#[tokio::test]
async fn no_rows_are_no_picture() {
    let page = rendered(Locale::En, |made| made.0.values_mut().for_each(Vec::clear))
        .await
        .unwrap();
    assert_eq!(
        page.html.matches("<p class=\"empty\">No rows</p>").count(),
        7
    );
    assert!(!page.html.contains("<svg"));
}

// --- what check finds ---

#[track_caller]
fn told(change: impl FnOnce(&mut Vec<SectionColumn>), name: &str, cause: &str) {
    let mut report = report();
    let files = parts_files(&report);
    let section = report
        .sections
        .iter_mut()
        .find(|section| section.name == name)
        .unwrap();
    change(&mut section.columns);
    let problems = check(&report, &files);
    assert!(
        problems.iter().any(|problem| problem.cause.contains(cause)),
        "{cause}: {problems:#?}"
    );
}

#[test]
fn columns_that_do_not_fit_the_shape_are_told() {
    let drop = |name: &'static str| {
        move |columns: &mut Vec<SectionColumn>| columns.retain(|column| column.name != name)
    };
    for (section, column) in [
        ("ends", "end_state"),
        ("times", "p90_us"),
        ("heat", "grid_y"),
        ("scroll", "reached_share"),
    ] {
        told(
            drop(column),
            section,
            &format!("columns.{column} is missing"),
        );
    }
    told(
        drop("views"),
        "flow",
        "a flow wants a name, a name and then a count",
    );
    told(
        drop("step_rate_low"),
        "segments",
        "columns.step_rate_high is there without step_rate_low",
    );
    told(
        drop("segment"),
        "segments",
        "columns.step_rate_low is nowhere shown without segment",
    );
    told(
        |columns| columns.last_mut().unwrap().name = "taken".to_owned(),
        "heat",
        "columns.taken is nowhere shown",
    );
    told(
        |columns| columns.last_mut().unwrap().format = Format::Count,
        "times",
        "columns.median_from_entry_us has format Count",
    );
}
