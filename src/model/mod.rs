//! SQL models: what they read, in which order they run, how a range of dates is built.
//!
//! A model is one query and its contract. Dependencies come from the parsed SQL; dates are bound into
//! the parsed tree; nothing is templated.

mod allowed;
mod allowed_names;
pub mod audit;
pub mod build;
pub mod check;
mod check_checks;
mod check_queries;
mod explain;
pub mod figures;
mod graph;
mod places;
mod rules;
pub mod select;
pub mod sql;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::sqlparser::ast::Statement;

use crate::diagnostic::Diagnostic;
use crate::project::{Build, Contract, Project};
use crate::table::write::hash_text;

pub use check_queries::CheckQuery;
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
    /// Those of its contract's checks that are queries.
    check_queries: Vec<CheckQuery>,
    /// False if it holds something that the engine could only misunderstand.
    can_plan: bool,
}

impl Model {
    /// Name of the model and its table.
    pub fn name(&self) -> &str {
        &self.contract.name
    }

    fn query(&self) -> (&Statement, &str) {
        (&self.statement, &self.sql)
    }

    /// Tables that its checks read beside itself.
    pub fn tables_of_checks(&self) -> impl Iterator<Item = &String> {
        let queries = self.check_queries.iter();
        queries.flat_map(|query| &query.model.tables)
    }

    /// Tables that one of its contract's checks reads beside itself; none for a check without a query.
    pub fn tables_of_check(&self, index: usize) -> impl Iterator<Item = &String> {
        let queries = self.check_queries.iter();
        queries
            .filter(move |query| query.index == index)
            .flat_map(|query| &query.model.tables)
    }

    /// Whether nothing is stored for it.
    pub fn is_view(&self) -> bool {
        self.contract.build == Build::View
    }
}

/// What is not known of a project whose YAML has problems, so that nothing wrong is said about its SQL.
#[derive(Debug, Clone, Default)]
pub struct Unread {
    /// Tables that are declared, but whose columns are not known.
    pub tables: BTreeSet<String>,
    /// Whether there may be tables of any name.
    pub may_be_more: bool,
}

impl Unread {
    /// Whether a table that no sound declaration names may exist all the same.
    fn may_be(&self, table: &str) -> bool {
        self.may_be_more || self.tables.contains(table)
    }
}

/// All models of a project, parsed, in an order in which each stands after what it reads.
#[derive(Debug, Clone, Default)]
pub struct Models {
    models: Vec<Model>,
    /// Read something that is not there, or stand in a circle: to be looked at, not to be run.
    left_out: Vec<Model>,
    by_name: BTreeMap<String, usize>,
    unread: Unread,
}

impl Models {
    /// Parses models; problems are told all at once. Models with problems are left out. A model that
    /// is itself `unread` has SQL, but no sound contract.
    pub fn parse(
        project: &Project,
        sources: Vec<ModelSource>,
        unread: Unread,
    ) -> (Self, Vec<Diagnostic>) {
        let mut problems = Vec::new();
        let mut parsed = Vec::new();
        for source in sources {
            match sql::parse(&source.sql, &source.contract.sql_path) {
                Ok(query) => {
                    let file = &source.contract.sql_path;
                    let (found, can_plan) = rules::of_query(&query, file, rules::OF_MODEL);
                    problems.extend(found);
                    let (check_queries, found) =
                        check_queries::parse(&project.root, &source.contract);
                    problems.extend(found);
                    parsed.push(Model {
                        contract: source.contract,
                        sql: source.sql,
                        tables: query.tables,
                        parameters: query.parameters,
                        statement: query.statement,
                        check_queries,
                        can_plan,
                    });
                }
                Err(problem) => problems.push(problem),
            }
        }
        let (models, left_out, found) = graph::order(project, parsed, &unread);
        problems.extend(found);
        let by_name = models
            .iter()
            .enumerate()
            .map(|(at, model)| (model.name().to_string(), at))
            .collect();
        (
            Self {
                models,
                left_out,
                by_name,
                unread,
            },
            problems,
        )
    }

    /// Problems of a report's select that need no plan: what it may not hold, tables that are not
    /// there.
    pub fn of_select(
        &self,
        project: &Project,
        query: &sql::ParsedQuery,
        file: &str,
        text: &str,
    ) -> Vec<Diagnostic> {
        let (mut problems, _) = rules::of_query(query, file, rules::OF_SELECT);
        let known: BTreeSet<&str> = project
            .sources
            .keys()
            .chain(project.contracts.keys())
            .chain(&self.unread.tables)
            .map(String::as_str)
            .chain(self.all().map(Model::name))
            .collect();
        if !self.unread.may_be_more {
            for table in query
                .tables
                .iter()
                .filter(|table| !known.contains(table.as_str()))
            {
                let known = known.iter().copied();
                problems.push(rules::unknown_table(
                    (&query.statement, text),
                    file,
                    table,
                    known,
                ));
            }
        }
        problems
    }

    /// In building order.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.models.iter()
    }

    /// Those that cannot be built too.
    fn all(&self) -> impl Iterator<Item = &Model> {
        self.models.iter().chain(&self.left_out)
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

    /// How far around its dates a model reads one of its tables, directly.
    pub fn window_of(&self, model: &Model, table: &str) -> Window {
        windows::direct(self, model, table)
    }

    /// Tables whose partitions a model's rows come from, through views, each with how far around.
    pub fn windows(&self, model: &Model) -> BTreeMap<String, Window> {
        windows::resolve(self, model)
    }
}
