//! Checks of declared analyses that need SQL: a step's condition must parse, plan on its table and be
//! true or false. Told at the YAML's place, not at one in compiled SQL that nobody wrote.

use std::ops::ControlFlow;
use std::path::Path;

use arrow::datatypes::DataType;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{Expr, visit_expressions};

use crate::config::place_within;
use crate::diagnostic::{Diagnostic, Place};
use crate::model::check::{friendly, of_plan, try_plan};
use crate::model::sql;
use crate::project::{Condition, Funnel, Project};

/// What stands before a condition to make it a query.
const BEFORE: &str = "select (";

/// Problems of all funnels' conditions. `session` knows every table, without rows; nothing is said
/// about funnels on tables that it does not know.
pub async fn check(session: &SessionContext, project: &Project) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for funnel in project.funnels.values() {
        let is_known = session.table_exist(funnel.on.as_str()).unwrap_or(false);
        for (what, condition) in funnel.conditions() {
            let asked = Asked {
                root: &project.root,
                funnel,
                what,
                condition,
            };
            problems.extend(asked.problems(is_known.then_some(session)).await);
        }
    }
    problems
}

struct Asked<'a> {
    root: &'a Path,
    funnel: &'a Funnel,
    /// Which step, field or exclusion it is.
    what: String,
    condition: &'a Condition,
}

impl Asked<'_> {
    /// A problem at a line and column of the condition's text.
    fn problem(&self, (line, column): (usize, usize), cause: &str, mend: &str) -> Diagnostic {
        let (file, first_line, first_column) = &self.condition.place;
        let first = Place::new(*first_line, *first_column);
        let place = std::fs::read_to_string(self.root.join(file)).map_or(first, |source| {
            place_within(
                &source,
                first,
                &self.condition.sql,
                Place::new(line, column),
            )
        });
        let cause = format!("funnel {}, {}: {cause}", self.funnel.name, self.what);
        Diagnostic::new(file, place, cause, mend)
    }

    async fn problems(&self, session: Option<&SessionContext>) -> Vec<Diagnostic> {
        let at_start = |cause: &str, mend: &str| vec![self.problem((1, 1), cause, mend)];
        let expression = match sql::parse_expression(&self.condition.sql) {
            Ok(expression) => expression,
            Err((place, cause, mend)) => {
                let mend = format!("{mend}; a condition is SQL, such as event = 'pay'");
                let cause = format!("the condition does not parse: {cause}");
                return vec![self.problem(place, &cause, &mend)];
            }
        };
        let has_query = visit_expressions(&expression, |inner| match inner {
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        });
        if has_query.is_break() {
            return at_start(
                "a condition looks at one event and reads no other table",
                "write a model that joins the tables, and let the funnel run `on` it",
            );
        }
        // The line end closes a comment that may stand last in the condition.
        let text = format!(
            "{BEFORE}{}\n) as condition from \"{}\"",
            self.condition.sql, self.funnel.on
        );
        let (file, ..) = &self.condition.place;
        let parsed = match sql::parse(&text, file) {
            Ok(parsed) => parsed,
            Err(problem) => return at_start(&problem.cause, &problem.mend),
        };
        if let Some(parameter) = parsed.parameters.iter().next() {
            let place = sql::place_of_parameter(&parsed.statement, parameter);
            return vec![self.problem(
                inside(place),
                &format!("a condition has no parameters, but here is ${parameter}"),
                "leave it out: the funnel itself takes the events of the right days",
            )];
        }
        let Some(session) = session else {
            return Vec::new();
        };
        let state = session.state();
        let over_many = sql::calls(&parsed.statement, |name, is_over| {
            is_over || state.aggregate_functions().contains_key(name)
        });
        if let Some((place, name)) = over_many.first() {
            return vec![self.problem(
                inside(*place),
                &format!("{name} looks at many events, but a condition looks at one"),
                "leave it out; a model can prepare a column for the condition",
            )];
        }
        let planned = match try_plan(session, parsed.statement.clone()).await {
            Ok(planned) => planned,
            Err(failure) => {
                let problem = failure.explain(&parsed.statement, file);
                let place = inside((problem.line, problem.column));
                return vec![self.problem(place, &problem.cause, &problem.mend)];
            }
        };
        let mut problems: Vec<Diagnostic> = of_plan(&planned, &parsed.statement, file)
            .into_iter()
            .map(|problem| {
                let place = inside((problem.line, problem.column));
                self.problem(
                    place,
                    &problem.cause,
                    "look only at columns of the event: a rerun of a date must give the same bytes",
                )
            })
            .collect();
        let given = planned.schema().field(0).data_type();
        if !matches!(given, DataType::Boolean | DataType::Null) {
            problems.extend(at_start(
                &format!("the condition gives {}, not true or false", friendly(given)),
                "compare it with something, such as event = 'pay'",
            ));
        }
        problems
    }
}

/// A place of the query around a condition as a place of the condition.
fn inside((line, column): (usize, usize)) -> (usize, usize) {
    match line {
        1 => (1, column.saturating_sub(BEFORE.len()).max(1)),
        _ => (line, column),
    }
}
