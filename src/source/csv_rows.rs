//! CSV with a header line, through the `csv` crate: fields by name, undeclared ones as JSON text.

use std::io::Read;

use csv::ByteRecord;

use super::decode::{Place, Raw, RowAssembler, unreadable};
use crate::error::{Error, Result};

pub(super) fn decode(rows: &mut RowAssembler<'_>, reader: impl Read) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(true)
        .from_reader(reader);
    let object = rows.object;
    let header = reader
        .byte_headers()
        .map_err(|error| unreadable(&object.path, &error))?
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
    // A CSV has no nested fields: a dotted path is a header's literal text.
    let columns: Vec<Option<usize>> = rows
        .slots
        .paths
        .iter()
        .map(|path| {
            let name = path.join(".");
            names.iter().position(|header| *header == name)
        })
        .collect();
    if columns.iter().all(Option::is_none) {
        return Err(Error::Object {
            object: object.path.clone(),
            cause: format!(
                "its header ({}) has none of the declared fields; is the first line a header?",
                names.join(", ")
            ),
        });
    }
    let undeclared: Vec<usize> = (0..names.len())
        .filter(|at| !columns.contains(&Some(*at)))
        .collect();
    let mut record = ByteRecord::new();
    let mut props = String::new();
    loop {
        let position = reader.position().clone();
        if !reader
            .read_byte_record(&mut record)
            .map_err(|error| unreadable(&object.path, &error))?
        {
            return Ok(());
        }
        // The position before a record still stands on line ends that the reader skips.
        let start = record.position().unwrap_or(&position);
        let place = Place {
            line: start.line(),
            offset: start.byte(),
        };
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
        for at in &undeclared {
            if !fields[*at].is_empty() {
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
                None | Some("") => Raw::Missing,
                Some(text) => Raw::Scalar(text),
            },
            (!props.is_empty()).then_some(props.as_str()),
            masked,
        )?;
    }
}
