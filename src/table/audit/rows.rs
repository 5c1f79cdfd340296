//! Checks of single rows: the key, and what is declared at columns.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::Int64Type;
use chrono::NaiveDate;
use datafusion::prelude::SessionContext;

use super::dates::{date_at, dated, literal, quoted};
use super::result::{CheckResult, Heading, Outcome, results};
use super::{Auditing, MASK};
use crate::error::{Error, Result};
use crate::project::{Build, ColumnCheck, ColumnRule, Contract, DataType, Severity};

/// One check as SQL.
struct Counting {
    heading: Heading,
    /// A select of a date and how many of its rows break the check; dates without any may be left out.
    sql: String,
    /// A select of up to three texts that show which rows break it.
    examples: String,
}

/// One text that names a row: its key, `date=2026-11-21, platform=ios`.
fn row_name(contract: &Contract, masked: &BTreeSet<String>) -> String {
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
            let shown = match masked.contains(*name) {
                true => literal(MASK),
                false => format!("coalesce(cast({} as varchar), 'null')", quoted(name)),
            };
            format!("{} || {shown}", literal(&format!("{name}=")))
        })
        .collect::<Vec<_>>()
        .join(" || ', ' || ")
}

struct Writer<'a> {
    contract: &'a Contract,
    masked: &'a BTreeSet<String>,
    name_of_row: String,
}

impl Writer<'_> {
    fn is_by_date(&self) -> bool {
        self.contract.build == Build::ByDate
    }

    fn heading(&self, check: String, severity: Severity, name: Option<&String>) -> Heading {
        Heading {
            table: self.contract.name.clone(),
            check,
            name: name.cloned(),
            severity,
        }
    }

    /// Rows that meet a condition.
    fn counting(&self, heading: Heading, condition: &str) -> Counting {
        let (date, group) = dated(self.is_by_date());
        let name_of_row = &self.name_of_row;
        Counting {
            heading,
            sql: format!("select {date}, count(*) from audited where {condition} {group}"),
            examples: format!(
                "select distinct {name_of_row} as example from audited where {condition} order by example limit 3"
            ),
        }
    }

    /// Rows beyond the first of each group of equal values of one date.
    fn repeated(
        &self,
        heading: Heading,
        columns: &[&str],
        condition: &str,
        shown: &str,
    ) -> Counting {
        let (date, group) = dated(self.is_by_date());
        let mut by: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
        if self.is_by_date() && !columns.contains(&"date") {
            by.push(quoted("date"));
        }
        let by = by.join(", ");
        let groups = format!("from audited where {condition} group by {by} having count(*) > 1");
        let inner = match self.is_by_date() {
            true => format!("select \"date\", count(*) as copies {groups}"),
            false => format!("select count(*) as copies {groups}"),
        };
        Counting {
            heading,
            sql: format!(
                "select {date}, cast(coalesce(sum(copies - 1), 0) as bigint) from ({inner}) {group}"
            ),
            examples: format!("select {shown} as example {groups} order by example limit 3"),
        }
    }

    fn of_column(&self, column: &str, data_type: DataType, check: &ColumnCheck) -> Counting {
        let name = quoted(column);
        let heading = self.heading(
            words(column, &check.rule),
            check.severity,
            check.name.as_ref(),
        );
        match &check.rule {
            ColumnRule::NotNull => self.counting(heading, &format!("{name} is null")),
            ColumnRule::Unique => {
                let value = match self.masked.contains(column) {
                    true => literal(MASK),
                    false => format!("cast({name} as varchar)"),
                };
                self.repeated(
                    heading,
                    &[column],
                    &format!("{name} is not null"),
                    &format!("{} || {value}", literal(&format!("{column}="))),
                )
            }
            ColumnRule::AcceptedValues(values) => {
                let list = values
                    .iter()
                    .map(|value| literal(value))
                    .collect::<Vec<_>>()
                    .join(", ");
                self.counting(
                    heading,
                    &format!("{name} is not null and cast({name} as varchar) not in ({list})"),
                )
            }
            ColumnRule::Range { min, max } => {
                self.counting(heading, &out_of_range(&name, data_type, *min, *max))
            }
        }
    }

    fn all(&self) -> Vec<Counting> {
        let mut found = Vec::new();
        let contract = self.contract;
        let key: Vec<&str> = contract.key.iter().map(String::as_str).collect();
        if !key.is_empty() {
            let words = format!("key ({}) unique", key.join(", "));
            let heading = self.heading(words, Severity::Stop, None);
            found.push(self.repeated(heading, &key, "true", &self.name_of_row));
        }
        for name in key {
            let words = format!("{name}: not_null (key)");
            let heading = self.heading(words, Severity::Stop, None);
            found.push(self.counting(heading, &format!("{} is null", quoted(name))));
        }
        for column in &contract.columns {
            for check in &column.checks {
                found.push(self.of_column(&column.name, column.data_type, check));
            }
        }
        found
    }
}

/// A check of a column in words.
pub fn words(column: &str, rule: &ColumnRule) -> String {
    match rule {
        ColumnRule::NotNull => format!("{column}: not_null"),
        ColumnRule::Unique => format!("{column}: unique"),
        ColumnRule::AcceptedValues(values) => {
            format!("{column}: accepted_values ({})", values.join(", "))
        }
        ColumnRule::Range { min, max } => {
            format!("{column}: range {} to {}", bound(min), bound(max))
        }
    }
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

/// Runs the checks in declared order.
pub async fn check(auditing: &Auditing<'_>, session: &SessionContext) -> Result<Vec<CheckResult>> {
    let writer = Writer {
        contract: auditing.contract,
        masked: auditing.masked,
        name_of_row: row_name(auditing.contract, auditing.masked),
    };
    let mut found = Vec::new();
    for query in writer.all() {
        let started = Instant::now();
        let what = format!("auditing {} ({})", query.heading.table, query.heading.check);
        let mut failed = failed_by_date(&rows(session, &query.sql, &what).await?);
        failed.retain(|_, rows| *rows > 0);
        let mut examples = Vec::new();
        if !failed.is_empty() {
            for batch in rows(session, &query.examples, &what).await? {
                let texts = cast(batch.column(0), &arrow::datatypes::DataType::Utf8)
                    .map_err(|error| Error::Failed(format!("{what}: {error}")))?;
                examples.extend(texts.as_string::<i32>().iter().flatten().map(String::from));
            }
        }
        let outcomes = auditing.scratch.iter().map(|part| {
            let rows = failed.get(&part.date).copied().unwrap_or(0);
            // Failing dates become one entry; the examples stand there once.
            let examples = match rows {
                0 => Vec::new(),
                _ => std::mem::take(&mut examples),
            };
            Outcome::of_rows(part.date, rows, examples)
        });
        let outcomes = outcomes.collect();
        let seconds = started.elapsed().as_secs_f64();
        found.extend(results(&query.heading, outcomes, seconds));
    }
    Ok(found)
}

async fn rows(session: &SessionContext, sql: &str, what: &str) -> Result<Vec<RecordBatch>> {
    session
        .sql(sql)
        .await
        .map_err(Error::engine(what))?
        .collect()
        .await
        .map_err(Error::engine(what))
}

fn failed_by_date(batches: &[RecordBatch]) -> BTreeMap<Option<NaiveDate>, u64> {
    let mut found = BTreeMap::new();
    for batch in batches {
        let Some(counts) = batch.column(1).as_primitive_opt::<Int64Type>() else {
            continue;
        };
        for row in 0..batch.num_rows() {
            let count = u64::try_from(counts.value(row)).unwrap_or(0);
            *found.entry(date_at(batch, row)).or_default() += count;
        }
    }
    found
}
