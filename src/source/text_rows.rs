//! Text logs: each line is taken apart by its format; the fields then go the way of all others.

use std::io::Read;

use super::combined::unescape;
use super::decode::{Place, Raw, RowAssembler};
use super::lines::{Line, for_each_line};
use super::stored::broken_off;
use crate::error::Result;
use crate::project::LinePattern;

/// What stands in a field's place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum State {
    /// The line has no such field.
    #[default]
    Missing,
    /// Nothing.
    Null,
    /// Text as it is.
    Text,
    /// Text with a web server's escapes.
    Escaped,
}

/// A field's place in its line. Of a field that is missing: where it might stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TextField {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What stands there.
    pub state: State,
}

impl TextField {
    /// A field.
    pub fn new(start: usize, end: usize, state: State) -> Self {
        Self { start, end, state }
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// Takes lines apart.
pub(super) trait LineFields {
    /// Names of the fields, in order.
    fn names(&self) -> &[String];
    /// Finds them all; the error says what was expected where, and repeats nothing of the line.
    fn read(&mut self, line: &str, fields: &mut [TextField]) -> Result<(), String>;
    /// Whether a field is made up of others that were found, so that they alone tell all of it.
    fn is_told_by_others(&self, _at: usize, _fields: &[TextField]) -> bool {
        false
    }
}

/// Fields by the named groups of a pattern.
pub(super) struct PatternFields {
    pattern: LinePattern,
    places: regex::CaptureLocations,
}

impl PatternFields {
    /// For a pattern.
    pub fn new(pattern: &LinePattern) -> Self {
        Self {
            places: pattern.regex().capture_locations(),
            pattern: pattern.clone(),
        }
    }
}

impl LineFields for PatternFields {
    fn names(&self) -> &[String] {
        self.pattern.names()
    }

    fn read(&mut self, line: &str, fields: &mut [TextField]) -> Result<(), String> {
        let regex = self.pattern.regex();
        if regex.captures_read(&mut self.places, line).is_none() {
            return Err("the line does not match `pattern`".to_owned());
        }
        for (field, group) in fields.iter_mut().zip(self.pattern.groups()) {
            *field = match self.places.get(*group) {
                None => TextField::default(),
                Some((start, end)) if start == end => TextField::new(start, end, State::Null),
                Some((start, end)) => TextField::new(start, end, State::Text),
            };
        }
        Ok(())
    }
}

pub(super) fn decode(
    rows: &mut RowAssembler<'_>,
    reader: impl Read,
    fields: impl LineFields,
) -> Result<()> {
    let mut lines = TextLines::new(rows, fields);
    let max_line_bytes = rows.max_line_bytes();
    let mut failed = None;
    for_each_line(reader, max_line_bytes, |line, offset, text| {
        if failed.is_some() {
            return;
        }
        let place = Place { line, offset };
        match text {
            Line::Text(text) => failed = lines.line(rows, place, text).err(),
            Line::TooLong(text) => rows.too_long_line(place, text),
        }
    })
    .map_err(|error| broken_off(&rows.object.path, &error))?;
    failed.map_or(Ok(()), Err)
}

struct TextLines<F> {
    reader: F,
    /// The field of each slot.
    columns: Vec<Option<usize>>,
    /// Fields whose text must not be shown.
    personal: Vec<usize>,
    /// Fields that no column takes, with their names as JSON.
    undeclared: Vec<(usize, String)>,
    fields: Vec<TextField>,
    /// Text of fields with escapes, and where each one's is.
    arena: String,
    resolved: Vec<(usize, usize)>,
    props: String,
}

impl<F: LineFields> TextLines<F> {
    fn new(rows: &RowAssembler<'_>, reader: F) -> Self {
        let names = reader.names();
        let columns: Vec<Option<usize>> = rows
            .slots
            .paths
            .iter()
            .map(|path| {
                let name = path.join(".");
                names.iter().position(|known| *known == name)
            })
            .collect();
        let personal = columns.iter().zip(&rows.slots.personal);
        let personal = personal.filter(|(_, personal)| **personal);
        let count = names.len();
        Self {
            personal: personal.filter_map(|(column, _)| *column).collect(),
            undeclared: (0..count)
                .filter(|at| !columns.contains(&Some(*at)))
                .map(|at| (at, serde_json::Value::from(names[at].as_str()).to_string()))
                .collect(),
            columns,
            fields: vec![TextField::default(); count],
            arena: String::new(),
            resolved: vec![(0, 0); count],
            props: String::new(),
            reader,
        }
    }

    fn line(&mut self, rows: &mut RowAssembler<'_>, place: Place, bytes: &[u8]) -> Result<()> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let Ok(line) = std::str::from_utf8(bytes) else {
            rows.unreadable_line(place, "not_utf8", "not valid UTF-8".to_string(), bytes);
            return Ok(());
        };
        if let Err(expected) = self.reader.read(line, &mut self.fields) {
            rows.unreadable_line(place, "no_match", expected, bytes);
            return Ok(());
        }
        self.resolve(line);
        self.collect_props(line);
        let (columns, fields) = (&self.columns, &self.fields);
        let text = |at: usize| self.text(line, at);
        let raw = |slot: usize| match columns[slot].map(|at| (at, fields[at].state)) {
            None | Some((_, State::Missing)) => Raw::Missing,
            Some((_, State::Null)) => Raw::Null,
            Some((at, State::Text | State::Escaped)) => Raw::Scalar(text(at)),
        };
        let props = (!self.props.is_empty()).then_some(self.props.as_str());
        rows.row(place, raw, props, || self.masked(line))
    }

    fn resolve(&mut self, line: &str) {
        self.arena.clear();
        for (field, resolved) in self.fields.iter().zip(&mut self.resolved) {
            if field.state == State::Escaped {
                let start = self.arena.len();
                unescape(&line[field.start..field.end], &mut self.arena);
                *resolved = (start, self.arena.len());
            }
        }
    }

    fn text<'a>(&'a self, line: &'a str, at: usize) -> &'a str {
        let field = self.fields[at];
        match field.state {
            State::Escaped => &self.arena[self.resolved[at].0..self.resolved[at].1],
            _ => &line[field.start..field.end],
        }
    }

    /// Undeclared fields, but for those that hold something personal, and those that others tell
    /// already.
    fn collect_props(&mut self, line: &str) {
        let mut props = std::mem::take(&mut self.props);
        props.clear();
        for (at, name) in &self.undeclared {
            let field = self.fields[*at];
            let is_hidden = |personal: &usize| self.fields[*personal].overlaps(&field);
            let has_text = matches!(field.state, State::Text | State::Escaped);
            if !has_text
                || self.personal.iter().any(is_hidden)
                || self.reader.is_told_by_others(*at, &self.fields)
            {
                continue;
            }
            props.push(if props.is_empty() { '{' } else { ',' });
            props.push_str(name);
            props.push(':');
            props.push_str(&serde_json::Value::from(self.text(line, *at)).to_string());
        }
        if !props.is_empty() {
            props.push('}');
        }
        self.props = props;
    }

    /// The line with personal fields replaced.
    fn masked(&self, line: &str) -> String {
        let mut hidden: Vec<TextField> = self.personal.iter().map(|at| self.fields[*at]).collect();
        hidden.retain(|field| field.start < field.end);
        hidden.sort_by_key(|field| (field.start, std::cmp::Reverse(field.end)));
        let mut text = String::with_capacity(line.len());
        let mut at = 0;
        for field in hidden {
            if field.start >= at {
                text.push_str(&line[at..field.start]);
                text.push_str("***");
            }
            at = at.max(field.end);
        }
        text.push_str(&line[at..]);
        text
    }
}
