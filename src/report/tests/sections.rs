//! What a select returns against what the section declares.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, NullArray, RecordBatch, StringArray, UInt64Array,
};

use super::fixture::operations;
use crate::project::{Format, Good, Section, SectionColumn, Shape};
use crate::report::section::{Cell, Grid};

fn section() -> Section {
    let column = |name: &str, format| SectionColumn {
        name: name.to_owned(),
        format,
        good: Good::Neutral,
        label: None,
        definition: None,
    };
    Section {
        shape: Shape::Table,
        columns: vec![column("page", Format::Word), column("exits", Format::Count)],
        ..operations().sections.swap_remove(0)
    }
}

fn read(columns: Vec<(&str, ArrayRef)>) -> Result<Vec<Vec<Cell>>, String> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    Grid::read(&section(), &[batch])
        .map(|grid| grid.rows)
        .map_err(|error| error.to_string())
}

fn pages() -> ArrayRef {
    Arc::new(StringArray::from(vec![Some("home"), None]))
}

fn exits() -> ArrayRef {
    Arc::new(Int64Array::from(vec![3, 4]))
}

#[test]
fn declared_columns_become_typed_cells() {
    let rows = read(vec![("page", pages()), ("exits", exits())]).unwrap();
    assert_eq!(
        rows,
        [
            vec![Cell::Text("home".to_owned()), Cell::Int(3)],
            vec![Cell::Null, Cell::Int(4)],
        ]
    );
}

#[test]
fn a_missing_column_names_section_column_and_file() {
    let error = read(vec![("page", pages())]).unwrap_err();
    for part in [
        "reports/operations/sections/core.yaml",
        "section core",
        "column exits",
        "does not return it",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn an_undeclared_column_is_an_error() {
    let error = read(vec![
        ("page", pages()),
        ("exits", exits()),
        ("extra", exits()),
    ])
    .unwrap_err();
    assert!(
        error.contains("column extra: the select returns it, but it is not declared"),
        "{error}"
    );
}

#[test]
fn columns_out_of_order_are_an_error() {
    let error = read(vec![("exits", exits()), ("page", pages())]).unwrap_err();
    assert!(error.contains("another place"), "{error}");
}

#[test]
fn a_wrong_type_is_an_error() {
    let wrong: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    let error = read(vec![("page", pages()), ("exits", wrong)]).unwrap_err();
    assert!(
        error.contains("column exits: is Float64, but format Count wants a whole number"),
        "{error}"
    );
    // More than 63 bits cannot be shown as what it is.
    let wrong: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 1]));
    assert!(read(vec![("page", pages()), ("exits", wrong)]).is_err());
}

#[test]
fn a_constant_null_is_a_null() {
    let none: ArrayRef = Arc::new(NullArray::new(2));
    let rows = read(vec![("page", none), ("exits", exits())]).unwrap();
    assert_eq!(rows[0], [Cell::Null, Cell::Int(3)]);
}

#[test]
fn not_a_number_is_an_error_not_a_dash() {
    let mut section = section();
    section.columns[1].format = Format::Percent;
    let ratio: ArrayRef = Arc::new(Float64Array::from(vec![0.5, f64::NAN]));
    let batch = RecordBatch::try_from_iter([("page", pages()), ("exits", ratio)]).unwrap();
    let error = Grid::read(&section, &[batch]).unwrap_err().to_string();
    assert!(error.contains("NaN"), "{error}");
}
