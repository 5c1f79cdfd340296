//! How a table's declared columns differ from those of its newest published partition.

use std::fs::File;

use arrow::datatypes::{DataType as Arrow, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::table::state::TableState;
use crate::table::warehouse::Warehouse;

/// In words, in the order of the columns; nothing where nothing is published or its file cannot be read
/// (a run finds that by itself). Nothing in an object store, either: a plan downloads no tables.
pub(super) fn of(declared: &Schema, warehouse: &Warehouse, table: &TableState) -> Vec<String> {
    let newest = table.partitions.values().next_back();
    let published = newest.and_then(|partition| {
        let file = File::open(warehouse.folder()?.join(&partition.key)).ok()?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).ok()?;
        Some(std::sync::Arc::clone(reader.schema()))
    });
    published.map_or_else(Vec::new, |published| differences(&published, declared))
}

fn differences(published: &Schema, declared: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    for field in declared.fields() {
        let now = name(field.data_type());
        match published.field_with_name(field.name()) {
            Err(_) => found.push(format!("column {} ({now}) is new", field.name())),
            Ok(before) if name(before.data_type()) != now => found.push(format!(
                "column {} was {} and is {now}",
                field.name(),
                name(before.data_type())
            )),
            Ok(_) => {}
        }
    }
    for field in published.fields() {
        if declared.field_with_name(field.name()).is_err() {
            let before = name(field.data_type());
            found.push(format!("column {} ({before}) is gone", field.name()));
        }
    }
    found
}

/// A type as a contract names it.
fn name(arrow: &Arrow) -> String {
    match arrow {
        Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View => "string".to_owned(),
        Arrow::Int64 => "int64".to_owned(),
        Arrow::Float64 => "float64".to_owned(),
        Arrow::Boolean => "bool".to_owned(),
        Arrow::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        Arrow::Timestamp(..) => "timestamp".to_owned(),
        Arrow::Date32 => "date".to_owned(),
        Arrow::List(element) => format!("list({})", name(element.data_type())),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, TimeUnit};

    use super::*;

    #[test]
    fn columns_come_go_and_change() {
        let schema = |columns: &[(&str, Arrow)]| {
            let fields = columns.iter();
            let fields = fields.map(|(name, arrow)| Field::new(*name, arrow.clone(), true));
            Schema::new(fields.collect::<Vec<_>>())
        };
        let list = Arrow::List(Arc::new(Field::new_list_field(Arrow::Int64, true)));
        let utc = Arrow::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let before = schema(&[
            ("kept", Arrow::Utf8),
            ("sum", Arrow::Int64),
            ("old", Arrow::Boolean),
            ("at", utc.clone()),
        ]);
        let now = schema(&[
            ("sum", Arrow::Decimal128(12, 2)),
            ("kept", Arrow::Utf8),
            ("ids", list),
            ("at", utc),
        ]);
        assert_eq!(
            differences(&before, &now),
            [
                "column sum was int64 and is decimal(12,2)",
                "column ids (list(int64)) is new",
                "column old (bool) is gone",
            ]
        );
        assert_eq!(differences(&now, &now), Vec::<String>::new());
    }
}
