//! Parses a query, finds what it reads, binds dates into it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use chrono::NaiveDate;
use datafusion::common::DataFusionError;
use datafusion::sql::parser::{DFParserBuilder, Statement as DfStatement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    Expr, Statement, Value, VisitMut, VisitorMut, visit_expressions,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::places;
use crate::diagnostic::{Diagnostic, Place};

pub use super::places::{calls, of_parameter as place_of_parameter};

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
    let problem = |(line, column): (usize, usize), cause: String, mend: &str| {
        Diagnostic::new(file, Place::new(line, column), cause, mend)
    };
    let dialect = GenericDialect {};
    let mut statements = DFParserBuilder::new(text)
        .with_dialect(&dialect)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| {
            let (place, cause, mend) = parse_error(&error, text);
            problem(place, format!("the SQL does not parse: {cause}"), mend)
        })?;
    let places = places::of_statements(text);
    if let Some((place, _)) = places.get(1) {
        return Err(problem(
            *place,
            format!(
                "{} statements stand in this file, but it is to be one query",
                places.len()
            ),
            "keep one select here; another one needs a file of its own",
        ));
    }
    let only = match statements.pop_front() {
        None => {
            return Err(problem(
                (0, 0),
                "there is no query in this file".into(),
                "write one select",
            ));
        }
        Some(DfStatement::Statement(statement)) if matches!(*statement, Statement::Query(_)) => {
            *statement
        }
        Some(_) => {
            let (place, word) = places.first().cloned().unwrap_or_default();
            return Err(problem(
                place,
                format!(
                    "{word} is refused: the file is to be one query, and what it gives is stored by loudou"
                ),
                "write one select",
            ));
        }
    };
    let wrapped = DfStatement::Statement(Box::new(only.clone()));
    let (tables, _) = resolve_table_references(&wrapped, true)
        .map_err(|error| problem((1, 1), error.to_string(), "name tables by their plain name"))?;
    let functions = places::table_functions(&only);
    let mut parameters = BTreeSet::new();
    let _ = visit_expressions(&only, |expression| {
        if let Some(name) = placeholder(expression) {
            parameters.insert(name);
        }
        ControlFlow::<()>::Continue(())
    });
    Ok(ParsedQuery {
        statement: only,
        // Others are refused by the rules.
        tables: tables
            .iter()
            .filter(|table| table.schema().is_none())
            .map(|table| table.table().to_string())
            .filter(|table| !functions.contains(table))
            .collect(),
        parameters,
    })
}

/// Whether a text is one SQL expression, and nothing after it; the error's line and column otherwise.
pub fn parse_expression(text: &str) -> Result<Expr, ((usize, usize), String, &'static str)> {
    let dialect = GenericDialect {};
    let fault = |error: datafusion::sql::sqlparser::parser::ParserError| {
        parse_error(&DataFusionError::SQL(Box::new(error), None), text)
    };
    let mut parser = Parser::new(&dialect).try_with_sql(text).map_err(fault)?;
    let expression = parser.parse_expr().map_err(fault)?;
    let next = parser.peek_token();
    if next.token != datafusion::sql::sqlparser::tokenizer::Token::EOF {
        let place = (
            usize::try_from(next.span.start.line).unwrap_or(1),
            usize::try_from(next.span.start.column).unwrap_or(1),
        );
        let found = next.token.to_string();
        let mend = match found.as_str() {
            "," => "join two conditions by `and` or `or`",
            found => mend_of(found),
        };
        return Err((
            place,
            format!("`{found}` stands where the condition should end"),
            mend,
        ));
    }
    Ok(expression)
}

/// The name of a parameter, without its `$`.
pub(super) fn placeholder(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => Some(name.trim_start_matches('$').to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// Place, cause and mend of an error of the parser, which tells its place only in words:
/// `Expected: …, found: … at Line: 3, Column: 14`.
fn parse_error(error: &DataFusionError, source: &str) -> ((usize, usize), String, &'static str) {
    let text = match error {
        DataFusionError::SQL(error, _) => error.to_string(),
        DataFusionError::Diagnostic(_, inner) => return parse_error(inner, source),
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
    let cause = text.split(" at Line: ").next().unwrap_or(&text);
    let parts = cause
        .strip_prefix("Expected: ")
        .and_then(|rest| rest.rsplit_once(", found: "));
    match parts {
        Some((expected, "EOF")) => (
            end_of(source),
            format!("it ends where {} should follow", plain(expected)),
            "look for a bracket that is not closed, or write the rest",
        ),
        Some((expected, found)) => (
            place,
            format!("`{found}` stands where {} should be", plain(expected)),
            mend_of(found),
        ),
        None if cause.starts_with("Unterminated string") => (
            place,
            "a quote is not closed".to_string(),
            "close the text with '",
        ),
        None => (
            place,
            cause.to_lowercase(),
            "correct the syntax at this place",
        ),
    }
}

/// The place of a text's last character that is no blank.
fn end_of(text: &str) -> (usize, usize) {
    let text = text.trim_end();
    let line = text.lines().count().max(1);
    let last = text.lines().next_back().unwrap_or_default();
    (line, last.chars().count().max(1))
}

/// What the parser expects, in words.
fn plain(expected: &str) -> String {
    match expected {
        "end of statement" => "the end of the query".to_string(),
        sign if sign
            .chars()
            .all(|character| character.is_ascii_punctuation()) =>
        {
            format!("`{sign}`")
        }
        other => other.to_string(),
    }
}

/// What to do about a token that does not fit.
fn mend_of(found: &str) -> &'static str {
    match found.chars().next() {
        Some(
            '，' | '。' | '；' | '（' | '）' | '‘' | '’' | '“' | '”' | '＝' | '！' | '、' | '：',
        ) => "this is a full-width character: write the one of an English keyboard",
        _ => "correct the syntax here or just before",
    }
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
            ("select (a\nfrom x", (2, 1)),
            ("", (0, 0)),
            ("select 1; select 2", (1, 11)),
            ("-- x\ninsert into x select 1", (2, 1)),
            ("copy x to 'y'", (1, 1)),
            ("create table x as select 1", (1, 1)),
            ("set a = 1", (1, 1)),
        ] {
            let problem = parse(text, "m.sql").map(|_| text).unwrap_err();
            assert_eq!((problem.line, problem.column), place, "{problem}");
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
