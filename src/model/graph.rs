//! The order of models: each after what it reads. Unknown tables and cycles are told by name.

use std::collections::{BTreeMap, BTreeSet};

use super::{Model, rules};
use crate::diagnostic::Diagnostic;
use crate::project::Project;

/// Orders models (by name among equals). Models that read unknown tables or stand in a cycle are left
/// out and told.
pub fn order(project: &Project, models: Vec<Model>) -> (Vec<Model>, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let names: BTreeSet<String> = models
        .iter()
        .map(|model| model.name().to_string())
        .collect();
    let is_known = |table: &str| names.contains(table) || project.sources.contains_key(table);
    let mut waiting: BTreeMap<String, Model> = BTreeMap::new();
    for model in models {
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
            let known = names.iter().chain(project.sources.keys());
            problems.push(rules::unknown_table(&model, table, known));
        }
    }
    let mut ordered: Vec<Model> = Vec::new();
    let mut done: BTreeSet<String> = BTreeSet::new();
    loop {
        let ready: Vec<String> = waiting
            .iter()
            .filter(|(_, model)| {
                model
                    .tables
                    .iter()
                    .all(|table| done.contains(table) || project.sources.contains_key(table))
            })
            .map(|(name, _)| name.clone())
            .collect();
        if ready.is_empty() {
            break;
        }
        for name in ready {
            if let Some(model) = waiting.remove(&name) {
                ordered.push(model);
                done.insert(name);
            }
        }
    }
    for model in waiting.values() {
        if let Some(path) = cycle_through(model.name(), &waiting) {
            problems.push(rules::at_table(
                model,
                path.get(1).map_or(model.name(), String::as_str),
                format!("models read each other in a circle: {}", path.join(" → ")),
                "let one of them read from a model before both",
            ));
        }
    }
    (ordered, problems)
}

/// A way from a model back to itself.
fn cycle_through(start: &str, models: &BTreeMap<String, Model>) -> Option<Vec<String>> {
    let mut paths = vec![vec![start.to_string()]];
    let mut seen = BTreeSet::new();
    while let Some(path) = paths.pop() {
        let Some(model) = path.last().and_then(|name| models.get(name)) else {
            continue;
        };
        for table in &model.tables {
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
