//! One raw object → record batches and bad lines.
//!
//! Each format finds its fields in its own way and hands them to `RowAssembler`, which reads times,
//! ids and declared columns by the source's rules; so a rule holds alike in NDJSON, CSV and Parquet.

use std::io::{Cursor, Read};

use arrow::array::RecordBatch;
use chrono_tz::Tz;
use flate2::read::MultiGzDecoder;

use super::listing::RawObject;
use super::rows::{BadLine, RowHead, RowSchema, RowsBuilder};
use super::time::TimeReader;
use super::value::{ColumnReader, Value};
use super::{csv_rows, ndjson, parquet_rows};
use crate::error::{Error, Result};
use crate::project::{Column, Duplicates, FileFormat, LayoutZone, LocalDays, Rule, Source, date32};

/// Bad lines kept with their text per object; more are only counted.
const MAX_KEPT_BAD_LINES: usize = 10_000;
/// Characters of a bad line's text that are kept.
const MAX_TEXT_CHARS: usize = 1_000;

/// What every object of a source shares.
#[derive(Debug, Clone)]
pub struct DecodeContext {
    /// The source.
    pub source: Source,
    /// Its canonical columns.
    pub row_schema: RowSchema,
    /// The project's zone.
    pub zone: Tz,
}

/// What came of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Lines that are not blank.
    pub lines: u64,
    /// Rows given.
    pub rows: u64,
    /// Lines set aside.
    pub bad_lines: u64,
    /// The first of them, with their text.
    pub bad: Vec<BadLine>,
    /// Declared fields that the object's header lacks (CSV).
    pub missing_columns: Vec<String>,
}

/// Decodes one object's stored bytes, giving batches of the canonical columns to `each_batch`.
///
/// Bad lines are told in the result; an object that cannot be read at all (cut gzip, no CSV header)
/// is an [`Error::Object`].
pub fn decode_object(
    context: &DecodeContext,
    object: &RawObject,
    bytes: bytes::Bytes,
    each_batch: &mut dyn FnMut(RecordBatch) -> Result<()>,
) -> Result<Decoded> {
    let mut rows = RowAssembler::new(context, object, each_batch);
    match context.source.format {
        FileFormat::Ndjson => ndjson::decode(&mut rows, decompressed(object, bytes)?)?,
        FileFormat::Csv => csv_rows::decode(&mut rows, decompressed(object, bytes)?)?,
        FileFormat::Parquet => parquet_rows::decode(&mut rows, bytes)?,
    }
    rows.finish()
}

/// The stream behind an object's compression, told by its name.
fn decompressed(object: &RawObject, bytes: bytes::Bytes) -> Result<Box<dyn Read>> {
    let raw = Cursor::new(bytes);
    Ok(if object.path.ends_with(".gz") {
        Box::new(MultiGzDecoder::new(raw))
    } else if object.path.ends_with(".zst") {
        Box::new(
            zstd::stream::read::Decoder::new(raw)
                .map_err(|error| unreadable(&object.path, &error))?,
        )
    } else {
        Box::new(raw)
    })
}

/// The error for an object whose bytes end or break in the middle.
pub(super) fn unreadable(object: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Object {
        object: object.to_string(),
        cause: format!(
            "cannot be read to its end ({error}); upload it again whole, or move it out of the source's folder"
        ),
    }
}

/// A field as a format found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw<'a> {
    /// Absent.
    Missing,
    /// There, and null; in a CSV an empty field.
    Null,
    /// Text, a number or a boolean, as written.
    Scalar(&'a str),
    /// An object or array, as written.
    Nested(&'a str),
}

/// Paths of the fields the assembler wants, in slot order.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    /// Path of each slot.
    pub paths: Vec<Vec<String>>,
    /// Slots whose text must not be shown.
    pub personal: Vec<bool>,
    time: Option<usize>,
    id: Option<usize>,
    user: Option<usize>,
    columns: usize,
}

impl Slots {
    fn of(source: &Source) -> Self {
        // A CSV has no nested fields: a dot is a part of the header's name.
        let split = |path: &str| match source.format {
            FileFormat::Csv => vec![path.to_string()],
            FileFormat::Ndjson | FileFormat::Parquet => path.split('.').map(String::from).collect(),
        };
        let mut paths: Vec<Vec<String>> = Vec::new();
        let mut personal = Vec::new();
        for column in &source.columns {
            paths.push(column.from.clone());
            personal.push(column.personal);
        }
        let mut add = |path: Vec<String>| {
            paths.push(path);
            personal.push(false);
            paths.len() - 1
        };
        let time = source.time.as_ref().map(|time| add(time.field.clone()));
        let id = source.id.as_deref().map(|id| add(split(id)));
        let user = source.user.as_deref().map(|user| add(split(user)));
        // One field may feed several slots; it is personal in all if it is in one.
        for at in 0..paths.len() {
            let shared = (0..paths.len()).any(|other| personal[other] && paths[other] == paths[at]);
            personal[at] = shared;
        }
        Self {
            paths,
            personal,
            time,
            id,
            user,
            columns: source.columns.len(),
        }
    }
}

/// Where a row stands in its object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Byte offset.
    pub offset: u64,
}

/// Reads fields by the source's rules and collects rows.
pub(super) struct RowAssembler<'a> {
    /// What the fields are.
    pub slots: Slots,
    /// The object's name.
    pub object: &'a RawObject,
    context: &'a DecodeContext,
    builder: RowsBuilder,
    time: Option<TimeReader>,
    readers: Vec<ColumnReader>,
    days: LocalDays,
    layout_days: LocalDays,
    late: Option<(i32, i32)>,
    values: Vec<ValueBuffer>,
    has_personal: bool,
    decoded: Decoded,
    each_batch: &'a mut dyn FnMut(RecordBatch) -> Result<()>,
}

/// A value freed from the row's borrowed text: text is kept as its slot number.
#[derive(Debug, Clone, Copy)]
enum ValueBuffer {
    Text,
    List,
    Other(Value<'static>),
}

/// Why a row is refused.
struct Refused {
    reason: &'static str,
    column: Option<String>,
    detail: String,
}

impl<'a> RowAssembler<'a> {
    fn new(
        context: &'a DecodeContext,
        object: &'a RawObject,
        each_batch: &'a mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> Self {
        let source = &context.source;
        let late_days = i32::try_from(source.late.days_ceil()).unwrap_or(i32::MAX);
        let layout_zone = match source.layout_zone {
            LayoutZone::Project => context.zone,
            LayoutZone::Utc => Tz::UTC,
        };
        Self {
            slots: Slots::of(source),
            object,
            context,
            builder: RowsBuilder::new(source, &context.row_schema, &object.path),
            time: source
                .time
                .as_ref()
                .map(|time| TimeReader::new(time.format.clone(), context.zone)),
            readers: source
                .columns
                .iter()
                .map(|column| ColumnReader::new(column, context.zone))
                .collect(),
            days: LocalDays::new(context.zone),
            layout_days: LocalDays::new(layout_zone),
            late: object
                .path_date
                .map(date32)
                .map(|day| (day.saturating_sub(late_days), day.saturating_add(late_days))),
            values: Vec::with_capacity(source.columns.len()),
            has_personal: source.columns.iter().any(|column| column.personal),
            decoded: Decoded::default(),
            each_batch,
        }
    }

    /// Adds a row whose fields `raw` gives by slot, or sets it aside. `text` gives the line with
    /// personal values masked.
    pub fn row<'r>(
        &mut self,
        place: Place,
        raw: impl Fn(usize) -> Raw<'r>,
        props: Option<&str>,
        text: impl FnOnce() -> String,
    ) -> Result<()> {
        self.decoded.lines += 1;
        match self.read_row(place, &raw, props) {
            Ok(()) => {
                self.decoded.rows += 1;
                if self.builder.is_full() {
                    self.flush()?;
                }
            }
            Err(refused) => self.keep_bad(place, refused, text()),
        }
        Ok(())
    }

    /// Sets a line aside that has no fields to read. Its text is masked if the source has personal
    /// columns, since nobody can tell where they stand.
    pub fn unreadable_line(
        &mut self,
        place: Place,
        reason: &'static str,
        detail: String,
        text: &[u8],
    ) {
        self.decoded.lines += 1;
        let text = if self.has_personal {
            "***".to_string()
        } else {
            String::from_utf8_lossy(&text[..text.len().min(MAX_TEXT_CHARS * 4)]).into_owned()
        };
        let refused = Refused {
            reason,
            column: None,
            detail,
        };
        self.keep_bad(place, refused, text);
    }

    /// Tells declared fields that the whole object lacks.
    pub fn missing_columns(&mut self, names: Vec<String>) {
        self.decoded.missing_columns = names;
    }

    fn keep_bad(&mut self, place: Place, refused: Refused, text: String) {
        self.decoded.bad_lines += 1;
        if self.decoded.bad.len() < MAX_KEPT_BAD_LINES {
            self.decoded.bad.push(BadLine {
                line: place.line,
                offset: place.offset,
                reason: refused.reason,
                column: refused.column,
                detail: refused.detail,
                text: text.chars().take(MAX_TEXT_CHARS).collect(),
            });
        }
    }

    fn read_row<'r>(
        &mut self,
        place: Place,
        raw: &impl Fn(usize) -> Raw<'r>,
        props: Option<&str>,
    ) -> Result<(), Refused> {
        let source = &self.context.source;
        let (event_time_us, date) = match (&mut self.time, self.slots.time) {
            (Some(reader), Some(slot)) => {
                let name = || {
                    source
                        .time
                        .as_ref()
                        .map_or_else(String::new, |time| time.field.join("."))
                };
                let us = match raw(slot) {
                    Raw::Missing | Raw::Null => return Err(refuse_missing(name())),
                    Raw::Nested(_) => None,
                    Raw::Scalar(text) => reader.read(text),
                };
                let us = us.ok_or_else(|| Refused {
                    reason: "time",
                    column: Some(name()),
                    detail: format!("not a time: {}", reader.expected()),
                })?;
                let day = self.days.day_of(us).unwrap_or_default();
                if let Some((first, last)) = self.late {
                    let layout_day = self.layout_days.day_of(us).unwrap_or_default();
                    if layout_day < first || layout_day > last {
                        return Err(Refused {
                            reason: "outside_late",
                            column: Some(name()),
                            detail: format!(
                                "its time is more than {} away from the path's date",
                                source.late
                            ),
                        });
                    }
                }
                (us, day)
            }
            _ => (0, self.object.path_date.map(date32).unwrap_or_default()),
        };
        let event_id = match self.slots.id.map(raw) {
            Some(Raw::Scalar(text)) if !text.is_empty() => Some(text),
            Some(_) if source.duplicates == Duplicates::ById => {
                return Err(refuse_missing(source.id.clone().unwrap_or_default()));
            }
            _ => None,
        };
        let user_id = match self.slots.user.map(raw) {
            Some(Raw::Scalar(text)) if !text.is_empty() => Some(text),
            Some(Raw::Nested(_)) => {
                return Err(Refused {
                    reason: "wrong_type",
                    column: source.user.clone(),
                    detail: "a user id is a text or a number, not an object or array".to_string(),
                });
            }
            _ => None,
        };
        self.values.clear();
        for (slot, column) in source.columns.iter().enumerate().take(self.slots.columns) {
            let (read, rule) = match raw(slot) {
                Raw::Missing => (None, column.missing),
                Raw::Null => (None, column.null),
                Raw::Scalar(text) => (Some(self.readers[slot].read(text, false)), column.wrong),
                Raw::Nested(text) => (Some(self.readers[slot].read(text, true)), column.wrong),
            };
            let value = match (read, rule) {
                (None, Rule::Quarantine) => return Err(refuse_nothing(column, raw(slot))),
                (Some(Err(wrong)), Rule::Quarantine) => {
                    return Err(Refused {
                        reason: wrong.reason(),
                        column: Some(column.name.clone()),
                        detail: self.readers[slot].expected(wrong),
                    });
                }
                (None | Some(Err(_)), Rule::Null) => ValueBuffer::Other(Value::Null),
                (Some(Ok(value)), _) => match value {
                    Value::Text(_) => ValueBuffer::Text,
                    Value::List(_) => ValueBuffer::List,
                    Value::Null => ValueBuffer::Other(Value::Null),
                    Value::Int(number) => ValueBuffer::Other(Value::Int(number)),
                    Value::Float(number) => ValueBuffer::Other(Value::Float(number)),
                    Value::Bool(flag) => ValueBuffer::Other(Value::Bool(flag)),
                    Value::Decimal(digits) => ValueBuffer::Other(Value::Decimal(digits)),
                },
            };
            self.values.push(value);
        }
        let head = RowHead {
            date,
            event_time_us,
            event_id,
            user_id,
            props,
            offset: i64::try_from(place.offset).unwrap_or(i64::MAX),
        };
        let values = self
            .values
            .iter()
            .enumerate()
            .map(|(slot, value)| match value {
                ValueBuffer::Other(value) => *value,
                ValueBuffer::Text => match raw(slot) {
                    Raw::Scalar(text) | Raw::Nested(text) => Value::Text(text),
                    Raw::Missing | Raw::Null => Value::Null,
                },
                ValueBuffer::List => match raw(slot) {
                    Raw::Scalar(text) | Raw::Nested(text) => Value::List(text),
                    Raw::Missing | Raw::Null => Value::Null,
                },
            });
        self.builder.push(head, values);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let batch = self
            .builder
            .finish()
            .map_err(|error| unreadable(&self.object.path, &error))?;
        match batch {
            Some(batch) => (self.each_batch)(batch),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Decoded> {
        self.flush()?;
        Ok(self.decoded)
    }
}

/// A column's rule refuses a row that has nothing for it.
fn refuse_nothing(column: &Column, raw: Raw<'_>) -> Refused {
    let (reason, what) = match raw {
        Raw::Null => ("null", "is null or empty"),
        _ => ("missing", "is missing"),
    };
    Refused {
        reason,
        detail: format!("{} {what}", column.from.join(".")),
        column: Some(column.name.clone()),
    }
}

fn refuse_missing(column: String) -> Refused {
    Refused {
        reason: "missing",
        detail: format!("{column} is missing or null"),
        column: Some(column),
    }
}
