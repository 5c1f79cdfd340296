//! The order of models: each after what it reads. Unknown tables and cycles are told by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::check_queries::Written;
use super::{Model, Unread, places, rules};
use crate::diagnostic::{Diagnostic, Place};
use crate::project::{Build, Project};

/// Orders models (by name among equals). Models that read unknown tables or stand in a cycle are told
/// and, with those that read them, come apart from the others.
pub fn order(
    project: &Project,
    models: Vec<Model>,
    unread: &Unread,
) -> (Vec<Model>, Vec<Model>, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let names: BTreeSet<String> = models
        .iter()
        .map(|model| model.name().to_string())
        .collect();
    // A model that does not parse is told already; who reads it does nothing wrong.
    let is_given = |table: &str| {
        project.sources.contains_key(table)
            || (!names.contains(table)
                && (project.contracts.contains_key(table) || unread.may_be(table)))
    };
    let is_known = |table: &str| names.contains(table) || is_given(table);
    let mut waiting: BTreeMap<String, Model> = BTreeMap::new();
    let mut left_out = Vec::new();
    for model in models {
        let reads_itself = model.tables.contains(model.name());
        if reads_itself && !model.contract.reads_itself() {
            // What is wrong with a contract that is not sound is told already.
            if !unread.tables.contains(model.name()) {
                problems.push(reads_itself_unsaid(&model));
            }
            left_out.push(model);
            continue;
        }
        let unknown: Vec<&String> = model
            .tables
            .iter()
            .filter(|table| !is_known(table))
            .collect();
        if unknown.is_empty() {
            waiting.insert(model.name().to_string(), model);
            continue;
        }
        for table in unknown {
            let known = names
                .iter()
                .chain(project.sources.keys())
                .chain(project.contracts.keys())
                .chain(&unread.tables)
                .map(String::as_str);
            let file = &model.contract.sql_path;
            problems.push(rules::unknown_table(model.query(), file, table, known));
        }
        left_out.push(model);
    }
    // What a model's checks read is built before it, too; unless it is built from the model.
    let names = rounds(&waiting, &is_given, true);
    let without_checks = rounds(&waiting, &is_given, false);
    if names.len() < without_checks.len() {
        let late = without_checks.iter().filter(|name| !names.contains(name));
        problems.extend(
            late.filter_map(|name| circle_of_checks(&project.root, waiting.get(name)?, &waiting)),
        );
    }
    let ordered: Vec<Model> = match names.len() < without_checks.len() {
        true => without_checks,
        false => names,
    }
    .iter()
    .filter_map(|name| waiting.remove(name))
    .collect();
    let mut told: BTreeSet<String> = BTreeSet::new();
    for model in waiting.values() {
        if told.contains(model.name()) {
            continue;
        }
        if let Some(path) = cycle_through(model.name(), &waiting) {
            told.extend(path.iter().cloned());
            let next = path.get(1).map_or(model.name(), String::as_str);
            let (line, column) = places::of_table(&model.statement, next).unwrap_or((1, 1));
            problems.push(Diagnostic::new(
                &model.contract.sql_path,
                Place::new(line, column),
                format!("models read each other in a circle: {}", path.join(" → ")),
                "let one of them read from a table that stands before all of these",
            ));
        }
    }
    left_out.extend(waiting.into_values());
    (ordered, left_out, problems)
}

/// Names of the models that can be built, each after what it reads (and what its checks read).
fn rounds(
    models: &BTreeMap<String, Model>,
    is_given: &dyn Fn(&str) -> bool,
    with_checks: bool,
) -> Vec<String> {
    let mut ordered: Vec<String> = Vec::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    loop {
        let is_ready = |table: &String| done.contains(table.as_str()) || is_given(table);
        // Its own earlier dates are there before it is built.
        let is_itself = |model: &Model, table: &String| table == model.name();
        let ready: Vec<&str> = models
            .values()
            .filter(|model| !done.contains(model.name()))
            .filter(|model| {
                let mut tables = model.tables.iter();
                tables.all(|table| is_ready(table) || is_itself(model, table))
            })
            .filter(|model| {
                let mut others = model.tables_of_checks().filter(|_| with_checks);
                // What nobody declares is told elsewhere.
                others.all(|table| is_ready(table) || !models.contains_key(table))
            })
            .map(Model::name)
            .collect();
        if ready.is_empty() {
            return ordered;
        }
        for name in ready {
            ordered.push(name.to_string());
            done.insert(name);
        }
    }
}

/// A check that reads what is built from its own model.
fn circle_of_checks(
    root: &Path,
    model: &Model,
    models: &BTreeMap<String, Model>,
) -> Option<Diagnostic> {
    let mut circles = model.check_queries.iter().flat_map(|query| {
        let tables = query.model.tables.iter();
        tables.map(move |table| (query, table))
    });
    circles.find_map(|(query, table)| {
        let path = path_to(model.name(), table, models)?;
        let contract = &model.contract;
        let written = Written {
            root,
            contract,
            check: contract.checks.get(query.index)?,
        };
        let spot = places::of_table(&query.model.statement, table).unwrap_or((1, 1));
        let name = model.name();
        Some(written.problem(
            spot,
            &format!(
                "{table} is not built yet when {name} is audited: {} → {name}",
                path.join(" → ")
            ),
            &format!(
                "put the check into the contract of {table}, or let it read what {name} is made of"
            ),
        ))
    })
}

/// A way from a table through what it reads (and its checks) to a model.
fn path_to(goal: &str, start: &str, models: &BTreeMap<String, Model>) -> Option<Vec<String>> {
    let mut paths = vec![vec![start.to_string()]];
    let mut seen = BTreeSet::new();
    while let Some(path) = paths.pop() {
        let Some(model) = path.last().and_then(|name| models.get(name)) else {
            continue;
        };
        for table in model.tables.iter().chain(model.tables_of_checks()) {
            if table == goal {
                return Some(path);
            }
            if seen.insert(table.clone()) {
                let mut longer = path.clone();
                longer.push(table.clone());
                paths.push(longer);
            }
        }
    }
    None
}

/// A model's own table stands in its SQL, but its contract does not say so.
fn reads_itself_unsaid(model: &Model) -> Diagnostic {
    let name = model.name();
    let (line, column) = places::of_table(&model.statement, name).unwrap_or((1, 1));
    let mend = match model.contract.build {
        Build::ByDate => format!(
            "to see its own dates before those it builds, write `reads: {{{name}: {{before: all}}}}` in {}; otherwise read the tables it is made of",
            model.contract.yaml_path
        ),
        _ => "read the tables it is made of; only a model built `by_date` can see its own earlier dates".to_string(),
    };
    Diagnostic::new(
        &model.contract.sql_path,
        Place::new(line, column),
        format!("model {name} reads itself, and its contract does not say which of its dates"),
        mend,
    )
}

/// A way from a model back to itself.
fn cycle_through(start: &str, models: &BTreeMap<String, Model>) -> Option<Vec<String>> {
    let mut paths = vec![vec![start.to_string()]];
    let mut seen = BTreeSet::new();
    while let Some(path) = paths.pop() {
        let Some(model) = path.last().and_then(|name| models.get(name)) else {
            continue;
        };
        for table in model.tables.iter().filter(|table| *table != model.name()) {
            let mut longer = path.clone();
            longer.push(table.clone());
            if table == start {
                return Some(longer);
            }
            if models.contains_key(table) && seen.insert(table.clone()) {
                paths.push(longer);
            }
        }
    }
    None
}
