mod fixture;

use fixture::{Select, Tables, day, files, input, operations, tables};

use super::{Page, RenderInput, ReportFiles, check, render};
use crate::error::{Error, Result};
use crate::project::{Locale, Report};

const DATE: &str = "2026-11-21";

async fn page_of(report: &Report, files: &ReportFiles, input: &RenderInput<'_>, tables: &Tables) -> Result<Page> {
    render(report, files, input, &Select::new(tables, input.date)).await
}

async fn page(locale: Locale, tables: &Tables) -> Page {
    let report = operations();
    page_of(&report, &files(&report), &input(locale, DATE), tables)
        .await
        .unwrap()
}

/// Writes pages to look at into the folder that LOUDOU_PAGES names; does nothing else.
#[tokio::test]
async fn pages_to_look_at() {
    let Ok(folder) = std::env::var("LOUDOU_PAGES") else {
        return;
    };
    for locale in Locale::ALL {
        let page = page(locale, &tables(DATE)).await;
        std::fs::write(format!("{folder}/{}.html", locale.tag()), page.html).unwrap();
    }
}
