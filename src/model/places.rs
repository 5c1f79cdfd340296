//! Where things stand in a query's text. The plan knows no places, the parsed tree does.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, Ident, ObjectName, Query, Select, SelectItem, SetExpr, Spanned, Statement,
    TableFactor, Value, Visit, Visitor, visit_expressions, visit_relations,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::sql::placeholder;

/// Where a token of this text stands first: a name, or what stands in quotes.
pub fn of_token(text: &str, wanted: &str) -> Spot {
    tokens(text)
        .iter()
        .find(|token| match &token.token {
            Token::Word(word) => word.value.eq_ignore_ascii_case(wanted),
            Token::SingleQuotedString(quoted) => quoted == wanted,
            _ => false,
        })
        .map_or((1, 1), |token| of_location(token.span.start))
}

/// Where each statement of a text begins, with its first word.
pub fn of_statements(text: &str) -> Vec<(Spot, String)> {
    let tokens = tokens(text);
    let statements = tokens.split(|token| token.token == Token::SemiColon);
    statements
        .filter_map(|tokens| {
            let token = tokens
                .iter()
                .find(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF))?;
            let spot = of_location(token.span.start);
            Some((spot, token.token.to_string().to_uppercase()))
        })
        .collect()
}

fn tokens(text: &str) -> Vec<TokenWithSpan> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location();
    tokens.unwrap_or_default()
}

/// Line and column, both from 1.
pub type Spot = (usize, usize);

/// Where a node begins.
pub fn of_node(node: &impl Spanned) -> Spot {
    of_location(node.span().start)
}

fn of_location(location: Location) -> Spot {
    let from_one = |number: u64| usize::try_from(number).unwrap_or(1).max(1);
    (from_one(location.line), from_one(location.column))
}

fn of_ident(ident: &Ident) -> Spot {
    of_location(ident.span.start)
}

/// Where a table is named first; a name in single quotes has no place in the tree.
pub fn of_table(statement: &Statement, table: &str) -> Option<Spot> {
    let mut found = None;
    let _ = visit_relations(statement, |name: &ObjectName| {
        let is_it = name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .is_some_and(|ident| same(ident, table));
        if is_it {
            found = Some(name.span().start)
                .filter(|start| start.line > 0)
                .map(of_location);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    found
}

/// Names that stand where a table is read, but with arguments.
pub fn table_functions(statement: &Statement) -> BTreeSet<String> {
    struct Walk(BTreeSet<String>);
    impl Visitor for Walk {
        type Break = ();

        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table {
                name,
                args: Some(_),
                ..
            } = factor
            {
                self.0.insert(name.to_string().to_lowercase());
            }
            ControlFlow::Continue(())
        }
    }
    let mut walk = Walk(BTreeSet::new());
    let _ = statement.visit(&mut walk);
    walk.0
}

/// Where a parameter stands first; `name` is without its `$`.
pub fn of_parameter(statement: &Statement, name: &str) -> Spot {
    first(statement, |expression| {
        placeholder(expression)
            .is_some_and(|found| found == name)
            .then(|| of_node(expression))
    })
    .unwrap_or((1, 1))
}

/// Where a column is read first, written plainly or behind its table's name.
pub fn of_column(statement: &Statement, column: &str) -> Option<Spot> {
    first(statement, |expression| match expression {
        Expr::Identifier(ident) => same(ident, column).then(|| of_ident(ident)),
        Expr::CompoundIdentifier(parts) => parts
            .last()
            .filter(|ident| same(ident, column))
            .and_then(|_| parts.first())
            .map(of_ident),
        _ => None,
    })
}

/// Where a text in single quotes stands first.
pub fn of_text(statement: &Statement, text: &str) -> Option<Spot> {
    first(statement, |expression| match expression {
        Expr::Value(value) if matches!(&value.value, Value::SingleQuotedString(found) if found == text) => {
            Some(of_location(value.span.start))
        }
        Expr::TypedString(typed) if matches!(&typed.value.value, Value::SingleQuotedString(found) if found == text) => {
            Some(of_location(typed.value.span.start))
        }
        _ => None,
    })
}

/// Whether a column's name stands in double quotes where it is read first.
pub fn is_quoted(statement: &Statement, column: &str) -> bool {
    first(statement, |expression| match expression {
        Expr::Identifier(ident) => same(ident, column).then_some(ident.quote_style == Some('"')),
        _ => None,
    })
    .unwrap_or(false)
}

/// Where a function is called by one of its names, and by which. Of several calls the first that reads
/// just these columns counts, else the first.
pub fn of_call(
    statement: &Statement,
    names: &[&str],
    columns: Option<&BTreeSet<String>>,
) -> Option<(Spot, String)> {
    let calls = of_calls(statement, names);
    let exact = calls
        .iter()
        .find(|(_, _, read)| columns.is_none_or(|columns| columns == read));
    exact
        .or(calls.first())
        .map(|(spot, name, _)| (*spot, name.clone()))
}

/// Every call of a function by one of its names: where, by which, and the columns it reads.
pub fn of_calls(statement: &Statement, names: &[&str]) -> Vec<(Spot, String, BTreeSet<String>)> {
    let mut calls = Vec::new();
    let _ = visit_expressions(statement, |expression| {
        if let Expr::Function(function) = expression
            && let Some(name) = names.iter().find(|name| is_called(function, name))
        {
            let read = read_columns(&function.args);
            calls.push((of_node(&function.name), (*name).to_string(), read));
        }
        ControlFlow::<()>::Continue(())
    });
    calls
}

/// Calls that `pick` chooses by the function's name in lower case and whether a window (`over`) follows.
pub fn calls(statement: &Statement, pick: impl Fn(&str, bool) -> bool) -> Vec<(Spot, String)> {
    let mut calls = Vec::new();
    let _ = visit_expressions(statement, |expression| {
        if let Expr::Function(function) = expression {
            let name = function.name.to_string().to_lowercase();
            if pick(&name, function.over.is_some()) {
                calls.push((of_node(&function.name), name));
            }
        }
        ControlFlow::<()>::Continue(())
    });
    calls
}

/// Where an operation between these columns stands: its first operand.
pub fn of_operation(
    statement: &Statement,
    operator: &str,
    columns: &BTreeSet<String>,
) -> Option<Spot> {
    first(statement, |expression| match expression {
        Expr::BinaryOp { op, .. } => (op.to_string() == operator
            && read_columns(expression) == *columns)
            .then(|| of_node(expression)),
        _ => None,
    })
}

fn is_called(function: &Function, name: &str) -> bool {
    function
        .name
        .0
        .last()
        .and_then(|part| part.as_ident())
        .is_some_and(|ident| same(ident, name))
}

/// Names of the columns that are read in a part of the tree.
fn read_columns(part: &impl Visit) -> BTreeSet<String> {
    let mut columns = BTreeSet::new();
    let _ = visit_expressions(part, |expression| {
        match expression {
            Expr::Identifier(ident) => {
                columns.insert(plain(ident));
            }
            Expr::CompoundIdentifier(parts) => columns.extend(parts.last().map(plain)),
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    columns
}

/// Where the outermost select gives a column, or where that select begins.
pub fn of_output(statement: &Statement, column: &str) -> Spot {
    let Some(select) = outermost(statement) else {
        return (1, 1);
    };
    select
        .projection
        .iter()
        .find_map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => same(alias, column).then(|| of_ident(alias)),
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => {
                same(ident, column).then(|| of_ident(ident))
            }
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts
                .last()
                .filter(|ident| same(ident, column))
                .and_then(|_| parts.first())
                .map(of_ident),
            SelectItem::UnnamedExpr(expression) => {
                (expression.to_string().eq_ignore_ascii_case(column)).then(|| of_node(expression))
            }
            _ => None,
        })
        .unwrap_or_else(|| of_node(&select.select_token.0))
}

/// Where the outermost select begins.
pub fn of_select(statement: &Statement) -> Spot {
    outermost(statement).map_or((1, 1), |select| of_node(&select.select_token.0))
}

/// The select that names a query's columns: of a union, the first one.
fn outermost(statement: &Statement) -> Option<&Select> {
    let Statement::Query(query) = statement else {
        return None;
    };
    fn of_query(query: &Query) -> Option<&Select> {
        of_body(&query.body)
    }
    fn of_body(body: &SetExpr) -> Option<&Select> {
        match body {
            SetExpr::Select(select) => Some(select),
            SetExpr::Query(query) => of_query(query),
            SetExpr::SetOperation { left, .. } => of_body(left),
            _ => None,
        }
    }
    of_query(query)
}

/// The first thing that `pick` finds in the tree's expressions.
fn first<T>(tree: &impl Visit, mut pick: impl FnMut(&Expr) -> Option<T>) -> Option<T> {
    struct Walk<'a, T> {
        pick: &'a mut dyn FnMut(&Expr) -> Option<T>,
    }
    impl<T> Visitor for Walk<'_, T> {
        type Break = T;

        fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<T> {
            match (self.pick)(expression) {
                Some(found) => ControlFlow::Break(found),
                None => ControlFlow::Continue(()),
            }
        }
    }
    tree.visit(&mut Walk { pick: &mut pick }).break_value()
}

fn same(ident: &Ident, name: &str) -> bool {
    ident.value.eq_ignore_ascii_case(name)
}

fn plain(ident: &Ident) -> String {
    ident.value.to_lowercase()
}
