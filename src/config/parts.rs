//! What of a project is sound, so that its SQL can be looked at although its YAML is not all right.

use std::collections::BTreeSet;

use crate::project::{Project, Report, Section};

/// The parts of a project that were read without a problem.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The sound parts. Only if `is_whole` is it the project that its writer means.
    pub project: Project,
    /// Whether nothing is missing.
    pub is_whole: bool,
    /// Tables that are declared, but whose columns are not known.
    pub unread_tables: BTreeSet<String>,
    /// False if a pipeline file could not be read, so that there may be tables of any name.
    pub are_all_named: bool,
    /// Name and SQL file of each model without a sound contract.
    pub loose_models: Vec<(String, String)>,
    /// Every select of a report.
    pub selects: Vec<Select>,
    /// Reports that no pipeline lists.
    pub unlisted_reports: Vec<Report>,
}

/// A select that feeds a section of a report.
#[derive(Debug, Clone)]
pub struct Select {
    /// Its file, relative to the root.
    pub sql_path: String,
    /// Its section, if that was read without a problem.
    pub section: Option<Section>,
}
