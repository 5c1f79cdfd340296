//! Checks of contracts that are queries: those written as SQL, and relationships, which compile to it.
//!
//! The table itself is `this` (its own name means the same), one date of it at a time. Other tables are
//! seen on the same date, and as far around it as the contract's `reads` says.

use std::collections::BTreeSet;
use std::path::Path;

use super::rules::{self, OF_CHECK};
use super::sql::{self, ParsedQuery};
use super::{Model, places};
use crate::config::place_within;
use crate::diagnostic::{Diagnostic, Place};
use crate::project::{Build, Contract, Relationship, TableCheck, TableRule};
use crate::table::audit::quoted;

/// By what a check's query calls the table itself.
pub const THIS: &str = "this";

/// A check's query, parsed.
#[derive(Debug, Clone)]
pub struct CheckQuery {
    /// Its number among the checks of the contract.
    pub index: usize,
    /// The query as a model of its own: what it reads beside the table itself, and how far around.
    pub model: Model,
}

/// Where something stands in a query that was written in YAML.
pub(super) struct Written<'a> {
    pub root: &'a Path,
    pub contract: &'a Contract,
    pub check: &'a TableCheck,
}

impl Written<'_> {
    /// A problem at a line and column of the query's text; of a relationship, at its declaration.
    pub fn problem(&self, (line, column): (usize, usize), cause: &str, mend: &str) -> Diagnostic {
        let (place, text, what) = match &self.check.rule {
            TableRule::Query(query) => (
                &query.place,
                Some(&query.sql),
                format!("check {}", self.check.name.as_deref().unwrap_or("sql")),
            ),
            TableRule::Relationship(relationship) => {
                (&relationship.place, None, "relationship".to_string())
            }
            _ => return Diagnostic::new(&self.contract.yaml_path, Place::FILE, cause, mend),
        };
        let (file, first_line, first_column) = place;
        let first = Place::new(*first_line, *first_column);
        let source = text.and_then(|text| {
            let source = std::fs::read_to_string(self.root.join(file)).ok()?;
            Some((source, text))
        });
        let place = source.map_or(first, |(source, text)| {
            place_within(&source, first, text, Place::new(line.max(1), column.max(1)))
        });
        Diagnostic::new(file, place, format!("{what}: {cause}"), mend)
    }
}

/// Parses the queries among a contract's checks; what cannot be planned is told and left out.
pub(super) fn parse(root: &Path, contract: &Contract) -> (Vec<CheckQuery>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for (index, check) in contract.checks.iter().enumerate() {
        let text = match &check.rule {
            TableRule::Query(query) => query.sql.clone(),
            TableRule::Relationship(relationship) => of_relationship(contract, relationship),
            _ => continue,
        };
        let written = Written {
            root,
            contract,
            check,
        };
        let query = match sql::parse(&text, &contract.yaml_path) {
            Ok(query) => query,
            Err(problem) => {
                let cause = problem.cause.replace("in this file", "in this check");
                let cause = match cause.split_once("refused: the file") {
                    Some((word, _)) => {
                        format!("{word}refused: a check is a select of rows at fault")
                    }
                    None => cause,
                };
                let mend = problem
                    .mend
                    .replace("a file of its own", "a check of its own");
                let spot = (problem.line, problem.column);
                problems.push(written.problem(spot, &cause, &mend));
                continue;
            }
        };
        let (told, can_plan) = rules::of_query(&query, &contract.yaml_path, OF_CHECK);
        let is_sound = told.is_empty();
        problems.extend(told.into_iter().map(|problem| {
            let spot = (problem.line, problem.column);
            written.problem(spot, &problem.cause, &problem.mend)
        }));
        let is_own = |table: &String| *table == THIS || *table == contract.name;
        if is_sound && !query.tables.iter().any(is_own) {
            let name = &contract.name;
            problems.push(written.problem(
                places::of_select(&query.statement),
                "the query does not look at the table itself",
                &format!("read `{THIS}`, one date of {name} at a time; a check of another table belongs into its contract"),
            ));
        }
        found.push(CheckQuery {
            index,
            model: as_model(contract, text, query, can_plan && is_sound),
        });
    }
    (found, problems)
}

fn as_model(contract: &Contract, sql: String, query: ParsedQuery, can_plan: bool) -> Model {
    let is_other = |table: &String| *table != THIS && *table != contract.name;
    let tables: BTreeSet<String> = query.tables.into_iter().filter(is_other).collect();
    Model {
        contract: Contract {
            build: match contract.build {
                Build::Whole => Build::Whole,
                Build::ByDate | Build::View => Build::ByDate,
            },
            columns: Vec::new(),
            checks: Vec::new(),
            ..contract.clone()
        },
        sql,
        tables,
        parameters: query.parameters,
        statement: query.statement,
        check_queries: Vec::new(),
        can_plan,
    }
}

/// Rows whose columns are not null and have no like in the other table: their key, and the columns.
fn of_relationship(contract: &Contract, relationship: &Relationship) -> String {
    let mut shown: Vec<&String> = contract.key.iter().collect();
    shown.extend(
        relationship
            .columns
            .iter()
            .filter(|column| !contract.key.contains(column)),
    );
    let shown: Vec<String> = shown.into_iter().map(|name| quoted(name)).collect();
    let given: Vec<String> = relationship
        .columns
        .iter()
        .map(|column| format!("{THIS}.{} is not null", quoted(column)))
        .collect();
    let equal: Vec<String> = relationship
        .columns
        .iter()
        .zip(&relationship.to_columns)
        .map(|(column, other)| format!("referred.{} = {THIS}.{}", quoted(other), quoted(column)))
        .collect();
    format!(
        "select {} from {THIS} where {} and not exists (select 1 from {} as referred where {})",
        shown.join(", "),
        given.join(" and "),
        quoted(&relationship.to),
        equal.join(" and ")
    )
}
