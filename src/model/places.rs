//! Where things stand in a query's text. The plan knows no places, the parsed tree does.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, Ident, ObjectName, Query, Select, SelectItem, SetExpr, Spanned, Statement,
    Visit, Visitor, visit_expressions, visit_relations,
};
use datafusion::sql::sqlparser::tokenizer::Location;

use super::sql::placeholder;

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

/// Where a table is named first.
pub fn of_table(statement: &Statement, table: &str) -> Spot {
    let mut found = (1, 1);
    let _ = visit_relations(statement, |name: &ObjectName| {
        let is_it = name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .is_some_and(|ident| same(ident, table));
        if is_it {
            found = of_node(name);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    found
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

/// Where a function is called that has one of these names and reads these columns; where it is called
/// first, if none reads just them.
pub fn of_call(statement: &Statement, names: &[&str], columns: &BTreeSet<String>) -> Option<Spot> {
    let mut nearest = None;
    let exact = first(statement, |expression| {
        let Expr::Function(function) = expression else {
            // A few are written without being calls in the tree: `extract(… from …)`, `substring(…)`.
            return None;
        };
        if !names.iter().any(|name| is_called(function, name)) {
            return None;
        }
        nearest = nearest.or(Some(of_node(&function.name)));
        (read_columns(function) == *columns).then(|| of_node(&function.name))
    });
    exact.or(nearest)
}

fn is_called(function: &Function, name: &str) -> bool {
    function
        .name
        .0
        .last()
        .and_then(|part| part.as_ident())
        .is_some_and(|ident| same(ident, name))
}

/// Names of the columns a call's arguments read.
fn read_columns(function: &Function) -> BTreeSet<String> {
    let mut columns = BTreeSet::new();
    let _ = visit_expressions(&function.args, |expression| {
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
