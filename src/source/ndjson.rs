//! One JSON object a line. Declared fields are captured; the rest stays as raw JSON text.

use std::collections::HashMap;
use std::io::Read;

use foldhash::fast::FixedState;

use super::decode::{Place, Raw, RowAssembler};
use super::json::{self, Kind, Span};
use super::lines::{Line, for_each_line};
use super::stored::broken_off;
use crate::error::Result;

/// Keys that are known, undeclared ones included; beyond it undeclared keys are looked up each time.
const MAX_KNOWN_KEYS: usize = 256;

/// What to do with a top-level key; nothing for one that is not declared.
struct Field {
    key: Key,
    /// Slots that take the value itself.
    slots: Vec<usize>,
    /// Slots that take something inside it, with the path below this key.
    inside: Vec<(usize, Vec<String>)>,
    /// Those paths of them that are personal.
    hidden: Vec<Vec<String>>,
    /// How many rows have it, if it is not declared.
    rows: u64,
}

impl Field {
    fn new(name: &[u8]) -> Self {
        Self {
            key: Key::new(name),
            slots: Vec::new(),
            inside: Vec::new(),
            hidden: Vec::new(),
            rows: 0,
        }
    }

    fn is_declared(&self) -> bool {
        !self.slots.is_empty() || !self.inside.is_empty()
    }
}

/// A key, with its first eight bytes as a number: most keys are told apart, or found equal, by those.
struct Key {
    first: u64,
    length: usize,
    rest: Vec<u8>,
}

impl Key {
    fn new(name: &[u8]) -> Self {
        Self {
            first: first_eight(name),
            length: name.len(),
            rest: name.get(8..).unwrap_or_default().to_vec(),
        }
    }

    #[inline]
    fn is(&self, name: &[u8]) -> bool {
        self.length == name.len()
            && self.first == first_eight(name)
            && (self.length <= 8 || self.rest == name[8..])
    }
}

/// The first eight bytes, zeros behind a shorter name.
#[inline]
fn first_eight(name: &[u8]) -> u64 {
    if let Some(Ok(eight)) = name.get(..8).map(<[u8; 8]>::try_from) {
        return u64::from_le_bytes(eight);
    }
    name.iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Where a slot's value is: in the line, or unescaped in the arena.
#[derive(Debug, Clone, Copy)]
enum Found {
    Missing,
    Null,
    Line(usize, usize),
    Arena(usize, usize),
    Nested(usize, usize),
}

pub(super) fn decode(rows: &mut RowAssembler<'_>, reader: impl Read) -> Result<()> {
    let mut lines = JsonLines::new(rows);
    let mut failed = None;
    for_each_line(reader, rows.max_line_bytes(), |line, offset, text| {
        if failed.is_some() {
            return;
        }
        let place = Place { line, offset };
        match text {
            Line::Text(text) => {
                if let Err(error) = lines.line(rows, place, text) {
                    failed = Some(error);
                }
            }
            Line::TooLong(text) => rows.too_long_line(place, text),
        }
    })
    .map_err(|error| broken_off(&rows.object.path, &error))?;
    for (name, at) in &lines.by_key {
        let field = &lines.fields[*at];
        if field.rows > 0 {
            rows.undeclared(&String::from_utf8_lossy(name), field.rows);
        }
    }
    failed.map_or(Ok(()), Err)
}

struct JsonLines {
    fields: Vec<Field>,
    by_key: HashMap<Vec<u8>, usize, FixedState>,
    /// Which field came last after each field (shifted by one; the first is the line's beginning).
    after: Vec<usize>,
    personal: Vec<bool>,
    /// Whether any value must be masked; only then places are kept.
    has_personal: bool,
    found: Vec<Found>,
    spans: Vec<Option<Span>>,
    arena: String,
    key_text: String,
    props: String,
    /// Whether a personal key stands in the line more than once: only the last one's place is kept.
    is_personal_twice: bool,
    /// Undeclared keys of the line.
    undeclared: Vec<usize>,
    nesting: u32,
    max_fields: u64,
}

impl JsonLines {
    fn new(rows: &RowAssembler<'_>) -> Self {
        let mut fields: Vec<Field> = Vec::new();
        let mut by_key: HashMap<Vec<u8>, usize, FixedState> = HashMap::default();
        for (slot, path) in rows.slots.paths.iter().enumerate() {
            let Some((first, inside)) = path.split_first() else {
                continue;
            };
            let at = *by_key.entry(first.as_bytes().to_vec()).or_insert_with(|| {
                fields.push(Field::new(first.as_bytes()));
                fields.len() - 1
            });
            if inside.is_empty() {
                fields[at].slots.push(slot);
            } else {
                fields[at].inside.push((slot, inside.to_vec()));
                if rows.slots.personal[slot] {
                    fields[at].hidden.push(inside.to_vec());
                }
            }
        }
        let slots = rows.slots.paths.len();
        Self {
            fields,
            by_key,
            after: Vec::new(),
            personal: rows.slots.personal.clone(),
            has_personal: rows.slots.personal.contains(&true),
            found: vec![Found::Missing; slots],
            spans: vec![None; slots],
            arena: String::new(),
            key_text: String::new(),
            props: String::new(),
            is_personal_twice: false,
            undeclared: Vec::new(),
            nesting: rows.limits().nesting,
            max_fields: rows.limits().fields,
        }
    }

    fn line(&mut self, rows: &mut RowAssembler<'_>, place: Place, bytes: &[u8]) -> Result<()> {
        let start = json::skip_blanks(bytes, 0);
        if start == bytes.len() {
            return Ok(());
        }
        let Ok(line) = std::str::from_utf8(bytes) else {
            rows.unreadable_line(place, "not_utf8", "not valid UTF-8".to_string(), bytes);
            return Ok(());
        };
        if bytes[start] != b'{' {
            rows.unreadable_line(
                place,
                "not_an_object",
                "a line holds one JSON object".to_string(),
                bytes,
            );
            return Ok(());
        }
        match self.scan(line, start) {
            Ok(count) if count > self.max_fields => {
                let detail = format!("{count} fields, more than {}", self.max_fields);
                rows.unreadable_line(place, "too_many_fields", detail, bytes);
                return Ok(());
            }
            Ok(_) => {}
            Err((at, json::TOO_DEEP)) => {
                let detail = format!(
                    "byte {at} of the line: nested more than {} deep",
                    self.nesting
                );
                rows.unreadable_line(place, "too_deep", detail, bytes);
                return Ok(());
            }
            Err((at, expected)) => {
                let detail = format!("byte {at} of the line: expected {expected}");
                rows.unreadable_line(place, "not_json", detail, bytes);
                return Ok(());
            }
        }
        for at in &self.undeclared {
            self.fields[*at].rows += 1;
        }
        let (found, arena) = (&self.found, self.arena.as_str());
        let raw = |slot: usize| match found[slot] {
            Found::Missing => Raw::Missing,
            Found::Null => Raw::Null,
            Found::Line(start, end) => Raw::Scalar(&line[start..end]),
            Found::Arena(start, end) => Raw::Scalar(&arena[start..end]),
            Found::Nested(start, end) => Raw::Nested(&line[start..end]),
        };
        let props = (!self.props.is_empty()).then_some(self.props.as_str());
        let (spans, personal) = (&self.spans, &self.personal);
        let hides_all = self.is_personal_twice;
        rows.row(place, raw, props, || match hides_all {
            true => "***".to_string(),
            false => mask(line, spans, personal),
        })
    }

    /// Fills `found`, `spans` and `props` from one line; gives the number of its fields.
    fn scan(&mut self, line: &str, start: usize) -> Result<u64, (usize, &'static str)> {
        let bytes = line.as_bytes();
        self.found.fill(Found::Missing);
        if self.has_personal {
            self.spans.fill(None);
        }
        self.arena.clear();
        self.props.clear();
        self.undeclared.clear();
        let nesting = self.nesting;
        let mut count = 0;
        let Self {
            fields,
            by_key,
            after,
            found,
            spans,
            arena,
            key_text,
            props,
            personal,
            has_personal,
            is_personal_twice,
            undeclared,
            ..
        } = self;
        let has_personal = *has_personal;
        *is_personal_twice = false;
        let mut previous = 0usize;
        let end = json::walk_object_within(bytes, start, nesting, |key, value| {
            count += 1;
            let name = match key.kind {
                Kind::String { escaped: true } => {
                    key_text.clear();
                    json::unescape(&line[key.start..key.end], key_text);
                    key_text.as_bytes()
                }
                _ => &bytes[key.start..key.end],
            };
            // Loggers write keys in the same order line by line: try first what came here last time.
            let expected = after.get(previous).copied().unwrap_or(previous);
            let at = match fields.get(expected) {
                Some(field) if field.key.is(name) => Some(expected),
                _ => {
                    let at = match by_key.get(name) {
                        Some(at) => Some(*at),
                        None if fields.len() < MAX_KNOWN_KEYS => {
                            by_key.insert(name.to_vec(), fields.len());
                            fields.push(Field::new(name));
                            Some(fields.len() - 1)
                        }
                        None => None,
                    };
                    if let Some(at) = at {
                        if after.len() <= previous {
                            after.resize(previous + 1, usize::MAX);
                        }
                        after[previous] = at;
                    }
                    at
                }
            };
            let mut hidden: &[Vec<String>] = &[];
            let keep_raw = match at {
                Some(at) => {
                    previous = at + 1;
                    let field = &fields[at];
                    if has_personal {
                        let slots = field
                            .slots
                            .iter()
                            .chain(field.inside.iter().map(|(slot, _)| slot));
                        for slot in slots {
                            *is_personal_twice |= personal[*slot] && spans[*slot].is_some();
                            // Whatever lies beside a declared place inside may be the same thing
                            // misplaced: if it is personal, all of it is.
                            spans[*slot] = Some(value);
                        }
                    }
                    for slot in &field.slots {
                        found[*slot] = locate(line, value, arena);
                    }
                    for (slot, path) in &field.inside {
                        found[*slot] = descend(line, value, path)
                            .map_or(Found::Missing, |inner| locate(line, inner, arena));
                    }
                    if !field.is_declared() {
                        undeclared.push(at);
                    }
                    hidden = &field.hidden;
                    field.slots.is_empty()
                }
                None => true,
            };
            let length = props.len();
            if keep_raw {
                props.push(if props.is_empty() { '{' } else { ',' });
                props.push('"');
                props.push_str(&line[key.start..key.end]);
                props.push_str("\":");
                let is_kept = match hidden {
                    [] => {
                        props.push_str(written(line, value));
                        true
                    }
                    hidden => push_without(line, value, &borrowed(hidden), props),
                };
                if !is_kept {
                    props.truncate(length);
                }
            }
        })
        .map_err(|malformed| (malformed.at, malformed.expected))?;
        if !props.is_empty() {
            props.push('}');
        }
        let end = json::skip_blanks(bytes, end);
        if end < bytes.len() {
            return Err((end, "nothing after the object"));
        }
        Ok(count)
    }
}

/// A value as it is written, quotes included.
fn written(line: &str, value: Span) -> &str {
    match value.kind {
        Kind::String { .. } => &line[value.start - 1..=value.end],
        _ => &line[value.start..value.end],
    }
}

fn borrowed(paths: &[Vec<String>]) -> Vec<&[String]> {
    paths.iter().map(Vec::as_slice).collect()
}

/// Writes a value without what stands at some paths inside it. False, with a piece of it written, where
/// something other than an object stands on the way: it may be the very thing that is to be left out.
fn push_without(line: &str, value: Span, paths: &[&[String]], out: &mut String) -> bool {
    if value.kind == Kind::Null {
        out.push_str(written(line, value));
        return true;
    }
    if value.kind != Kind::Nested || line.as_bytes().get(value.start) != Some(&b'{') {
        return false;
    }
    out.push('{');
    let mut is_first = true;
    let mut name = String::new();
    let walked = json::walk_object(line.as_bytes(), value.start, |key, inner| {
        name.clear();
        json::unescape(&line[key.start..key.end], &mut name);
        let below = paths.iter().filter_map(|path| path.split_first());
        let below: Vec<&[String]> = below
            .filter(|(first, _)| **first == name)
            .map(|(_, rest)| rest)
            .collect();
        if below.iter().any(|rest| rest.is_empty()) {
            return;
        }
        let length = out.len();
        if !is_first {
            out.push(',');
        }
        out.push('"');
        out.push_str(&line[key.start..key.end]);
        out.push_str("\":");
        let is_kept = match below.is_empty() {
            true => {
                out.push_str(written(line, inner));
                true
            }
            false => push_without(line, inner, &below, out),
        };
        match is_kept {
            true => is_first = false,
            false => out.truncate(length),
        }
    });
    out.push('}');
    walked.is_ok()
}

fn locate(line: &str, value: Span, arena: &mut String) -> Found {
    match value.kind {
        Kind::Null => Found::Null,
        Kind::Bool | Kind::Number | Kind::String { escaped: false } => {
            Found::Line(value.start, value.end)
        }
        Kind::String { escaped: true } => {
            let start = arena.len();
            json::unescape(&line[value.start..value.end], arena);
            Found::Arena(start, arena.len())
        }
        Kind::Nested => Found::Nested(value.start, value.end),
    }
}

/// The value at a path below an object's span; the last of equal keys wins.
fn descend(line: &str, value: Span, path: &[String]) -> Option<Span> {
    let mut value = value;
    for part in path {
        if line.as_bytes().get(value.start) != Some(&b'{') || value.kind != Kind::Nested {
            return None;
        }
        let mut next = None;
        let mut name = String::new();
        // The line was scanned whole before, so that this walk cannot fail.
        json::walk_object(line.as_bytes(), value.start, |key, inner| {
            name.clear();
            json::unescape(&line[key.start..key.end], &mut name);
            if name == *part {
                next = Some(inner);
            }
        })
        .ok()?;
        value = next?;
    }
    Some(value)
}

/// The line with personal values replaced.
fn mask(line: &str, spans: &[Option<Span>], personal: &[bool]) -> String {
    let mut hidden: Vec<Span> = spans
        .iter()
        .zip(personal)
        .filter(|(_, personal)| **personal)
        .filter_map(|(span, _)| *span)
        .collect();
    hidden.sort_by_key(|span| span.start);
    let mut text = String::with_capacity(line.len());
    let mut at = 0;
    for span in hidden {
        if span.start >= at {
            text.push_str(&line[at..span.start]);
            text.push_str("***");
            at = span.end;
        }
    }
    text.push_str(&line[at..]);
    text
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use chrono_tz::Tz;

    use crate::project::{Column, FileFormat, Rule, Source};
    use crate::source::columns::{RowShape, decode_to_batch};
    use crate::source::decode::DecodeContext;
    use crate::source::{RawObject, RowSchema};

    fn source() -> Source {
        let column = |name: &str, from: &[&str]| Column::of_tests(name, from, Rule::Null);
        Source {
            columns: vec![
                column("platform", &["platform"]),
                // Told from `platform` by what stands behind its first eight bytes, or by its length.
                column("platform_version", &["platform_version"]),
                column("plat", &["plat"]),
                column("inner", &["outer", "inner"]),
            ],
            ..Source::of_tests("lines", FileFormat::Ndjson)
        }
    }

    #[test]
    fn keys_are_found_in_any_order_among_any_others() {
        let source = source();
        let context = DecodeContext {
            row_schema: RowSchema::of(&source),
            shape: RowShape::of(&source).into(),
            source,
            zone: Tz::UTC,
        };
        let object = RawObject {
            path: "a.ndjson".to_string(),
            size: 0,
            etag: String::new(),
            path_date: None,
            path_hour: None,
        };
        let many: String = (0..600).map(|key| format!("\"k{key}\":{key},")).collect();
        let lines = [
            r#"{"platform":"a","platform_version":"b","plat":"c","outer":{"inner":"d"}}"#
                .to_string(),
            r#"{"outer":{"x":1,"inner":"d"},"plat":"c","platform_version":"b","platform":"a"}"#
                .to_string(),
            format!(r#"{{"other":1,{many}"platform":"a","plat":"c"}}"#),
            r#"{"other":[1],"platform":"a","other":2,"k599":3,"platform_versions":4,"plat":"c"}"#
                .to_string(),
            r#"{"plat":"x","plat":"c","platform":"a"}"#.to_string(),
        ];
        let (decoded, batch) = decode_to_batch(&context, &object, lines.join("\n").as_bytes());
        assert_eq!((decoded.rows, decoded.bad_lines), (5, 0));
        let texts = |name: &str| {
            let column = batch.column_by_name(name).unwrap().as_string::<i32>();
            let text = |row: usize| column.is_valid(row).then(|| column.value(row).to_string());
            (0..5).map(text).collect::<Vec<_>>()
        };
        let some = |text: &str| Some(text.to_string());
        assert_eq!(texts("platform"), vec![some("a"); 5]);
        assert_eq!(texts("plat"), vec![some("c"); 5]);
        let version = texts("platform_version");
        assert_eq!(version, [some("b"), some("b"), None, None, None]);
        assert_eq!(texts("inner"), [some("d"), some("d"), None, None, None]);
        let props = texts("props");
        assert_eq!(props[0], some(r#"{"outer":{"inner":"d"}}"#));
        assert_eq!(props[1], some(r#"{"outer":{"x":1,"inner":"d"}}"#));
        let third = format!(r#"{{"other":1,{}}}"#, many.trim_end_matches(','));
        assert_eq!(props[2], Some(third));
        assert_eq!(
            props[3],
            some(r#"{"other":[1],"other":2,"k599":3,"platform_versions":4}"#)
        );
        assert_eq!(props[4], None);
    }
}
