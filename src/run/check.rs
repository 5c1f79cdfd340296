//! Every problem of a project at once, without reading data.

use std::path::Path;

use arrow::datatypes::DataType as Arrow;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::Statement;

use super::Workspace;
use crate::analysis;
use crate::config::{self, Select};
use crate::diagnostic::{Diagnostic, Place};
use crate::error::Result;
use crate::model::sql::{self, bind};
use crate::model::{Models, check as models};
use crate::project::{Format, Project, Section};
use crate::report::{self, ReportFiles};

/// Loads a project and looks for everything that is wrong with it: YAML, contracts, SQL planned on
/// empty tables, declared analyses, templates. Where the YAML has problems, everything that does not
/// hang on them is looked at all the same. The workspace comes with it if nothing is wrong.
pub async fn check(root: &Path) -> Result<(Option<Workspace>, Vec<Diagnostic>)> {
    let (parts, mut problems) = config::load_parts(root);
    let Some(parts) = parts else {
        return Ok((None, problems));
    };
    let selects = parts.selects.clone();
    let unlisted = parts.unlisted_reports.clone();
    let is_whole = parts.is_whole;
    let (workspace, found) = Workspace::open(parts)?;
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
    for select in &selects {
        problems.extend(of_select(project, select, parsed, &session).await);
    }
    for report in project.reports.iter().chain(&unlisted) {
        match ReportFiles::load(&project.root, report) {
            Ok(files) => problems.extend(report::check(report, &files)),
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
    let is_sound = is_whole && problems.is_empty();
    Ok((is_sound.then_some(workspace), problems))
}

/// The select of a report's section: it plans, and gives the declared columns.
async fn of_select(
    project: &Project,
    select: &Select,
    models: &Models,
    session: &SessionContext,
) -> Vec<Diagnostic> {
    let file = &select.sql_path;
    let text = match std::fs::read_to_string(project.root.join(file)) {
        Ok(text) => text,
        Err(error) => {
            return vec![Diagnostic::new(
                file,
                Place::FILE,
                format!("the file is not a text: {error}"),
                "save it as UTF-8 text",
            )];
        }
    };
    let query = match sql::parse(&text, file) {
        Ok(query) => query,
        Err(problem) => return vec![problem],
    };
    let mut problems = models.of_select(project, &query, file, &text);
    if !problems.is_empty() {
        return problems;
    }
    let Ok(statement) = bind(
        &query.statement,
        &sql::Dates::from([("date", Default::default())]),
    ) else {
        return problems;
    };
    let are_tables_known = query
        .tables
        .iter()
        .all(|table| session.table_exist(table.as_str()).unwrap_or(false));
    if !are_tables_known {
        return problems;
    }
    match models::try_plan(session, statement).await {
        Err(failure) => problems.push(failure.explain(&query.statement, file)),
        Ok(plan) => {
            problems.extend(models::of_plan(&plan, &query.statement, file));
            let given: Vec<(String, Arrow)> = plan
                .schema()
                .fields()
                .iter()
                .map(|field| (field.name().clone(), field.data_type().clone()))
                .collect();
            if let Some(section) = &select.section {
                problems.extend(columns(section, &query.statement, &given));
            }
        }
    }
    problems
}

fn columns(section: &Section, statement: &Statement, given: &[(String, Arrow)]) -> Vec<Diagnostic> {
    let names: Vec<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
    let declared: Vec<&str> = section
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let problem = |name: &str, cause: String, mend: String| {
        let (line, column) = models::place_of_output(statement, name);
        Diagnostic::new(&section.sql_path, Place::new(line, column), cause, mend)
    };
    if names != declared {
        let odd = names
            .iter()
            .zip(&declared)
            .find(|(given, declared)| given != declared)
            .map(|(given, _)| *given)
            .or_else(|| names.get(declared.len()).copied());
        return vec![problem(
            odd.unwrap_or_default(),
            format!(
                "the select gives {}, but {} declares {}",
                listed(&names),
                section.yaml_path,
                listed(&declared)
            ),
            same_columns(&names, &declared, &section.yaml_path),
        )];
    }
    section
        .columns
        .iter()
        .zip(given)
        .filter(|(column, (_, found))| !suits(column.format, found))
        .map(|(column, (_, found))| {
            problem(
                &column.name,
                format!(
                    "{} comes out as {}, which cannot be shown as `{}`",
                    column.name,
                    models::friendly(found),
                    column.format.word()
                ),
                format!(
                    "change its `format` in {}, or cast it in the select",
                    section.yaml_path
                ),
            )
        })
        .collect()
}

/// How a select and a section come to the same columns.
fn same_columns(given: &[&str], declared: &[&str], yaml_path: &str) -> String {
    let lacking = |names: &[&str], others: &[&str]| {
        let found: Vec<&str> = names
            .iter()
            .filter(|name| !others.contains(name))
            .copied()
            .collect();
        found.join(", ")
    };
    let (missing, extra) = (lacking(declared, given), lacking(given, declared));
    match (missing.is_empty(), extra.is_empty()) {
        (true, true) => format!(
            "give each once, in the order of {yaml_path}: {}",
            declared.join(", ")
        ),
        (false, true) => {
            format!("add {missing} to the select, or take it out of `columns` of {yaml_path}")
        }
        (true, false) => {
            format!("take {extra} out of the select, or declare it in `columns` of {yaml_path}")
        }
        (false, false) => format!(
            "the select lacks {missing}, and {extra} is not declared: rename one of them, so that both have the same columns in the same order"
        ),
    }
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => "no column".to_string(),
        names => names.join(", "),
    }
}

fn suits(format: Format, found: &Arrow) -> bool {
    let is_text = matches!(found, Arrow::Utf8 | Arrow::Utf8View | Arrow::LargeUtf8);
    let is_decimal = matches!(found, Arrow::Decimal128(..));
    // A plain NULL has no type and is shown as nothing.
    if *found == Arrow::Null {
        return true;
    }
    match format {
        Format::Text | Format::Word => is_text,
        Format::Date => *found == Arrow::Date32,
        Format::Count => found.is_integer(),
        Format::Percent | Format::Points => found.is_floating(),
        Format::Money => is_decimal,
        Format::DurationUs | Format::Number => {
            found.is_integer() || found.is_floating() || is_decimal
        }
        Format::Flag => *found == Arrow::Boolean,
    }
}
