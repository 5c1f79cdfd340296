//! Parses a query, finds what it reads, binds dates into it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use chrono::NaiveDate;
use datafusion::common::DataFusionError;
use datafusion::sql::parser::{DFParserBuilder, Statement as DfStatement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    Expr, Spanned, Statement, Value, VisitMut, VisitorMut, visit_expressions,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::diagnostic::Diagnostic;

/// A parsed query.
#[derive(Debug, Clone)]
pub struct ParsedQuery {
    /// The tree.
    pub statement: Statement,
    /// Tables it reads, its own CTEs apart.
    pub tables: BTreeSet<String>,
    /// Parameters it uses, without `$`.
    pub parameters: BTreeSet<String>,
}

/// Parses exactly one query of a file.
pub fn parse(text: &str, file: &str) -> Result<ParsedQuery, Diagnostic> {
    let problem = |place: (usize, usize), cause: String, mend: &str| Diagnostic {
        file: file.to_string(),
        line: place.0,
        column: place.1,
        cause,
        mend: mend.to_string(),
    };
    let dialect = GenericDialect {};
    let mut statements = DFParserBuilder::new(text)
        .with_dialect(&dialect)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| {
            let (place, cause) = place_of_parse_error(&error);
            problem(
                place,
                format!("the SQL does not parse: {cause}"),
                "correct the syntax at this place",
            )
        })?;
    let found = statements.len();
    let only = match (statements.pop_front(), found) {
        (Some(DfStatement::Statement(statement)), 1) => *statement,
        (None, _) => {
            return Err(problem(
                (1, 1),
                "there is no query in this file".into(),
                "write one select",
            ));
        }
        (Some(_), 1) => {
            return Err(problem(
                (1, 1),
                "a model is one query; COPY, CREATE and the like are refused".into(),
                "write one select",
            ));
        }
        (Some(_), count) => {
            return Err(problem(
                (1, 1),
                format!("{count} statements; a model is exactly one query"),
                "split it into one file for each model",
            ));
        }
    };
    if !matches!(only, Statement::Query(_)) {
        let start = only.span().start;
        let place = (
            usize::try_from(start.line).unwrap_or(1).max(1),
            usize::try_from(start.column).unwrap_or(1).max(1),
        );
        return Err(problem(
            place,
            "a model is one query; INSERT, SET, CREATE and the like are refused".into(),
            "write one select",
        ));
    }
    let wrapped = DfStatement::Statement(Box::new(only.clone()));
    let (tables, _) = resolve_table_references(&wrapped, true)
        .map_err(|error| problem((1, 1), error.to_string(), "name tables by their plain name"))?;
    let mut parameters = BTreeSet::new();
    let _ = visit_expressions(&only, |expression| {
        if let Some(name) = placeholder(expression) {
            parameters.insert(name);
        }
        ControlFlow::<()>::Continue(())
    });
    Ok(ParsedQuery {
        statement: only,
        tables: tables
            .iter()
            .map(|table| table.table().to_string())
            .collect(),
        parameters,
    })
}

/// Whether a text is one SQL expression, and nothing after it; the error's line and column otherwise.
pub fn parse_expression(text: &str) -> Result<Expr, ((usize, usize), String)> {
    let dialect = GenericDialect {};
    let fault = |error: datafusion::sql::sqlparser::parser::ParserError| {
        place_of_parse_error(&DataFusionError::SQL(Box::new(error), None))
    };
    let mut parser = Parser::new(&dialect).try_with_sql(text).map_err(fault)?;
    let expression = parser.parse_expr().map_err(fault)?;
    let next = parser.peek_token();
    if next.token != datafusion::sql::sqlparser::tokenizer::Token::EOF {
        let place = (
            usize::try_from(next.span.start.line).unwrap_or(1),
            usize::try_from(next.span.start.column).unwrap_or(1),
        );
        return Err((
            place,
            format!("expected the end of the condition, found {}", next.token),
        ));
    }
    Ok(expression)
}

fn placeholder(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => Some(name.trim_start_matches('$').to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// The parser tells its place only in words: `… at Line: 3, Column: 14`.
fn place_of_parse_error(error: &DataFusionError) -> ((usize, usize), String) {
    let text = match error {
        DataFusionError::SQL(error, _) => error.to_string(),
        DataFusionError::Diagnostic(_, inner) => return place_of_parse_error(inner),
        other => other.strip_backtrace(),
    };
    let text = text
        .trim_start_matches("sql parser error: ")
        .trim_start_matches("SQL error: ")
        .to_string();
    let number_after = |mark: &str| {
        let at = text.rfind(mark)? + mark.len();
        let digits: String = text[at..]
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse::<usize>().ok()
    };
    let place = (
        number_after("Line: ").unwrap_or(1).max(1),
        number_after("Column: ").unwrap_or(1).max(1),
    );
    let cause = text.split(" at Line: ").next().unwrap_or(&text).to_string();
    (place, cause)
}

/// Dates to bind, by parameter name without `$`.
pub type Dates = BTreeMap<&'static str, NaiveDate>;

struct Binder<'a>(&'a Dates);

impl VisitorMut for Binder<'_> {
    type Break = String;

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<String> {
        let Some(name) = placeholder(expression) else {
            return ControlFlow::Continue(());
        };
        let Some(date) = self.0.get(name.as_str()) else {
            return ControlFlow::Break(name);
        };
        let dialect = GenericDialect {};
        let literal = Parser::new(&dialect)
            .try_with_sql(&format!("DATE '{date}'"))
            .and_then(|mut parser| parser.parse_expr());
        match literal {
            Ok(literal) => {
                *expression = literal;
                ControlFlow::Continue(())
            }
            Err(_) => ControlFlow::Break(name),
        }
    }
}

/// Puts DATE literals in the place of parameters; the name of one that has no date otherwise. Literals
/// and not placeholders, since those carry no type.
pub fn bind(statement: &Statement, dates: &Dates) -> Result<Statement, String> {
    let mut bound = statement.clone();
    match bound.visit(&mut Binder(dates)) {
        ControlFlow::Continue(()) => Ok(bound),
        ControlFlow::Break(name) => Err(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_tables_and_parameters() {
        let text = "with x as (select * from events where date between $start and $end)\nselect * from x join (select 1 from users) u on true";
        let query = parse(text, "m.sql").unwrap();
        assert_eq!(query.tables.iter().collect::<Vec<_>>(), ["events", "users"]);
        assert_eq!(
            query.parameters.iter().collect::<Vec<_>>(),
            ["end", "start"]
        );
    }

    #[test]
    fn binds_dates_as_typed_literals() {
        let query = parse("select date from e where date >= $start", "m.sql").unwrap();
        let date = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        let bound = bind(&query.statement, &Dates::from([("start", date)])).unwrap();
        assert!(bound.to_string().contains("DATE '2026-11-21'"), "{bound}");
        assert_eq!(
            bind(&query.statement, &Dates::new()),
            Err("start".to_string())
        );
    }

    #[test]
    fn refuses_everything_but_one_query() {
        for (text, place) in [
            ("select 1\n  )", Some((2, 3))),
            ("", None),
            ("select 1; select 2", None),
            ("insert into x select 1", None),
            ("copy x to 'y'", None),
            ("create table x as select 1", None),
            ("set a = 1", None),
        ] {
            let problem = parse(text, "m.sql").unwrap_err();
            if let Some(place) = place {
                assert_eq!((problem.line, problem.column), place, "{problem}");
            }
            assert!(problem.line >= 1 && problem.column >= 1, "{problem}");
        }
    }

    #[test]
    fn expressions_end_where_they_end() {
        assert!(parse_expression("event = 'pay' and amount > 0").is_ok());
        assert_eq!(
            parse_expression("event = 'pay' limit 1").unwrap_err().0,
            (1, 15)
        );
        assert!(parse_expression("event = ").is_err());
        assert!(parse_expression("event = 'pay'; drop table x").is_err());
    }
}
