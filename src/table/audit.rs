//! Audits partitions on scratch against their contract, before anything is published.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use serde::Serialize;

use super::schema;
use crate::engine::{Engine, PartitionFile, PublishedTable};
use crate::error::{Error, Result};
use crate::project::{Check, Contract, DataType};

/// Result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// What was checked, in words: `visitors: not_null`.
    pub check: String,
    /// Rows that break it.
    pub failed_rows: i64,
}

/// One check as SQL that counts the rows breaking it.
struct CountingQuery {
    check: String,
    sql: String,
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn queries(contract: &Contract) -> Vec<CountingQuery> {
    let mut found = Vec::new();
    if !contract.key.is_empty() {
        let key = contract
            .key
            .iter()
            .map(|name| quoted(name))
            .collect::<Vec<_>>()
            .join(", ");
        found.push(CountingQuery {
            check: format!("key ({}) unique", contract.key.join(", ")),
            sql: format!(
                "select coalesce(sum(copies - 1), 0) from (select count(*) as copies from audited group by {key} having count(*) > 1)"
            ),
        });
        for name in &contract.key {
            found.push(counting(
                format!("{name}: not_null (key)"),
                &format!("{} is null", quoted(name)),
            ));
        }
    }
    for column in &contract.columns {
        let name = quoted(&column.name);
        for check in &column.checks {
            found.push(match check {
                Check::NotNull => {
                    counting(format!("{}: not_null", column.name), &format!("{name} is null"))
                }
                Check::Unique => CountingQuery {
                    check: format!("{}: unique", column.name),
                    sql: format!(
                        "select coalesce(sum(copies - 1), 0) from (select count(*) as copies from audited where {name} is not null group by {name} having count(*) > 1)"
                    ),
                },
                Check::AcceptedValues(values) => {
                    let list = values.iter().map(|value| literal(value)).collect::<Vec<_>>().join(", ");
                    counting(
                        format!("{}: accepted_values ({})", column.name, values.join(", ")),
                        &format!("{name} is not null and cast({name} as varchar) not in ({list})"),
                    )
                }
                Check::Range { min, max } => {
                    let number = match column.data_type {
                        DataType::Float64 => name.clone(),
                        _ => format!("cast({name} as double)"),
                    };
                    let mut broken = Vec::new();
                    // `not (x >= min)` also catches NaN, which compares above everything.
                    if let Some(min) = min {
                        broken.push(format!("not ({number} >= {min:?})"));
                    }
                    if let Some(max) = max {
                        broken.push(format!("not ({number} <= {max:?})"));
                    }
                    let bound = |bound: &Option<f64>| bound.map_or("…".to_string(), |bound| bound.to_string());
                    counting(
                        format!("{}: range {} to {}", column.name, bound(min), bound(max)),
                        &format!(
                            "{name} is not null and ({})",
                            if broken.is_empty() { "false".to_string() } else { broken.join(" or ") }
                        ),
                    )
                }
            });
        }
    }
    found
}

fn counting(check: String, condition: &str) -> CountingQuery {
    CountingQuery {
        check,
        sql: format!("select count(*) from audited where {condition}"),
    }
}

/// Runs every check of a contract over scratch partitions together (keys hold the date, so that a key
/// is unique in one partition exactly if it is in all).
pub async fn audit(
    engine: &Engine,
    contract: &Contract,
    files: Vec<PartitionFile>,
) -> Result<Vec<CheckResult>> {
    let session = engine.session()?;
    let what = |check: &str| format!("auditing {} ({check})", contract.name);
    let table = PublishedTable::new(&schema::of_contract(contract), files);
    session
        .register_table("audited", Arc::new(table))
        .map_err(Error::engine(what("reading")))?;
    let mut results = Vec::new();
    for query in queries(contract) {
        let batches = session
            .sql(&query.sql)
            .await
            .map_err(Error::engine(what(&query.check)))?
            .collect()
            .await
            .map_err(Error::engine(what(&query.check)))?;
        let failed_rows = batches
            .iter()
            .filter(|batch| batch.num_rows() > 0)
            .map(|batch| batch.column(0).as_primitive::<Int64Type>())
            .filter(|counts| counts.is_valid(0))
            .map(|counts| counts.value(0))
            .sum();
        results.push(CheckResult {
            check: query.check,
            failed_rows,
        });
    }
    Ok(results)
}
