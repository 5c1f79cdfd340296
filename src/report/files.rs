//! The files of a page: templates, words, style sheet and selects, read from the project's folder.

use std::collections::BTreeMap;
use std::path::Path;

use super::words::Words;
use crate::diagnostic::Diagnostic;
use crate::project::{Locale, Report};

/// Folder of what all reports share.
const SHARED: &str = "reports/_shared";
/// The style sheet, written into every page.
pub const STYLE_SHEET: &str = "reports/_shared/page.css";

/// A template's place and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFile {
    /// Relative to the project root.
    pub path: String,
    /// As written.
    pub text: String,
}

/// Everything a report is made of, besides its rows.
#[derive(Debug, Clone)]
pub struct ReportFiles {
    /// `reports/<role>/page.hbs`
    pub page: TemplateFile,
    /// By the name templates include them by: `layout`, and each partial's file stem.
    pub partials: BTreeMap<String, TemplateFile>,
    /// `reports/_shared/page.css`.
    pub style_sheet: String,
    /// Every language.
    pub words: BTreeMap<Locale, Words>,
    /// Select of each section by section name.
    pub selects: BTreeMap<String, String>,
}

impl ReportFiles {
    /// Reads them; tells every file that is missing or not readable as what it should be.
    pub fn load(root: &Path, report: &Report) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let page = template(
            root,
            &format!("reports/{}/page.hbs", report.role),
            &mut problems,
        );
        let mut partials = BTreeMap::new();
        partials.insert(
            "layout".to_owned(),
            template(root, &format!("{SHARED}/layout.hbs"), &mut problems),
        );
        for (name, path) in partial_paths(root, &mut problems) {
            partials.insert(name, template(root, &path, &mut problems));
        }
        let style_sheet = read(root, STYLE_SHEET, &mut problems);
        let mut words = BTreeMap::new();
        for locale in Locale::ALL {
            let path = locale_path(locale);
            let before = problems.len();
            let text = read(root, &path, &mut problems);
            if problems.len() > before {
                continue;
            }
            match Words::parse(locale, &path, &text) {
                Ok(read) => {
                    words.insert(locale, read);
                }
                Err(found) => problems.extend(found),
            }
        }
        let selects = report
            .sections
            .iter()
            .map(|section| {
                (
                    section.name.clone(),
                    read(root, &section.sql_path, &mut problems),
                )
            })
            .collect();
        if problems.is_empty() {
            Ok(Self {
                page,
                partials,
                style_sheet,
                words,
                selects,
            })
        } else {
            Err(problems)
        }
    }
}

/// `reports/_shared/locales/<tag>.yaml`
pub fn locale_path(locale: Locale) -> String {
    format!("{SHARED}/locales/{}.yaml", locale.tag())
}

/// Name and path of each partial, sorted.
fn partial_paths(root: &Path, problems: &mut Vec<Diagnostic>) -> Vec<(String, String)> {
    let folder = format!("{SHARED}/partials");
    let entries = match std::fs::read_dir(root.join(&folder)) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(unreadable(&folder, &error));
            return Vec::new();
        }
    };
    let mut found: Vec<_> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|file| {
            file.strip_suffix(".hbs")
                .map(|name| (name.to_owned(), format!("{folder}/{file}")))
        })
        .collect();
    found.sort();
    found
}

fn template(root: &Path, path: &str, problems: &mut Vec<Diagnostic>) -> TemplateFile {
    TemplateFile {
        path: path.to_owned(),
        text: read(root, path, problems),
    }
}

fn read(root: &Path, path: &str, problems: &mut Vec<Diagnostic>) -> String {
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| {
        problems.push(unreadable(path, &error));
        String::new()
    })
}

fn unreadable(path: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic {
        file: path.to_owned(),
        line: 0,
        column: 0,
        cause: if error.kind() == std::io::ErrorKind::NotFound {
            "the file is missing".to_owned()
        } else {
            format!("the file cannot be read: {error}")
        },
        mend: "a report needs this file; `loudou init` in an empty folder writes one to start from"
            .to_owned(),
    }
}
