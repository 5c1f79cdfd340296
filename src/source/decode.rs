//! One raw object → coded rows and bad lines.
//!
//! Each format finds its fields in its own way and hands them to `RowAssembler`, which reads times,
//! ids and declared columns by the source's rules; so a rule holds alike in NDJSON, CSV and Parquet.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::sync::Arc;

use chrono_tz::Tz;
use flate2::bufread::MultiGzDecoder;

use super::columns::RowShape;
use super::listing::RawObject;
use super::row_code::{push, push_ordered, push_text};
use super::rows::{BadLine, RowSchema, user_key};
use super::time::TimeReader;
use super::value::{ColumnReader, Value};
use super::{csv_rows, list, ndjson, parquet_rows};
use crate::error::{Error, Result};
use crate::project::{
    Column, DataType, Duplicates, FileFormat, LayoutZone, LocalDays, Rule, Source, date32,
};

/// Bad lines kept with their text per object; more are only counted.
const MAX_KEPT_BAD_LINES: usize = 10_000;
/// Characters of a bad line's text that are kept.
const MAX_TEXT_CHARS: usize = 1_000;

/// Bytes of a compressed object read at a time.
const READ_BYTES: usize = 1 << 17;

/// What every object of a source shares.
#[derive(Debug, Clone)]
pub struct DecodeContext {
    /// The source.
    pub source: Source,
    /// Its canonical columns.
    pub row_schema: RowSchema,
    /// What its coded rows hold.
    pub shape: Arc<RowShape>,
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

/// An object's stored bytes.
pub enum Stored {
    /// A file of the local disk, read as it is needed.
    File(File),
    /// All of them.
    Bytes(bytes::Bytes),
}

/// A row as it was decoded. Its text lies in the row's bytes.
#[derive(Debug, Clone, Copy)]
pub struct RowHead {
    /// Date32 of the local day.
    pub date: i32,
    /// Event time; 0 where the source has none.
    pub time_us: i64,
    /// What rows are ordered by before all else ([`RowShape::key`]).
    pub key: i64,
    /// Hash of what makes rows duplicates of each other; 0 where duplicates are kept.
    pub id_hash: u64,
}

/// Takes an object's rows.
pub trait RowSink {
    /// The number that coded rows give the object.
    fn object_number(&self) -> u32;
    /// A row; `coded` is valid for this call only.
    fn row(&mut self, head: RowHead, coded: &[u8]) -> Result<()>;
}

/// Decodes one object's stored bytes, giving its rows to `sink`.
///
/// Bad lines are told in the result; an object that cannot be read at all (cut gzip, no CSV header)
/// is an [`Error::Object`].
pub fn decode_object(
    context: &DecodeContext,
    object: &RawObject,
    stored: Stored,
    sink: &mut dyn RowSink,
) -> Result<Decoded> {
    let mut rows = RowAssembler::new(context, object, sink);
    match context.source.format {
        FileFormat::Ndjson => ndjson::decode(&mut rows, decompressed(object, stored)?)?,
        FileFormat::Csv => csv_rows::decode(&mut rows, decompressed(object, stored)?)?,
        FileFormat::Parquet => match stored {
            Stored::File(file) => parquet_rows::decode(&mut rows, file)?,
            Stored::Bytes(bytes) => parquet_rows::decode(&mut rows, bytes)?,
        },
    }
    Ok(rows.decoded)
}

/// The stream behind an object's compression, told by its name.
fn decompressed(object: &RawObject, stored: Stored) -> Result<Box<dyn Read>> {
    let raw: Box<dyn BufRead> = match stored {
        Stored::File(file) => Box::new(BufReader::with_capacity(READ_BYTES, file)),
        Stored::Bytes(bytes) => Box::new(Cursor::new(bytes)),
    };
    Ok(if object.path.ends_with(".gz") {
        Box::new(MultiGzDecoder::new(raw))
    } else if object.path.ends_with(".zst") {
        Box::new(
            zstd::stream::read::Decoder::with_buffer(raw)
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

/// Reads fields by the source's rules and codes rows.
pub(super) struct RowAssembler<'a> {
    /// What the fields are.
    pub slots: Slots,
    /// The object's name.
    pub object: &'a RawObject,
    context: &'a DecodeContext,
    time: Option<TimeReader>,
    readers: Vec<ColumnReader>,
    days: LocalDays,
    layout_days: LocalDays,
    late: Option<(i32, i32)>,
    /// Ordered bytes of its `sort_by` columns.
    order: Vec<u8>,
    /// Room for the elements of a list.
    elements: Vec<u8>,
    /// The row, coded.
    coded: Vec<u8>,
    has_personal: bool,
    decoded: Decoded,
    sink: &'a mut dyn RowSink,
}

/// Why a row is refused.
struct Refused {
    reason: &'static str,
    column: Option<String>,
    detail: String,
}

impl<'a> RowAssembler<'a> {
    fn new(context: &'a DecodeContext, object: &'a RawObject, sink: &'a mut dyn RowSink) -> Self {
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
            order: Vec::new(),
            elements: Vec::new(),
            coded: Vec::new(),
            has_personal: source.columns.iter().any(|column| column.personal),
            decoded: Decoded::default(),
            sink,
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
            Ok(head) => {
                self.decoded.rows += 1;
                self.sink.row(head, &self.coded)?;
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
    ) -> Result<RowHead, Refused> {
        let source = &self.context.source;
        let (time_us, date) = match (&mut self.time, self.slots.time) {
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
        let shape = &self.context.shape;
        self.order.clear();
        for slot in &shape.sort_by {
            let (column, reader) = (&source.columns[*slot], &mut self.readers[*slot]);
            push_ordered(&mut self.order, read_value(reader, column, raw(*slot))?);
        }
        self.coded.clear();
        let object = self.sink.object_number();
        shape.begin(&mut self.coded, object, place.offset, &self.order);
        if shape.has_id {
            push_text(&mut self.coded, event_id.map(str::as_bytes));
        }
        if shape.is_event_stream {
            push_text(&mut self.coded, user_id.map(str::as_bytes));
        }
        for (slot, (column, reader)) in source.columns.iter().zip(&mut self.readers).enumerate() {
            match (read_value(reader, column, raw(slot))?, column.data_type) {
                (Value::List(text), DataType::List(of)) => {
                    list::push_coded(&mut self.coded, &mut self.elements, text, of);
                }
                (value, _) => push(&mut self.coded, value),
            }
        }
        push_text(&mut self.coded, props.map(str::as_bytes));
        let user_key = match shape.is_event_stream {
            true => user_key(user_id),
            false => 0,
        };
        Ok(RowHead {
            date,
            time_us,
            key: shape.key(user_key, &self.coded),
            id_hash: shape.id_hash(time_us, &self.coded),
        })
    }
}

/// Reads one declared column by its rules.
#[inline]
fn read_value<'r>(
    reader: &mut ColumnReader,
    column: &Column,
    raw: Raw<'r>,
) -> Result<Value<'r>, Refused> {
    let (text, is_nested) = match raw {
        Raw::Scalar(text) => (text, false),
        Raw::Nested(text) => (text, true),
        nothing => {
            let rule = match nothing {
                Raw::Null => column.null,
                _ => column.missing,
            };
            return match rule {
                Rule::Null => Ok(Value::Null),
                Rule::Quarantine => Err(refuse_nothing(column, nothing)),
            };
        }
    };
    match (reader.read(text, is_nested), column.wrong) {
        (Ok(value), _) => Ok(value),
        (Err(_), Rule::Null) => Ok(Value::Null),
        (Err(wrong), Rule::Quarantine) => Err(Refused {
            reason: wrong.reason(),
            column: Some(column.name.clone()),
            detail: reader.expected(wrong),
        }),
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
