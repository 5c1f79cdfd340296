//! How much of a raw object is read before it is taken for a fault or an attack.

/// What one object, and one line of it, may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one object once it is decompressed.
    pub object_bytes: u64,
    /// Decompressed bytes per stored byte; looked at beyond [`Limits::RATIO_FROM_BYTES`].
    pub ratio: u64,
    /// Bytes of one line.
    pub line_bytes: u64,
    /// Levels of nesting in one line.
    pub nesting: u32,
    /// Fields of one line, or columns of one object.
    pub fields: u64,
}

impl Limits {
    /// Unless a source says otherwise.
    pub const DEFAULT: Self = Self {
        object_bytes: 64 << 30,
        ratio: 500,
        line_bytes: 16 << 20,
        nesting: Self::MOST_NESTING,
        fields: 10_000,
    };
    /// Smaller objects may be as repetitive as they like.
    pub const RATIO_FROM_BYTES: u64 = 64 << 20;
    /// Values are scanned by recursion.
    pub const MOST_NESTING: u32 = 128;
    /// A line is held in memory, a few at a time.
    pub const MOST_LINE_BYTES: u64 = 256 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
