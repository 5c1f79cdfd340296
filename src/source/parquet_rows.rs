//! Parquet as a raw format: values go through their exact text, so that one set of rules serves all
//! formats. Offsets are row numbers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::json::LineDelimitedWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;

use super::decode::{Place, Raw, RowAssembler, unreadable};
use crate::error::{Error, Result};

pub(super) fn decode(
    rows: &mut RowAssembler<'_>,
    stored: impl ChunkReader + 'static,
) -> Result<()> {
    let object = rows.object;
    let reader = ParquetRecordBatchReaderBuilder::try_new(stored)
        .and_then(|builder| builder.with_batch_size(8192).build())
        .map_err(|error| Error::Object {
            object: object.path.clone(),
            cause: format!("is not readable as Parquet ({error})"),
        })?;
    let mut row_number = 0u64;
    for batch in reader {
        let batch = batch.map_err(|error| unreadable(&object.path, &error))?;
        let as_fault = |error: arrow::error::ArrowError| unreadable(&object.path, &error);
        let texts = rows
            .slots
            .paths
            .iter()
            .map(|path| field(&batch, path).map(|array| as_text(&array)).transpose())
            .collect::<Result<Vec<_>, _>>()
            .map_err(as_fault)?;
        let props = undeclared_as_json(&batch, &rows.slots.paths).map_err(as_fault)?;
        let personal = rows.slots.personal.clone();
        for row in 0..batch.num_rows() {
            row_number += 1;
            let place = Place {
                line: row_number,
                offset: row_number - 1,
            };
            let raw = |slot: usize| match &texts[slot] {
                Some(texts) if texts.is_valid(row) => Raw::Scalar(texts.value(row)),
                _ => Raw::Missing,
            };
            let text = || {
                (0..texts.len())
                    .map(|slot| match raw(slot) {
                        Raw::Scalar(_) if personal[slot] => "***",
                        Raw::Scalar(text) | Raw::Nested(text) => text,
                        Raw::Missing => "",
                    })
                    .collect::<Vec<_>>()
                    .join(",")
            };
            let props = props
                .as_ref()
                .map(|props| props[row].as_str())
                .filter(|props| *props != "{}");
            rows.row(place, raw, props, text)?;
        }
    }
    Ok(())
}

/// The column at a path, through structs.
fn field(batch: &RecordBatch, path: &[String]) -> Option<ArrayRef> {
    let (first, inside) = path.split_first()?;
    let mut array = Arc::clone(batch.column_by_name(first)?);
    for part in inside {
        let structs = array.as_any().downcast_ref::<StructArray>()?;
        array = Arc::clone(structs.column_by_name(part)?);
    }
    Some(array)
}

/// The column as text. Timestamps with a zone become UTC text with `Z`, so that they are never taken
/// for local times.
fn as_text(array: &ArrayRef) -> Result<StringArray, arrow::error::ArrowError> {
    let array = match array.data_type() {
        DataType::Timestamp(_, Some(_)) => cast(
            array,
            &DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        )?,
        _ => Arc::clone(array),
    };
    Ok(cast(&array, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// Each row's undeclared columns as a JSON object; `None` where all are declared.
fn undeclared_as_json(
    batch: &RecordBatch,
    declared: &[Vec<String>],
) -> Result<Option<Vec<String>>, arrow::error::ArrowError> {
    let keep: Vec<usize> = batch
        .schema()
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, field): &(usize, &Arc<Field>)| {
            !declared
                .iter()
                .any(|path| path.len() == 1 && path[0] == *field.name())
        })
        .map(|(at, _)| at)
        .collect();
    if keep.is_empty() {
        return Ok(None);
    }
    let fields: Vec<Field> = keep
        .iter()
        .map(|at| batch.schema().field(*at).clone())
        .collect();
    let columns: Vec<ArrayRef> = keep
        .iter()
        .map(|at| Arc::clone(batch.column(*at)))
        .collect();
    let rest = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(&rest)?;
    writer.finish()?;
    let text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    Ok(Some(text.lines().map(String::from).collect()))
}
