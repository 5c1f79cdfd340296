//! The record of restatements as a table that `loudou query` knows.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use crate::error::{Error, Result};
use crate::project::date32;
use crate::table::restatement::{Cause, FigureChange, Restatement, read_all};
use crate::table::warehouse::Warehouse;

/// What the table is called.
pub const TABLE: &str = "restatements";

/// Registers the table: a row for each key figure that changed, and one for a partition of which none
/// did.
pub async fn register(session: &SessionContext, warehouse: &Warehouse) -> Result<()> {
    let batch = rows(&read_all(warehouse).await?)
        .map_err(|error| Error::Failed(format!("reading restatements: {error}")))?;
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]])
        .map_err(Error::engine(format!("registering {TABLE}")))?;
    session
        .register_table(TABLE, Arc::new(table))
        .map_err(Error::engine(format!("registering {TABLE}")))?;
    Ok(())
}

fn rows(restatements: &[Restatement]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let none = FigureChange {
        figure: String::new(),
        of: String::new(),
        unit: None,
        before: None,
        after: None,
    };
    let rows: Vec<(&Restatement, &FigureChange)> = restatements
        .iter()
        .flat_map(|restatement| {
            let figures = match restatement.figures.is_empty() {
                true => std::slice::from_ref(&none),
                false => &restatement.figures,
            };
            figures.iter().map(move |figure| (restatement, figure))
        })
        .collect();
    let text = |value: &dyn Fn(&Restatement, &FigureChange) -> Option<String>| -> StringArray {
        rows.iter()
            .map(|(found, figure)| value(found, figure))
            .collect()
    };
    let unless_empty = |text: &String| (!text.is_empty()).then(|| text.clone());
    let times = text(&|found, _| Some(found.recorded_at.clone()));
    let amount = DataType::Decimal128(38, 6);
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let columns: [(&str, ArrayRef); 11] = [
        ("recorded_at", cast(&times, &time)?),
        (
            "run",
            Arc::new(Int64Array::from_iter_values(
                rows.iter()
                    .map(|(found, _)| i64::try_from(found.run).unwrap_or(i64::MAX)),
            )),
        ),
        (
            "table_name",
            Arc::new(text(&|found, _| Some(found.table.clone()))),
        ),
        (
            "date",
            Arc::new(Date32Array::from_iter(
                rows.iter().map(|(found, _)| found.date.map(date32)),
            )),
        ),
        (
            "kind",
            Arc::new(text(&|found, _| Some(found.kind.word().to_string()))),
        ),
        (
            "figure",
            Arc::new(text(&|_, figure| unless_empty(&figure.figure))),
        ),
        ("of", Arc::new(text(&|_, figure| unless_empty(&figure.of)))),
        ("unit", Arc::new(text(&|_, figure| figure.unit.clone()))),
        (
            "before",
            cast(&text(&|_, figure| figure.before.clone()), &amount)?,
        ),
        (
            "after",
            cast(&text(&|_, figure| figure.after.clone()), &amount)?,
        ),
        (
            "causes",
            Arc::new(text(&|found, _| {
                let words: Vec<String> = found.causes.iter().map(Cause::words).collect();
                Some(words.join("; "))
            })),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
}
