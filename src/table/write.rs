//! Writes one partition to local scratch, deterministically: the same rows in the same order give the
//! same bytes, however they were batched.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Rows of a row group at most: small enough that key ranges can be read alone, and that the
/// dictionaries of many day files, of which one per column is open in each, stay small together.
pub const ROW_GROUP_ROWS: usize = 32_768;
/// Rows per batch handed to the encoder; page limits are looked at between batches, so their size is
/// part of the bytes.
const ENCODER_BATCH_ROWS: usize = 8_192;
/// Rows of a page at most: what is read beside a key range is a page at either end.
const PAGE_ROWS: usize = 8_192;
/// Columns that compression makes little smaller. Each compressed column of each open file keeps a
/// decompressor of some 160 KB, which counts where many day files are read at once.
const UNCOMPRESSED: &[&str] = &["date", "event", "event_time", "user_key"];
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

/// Writes one Parquet file.
pub struct PartitionWriter {
    path: PathBuf,
    schema: SchemaRef,
    coalescer: BatchCoalescer,
    writer: ArrowWriter<File>,
    rows: u64,
}

impl PartitionWriter {
    /// Creates the file (and its folder). `sorted_by` are the columns the rows come ordered by,
    /// ascending, nulls first; told in the file's metadata.
    pub fn create(path: &Path, schema: &SchemaRef, sorted_by: &[String]) -> Result<Self> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(Error::io("making the folder", parent))?;
        }
        let file = File::create(path).map_err(Error::io("creating", path))?;
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
            properties =
                properties.set_column_compression((*name).into(), Compression::UNCOMPRESSED);
        }
        for name in WITHOUT_DICTIONARY {
            properties = properties.set_column_dictionary_enabled((*name).into(), false);
        }
        for field in schema.fields() {
            if matches!(field.data_type(), DataType::Float64) {
                properties =
                    properties.set_column_dictionary_enabled(field.name().as_str().into(), false);
            }
        }
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties.build()))
            .map_err(|error| fault(path, &error))?;
        Ok(Self {
            path: path.to_path_buf(),
            schema: schema.clone(),
            coalescer: BatchCoalescer::new(schema.clone(), ENCODER_BATCH_ROWS),
            writer,
            rows: 0,
        })
    }

    /// The schema batches must have.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Adds rows.
    pub fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.coalescer
            .push_batch(batch)
            .map_err(|error| fault(&self.path, &error))?;
        self.drain()
    }

    fn drain(&mut self) -> Result<()> {
        while let Some(batch) = self.coalescer.next_completed_batch() {
            self.writer
                .write(&batch)
                .map_err(|error| fault(&self.path, &error))?;
        }
        Ok(())
    }

    /// Ends the file and hashes it.
    pub fn finish(mut self) -> Result<Written> {
        self.coalescer
            .finish_buffered_batch()
            .map_err(|error| fault(&self.path, &error))?;
        self.drain()?;
        self.writer
            .close()
            .map_err(|error| fault(&self.path, &error))?;
        let (hash, bytes) = hash_file(&self.path)?;
        Ok(Written {
            path: self.path,
            rows: self.rows,
            bytes,
            hash,
        })
    }
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
    hex(&Sha256::digest(text.as_bytes()))
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
}
