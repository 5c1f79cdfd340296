//! `--select`: which sources and models a run is limited to, in dbt's graph operators.
//!
//! `name` is one source or model; `+name` adds everything it reads, `name+` everything that reads it,
//! `+name+` both. Several selections are united; those joined by a comma are intersected.

use std::collections::BTreeSet;

use super::rules::did_you_mean;
use super::{Model, Models};
use crate::project::Project;

/// Names of sources and models, views among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    names: BTreeSet<String>,
}

impl Selection {
    /// Reads selections; what is wrong with one is said in words.
    pub fn parse(
        selections: &[String],
        project: &Project,
        models: &Models,
    ) -> Result<Self, String> {
        let graph = Graph { project, models };
        let mut names = BTreeSet::new();
        for selection in selections
            .iter()
            .flat_map(|text| text.split_ascii_whitespace())
        {
            let mut common: Option<BTreeSet<String>> = None;
            for term in selection.split(',') {
                let found = graph.term(term)?;
                common = Some(match common {
                    Some(before) => before.intersection(&found).cloned().collect(),
                    None => found,
                });
            }
            names.extend(common.unwrap_or_default());
        }
        if names.is_empty() {
            let written = selections.join(" ");
            // A comma between names is more often meant as "and".
            let hint = match written.contains(',') {
                true => format!(
                    ": `a,b` is what both a and b select; for all of them write `--select {}`",
                    written.replace(',', " ")
                ),
                false => String::new(),
            };
            return Err(format!("--select {written} selects nothing{hint}"));
        }
        Ok(Self { names })
    }

    /// Whether a source or model is selected.
    pub fn holds(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

struct Graph<'a> {
    project: &'a Project,
    models: &'a Models,
}

impl Graph<'_> {
    fn term(&self, term: &str) -> Result<BTreeSet<String>, String> {
        let (upstream, rest) = match term.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, term),
        };
        let (downstream, name) = match rest.strip_suffix('+') {
            Some(name) => (true, name),
            None => (false, rest),
        };
        let known = || {
            self.project
                .sources
                .keys()
                .map(String::as_str)
                .chain(self.models.iter().map(Model::name))
        };
        if !known().any(|known| known == name) {
            let hint = match name.split_once(':') {
                Some(("tag", _)) => "models have no tags; ".to_string(),
                Some((_, rest)) => did_you_mean(rest, known()),
                None => did_you_mean(name, known()),
            };
            return Err(format!(
                "--select {term}: there is no source or model {name}; {hint}there are {}",
                known().collect::<Vec<_>>().join(", ")
            ));
        }
        let mut found = BTreeSet::from([name.to_string()]);
        if upstream {
            self.add_upstream(name, &mut found);
        }
        if downstream {
            // Models come in building order: whatever reads a model stands behind it.
            let mut below = BTreeSet::from([name.to_string()]);
            for model in self.models.iter() {
                if model.tables.iter().any(|table| below.contains(table)) {
                    below.insert(model.name().to_string());
                }
            }
            found.extend(below);
        }
        Ok(found)
    }

    fn add_upstream(&self, name: &str, found: &mut BTreeSet<String>) {
        for table in self
            .models
            .get(name)
            .into_iter()
            .flat_map(|model| &model.tables)
        {
            if found.insert(table.clone()) {
                self.add_upstream(table, found);
            }
        }
    }
}
