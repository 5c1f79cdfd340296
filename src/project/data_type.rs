//! Column types as YAML names them.

use std::fmt;

/// A column's type. Arrow's equivalents: Utf8, Int64, Float64, Boolean, Decimal128(p, s),
/// Timestamp(µs, UTC), Date32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// `string`
    String,
    /// `int64`
    Int64,
    /// `float64`
    Float64,
    /// `bool`
    Bool,
    /// `decimal(precision,scale)`, precision 1–38, scale 0–precision
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// `timestamp`: microseconds, UTC
    Timestamp,
    /// `date`: a local day
    Date,
}

impl DataType {
    /// Every spelling, for messages.
    pub const NAMES: &'static [&'static str] = &[
        "string",
        "int64",
        "float64",
        "bool",
        "decimal(12,2)",
        "timestamp",
        "date",
    ];

    /// Reads a type name; `None` if there is no such type.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "string" => Self::String,
            "int64" => Self::Int64,
            "float64" => Self::Float64,
            "bool" => Self::Bool,
            "timestamp" => Self::Timestamp,
            "date" => Self::Date,
            _ => {
                let inside = text.strip_prefix("decimal(")?.strip_suffix(')')?;
                let (precision, scale) = inside.split_once(',')?;
                let precision = precision.trim().parse::<u8>().ok()?;
                let scale = scale.trim().parse::<u8>().ok()?;
                if precision == 0 || precision > 38 || scale > precision {
                    return None;
                }
                Self::Decimal { precision, scale }
            }
        })
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Int64 => f.write_str("int64"),
            Self::Float64 => f.write_str("float64"),
            Self::Bool => f.write_str("bool"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Date => f.write_str("date"),
        }
    }
}
