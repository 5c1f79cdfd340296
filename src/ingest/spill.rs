//! Rows of a day that do not fit into memory: sorted runs on scratch, compressed block by block.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::chunk::Head;
use super::order::Row;
use crate::error::{Error, Result};
use crate::source::row_code::{push_number, read_number};

/// Bytes of a block before compression.
const BLOCK_BYTES: usize = 1 << 18;

/// A sorted run on disk; its file goes with its folder.
#[derive(Debug)]
pub(super) struct Run {
    path: PathBuf,
    /// Rows in it.
    pub rows: usize,
    /// Bytes on disk.
    pub bytes: u64,
}

/// Writes a run.
pub(super) struct RunWriter {
    path: PathBuf,
    file: BufWriter<File>,
    block: Vec<u8>,
    rows: usize,
    bytes: u64,
}

impl RunWriter {
    /// Begins a file.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(Error::io("creating", path))?;
        Ok(Self {
            path: path.to_path_buf(),
            file: BufWriter::new(file),
            block: Vec::with_capacity(BLOCK_BYTES * 2),
            rows: 0,
            bytes: 0,
        })
    }

    /// Adds the next row.
    pub fn push(&mut self, row: &Row<'_>, id_hash: u64) -> Result<()> {
        push_number(&mut self.block, row.coded.len() as u64);
        self.block.extend_from_slice(&row.key.to_le_bytes());
        self.block.extend_from_slice(&row.time_us.to_le_bytes());
        self.block.extend_from_slice(&id_hash.to_le_bytes());
        self.block.extend_from_slice(row.coded);
        self.rows += 1;
        if self.block.len() >= BLOCK_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let packed = lz4_flex::block::compress(&self.block);
        let raw = (self.block.len() as u64).to_le_bytes();
        let length = (packed.len() as u64).to_le_bytes();
        self.bytes += packed.len() as u64 + 16;
        self.block.clear();
        [&raw[..], &length, &packed]
            .iter()
            .try_for_each(|part| self.file.write_all(part))
            .map_err(Error::io("writing", &self.path))
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<Run> {
        if !self.block.is_empty() {
            self.flush()?;
        }
        self.file
            .flush()
            .map_err(Error::io("writing", &self.path))?;
        Ok(Run {
            path: self.path,
            rows: self.rows,
            bytes: self.bytes,
        })
    }
}

/// Reads a run row by row.
pub(super) struct RunReader {
    path: PathBuf,
    file: BufReader<File>,
    block: Vec<u8>,
    at: usize,
    left: usize,
    head: Head,
    row: (usize, usize),
}

impl Run {
    /// Opens it from its first row on. Call [`RunReader::advance`] before reading a row.
    pub fn open(&self) -> Result<RunReader> {
        let file = File::open(&self.path).map_err(Error::io("opening", &self.path))?;
        Ok(RunReader {
            path: self.path.clone(),
            file: BufReader::new(file),
            block: Vec::new(),
            at: 0,
            left: self.rows,
            head: Head {
                key: 0,
                time_us: 0,
                id_hash: 0,
                at: 0,
            },
            row: (0, 0),
        })
    }
}

impl RunReader {
    /// Goes to the next row; `false` behind the last.
    pub fn advance(&mut self) -> Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        if self.at >= self.block.len() {
            self.next_block()?;
        }
        let (length, at) = read_number(&self.block, self.at);
        let number = |from: usize| {
            self.block
                .get(from..from + 8)
                .and_then(|bytes| bytes.try_into().ok())
                .map_or(0, u64::from_le_bytes)
        };
        self.head = Head {
            key: number(at) as i64,
            time_us: number(at + 8) as i64,
            id_hash: number(at + 16),
            at: 0,
        };
        let start = at + 24;
        self.at = start + length as usize;
        self.row = (start, self.at);
        Ok(true)
    }

    fn next_block(&mut self) -> Result<()> {
        let mut lengths = [0u8; 16];
        let fault = Error::io("reading", &self.path);
        let packed = self.file.read_exact(&mut lengths).and_then(|()| {
            let (_, length) = lengths.split_at(8);
            let length = length.try_into().map_or(0, u64::from_le_bytes);
            let mut packed = vec![0; length as usize];
            self.file.read_exact(&mut packed).map(|()| packed)
        });
        let packed = packed.map_err(fault)?;
        let (raw, _) = lengths.split_at(8);
        let raw = raw.try_into().map_or(0, u64::from_le_bytes) as usize;
        self.block = lz4_flex::block::decompress(&packed, raw)
            .map_err(|error| Error::Failed(format!("reading {}: {error}", self.path.display())))?;
        self.at = 0;
        Ok(())
    }

    /// Hash of the row's id.
    pub fn id_hash(&self) -> u64 {
        self.head.id_hash
    }

    /// The row.
    pub fn row(&self) -> Row<'_> {
        Row {
            key: self.head.key,
            time_us: self.head.time_us,
            coded: self.block.get(self.row.0..self.row.1).unwrap_or_default(),
        }
    }
}
