//! Counts ids that stand on more than one date. All such rows are kept; many of them mean that a
//! sender makes its ids badly.

use std::collections::HashSet;
use std::fs::File;

use arrow::array::AsArray;
use chrono::NaiveDate;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rayon::slice::ParallelSliceMut;
use twox_hash::XxHash3_64;

use super::IngestContext;
use super::partition::Counts;
use crate::error::{Error, Result};
use crate::project::Source;
use crate::table::publish::Ready;
use crate::table::state::TableState;

/// Ids of the built dates that also stand on another built date, or on a published one within `late`
/// of it.
pub(super) async fn count(
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
    let ids = Ids::of(built.iter().map(|(_, counts)| counts.id_hashes.as_slice()));
    let mut conflicts = ids.shared();
    if ids.sorted.is_empty() {
        return Ok(0);
    }
    let mut seen_elsewhere: HashSet<u64> = HashSet::new();
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
        let path = context
            .warehouse
            .local_file(partition, &context.scratch)
            .await?;
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
            let Some(column) = batch.column_by_name("event_id") else {
                break;
            };
            for id in column.as_string::<i32>().iter().flatten() {
                let id = XxHash3_64::oneshot(id.as_bytes()).max(1);
                if ids.has_once(id) && seen_elsewhere.insert(id) {
                    conflicts += 1;
                }
            }
        }
    }
    Ok(conflicts)
}

/// Hashes of ids, of all built dates together.
struct Ids {
    /// Ascending; an id that stands on several dates is there as often.
    sorted: Vec<u64>,
    /// One bit for each value of a hash's upper bits: most ids of other dates end here.
    bits: Vec<u64>,
    shift: u32,
}

impl Ids {
    fn of<'a>(dates: impl Iterator<Item = &'a [u64]> + Clone) -> Self {
        let count: usize = dates.clone().map(<[u64]>::len).sum();
        let mut sorted = Vec::with_capacity(count);
        dates.for_each(|ids| sorted.extend_from_slice(ids));
        // Those of each date are sorted, which this one makes use of.
        sorted.par_sort();
        // About eight bits an id.
        let log = (count.max(8) * 8).ilog2();
        let shift = u64::BITS - log;
        let mut bits = vec![0u64; 1 << (log - 6)];
        for id in &sorted {
            bits[(id >> shift >> 6) as usize] |= 1 << (id >> shift & 63);
        }
        Self {
            sorted,
            bits,
            shift,
        }
    }

    /// How many ids stand on more than one of the dates.
    fn shared(&self) -> u64 {
        self.sorted
            .chunk_by(|left, right| left == right)
            .filter(|same| same.len() > 1)
            .count() as u64
    }

    /// Whether an id stands on exactly one of the dates.
    fn has_once(&self, id: u64) -> bool {
        if self.bits[(id >> self.shift >> 6) as usize] >> (id >> self.shift & 63) & 1 == 0 {
            return false;
        }
        let at = self.sorted.partition_point(|other| *other < id);
        self.sorted.get(at) == Some(&id) && self.sorted.get(at + 1) != Some(&id)
    }
}
