//! Parquet as a raw format: values go through their exact text, so that one set of rules serves all
//! formats. Offsets are row numbers.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, StringArray, StringBuilder, StructArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;

use super::decode::{Place, Raw, RowAssembler};
use super::stored::{bytes_text, unreadable};
use crate::error::{Error, Result};

pub(super) fn decode(
    rows: &mut RowAssembler<'_>,
    stored: impl ChunkReader + 'static,
) -> Result<()> {
    let object = rows.object;
    let fault = |cause: String| Error::Object {
        object: object.path.clone(),
        cause,
    };
    let no_parquet = |error| {
        fault(format!(
            "is not readable as Parquet ({error}); upload it again whole, or move it out of the source's folder"
        ))
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(stored).map_err(no_parquet)?;
    let limits = *rows.limits();
    let groups = builder.metadata().row_groups().iter();
    let unpacked: u64 = groups
        .map(|group| u64::try_from(group.total_byte_size()).unwrap_or(0))
        .fold(0, u64::saturating_add);
    if unpacked > limits.object_bytes {
        return Err(fault(format!(
            "it holds {unpacked} bytes, more than {}, the source's `limits: {{object: …}}`; allow more there if it is sound",
            bytes_text(limits.object_bytes)
        )));
    }
    let columns = builder.schema().fields().len();
    if columns as u64 > limits.fields {
        return Err(fault(format!(
            "it has {columns} columns, more than the source's `limits: {{fields: {}}}`; allow more there if it is sound",
            limits.fields
        )));
    }
    let reader = builder.with_batch_size(8192).build().map_err(no_parquet)?;
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    let mut row_number = 0u64;
    for batch in reader {
        let batch = batch.map_err(|error| unreadable(&object.path, &error))?;
        let as_fault = |error: ArrowError| unreadable(&object.path, &error);
        let texts = rows
            .slots
            .paths
            .iter()
            .map(|path| {
                let array = field(&batch, path);
                let texts = array.map(|array| {
                    as_texts(&array).map_err(|_| unreadable_column(&object.path, path, &array))
                });
                texts.transpose()
            })
            .collect::<Result<Vec<_>>>()?;
        let personal = rows.slots.personal.clone();
        for name in undeclared(&batch, &rows.slots.paths) {
            if let Some(column) = batch.column_by_name(&name) {
                *counts.entry(name).or_default() += (column.len() - column.null_count()) as u64;
            }
        }
        let props = props_as_json(&batch, &rows.slots.paths, &personal).map_err(as_fault)?;
        for row in 0..batch.num_rows() {
            row_number += 1;
            let place = Place {
                line: row_number,
                offset: row_number - 1,
            };
            let raw = |slot: usize| match &texts[slot] {
                None => Raw::Missing,
                Some(Texts { texts, .. }) if texts.is_null(row) => Raw::Null,
                Some(Texts { texts, is_nested }) if *is_nested => Raw::Nested(texts.value(row)),
                Some(Texts { texts, .. }) => Raw::Scalar(texts.value(row)),
            };
            let text = || {
                (0..texts.len())
                    .map(|slot| match raw(slot) {
                        Raw::Scalar(_) | Raw::Nested(_) if personal[slot] => "***",
                        Raw::Scalar(text) | Raw::Nested(text) => text,
                        Raw::Missing | Raw::Null => "",
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
    for (name, count) in counts.iter().filter(|(_, count)| **count > 0) {
        rows.undeclared(name, *count);
    }
    Ok(())
}

/// Columns of which nothing is declared.
fn undeclared(batch: &RecordBatch, declared: &[Vec<String>]) -> Vec<String> {
    let schema = batch.schema();
    let names = schema.fields().iter().map(|field| field.name().clone());
    names
        .filter(|name| !declared.iter().any(|path| path.first() == Some(name)))
        .collect()
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

/// A column as texts, and whether they are JSON of nested values.
struct Texts {
    texts: StringArray,
    is_nested: bool,
}

/// The column as text, each value exactly. Timestamps with a zone become UTC text with `Z`, so that
/// they are never taken for local times; lists, structs and maps become JSON.
fn as_texts(array: &ArrayRef) -> Result<Texts, ArrowError> {
    let is_nested = array.data_type().is_nested();
    let texts = match array.data_type() {
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => lists_as_json(array)?,
        nested if nested.is_nested() => as_json(array)?,
        DataType::Dictionary(_, values) => return as_texts(&cast(array, values)?),
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            as_utf8(&cast(array, &utc)?)?
        }
        // Days in milliseconds.
        DataType::Date64 => as_utf8(&cast(array, &DataType::Date32)?)?,
        _ => as_utf8(array)?,
    };
    Ok(Texts { texts, is_nested })
}

fn as_utf8(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    Ok(cast(array, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// Each list as a JSON array of its elements' exact texts.
fn lists_as_json(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    let element = match array.data_type() {
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::FixedSizeList(element, _)
        | DataType::ListView(element)
        | DataType::LargeListView(element) => Arc::clone(element),
        _ => Arc::new(Field::new_list_field(DataType::Null, true)),
    };
    let lists = cast(array, &DataType::LargeList(element))?;
    let lists = lists.as_list::<i64>();
    let Texts { texts, is_nested } = as_texts(lists.values())?;
    let values = lists.values().data_type();
    let may_be_bare = values.is_numeric() || *values == DataType::Boolean;
    // NaN and infinity are no JSON.
    let is_bare = |text: &str| may_be_bare && !text.contains(['N', 'i']);
    let mut written = StringBuilder::with_capacity(lists.len(), texts.value_data().len());
    let mut json = String::new();
    for (row, ends) in lists.offsets().windows(2).enumerate() {
        if lists.is_null(row) {
            written.append_null();
            continue;
        }
        json.clear();
        json.push('[');
        let (start, end) = (ends[0], ends[1]);
        for at in start..end {
            let at = usize::try_from(at).unwrap_or_default();
            if json.len() > 1 {
                json.push(',');
            }
            match texts.is_valid(at) {
                false => json.push_str("null"),
                true if is_nested || is_bare(texts.value(at)) => json.push_str(texts.value(at)),
                true => json.push_str(&serde_json::Value::from(texts.value(at)).to_string()),
            }
        }
        json.push(']');
        written.append_value(&json);
    }
    Ok(written.finish())
}

/// Structs and maps as JSON; a null stays one.
fn as_json(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    const NAME: &str = "v";
    let field = Field::new(NAME, array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    let lines = json_lines(&RecordBatch::try_new(schema, vec![Arc::clone(array)])?)?;
    Ok(lines
        .iter()
        .enumerate()
        .map(|(row, line)| {
            let json = line
                .strip_prefix("{\"v\":")
                .and_then(|line| line.strip_suffix('}'));
            json.filter(|_| array.is_valid(row))
        })
        .collect())
}

/// Each row as a JSON object.
fn json_lines(batch: &RecordBatch) -> Result<Vec<String>, ArrowError> {
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(batch)?;
    writer.finish()?;
    let text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    Ok(text.lines().map(String::from).collect())
}

/// What stops an object whose column no declared type can take.
fn unreadable_column(object: &str, path: &[String], array: &ArrayRef) -> Error {
    Error::Object {
        object: object.to_string(),
        cause: format!(
            "its column {} is of the Parquet type {}, which cannot be read as text or number; take the column out of the source's declaration, or write it as text",
            path.join("."),
            array.data_type()
        ),
    }
}

/// Each row's columns that are not declared as a whole, as a JSON object, without what is personal inside
/// them; `None` where there are none.
fn props_as_json(
    batch: &RecordBatch,
    declared: &[Vec<String>],
    personal: &[bool],
) -> Result<Option<Vec<String>>, ArrowError> {
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
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for at in keep {
        let field = batch.schema().field(at).clone();
        let hidden: Vec<&[String]> = declared
            .iter()
            .zip(personal)
            .filter(|(_, personal)| **personal)
            .filter_map(|(path, _)| path.split_first())
            .filter(|(first, _)| *first == field.name())
            .map(|(_, rest)| rest)
            .collect();
        if let Some(column) = without(batch.column(at), &hidden) {
            fields.push(field.with_data_type(column.data_type().clone()));
            columns.push(column);
        }
    }
    if columns.is_empty() {
        return Ok(None);
    }
    let rest = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
    Ok(Some(json_lines(&rest)?))
}

/// A column without the fields at some paths inside it. None where something other than a struct stands
/// on the way, which may be the very thing that is to be left out.
fn without(array: &ArrayRef, paths: &[&[String]]) -> Option<ArrayRef> {
    if paths.is_empty() {
        return Some(Arc::clone(array));
    }
    let structs = array.as_any().downcast_ref::<StructArray>()?;
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in structs.fields().iter().zip(structs.columns()) {
        let below = paths.iter().filter_map(|path| path.split_first());
        let below: Vec<&[String]> = below
            .filter(|(first, _)| *first == field.name())
            .map(|(_, rest)| rest)
            .collect();
        if below.iter().any(|rest| rest.is_empty()) {
            continue;
        }
        if let Some(column) = without(column, &below) {
            let field = field.as_ref().clone();
            fields.push(Arc::new(field.with_data_type(column.data_type().clone())));
            columns.push(column);
        }
    }
    let nulls = structs.nulls().cloned();
    let kept = StructArray::try_new_with_length(fields.into(), columns, nulls, structs.len());
    kept.ok().map(|kept| Arc::new(kept) as ArrayRef)
}
