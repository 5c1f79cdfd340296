//! What a model's SQL may not do, found on the parsed tree; and where a name stands in its text.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ObjectName, Query, SetExpr, Spanned, Statement, TableFactor, Visit, Visitor, visit_relations,
};

use super::sql::ParsedQuery;
use super::{Model, ModelSource};
use crate::diagnostic::Diagnostic;

/// Parameters a model may use.
pub(super) const PARAMETERS: &[&str] = &["start", "end", "complete_through"];

struct Refused {
    found: Vec<((usize, usize), String, &'static str)>,
}

impl Visitor for Refused {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if !query.locks.is_empty() {
            self.found.push((
                place(query),
                "FOR UPDATE means nothing here".into(),
                "remove it",
            ));
        }
        if let SetExpr::Select(select) = query.body.as_ref()
            && select.into.is_some()
        {
            self.found.push((
                place(query),
                "SELECT INTO is refused: a model's table is named by its file".into(),
                "remove the INTO",
            ));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table {
            sample: Some(_),
            name,
            ..
        } = factor
        {
            self.found.push((
                place(name),
                "TABLESAMPLE would be ignored by the engine".into(),
                "filter by a hash of a column instead",
            ));
        }
        ControlFlow::Continue(())
    }
}

fn place(node: &impl Spanned) -> (usize, usize) {
    let start = node.span().start;
    (
        usize::try_from(start.line).unwrap_or(1).max(1),
        usize::try_from(start.column).unwrap_or(1).max(1),
    )
}

/// Problems of a parsed model that need no plan.
pub(super) fn of_statement(source: &ModelSource, query: &ParsedQuery) -> Vec<Diagnostic> {
    let file = &source.contract.sql_path;
    let mut refused = Refused { found: Vec::new() };
    let _ = query.statement.visit(&mut refused);
    let mut problems: Vec<Diagnostic> = refused
        .found
        .into_iter()
        .map(|((line, column), cause, mend)| Diagnostic {
            file: file.clone(),
            line,
            column,
            cause,
            mend: mend.to_string(),
        })
        .collect();
    for parameter in &query.parameters {
        if !PARAMETERS.contains(&parameter.as_str()) {
            let (line, column) = find(&source.sql, &format!("${parameter}"));
            problems.push(Diagnostic {
                file: file.clone(),
                line,
                column,
                cause: format!("there is no parameter ${parameter}"),
                mend: "a model has $start and $end (the dates it builds, inclusive) and $complete_through (the last complete day)".to_string(),
            });
        }
    }
    problems
}

/// A table nobody declares.
pub(super) fn unknown_table<'a>(
    model: &Model,
    table: &str,
    known: impl Iterator<Item = &'a String>,
) -> Diagnostic {
    let nearest = nearest(table, known.map(String::as_str));
    at_table(
        model,
        table,
        format!("there is no table {table}"),
        &match nearest {
            Some(name) => format!("did you mean {name}? `loudou ls` lists all tables"),
            None => "`loudou ls` lists all tables".to_string(),
        },
    )
}

/// The name most like another, if one is like it at all.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// A problem at the place where a model names a table.
pub(super) fn at_table(model: &Model, table: &str, cause: String, mend: &str) -> Diagnostic {
    let (line, column) = table_place(&model.statement, table);
    Diagnostic {
        file: model.contract.sql_path.clone(),
        line,
        column,
        cause,
        mend: mend.to_string(),
    }
}

fn table_place(statement: &Statement, table: &str) -> (usize, usize) {
    let mut found = (1, 1);
    let _ = visit_relations(statement, |name: &ObjectName| {
        if name
            .to_string()
            .trim_matches('"')
            .eq_ignore_ascii_case(table)
        {
            found = place(name);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    found
}

/// Line and column (from 1) of the first place of a word in a text, as a whole word.
pub fn find(text: &str, word: &str) -> (usize, usize) {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    for (number, line) in text.lines().enumerate() {
        let code = line.split("--").next().unwrap_or(line).to_lowercase();
        let mut from = 0;
        while let Some(at) = code[from..].find(&word.to_lowercase()) {
            let start = from + at;
            let end = start + word.len();
            let before = code[..start].chars().next_back().is_some_and(is_word);
            let after = code[end..].chars().next().is_some_and(is_word);
            if !before && !after {
                return (number + 1, code[..start].chars().count() + 1);
            }
            from = end;
        }
    }
    (1, 1)
}
