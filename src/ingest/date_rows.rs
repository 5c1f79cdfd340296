//! Decoded rows by date, in memory up to a bound and beyond it in scratch files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Date32Type;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use chrono::NaiveDate;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::{Error, Result};

/// Decoded rows kept in memory before the largest date goes to scratch.
const MEMORY_BYTES: usize = 512 << 20;

/// Cuts a batch by its first column, the local day.
pub(super) fn split_by_date(batch: &RecordBatch) -> Result<Vec<(i32, RecordBatch)>> {
    let days = batch.column(0).as_primitive::<Date32Type>();
    let mut found: Vec<i32> = days.values().to_vec();
    found.sort_unstable();
    found.dedup();
    if let [day] = found[..] {
        return Ok(vec![(day, batch.clone())]);
    }
    found
        .into_iter()
        .map(|day| {
            let mask: BooleanArray = days
                .values()
                .iter()
                .map(|value| Some(*value == day))
                .collect();
            filter_record_batch(batch, &mask)
                .map(|part| (day, part))
                .map_err(|error| Error::Failed(format!("splitting rows by date: {error}")))
        })
        .collect()
}

/// The rows of one date, readable more than once.
#[derive(Debug, Default)]
pub(super) struct DateRows {
    /// The published partition to merge with.
    pub base: Option<PathBuf>,
    batches: Vec<RecordBatch>,
    files: Vec<PathBuf>,
    bytes: usize,
}

impl DateRows {
    /// Gives every batch in the same order each time: the base's first.
    pub(super) fn for_each(&self, mut each: impl FnMut(RecordBatch) -> Result<bool>) -> Result<()> {
        if let Some(path) = &self.base {
            let file = File::open(path).map_err(Error::io("opening", path))?;
            let reader = ParquetRecordBatchReaderBuilder::try_new(file)
                .and_then(|builder| builder.with_batch_size(crate::engine::BATCH_ROWS).build())
                .map_err(|error| broken(path, &error))?;
            for batch in reader {
                if !each(batch.map_err(|error| broken(path, &error))?)? {
                    return Ok(());
                }
            }
        }
        for path in &self.files {
            let file = File::open(path).map_err(Error::io("opening", path))?;
            let reader =
                FileReader::try_new_buffered(file, None).map_err(|error| broken(path, &error))?;
            for batch in reader {
                if !each(batch.map_err(|error| broken(path, &error))?)? {
                    return Ok(());
                }
            }
        }
        for batch in &self.batches {
            if !each(batch.clone())? {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn broken(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Failed(format!("reading {}: {error}", path.display()))
}

/// All dates' rows of one ingest. Its folder is removed with it.
#[derive(Debug)]
pub(super) struct RowStore {
    folder: PathBuf,
    dates: BTreeMap<NaiveDate, DateRows>,
    bytes: usize,
    files: usize,
}

impl RowStore {
    pub(super) fn new(folder: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&folder).map_err(Error::io("making the folder", &folder))?;
        Ok(Self {
            folder,
            dates: BTreeMap::new(),
            bytes: 0,
            files: 0,
        })
    }

    pub(super) fn push(&mut self, date: NaiveDate, batch: RecordBatch) -> Result<()> {
        let bytes = batch.get_array_memory_size();
        let rows = self.dates.entry(date).or_default();
        rows.bytes += bytes;
        rows.batches.push(batch);
        self.bytes += bytes;
        while self.bytes > MEMORY_BYTES {
            let Some(rows) = self.dates.values_mut().max_by_key(|rows| rows.bytes) else {
                break;
            };
            let path = self.folder.join(format!("{:06}.arrow", self.files));
            self.files += 1;
            spill(&path, &rows.batches)?;
            rows.files.push(path);
            rows.batches.clear();
            self.bytes -= rows.bytes;
            rows.bytes = 0;
        }
        Ok(())
    }

    pub(super) fn take(&mut self, date: NaiveDate) -> Result<DateRows> {
        Ok(self.dates.remove(&date).unwrap_or_default())
    }
}

fn spill(path: &Path, batches: &[RecordBatch]) -> Result<()> {
    let Some(first) = batches.first() else {
        return Ok(());
    };
    let file = File::create(path).map_err(Error::io("creating", path))?;
    let fault = |error: arrow::error::ArrowError| {
        Error::Failed(format!("writing {}: {error}", path.display()))
    };
    let mut writer = FileWriter::try_new(BufWriter::new(file), &first.schema()).map_err(fault)?;
    for batch in batches {
        writer.write(batch).map_err(fault)?;
    }
    writer.finish().map_err(fault)
}
