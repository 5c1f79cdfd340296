//! Declared funnels → tables.
//!
//! `funnel_totals` holds one pass over the events of each funnel: per entry day, breakdown, segment and
//! basis how many reached each step and after how long, and how those who stopped ended. The others are
//! small selects on it:
//!
//! | table | one row per |
//! | --- | --- |
//! | `funnel_steps` | step: entrants, reached, rates with intervals, times |
//! | `funnel_ends` | end state and furthest step: where every entrant is |
//! | `funnel_fields` | field of a step's form: who leaves there |
//! | `funnel_leverage` | step: what a point more is worth |
//!
//! An entity counts once per local day it enters on; its chain may start at any first step of that day,
//! and the deepest chain counts. Two bases stand side by side: `same_day` (every step on the entry's
//! local day) and `mature` (the whole window; null until the window of the whole entry day has passed).
//! SEMANTICS, "Funnels".

mod contract;
mod ends;
mod fields;
mod leverage;
mod numbering;
mod rules;
mod segments;
mod steps;
mod totals;

use crate::model::ModelSource;
use crate::project::{Funnel, Project};

/// The models of all declared funnels; none if there are none.
pub(super) fn models(project: &Project) -> Vec<ModelSource> {
    let funnels: Vec<&Funnel> = project.funnels.values().collect();
    if funnels.is_empty() {
        return Vec::new();
    }
    let mut models = vec![
        totals::model(project, &funnels),
        steps::model(project, &funnels),
        ends::model(project, &funnels),
    ];
    models.extend(fields::model(project, &funnels));
    models.extend(leverage::model(project, &funnels));
    models
}

/// A name in SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in SQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
