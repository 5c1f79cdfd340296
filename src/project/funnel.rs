//! A declared funnel.

use super::{Duration, LocalText};

/// A funnel declared in YAML; compiled to SQL by [`crate::analysis`](../../analysis/index.html).
#[derive(Debug, Clone)]
pub struct Funnel {
    /// Name, unique in the project.
    pub name: String,
    /// What people read; the name where none is declared.
    pub title: LocalText,
    /// Table it runs on.
    pub on: String,
    /// Entity column, `user_id` unless declared.
    pub entity: String,
    /// From the first step, inclusive.
    pub window: Duration,
    /// 1 to 32 steps.
    pub steps: Vec<Step>,
    /// One grouping per entry, each of one or more columns; `overall` is always there too.
    pub by: Vec<Vec<String>>,
    /// File (relative to the root), line and column of the declaration, for messages about its SQL.
    pub place: (String, usize, usize),
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Name, unique in the funnel.
    pub name: String,
    /// What people read.
    pub title: LocalText,
    /// SQL condition over the table's columns.
    pub when: String,
    /// Golden step rate (0..=1), if declared.
    pub golden: Option<f64>,
    /// File, line and column of `when`.
    pub place: (String, usize, usize),
}
