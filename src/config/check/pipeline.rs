//! A pipeline file: its sources, funnels and the roles it reports to.

use super::source::Surroundings;
use super::{Checker, Part, Tables, funnel, source};
use crate::config::raw::PipelineFile;
use crate::config::tree::{Entry, Node};
use crate::config::walk::Read;
use crate::diagnostic::Place;
use crate::project::{Funnel, Source};

/// What a pipeline file declares.
#[derive(Debug, Default)]
pub struct Declared {
    /// Its sources.
    pub sources: Vec<Source>,
    /// Its funnels.
    pub funnels: Vec<Funnel>,
    /// Roles with where they are named.
    pub reports: Vec<(String, Place)>,
}

/// Checks one pipeline file; `tables` are those of all files.
pub fn pipeline(
    surroundings: Surroundings<'_>,
    tables: &Tables,
    read: &Read<PipelineFile>,
    node: &Node,
    checker: &mut Checker<'_>,
) -> Declared {
    let raw = &read.value;
    let entry = |kind: &str, name: &str| -> Option<&Entry> { node.get(kind)?.entry(name) };
    let mut declared = Declared::default();
    for (name, source_raw) in &raw.sources.0 {
        if let Some(entry) = entry("sources", name) {
            let path = ["sources", name.as_str()];
            let part = Part::new(read, &path, &entry.value, entry.key_place);
            declared.sources.extend(source::source(
                name,
                source_raw,
                part,
                surroundings,
                checker,
            ));
        }
    }
    for (name, funnel_raw) in &raw.funnels.0 {
        if let Some(entry) = entry("funnels", name) {
            let path = ["funnels", name.as_str()];
            let part = Part::new(read, &path, &entry.value, entry.key_place);
            declared
                .funnels
                .extend(funnel::funnel(name, funnel_raw, part, tables, checker));
        }
    }
    // Places come from the tree, so that an item that could not be read shifts nothing.
    for item in node.get("reports").into_iter().flat_map(Node::items) {
        if let Some(role) = item
            .text()
            .filter(|role| raw.reports.iter().any(|read| read == role))
        {
            declared.reports.push((role.to_owned(), item.place));
        }
    }
    declared
}
