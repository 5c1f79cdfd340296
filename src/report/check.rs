//! What can be known about a report without data: its templates parse and print only what is there,
//! every word and definition exists in both languages, its sections have the columns their shape needs.

use super::files::{ReportFiles, STYLE_SHEET, locale_path};
use super::sample;
use super::template::Templates;
use super::view::{
    INTERVALS, LEVEL, MOST_CARDS, SEGMENT, further_columns, names_its_own, needed_columns,
    own_labels, shape_terms,
};
use super::words::{Words, missing};
use super::{compose, in_file};
use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::project::{Format, Report, Section, Shape};

/// What keeps a page from running or loading anything, whatever stands in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// Every problem, sorted by file and line.
pub fn check(report: &Report, files: &ReportFiles) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for section in &report.sections {
        check_section(section, &mut problems);
    }
    check_style(files, &mut problems);
    check_words(report, files, &mut problems);
    match Templates::parse(files) {
        Err(found) => problems.extend(found),
        Ok(templates) => {
            for (word, (file, line, column)) in &templates.words {
                for words in files.words.values() {
                    if words.word(word).is_none() {
                        problems.push(Diagnostic {
                            file: file.clone(),
                            line: *line,
                            column: *column,
                            cause: format!("no word `{word}` in {}", locale_path(words.locale)),
                            mend: format!("add `{word}:` under `words:`"),
                        });
                    }
                }
            }
            // The pages of made-up rows would only repeat what is already wrong.
            if problems.is_empty() {
                for words in files.words.values() {
                    check_pages(report, files, &templates, words, &mut problems);
                }
            }
        }
    }
    problems.sort();
    problems.dedup();
    problems
}

/// The columns fit the shape.
fn check_section(section: &Section, problems: &mut Vec<Diagnostic>) {
    let mut problem =
        |cause: String, mend: &str| problems.push(in_file(&section.yaml_path, cause, mend));
    for (at, column) in section.columns.iter().enumerate() {
        if section
            .columns
            .iter()
            .take(at)
            .any(|other| other.name == column.name)
        {
            problem(
                format!("columns.{} is there twice", column.name),
                "leave one out",
            );
        }
    }
    for (name, formats) in needed_columns(section.shape) {
        match section.columns.iter().find(|column| column.name == *name) {
            None => problem(
                format!("columns.{name} is missing; {:?} needs it", section.shape),
                "declare it and return it from the select",
            ),
            Some(column) if !formats.contains(&column.format) => problem(
                format!(
                    "columns.{name} has format {:?}; {:?} wants one of {formats:?}",
                    column.format, section.shape
                ),
                "declare one of these and return it from the select",
            ),
            Some(_) => {}
        }
    }
    if let Some(further) = further_columns(section.shape) {
        for column in &section.columns {
            let name = column.name.as_str();
            if needed_columns(section.shape)
                .iter()
                .any(|(needed, _)| *needed == name)
            {
                continue;
            }
            match further.iter().find(|(known, _)| *known == name) {
                None => problem(
                    format!(
                        "columns.{name} is nowhere shown; {:?} has no such column",
                        section.shape
                    ),
                    "leave it out",
                ),
                Some((_, formats)) if !formats.contains(&column.format) => problem(
                    format!(
                        "columns.{name} has format {:?}; {:?} wants one of {formats:?}",
                        column.format, section.shape
                    ),
                    "declare one of these and return it from the select",
                ),
                Some(_) => {}
            }
        }
    }
    match section.shape {
        Shape::Numbers => {
            let metrics: Vec<_> = section
                .columns
                .iter()
                .filter(|column| column.name != "date")
                .collect();
            if metrics.is_empty() || metrics.len() > MOST_CARDS {
                problem(
                    format!(
                        "{} numbers, but a first screen holds 1 to {MOST_CARDS}",
                        metrics.len()
                    ),
                    "keep the most important ones",
                );
            }
            for column in metrics {
                if !is_number(column.format) || column.format == Format::Points {
                    problem(
                        format!(
                            "columns.{} has format {:?}, which is no number to compare",
                            column.name, column.format
                        ),
                        "use count, percent, money, duration_us or number",
                    );
                }
            }
        }
        Shape::Bars => {
            let formats: Vec<Format> = section.columns.iter().map(|column| column.format).collect();
            let is_fit = matches!(formats.as_slice(), [Format::Text | Format::Word | Format::Date, length, ..]
                if is_number(*length) && *length != Format::Points);
            if !is_fit {
                problem(
                    "bars want a name and then a number".to_owned(),
                    "put these two columns first",
                );
            }
        }
        Shape::Flow => {
            let columns = match section.columns.as_slice() {
                [level, rest @ ..] if level.name == LEVEL && level.format == Format::Count => rest,
                columns => columns,
            };
            let formats: Vec<Format> = columns.iter().map(|column| column.format).collect();
            let is_fit = matches!(
                formats.as_slice(),
                [
                    Format::Text | Format::Word,
                    Format::Text | Format::Word,
                    Format::Count,
                    ..
                ]
            );
            if !is_fit {
                problem(
                    "a flow wants a name, a name and then a count".to_owned(),
                    "put these three columns first, behind `level: {format: count}` if there is one",
                );
            }
        }
        Shape::Funnel => {
            let has = |name: &str| section.columns.iter().any(|column| column.name == name);
            for (low, high) in INTERVALS {
                if has(low) != has(high) {
                    let (there, missing) = if has(low) { (low, high) } else { (high, low) };
                    problem(
                        format!("columns.{there} is there without {missing}"),
                        "an interval has both ends",
                    );
                } else if has(low) && !has(SEGMENT) {
                    problem(
                        format!("columns.{low} is nowhere shown without {SEGMENT}"),
                        "leave the interval out, or compare segments",
                    );
                }
            }
        }
        Shape::FunnelEnds | Shape::TimeToConvert | Shape::HeatMap | Shape::ScrollCurve => {}
        Shape::Table => {
            if section.columns.is_empty() {
                problem("no columns".to_owned(), "declare what the select returns");
            }
        }
    }
}

fn is_number(format: Format) -> bool {
    !matches!(
        format,
        Format::Text | Format::Word | Format::Date | Format::Flag
    )
}

/// The style sheet can neither leave its element nor load anything.
fn check_style(files: &ReportFiles, problems: &mut Vec<Diagnostic>) {
    for (at, line) in files.style_sheet.lines().enumerate() {
        for banned in ["</", "@import", "url("] {
            if line.contains(banned) {
                problems.push(Diagnostic {
                    file: STYLE_SHEET.to_owned(),
                    line: at + 1,
                    column: line
                        .find(banned)
                        .map_or(0, |byte| line[..byte].chars().count() + 1),
                    cause: format!(
                        "`{banned}`: a page loads nothing and its style stays in its element"
                    ),
                    mend: "leave it out".to_owned(),
                });
            }
        }
    }
}

/// Labels and definitions of all that is shown, and the same keys in every language.
fn check_words(report: &Report, files: &ReportFiles, problems: &mut Vec<Diagnostic>) {
    for words in files.words.values() {
        let path = locale_path(words.locale);
        for term in ["lines", "rows", "duplicates", "quarantined", "step"] {
            if words.label(term, None).is_none() {
                problems.push(missing(&path, "columns", term));
            }
        }
        for section in &report.sections {
            // Pictures of funnels name their own columns; other shapes show each column's label.
            let terms = shape_terms(section);
            for label in own_labels(section.shape) {
                if words.label(label, None).is_none() {
                    problems.push(missing(&path, "columns", label));
                }
            }
            if !names_its_own(section.shape) {
                for column in &section.columns {
                    if words.label(&column.name, column.label.as_ref()).is_none() {
                        problems.push(missing(&path, "columns", &column.name));
                    }
                }
            }
            for term in terms {
                let is_labelled = section
                    .columns
                    .iter()
                    .any(|column| column.name == term && column.label.is_some());
                if !is_labelled && words.label(term, None).is_none() {
                    problems.push(missing(&path, "columns", term));
                }
                let is_defined = section
                    .columns
                    .iter()
                    .any(|column| column.name == term && column.definition.is_some());
                if !is_defined && words.definition(term).is_none() {
                    let mut problem = missing(&path, "definitions", term);
                    problem.mend.push_str(&format!(
                        ", or give `definition: {{zh-CN: …, en: …}}` with the column in {}",
                        section.yaml_path
                    ));
                    problems.push(problem);
                }
            }
        }
    }
    for words in files.words.values() {
        let keys = words.keys();
        for other in files
            .words
            .values()
            .filter(|other| other.locale != words.locale)
        {
            let there = other.keys();
            for key in keys.iter().filter(|key| !there.contains(key)) {
                if let Some((group, key)) = key.split_once('.') {
                    problems.push(missing(&locale_path(other.locale), group, key));
                }
            }
        }
    }
}

/// Renders made-up rows, one page with all and one with none, so that templates walk every branch.
fn check_pages(
    report: &Report,
    files: &ReportFiles,
    templates: &Templates,
    words: &Words,
    problems: &mut Vec<Diagnostic>,
) {
    let input = sample::input(words.locale);
    for is_full in [true, false] {
        let grids: Vec<_> = report
            .sections
            .iter()
            .map(|section| sample::grid(section, is_full))
            .collect();
        match compose(report, files, templates, words, &input, &grids) {
            Ok(page) if !page.html.replace("&#x27;", "'").contains(POLICY) => {
                problems.push(in_file(
                    "reports/_shared/layout.hbs",
                    "the page lacks its content security policy".to_owned(),
                    "put the policy's meta element into the head",
                ))
            }
            Ok(_) => {}
            Err(Error::Project(found)) => problems.extend(found),
            Err(error) => problems.push(in_file(
                &format!("reports/{}/page.hbs", report.role),
                error.to_string(),
                "render needs this to be whole",
            )),
        }
    }
}
