//! One raw object → coded rows and bad lines.
//!
//! Each format finds its fields in its own way and hands them to `RowAssembler`, which reads times,
//! ids and declared columns by the source's rules; so a rule holds alike in NDJSON, CSV and Parquet.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use chrono_tz::Tz;

use super::columns::RowShape;
use super::combined::AccessLog;
use super::listing::RawObject;
use super::row_code::{push, push_ordered, push_text};
use super::rows::{BadLine, RowSchema, user_key};
use super::stored::{self, Stored, bytes_text};
use super::text_rows::{self, PatternFields};
use super::time::TimeReader;
use super::value::{ColumnReader, Value};
use super::{csv_rows, list, ndjson, parquet_rows};
use crate::error::Result;
use crate::project::{
    Column, DataType, Duplicates, FileFormat, LayoutZone, Limits, LocalDays, Rule, Source, date32,
};

/// Bad lines kept with their text per object; more are only counted.
const MAX_KEPT_BAD_LINES: usize = 10_000;
/// Characters of a bad line's text that are kept.
const MAX_TEXT_CHARS: usize = 1_000;
/// Names of undeclared fields that are told per object.
const MAX_UNDECLARED: usize = 256;
/// Characters of such a name that are kept.
const MAX_NAME_CHARS: usize = 100;

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
    /// All of them by kind.
    pub bad_by_kind: BTreeMap<BadKind, BadCount>,
    /// Values that became null by the rule `wrong: null`, by column.
    pub made_null: BTreeMap<String, u64>,
    /// Fields that no column declares, and in how many rows each has a value. Not of text logs, whose
    /// fields are declared by the format itself.
    pub undeclared: BTreeMap<String, u64>,
    /// Declared fields that the object's header lacks (CSV).
    pub missing_columns: Vec<String>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BadKind {
    /// The column at fault, if one is.
    pub column: Option<String>,
    /// See [`BadLine::reason`].
    pub reason: &'static str,
}

/// How many lines are bad in one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BadCount {
    /// Lines.
    pub lines: u64,
    /// Number of the first of them.
    pub first_line: u64,
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
/// is an [`Object`](crate::error::Error::Object).
pub fn decode_object(
    context: &DecodeContext,
    object: &RawObject,
    stored: Stored,
    sink: &mut dyn RowSink,
) -> Result<Decoded> {
    let source = &context.source;
    if source.format != FileFormat::Parquet {
        let text = stored::text(object, stored, &source.limits, &source.format)?;
        return decode_text(context, object, text, sink);
    }
    let mut rows = RowAssembler::new(context, object, sink);
    match stored {
        Stored::File(file) => parquet_rows::decode(&mut rows, file)?,
        Stored::Bytes(bytes) => parquet_rows::decode(&mut rows, bytes)?,
    }
    Ok(rows.finish())
}

/// Decodes the text of an object, which comes in any pieces. Parquet is none.
pub fn decode_text(
    context: &DecodeContext,
    object: &RawObject,
    text: impl Read,
    sink: &mut dyn RowSink,
) -> Result<Decoded> {
    let mut rows = RowAssembler::new(context, object, sink);
    match &context.source.format {
        FileFormat::Ndjson => ndjson::decode(&mut rows, text)?,
        FileFormat::Csv => csv_rows::decode(&mut rows, text)?,
        FileFormat::Common => text_rows::decode(&mut rows, text, AccessLog::new(false))?,
        FileFormat::Combined => text_rows::decode(&mut rows, text, AccessLog::new(true))?,
        FileFormat::Regex(pattern) => {
            text_rows::decode(&mut rows, text, PatternFields::new(pattern))?;
        }
        FileFormat::Parquet => {}
    }
    Ok(rows.finish())
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
        let split = |path: &str| match source.format.has_parts() {
            false => vec![path.to_string()],
            true => path.split('.').map(String::from).collect(),
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
    /// Values made null by column; and the columns of the row at hand, which may yet be refused.
    made_null: Vec<u64>,
    made_null_here: Vec<usize>,
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
            made_null: vec![0; source.columns.len()],
            made_null_here: Vec::new(),
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
        self.made_null_here.clear();
        match self.read_row(place, &raw, props) {
            Ok(head) => {
                self.decoded.rows += 1;
                for slot in &self.made_null_here {
                    self.made_null[*slot] += 1;
                }
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

    /// Counts rows that have a value in a field that no column declares.
    pub fn undeclared(&mut self, name: &str, rows: u64) {
        let known = &mut self.decoded.undeclared;
        let name: String = name.chars().take(MAX_NAME_CHARS).collect();
        if known.len() < MAX_UNDECLARED || known.contains_key(&name) {
            *known.entry(name).or_default() += rows;
        }
    }

    /// Whether any column is personal: then a text that cannot be taken apart is not shown.
    pub fn has_personal(&self) -> bool {
        self.has_personal
    }

    /// What one object and one line may hold.
    pub fn limits(&self) -> &Limits {
        &self.context.source.limits
    }

    /// Bytes that one line may have.
    pub fn max_line_bytes(&self) -> usize {
        usize::try_from(self.limits().line_bytes).unwrap_or(usize::MAX)
    }

    /// Sets a line aside that is longer than allowed.
    pub fn too_long_line(&mut self, place: Place, text: &[u8]) {
        let detail = format!("longer than {}", bytes_text(self.limits().line_bytes));
        self.unreadable_line(place, "too_long", detail, text);
    }

    fn finish(mut self) -> Decoded {
        let made_null = self.context.source.columns.iter().zip(&self.made_null);
        let made_null = made_null.filter(|(_, count)| **count > 0);
        self.decoded.made_null = made_null
            .map(|(column, count)| (column.name.clone(), *count))
            .collect();
        self.decoded
    }

    fn keep_bad(&mut self, place: Place, refused: Refused, text: String) {
        self.decoded.bad_lines += 1;
        let kind = BadKind {
            column: refused.column.clone(),
            reason: refused.reason,
        };
        let count = self.decoded.bad_by_kind.entry(kind).or_insert(BadCount {
            lines: 0,
            first_line: place.line,
        });
        count.lines += 1;
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
            let (value, _) = read_value(reader, column, raw(*slot))?;
            push_ordered(&mut self.order, value);
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
            let (value, is_wrong) = read_value(reader, column, raw(slot))?;
            if is_wrong {
                self.made_null_here.push(slot);
            }
            match (value, column.data_type) {
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

/// Reads one declared column by its rules; and whether it is null because it was wrong.
#[inline]
fn read_value<'r>(
    reader: &mut ColumnReader,
    column: &Column,
    raw: Raw<'r>,
) -> Result<(Value<'r>, bool), Refused> {
    let (text, is_nested) = match raw {
        Raw::Scalar(text) => (text, false),
        Raw::Nested(text) => (text, true),
        nothing => {
            let rule = match nothing {
                Raw::Null => column.null,
                _ => column.missing,
            };
            return match rule {
                Rule::Null => Ok((Value::Null, false)),
                Rule::Quarantine => Err(refuse_nothing(column, nothing)),
            };
        }
    };
    match (reader.read(text, is_nested), column.wrong) {
        (Ok(value), _) => Ok((value, false)),
        (Err(_), Rule::Null) => Ok((Value::Null, true)),
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
