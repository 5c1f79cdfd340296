//! Decoded rows by local day: in memory up to the engine's budget, beyond it as sorted runs on scratch.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::execution::memory_pool::MemoryReservation;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::chunk::{Chunk, Head, ObjectNames};
use super::order::{Place, RowOrder, SameUser};
use super::spill::{Run, RunWriter};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::source::columns::{PublishedRows, RowShape};

/// The rows of one day.
#[derive(Debug, Default)]
pub(super) struct DateRows {
    /// In memory, as they came.
    pub chunks: Vec<Chunk>,
    /// On scratch, each sorted.
    pub runs: Vec<Run>,
    bytes: usize,
    /// What the rows in memory are counted as; given back with them.
    memory: Option<MemoryReservation>,
}

impl DateRows {
    /// Rows in all, doubles included.
    pub fn rows(&self) -> usize {
        let in_memory: usize = self.chunks.iter().map(|chunk| chunk.heads.len()).sum();
        in_memory + self.runs.iter().map(|run| run.rows).sum::<usize>()
    }
}

/// All days' rows of one ingest; decoders share it. Its folder goes with the run's scratch.
pub(super) struct RowStore {
    folder: PathBuf,
    shape: Arc<RowShape>,
    /// Bytes that its runs may hold on disk.
    spill_limit: u64,
    inner: Mutex<Inner>,
}

struct Inner {
    dates: BTreeMap<i32, DateRows>,
    names: ObjectNames,
    memory: MemoryReservation,
    files: usize,
    spilled: u64,
}

impl RowStore {
    /// An empty one that counts its memory with the engine's.
    pub fn new(folder: PathBuf, shape: Arc<RowShape>, engine: &Engine) -> Result<Self> {
        std::fs::create_dir_all(&folder).map_err(Error::io("making the folder", &folder))?;
        Ok(Self {
            folder,
            shape,
            spill_limit: engine.spill_limit(),
            inner: Mutex::new(Inner {
                dates: BTreeMap::new(),
                names: ObjectNames::default(),
                memory: engine.reserve("rows being ingested"),
                files: 0,
                spilled: 0,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A decoder that panicked fails the run anyway.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of an object.
    pub fn object_number(&self, name: &str) -> u32 {
        self.lock().names.number(name)
    }

    /// All objects by number.
    pub fn names(&self) -> Arc<Vec<String>> {
        Arc::new(self.lock().names.names().to_vec())
    }

    /// Adds rows of a day; where memory is short, the largest day goes to scratch.
    pub fn push(&self, date: i32, mut chunk: Chunk) -> Result<()> {
        if chunk.heads.is_empty() {
            return Ok(());
        }
        chunk.bytes.shrink_to_fit();
        chunk.heads.shrink_to_fit();
        let bytes = chunk.memory();
        let mut inner = self.lock();
        while inner.memory.try_grow(bytes).is_err() {
            if !self.spill_largest(&mut inner)? {
                // Nothing is left to put aside: one chunk goes on over the budget.
                inner.memory.grow(bytes);
                break;
            }
        }
        let rows = inner.dates.entry(date).or_default();
        rows.bytes += bytes;
        rows.chunks.push(chunk);
        Ok(())
    }

    /// Puts the largest day aside; `false` if nothing is in memory.
    fn spill_largest(&self, inner: &mut Inner) -> Result<bool> {
        let largest = inner.dates.values_mut().max_by_key(|rows| rows.bytes);
        let Some(rows) = largest.filter(|rows| rows.bytes > 0) else {
            return Ok(false);
        };
        let path = self.folder.join(format!("{:06}.run", inner.files));
        inner.files += 1;
        let order = RowOrder {
            shape: &self.shape,
            names: inner.names.names(),
        };
        let run = match write_run(&path, &rows.chunks, &order, false)? {
            Some(run) => run,
            None => write_run(&path, &rows.chunks, &order, true)?
                .ok_or_else(|| Error::Failed("rows have no order".to_string()))?,
        };
        inner.spilled += run.bytes;
        if inner.spilled > self.spill_limit {
            return Err(Error::Failed(format!(
                "rows set aside for want of memory take more than {} bytes of scratch; ingest fewer dates at once, or give more `memory`",
                self.spill_limit
            )));
        }
        rows.runs.push(run);
        rows.chunks = Vec::new();
        inner.memory.shrink(rows.bytes.min(inner.memory.size()));
        rows.bytes = 0;
        Ok(true)
    }

    /// Adds the rows of a published partition, to be merged with new ones.
    pub fn push_published(&self, date: i32, path: &Path) -> Result<()> {
        let broken = |error: &dyn std::fmt::Display| {
            Error::Failed(format!("reading {}: {error}", path.display()))
        };
        let file = File::open(path).map_err(Error::io("opening", path))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| builder.with_batch_size(crate::engine::BATCH_ROWS).build())
            .map_err(|error| broken(&error))?;
        let mut coded = Vec::new();
        for batch in reader {
            let batch = batch.map_err(|error| broken(&error))?;
            let rows = PublishedRows::open(&self.shape, &batch).map_err(|error| broken(&error))?;
            let mut chunk = Chunk::default();
            let mut object = None;
            for row in 0..batch.num_rows() {
                let name = rows.object(row);
                let number = match object {
                    Some((last, number)) if last == name => number,
                    _ => self.object_number(name),
                };
                object = Some((name, number));
                coded.clear();
                rows.code(row, number, &mut coded);
                let (time_us, user_key) = rows.order(row);
                let head = Head {
                    key: self.shape.key(user_key, &coded),
                    time_us,
                    id_hash: self.shape.id_hash(time_us, &coded),
                    at: 0,
                };
                chunk.push(head, &coded);
                if chunk.is_full() {
                    self.push(date, std::mem::take(&mut chunk))?;
                }
            }
            self.push(date, chunk)?;
        }
        Ok(())
    }

    /// Rows of a day so far.
    pub fn rows(&self, date: i32) -> usize {
        self.lock().dates.get(&date).map_or(0, DateRows::rows)
    }

    /// The rows of a day, taken out; their memory stays counted until they are dropped.
    pub fn take(&self, date: i32) -> DateRows {
        let mut inner = self.lock();
        let Some(mut rows) = inner.dates.remove(&date) else {
            return DateRows::default();
        };
        let counted = rows.bytes.min(inner.memory.size());
        rows.memory = Some(inner.memory.split(counted));
        rows
    }
}

/// Sorts rows and writes them as a run; `None` if two users share a key and the order must be exact.
fn write_run(
    path: &Path,
    chunks: &[Chunk],
    order: &RowOrder<'_>,
    is_exact: bool,
) -> Result<Option<Run>> {
    let mut places = Vec::with_capacity(chunks.iter().map(|chunk| chunk.heads.len()).sum());
    for (number, chunk) in chunks.iter().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        places.extend(
            chunk
                .heads
                .iter()
                .map(|head| Place::new(head.key, head.time_us, number, head.at)),
        );
    }
    order.sort(&mut places, chunks, is_exact);
    let mut writer = RunWriter::create(path)?;
    let mut users = SameUser::default();
    for place in &places {
        let row = place.row(chunks);
        if order.shape.is_event_stream
            && !is_exact
            && !users.goes_on(row.key, order.shape.user_id(row.coded))
        {
            return Ok(None);
        }
        writer.push(&row, order.shape.id_hash(row.time_us, row.coded))?;
    }
    writer.finish().map(Some)
}
