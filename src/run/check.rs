//! Every problem of a project at once, without reading data.

use std::path::Path;

use arrow::datatypes::DataType as Arrow;

use super::Workspace;
use crate::analysis;
use crate::config;
use crate::diagnostic::Diagnostic;
use crate::error::Result;
use crate::model::check as models;
use crate::model::sql::{self, bind};
use crate::project::{Format, Report, Section};
use crate::report::{self, ReportFiles};

/// Loads a project and looks for everything that is wrong with it: YAML, contracts, SQL planned on
/// empty tables, declared analyses, templates. The workspace comes with it if nothing is.
pub async fn check(root: &Path) -> Result<(Option<Workspace>, Vec<Diagnostic>)> {
    let (project, mut problems) = config::load(root);
    let Some(project) = project else {
        return Ok((None, problems));
    };
    let (workspace, found) = Workspace::open(project)?;
    problems.extend(found);
    let Workspace {
        project,
        models: parsed,
        engine,
        ..
    } = &workspace;
    problems.extend(models::check(engine, project, parsed).await?);
    let session = models::empty_session(engine, project, parsed)?;
    problems.extend(analysis::check::check(&session, project).await);
    for report in &project.reports {
        match ReportFiles::load(&project.root, report) {
            Ok(files) => {
                problems.extend(report::check(report, &files));
                problems.extend(selects(report, &files, &session).await);
            }
            Err(found) => problems.extend(found),
        }
    }
    // A broken condition of a funnel also breaks the SQL compiled from it: tell it once, where it was
    // written.
    let written: Vec<String> = problems
        .iter()
        .map(|problem| problem.file.clone())
        .collect();
    problems.retain(|problem| {
        !problem.file.contains("(compiled: ")
            || !written
                .iter()
                .any(|file| problem.file.starts_with(&format!("{file} (compiled")))
    });
    problems.sort();
    problems.dedup();
    Ok((problems.is_empty().then_some(workspace), problems))
}

/// A report's selects: they plan, and give the declared columns.
async fn selects(
    report: &Report,
    files: &ReportFiles,
    session: &datafusion::prelude::SessionContext,
) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for section in &report.sections {
        let Some(text) = files.selects.get(&section.name) else {
            continue;
        };
        let query = match sql::parse(text, &section.sql_path) {
            Ok(query) => query,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let statement = match bind(
            &query.statement,
            &sql::Dates::from([("date", Default::default())]),
        ) {
            Ok(statement) => statement,
            Err(name) => {
                let (line, column) = models::place_of(text, &format!("${name}"));
                problems.push(Diagnostic {
                    file: section.sql_path.clone(),
                    line,
                    column,
                    cause: format!("a report's select has no parameter ${name}"),
                    mend: "it has $date, the day reported".to_string(),
                });
                continue;
            }
        };
        match models::plan(session, statement).await {
            Err(error) => problems.push(models::of_error(&error, &section.sql_path, text)),
            Ok(plan) => {
                problems.extend(models::of_plan(&plan, &section.sql_path, text));
                let given: Vec<(String, Arrow)> = plan
                    .schema()
                    .fields()
                    .iter()
                    .map(|field| (field.name().clone(), field.data_type().clone()))
                    .collect();
                problems.extend(columns(section, &given));
            }
        }
    }
    problems
}

fn columns(section: &Section, given: &[(String, Arrow)]) -> Vec<Diagnostic> {
    let names: Vec<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
    let declared: Vec<&str> = section
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let problem = |cause: String, mend: String| Diagnostic {
        file: section.sql_path.clone(),
        line: 0,
        column: 0,
        cause,
        mend,
    };
    if names != declared {
        return vec![problem(
            format!(
                "the select gives ({}), {} declares ({})",
                names.join(", "),
                section.yaml_path,
                declared.join(", ")
            ),
            "make both the same columns in the same order".to_string(),
        )];
    }
    section
        .columns
        .iter()
        .zip(given)
        .filter(|(column, (_, found))| !suits(column.format, found))
        .map(|(column, (_, found))| {
            problem(
                format!(
                    "{} is {found}, which cannot be written as {}",
                    column.name,
                    format_name(column.format)
                ),
                format!(
                    "change its format in {}, or cast it in the select",
                    section.yaml_path
                ),
            )
        })
        .collect()
}

fn suits(format: Format, found: &Arrow) -> bool {
    let is_text = matches!(found, Arrow::Utf8 | Arrow::Utf8View | Arrow::LargeUtf8);
    let is_decimal = matches!(found, Arrow::Decimal128(..));
    match format {
        Format::Text => true,
        Format::Word => is_text,
        Format::Date => *found == Arrow::Date32,
        Format::Count | Format::DurationUs => {
            found.is_integer() || found.is_floating() || is_decimal
        }
        Format::Percent | Format::Points | Format::Number | Format::Money => {
            found.is_floating() || found.is_integer() || is_decimal
        }
        Format::Flag => *found == Arrow::Boolean,
    }
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Text => "text",
        Format::Word => "word",
        Format::Date => "date",
        Format::Count => "count",
        Format::Percent => "percent",
        Format::Money => "money",
        Format::DurationUs => "duration_us",
        Format::Number => "number",
        Format::Points => "points",
        Format::Flag => "flag",
    }
}
