//! How far around its dates a model reads each table, through views.

use std::collections::BTreeMap;

use super::{Model, Models};
use crate::project::Build;

/// Days of a table a model sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Days before the first and after the last date built.
    Around {
        /// Days before `$start`.
        before: u32,
        /// Days after `$end`.
        after: u32,
    },
    /// All of it.
    All,
}

impl Window {
    fn plus(self, before: u32, after: u32) -> Self {
        match self {
            Self::All => Self::All,
            Self::Around {
                before: b,
                after: a,
            } => Self::Around {
                before: b + before,
                after: a + after,
            },
        }
    }

    fn union(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Around {
                    before: b,
                    after: a,
                },
                Self::Around { before, after },
            ) => Self::Around {
                before: b.max(before),
                after: a.max(after),
            },
            _ => Self::All,
        }
    }
}

/// Window of one table that the model names itself.
pub(super) fn direct(models: &Models, model: &Model, table: &str) -> Window {
    let is_whole = |model: &Model| model.contract.build == Build::Whole;
    if is_whole(model) || models.get(table).is_some_and(is_whole) {
        return Window::All;
    }
    let reads = model.contract.reads.iter();
    let declared = reads.into_iter().find(|reads| reads.table == table);
    Window::Around {
        before: declared.map_or(0, |reads| reads.before_days),
        after: declared.map_or(0, |reads| reads.after_days),
    }
}

/// Window of every stored table (source or model) the model reads, through views.
pub(super) fn resolve(models: &Models, model: &Model) -> BTreeMap<String, Window> {
    let here = match model.contract.build {
        Build::Whole => Window::All,
        Build::ByDate | Build::View => Window::Around {
            before: 0,
            after: 0,
        },
    };
    let mut found = BTreeMap::new();
    add(models, model, here, &mut found);
    for reads in &model.contract.reads {
        if let Some(window) = found.get_mut(&reads.table) {
            *window = window.union(here.plus(reads.before_days, reads.after_days));
        }
    }
    found
}

fn add(models: &Models, model: &Model, here: Window, found: &mut BTreeMap<String, Window>) {
    for table in &model.tables {
        let window = match model
            .contract
            .reads
            .iter()
            .find(|reads| reads.table == *table)
        {
            Some(reads) => here.plus(reads.before_days, reads.after_days),
            None => here,
        };
        match models.get(table) {
            Some(view) if view.is_view() => add(models, view, window, found),
            Some(whole) if whole.contract.build == Build::Whole => {
                found.insert(table.clone(), Window::All);
            }
            _ => {
                found
                    .entry(table.clone())
                    .and_modify(|known| *known = known.union(window))
                    .or_insert(window);
            }
        }
    }
}
