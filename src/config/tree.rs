//! A YAML file as a tree in which every key and every value knows its line and column.

use std::cell::Cell;

use crate::diagnostic::Place;

/// A file read as YAML.
#[derive(Debug)]
pub struct Document {
    /// Path relative to the project root.
    pub path: String,
    /// Its one document.
    pub root: Node,
}

/// A value and where it begins.
#[derive(Debug)]
pub struct Node {
    /// First character of the value: its quote, where it has one; its first line below a `|`.
    pub place: Place,
    /// What it is.
    pub value: Value,
    /// Whether it could not be read and was left out of its list.
    pub is_left_out: Cell<bool>,
}

/// A value.
#[derive(Debug)]
pub enum Value {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping, keys as written, each once.
    Map(Vec<Entry>),
    /// Something refused, already told; nothing more is said about it.
    Refused,
}

/// A single value as written, and what YAML takes it for.
#[derive(Debug)]
pub struct Scalar {
    /// The text, unquoted.
    pub text: String,
    /// What it is.
    pub kind: ScalarKind,
    /// First character of `text` in the file: behind the quote, on the line below `|`. Places inside
    /// the text (an SQL error's) are counted from here.
    pub content: Place,
}

/// What a plain scalar is by the YAML 1.2 core schema; quoted ones are always text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScalarKind {
    /// Nothing, `~` or `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other finite number.
    Float(f64),
    /// Everything else.
    Text,
}

/// A key with its value.
#[derive(Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub key_place: Place,
    /// The value.
    pub value: Node,
}

impl Node {
    /// Entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Items of a list; none for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The entry of a key, if this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Where the value of a key begins, or this value if the key is not there.
    pub fn place_of(&self, key: &str) -> Place {
        self.get(key).map_or(self.place, |node| node.place)
    }

    /// Where the n-th of `read` items begins; those that could not be read do not count.
    pub fn place_of_item(&self, index: usize, read: usize) -> Place {
        self.item(index, read).map_or(self.place, |node| node.place)
    }

    /// The n-th of `read` items; those that could not be read do not count.
    pub fn item(&self, index: usize, read: usize) -> Option<&Node> {
        let kept = || self.items().iter().filter(|item| !item.is_left_out.get());
        kept().nth(index).filter(|_| kept().count() == read)
    }

    /// First character of a scalar's text; of any other value its place.
    pub fn content_place(&self) -> Place {
        match &self.value {
            Value::Scalar(scalar) => scalar.content,
            _ => self.place,
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }
}
