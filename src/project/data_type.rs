//! Column types as YAML names them.

use std::fmt;

/// A column's type. Arrow's equivalents: Utf8, Int64, Float64, Boolean, Decimal128(p, s),
/// Timestamp(µs, UTC), Date32, List of any of them but timestamps.
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
    /// `list(type)`: any number of values of one type, in order; an element may be null
    List(ElementType),
}

/// What a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// `string`
    String,
    /// `int64`
    Int64,
    /// `float64`
    Float64,
    /// `bool`
    Bool,
    /// `decimal(precision,scale)`
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// `date`
    Date,
}

impl ElementType {
    /// The type of one element.
    pub fn data_type(self) -> DataType {
        match self {
            Self::String => DataType::String,
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Bool => DataType::Bool,
            Self::Decimal { precision, scale } => DataType::Decimal { precision, scale },
            Self::Date => DataType::Date,
        }
    }

    /// A list may hold values of the type; `None` if it may not (times, lists).
    fn of(data_type: DataType) -> Option<Self> {
        Some(match data_type {
            DataType::String => Self::String,
            DataType::Int64 => Self::Int64,
            DataType::Float64 => Self::Float64,
            DataType::Bool => Self::Bool,
            DataType::Decimal { precision, scale } => Self::Decimal { precision, scale },
            DataType::Date => Self::Date,
            DataType::Timestamp | DataType::List(_) => return None,
        })
    }
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
        "list(string)",
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
            _ if text.starts_with("list(") => {
                let inside = text.strip_prefix("list(")?.strip_suffix(')')?;
                Self::List(ElementType::of(Self::parse(inside.trim())?)?)
            }
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
            Self::List(element) => write!(f, "list({})", element.data_type()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_types_name_is_read_and_written_back() {
        for text in [
            "string",
            "decimal(12,2)",
            "list(string)",
            "list(decimal(12,2))",
            "list(date)",
        ] {
            let read = DataType::parse(text).map(|read| read.to_string());
            assert_eq!(read.as_deref(), Some(text));
        }
        for text in [
            "list",
            "list()",
            "list(text)",
            "list(timestamp)",
            "list(list(string))",
            "string[]",
            "decimal(39,2)",
            "decimal(2,3)",
        ] {
            assert_eq!(DataType::parse(text), None, "{text}");
        }
    }
}
