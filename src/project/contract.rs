//! The contract beside a SQL model: what its table is.

use chrono::{Days, NaiveDate};

use super::{ColumnCheck, DataType, Duration, TableCheck};

/// Contract of one model.
#[derive(Debug, Clone)]
pub struct Contract {
    /// Model (= table) name: the file's stem.
    pub name: String,
    /// `.sql` file, relative to the project root.
    pub sql_path: String,
    /// `.yaml` file, relative to the project root.
    pub yaml_path: String,
    /// One sentence: what one row is.
    pub grain: String,
    /// How it is built.
    pub build: Build,
    /// Columns that identify a row; rows are written in this order.
    pub key: Vec<String>,
    /// Partitions it may see around the dates it builds, for tables other than `0d..0d`.
    pub reads: Vec<Reads>,
    /// Its values are final when this many days have passed and are complete.
    pub matures_after: Duration,
    /// Columns in order.
    pub columns: Vec<ColumnContract>,
    /// What a restatement tells of it, where the contract says so.
    pub key_figures: Option<KeyFigures>,
    /// Checks of the table as a whole; relationships declared at a column stand here too.
    pub checks: Vec<TableCheck>,
}

impl Contract {
    /// Whether the model reads its own earlier dates.
    pub fn reads_itself(&self) -> bool {
        self.reads.iter().any(|reads| reads.table == self.name)
    }

    /// What a restatement tells of it. Unless the contract says so: every count and amount that has a
    /// unit, summed over all rows. Rates and averages are float64 and add up to nothing.
    pub fn key_figures(&self) -> KeyFigures {
        let adds_up = |column: &&ColumnContract| {
            column.unit.is_some()
                && !column.personal
                && matches!(column.data_type, DataType::Int64 | DataType::Decimal { .. })
        };
        self.key_figures.clone().unwrap_or_else(|| KeyFigures {
            columns: self
                .columns
                .iter()
                .filter(adds_up)
                .map(|column| column.name.clone())
                .collect(),
            ..KeyFigures::default()
        })
    }
}

/// Sums that stand for a partition where it is restated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFigures {
    /// Columns to add up: `int64` or decimals.
    pub columns: Vec<String>,
    /// Columns whose values are told apart.
    pub by: Vec<String>,
    /// Only rows with these values, by column.
    pub only: Vec<(String, String)>,
}

/// How a model is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// One partition per local date; the query sees `$start` and `$end`.
    ByDate,
    /// One object, rebuilt whole.
    Whole,
    /// Nothing is stored; it is inlined where it is read.
    View,
}

/// How far around its dates a model reads a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reads {
    /// Table name.
    pub table: String,
    /// Days before `$start`.
    pub before: Before,
    /// Whole days after `$end`.
    pub after_days: u32,
}

/// How far back a model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Before {
    /// Whole days.
    Days(u32),
    /// Every published day. Of its own table a model sees those before the first date it builds.
    All,
}

impl Before {
    /// The first day seen from `date`.
    pub fn first_day(self, date: NaiveDate) -> NaiveDate {
        match self {
            Self::Days(days) => date.checked_sub_days(Days::new(days.into())),
            Self::All => None,
        }
        .unwrap_or(NaiveDate::MIN)
    }

    /// One reach behind the other.
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Days(one), Self::Days(other)) => Self::Days(one.saturating_add(other)),
            _ => Self::All,
        }
    }
}

/// One column.
#[derive(Debug, Clone)]
pub struct ColumnContract {
    /// Name.
    pub name: String,
    /// Type.
    pub data_type: DataType,
    /// Unit, free text (`users`, `currency`, `us`, `ratio`, …).
    pub unit: Option<String>,
    /// What it means.
    pub description: Option<String>,
    /// Personal data: masked wherever a person could see it.
    pub personal: bool,
    /// Audited before publication.
    pub checks: Vec<ColumnCheck>,
}
