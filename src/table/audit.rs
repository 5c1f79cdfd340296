//! Audits partitions on scratch against their contract, before anything is published.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
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
    /// Keys of the first of them, for finding the culprit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

/// One check as SQL that counts the rows breaking it.
struct CountingQuery {
    check: String,
    sql: String,
    /// A select of up to three texts that show which rows break it.
    examples: String,
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// One text that names a row: its key, `date=2026-11-21, platform=ios`.
fn row_name(contract: &Contract) -> String {
    let columns: Vec<&str> = match contract.key.is_empty() {
        true => contract
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect(),
        false => contract.key.iter().map(String::as_str).collect(),
    };
    columns
        .iter()
        .map(|name| {
            let shown = format!("coalesce(cast({} as varchar), 'null')", quoted(name));
            format!("{} || {shown}", literal(&format!("{name}=")))
        })
        .collect::<Vec<_>>()
        .join(" || ', ' || ")
}

fn queries(contract: &Contract) -> Vec<CountingQuery> {
    let mut found = Vec::new();
    let name_of_row = row_name(contract);
    let counting = |check: String, condition: &str| CountingQuery {
        check,
        sql: format!("select count(*) from audited where {condition}"),
        examples: format!(
            "select distinct {name_of_row} as example from audited where {condition} order by example limit 3"
        ),
    };
    // Rows beyond the first of each group of equal values.
    let repeated = |check: String, columns: &str, condition: &str, shown: &str| {
        let groups =
            format!("from audited where {condition} group by {columns} having count(*) > 1");
        CountingQuery {
            check,
            sql: format!(
                "select coalesce(sum(copies - 1), 0) from (select count(*) as copies {groups})"
            ),
            examples: format!("select {shown} as example {groups} order by example limit 3"),
        }
    };
    if !contract.key.is_empty() {
        let key = contract
            .key
            .iter()
            .map(|name| quoted(name))
            .collect::<Vec<_>>()
            .join(", ");
        found.push(repeated(
            format!("key ({}) unique", contract.key.join(", ")),
            &key,
            "true",
            &name_of_row,
        ));
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
                Check::NotNull => counting(
                    format!("{}: not_null", column.name),
                    &format!("{name} is null"),
                ),
                Check::Unique => repeated(
                    format!("{}: unique", column.name),
                    &name,
                    &format!("{name} is not null"),
                    &format!(
                        "{} || cast({name} as varchar)",
                        literal(&format!("{}=", column.name))
                    ),
                ),
                Check::AcceptedValues(values) => {
                    let list = values
                        .iter()
                        .map(|value| literal(value))
                        .collect::<Vec<_>>()
                        .join(", ");
                    counting(
                        format!("{}: accepted_values ({})", column.name, values.join(", ")),
                        &format!("{name} is not null and cast({name} as varchar) not in ({list})"),
                    )
                }
                Check::Range { min, max } => counting(
                    format!("{}: range {} to {}", column.name, bound(min), bound(max)),
                    &out_of_range(&name, column.data_type, *min, *max),
                ),
            });
        }
    }
    found
}

fn bound(bound: &Option<f64>) -> String {
    bound.map_or("…".to_string(), |bound| bound.to_string())
}

fn out_of_range(name: &str, data_type: DataType, min: Option<f64>, max: Option<f64>) -> String {
    let number = match data_type {
        DataType::Float64 => name.to_string(),
        _ => format!("cast({name} as double)"),
    };
    // `not (x >= min)` also catches NaN, which compares above everything.
    let broken: Vec<String> = min
        .map(|min| format!("not ({number} >= {min:?})"))
        .into_iter()
        .chain(max.map(|max| format!("not ({number} <= {max:?})")))
        .collect();
    match broken.is_empty() {
        true => "false".to_string(),
        false => format!("{name} is not null and ({})", broken.join(" or ")),
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
    let rows = async |sql: &str, check: &str| {
        session
            .sql(sql)
            .await
            .map_err(Error::engine(what(check)))?
            .collect()
            .await
            .map_err(Error::engine(what(check)))
    };
    let mut results = Vec::new();
    for query in queries(contract) {
        let failed_rows: i64 = rows(&query.sql, &query.check)
            .await?
            .iter()
            .filter(|batch| batch.num_rows() > 0)
            .map(|batch| batch.column(0).as_primitive::<Int64Type>())
            .filter(|counts| counts.is_valid(0))
            .map(|counts| counts.value(0))
            .sum();
        let mut examples = Vec::new();
        if failed_rows > 0 {
            for batch in rows(&query.examples, &query.check).await? {
                let texts = cast(batch.column(0), &arrow::datatypes::DataType::Utf8)
                    .map_err(|error| Error::Failed(format!("{}: {error}", what(&query.check))))?;
                examples.extend(texts.as_string::<i32>().iter().flatten().map(String::from));
            }
        }
        results.push(CheckResult {
            check: query.check,
            failed_rows,
            examples,
        });
    }
    Ok(results)
}
