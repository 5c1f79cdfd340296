//! Plans the queries of contracts' checks on empty tables.

use std::path::Path;
use std::sync::Arc;

use datafusion::prelude::SessionContext;

use super::check::{of_plan, try_plan};
use super::check_queries::{THIS, Written};
use super::{Model, Models, rules};
use crate::diagnostic::Diagnostic;
use crate::engine::PublishedTable;
use crate::error::{Error, Result};
use crate::project::TableRule;
use crate::table::schema;

/// Problems of one model's checks. `session` knows every table, without rows.
pub(super) async fn of_model(
    root: &Path,
    models: &Models,
    model: &Model,
    session: &SessionContext,
    known: &[&str],
) -> Result<Vec<Diagnostic>> {
    let mut problems = Vec::new();
    if models.unread.tables.contains(model.name()) {
        return Ok(problems); // its contract is not known
    }
    if session.table_exist(THIS).unwrap_or(false) {
        return Ok(problems); // a table took the name, which is told
    }
    for query in &model.check_queries {
        let Some(check) = model.contract.checks.get(query.index) else {
            continue;
        };
        let written = Written {
            root,
            contract: &model.contract,
            check,
        };
        let asked = &query.model;
        let is_there = |table: &String| session.table_exist(table.as_str()).unwrap_or(false);
        let unknown: Vec<&String> = asked
            .tables
            .iter()
            .filter(|table| !is_there(table))
            .collect();
        for table in &unknown {
            // That of a relationship is told where its names are checked.
            if models.unread.may_be(table) || matches!(check.rule, TableRule::Relationship(_)) {
                continue;
            }
            let known = known.iter().copied().chain([THIS]);
            let problem = rules::unknown_table(asked.query(), "", table, known);
            let spot = (problem.line, problem.column);
            problems.push(written.problem(spot, &problem.cause, &problem.mend));
        }
        if !asked.can_plan || !unknown.is_empty() {
            continue;
        }
        let this = PublishedTable::new(&schema::of_contract(&model.contract), Vec::new());
        session
            .register_table(THIS, Arc::new(this))
            .map_err(Error::engine("registering a check's table"))?;
        let planned = try_plan(session, asked.statement.clone()).await;
        session
            .deregister_table(THIS)
            .map_err(Error::engine("registering a check's table"))?;
        let mut tell = |problem: Diagnostic, mend: &str| {
            let spot = (problem.line, problem.column);
            problems.push(written.problem(spot, &problem.cause, mend));
        };
        match planned {
            Ok(plan) => {
                for problem in of_plan(&plan, &asked.statement, "") {
                    tell(
                        problem,
                        "a check says the same whenever it runs: look only at the rows, order them where their order matters",
                    );
                }
            }
            Err(failure) => {
                let problem = failure.explain(&asked.statement, "");
                let mend = problem.mend.clone();
                tell(problem, &mend);
            }
        }
    }
    Ok(problems)
}
