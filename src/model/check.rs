//! Plans every model on empty tables: unknown columns, wrong types, functions that would make a rerun
//! differ. Reads no data.

use std::sync::Arc;

use arrow::datatypes::{DataType as Arrow, Schema};
use chrono::NaiveDate;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Volatility};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement as DfStatement;

pub use super::rules::find as place_of;
use super::rules::{find, nearest};
use super::sql::{Dates, bind};
use super::{Model, Models};
use crate::diagnostic::Diagnostic;
use crate::engine::{Engine, PublishedTable};
use crate::error::{Error, Result, engine_cause, root};
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
    for model in models.iter() {
        register(model.name(), &schema::of_contract(&model.contract))?;
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
    for model in models.iter() {
        let Ok(statement) = bind(&model.statement, &sample_dates()) else {
            continue; // told by the rules already
        };
        let file = &model.contract.sql_path;
        match plan(&session, statement).await {
            Ok(plan) => {
                problems.extend(of_plan(&plan, file, &model.sql));
                problems.extend(of_output(model, &plan));
                // Constant arguments (a mode, a window) are read by the optimizer.
                if let Err(error) = session.state().optimize(&plan) {
                    problems.push(of_error(&error, file, &model.sql));
                }
            }
            Err(error) => problems.push(of_error(&error, file, &model.sql)),
        }
    }
    Ok(problems)
}

/// Plans a statement in a session, coerced as it would run.
pub async fn plan(
    session: &SessionContext,
    statement: datafusion::sql::sqlparser::ast::Statement,
) -> Result<LogicalPlan, DataFusionError> {
    let state = session.state();
    let plan = state
        .statement_to_plan(DfStatement::Statement(Box::new(statement)))
        .await?;
    // The analyzer coerces types; what cannot be coerced is told here and not first in the night.
    state
        .analyzer()
        .execute_and_check(plan.clone(), state.config_options(), |_, _| {})?;
    Ok(plan)
}

/// The engine's error as a problem in a file, with the place where it can be told.
pub fn of_error(error: &DataFusionError, file: &str, text: &str) -> Diagnostic {
    let first = match error {
        DataFusionError::Collection(errors) => errors.first().unwrap_or(error),
        other => other,
    };
    let message = engine_cause(first);
    let mut place = first
        .diagnostic()
        .and_then(|diagnostic| diagnostic.span)
        .map(|span| {
            (
                usize::try_from(span.start.line).unwrap_or(1),
                usize::try_from(span.start.column).unwrap_or(1),
            )
        });
    let mut cause = message
        .split(" Valid fields are")
        .next()
        .unwrap_or(&message)
        .trim_end_matches('.')
        .to_string();
    let mut mend = "correct the SQL at this place; `loudou query` tries it".to_string();
    if let DataFusionError::SchemaError(error, _) = root(first)
        && let datafusion::common::SchemaError::FieldNotFound {
            field,
            valid_fields,
        } = error.as_ref()
    {
        let names: Vec<&str> = valid_fields
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        cause = format!("there is no column {} here", field.name);
        let mut listed: Vec<&str> = names.clone();
        listed.dedup();
        mend = match nearest(&field.name, names.iter().copied()) {
            Some(name) => format!("did you mean {name}? There are: {}", listed.join(", ")),
            None if listed.is_empty() => "no table stands in this query's FROM".to_string(),
            None => format!("there are: {}", listed.join(", ")),
        };
        place = place.or_else(|| Some(find(text, &field.name)));
    }
    if place.is_none()
        && let Some(name) = quoted_name(&message)
    {
        place = Some(find(text, &name));
    }
    let (line, column) = place.unwrap_or((1, 1));
    Diagnostic {
        file: file.to_string(),
        line: line.max(1),
        column: column.max(1),
        cause,
        mend,
    }
}

/// The name in `Invalid function 'summ'` and the like.
fn quoted_name(message: &str) -> Option<String> {
    let start = message.find('\'')? + 1;
    let length = message[start..].find('\'')?;
    Some(message[start..start + length].to_string())
}

/// Functions and sums in a plan that would make the same inputs give other bytes.
pub fn of_plan(plan: &LogicalPlan, file: &str, text: &str) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut tell = |name: &str, cause: String, mend: &str| {
        let (line, column) = find(text, name);
        problems.push(Diagnostic {
            file: file.to_string(),
            line,
            column,
            cause,
            mend: mend.to_string(),
        });
    };
    let _ = plan.apply_with_subqueries(|node| {
        let inputs = node.inputs();
        let schema = inputs.first().map(|input| input.schema());
        let _ = node.apply_expressions(|expression| {
            expression.apply(|expression| {
                match expression {
                    Expr::ScalarFunction(function) => {
                        let name = function.func.name();
                        if function.func.signature().volatility == Volatility::Volatile
                            || ["now", "current_date", "current_time", "current_timestamp", "today"].contains(&name)
                        {
                            tell(
                                name,
                                format!("{name}() gives another value at every run"),
                                "use $start, $end or $complete_through; a rerun of a date must give the same bytes",
                            );
                        }
                    }
                    Expr::AggregateFunction(function) => {
                        let name = function.func.name().to_string();
                        if name.starts_with("approx_") {
                            tell(
                                &name,
                                format!("{name} depends on the order of rows"),
                                "use the exact function: median, percentile_cont, count(distinct …)",
                            );
                        }
                        let is_sum = ["sum", "avg", "mean"].contains(&name.as_str())
                            || ["stddev", "var", "corr", "covar", "regr"]
                                .iter()
                                .any(|start| name.starts_with(start));
                        let adds_floats = is_sum
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
                                &name,
                                format!("{name} of a float depends on the order of rows"),
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

/// Whether the query gives what the contract says.
fn of_output(model: &Model, plan: &LogicalPlan) -> Vec<Diagnostic> {
    let contract = &model.contract;
    let problem = |name: &str, cause: String, mend: String| {
        let (line, column) = find(&model.sql, name);
        Diagnostic {
            file: contract.sql_path.clone(),
            line,
            column,
            cause,
            mend,
        }
    };
    let mut problems = Vec::new();
    let given: Vec<(&str, &Arrow)> = plan
        .schema()
        .fields()
        .iter()
        .map(|field| (field.name().as_str(), field.data_type()))
        .collect();
    for (name, _) in &given {
        if !contract.columns.iter().any(|column| column.name == *name) {
            problems.push(problem(
                name,
                format!(
                    "the query gives a column {name} that {} does not declare",
                    contract.yaml_path
                ),
                "declare it with its type and unit, or leave it out of the select".to_string(),
            ));
        }
    }
    for column in &contract.columns {
        match given.iter().find(|(name, _)| *name == column.name) {
            None => problems.push(problem(
                "from",
                format!(
                    "the query does not give {}, which {} declares",
                    column.name, contract.yaml_path
                ),
                "select it, or take it out of the contract".to_string(),
            )),
            Some((_, found)) if !fits(found, column.data_type) => problems.push(problem(
                &column.name,
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
            "$complete_through",
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
        DataType::Bool | DataType::Date => false,
    }
}

fn friendly(found: &Arrow) -> String {
    match found {
        Arrow::Utf8 | Arrow::Utf8View | Arrow::LargeUtf8 => "string".to_string(),
        Arrow::Float64 => "float64".to_string(),
        Arrow::Boolean => "bool".to_string(),
        Arrow::Date32 => "date".to_string(),
        Arrow::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        Arrow::Timestamp(_, Some(_)) => "timestamp".to_string(),
        Arrow::Timestamp(_, None) => "a timestamp without zone".to_string(),
        other if other.is_integer() => "int64".to_string(),
        other => other.to_string().to_lowercase(),
    }
}
