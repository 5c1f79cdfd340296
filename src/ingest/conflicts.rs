//! Counts ids that stand on more than one date. All such rows are kept; many of them mean that a
//! sender makes its ids badly.

use std::collections::HashMap;
use std::fs::File;

use arrow::array::AsArray;
use chrono::NaiveDate;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::IngestContext;
use super::deduplicate::id_hash;
use super::partition::Counts;
use crate::error::{Error, Result};
use crate::project::Source;
use crate::table::publish::Ready;
use crate::table::state::TableState;

/// Ids of the built dates that also stand on another built date, or on a published one within `late`
/// of it.
pub(super) fn count(
    context: &IngestContext,
    source: &Source,
    state: &TableState,
    built: &[(Ready, Counts)],
) -> Result<u64> {
    let dates: Vec<NaiveDate> = built.iter().filter_map(|(ready, _)| ready.date).collect();
    let reach = i64::from(source.late.days_ceil());
    let is_near = |date: NaiveDate| {
        dates
            .iter()
            .any(|other| (*other - date).num_days().abs() <= reach)
    };
    let mut seen: HashMap<u64, u32> = HashMap::new();
    let mut conflicts = 0;
    for (number, (_, counts)) in built.iter().enumerate() {
        for id in &counts.id_hashes {
            match seen.get(id) {
                None => {
                    seen.insert(*id, u32::try_from(number).unwrap_or(u32::MAX));
                }
                Some(&u32::MAX) => {}
                Some(_) => {
                    conflicts += 1;
                    seen.insert(*id, u32::MAX);
                }
            }
        }
    }
    if seen.is_empty() {
        return Ok(0);
    }
    for date in state
        .dates()
        .filter(|date| !dates.contains(date) && is_near(*date))
    {
        let Some(partition) = state.partition(Some(date)) else {
            continue;
        };
        if partition.inputs.is_empty() {
            continue; // damaged, and blocked in this run
        }
        let path = context.warehouse.join(&partition.key);
        let fault = |error: &dyn std::fmt::Display| {
            Error::Failed(format!("reading {}: {error}", path.display()))
        };
        let file = File::open(&path).map_err(Error::io("opening", &path))?;
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| fault(&error))?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["event_id"]);
        let reader = builder
            .with_projection(mask)
            .build()
            .map_err(|error| fault(&error))?;
        for batch in reader {
            let batch = batch.map_err(|error| fault(&error))?;
            // A partition from before the source had an id has no such column.
            let Some(ids) = batch.column_by_name("event_id") else {
                break;
            };
            for id in ids.as_string::<i32>().iter().flatten() {
                let id = id_hash(id) as u64;
                if seen.get(&id).is_some_and(|number| *number != u32::MAX) {
                    conflicts += 1;
                    seen.insert(id, u32::MAX);
                }
            }
        }
    }
    Ok(conflicts)
}
