//! Audits partitions on scratch against their contract, before anything is published.
//!
//! Every check is one of each date: what comes of it does not depend on the dates that are built
//! together with it.

mod counts;
mod dates;
mod freshness;
mod result;
mod rows;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use chrono::NaiveDate;
use datafusion::prelude::SessionContext;
use object_store::path::Path;

use super::schema;
use super::state::TableState;
use crate::engine::{Engine, PartitionFile, PublishedTable};
use crate::error::{Error, Result};
use crate::project::{Contract, TableRule};

pub use dates::quoted;
pub use freshness::{Newest, judge, newest, value_at};
pub use result::{CheckResult, CheckStatus, Heading, Outcome, Verdict, results};
pub use rows::words as column_words;

/// What stands for personal data.
pub const MASK: &str = "***";

/// A partition on scratch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scratch {
    /// Its local day; `None` for a table built whole.
    pub date: Option<NaiveDate>,
    /// The file.
    pub path: Path,
    /// Bytes.
    pub size: u64,
    /// Rows.
    pub rows: u64,
}

impl Scratch {
    /// As the engine reads it.
    pub fn file(&self) -> PartitionFile {
        PartitionFile {
            date: self.date,
            path: self.path.clone(),
            size: self.size,
            pin: None,
        }
    }
}

/// What a table is audited with.
#[derive(Debug, Clone, Copy)]
pub struct Auditing<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The contract.
    pub contract: &'a Contract,
    /// What is audited, in the order of dates.
    pub scratch: &'a [Scratch],
    /// What is published of the table so far.
    pub published: &'a TableState,
    /// Hash of the definition that built it.
    pub definition: &'a str,
    /// The day that a table built whole is judged by.
    pub last: NaiveDate,
    /// Columns of personal data.
    pub masked: &'a BTreeSet<String>,
}

/// A session in which the partitions stand as the table `audited`.
pub fn session(auditing: &Auditing<'_>) -> Result<SessionContext> {
    let session = auditing.engine.session()?;
    let files = auditing.scratch.iter().map(Scratch::file).collect();
    let table = PublishedTable::new(&schema::of_contract(auditing.contract), files);
    session
        .register_table("audited", Arc::new(table))
        .map_err(Error::engine(format!(
            "auditing {}",
            auditing.contract.name
        )))?;
    Ok(session)
}

/// Checks of the key and of single columns.
pub async fn columns(
    auditing: &Auditing<'_>,
    session: &SessionContext,
) -> Result<Vec<CheckResult>> {
    rows::check(auditing, session).await
}

/// A check of the table that needs no other table; `None` for one that does.
pub async fn table(
    auditing: &Auditing<'_>,
    session: &SessionContext,
    heading: &Heading,
    rule: &TableRule,
) -> Result<Option<Vec<CheckResult>>> {
    let started = Instant::now();
    let outcomes = match rule {
        TableRule::RowCount { min, max } => counts::within_bounds(auditing.scratch, *min, *max),
        TableRule::RowCountAgainst {
            earlier,
            within,
            at_least_rows,
        } => counts::against(
            auditing.scratch,
            auditing.published,
            auditing.definition,
            *earlier,
            (*within, *at_least_rows),
        ),
        TableRule::Freshness { column, at_most } => {
            freshness::newest(
                session,
                auditing.scratch,
                (column, *at_most),
                (auditing.engine.zone(), auditing.last),
                &format!("auditing {} ({})", heading.table, heading.check),
            )
            .await?
        }
        TableRule::Relationship(_) | TableRule::Query(_) => return Ok(None),
    };
    let seconds = started.elapsed().as_secs_f64();
    Ok(Some(results(heading, outcomes, seconds)))
}

/// A check of the table in words; a query's are its name.
pub fn words(rule: &TableRule, name: Option<&str>) -> String {
    match rule {
        TableRule::RowCount { min, max } => format!("row_count {}", counts::words(*min, *max)),
        TableRule::RowCountAgainst {
            earlier, within, ..
        } => {
            // 0.07 × 100 is 7.000000000000001 in floats.
            let percent = (within * 1e8).round() / 1e6;
            format!("row_count within {percent}% of {}", earlier.word())
        }
        TableRule::Relationship(relationship) => {
            let theirs = relationship.to_columns.join(", ");
            match relationship.columns.as_slice() {
                [column] => format!("{column}: relationship to {}.{theirs}", relationship.to),
                columns => format!(
                    "({}): relationship to {} ({theirs})",
                    columns.join(", "),
                    relationship.to
                ),
            }
        }
        TableRule::Query(_) => name.unwrap_or("sql").to_string(),
        TableRule::Freshness { column, at_most } => {
            format!("{column}: freshness within {at_most}")
        }
    }
}
