//! YAML text → [`super::tree`].
//!
//! This is the only reader of YAML: typed values are made from the tree, so what a problem's place
//! says and what the program reads cannot differ. It reads one document of mappings, lists and
//! scalars (YAML 1.2 core schema); anchors, aliases, merge keys, tags and duplicate keys are refused.

use std::cell::Cell;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::syntax;
use super::tree::{Document, Entry, Node, Scalar, ScalarKind, Value};
use crate::diagnostic::{Diagnostic, Place};

/// Deepest nesting read; our files need 8.
const DEEPEST: usize = 32;

/// What is told of a file without any key.
pub const EMPTY: &str = "the file is empty";

/// Reads one file's text. What is merely refused (an anchor, a duplicate key) is told and left out, and
/// the rest is still returned, so that all problems of a file are told at once; a syntax error ends
/// the reading, and `None` comes back.
pub fn parse(path: &str, text: &str, problems: &mut Vec<Diagnostic>) -> Option<Document> {
    let text = text.trim_start_matches('\u{feff}');
    let mut builder = Builder {
        path,
        text,
        problems,
        open: Vec::new(),
        root: None,
    };
    let mut parser = Parser::new_from_str(text);
    let mut documents = 0;
    while let Some(step) = parser.next_event() {
        let (event, span) = match step {
            Ok(step) => step,
            Err(error) => {
                builder.syntax(&error);
                return None;
            }
        };
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    builder.tell(
                        place(span.start),
                        "a second YAML document begins here",
                        "keep one document per file: remove the `---` line, or move what follows into a file of its own",
                    );
                    return None;
                }
            }
            Event::StreamEnd => break,
            Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
            _ => builder.take(event, span)?,
        }
    }
    let root = builder.root.filter(
        |root| !matches!(&root.value, Value::Scalar(scalar) if scalar.kind == ScalarKind::Null),
    );
    if root.is_none() {
        problems.push(Diagnostic::new(
            path,
            Place::FILE,
            EMPTY,
            "write its keys, or remove the file",
        ));
    }
    root.map(|root| Document {
        path: path.to_owned(),
        root,
    })
}

/// A list or mapping whose end has not come yet.
enum Open {
    List {
        place: Place,
        items: Vec<Node>,
    },
    Map {
        place: Place,
        entries: Vec<Entry>,
        key: PendingKey,
    },
}

/// What a mapping waits for.
enum PendingKey {
    /// A key.
    None,
    /// The value of this key.
    Of(String, Place),
    /// The value of a key that was refused and told; it is thrown away.
    Refused,
}

struct Builder<'a> {
    path: &'a str,
    text: &'a str,
    problems: &'a mut Vec<Diagnostic>,
    open: Vec<Open>,
    root: Option<Node>,
}

impl Builder<'_> {
    fn tell(&mut self, place: Place, cause: impl Into<String>, mend: impl Into<String>) {
        self.problems
            .push(Diagnostic::new(self.path, place, cause, mend));
    }

    /// Takes one event; `None` ends the reading.
    fn take(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let at = place(span.start);
        match event {
            Event::Alias(_) => {
                self.tell(
                    at,
                    "an alias (`*name`) is not read here",
                    "write the value out; if a text that begins with `*` is meant, put it in quotes",
                );
                self.add(Node {
                    is_left_out: Cell::default(),
                    place: at,
                    value: Value::Refused,
                });
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = if self.refuses(at, anchor, tag.is_some()) {
                    Value::Refused
                } else {
                    Value::Scalar(Scalar {
                        kind: if style == ScalarStyle::Plain {
                            resolve(&text)
                        } else {
                            ScalarKind::Text
                        },
                        content: Self::content(at, style, &text),
                        text: text.into_owned(),
                    })
                };
                self.add(Node {
                    is_left_out: Cell::default(),
                    place: at,
                    value,
                });
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuses(at, anchor, tag.is_some());
                self.enter(
                    at,
                    Open::List {
                        place: at,
                        items: Vec::new(),
                    },
                )?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuses(at, anchor, tag.is_some());
                self.enter(
                    at,
                    Open::Map {
                        place: at,
                        entries: Vec::new(),
                        key: PendingKey::None,
                    },
                )?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = match self.open.pop()? {
                    Open::List { place, items } => Node {
                        is_left_out: Cell::default(),
                        place,
                        value: Value::List(items),
                    },
                    Open::Map { place, entries, .. } => Node {
                        is_left_out: Cell::default(),
                        place,
                        value: Value::Map(entries),
                    },
                };
                self.add(node);
            }
            _ => {}
        }
        Some(())
    }

    /// Tells anchors and tags; true if there was one.
    fn refuses(&mut self, at: Place, anchor: usize, tagged: bool) -> bool {
        if anchor > 0 {
            self.tell(
                at,
                "an anchor (`&name`) is not read here",
                "remove it and write the value out where it is needed; if a text that begins with `&` is meant, put it in quotes",
            );
        }
        if tagged {
            self.tell(
                at,
                "a tag (`!name`) is not read here",
                "remove it; if a text that begins with `!` is meant, put it in quotes",
            );
        }
        anchor > 0 || tagged
    }

    fn enter(&mut self, at: Place, open: Open) -> Option<()> {
        if self.open.len() >= DEEPEST {
            self.tell(
                at,
                format!("nested more than {DEEPEST} levels deep"),
                "no file of a project needs that: look for brackets that are not closed",
            );
            return None;
        }
        self.open.push(open);
        Some(())
    }

    /// Puts a finished node where it belongs: it is the root, an item, a key or a key's value.
    fn add(&mut self, node: Node) {
        let (entries, pending) = match self.open.last_mut() {
            None => {
                self.root = Some(node);
                return;
            }
            Some(Open::List { items, .. }) => {
                items.push(node);
                return;
            }
            Some(Open::Map { entries, key, .. }) => (entries, key),
        };
        match std::mem::replace(pending, PendingKey::None) {
            PendingKey::Of(key, key_place) => entries.push(Entry {
                key,
                key_place,
                value: node,
            }),
            PendingKey::Refused => {}
            PendingKey::None => {
                let (key, refusal) = key_of(&node, entries);
                *pending = key;
                if let Some((cause, mend)) = refusal {
                    self.tell(node.place, cause, mend);
                }
            }
        }
    }

    /// Where a scalar's text begins.
    fn content(at: Place, style: ScalarStyle, text: &str) -> Place {
        match style {
            ScalarStyle::Plain => at,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                Place::new(at.line, at.column + 1)
            }
            // The parser gives the first line that is not blank; blank lines above it belong to the text.
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let blank = text.chars().take_while(|c| *c == '\n').count();
                Place::new(at.line.saturating_sub(blank).max(1), at.column)
            }
        }
    }

    /// Tells a syntax error, with the likeliest mend.
    fn syntax(&mut self, error: &ScanError) {
        let at = place(*error.marker());
        if let Some(tab) = tab_in_indentation(self.text, at.line) {
            self.tell(
                tab,
                "a tab stands in the indentation",
                "indent with blanks: YAML does not allow tabs there",
            );
            return;
        }
        let (cause, mend) = syntax::words(error.info());
        self.tell(at, format!("not valid YAML: {cause}"), mend);
    }
}

/// Takes a finished node as a key; what is wrong with it comes along.
fn key_of(node: &Node, entries: &[Entry]) -> (PendingKey, Option<(String, String)>) {
    let refused = |cause: &str, mend: &str| {
        (
            PendingKey::Refused,
            Some((cause.to_owned(), mend.to_owned())),
        )
    };
    match &node.value {
        Value::Refused => (PendingKey::Refused, None),
        Value::List(_) | Value::Map(_) => refused(
            "a list or mapping stands where a key should be",
            "a key is a name; a text that begins with `{` or `[` needs quotes",
        ),
        // `null` written out is the name of a column's rule.
        Value::Scalar(scalar) if scalar.kind == ScalarKind::Null && scalar.text != "null" => {
            refused("a key is missing before the `:`", "write the key's name")
        }
        Value::Scalar(scalar) if scalar.text == "<<" => refused(
            "a merge key (`<<`) is not read here",
            "write the merged keys out",
        ),
        Value::Scalar(scalar) => match entries.iter().find(|entry| entry.key == scalar.text) {
            Some(first) => (
                PendingKey::Refused,
                Some((
                    format!("the key `{}` stands here twice", scalar.text),
                    format!(
                        "keep one of them; the first is in line {}",
                        first.key_place.line
                    ),
                )),
            ),
            None => (PendingKey::Of(scalar.text.clone(), node.place), None),
        },
    }
}

fn place(marker: Marker) -> Place {
    Place::new(marker.line(), marker.col() + 1)
}

/// The tab nearest above `line` (or in it) that stands in a line's indentation, if the line before
/// the error or the error's own has one.
fn tab_in_indentation(text: &str, line: usize) -> Option<Place> {
    text.lines()
        .enumerate()
        .take(line)
        .skip(line.saturating_sub(2))
        .find_map(|(index, content)| {
            let margin: Vec<char> = content.chars().take_while(|c| c.is_whitespace()).collect();
            let at = margin.iter().position(|c| *c == '\t')?;
            Some(Place::new(index + 1, at + 1))
        })
}

/// YAML 1.2 core schema. `.inf` and `.nan` stay text: no key of ours takes them.
fn resolve(text: &str) -> ScalarKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarKind::Null,
        "true" | "True" | "TRUE" => return ScalarKind::Bool(true),
        "false" | "False" | "FALSE" => return ScalarKind::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(number) = text.parse::<i64>()
    {
        return ScalarKind::Int(number);
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(Ok(number)) = text
            .strip_prefix(prefix)
            .map(|rest| i64::from_str_radix(rest, radix))
        {
            return ScalarKind::Int(number);
        }
    }
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    match text.parse::<f64>() {
        Ok(number) if numeric && number.is_finite() => ScalarKind::Float(number),
        _ => ScalarKind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Document>, Vec<String>) {
        let mut problems = Vec::new();
        let document = parse("a.yaml", text, &mut problems);
        (
            document,
            problems
                .iter()
                .map(|p| format!("{}:{} {}", p.line, p.column, p.cause))
                .collect(),
        )
    }

    fn clean(text: &str) -> Node {
        let (document, problems) = read(text);
        assert_eq!(problems, Vec::<String>::new());
        document.unwrap().root
    }

    fn at(line: usize, column: usize) -> Place {
        Place::new(line, column)
    }

    #[test]
    fn every_key_and_value_has_its_place() {
        let root = clean("名: 值\nb:\n  - {c: 1, d: \"x\"}\n  - y\n");
        assert_eq!(root.entry("名").unwrap().key_place, at(1, 1));
        assert_eq!(root.place_of("名"), at(1, 4));
        let list = root.get("b").unwrap();
        assert_eq!(list.place_of_item(0, 2), at(3, 5));
        assert_eq!(list.items()[0].entry("d").unwrap().key_place, at(3, 12));
        assert_eq!(list.items()[0].place_of("d"), at(3, 15));
        assert_eq!(list.items()[0].get("d").unwrap().content_place(), at(3, 16));
        assert_eq!(list.place_of_item(1, 2), at(4, 5));
    }

    #[test]
    fn the_text_of_a_block_begins_below_its_mark() {
        let root = clean("a:\n  when: |\n    x = 1\n    and y\n  next: |\n\n      z\n");
        let when = root.get("a").unwrap().get("when").unwrap();
        assert_eq!(when.content_place(), at(3, 5));
        assert_eq!(when.text(), Some("x = 1\nand y\n"));
        let next = root.get("a").unwrap().get("next").unwrap();
        assert_eq!(next.text(), Some("\nz\n"));
        assert_eq!(next.content_place(), at(6, 7));
    }

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, kind) in [
            ("~", ScalarKind::Null),
            ("true", ScalarKind::Bool(true)),
            ("yes", ScalarKind::Text),
            ("on", ScalarKind::Text),
            ("12", ScalarKind::Int(12)),
            ("-7", ScalarKind::Int(-7)),
            ("0x1F", ScalarKind::Int(31)),
            ("0.35", ScalarKind::Float(0.35)),
            ("1e3", ScalarKind::Float(1000.0)),
            ("35%", ScalarKind::Text),
            (".inf", ScalarKind::Text),
            ("infinity", ScalarKind::Text),
            ("2026-10-18", ScalarKind::Text),
            ("3d", ScalarKind::Text),
            ("1.2.3", ScalarKind::Text),
        ] {
            assert_eq!(resolve(text), kind, "{text}");
        }
        let root = clean("a: '12'");
        assert!(
            matches!(&root.get("a").unwrap().value, Value::Scalar(s) if s.kind == ScalarKind::Text)
        );
    }

    #[test]
    fn what_is_refused_is_told_and_the_rest_is_read() {
        let (document, problems) = read("a: &x 1\nb: *x\nc: !t 3\na: 4\nd: 5\n? [k]\n: 6\n");
        assert_eq!(
            problems,
            [
                "1:4 an anchor (`&name`) is not read here",
                "2:4 an alias (`*name`) is not read here",
                "3:4 a tag (`!name`) is not read here",
                "4:1 the key `a` stands here twice",
                "6:3 a list or mapping stands where a key should be",
            ]
        );
        assert_eq!(document.unwrap().root.get("d").unwrap().text(), Some("5"));
        let (_, problems) = read("a: {b: 1}\nc:\n  <<: {d: 1}\n");
        assert_eq!(problems, ["3:3 a merge key (`<<`) is not read here"]);
    }

    #[test]
    fn one_document_no_more_no_less() {
        assert_eq!(
            read("a: 1\n---\nb: 2\n").1,
            ["2:1 a second YAML document begins here"]
        );
        for text in ["", "# only words\n", "---\n", "\u{feff}"] {
            assert_eq!(read(text).1, ["0:0 the file is empty"], "{text:?}");
        }
        clean("\u{feff}a: 1\r\nb: 2\r\n");
    }

    #[test]
    fn syntax_errors_have_a_place_and_are_told_once() {
        for (text, expected) in [
            ("a:\n\tb: 1\n", "2:1 a tab stands in the indentation"),
            (
                "a: b: c\n",
                "1:5 not valid YAML: a `:` stands where no key can be",
            ),
            ("a: {b: 1\nc: 2\n", "not valid YAML"),
            ("layout: {date}/*.gz\n", "not valid YAML"),
            ("a: \"open\nb: 1\n", "not valid YAML"),
            ("a: 1\n b: 2\n", "not valid YAML"),
            ("a: @x\n", "not valid YAML"),
            ("a: *nobody\n", "an alias"),
        ] {
            let (document, problems) = read(text);
            assert!(document.is_none(), "{text}");
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert!(problems[0].contains(expected), "{text}: {problems:?}");
        }
    }

    #[test]
    fn endless_nesting_ends() {
        let (document, problems) = read(&"- ".repeat(5_000));
        assert!(document.is_none());
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(read(&"[".repeat(5_000)).0.is_none());
    }
}
