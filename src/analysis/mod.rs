//! Analyses declared in YAML, compiled to the same plain SQL that a person would write on our
//! functions. `loudou compile` shows it, so that a declared funnel can be taken over by hand.

pub mod check;
mod funnel;

use crate::model::ModelSource;
use crate::project::{FUNNEL_TABLES, Project};

/// Everything a project's declared analyses compile to.
pub fn models(project: &Project) -> Vec<ModelSource> {
    funnel::models(project)
}

/// Names of the tables that declared analyses make.
pub const TABLES: &[&str] = &FUNNEL_TABLES;

/// The one of them that is computed from the funnels' events; the others are selects on it.
pub const FROM_FUNNELS: &str = FUNNEL_TABLES[0];
