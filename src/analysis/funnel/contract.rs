//! What the contracts of the funnels' tables share.

use crate::project::{
    Build, CheckQuery, ColumnCheck, ColumnContract, ColumnRule, Contract, DataType, Duration,
    Funnel, KeyFigures, Project, Reads, Severity, TableCheck, TableRule, days_reached,
};

/// A column.
pub(super) fn column(
    name: &str,
    data_type: DataType,
    unit: Option<&str>,
    rules: Vec<ColumnRule>,
) -> ColumnContract {
    ColumnContract {
        name: name.to_string(),
        data_type,
        unit: unit.map(String::from),
        description: None,
        personal: false,
        checks: rules.into_iter().map(ColumnCheck::from).collect(),
    }
}

/// A text that is always there.
pub(super) fn text(name: &str) -> ColumnContract {
    column(name, DataType::String, None, vec![ColumnRule::NotNull])
}

/// A number of a step or field.
pub(super) fn number(name: &str) -> ColumnContract {
    column(name, DataType::Int64, None, vec![ColumnRule::NotNull])
}

/// Entities; null where not yet due.
pub(super) fn count(name: &str) -> ColumnContract {
    let rules = vec![ColumnRule::Range {
        min: Some(0.0),
        max: None,
    }];
    column(name, DataType::Int64, Some("entities"), rules)
}

/// Entities, always known.
pub(super) fn known_count(name: &str) -> ColumnContract {
    let mut column = count(name);
    column.checks.push(ColumnRule::NotNull.into());
    column
}

/// A share; null where it has no denominator or is not yet due.
pub(super) fn share(name: &str) -> ColumnContract {
    let rules = vec![ColumnRule::Range {
        min: Some(0.0),
        max: Some(1.0),
    }];
    column(name, DataType::Float64, Some("ratio"), rules)
}

/// A time; null where nobody got there.
pub(super) fn time_us(name: &str) -> ColumnContract {
    let rules = vec![ColumnRule::Range {
        min: Some(0.0),
        max: None,
    }];
    column(name, DataType::Float64, Some("us"), rules)
}

/// A number without bounds.
pub(super) fn amount(name: &str, unit: Option<&str>) -> ColumnContract {
    column(name, DataType::Float64, unit, vec![])
}

/// The day.
pub(super) fn date() -> ColumnContract {
    column("date", DataType::Date, None, vec![])
}

/// The basis.
pub(super) fn basis() -> ColumnContract {
    let bases = ColumnRule::AcceptedValues(vec!["same_day".to_string(), "mature".to_string()]);
    column(
        "basis",
        DataType::String,
        None,
        vec![ColumnRule::NotNull, bases],
    )
}

/// Whether the value is final.
pub(super) fn is_mature() -> ColumnContract {
    column("is_mature", DataType::Bool, None, vec![ColumnRule::NotNull])
}

/// How many local days after the entry day a window may end.
pub(super) fn days(project: &Project, funnel: &Funnel) -> u32 {
    days_reached(project.zone, funnel.window)
}

/// The longest of all.
pub(super) fn longest(project: &Project, funnels: &[&Funnel]) -> u32 {
    let days = funnels.iter().map(|funnel| days(project, funnel));
    days.max().unwrap_or(0)
}

/// A contract of a table by date.
pub(super) struct Made<'a> {
    pub(super) name: &'a str,
    pub(super) grain: &'a str,
    pub(super) key: &'a [&'a str],
    pub(super) reads: Vec<Reads>,
    pub(super) matures_after_days: u32,
    pub(super) columns: Vec<ColumnContract>,
    /// Name and query of checks: they give the rows at fault.
    pub(super) checks: &'a [(&'a str, &'a str)],
    pub(super) key_figures: Option<KeyFigures>,
}

impl Made<'_> {
    /// The contract; `funnels` are not empty.
    pub(super) fn contract(self, funnels: &[&Funnel]) -> Contract {
        let place = funnels.first().map(|funnel| funnel.place.clone());
        let place = place.unwrap_or_default();
        let check = |(name, sql): &(&str, &str)| TableCheck {
            rule: TableRule::Query(CheckQuery {
                sql: (*sql).to_string(),
                place: place.clone(),
            }),
            severity: Severity::Stop,
            name: Some((*name).to_string()),
        };
        Contract {
            name: self.name.to_string(),
            sql_path: format!("{} (compiled: {})", place.0, self.name),
            yaml_path: place.0.clone(),
            grain: self.grain.to_string(),
            build: Build::ByDate,
            key: self.key.iter().map(|name| (*name).to_string()).collect(),
            reads: self.reads,
            matures_after: Duration::from_days(self.matures_after_days),
            columns: self.columns,
            key_figures: self.key_figures,
            checks: self.checks.iter().map(check).collect(),
        }
    }
}

/// What a restatement tells: sums of a column for all entrants, by funnel and more.
pub(super) fn figures_of_all(column: &str, by: &[&str]) -> KeyFigures {
    KeyFigures {
        columns: vec![column.to_string()],
        by: by.iter().map(|name| (*name).to_string()).collect(),
        only: vec![("breakdown".to_string(), "overall".to_string())],
    }
}
