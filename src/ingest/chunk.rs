//! Coded rows of one local day, as one decoder gave them: their bytes in one piece, and beside each what
//! decides its place.

use std::collections::HashMap;

use crate::source::row_code::{push_number, read_number};

/// Bytes after which a chunk is handed on.
pub(super) const CHUNK_BYTES: usize = 1 << 20;
/// What a row needs besides its bytes and its head once its day is built: a place in the order and one
/// among the ids.
const INDEX_BYTES_PER_ROW: usize = 40;

/// What decides a row's place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    /// User key, or the first bytes of `sort_by`.
    pub key: i64,
    /// Event time; 0 where the source has none.
    pub time_us: i64,
    /// Hash of what makes rows duplicates of each other; 0: of none.
    pub id_hash: u64,
    /// Where in the chunk it begins.
    pub at: u32,
}

/// Rows with their heads.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// Each row with its length before it.
    pub bytes: Vec<u8>,
    /// One per row, in order.
    pub heads: Vec<Head>,
}

impl Chunk {
    /// Adds a row.
    pub fn push(&mut self, head: Head, coded: &[u8]) {
        let at = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        push_number(&mut self.bytes, coded.len() as u64);
        self.bytes.extend_from_slice(coded);
        self.heads.push(Head { at, ..head });
    }

    /// An empty one with room for as much: where one chunk filled up, the next will.
    pub fn another(&self) -> Self {
        Self {
            bytes: Vec::with_capacity(self.bytes.len() + self.bytes.len() / 16),
            heads: Vec::with_capacity(self.heads.len() + self.heads.len() / 16),
        }
    }

    /// Whether it should be handed on.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= CHUNK_BYTES
    }

    /// The coded row at a place.
    #[inline]
    pub fn row(&self, at: u32) -> &[u8] {
        let (length, start) = read_number(&self.bytes, at as usize);
        let end = start.saturating_add(length as usize);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Bytes that it holds, and will need.
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
            + self.heads.capacity() * size_of::<Head>()
            + self.heads.len() * INDEX_BYTES_PER_ROW
    }
}

/// Objects by number, so that a row holds no text for its own.
#[derive(Debug, Default)]
pub(super) struct ObjectNames {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl ObjectNames {
    /// The number of a name; a new one if it has none.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_string());
        self.numbers.insert(name.to_string(), number);
        number
    }

    /// All names, by number.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}
