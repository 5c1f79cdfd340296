//! The engine's errors in words for who wrote the query.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::sql::sqlparser::ast::Statement;

use super::places;
use crate::config::nearest;
use crate::diagnostic::{Diagnostic, Place};
use crate::error::root;

/// What is told where nothing better is known.
const MEND: &str = "correct the SQL at this place; `loudou query` tries it";

/// Why a query cannot be planned.
#[derive(Debug)]
pub struct Failure {
    error: DataFusionError,
    /// The expression it is about, if that is known.
    culprit: Option<Expr>,
}

impl Failure {
    /// Of a statement that gives no plan.
    pub(super) fn of_statement(error: DataFusionError) -> Self {
        Self {
            error,
            culprit: None,
        }
    }

    /// Of a plan that cannot run. The innermost expression that has no type is to blame.
    pub(super) fn of_plan(error: DataFusionError, plan: &LogicalPlan) -> Self {
        let mut found = None;
        let _ = plan.apply_with_subqueries(|node| {
            let schema = merge_schema(&node.inputs());
            node.apply_expressions(|expression| {
                expression.apply(|expression| {
                    if let Err(error) = expression.get_type(&schema) {
                        // Going on: an inner one is nearer to the cause.
                        found = Some((error, expression.clone()));
                    }
                    Ok(TreeNodeRecursion::Continue)
                })?;
                Ok(match found {
                    Some(_) => TreeNodeRecursion::Stop,
                    None => TreeNodeRecursion::Continue,
                })
            })
        });
        if let Some((_, culprit)) = &mut found
            && let Some(side) = side_that_is_no_condition(culprit, plan)
        {
            *culprit = side;
        }
        match found {
            Some((error, culprit)) => Self {
                error,
                culprit: Some(culprit),
            },
            None => Self {
                error,
                culprit: None,
            },
        }
    }

    /// As a problem in the query's file.
    pub fn explain(&self, statement: &Statement, file: &str) -> Diagnostic {
        let error = root(&self.error);
        let said = Said::by(error);
        let place = self
            .place(error, statement)
            .or_else(|| {
                said.column
                    .as_ref()
                    .and_then(|name| places::of_column(statement, name))
            })
            .or_else(|| places::of_text(statement, said.text.as_deref()?))
            .or_else(|| {
                let name = said.function.as_deref()?;
                places::of_call(statement, &[name], None).map(|(spot, _)| spot)
            });
        let (line, column) = place.unwrap_or_else(|| places::of_select(statement));
        let mut mend = said.mend;
        if let Some(name) = said.column
            && places::is_quoted(statement, &name)
        {
            mend = format!("double quotes name a column; write a text in single quotes: '{name}'");
        }
        Diagnostic::new(file, Place::new(line, column), said.cause, mend)
    }

    fn place(&self, error: &DataFusionError, statement: &Statement) -> Option<places::Spot> {
        if let Some(culprit) = &self.culprit {
            let columns = columns_of(culprit);
            let place = match culprit {
                Expr::BinaryExpr(binary) => {
                    places::of_operation(statement, &binary.op.to_string(), &columns)
                }
                Expr::ScalarFunction(call) => {
                    let names = [call.func.name()];
                    places::of_call(statement, &names, Some(&columns)).map(|(spot, _)| spot)
                }
                Expr::AggregateFunction(call) => {
                    let names = [call.func.name()];
                    places::of_call(statement, &names, Some(&columns)).map(|(spot, _)| spot)
                }
                _ => columns
                    .first()
                    .and_then(|column| places::of_column(statement, column)),
            };
            if place.is_some() {
                return place;
            }
        }
        spot_of(&self.error).or_else(|| spot_of(error))
    }
}

/// The place that the engine itself knows, kept by what wraps the root.
fn spot_of(error: &DataFusionError) -> Option<places::Spot> {
    let first = match error {
        DataFusionError::Collection(errors) => errors.first()?,
        other => other,
    };
    let start = first.diagnostic()?.span?.start;
    let line = usize::try_from(start.line).ok().filter(|line| *line > 0)?;
    Some((line, usize::try_from(start.column).ok()?.max(1)))
}

/// Of `condition AND amount` the part that is no condition.
fn side_that_is_no_condition(culprit: &Expr, plan: &LogicalPlan) -> Option<Expr> {
    let Expr::BinaryExpr(binary) = culprit else {
        return None;
    };
    if !matches!(binary.op, Operator::And | Operator::Or) {
        return None;
    }
    let mut side = None;
    let _ = plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        side = [&binary.left, &binary.right].into_iter().find(|side| {
            side.get_type(&schema)
                .is_ok_and(|found| found != DataType::Boolean)
        });
        Ok(match side {
            Some(_) => TreeNodeRecursion::Stop,
            None => TreeNodeRecursion::Continue,
        })
    });
    side.map(|side| side.as_ref().clone())
}

/// Names of the columns an expression reads.
pub(super) fn columns_of(expression: &Expr) -> BTreeSet<String> {
    let columns = expression.column_refs().into_iter();
    columns.map(|column| column.name.to_lowercase()).collect()
}

/// An error in our words.
struct Said {
    cause: String,
    mend: String,
    /// The column it is about.
    column: Option<String>,
    /// The function it is about.
    function: Option<String>,
    /// The text in quotes it is about.
    text: Option<String>,
}

impl Said {
    fn by(error: &DataFusionError) -> Self {
        if let DataFusionError::SchemaError(error, _) = error {
            return Self::by_schema(error);
        }
        Self::by_message(&error.strip_backtrace())
    }

    fn new(cause: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            cause: cause.into(),
            mend: mend.into(),
            column: None,
            function: None,
            text: None,
        }
    }

    fn of_function(mut self, name: &str) -> Self {
        self.function = Some(name.to_string());
        self
    }

    fn by_schema(error: &SchemaError) -> Self {
        match error {
            SchemaError::FieldNotFound {
                field,
                valid_fields,
            } => {
                let mut names: Vec<&str> = valid_fields
                    .iter()
                    .map(|column| column.name.as_str())
                    .collect();
                let mut seen = BTreeSet::new();
                names.retain(|name| seen.insert(*name));
                let mend = match nearest(&field.name, names.iter().copied()) {
                    Some(name) => format!("did you mean {name}? There are: {}", names.join(", ")),
                    None if names.is_empty() => "this select reads no table".to_string(),
                    None => format!("there are: {}", names.join(", ")),
                };
                Self {
                    column: Some(field.name.clone()),
                    ..Self::new(format!("there is no column {} here", field.name), mend)
                }
            }
            SchemaError::AmbiguousReference { field } => Self {
                column: Some(field.name.clone()),
                ..Self::new(
                    format!(
                        "several of the tables read here have a column {}",
                        field.name
                    ),
                    format!("say whose it is: <table>.{}", field.name),
                )
            },
            SchemaError::DuplicateUnqualifiedField { name }
            | SchemaError::DuplicateQualifiedField { name, .. } => Self::new(
                format!("two columns are named {name}"),
                "give one of them another name with AS",
            ),
        }
    }

    fn by_message(message: &str) -> Self {
        let message = without_jargon(message);
        let between = |before: &str, after: &str| -> Option<&str> {
            let rest = &message[message.find(before)? + before.len()..];
            Some(&rest[..rest.find(after)?])
        };
        if let Some(name) = between("Invalid function '", "'") {
            return Self::unknown_function(name, between("Did you mean '", "'"));
        }
        if let (true, Some(column)) = (
            message.contains("must appear in the GROUP BY")
                || message.contains("must be in GROUP BY"),
            between("column \"", "\""),
        ) {
            let name = column.rsplit('.').next().unwrap_or(column);
            return Self {
                column: Some(name.to_string()),
                ..Self::new(
                    format!("{name} is neither in GROUP BY nor inside an aggregate"),
                    format!(
                        "add it to GROUP BY, or say what of its values: min({name}), max({name}), for numbers also sum({name})"
                    ),
                )
            };
        }
        if message.contains("unique expression names") {
            let name = message
                .split(" AS ")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            return match name {
                Some(name) => Self::new(
                    format!("two columns of a select are named {name}"),
                    "give one of them another name with AS",
                ),
                None => Self::new(
                    "two columns of a select have the same name",
                    "give one of them another name with AS",
                ),
            };
        }
        if message.starts_with("Aggregate functions are not allowed in the WHERE clause") {
            return Self::new(
                "WHERE looks at single rows, but here it compares an aggregate",
                "group the rows and put the condition into HAVING",
            );
        }
        if message.starts_with("Too many columns! The subquery") {
            return Self::new(
                "the subquery gives more than one column, but only one can be compared with",
                "select one column in it",
            );
        }
        // Types may hold blanks themselves: `Decimal(18, 2) > Date`.
        const OPERATORS: [&str; 7] = [" <= ", " >= ", " <> ", " != ", " = ", " < ", " > "];
        if message.contains("Cannot infer common argument type")
            && let Some(whole) = message.split("comparison operation ").nth(1)
            && let Some((left, operator, right)) = OPERATORS.iter().find_map(|operator| {
                let (left, right) = whole.split_once(operator)?;
                Some((left, operator.trim(), right))
            })
        {
            return Self::new(
                format!(
                    "{} and {} cannot be compared with {operator}",
                    one(left),
                    one(right)
                ),
                "cast one of them, or compare it with a value of its own type",
            );
        }
        if let Some(sides) = message.split("for logical boolean operation ").nth(1) {
            let (operator, kind) = if sides.contains(" OR ") {
                ("OR", sides.split(" OR ").find(|side| *side != "bool"))
            } else {
                ("AND", sides.split(" AND ").find(|side| *side != "bool"))
            };
            return Self::new(
                format!(
                    "{operator} stands between conditions, but this one is {}",
                    one(kind.unwrap_or("something else"))
                ),
                "compare it with something, such as amount > 0",
            );
        }
        if let Some(text) = between("Cannot cast string '", "'") {
            let kind = between("to value of ", " type").unwrap_or("other");
            return Self {
                text: Some(text.to_string()),
                ..Self::new(
                    format!("'{text}' is no {kind}"),
                    "write a value of that type",
                )
            };
        }
        if message.contains("different number of columns") {
            return Self::new(
                "the selects of a UNION give different numbers of columns",
                "give all of them the same columns in the same order",
            );
        }
        if let (Some(name), Some(wanted), Some(given)) = (
            between("unction '", "'"),
            between("expects ", " arguments"),
            message.split(" but received ").nth(1),
        ) {
            let given: String = given.chars().take_while(char::is_ascii_digit).collect();
            if !given.is_empty() {
                return Self::new(
                    format!("{name} takes {wanted} arguments, but here are {given}"),
                    "add or leave out arguments",
                )
                .of_function(name);
            }
        }
        if message.contains("non-boolean predicate") {
            let kind = message
                .split(" returning ")
                .nth(1)
                .unwrap_or("something else");
            return Self {
                column: between("predicate '", "'")
                    .map(|text| text.rsplit('.').next().unwrap_or(text).to_string()),
                ..Self::new(
                    format!(
                        "a condition is true or false, but this one is {}",
                        one(kind)
                    ),
                    "compare it with something, such as amount > 0",
                )
            };
        }
        // Ours say all that is to be said, up to where the engine goes on.
        if let Some(ours) = between("coercion failed with: ", " No function matches") {
            return Self::of_own(ours.trim_end_matches('.'));
        }
        if [
            "window_funnel",
            "sessionize",
            "funnel_path",
            "path_totals",
            "exact_quantiles",
            "least_squares",
        ]
        .iter()
        .any(|name| message.starts_with(name))
        {
            return Self::of_own(&message);
        }
        if let Some(name) = between("unction '", "'") {
            let taken = between("argument types '", "'")
                .or_else(|| between(name, ")").filter(|rest| rest.starts_with('(')))
                .map(str::to_string);
            let received: BTreeSet<&str> = message
                .match_indices("received ")
                .filter_map(|(at, word)| message[at + word.len()..].split([' ', ',', '.']).next())
                .collect();
            let cause = match (taken, received.len()) {
                (Some(taken), _) => format!("{name} cannot be called so: {taken}"),
                (None, 1) => {
                    let received: String = received.into_iter().collect();
                    format!("{name} cannot take {}", one(&received.to_lowercase()))
                }
                _ => format!("{name} cannot take these arguments"),
            };
            return Self::new(
                cause,
                "look at the number, order and types of its arguments; a cast may help",
            )
            .of_function(name);
        }
        let first = message.lines().next().unwrap_or(&message);
        Self::new(first.trim_end_matches('.'), MEND)
    }

    /// A message of one of our functions, which begins with its name.
    fn of_own(message: &str) -> Self {
        let name: String = message
            .chars()
            .take_while(|character| character.is_alphanumeric() || *character == '_')
            .collect();
        let text = message.split('\'').nth(1).map(str::to_string);
        Self {
            text,
            ..Self::new(message, "correct the argument").of_function(&name)
        }
    }

    fn unknown_function(name: &str, offered: Option<&str>) -> Self {
        const OVER: [&str; 10] = [
            "sessionize",
            "row_number",
            "rank",
            "dense_rank",
            "percent_rank",
            "cume_dist",
            "ntile",
            "lag",
            "lead",
            "nth_value",
        ];
        if OVER.contains(&name.to_lowercase().as_str()) {
            return Self::new(
                format!("{name} is a function over rows in an order, but no order is given"),
                format!("write {name}(…) over (partition by … order by …)"),
            )
            .of_function(name);
        }
        let known = match name.to_lowercase().as_str() {
            "count_distinct" | "countdistinct" | "uniq" | "uniqexact" => {
                Some("count(distinct …)".to_string())
            }
            "getdate" | "sysdate" | "curdate" => Some("a parameter such as $end".to_string()),
            "ifnull" | "nvl" | "isnull" => Some("coalesce".to_string()),
            "windowfunnel" => Some("window_funnel".to_string()),
            _ => offered
                .and_then(|offered| nearest(name, std::iter::once(offered)))
                .map(str::to_string),
        };
        let mend = match known {
            Some(known) => format!("did you mean {known}?"),
            None => "look for its name in the list of SQL functions".to_string(),
        };
        Self::new(format!("there is no function {name}"), mend).of_function(name)
    }
}

/// A type with its article.
fn one(kind: &str) -> String {
    let article = if kind.starts_with(['i', 'a', 'e', 'o']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}

/// A message without the engine's own words for what kind of error it is and for types.
fn without_jargon(message: &str) -> String {
    let mut text = message.to_string();
    for kind in [
        "Error during planning: ",
        "Schema error: ",
        "Internal error: ",
        "Execution error: ",
        "Optimizer rule 'simplify_expressions' failed\n",
        "caused by\n",
        "This feature is not implemented: ",
        "Arrow error: ",
        "Cast error: ",
        "type_coercion\n",
    ] {
        text = text.replace(kind, "");
    }
    if let Some(at) = text.find("\nThis issue was likely caused by a bug") {
        text.truncate(at);
    }
    for (engine, ours) in [
        ("Timestamp(µs, \"UTC\")", "timestamp"),
        ("Timestamp(µs, \"+00:00\")", "timestamp"),
        ("Timestamp(ns)", "timestamp"),
        ("Timestamp(µs)", "timestamp"),
        ("String (DataType: Utf8View)", "string"),
        ("Utf8View", "string"),
        ("LargeUtf8", "string"),
        ("Utf8", "string"),
        ("Date32", "date"),
        ("Boolean", "bool"),
        ("Float64", "float64"),
        ("UInt64", "int64"),
        ("Int64", "int64"),
        ("Decimal128", "decimal"),
        ("Interval(MonthDayNano)", "interval"),
    ] {
        text = text.replace(engine, ours);
    }
    text
}
