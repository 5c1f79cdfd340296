//! Checks of declared analyses that need SQL: a step's condition must parse, plan on its table and be
//! true or false. Told at the YAML's place, not at one in compiled SQL that nobody wrote.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;

use crate::diagnostic::Diagnostic;
use crate::model::check::{of_error, of_plan, plan};
use crate::model::sql;
use crate::project::{Funnel, Project, Step};

/// Problems of all funnels' conditions. `session` knows every table, without rows.
pub async fn check(session: &SessionContext, project: &Project) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for funnel in project.funnels.values() {
        for step in &funnel.steps {
            problems.extend(of_step(session, funnel, step).await);
        }
    }
    problems
}

async fn of_step(session: &SessionContext, funnel: &Funnel, step: &Step) -> Vec<Diagnostic> {
    let (file, line, column) = step.place.clone();
    let name = format!("funnel {}, step {}", funnel.name, step.name);
    let at_step = |cause: String, mend: &str| Diagnostic {
        file: file.clone(),
        line,
        column,
        cause: format!("{name}: {cause}"),
        mend: mend.to_string(),
    };
    if let Err((_, cause)) = sql::parse_expression(&step.when) {
        return vec![at_step(
            format!("the condition does not parse: {cause}"),
            "write a SQL condition on the table's columns, e.g. event = 'pay'",
        )];
    }
    let text = format!("select ({}) as condition from \"{}\"", step.when, funnel.on);
    let parsed = match sql::parse(&text, &file) {
        Ok(parsed) => parsed,
        Err(problem) => return vec![at_step(problem.cause, &problem.mend)],
    };
    if let Some(parameter) = parsed.parameters.iter().next() {
        return vec![at_step(
            format!("a condition has no parameters (${parameter})"),
            "the funnel's window says which days belong to it",
        )];
    }
    let planned = match plan(session, parsed.statement).await {
        Ok(planned) => planned,
        Err(error) => {
            let problem = of_error(&error, &file, &text);
            return vec![at_step(problem.cause, &problem.mend)];
        }
    };
    let mut problems: Vec<Diagnostic> = of_plan(&planned, &file, &text)
        .into_iter()
        .map(|problem| at_step(problem.cause, &problem.mend))
        .collect();
    let mut has_aggregate = false;
    let _ = planned.apply_with_subqueries(|node| {
        has_aggregate |= matches!(node, LogicalPlan::Aggregate(_) | LogicalPlan::Window(_));
        Ok(TreeNodeRecursion::Continue)
    });
    if has_aggregate {
        problems.push(at_step(
            "a condition looks at one event, not at many".to_string(),
            "leave aggregates and window functions out of it",
        ));
    }
    let given = planned.schema().field(0).data_type();
    if !matches!(given, DataType::Boolean | DataType::Null) {
        problems.push(at_step(
            "the condition is not true or false".to_string(),
            "compare with something: event = 'pay'",
        ));
    }
    problems
}
