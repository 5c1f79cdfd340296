//! CSV with a header line, through the `csv` crate: fields by name, undeclared ones as JSON text.

use std::io::Read;

use csv::ByteRecord;

use super::RawObject;
use super::decode::{Place, Raw, RowAssembler};
use super::stored::{broken_off, bytes_text, told, unreadable};
use crate::error::{Error, Result};

/// Bytes kept behind the reader before they are dropped.
const RECENT_BYTES: usize = 1 << 16;

/// A reader that remembers what it gave lately, so that a record's true start can be found.
struct Recent<R> {
    inner: R,
    bytes: Vec<u8>,
    /// Offset of the first byte remembered.
    start: u64,
    max_record_bytes: usize,
}

impl<R: Read> Read for Recent<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        // Ahead of the record lie at most as many bytes again as are read at a time.
        if self.bytes.len() > self.max_record_bytes + 2 * RECENT_BYTES {
            return Err(told(format!(
                "a record at byte {} is longer than {}: is a quote opened and not closed, or are lines not ended? Mend it, or allow more in the source's `limits: {{line: …}}`",
                self.start,
                bytes_text(self.max_record_bytes as u64)
            )));
        }
        let mut count = self.inner.read(buffer)?;
        // The reader looks for a byte-order mark in the first piece it gets, and takes a piece that is
        // nothing else for the end.
        while self.start == 0 && self.bytes.len() + count < 4 && count < buffer.len() {
            match self.inner.read(&mut buffer[count..])? {
                0 => break,
                more => count += more,
            }
        }
        self.bytes.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

impl<R> Recent<R> {
    fn new(inner: R, max_record_bytes: usize) -> Self {
        Self {
            inner,
            max_record_bytes,
            bytes: Vec::new(),
            start: 0,
        }
    }

    /// How many bytes of line ends stand at an offset, and how many lines they end.
    fn line_ends_at(&self, offset: u64) -> (u64, u64) {
        let at = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        let ends = self.bytes.get(at..).unwrap_or_default().iter();
        ends.take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .fold((0, 0), |(count, lines), byte| {
                (count + 1, lines + u64::from(*byte == b'\n'))
            })
    }

    /// Whether the record at an offset, the last one, ends before its last quote is closed. A quote that
    /// does not stand at a field's beginning is text.
    fn ends_in_quotes(&self, offset: u64) -> bool {
        let at = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let mut bytes = self.bytes.get(at..).unwrap_or_default().iter().peekable();
        let (mut is_quoted, mut is_beginning) = (false, true);
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' if is_quoted => match bytes.peek() {
                    Some(b'"') => {
                        bytes.next();
                    }
                    _ => is_quoted = false,
                },
                b'"' if is_beginning => is_quoted = true,
                _ => {}
            }
            is_beginning = !is_quoted && matches!(byte, b',' | b'\n' | b'\r');
        }
        is_quoted
    }

    fn forget_before(&mut self, offset: u64) {
        let behind = usize::try_from(offset - self.start).unwrap_or(0);
        if behind >= RECENT_BYTES {
            self.bytes.drain(..behind);
            self.start = offset;
        }
    }
}

fn fault(object: &RawObject, error: &csv::Error) -> Error {
    match error.kind() {
        csv::ErrorKind::Io(error) => broken_off(&object.path, error),
        _ => unreadable(&object.path, error),
    }
}

pub(super) fn decode(rows: &mut RowAssembler<'_>, reader: impl Read) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(true)
        .from_reader(Recent::new(reader, rows.max_line_bytes()));
    let object = rows.object;
    let header = reader
        .byte_headers()
        .map_err(|error| fault(object, &error))?
        .clone();
    let names = header
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let name = if at == 0 {
                name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name)
            } else {
                name
            };
            std::str::from_utf8(name).map(|name| name.trim().to_string())
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unreadable(&object.path, &error))?;
    if names.is_empty() {
        // An empty file is an empty day, not a fault.
        return Ok(());
    }
    if names.len() as u64 > rows.limits().fields {
        return Err(Error::Object {
            object: object.path.clone(),
            cause: format!(
                "its header has {} columns, more than the source's `limits: {{fields: {}}}`; allow more there if it is sound",
                names.len(),
                rows.limits().fields
            ),
        });
    }
    let columns: Vec<Option<usize>> = rows
        .slots
        .paths
        .iter()
        .map(|path| {
            let name = path.join(".");
            names.iter().position(|header| *header == name)
        })
        .collect();
    // What is taken for a header may be a row, which may hold what nobody should see.
    let shown = |name: &str| match rows.has_personal() {
        true => "***".to_string(),
        false => name.to_string(),
    };
    if columns.iter().all(Option::is_none) {
        return Err(Error::Object {
            object: object.path.clone(),
            cause: format!(
                "its header ({}) has none of the declared fields; is the first line a header, and do commas part its fields?",
                shown(&names.join(", "))
            ),
        });
    }
    if let Some(name) = names.iter().enumerate().find_map(|(at, name)| {
        names
            .iter()
            .take(at)
            .any(|earlier| earlier == name)
            .then_some(name)
    }) {
        return Err(Error::Object {
            object: object.path.clone(),
            cause: format!(
                "its header has {} twice; which one is meant cannot be told",
                shown(name)
            ),
        });
    }
    let absent = columns
        .iter()
        .zip(&rows.slots.paths)
        .filter(|(column, _)| column.is_none());
    let mut absent: Vec<String> = absent.map(|(_, path)| path.join(".")).collect();
    absent.dedup();
    rows.missing_columns(absent);
    let undeclared: Vec<usize> = (0..names.len())
        .filter(|at| !columns.contains(&Some(*at)))
        .collect();
    let mut counts = vec![0u64; undeclared.len()];
    let mut last = Place { line: 1, offset: 0 };
    let mut record = ByteRecord::new();
    let mut props = String::new();
    loop {
        let position = reader.position().clone();
        if !reader
            .read_byte_record(&mut record)
            .map_err(|error| fault(object, &error))?
        {
            if reader.get_ref().ends_in_quotes(last.offset) {
                return Err(Error::Object {
                    object: object.path.clone(),
                    cause: format!(
                        "line {} opens a quote that is never closed, so that the lines behind it cannot be told apart; upload the object again whole, or mend that line",
                        last.line
                    ),
                });
            }
            for (at, count) in undeclared.iter().zip(counts) {
                if count > 0 {
                    rows.undeclared(&names[*at], count);
                }
            }
            return Ok(());
        }
        // Before a record the reader still stands on line ends that it skips.
        let (ends, lines) = reader.get_ref().line_ends_at(position.byte());
        let place = Place {
            line: position.line() + lines,
            offset: position.byte() + ends,
        };
        reader.get_mut().forget_before(position.byte());
        last = place;
        let text = || {
            record
                .iter()
                .map(String::from_utf8_lossy)
                .collect::<Vec<_>>()
                .join(",")
        };
        if record.len() != names.len() {
            let detail = format!("{} fields, the header has {}", record.len(), names.len());
            rows.unreadable_line(place, "field_count", detail, text().as_bytes());
            continue;
        }
        let mut fields = Vec::with_capacity(record.len());
        for field in &record {
            match std::str::from_utf8(field) {
                Ok(field) => fields.push(field),
                Err(_) => break,
            }
        }
        if fields.len() != record.len() {
            let detail = "not valid UTF-8".to_string();
            rows.unreadable_line(place, "not_utf8", detail, text().as_bytes());
            continue;
        }
        props.clear();
        for (at, count) in undeclared.iter().zip(&mut counts) {
            if !fields[*at].is_empty() {
                *count += 1;
                props.push(if props.is_empty() { '{' } else { ',' });
                props.push_str(&serde_json::Value::from(names[*at].as_str()).to_string());
                props.push(':');
                props.push_str(&serde_json::Value::from(fields[*at]).to_string());
            }
        }
        if !props.is_empty() {
            props.push('}');
        }
        let personal = rows.slots.personal.clone();
        let masked = || {
            (0..fields.len())
                .map(|at| {
                    let hidden = columns
                        .iter()
                        .zip(&personal)
                        .any(|(column, personal)| *personal && *column == Some(at));
                    if hidden { "***" } else { fields[at] }
                })
                .collect::<Vec<_>>()
                .join(",")
        };
        rows.row(
            place,
            |slot| match columns[slot].map(|at| fields[at]) {
                None => Raw::Missing,
                Some("") => Raw::Null,
                Some(text) => Raw::Scalar(text),
            },
            (!props.is_empty()).then_some(props.as_str()),
            masked,
        )?;
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::TimestampMicrosecondType;
    use chrono_tz::Tz;

    use crate::project::{Column, Duplicates, FileFormat, Rule, Source, TimeFormat, TimeSpec};
    use crate::source::columns::{RowShape, decode_to_batch};
    use crate::source::decode::DecodeContext;
    use crate::source::{RawObject, RowSchema};

    fn source() -> Source {
        Source {
            time: Some(TimeSpec {
                field: vec!["meta.day".to_string()],
                format: TimeFormat::Pattern("%Y%m%d".to_string()),
            }),
            id: Some("meta.id".to_string()),
            user: Some("user.phone".to_string()),
            duplicates: Duplicates::ById,
            columns: vec![
                Column::of_tests("event", &["event"], Rule::Null),
                Column {
                    personal: true,
                    ..Column::of_tests("phone", &["user.phone"], Rule::Null)
                },
            ],
            ..Source::of_tests("events", FileFormat::Csv)
        }
    }

    #[test]
    fn a_dot_in_a_header_is_part_of_its_name() {
        let source = source();
        let context = DecodeContext {
            row_schema: RowSchema::of(&source),
            shape: RowShape::of(&source).into(),
            source,
            zone: Tz::Asia__Shanghai,
        };
        let object = RawObject {
            path: "a.csv".to_string(),
            size: 0,
            etag: String::new(),
            path_date: None,
            path_hour: None,
        };
        let text = "meta.id,meta.day,event,user.phone,more.than\n\
                    e1,20261121,pay,139,x\n\
                    ,20261121,pay,138,x\n";
        let (decoded, batch) = decode_to_batch(&context, &object, text.as_bytes());
        assert_eq!((decoded.rows, decoded.bad_lines), (1, 1));
        let text_of = |name: &str| {
            let column = batch.column_by_name(name).unwrap();
            let column = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8).unwrap();
            column.as_string::<i32>().value(0).to_string()
        };
        assert_eq!(text_of("event_id"), "e1");
        assert_eq!(text_of("user_id"), "139");
        assert_eq!(text_of("phone"), "139");
        assert_eq!(text_of("props"), r#"{"more.than":"x"}"#);
        let time = batch.column_by_name("event_time").unwrap();
        let midnight_us = 1_795_190_400_000_000; // 2026-11-20 16:00 UTC
        assert_eq!(
            time.as_primitive::<TimestampMicrosecondType>().value(0),
            midnight_us
        );
        // The id is missing; who it was is not shown.
        assert_eq!(decoded.bad[0].column.as_deref(), Some("meta.id"));
        assert_eq!(decoded.bad[0].text, ",20261121,pay,***,x");
    }
}
