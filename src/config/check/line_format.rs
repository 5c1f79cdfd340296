//! How a source's objects are written; for text logs, which fields a line has.

use std::path::Path;

use super::{Checker, Part};
use crate::config::place_within;
use crate::config::raw::{ColumnFile, FormatWord, SourceFile};
use crate::config::tree::Node;
use crate::config::words;
use crate::diagnostic::Place;
use crate::project::{COMBINED_TIME, FileFormat, LinePattern, TimeFormat, TimeSpec};

/// Checks the format and, of a regex, its pattern.
pub fn format(
    name: &str,
    raw: &SourceFile,
    part: Part<'_>,
    root: &Path,
    checker: &mut Checker<'_>,
) -> Option<FileFormat> {
    let word = raw.format?;
    let node = part.node;
    if let (Some(entry), true) = (node.entry("pattern"), word != FormatWord::Regex) {
        checker.tell(
            entry.key_place,
            format!(
                "source `{name}` has a `pattern`, but its format is {}",
                word.text()
            ),
            "remove `pattern`, or write `format: regex`",
        );
    }
    Some(match word {
        FormatWord::Ndjson => FileFormat::Ndjson,
        FormatWord::Csv => FileFormat::Csv,
        FormatWord::Parquet => FileFormat::Parquet,
        FormatWord::Common => FileFormat::Common,
        FormatWord::Combined => FileFormat::Combined,
        FormatWord::Regex => FileFormat::Regex(pattern(name, raw, part, root, checker)?),
    })
}

fn pattern(
    name: &str,
    raw: &SourceFile,
    part: Part<'_>,
    root: &Path,
    checker: &mut Checker<'_>,
) -> Option<LinePattern> {
    let node = part.node;
    let Some(text) = &raw.pattern else {
        if !part.is_hurt("pattern") {
            checker.tell(
                node.place_of("format"),
                format!("source `{name}` has `format: regex` but no `pattern`"),
                "add a regular expression whose named groups are the fields, such as `pattern: '(?P<ip>\\S+) (?P<message>.*)'`",
            );
        }
        return None;
    };
    match LinePattern::parse(text) {
        Ok(pattern) => Some(pattern),
        Err(bad) => {
            let value = node.get("pattern").unwrap_or(node);
            let source = std::fs::read_to_string(root.join(checker.file)).ok();
            let place = match (bad.at, source) {
                (Some((line, column)), Some(source)) => {
                    let first = value.content_place();
                    place_within(&source, first, text, Place::new(line, column))
                }
                _ => value.place,
            };
            checker.tell(
                place,
                format!("`pattern` of source `{name}` cannot be used: {}", bad.cause),
                "write a regular expression (of Rust's crate regex: no look-around, no back-references) that matches a whole line, with a named group `(?P<name>…)` for each field, each name once; in YAML put it in single quotes",
            );
            None
        }
    }
}

/// Where a source's time stands if nothing says so: web servers write it in one way.
pub fn usual_time(format: &FileFormat) -> Option<TimeSpec> {
    matches!(format, FileFormat::Common | FileFormat::Combined).then(|| TimeSpec {
        field: vec!["time".to_owned()],
        format: TimeFormat::Pattern(COMBINED_TIME.to_owned()),
    })
}

/// Checks that every field named is one that the format has.
pub fn fields(raw: &SourceFile, format: &FileFormat, node: &Node, checker: &mut Checker<'_>) {
    let Some(known) = format.field_names() else {
        return;
    };
    let mut look = |place: Place, key: &str, field: &str| {
        if known.iter().any(|name| name == field) {
            return;
        }
        let cause = match format {
            FileFormat::Regex(_) => {
                format!(
                    "{key} names {}, which is no group of `pattern`",
                    words::quoted(field)
                )
            }
            other => format!(
                "{key} names {}, which is no field of the format {}",
                words::quoted(field),
                other.name()
            ),
        };
        checker.tell(
            place,
            cause,
            format!(
                "{}fields are {}",
                words::did_you_mean(field, known.iter().map(String::as_str)),
                words::list(known.iter().map(String::as_str))
            ),
        );
    };
    if let Some(field) = raw.time.as_ref().and_then(|time| time.field.as_deref()) {
        let place = node
            .get("time")
            .map_or(node.place, |time| time.place_of("field"));
        look(place, "`time`", field);
    }
    for (key, field) in [("id", &raw.id), ("user", &raw.user)] {
        if let Some(field) = field {
            look(node.place_of(key), &format!("`{key}`"), field);
        }
    }
    let columns = node.get("columns");
    for (name, column) in raw.columns.iter().flat_map(|columns| &columns.0) {
        let entry = columns.and_then(|columns| columns.entry(name));
        let key_place = entry.map_or(node.place, |entry| entry.key_place);
        match column {
            ColumnFile::Details(details) if details.from.is_some() => {
                let place = entry.map_or(key_place, |entry| entry.value.place_of("from"));
                let from = details.from.as_deref().unwrap_or_default();
                look(place, &format!("`from` of column `{name}`"), from);
            }
            _ => look(key_place, &format!("column `{name}`"), name),
        }
    }
}
