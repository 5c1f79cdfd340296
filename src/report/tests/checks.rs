//! What `check` finds without data.

use super::fixture::{Select, day, files, input, operations, tables};
use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::project::{Format, Locale};
use crate::report::words::{Key, Words};
use crate::report::{ReportFiles, check, render};

/// Problems of the real report after one change.
fn found(change: impl FnOnce(&mut ReportFiles)) -> Vec<Diagnostic> {
    let report = operations();
    let mut files = files(&report);
    change(&mut files);
    check(&report, &files)
}

#[track_caller]
fn only(problems: &[Diagnostic], file: &str, line: usize, cause: &str) {
    let [problem] = problems else {
        panic!("{problems:#?}");
    };
    assert_eq!(
        (problem.file.as_str(), problem.line),
        (file, line),
        "{problem}"
    );
    assert!(problem.cause.contains(cause), "{problem}");
}

#[test]
fn the_built_in_report_has_no_problem() {
    assert_eq!(found(|_| {}), []);
}

#[test]
fn both_languages_have_the_same_keys() {
    let report = operations();
    let files = files(&report);
    let mut keys = files.words[&Locale::ZhCn].keys();
    let mut others = files.words[&Locale::En].keys();
    keys.sort();
    others.sort();
    assert_eq!(keys, others);
}

#[test]
fn every_word_of_the_locale_files_is_used() {
    let report = operations();
    let files = files(&report);
    let templates: String = files
        .partials
        .values()
        .chain([&files.page])
        .map(|file| file.text.as_str())
        .collect();
    for key in files.words[&Locale::En].keys() {
        let Some(word) = key.strip_prefix("words.") else {
            continue;
        };
        let is_used = Key::ALL.iter().any(|key| key.name() == word)
            || templates.contains(&format!("word \"{word}\""));
        assert!(is_used, "{word}");
    }
}

#[test]
fn a_missing_word_of_the_code_is_told() {
    let path = "reports/_shared/locales/en.yaml";
    let text = std::fs::read_to_string(super::fixture::root().join(path)).unwrap();
    let without = text.replace("  flat: flat\n", "");
    only(
        &Words::parse(Locale::En, path, &without).unwrap_err(),
        path,
        0,
        "words.flat is missing",
    );
    let hole = text.replace("\"up\\u00A0{n}\"", "\"up {m}\"");
    only(
        &Words::parse(Locale::En, path, &hole).unwrap_err(),
        path,
        0,
        "words.up: holes",
    );
    let twice = text.replace("  flat: flat\n", "  flat: flat\n  flat: even\n");
    assert!(Words::parse(Locale::En, path, &twice).is_err());
}

#[test]
fn a_word_that_a_template_asks_for_must_exist_in_both() {
    let problems = found(|files| files.page.text.insert_str(0, "{{word \"nowhere\"}}\n"));
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(
        problems
            .iter()
            .all(|problem| problem.file == "reports/operations/page.hbs" && problem.line == 1)
    );
}

#[test]
fn printing_without_escaping_is_refused() {
    for raw in [
        "{{{sentence}}}",
        "{{&sentence}}",
        "{{#if day}}{{{sentence}}}{{/if}}",
    ] {
        let problems = found(|files| files.page.text.insert_str(0, &format!("<p></p>\n{raw}\n")));
        only(
            &problems,
            "reports/operations/page.hbs",
            2,
            "prints without escaping",
        );
    }
}

#[test]
fn scripts_and_outside_pictures_are_refused() {
    let problems = found(|files| files.page.text.insert_str(0, "<SCRIPT>"));
    only(&problems, "reports/operations/page.hbs", 1, "<script");
    let problems = found(|files| {
        files
            .style_sheet
            .push_str("\nbody { background: url(https://example.com/a.png); }")
    });
    assert!(problems[0].cause.contains("url("), "{problems:?}");
}

#[test]
fn an_unclosed_block_is_told_with_its_line() {
    let problems = found(|files| files.page.text.push_str("\n{{#if day}}"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].file, "reports/operations/page.hbs");
    assert!(problems[0].line > 0);
}

#[test]
fn a_value_that_is_not_there_is_told_with_its_template() {
    for undeclared in [
        "{{sentense}}",
        "{{#if sentense}}x{{/if}}",
        "{{#unless sentense}}x{{/unless}}",
        "{{#each sectons}}x{{/each}}",
    ] {
        let problems = found(|files| {
            let masthead = files.partials.get_mut("masthead").unwrap();
            masthead.text.insert_str(0, undeclared);
        });
        assert!(!problems.is_empty(), "{undeclared}");
        assert_eq!(
            problems[0].file, "reports/_shared/partials/masthead.hbs",
            "{undeclared}"
        );
    }
}

#[tokio::test]
async fn a_value_that_is_not_there_stops_the_report() {
    let report = operations();
    let mut files = files(&report);
    files.page.text.insert_str(0, "{{#if nowhere}}{{/if}}");
    let input = input(Locale::ZhCn, "2026-11-21");
    let select = Select::new(&tables("2026-11-21"), day("2026-11-21"));
    match render(&report, &files, &input, &select).await {
        Err(Error::Project(problems)) => {
            assert_eq!(problems[0].file, "reports/operations/page.hbs")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_page_without_its_policy_is_told() {
    let problems = found(|files| {
        let layout = files.partials.get_mut("layout").unwrap();
        layout.text = layout.text.replace("default-src 'none'", "default-src *");
    });
    only(
        &problems,
        "reports/_shared/layout.hbs",
        0,
        "content security policy",
    );
}

#[test]
fn a_funnel_without_its_columns_is_told() {
    let mut report = operations();
    let files = files(&report);
    let shop = report
        .sections
        .iter_mut()
        .find(|section| section.name == "shop")
        .unwrap();
    shop.columns.retain(|column| column.name != "is_mature");
    only(
        &check(&report, &files),
        "reports/operations/sections/shop.yaml",
        0,
        "columns.is_mature is missing",
    );
}

#[test]
fn too_many_cards_are_told() {
    let mut report = operations();
    let files = files(&report);
    let mut column = report.sections[0].columns[1].clone();
    column.name = "orders".to_owned();
    report.sections[0].columns.push(column);
    only(
        &check(&report, &files),
        "reports/operations/sections/core.yaml",
        0,
        "7 numbers",
    );
}

#[test]
fn a_number_without_definition_is_told_in_each_language() {
    let mut report = operations();
    let files = files(&report);
    report.sections[0].columns[1].name = "mystery".to_owned();
    let problems = check(&report, &files);
    let of = |group: &str| {
        problems
            .iter()
            .filter(|problem| problem.cause == format!("{group}.mystery is missing"))
            .count()
    };
    assert_eq!((of("columns"), of("definitions")), (2, 2), "{problems:#?}");
}

#[tokio::test]
async fn a_funnel_that_mixes_segments_is_an_error() {
    let report = operations();
    let mut files = files(&report);
    let select = files.selects.get_mut("shop").unwrap();
    *select = select.replace("and breakdown = 'overall'", "");
    let input = input(Locale::ZhCn, "2026-11-21");
    let rows = Select::new(&tables("2026-11-21"), day("2026-11-21"));
    let error = render(&report, &files, &input, &rows)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("section shop: column step_no: 1 comes twice"),
        "{error}"
    );
}

#[test]
fn bars_want_a_name_and_a_number() {
    let mut report = operations();
    let files = files(&report);
    let exits = report
        .sections
        .iter_mut()
        .find(|section| section.name == "exits")
        .unwrap();
    exits.columns[1].format = Format::Flag;
    only(
        &check(&report, &files),
        "reports/operations/sections/exits.yaml",
        0,
        "bars want a name",
    );
}
