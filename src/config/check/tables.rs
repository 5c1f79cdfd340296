//! Which tables a project has and which columns they have, as far as its YAML says.

use std::collections::BTreeMap;

use crate::config::tree::Node;
use crate::project::{DataType, FUNNEL_TABLES};

/// Columns of every source.
const EVERY_SOURCE: [(&str, DataType); 4] = [
    ("date", DataType::Date),
    ("props", DataType::String),
    ("source_object", DataType::String),
    ("source_offset", DataType::Int64),
];

/// Further columns of a source with a user.
const EVENT_STREAM: [(&str, DataType); 5] = [
    ("event_time", DataType::Timestamp),
    ("event_id", DataType::String),
    ("user_id", DataType::String),
    ("source_user_id", DataType::String),
    ("user_key", DataType::Int64),
];

/// Whether a column of a source is made by loudou, so that no declared one can take its name.
pub fn is_reserved(column: &str) -> bool {
    EVERY_SOURCE
        .iter()
        .chain(&EVENT_STREAM)
        .any(|(name, _)| *name == column)
}

/// What makes a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// A source.
    Source,
    /// A SQL model.
    Model,
    /// The declared funnels.
    Funnels,
}

/// One table.
#[derive(Debug)]
pub struct Table {
    /// What makes it.
    pub maker: Maker,
    /// File and line of its declaration.
    pub declared: String,
    /// Columns by name; `None` where the type is not known (and was told).
    pub columns: BTreeMap<String, Option<DataType>>,
    /// False where its columns could not be read, so that nothing can be said about them.
    pub is_known: bool,
    /// Whether two declarations want the name.
    is_contested: bool,
}

/// All tables by name.
#[derive(Debug, Default)]
pub struct Tables {
    by_name: BTreeMap<String, Table>,
}

impl Tables {
    /// Adds a source from its declaration, also from a faulty one. False if the name is taken.
    pub fn add_source(&mut self, name: &str, node: &Node, declared: String) -> bool {
        let stream: &[_] = if node.get("user").is_some() {
            &EVENT_STREAM
        } else {
            &[]
        };
        let made = EVERY_SOURCE.iter().chain(stream);
        let mut columns: BTreeMap<_, _> = made
            .map(|(name, data_type)| ((*name).to_owned(), Some(*data_type)))
            .collect();
        columns.extend(declared_columns(node));
        let is_known = node
            .get("columns")
            .is_some_and(|columns| !columns.entries().is_empty());
        self.add(
            name,
            Table {
                maker: Maker::Source,
                declared,
                columns,
                is_known,
                is_contested: false,
            },
        )
    }

    /// Adds a model from its contract; without one (`None`) nothing is known of its columns. False if
    /// the name is taken.
    pub fn add_model(&mut self, name: &str, contract: Option<&Node>, declared: String) -> bool {
        let columns: BTreeMap<_, _> = contract.into_iter().flat_map(declared_columns).collect();
        let is_known = !columns.is_empty();
        self.add(
            name,
            Table {
                maker: Maker::Model,
                declared,
                columns,
                is_known,
                is_contested: false,
            },
        )
    }

    /// Adds the funnels' tables.
    pub fn add_funnels(&mut self, declared: &str) {
        for name in FUNNEL_TABLES {
            let table = Table {
                maker: Maker::Funnels,
                declared: declared.to_owned(),
                columns: BTreeMap::new(),
                is_known: false,
                is_contested: false,
            };
            self.add(name, table);
        }
    }

    fn add(&mut self, name: &str, table: Table) -> bool {
        if let Some(first) = self.by_name.get_mut(name) {
            // Which of the two a person means is not known, so nothing is said about its columns.
            first.is_known = false;
            first.is_contested = true;
            return false;
        }
        self.by_name.insert(name.to_owned(), table);
        true
    }

    /// A table.
    pub fn get(&self, name: &str) -> Option<&Table> {
        self.by_name.get(name)
    }

    /// Whether two declarations want a name, so that nobody knows which is meant.
    pub fn is_contested(&self, name: &str) -> bool {
        self.by_name
            .get(name)
            .is_some_and(|table| table.is_contested)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Names of sources and models.
    pub fn sources_and_models(&self) -> impl Iterator<Item = &str> {
        self.by_name
            .iter()
            .filter(|(_, table)| table.maker != Maker::Funnels)
            .map(|(name, _)| name.as_str())
    }
}

/// The columns below a `columns:` key, each `name: type` or `name: {type: …}`.
fn declared_columns(node: &Node) -> impl Iterator<Item = (String, Option<DataType>)> {
    node.get("columns")
        .into_iter()
        .flat_map(Node::entries)
        .map(|entry| {
            let written = entry
                .value
                .text()
                .or_else(|| entry.value.get("type")?.text());
            (entry.key.clone(), written.and_then(DataType::parse))
        })
}
