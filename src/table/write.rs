//! Writes one partition to local scratch, deterministically: the same rows in the same order give the
//! same bytes, however they were batched.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Rows of a row group at most: small enough that key ranges can be read alone, and that the
/// dictionaries of many day files, of which one per column is open in each, stay small together.
pub const ROW_GROUP_ROWS: usize = 32_768;
/// Rows per batch handed to the encoder; page limits are looked at between batches, so their size is
/// part of the bytes.
pub const ENCODER_BATCH_ROWS: usize = 8_192;
/// Full row groups that one file may have under way at once.
const GROUPS_UNDER_WAY: usize = 2;
/// Rows of a page at most: what is read beside a key range is a page at either end.
const PAGE_ROWS: usize = 8_192;
/// Columns that compression makes little smaller. Each compressed column of each open file keeps a
/// decompressor of some 160 KB, which counts where many day files are read at once.
const UNCOMPRESSED: &[&str] = &[
    "app_version",
    "channel",
    "date",
    "event",
    "event_time",
    "platform",
    "scene",
    "user_id",
    "user_key",
];
/// Columns that are different in nearly every row: a dictionary of them costs and gives nothing.
const WITHOUT_DICTIONARY: &[&str] = &["event_id", "event_time", "source_offset", "props"];

/// A partition on scratch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The scratch file.
    pub path: PathBuf,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes, hexadecimal.
    pub hash: String,
}

/// Takes a file's bytes on to the disk and hashes them on the way.
struct HashedFile {
    file: File,
    hasher: Sha256,
    bytes: u64,
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Encodes row groups of one file. They do not depend on each other, so that threads may do several at
/// once; [`PartitionWriter::append`] puts them in order.
pub struct RowGroupEncoder {
    path: PathBuf,
    schema: SchemaRef,
    factory: ArrowRowGroupWriterFactory,
}

/// An encoded row group.
pub struct RowGroup {
    rows: u64,
    columns: Vec<ArrowColumnChunk>,
}

impl RowGroupEncoder {
    /// Encodes the row group of this number from batches of [`ENCODER_BATCH_ROWS`] rows (the last may
    /// have fewer), [`ROW_GROUP_ROWS`] in all (the last group may have fewer).
    pub fn encode(&self, number: usize, batches: &[RecordBatch]) -> Result<RowGroup> {
        let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let columns = self
            .columns(number, batches)
            .map_err(|error| fault(&self.path, &error))?;
        Ok(RowGroup { rows, columns })
    }

    fn columns(
        &self,
        number: usize,
        batches: &[RecordBatch],
    ) -> parquet::errors::Result<Vec<ArrowColumnChunk>> {
        let mut writers = self.factory.create_column_writers(number)?;
        for batch in batches {
            let mut leaf_writers = writers.iter_mut();
            for (field, column) in self.schema.fields().iter().zip(batch.columns()) {
                for leaf in compute_leaves(field, column)? {
                    if let Some(writer) = leaf_writers.next() {
                        writer.write(&leaf)?;
                    }
                }
            }
        }
        writers.into_iter().map(ArrowColumnWriter::close).collect()
    }
}

/// Writes one Parquet file. Full row groups are encoded by threads of their own while rows go on
/// coming.
pub struct PartitionWriter {
    path: PathBuf,
    coalescer: BatchCoalescer,
    /// Batches of the row group that is not full yet.
    batches: Vec<RecordBatch>,
    encoder: Arc<RowGroupEncoder>,
    encoding: VecDeque<JoinHandle<Result<RowGroup>>>,
    groups: usize,
    file: SerializedFileWriter<HashedFile>,
    rows: u64,
}

impl PartitionWriter {
    /// Creates the file (and its folder). `sorted_by` are the columns the rows come ordered by,
    /// ascending, nulls first; told in the file's metadata.
    pub fn create(path: &Path, schema: &SchemaRef, sorted_by: &[String]) -> Result<Self> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(Error::io("making the folder", parent))?;
        }
        let file = HashedFile {
            file: File::create(path).map_err(Error::io("creating", path))?,
            hasher: Sha256::new(),
            bytes: 0,
        };
        let (file, factory) =
            ArrowWriter::try_new(file, schema.clone(), Some(properties(schema, sorted_by)))
                .and_then(ArrowWriter::into_serialized_writer)
                .map_err(|error| fault(path, &error))?;
        Ok(Self {
            path: path.to_path_buf(),
            coalescer: BatchCoalescer::new(schema.clone(), ENCODER_BATCH_ROWS),
            batches: Vec::new(),
            encoder: Arc::new(RowGroupEncoder {
                path: path.to_path_buf(),
                schema: schema.clone(),
                factory,
            }),
            encoding: VecDeque::new(),
            groups: 0,
            file,
            rows: 0,
        })
    }

    /// Encodes row groups for [`Self::append`]; whoever uses it does not call [`Self::write`].
    pub fn encoder(&self) -> Arc<RowGroupEncoder> {
        Arc::clone(&self.encoder)
    }

    /// Adds the next row group.
    pub fn append(&mut self, group: RowGroup) -> Result<()> {
        self.rows += group.rows;
        let append = |file: &mut SerializedFileWriter<HashedFile>| {
            let mut writer = file.next_row_group()?;
            for column in group.columns {
                column.append_to_row_group(&mut writer)?;
            }
            writer.close().map(|_| ())
        };
        append(&mut self.file).map_err(|error| fault(&self.path, &error))
    }

    /// Adds rows.
    pub fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.coalescer
            .push_batch(batch)
            .map_err(|error| fault(&self.path, &error))?;
        while let Some(batch) = self.coalescer.next_completed_batch() {
            self.batches.push(batch);
            if self.batches.len() * ENCODER_BATCH_ROWS >= ROW_GROUP_ROWS {
                self.encode_aside()?;
            }
        }
        Ok(())
    }

    /// Gives the batches so far to a thread. Only few row groups are under way at once.
    fn encode_aside(&mut self) -> Result<()> {
        if self.encoding.len() >= GROUPS_UNDER_WAY {
            self.take_encoded()?;
        }
        let batches = std::mem::take(&mut self.batches);
        let (encoder, number) = (self.encoder(), self.groups);
        self.groups += 1;
        self.encoding
            .push_back(std::thread::spawn(move || encoder.encode(number, &batches)));
        Ok(())
    }

    fn take_encoded(&mut self) -> Result<()> {
        if let Some(thread) = self.encoding.pop_front() {
            let group = thread
                .join()
                .map_err(|_| fault(&self.path, &"encoding stopped"))??;
            self.append(group)?;
        }
        Ok(())
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<Written> {
        self.coalescer
            .finish_buffered_batch()
            .map_err(|error| fault(&self.path, &error))?;
        while let Some(batch) = self.coalescer.next_completed_batch() {
            self.batches.push(batch);
        }
        let last = match self.batches.is_empty() {
            true => None,
            false => Some(self.encoder.encode(self.groups, &self.batches)?),
        };
        while !self.encoding.is_empty() {
            self.take_encoded()?;
        }
        if let Some(last) = last {
            self.append(last)?;
        }
        let file = self
            .file
            .into_inner()
            .map_err(|error| fault(&self.path, &error))?;
        Ok(Written {
            path: self.path,
            rows: self.rows,
            bytes: file.bytes,
            hash: hex(&file.hasher.finalize()),
        })
    }
}

fn properties(schema: &SchemaRef, sorted_by: &[String]) -> WriterProperties {
    let leading = sorted_by.first();
    let sorting = sorted_by
        .iter()
        .map_while(|name| schema.index_of(name).ok())
        .filter_map(|index| i32::try_from(index).ok())
        .map(|column_idx| SortingColumn {
            column_idx,
            descending: false,
            nulls_first: true,
        })
        .collect::<Vec<_>>();
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by("loudou".to_string())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns((!sorting.is_empty()).then_some(sorting));
    for name in UNCOMPRESSED {
        properties = properties.set_column_compression((*name).into(), Compression::UNCOMPRESSED);
    }
    for name in WITHOUT_DICTIONARY {
        properties = properties.set_column_dictionary_enabled((*name).into(), false);
    }
    // The smallest and largest text of a page say little where rows are not in that order, and cost two
    // comparisons a value.
    for field in schema.fields() {
        let is_text = matches!(field.data_type(), DataType::Utf8);
        if is_text && leading.is_none_or(|first| first != field.name()) {
            properties = properties.set_column_statistics_enabled(
                field.name().as_str().into(),
                EnabledStatistics::None,
            );
        }
        if matches!(field.data_type(), DataType::Float64) {
            properties =
                properties.set_column_dictionary_enabled(field.name().as_str().into(), false);
        }
    }
    properties.build()
}

fn fault(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Failed(format!("writing {}: {error}", path.display()))
}

/// SHA-256 (hexadecimal) and length of a file.
pub fn hash_file(path: &Path) -> Result<(String, u64)> {
    let mut file = File::open(path).map_err(Error::io("opening", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 18];
    let mut bytes = 0u64;
    loop {
        let read = file.read(&mut buffer).map_err(Error::io("reading", path))?;
        if read == 0 {
            return Ok((hex(&hasher.finalize()), bytes));
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
}

/// SHA-256 of a text, hexadecimal.
pub fn hash_text(text: &str) -> String {
    hash_bytes(text.as_bytes())
}

/// SHA-256 of bytes, hexadecimal.
pub(super) fn hash_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use std::sync::Arc;

    fn batch(rows: std::ops::Range<i64>) -> RecordBatch {
        let number: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.clone()));
        let text: ArrayRef = Arc::new(StringArray::from_iter_values(
            rows.map(|number| format!("value {}", number % 97)),
        ));
        RecordBatch::try_from_iter([("number", number), ("text", text)]).unwrap()
    }

    #[test]
    fn bytes_do_not_depend_on_batches() {
        let folder = tempfile::tempdir().unwrap();
        let mut hashes = Vec::new();
        for (name, step) in [("a", 300_000), ("b", 1_000), ("c", 7_777)] {
            let path = folder.path().join(name);
            let sorted_by = ["number".to_string()];
            let mut writer =
                PartitionWriter::create(&path, &batch(0..1).schema(), &sorted_by).unwrap();
            let mut at = 0;
            while at < 300_000 {
                writer.write(batch(at..(at + step).min(300_000))).unwrap();
                at += step;
            }
            let written = writer.finish().unwrap();
            assert_eq!(written.rows, 300_000);
            hashes.push(written.hash);
        }
        assert_eq!(hashes[0], hashes[1]);
        assert_eq!(hashes[0], hashes[2]);
    }

    #[test]
    fn bytes_are_those_of_a_plain_writer() {
        let folder = tempfile::tempdir().unwrap();
        let schema = batch(0..1).schema();
        let path = folder.path().join("a");
        let mut writer = PartitionWriter::create(&path, &schema, &[]).unwrap();
        writer.write(batch(0..300_000)).unwrap();
        let written = writer.finish().unwrap();
        let properties = properties(&schema, &[]);
        let mut plain = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).unwrap();
        for start in (0..300_000).step_by(ENCODER_BATCH_ROWS) {
            let end = (start + ENCODER_BATCH_ROWS as i64).min(300_000);
            plain.write(&batch(start..end)).unwrap();
        }
        let bytes = plain.into_inner().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(hash_file(&path).unwrap(), (written.hash, written.bytes));
    }
}
