//! Which rows of a date stay: of equal ids (or equal rows) the smallest by (event time, object,
//! offset).

use std::collections::{BTreeSet, HashMap};

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::row::{RowConverter, SortField};
use twox_hash::XxHash3_128;

use super::date_rows::DateRows;
use crate::error::{Error, Result};
use crate::project::Duplicates;

/// Distinct ids held in memory at once (about 80 bytes each); more are done in several passes.
const IDS_PER_PASS: usize = 4 << 20;

/// The rows that stay, batch by batch in the order of [`DateRows::for_each`].
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// One mask a batch.
    pub masks: Vec<BooleanArray>,
    /// Rows that stay.
    pub rows: u64,
    /// Rows that go because they are duplicates.
    pub duplicates: u64,
    /// 64-bit hashes of the ids that stay, unsorted.
    pub id_hashes: Vec<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Winner {
    time_us: i64,
    object: u32,
    offset: i64,
    batch: u32,
    row: u32,
}

/// Objects by number, so that a winner holds no text.
#[derive(Default)]
struct Objects {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Objects {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_string());
        self.numbers.insert(name.to_string(), number);
        number
    }

    fn before(&self, left: &Winner, right: &Winner) -> bool {
        let name = |winner: &Winner| self.names.get(winner.object as usize);
        (left.time_us, name(left), left.offset) < (right.time_us, name(right), right.offset)
    }
}

/// Decides for every row. Rows of `excluded` objects go without being counted as duplicates.
pub(super) fn keep(
    rows: &DateRows,
    duplicates: Duplicates,
    excluded: &BTreeSet<String>,
) -> Result<Kept> {
    let mut masks: Vec<Vec<bool>> = Vec::new();
    let mut kept = Kept::default();
    let mut candidates = 0u64;
    let mut total = 0usize;
    rows.for_each(|batch| {
        let objects = object_column(&batch)?;
        let mask: Vec<bool> = (0..batch.num_rows())
            .map(|row| excluded.is_empty() || !excluded.contains(objects.value(row)))
            .collect();
        candidates += mask.iter().filter(|stays| **stays).count() as u64;
        total += batch.num_rows();
        masks.push(mask);
        Ok(true)
    })?;
    if duplicates != Duplicates::Keep {
        let passes = total / IDS_PER_PASS + 1;
        for pass in 0..passes {
            one_pass(
                rows,
                duplicates,
                (pass, passes),
                &mut masks,
                &mut kept.id_hashes,
            )?;
        }
    }
    kept.rows = masks
        .iter()
        .map(|mask| mask.iter().filter(|stays| **stays).count() as u64)
        .sum();
    kept.duplicates = candidates - kept.rows;
    kept.masks = masks.into_iter().map(BooleanArray::from).collect();
    Ok(kept)
}

fn one_pass(
    rows: &DateRows,
    duplicates: Duplicates,
    (pass, passes): (usize, usize),
    masks: &mut [Vec<bool>],
    id_hashes: &mut Vec<u64>,
) -> Result<()> {
    let mut winners: HashMap<u128, Winner> = HashMap::new();
    let mut objects = Objects::default();
    let mut number = 0usize;
    rows.for_each(|batch| {
        let ids = ids(&batch, duplicates)?;
        let names = object_column(&batch)?;
        let offsets = batch
            .column(batch.num_columns() - 1)
            .as_primitive::<Int64Type>()
            .clone();
        let times = batch
            .column_by_name("event_time")
            .map(|times| times.as_primitive::<TimestampMicrosecondType>().clone());
        for (row, id) in ids.into_iter().enumerate() {
            let Some(id) = id.filter(|_| masks[number][row]) else {
                continue;
            };
            if (id as usize) % passes != pass {
                continue;
            }
            let challenger = Winner {
                time_us: times.as_ref().map_or(0, |times| times.value(row)),
                object: objects.number(names.value(row)),
                offset: offsets.value(row),
                batch: u32::try_from(number).unwrap_or(u32::MAX),
                row: u32::try_from(row).unwrap_or(u32::MAX),
            };
            match winners.get_mut(&id) {
                None => {
                    winners.insert(id, challenger);
                }
                Some(holder) if objects.before(&challenger, holder) => {
                    masks[holder.batch as usize][holder.row as usize] = false;
                    *holder = challenger;
                }
                Some(_) => masks[number][row] = false,
            }
        }
        number += 1;
        Ok(true)
    })?;
    if duplicates == Duplicates::ById {
        id_hashes.extend(winners.keys().map(|id| *id as u64));
    }
    Ok(())
}

/// The 128-bit hash that stands for an id; two ids would need about 10^19 of them to meet by chance.
pub(super) fn id_hash(id: &str) -> u128 {
    XxHash3_128::oneshot(id.as_bytes())
}

fn ids(batch: &RecordBatch, duplicates: Duplicates) -> Result<Vec<Option<u128>>> {
    if duplicates == Duplicates::ById {
        let column = batch
            .column_by_name("event_id")
            .ok_or_else(|| Error::Failed("the table has no event_id".to_string()))?;
        return Ok(column
            .as_string::<i32>()
            .iter()
            .map(|id| id.map(id_hash))
            .collect());
    }
    let fault = |error: arrow::error::ArrowError| Error::Failed(format!("comparing rows: {error}"));
    // All but the last two, which say where the row came from.
    let columns = &batch.columns()[..batch.num_columns() - 2];
    let fields = columns
        .iter()
        .map(|column| SortField::new(column.data_type().clone()))
        .collect();
    let rows = RowConverter::new(fields)
        .and_then(|converter| converter.convert_columns(columns))
        .map_err(fault)?;
    Ok(rows
        .iter()
        .map(|row| Some(XxHash3_128::oneshot(row.as_ref())))
        .collect())
}

fn object_column(batch: &RecordBatch) -> Result<arrow::array::StringArray> {
    batch
        .column_by_name("source_object")
        .map(|column| column.as_string::<i32>().clone())
        .ok_or_else(|| Error::Failed("the table has no source_object".to_string()))
}
