//! What a section's select returned, as typed cells, strictly by the section's declared columns.
//!
//! A column that is missing, undeclared, out of order or of another type stops the report with a
//! message naming section, column and file; a null stays a null and is shown as a state.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use chrono::NaiveDate;

use crate::error::{Error, Result};
use crate::project::{Format, Section, SectionColumn};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// A name.
    Text(String),
    /// A day.
    Date(NaiveDate),
    /// A whole number.
    Int(i64),
    /// A finite number.
    Real(f64),
    /// An exact decimal: `unscaled / 10^scale`.
    Decimal {
        /// Digits.
        unscaled: i128,
        /// Places after the point.
        scale: i8,
    },
    /// Yes or no.
    Flag(bool),
}

impl Cell {
    /// As a number, for comparing and drawing; money loses nothing that a picture could show.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(n) => Some(*n as f64),
            Self::Real(n) => Some(*n),
            Self::Decimal { unscaled, scale } => {
                Some(*unscaled as f64 / 10f64.powi(i32::from(*scale)))
            }
            Self::Null | Self::Text(_) | Self::Date(_) | Self::Flag(_) => None,
        }
    }

    /// As a day.
    pub fn date(&self) -> Option<NaiveDate> {
        match self {
            Self::Date(date) => Some(*date),
            _ => None,
        }
    }

    /// As a name.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A section's rows.
#[derive(Debug, Clone)]
pub struct Grid<'a> {
    /// The section they belong to.
    pub section: &'a Section,
    /// Cells by row, in the order of the section's columns.
    pub rows: Vec<Vec<Cell>>,
}

impl<'a> Grid<'a> {
    /// Reads what the select returned.
    pub fn read(section: &'a Section, batches: &[RecordBatch]) -> Result<Self> {
        let mut rows = Vec::new();
        for batch in batches {
            check_names(section, batch)?;
            let columns = section
                .columns
                .iter()
                .zip(batch.columns())
                .map(|(column, array)| read_column(section, column, array.as_ref()))
                .collect::<Result<Vec<_>>>()?;
            let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
            for _ in 0..batch.num_rows() {
                rows.push(columns.iter_mut().filter_map(Iterator::next).collect());
            }
        }
        Ok(Self { section, rows })
    }

    /// Place of a column that the shape needs.
    pub fn place(&self, name: &str) -> Result<usize> {
        self.find(name)
            .ok_or_else(|| failed(self.section, name, "the section's shape needs this column"))
    }

    /// Place of a column that may be there.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.section
            .columns
            .iter()
            .position(|column| column.name == name)
    }
}

/// An error about one column of a section.
pub fn failed(section: &Section, column: &str, cause: &str) -> Error {
    Error::Failed(format!(
        "{}: section {}: column {column}: {cause} (select: {})",
        section.yaml_path, section.name, section.sql_path
    ))
}

fn check_names(section: &Section, batch: &RecordBatch) -> Result<()> {
    let schema = batch.schema();
    let returned: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    for column in &section.columns {
        if !returned.contains(&column.name.as_str()) {
            return Err(failed(
                section,
                &column.name,
                "declared, but the select does not return it",
            ));
        }
    }
    for (at, name) in returned.iter().enumerate() {
        match section.columns.get(at) {
            Some(column) if column.name == *name => {}
            _ if section.columns.iter().any(|column| column.name == *name) => {
                return Err(failed(
                    section,
                    name,
                    "stands in another place than declared, or twice",
                ));
            }
            _ => {
                return Err(failed(
                    section,
                    name,
                    "the select returns it, but it is not declared",
                ));
            }
        }
    }
    Ok(())
}

fn read_column(section: &Section, column: &SectionColumn, array: &dyn Array) -> Result<Vec<Cell>> {
    let wrong = || {
        failed(
            section,
            &column.name,
            &format!(
                "is {}, but format {:?} wants {}",
                array.data_type(),
                column.format,
                wanted(column.format)
            ),
        )
    };
    // A constant NULL in the select has no type of its own.
    if *array.data_type() == DataType::Null {
        return Ok(vec![Cell::Null; array.len()]);
    }
    let cells = match column.format {
        Format::Text | Format::Word => texts(array),
        Format::Date => dates(array),
        Format::Flag => array.as_boolean_opt().map(|flags| {
            flags
                .iter()
                .map(|flag| flag.map_or(Cell::Null, Cell::Flag))
                .collect()
        }),
        Format::Count => whole(array),
        Format::Percent | Format::Points => real(array),
        Format::Money => decimals(array),
        Format::DurationUs | Format::Number => whole(array)
            .or_else(|| real(array))
            .or_else(|| decimals(array)),
    };
    let cells = cells.ok_or_else(wrong)?;
    if cells
        .iter()
        .any(|cell| matches!(cell, Cell::Real(n) if !n.is_finite()))
    {
        return Err(failed(
            section,
            &column.name,
            "holds NaN or infinity; divide by nullif(…, 0)",
        ));
    }
    Ok(cells)
}

/// What a format is read from, in words for the message.
fn wanted(format: Format) -> &'static str {
    match format {
        Format::Text | Format::Word => "a string",
        Format::Date => "a date",
        Format::Flag => "a boolean",
        Format::Count => "a whole number of at most 64 bits",
        Format::Percent | Format::Points => "a float (a ratio, not a percent)",
        Format::Money => "a decimal",
        Format::DurationUs | Format::Number => "a number",
    }
}

fn texts(array: &dyn Array) -> Option<Vec<Cell>> {
    fn cells<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Vec<Cell> {
        values
            .map(|value| value.map_or(Cell::Null, |text| Cell::Text(text.to_owned())))
            .collect()
    }
    match array.data_type() {
        DataType::Utf8 => Some(cells(array.as_string::<i32>().iter())),
        DataType::LargeUtf8 => Some(cells(array.as_string::<i64>().iter())),
        DataType::Utf8View => Some(cells(array.as_string_view().iter())),
        _ => None,
    }
}

fn dates(array: &dyn Array) -> Option<Vec<Cell>> {
    let days = array.as_primitive_opt::<Date32Type>()?;
    Some(
        (0..days.len())
            .map(|at| {
                if days.is_null(at) {
                    None
                } else {
                    days.value_as_date(at)
                }
            })
            .map(|date| date.map_or(Cell::Null, Cell::Date))
            .collect(),
    )
}

fn whole(array: &dyn Array) -> Option<Vec<Cell>> {
    macro_rules! cells {
        ($kind:ty) => {
            array
                .as_primitive::<$kind>()
                .iter()
                .map(|value| match value {
                    None => Some(Cell::Null),
                    Some(n) => i64::try_from(n).ok().map(Cell::Int),
                })
                .collect()
        };
    }
    match array.data_type() {
        DataType::Int8 => cells!(Int8Type),
        DataType::Int16 => cells!(Int16Type),
        DataType::Int32 => cells!(Int32Type),
        DataType::Int64 => cells!(Int64Type),
        DataType::UInt8 => cells!(UInt8Type),
        DataType::UInt16 => cells!(UInt16Type),
        DataType::UInt32 => cells!(UInt32Type),
        DataType::UInt64 => cells!(UInt64Type),
        _ => None,
    }
}

fn real(array: &dyn Array) -> Option<Vec<Cell>> {
    match array.data_type() {
        DataType::Float64 => Some(
            array
                .as_primitive::<Float64Type>()
                .iter()
                .map(|value| value.map_or(Cell::Null, Cell::Real))
                .collect(),
        ),
        DataType::Float32 => Some(
            array
                .as_primitive::<Float32Type>()
                .iter()
                .map(|value| value.map_or(Cell::Null, |n| Cell::Real(f64::from(n))))
                .collect(),
        ),
        _ => None,
    }
}

fn decimals(array: &dyn Array) -> Option<Vec<Cell>> {
    let DataType::Decimal128(_, scale) = *array.data_type() else {
        return None;
    };
    Some(
        array
            .as_primitive::<Decimal128Type>()
            .iter()
            .map(|value| value.map_or(Cell::Null, |unscaled| Cell::Decimal { unscaled, scale }))
            .collect(),
    )
}
