//! How far around its dates a model reads each table, through views.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use super::{Model, Models};
use crate::project::{Before, Build};

/// What `before: all` binds a view's `$start` to.
const FIRST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(1, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// Days of a table a model sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Days before the first and after the last date built.
    Around {
        /// Days before `$start`.
        before: Before,
        /// Days after `$end`.
        after: u32,
    },
    /// Those of the model itself before the first date built.
    Earlier,
    /// All of it.
    All,
}

impl Window {
    /// Whether a day of the table is seen when the dates from `start` to `end` are built.
    pub fn sees(self, day: NaiveDate, (start, end): (NaiveDate, NaiveDate)) -> bool {
        match self {
            Self::Around { before, after } => {
                let last = end.checked_add_days(Days::new(after.into()));
                before.first_day(start) <= day && day <= last.unwrap_or(NaiveDate::MAX)
            }
            Self::Earlier => day < start,
            Self::All => true,
        }
    }

    /// The dates seen when those from `start` to `end` are built.
    pub fn around(self, (start, end): (NaiveDate, NaiveDate)) -> (NaiveDate, NaiveDate) {
        match self {
            Self::Around { before, after } => (
                before.first_day(start).max(FIRST_DAY),
                end.checked_add_days(Days::new(after.into())).unwrap_or(end),
            ),
            Self::Earlier | Self::All => (start, end),
        }
    }

    fn plus(self, before: Before, after: u32) -> Self {
        match self {
            Self::Around {
                before: b,
                after: a,
            } => Self::Around {
                before: b.plus(before),
                after: a + after,
            },
            other => other,
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
    if table == model.name() {
        return Window::Earlier;
    }
    let reads = model.contract.reads.iter();
    let declared = reads.into_iter().find(|reads| reads.table == table);
    Window::Around {
        before: declared.map_or(Before::Days(0), |reads| reads.before),
        after: declared.map_or(0, |reads| reads.after_days),
    }
}

/// Window of every stored table (source or model) the model reads, through views.
pub(super) fn resolve(models: &Models, model: &Model) -> BTreeMap<String, Window> {
    let here = match model.contract.build {
        Build::Whole => Window::All,
        Build::ByDate | Build::View => Window::Around {
            before: Before::Days(0),
            after: 0,
        },
    };
    let mut found = BTreeMap::new();
    add(models, model, here, &mut found);
    for reads in &model.contract.reads {
        if let Some(window) = found.get_mut(&reads.table) {
            *window = window.union(here.plus(reads.before, reads.after_days));
        }
    }
    if let Some(window) = found.get_mut(model.name()) {
        *window = Window::Earlier;
    }
    found
}

/// Window of every view the model reads, through views: which dates it is asked for.
pub(super) fn of_views(models: &Models, model: &Model) -> BTreeMap<String, Window> {
    let mut found = BTreeMap::new();
    let here = Window::Around {
        before: Before::Days(0),
        after: 0,
    };
    add_views(models, model, here, &mut found);
    found
}

fn add_views(models: &Models, model: &Model, here: Window, found: &mut BTreeMap<String, Window>) {
    for table in &model.tables {
        let Some(view) = models.get(table).filter(|model| model.is_view()) else {
            continue;
        };
        let mut reads = model.contract.reads.iter();
        let window = match reads.find(|reads| reads.table == *table) {
            Some(reads) => here.plus(reads.before, reads.after_days),
            None => here,
        };
        found
            .entry(table.clone())
            .and_modify(|known| *known = known.union(window))
            .or_insert(window);
        add_views(models, view, window, found);
    }
}

fn add(models: &Models, model: &Model, here: Window, found: &mut BTreeMap<String, Window>) {
    for table in &model.tables {
        let window = match model
            .contract
            .reads
            .iter()
            .find(|reads| reads.table == *table)
        {
            Some(reads) => here.plus(reads.before, reads.after_days),
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
