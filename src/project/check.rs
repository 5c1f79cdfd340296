//! What a contract has audited before publication.

use super::Duration;

/// What a broken check does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Severity {
    /// Nothing that the model built in this run is published.
    #[default]
    Stop,
    /// It is told, and publication goes on.
    Warn,
}

impl Severity {
    /// As YAML names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Warn => "warn",
        }
    }
}

/// A check of a column, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnCheck {
    /// What must hold.
    pub rule: ColumnRule,
    /// What happens where it does not.
    pub severity: Severity,
    /// A name of its own, unique in the contract.
    pub name: Option<String>,
}

impl From<ColumnRule> for ColumnCheck {
    /// Without a name; it stops.
    fn from(rule: ColumnRule) -> Self {
        Self {
            rule,
            severity: Severity::Stop,
            name: None,
        }
    }
}

/// What must hold for the values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnRule {
    /// No nulls.
    NotNull,
    /// No value twice on one date (nulls apart).
    Unique,
    /// Only these values (nulls apart).
    AcceptedValues(Vec<String>),
    /// Within bounds, inclusive (nulls apart).
    Range {
        /// Smallest.
        min: Option<f64>,
        /// Largest.
        max: Option<f64>,
    },
}

/// A check of a table as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct TableCheck {
    /// What must hold.
    pub rule: TableRule,
    /// What happens where it does not.
    pub severity: Severity,
    /// A name of its own, unique in the contract.
    pub name: Option<String>,
}

/// What must hold for a table.
#[derive(Debug, Clone, PartialEq)]
pub enum TableRule {
    /// Rows of each date (of a whole table: of all of it), bounds inclusive.
    RowCount {
        /// Fewest.
        min: Option<u64>,
        /// Most.
        max: Option<u64>,
    },
    /// Rows of each date against those of an earlier one.
    RowCountAgainst {
        /// Which one.
        earlier: Earlier,
        /// Largest difference, as a share of the earlier date's rows; 0.5 for `50%`.
        within: f64,
        /// Nothing is compared where both dates have fewer rows.
        at_least_rows: u64,
    },
    /// Every row whose columns are not null has its like in another table, on the dates that the
    /// contract's `reads` says (the same date unless it says more).
    Relationship(Relationship),
    /// A query that returns the rows at fault; `this` is the table itself.
    Query(CheckQuery),
    /// The newest value is not older than this at the end of the date (of a whole table: of the run's
    /// last date).
    Freshness {
        /// A column of times or of dates; a date counts until its end.
        column: String,
        /// How old.
        at_most: Duration,
    },
}

/// An earlier date to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// The day before.
    Yesterday,
    /// Seven days before.
    SameWeekday,
}

impl Earlier {
    /// How many days before.
    pub fn days(self) -> u64 {
        match self {
            Self::Yesterday => 1,
            Self::SameWeekday => 7,
        }
    }

    /// As YAML names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yesterday => "yesterday",
            Self::SameWeekday => "same_weekday",
        }
    }
}

/// Columns whose values must stand in another table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relationship {
    /// Columns of this table.
    pub columns: Vec<String>,
    /// The other table.
    pub to: String,
    /// Its columns, in the order of `columns`.
    pub to_columns: Vec<String>,
    /// File, line and column of the declaration.
    pub place: (String, usize, usize),
}

/// A query of a check, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckQuery {
    /// SQL.
    pub sql: String,
    /// File, line and column of its first character.
    pub place: (String, usize, usize),
}

/// How old a source's newest row may be at the end of the last date that a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceFreshness {
    /// Older: a warning.
    pub warn_after: Option<Duration>,
    /// Older: the source fails, and what reads the dates at fault is skipped.
    pub fail_after: Option<Duration>,
}
