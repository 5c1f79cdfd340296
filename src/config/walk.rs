//! Walks a JSON Schema over a file's tree, tells every problem with its place, and makes the typed
//! value of what is right.
//!
//! serde stops at its first error; so everything that it would refuse is found here before, and what
//! is wrong is left out: an unknown key, a bad optional value, a bad entry of a list or mapping. What
//! lacks a required value is left out as a whole. So the checks behind can go on and tell their
//! problems in the same run; [`Read::is_hurt`] says where something was left out.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::tree::{Document, Entry, Node, Scalar, ScalarKind, Value};
use super::words;
use crate::diagnostic::{Diagnostic, Place};

/// What could be read of a file.
#[derive(Debug)]
pub struct Read<T> {
    /// The typed value.
    pub value: T,
    hurt: Vec<Vec<String>>,
}

impl<T> Read<T> {
    /// Whether a problem was told at this path or below it.
    pub fn is_hurt(&self, path: &[&str]) -> bool {
        self.hurt.iter().any(|hurt| {
            hurt.len() >= path.len() && hurt.iter().zip(path).all(|(hurt, key)| hurt == key)
        })
    }
}

/// Reads a document as a `T`, whose schema this is. `None` if nothing of it can be used.
pub fn read<T: DeserializeOwned>(
    document: &Document,
    schema: &Json,
    problems: &mut Vec<Diagnostic>,
) -> Option<Read<T>> {
    let mut walker = Walker {
        file: &document.path,
        problems,
        path: Vec::new(),
        hurt: Vec::new(),
    };
    let title = title(schema);
    let here = Here {
        key: None,
        name: format!("this {title}"),
        holder: Place::new(document.root.place.line, document.root.place.column),
    };
    let value = walker.value(schema, &document.root, &here);
    let hurt = walker.hurt;
    match serde_json::from_value(value?) {
        Ok(value) => Some(Read { value, hurt }),
        Err(error) => {
            problems.push(Diagnostic::new(
                &document.path,
                Place::FILE,
                format!("this {title} cannot be read: {error}"),
                "its schema allows it, so this is a fault of loudou: please report it with the file",
            ));
            None
        }
    }
}

/// What a value is called in messages.
struct Here<'a> {
    /// Its key, where it has one.
    key: Option<&'a str>,
    /// `` `late` ``, ``item 2 of `steps` ``, `this funnel`.
    name: String,
    /// The key that holds it.
    holder: Place,
}

struct Walker<'a> {
    file: &'a str,
    problems: &'a mut Vec<Diagnostic>,
    path: Vec<String>,
    hurt: Vec<Vec<String>>,
}

impl Walker<'_> {
    fn tell(&mut self, place: Place, cause: impl Into<String>, mend: impl Into<String>) {
        self.problems
            .push(Diagnostic::new(self.file, place, cause, mend));
        self.hurt.push(self.path.clone());
    }

    fn value(&mut self, schema: &Json, node: &Node, here: &Here<'_>) -> Option<Json> {
        match &node.value {
            Value::Refused => {
                self.hurt.push(self.path.clone());
                None
            }
            Value::Map(entries) => match self.mapping_schema(schema, node, here)? {
                Some(schema) => self.mapping(schema, node, entries, here),
                None => self.wrong_type(schema, node, here),
            },
            Value::List(items) => match alternatives(schema).find(|one| takes(one, "array")) {
                Some(schema) => self.list(schema, node, items, here),
                None => self.wrong_type(schema, node, here),
            },
            Value::Scalar(scalar) => self.scalar(schema, node, scalar, here),
        }
    }

    /// The alternative that a mapping is meant for: the only one, or the one whose required key it
    /// has. `Some(None)` where no mapping is allowed, `None` where the choice failed and was told.
    fn mapping_schema<'s>(
        &mut self,
        schema: &'s Json,
        node: &Node,
        here: &Here<'_>,
    ) -> Option<Option<&'s Json>> {
        let allowed: Vec<&Json> = alternatives(schema)
            .filter(|one| takes(one, "object"))
            .collect();
        if allowed.len() < 2 {
            return Some(allowed.first().copied());
        }
        let has = |one: &&Json| required(one).any(|key| node.entry(key).is_some());
        if let Some(found) = allowed.iter().copied().find(has) {
            return Some(Some(found));
        }
        let keys: Vec<&str> = allowed.iter().copied().flat_map(required).collect();
        let (place, word) = node.entries().first().map_or((node.place, ""), |entry| {
            (entry.key_place, entry.key.as_str())
        });
        if word.is_empty() {
            self.tell(
                place,
                format!("{} is empty", here.name),
                format!("its key is {}", words::any_of(keys)),
            );
        } else {
            self.unknown_key(place, word, title(schema), &keys, &[]);
        }
        None
    }

    fn mapping(
        &mut self,
        schema: &Json,
        node: &Node,
        entries: &[Entry],
        here: &Here<'_>,
    ) -> Option<Json> {
        let properties = schema.get("properties").and_then(Json::as_object);
        let others = schema
            .get("additionalProperties")
            .filter(|others| others.is_object());
        let mut whole = true;
        let mut read = Map::new();
        for entry in entries {
            let property = properties
                .and_then(|properties| properties.get(&entry.key))
                .or(others);
            let Some(property) = property else {
                let keys: Vec<&str> = properties
                    .into_iter()
                    .flat_map(Map::keys)
                    .map(String::as_str)
                    .collect();
                let present: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
                self.unknown_key(entry.key_place, &entry.key, title(schema), &keys, &present);
                continue;
            };
            self.path.push(entry.key.clone());
            let inner = Here {
                key: Some(&entry.key),
                name: format!("`{}`", entry.key),
                holder: entry.key_place,
            };
            match self.value(property, &entry.value, &inner) {
                Some(value) => {
                    read.insert(entry.key.clone(), value);
                }
                None => whole &= !required(schema).any(|key| key == entry.key),
            }
            self.path.pop();
        }
        for key in required(schema).filter(|key| node.entry(key).is_none()) {
            whole = false;
            let property = properties
                .and_then(|properties| properties.get(key))
                .unwrap_or(&Json::Null);
            let subject = match (here.key, title(schema)) {
                (Some(name), "mapping") => format!("`{name}`"),
                (Some(name), title) if title != name => format!("{title} `{name}`"),
                (Some(name), _) => format!("`{name}`"),
                (None, title) => format!("this {title}"),
            };
            self.tell(
                here.holder,
                format!("{subject} has no `{key}`"),
                format!("add {}", asked(key, property)),
            );
        }
        whole.then_some(Json::Object(read))
    }

    fn unknown_key(
        &mut self,
        place: Place,
        word: &str,
        title: &str,
        keys: &[&str],
        present: &[&str],
    ) {
        let free = keys.iter().copied().filter(|key| !present.contains(key));
        let hint = match words::nearest(word, free) {
            Some(key) => format!("did you mean `{key}`? "),
            None => "remove it; ".to_owned(),
        };
        let plural = if keys.len() == 1 {
            "the only key is"
        } else {
            "the keys are"
        };
        self.tell(
            place,
            format!("unknown key `{word}` in this {title}"),
            format!("{hint}{plural} {}", words::list(keys.iter().copied())),
        );
    }

    fn list(
        &mut self,
        schema: &Json,
        node: &Node,
        items: &[Node],
        here: &Here<'_>,
    ) -> Option<Json> {
        let bound = |key: &str| {
            schema
                .get(key)
                .and_then(Json::as_u64)
                .and_then(|n| usize::try_from(n).ok())
        };
        if bound("minItems").is_some_and(|least| items.len() < least) {
            let mend = example(schema, here.key).map_or_else(
                || "write at least one item, each beginning with `- `".to_owned(),
                |example| format!("write at least one, such as `{example}`"),
            );
            self.tell(node.place, format!("{} has no item", here.name), mend);
            return None;
        }
        if let Some(most) = bound("maxItems").filter(|most| items.len() > *most) {
            self.tell(
                node.place,
                format!("{} has {} items", here.name, items.len()),
                format!("at most {most} are allowed"),
            );
            return None;
        }
        let item_schema = schema.get("items").unwrap_or(&Json::Null);
        let read = items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| {
                self.path.push(index.to_string());
                let inner = Here {
                    key: None,
                    name: format!("item {} of {}", index + 1, here.name),
                    holder: item.place,
                };
                let value = self.value(item_schema, item, &inner);
                self.path.pop();
                value
            })
            .collect();
        Some(Json::Array(read))
    }

    fn scalar(
        &mut self,
        schema: &Json,
        node: &Node,
        scalar: &Scalar,
        here: &Here<'_>,
    ) -> Option<Json> {
        let words: Vec<&str> = allowed_words(schema);
        if words.contains(&scalar.text.as_str()) {
            return Some(Json::String(scalar.text.clone()));
        }
        if scalar.kind == ScalarKind::Null && scalar.text.is_empty() {
            self.tell(
                here.holder,
                format!("{} is empty", here.name),
                example(schema, here.key).map_or_else(
                    || "give it a value, or remove it".to_owned(),
                    |example| format!("give it a value, such as `{example}`, or remove it"),
                ),
            );
            return None;
        }
        if !words.is_empty() && scalar.kind != ScalarKind::Null {
            let mappings: Vec<String> = alternatives(schema)
                .filter(|one| takes(one, "object"))
                .flat_map(required)
                .map(|key| format!("{key}: …"))
                .collect();
            let allowed = words
                .iter()
                .copied()
                .chain(mappings.iter().map(String::as_str));
            self.tell(
                node.place,
                format!("{} cannot be {}", here.name, words::quoted(&scalar.text)),
                format!(
                    "{}it is {}",
                    words::did_you_mean(&scalar.text, words.iter().copied()),
                    words::any_of(allowed)
                ),
            );
            return None;
        }
        let allows = |name: &str| alternatives(schema).any(|one| takes(one, name));
        let read = match scalar.kind {
            ScalarKind::Text if allows("string") => Some(Json::String(scalar.text.clone())),
            ScalarKind::Bool(value) if allows("boolean") => Some(Json::Bool(value)),
            ScalarKind::Int(value) if allows("integer") || allows("number") => {
                Some(Json::from(value))
            }
            ScalarKind::Float(value) if allows("number") => Some(Json::from(value)),
            _ => None,
        };
        match read {
            Some(value) => Some(value),
            None => self.wrong_type(schema, node, here),
        }
    }

    fn wrong_type(&mut self, schema: &Json, node: &Node, here: &Here<'_>) -> Option<Json> {
        let mut expected: Vec<&str> = Vec::new();
        for one in alternatives(schema) {
            for (name, word) in [
                ("string", "a text"),
                ("integer", "a whole number"),
                ("number", "a number"),
                ("boolean", "`true` or `false`"),
                ("array", "a list"),
                ("object", "a mapping"),
            ] {
                if takes(one, name) && !expected.contains(&word) {
                    expected.push(word);
                }
            }
        }
        let found = match &node.value {
            Value::Map(_) => "a mapping".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Refused => "something else".to_owned(),
            Value::Scalar(Scalar { text, kind, .. }) => match kind {
                ScalarKind::Int(_) | ScalarKind::Float(_) => {
                    format!("the number {}", words::quoted(text))
                }
                ScalarKind::Text => format!("the text {}", words::quoted(text)),
                ScalarKind::Bool(_) | ScalarKind::Null => words::quoted(text),
            },
        };
        let mut mend = example(schema, here.key).map_or_else(String::new, |example| {
            format!("write it such as `{example}`")
        });
        let is_scalar = matches!(&node.value, Value::Scalar(_));
        if mend.is_empty() {
            mend = match alternatives(schema).find(|one| takes(one, "object")) {
                Some(one) if is_scalar || takes(schema, "object") => {
                    let keys: Vec<&str> = one
                        .get("properties")
                        .and_then(Json::as_object)
                        .into_iter()
                        .flat_map(Map::keys)
                        .map(String::as_str)
                        .collect();
                    if keys.is_empty() {
                        "write names with what each of them is below it, indented: `name: …`"
                            .to_owned()
                    } else {
                        format!("write its keys below it, indented: {}", words::list(keys))
                    }
                }
                _ if is_scalar && expected.contains(&"a text") => "put it in quotes".to_owned(),
                _ => format!("write {}", expected.join(" or ")),
            };
        } else if is_scalar && expected.contains(&"a text") {
            mend.push_str("; a text that looks like something else needs quotes");
        }
        self.tell(
            node.place,
            format!(
                "{} must be {}, not {found}",
                here.name,
                expected.join(" or ")
            ),
            mend,
        );
        None
    }
}

/// The schema itself, or its alternatives.
fn alternatives(schema: &Json) -> impl Iterator<Item = &Json> {
    let list = ["oneOf", "anyOf"]
        .iter()
        .find_map(|key| schema.get(key)?.as_array());
    list.map_or_else(|| std::slice::from_ref(schema), Vec::as_slice)
        .iter()
}

fn takes(schema: &Json, name: &str) -> bool {
    match schema.get("type") {
        Some(Json::String(only)) => only == name,
        Some(Json::Array(names)) => names.iter().any(|one| one == name),
        _ => false,
    }
}

fn required(schema: &Json) -> impl Iterator<Item = &str> {
    schema
        .get("required")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
}

/// What a mapping is called.
fn title(schema: &Json) -> &str {
    schema
        .get("title")
        .and_then(Json::as_str)
        .unwrap_or("mapping")
}

/// The words that a text must be one of; none where any text will do.
fn allowed_words(schema: &Json) -> Vec<&str> {
    alternatives(schema)
        .flat_map(|one| {
            let several = one
                .get("enum")
                .and_then(Json::as_array)
                .into_iter()
                .flatten();
            one.get("const").into_iter().chain(several)
        })
        .filter_map(Json::as_str)
        .collect()
}

/// `key: example` as YAML.
fn example(schema: &Json, key: Option<&str>) -> Option<String> {
    let first = schema.get("examples")?.as_array()?.first()?;
    let value = words::yaml(first);
    Some(key.map_or_else(|| value.clone(), |key| format!("{key}: {value}")))
}

/// How a missing key is asked for: with its example and its description's first sentence.
fn asked(key: &str, property: &Json) -> String {
    let example = example(property, Some(key)).unwrap_or_else(|| {
        let words = allowed_words(property);
        words
            .first()
            .map_or_else(|| format!("{key}: …"), |word| format!("{key}: {word}"))
    });
    let description = property
        .get("description")
        .and_then(Json::as_str)
        .unwrap_or_default();
    let description = description.replace('\n', " ");
    let sentence = description.trim_end_matches('.');
    let mut letters = sentence.chars();
    let lower = match letters.next() {
        // `IANA`, `SQL` stay as they are.
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().collect::<String>() + letters.as_str()
        }
        _ => sentence.to_owned(),
    };
    if lower.is_empty() {
        return format!("`{example}`");
    }
    format!("`{example}` ({lower})")
}
