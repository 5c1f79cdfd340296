//! Plans every model on empty tables: unknown columns, wrong types, functions that would make a rerun
//! differ. Reads no data.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType as Arrow, Schema};
use chrono::NaiveDate;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Volatility};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::Statement;

use super::allowed::{is_allowed, too_much};
pub use super::explain::Failure;
use super::explain::columns_of;
pub use super::places::of_output as place_of_output;
use super::sql::{Dates, bind};
use super::{Model, Models};
use super::{check_checks, places};
use crate::diagnostic::{Diagnostic, Place};
use crate::engine::{Engine, PublishedTable};
use crate::error::{Error, Result};
use crate::project::{Build, DataType, Project};
use crate::source::{RowSchema, arrow_type};
use crate::table::schema;

/// A session that knows every table of the project, each without rows. Views stand with their
/// contract's columns.
pub fn empty_session(
    engine: &Engine,
    project: &Project,
    models: &Models,
) -> Result<SessionContext> {
    let session = engine.session()?;
    let register = |name: &str, schema: &Schema| {
        session
            .register_table(name, Arc::new(PublishedTable::new(schema, Vec::new())))
            .map(|_| ())
            .map_err(Error::engine(format!("registering {name}")))
    };
    for source in project.sources.values() {
        register(&source.name, &RowSchema::of(source).schema)?;
    }
    for contract in project.contracts.values() {
        register(&contract.name, &schema::of_contract(contract))?;
    }
    for model in models.all() {
        let name = model.name();
        if !project.contracts.contains_key(name) && !models.unread.tables.contains(name) {
            register(name, &schema::of_contract(&model.contract))?; // compiled from an analysis
        }
    }
    Ok(session)
}

/// Any dates: a plan does not depend on them.
pub fn sample_dates() -> Dates {
    let day = NaiveDate::default();
    Dates::from([
        ("start", day),
        ("end", day),
        ("complete_through", day),
        ("date", day),
    ])
}

/// Problems of all models.
pub async fn check(engine: &Engine, project: &Project, models: &Models) -> Result<Vec<Diagnostic>> {
    let session = empty_session(engine, project, models)?;
    let mut problems = Vec::new();
    for model in models.all() {
        let reads_unknown = model
            .tables
            .iter()
            .any(|table| !session.table_exist(table.as_str()).unwrap_or(false));
        let reads_itself = model.tables.contains(model.name()) && !model.contract.reads_itself();
        if !model.can_plan || reads_unknown || reads_itself {
            continue; // told already, if a table is not only unread
        }
        let Ok(statement) = bind(&model.statement, &sample_dates()) else {
            continue; // told by the rules already
        };
        let file = &model.contract.sql_path;
        match try_plan(&session, statement).await {
            Ok(plan) => {
                problems.extend(of_plan(&plan, &model.statement, file));
                if !models.unread.tables.contains(model.name()) {
                    problems.extend(of_output(model, &plan));
                }
            }
            Err(failure) => problems.push(failure.explain(&model.statement, file)),
        }
    }
    let mut known: Vec<&str> = project.sources.keys().map(String::as_str).collect();
    known.extend(models.all().map(Model::name));
    for model in models.all() {
        let found = check_checks::of_model(&project.root, models, model, &session, &known).await?;
        problems.extend(found);
    }
    Ok(problems)
}

/// The second wall: what parses as one query is looked at again as a plan.
fn only_reads() -> SQLOptions {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
}

/// Plans a statement in a session, coerced as it would run.
pub async fn plan(
    session: &SessionContext,
    statement: Statement,
) -> Result<LogicalPlan, DataFusionError> {
    let state = session.state();
    let plan = state
        .statement_to_plan(DfStatement::Statement(Box::new(statement)))
        .await?;
    only_reads().verify_plan(&plan)?;
    // The analyzer coerces types; what cannot be coerced is told here and not first in the night.
    state
        .analyzer()
        .execute_and_check(plan.clone(), state.config_options(), |_, _| {})?;
    Ok(plan)
}

/// Plans a statement and everything that follows up to its run.
pub async fn try_plan(
    session: &SessionContext,
    statement: Statement,
) -> Result<LogicalPlan, Box<Failure>> {
    let state = session.state();
    let plan = state
        .statement_to_plan(DfStatement::Statement(Box::new(statement)))
        .await
        .map_err(|error| Box::new(Failure::of_statement(error)))?;
    only_reads()
        .verify_plan(&plan)
        .map_err(|error| Box::new(Failure::of_statement(error)))?;
    let tried = state.create_physical_plan(&plan).await;
    match tried {
        Ok(_) => Ok(plan),
        Err(error) => Err(Box::new(Failure::of_plan(error, &plan))),
    }
}

/// Functions and sums in a plan that would make the same inputs give other bytes.
pub fn of_plan(plan: &LogicalPlan, statement: &Statement, file: &str) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut tell = |spots: Vec<(places::Spot, String)>, name: &str, cause: &str, mend: &str| {
        let spots = if spots.is_empty() {
            vec![(places::of_select(statement), name.to_string())]
        } else {
            spots
        };
        for ((line, column), name) in spots {
            let cause = format!("{name} {cause}");
            problems.push(Diagnostic::new(file, Place::new(line, column), cause, mend));
        }
    };
    let all = |names: &[&str]| {
        let calls = places::of_calls(statement, names).into_iter();
        calls.map(|(spot, name, _)| (spot, name)).collect()
    };
    let one = |names: &[&str], expression: &Expr| {
        places::of_call(statement, names, Some(&columns_of(expression)))
            .into_iter()
            .collect()
    };
    let _ = plan.apply_with_subqueries(|node| {
        let inputs = node.inputs();
        let schema = inputs.first().map(|input| input.schema());
        let _ = node.apply_expressions(|expression| {
            expression.apply(|expression| {
                match expression {
                    Expr::ScalarFunction(function) => {
                        let names = names(function.func.name(), function.func.aliases());
                        let name = function.func.name();
                        if function.func.signature().volatility == Volatility::Volatile {
                            tell(all(&names), name, "gives another value in every run", SAME_BYTES);
                        } else if CLOCKS.contains(&name) {
                            tell(all(&names), name, "reads the clock", SAME_BYTES);
                        } else if !is_allowed(name) {
                            tell(all(&names), name, NOT_ALLOWED, INSTEAD);
                        } else if let Some((cause, mend)) = too_much(name, &function.args) {
                            tell(one(&names, expression), name, cause, mend);
                        }
                    }
                    Expr::WindowFunction(function) => {
                        let name = function.fun.name();
                        if !is_allowed(name) {
                            tell(one(&[name], expression), name, NOT_ALLOWED, INSTEAD);
                        }
                        if IN_ORDER.contains(&name) && function.params.order_by.is_empty() {
                            tell(
                                one(&[name], expression),
                                name,
                                "follows the order of rows, but its window gives none",
                                "add ORDER BY to its window, with columns that decide between equal rows",
                            );
                        }
                    }
                    Expr::AggregateFunction(function) => {
                        let name = function.func.name();
                        let names = names(name, function.func.aliases());
                        if name.starts_with("approx_") {
                            tell(
                                all(&names),
                                name,
                                "gives an estimate that depends on the order of rows",
                                "use the exact one: count(distinct …), median, percentile_cont",
                            );
                        } else if !is_allowed(name) {
                            tell(all(&names), name, NOT_ALLOWED, INSTEAD);
                        }
                        if IN_ORDER.contains(&name) && function.params.order_by.is_empty() {
                            let mend = format!(
                                "say which: {name}(… order by …), with columns that decide between equal rows"
                            );
                            tell(
                                one(&names, expression),
                                name,
                                "follows the order of rows, but none is given",
                                &mend,
                            );
                        }
                        let adds_floats = adds(name)
                            && function.params.args.iter().any(|argument| {
                                schema.is_some_and(|schema| {
                                    matches!(
                                        argument.get_type(schema.as_ref()),
                                        Ok(Arrow::Float64 | Arrow::Float32 | Arrow::Float16)
                                    )
                                })
                            });
                        if adds_floats && file.starts_with("sql/marts/") {
                            tell(
                                one(&names, expression),
                                name,
                                "of floats depends on the order of rows, so a rerun could give another number",
                                "cast to a decimal first: sum(cast(x as decimal(38, 6)))",
                            );
                        }
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
            Ok(TreeNodeRecursion::Continue)
        });
        Ok(TreeNodeRecursion::Continue)
    });
    problems
}

/// Of a function that is not on the list.
const NOT_ALLOWED: &str = "is not among the functions that a project's SQL may call";
const INSTEAD: &str = "use another one; `loudou query` can call it";

/// What to do about what differs from run to run.
const SAME_BYTES: &str = "a rerun of a date must give the same bytes: use $start, $end or $complete_through in a model, $date in a report";

/// Functions whose value follows the order of rows.
const IN_ORDER: [&str; 12] = [
    "row_number",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "nth_value",
    "ntile",
    "sessionize",
    "array_agg",
    "string_agg",
    "rank",
    "dense_rank",
];

/// Functions that the engine takes for constant within a query, though they read the clock.
const CLOCKS: [&str; 3] = ["now", "current_date", "current_time"];

/// Whether an aggregate adds values up on its way.
fn adds(name: &str) -> bool {
    ["sum", "avg", "mean"].contains(&name)
        || ["stddev", "var", "corr", "covar", "regr"]
            .iter()
            .any(|start| name.starts_with(start))
}

fn names<'a>(name: &'a str, aliases: &'a [String]) -> Vec<&'a str> {
    let aliases = aliases.iter().map(String::as_str);
    std::iter::once(name).chain(aliases).collect()
}

/// Whether the query gives what the contract says.
fn of_output(model: &Model, plan: &LogicalPlan) -> Vec<Diagnostic> {
    let contract = &model.contract;
    let problem = |(line, column): (usize, usize), cause: String, mend: String| {
        Diagnostic::new(&contract.sql_path, Place::new(line, column), cause, mend)
    };
    let at = |name: &str| places::of_output(&model.statement, name);
    let mut problems = Vec::new();
    let given: Vec<(&str, &Arrow)> = plan
        .schema()
        .fields()
        .iter()
        .map(|field| (field.name().as_str(), field.data_type()))
        .collect();
    let mut undeclared: BTreeMap<places::Spot, Vec<&str>> = BTreeMap::new();
    for (name, _) in &given {
        if !contract.columns.iter().any(|column| column.name == *name) {
            undeclared.entry(at(name)).or_default().push(name);
        }
    }
    for (spot, names) in undeclared {
        let columns = if names.len() == 1 {
            "a column"
        } else {
            "columns"
        };
        problems.push(problem(
            spot,
            format!(
                "the query gives {columns} that {} does not declare: {}",
                contract.yaml_path,
                names.join(", ")
            ),
            "declare what is missing with its type and unit, or leave it out of the select"
                .to_string(),
        ));
    }
    for column in &contract.columns {
        match given.iter().find(|(name, _)| *name == column.name) {
            None => problems.push(problem(
                places::of_select(&model.statement),
                format!(
                    "the query does not give {}, which {} declares",
                    column.name, contract.yaml_path
                ),
                "select it, or take it out of the contract".to_string(),
            )),
            Some((_, found)) if !fits(found, column.data_type) => problems.push(problem(
                at(&column.name),
                format!(
                    "{} comes out as {}, the contract says {}",
                    column.name,
                    friendly(found),
                    column.data_type
                ),
                format!(
                    "cast it in the select, or declare `type: {}`",
                    friendly(found)
                ),
            )),
            Some(_) => {}
        }
    }
    if contract.build == Build::View && model.parameters.contains("complete_through") {
        problems.push(problem(
            places::of_parameter(&model.statement, "complete_through"),
            "a view has no dates of its own to mature".to_string(),
            "use $complete_through in the model that reads it".to_string(),
        ));
    }
    problems
}

/// Whether values of a type go into a declared one without loss of meaning.
pub fn fits(found: &Arrow, declared: DataType) -> bool {
    if *found == arrow_type(declared) || *found == Arrow::Null {
        return true;
    }
    match declared {
        DataType::String => {
            matches!(found, Arrow::Utf8View | Arrow::LargeUtf8)
                || matches!(found, Arrow::Dictionary(_, value) if fits(value, declared))
        }
        DataType::Int64 => found.is_integer(),
        DataType::Float64 => matches!(found, Arrow::Float32 | Arrow::Float16),
        DataType::Decimal { scale, .. } => match found {
            Arrow::Decimal128(_, found) => *found <= i8::try_from(scale).unwrap_or(i8::MAX),
            other => other.is_integer(),
        },
        DataType::Timestamp => matches!(found, Arrow::Timestamp(_, Some(_))),
        DataType::List(of) => match found {
            Arrow::List(element) | Arrow::LargeList(element) | Arrow::FixedSizeList(element, _) => {
                fits(element.data_type(), of.data_type())
            }
            _ => false,
        },
        DataType::Bool | DataType::Date => false,
    }
}

/// A type as contracts name it.
pub fn friendly(found: &Arrow) -> String {
    match found {
        Arrow::Utf8 | Arrow::Utf8View | Arrow::LargeUtf8 => "string".to_string(),
        Arrow::Float64 => "float64".to_string(),
        Arrow::Boolean => "bool".to_string(),
        Arrow::Date32 => "date".to_string(),
        Arrow::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        Arrow::Timestamp(_, Some(_)) => "timestamp".to_string(),
        Arrow::Timestamp(_, None) => "a timestamp without zone".to_string(),
        Arrow::List(of) | Arrow::LargeList(of) | Arrow::FixedSizeList(of, _) => {
            format!("list({})", friendly(of.data_type()))
        }
        other if other.is_integer() => "int64".to_string(),
        other => other.to_string().to_lowercase(),
    }
}
