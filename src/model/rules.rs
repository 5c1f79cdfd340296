//! What a model's SQL may not do, found on the parsed tree; and the nearest name.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Query, SetExpr, Statement, TableFactor, Visit, Visitor};

use super::places::{self, Spot};
use super::sql::ParsedQuery;
use crate::config::nearest;
use crate::diagnostic::{Diagnostic, Place};

/// Parameters of a query, and what to say to who uses another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameters {
    names: &'static [&'static str],
    mend: &'static str,
}

/// Those of a model.
pub(super) const OF_MODEL: Parameters = Parameters {
    names: &["start", "end", "complete_through"],
    mend: "a model has $start and $end (the dates it builds, inclusive) and $complete_through (the last complete day)",
};

/// Those of a report's select.
pub(super) const OF_SELECT: Parameters = Parameters {
    names: &["date"],
    mend: "a report's select has one parameter, $date: the day reported",
};

/// Those of a check.
pub(super) const OF_CHECK: Parameters = Parameters {
    names: &[],
    mend: "a check has no parameters: `this` holds the rows of one date",
};

/// What to do instead of reading anything else.
const READ_TABLES: &str =
    "read a source of `pipelines/` or a model of `sql/`; to read a file, declare a source for it";

struct Refused {
    found: Vec<(Spot, String, &'static str)>,
    /// Whether something was found that the engine could only misunderstand.
    is_senseless: bool,
}

impl Visitor for Refused {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if !query.locks.is_empty() {
            self.found.push((
                places::of_node(query),
                "FOR UPDATE means nothing here".into(),
                "remove it",
            ));
        }
        if let SetExpr::Select(select) = query.body.as_ref()
            && let Some(into) = &select.into
        {
            self.is_senseless = true;
            self.found.push((
                places::of_node(&into.name),
                "SELECT INTO is refused: a model's table is named by its file".into(),
                "remove the INTO",
            ));
        }
        if let (Some(limit), None) = (&query.limit_clause, &query.order_by) {
            self.found.push((
                places::of_node(limit),
                "LIMIT without ORDER BY: which rows are left would be by chance".into(),
                "add an ORDER BY whose columns decide between equal rows",
            ));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args, .. } = factor {
            self.is_senseless |= args.is_some() || name.0.len() > 1;
            if args.is_some() {
                self.found.push((
                    places::of_node(name),
                    format!("{name}(…) is refused: only declared tables are read"),
                    READ_TABLES,
                ));
            } else if name.0.len() > 1 {
                self.found.push((
                    places::of_node(name),
                    format!("{name} is refused: tables have plain names, without a `.`"),
                    READ_TABLES,
                ));
            }
        }
        if let TableFactor::Table {
            sample: Some(_),
            name,
            ..
        } = factor
        {
            self.found.push((
                places::of_node(name),
                "TABLESAMPLE would be ignored by the engine".into(),
                "filter by a hash of a column instead",
            ));
        }
        ControlFlow::Continue(())
    }
}

/// Problems of a parsed query that need no plan, and whether there is sense in planning it.
pub(super) fn of_query(
    query: &ParsedQuery,
    file: &str,
    parameters: Parameters,
) -> (Vec<Diagnostic>, bool) {
    let mut refused = Refused {
        found: Vec::new(),
        is_senseless: false,
    };
    let _ = query.statement.visit(&mut refused);
    let mut problems: Vec<Diagnostic> = refused
        .found
        .into_iter()
        .map(|((line, column), cause, mend)| {
            Diagnostic::new(file, Place::new(line, column), cause, mend)
        })
        .collect();
    for parameter in &query.parameters {
        if !parameters.names.contains(&parameter.as_str()) {
            let (line, column) = places::of_parameter(&query.statement, parameter);
            let written = match parameter.as_str() {
                "?" => "?".to_string(),
                name => format!("${name}"),
            };
            problems.push(Diagnostic::new(
                file,
                Place::new(line, column),
                format!("there is no parameter {written}"),
                parameters.mend,
            ));
        }
    }
    (problems, !refused.is_senseless)
}

/// A table nobody declares.
pub(super) fn unknown_table<'a>(
    (statement, text): (&Statement, &str),
    file: &str,
    table: &str,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let (line, column) =
        places::of_table(statement, table).unwrap_or_else(|| places::of_token(text, table));
    if table == "_loudou" || table.contains(['/', '.', ':']) {
        return Diagnostic::new(
            file,
            Place::new(line, column),
            format!("{table} is no table: only declared tables are read"),
            READ_TABLES,
        );
    }
    Diagnostic::new(
        file,
        Place::new(line, column),
        format!("there is no table {table}"),
        tables_there_are(table, known.collect()),
    )
}

/// Names of tables in one message at most.
const MAX_NAMED: usize = 20;

fn tables_there_are(table: &str, mut known: Vec<&str>) -> String {
    known.sort_unstable();
    known.dedup();
    let hint = did_you_mean(table, known.iter().copied());
    let more = match known.len().checked_sub(MAX_NAMED) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more (`loudou ls` lists them)"),
    };
    known.truncate(MAX_NAMED);
    match known.is_empty() {
        true => "there is no other table; a source of `pipelines/` or a model of `sql/` makes one"
            .to_string(),
        false => format!("{hint}tables are {}{more}", known.join(", ")),
    }
}

/// "did you mean x? " if a name is near, else nothing.
pub(super) fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!("did you mean {near}? "))
}
