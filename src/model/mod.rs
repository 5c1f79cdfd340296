//! SQL models: what they read, in which order they run, how a range of dates is built.
//!
//! A model is one query and its contract. Dependencies come from the parsed SQL; dates are bound into
//! the parsed tree; nothing is templated.

pub mod build;
pub mod check;
mod graph;
mod rules;
pub mod sql;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::sqlparser::ast::Statement;

use crate::diagnostic::Diagnostic;
use crate::project::{Build, Contract, Project};
use crate::table::write::hash_text;

pub use graph::order;
pub use windows::Window;

/// Bumped when a change of ours changes what models compute from the same SQL.
const ENGINE_VERSION: u32 = 1;

/// A model as it is written: a `.sql` file, or what a declared analysis compiled to.
#[derive(Debug, Clone)]
pub struct ModelSource {
    /// Its contract.
    pub contract: Contract,
    /// The query.
    pub sql: String,
}

/// A parsed model.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its contract; `contract.name` is the model's name.
    pub contract: Contract,
    /// The query's text.
    pub sql: String,
    /// Tables it reads directly.
    pub tables: BTreeSet<String>,
    /// Parameters it uses, without `$`.
    pub parameters: BTreeSet<String>,
    statement: Statement,
}

impl Model {
    /// Name of the model and its table.
    pub fn name(&self) -> &str {
        &self.contract.name
    }

    /// Whether nothing is stored for it.
    pub fn is_view(&self) -> bool {
        self.contract.build == Build::View
    }
}

/// All models of a project, parsed, in an order in which each stands after what it reads.
#[derive(Debug, Clone, Default)]
pub struct Models {
    models: Vec<Model>,
    by_name: BTreeMap<String, usize>,
}

impl Models {
    /// Parses models; problems are told all at once. Models with problems are left out.
    pub fn parse(project: &Project, sources: Vec<ModelSource>) -> (Self, Vec<Diagnostic>) {
        let mut problems = Vec::new();
        let mut parsed = Vec::new();
        for source in sources {
            match sql::parse(&source.sql, &source.contract.sql_path) {
                Ok(query) => {
                    problems.extend(rules::of_statement(&source, &query));
                    parsed.push(Model {
                        contract: source.contract,
                        sql: source.sql,
                        tables: query.tables,
                        parameters: query.parameters,
                        statement: query.statement,
                    });
                }
                Err(problem) => problems.push(problem),
            }
        }
        let (models, cycles) = graph::order(project, parsed);
        problems.extend(cycles);
        let by_name = models
            .iter()
            .enumerate()
            .map(|(at, model)| (model.name().to_string(), at))
            .collect();
        (Self { models, by_name }, problems)
    }

    /// In building order.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.models.iter()
    }

    /// By name.
    pub fn get(&self, name: &str) -> Option<&Model> {
        self.by_name.get(name).and_then(|at| self.models.get(*at))
    }

    /// Hash of everything that decides a model's rows apart from its inputs: its SQL and contract, and
    /// those of the views it reads.
    pub fn definition(&self, project: &Project, model: &Model) -> String {
        let mut text = format!("{ENGINE_VERSION} {}\n", project.zone.name());
        self.write_definition(model, &mut text);
        hash_text(&text)
    }

    fn write_definition(&self, model: &Model, text: &mut String) {
        let contract = &model.contract;
        let columns: Vec<String> = contract
            .columns
            .iter()
            .map(|column| format!("{} {}", column.name, column.data_type))
            .collect();
        text.push_str(&format!(
            "{} {:?} {:?} {:?} {} {columns:?}\n{}\n",
            contract.name,
            contract.build,
            contract.key,
            contract.reads,
            contract.matures_after,
            model.sql
        ));
        for name in &model.tables {
            if let Some(view) = self.get(name).filter(|model| model.is_view()) {
                self.write_definition(view, text);
            }
        }
    }

    /// Tables whose partitions a model's rows come from, through views, each with how far around.
    pub fn windows(&self, model: &Model) -> BTreeMap<String, Window> {
        windows::resolve(self, model)
    }
}
