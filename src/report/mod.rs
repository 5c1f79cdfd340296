//! Daily reports: one self-contained page per role, day and language.
//!
//! A section is a YAML file with a select of the same name. Its rows become typed cells by the declared
//! columns (`section`), typed view models with every text already written (`view`, `number`,
//! `words`) and pictures ([`chart`]); strict templates arrange them (`template`). Anything missing,
//! undeclared or of another type stops the page with its place; [`check`] finds what it can without
//! data by rendering made-up rows of the declared columns.
//!
//! The page runs no script and loads nothing. Its content hash leaves out when it was made, so the same
//! tables, files and input give the same hash.

mod blocks;
mod change;
pub mod chart;
mod check;
mod files;
mod input;
mod number;
mod sample;
mod section;
mod template;
mod view;
mod words;

use sha2::{Digest, Sha256};

pub use check::check;
pub use files::{ReportFiles, TemplateFile};
pub use input::{FunnelTitles, MissingPartition, RenderInput, SectionRows, SourceStatus};

use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::project::Report;
use section::Grid;
use template::Templates;
use words::Words;

/// A rendered page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The whole document.
    pub html: String,
    /// `11-21 周六 · 运营日报`
    pub title: String,
    /// The sentence read first.
    pub sentence: String,
    /// SHA-256, hex, of the document without the time it was made and without this hash.
    pub content_hash: String,
}

/// Digits of the hash that the page shows.
const SHOWN_HASH: usize = 12;

/// Renders one report in one language. Fails where a select fails or does not return the declared
/// columns, where a template prints what is not there, and where a file is not as it should be.
pub async fn render(
    report: &Report,
    files: &ReportFiles,
    input: &RenderInput<'_>,
    rows: &dyn SectionRows,
) -> Result<Page> {
    let mut grids = Vec::with_capacity(report.sections.len());
    for section in &report.sections {
        let select = files.selects.get(&section.name).ok_or_else(|| {
            Error::Failed(format!(
                "{}: section {}: no select was read from {}",
                section.yaml_path, section.name, section.sql_path
            ))
        })?;
        let batches = rows.rows(select, section).await?;
        grids.push(Grid::read(section, &batches)?);
    }
    let templates = Templates::parse(files).map_err(Error::Project)?;
    let words = files.words.get(&input.locale).ok_or_else(|| {
        Error::Failed(format!(
            "report {}: no words for locale {}",
            report.role,
            input.locale.tag()
        ))
    })?;
    compose(report, files, &templates, words, input, &grids)
}

/// From rows to the document.
fn compose(
    report: &Report,
    files: &ReportFiles,
    templates: &Templates,
    words: &Words,
    input: &RenderInput<'_>,
    grids: &[Grid<'_>],
) -> Result<Page> {
    let (mut page, charts) = view::build(report, input, words, grids)?;
    let charts = charts.into_inner();
    let render = |page: &view::PageView| {
        templates
            .render(page, &charts, words, &files.style_sheet)
            .map_err(|problem| Error::Project(vec![*problem]))
    };
    let content_hash = hex(&Sha256::digest(render(&page)?));
    page.generated_at = input
        .generated_at
        .with_timezone(&input.zone)
        .format("%Y-%m-%d %H:%M:%S")
        .to_string();
    page.revision = content_hash.chars().take(SHOWN_HASH).collect();
    Ok(Page {
        html: render(&page)?,
        title: page.title().to_owned(),
        sentence: page.sentence().to_owned(),
        content_hash,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A problem that concerns a whole file.
fn in_file(file: &str, cause: String, mend: &str) -> Diagnostic {
    Diagnostic {
        file: file.to_owned(),
        line: 0,
        column: 0,
        cause,
        mend: mend.to_owned(),
    }
}

#[cfg(test)]
mod tests;
