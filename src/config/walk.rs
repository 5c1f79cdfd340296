//! Walks a JSON Schema over a file's tree, tells every problem with its place, and makes the typed
//! value of what is right.
//!
//! serde stops at its first error; so everything that it would refuse is found here before, and what
//! is wrong is left out: an unknown key, a bad value, a bad entry of a list or mapping. So the checks
//! behind can go on and tell their problems in the same run; [`Read::is_hurt`] says where something was
//! left out.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::facts::{
    self, allowed_words, alternatives, asked, example, mappings, required, takes, title,
};
use super::paths::USE_THE_ENVIRONMENT;
use super::tree::{Document, Entry, Node, Scalar, ScalarKind, Value};
use super::words;
use crate::diagnostic::secrets::is_of_a_secret;
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
    let title = title(schema).unwrap_or("file");
    let here = Here {
        key: None,
        name: format!("this {title}"),
        holder: document.root.place,
        is_required: true,
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
    /// Whether it cannot be left out.
    is_required: bool,
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
                Some(chosen) => {
                    let read = self.mapping(chosen, node, entries, here)?;
                    // A variant whose one key could not be read is no variant.
                    let is_variant = mappings(schema).count() > 1;
                    let is_whole = required(chosen).all(|key| read.get(key).is_some());
                    (is_whole || !is_variant).then_some(read)
                }
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
        let allowed: Vec<&Json> = mappings(schema).collect();
        if allowed.len() < 2 {
            return Some(allowed.first().copied());
        }
        let has = |one: &&Json| required(one).any(|key| node.entry(key).is_some());
        if let Some(found) = allowed.iter().copied().find(has) {
            return Some(Some(found));
        }
        let keys: Vec<&str> = allowed.iter().copied().flat_map(required).collect();
        match node.entries().first() {
            Some(entry) => {
                self.unknown_key(schema, node, entry, &keys, here);
            }
            None => self.tell(
                node.place,
                format!("{} is empty", here.name),
                format!("its key is {}", words::any_of(keys)),
            ),
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
        let mut read = Map::new();
        // A required key that an unknown one was most likely meant to be is not asked for again.
        let mut meant = Vec::new();
        for entry in entries {
            let property = properties
                .and_then(|properties| properties.get(&entry.key))
                .or(others);
            let Some(property) = property else {
                meant.extend(self.unknown_key(schema, node, entry, &facts::keys(schema), here));
                continue;
            };
            self.path.push(entry.key.clone());
            let inner = Here {
                key: Some(&entry.key),
                name: format!("`{}`", entry.key),
                holder: entry.key_place,
                is_required: required(schema).any(|key| key == entry.key),
            };
            if let Some(value) = self.value(property, &entry.value, &inner) {
                read.insert(entry.key.clone(), value);
            }
            self.path.pop();
        }
        let is_missing =
            |key: &&str| node.entry(key).is_none() && !meant.iter().any(|meant| meant == key);
        for key in required(schema).filter(is_missing) {
            let property = properties
                .and_then(|properties| properties.get(key))
                .unwrap_or(&Json::Null);
            let subject = match (here.key, title(schema)) {
                (Some(name), Some(title)) => format!("{title} `{name}`"),
                (None, Some(title)) => format!("this {title}"),
                (_, None) => here.name.clone(),
            };
            self.tell(
                here.holder,
                format!("{subject} has no `{key}`"),
                format!("add {}", asked(key, property)),
            );
        }
        Some(Json::Object(read))
    }

    /// Tells an unknown key; the key that was most likely meant comes back.
    fn unknown_key(
        &mut self,
        schema: &Json,
        node: &Node,
        entry: &Entry,
        keys: &[&str],
        here: &Here<'_>,
    ) -> Option<String> {
        let free = || keys.iter().copied().filter(|key| node.entry(key).is_none());
        let words = allowed_words(schema);
        let meant = words::nearest(&entry.key, free());
        // `- range: {…}` with `severity` beside it instead of inside.
        let inside = node.entries().iter().find(|other| {
            let inner = alternatives(schema)
                .filter_map(|one| one.get("properties")?.get(&other.key))
                .find(|inner| {
                    alternatives(inner).any(|one| facts::keys(one).contains(&entry.key.as_str()))
                });
            inner.is_some()
        });
        // `{query: greatest(a, b) > c}`: the text ended at its `,`.
        let is_rest = entry.key.contains(' ')
            && matches!(&entry.value.value, Value::Scalar(scalar) if scalar.kind == ScalarKind::Null);
        let hint = match (meant, words::nearest(&entry.key, words)) {
            _ if is_rest => "inside braces a `,` begins a new key: if this belongs to the text before it, put the whole text in quotes; ".to_owned(),
            _ if inside.is_some() => format!(
                "it belongs inside `{}`: indent it below that key, or put it into the braces; ",
                inside.map_or("", |other| &other.key)
            ),
            (Some(key), _) => format!("did you mean `{key}`? "),
            (None, Some(word)) => {
                format!("did you mean `{word}`, a word of its own without a value? ")
            }
            (None, None) => "remove it; ".to_owned(),
        };
        let place =
            title(schema).map_or_else(|| here.name.clone(), |title| format!("this {title}"));
        if is_of_a_secret(&entry.key) {
            self.tell(
                entry.key_place,
                format!("`{}` in {place} looks like a secret", entry.key),
                format!("remove it, and change the secret if the file was ever shared; {USE_THE_ENVIRONMENT}"),
            );
            return None;
        }
        let plural = if keys.len() == 1 {
            "the only key is"
        } else {
            "the keys are"
        };
        self.tell(
            entry.key_place,
            format!("unknown key `{}` in {place}", entry.key),
            format!("{hint}{plural} {}", words::list(keys.iter().copied())),
        );
        meant.map(str::to_owned)
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
                    is_required: false,
                };
                let value = self.value(item_schema, item, &inner);
                self.path.pop();
                item.is_left_out.set(value.is_none());
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
        if scalar.kind == ScalarKind::Null {
            let such = example(schema, here.key)
                .map_or_else(String::new, |example| format!(", such as `{example}`"));
            let or = if here.is_required {
                ""
            } else {
                ", or remove it"
            };
            self.tell(
                here.holder,
                format!("{} is empty", here.name),
                format!("give it a value{such}{or}"),
            );
            return None;
        }
        if !words.is_empty() {
            let mappings: Vec<String> = mappings(schema)
                .flat_map(required)
                .filter(|key| !words.contains(key))
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
        let is_scalar = matches!(&node.value, Value::Scalar(_));
        let expected = facts::kinds(schema).join(" or ");
        self.tell(
            node.place,
            format!("{} must be {expected}, not {found}", here.name),
            facts::written(schema, here.key, is_scalar),
        );
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::raw::{ContractFile, PipelineFile};
    use crate::config::{parse, schema};

    const PIPELINE: &str = include_str!("../../tests/projects/broken/_base/pipelines/shop.yaml");
    const CONTRACT: &str =
        include_str!("../../tests/projects/broken/_base/sql/marts/core/daily_core.yaml");

    fn try_read<T: DeserializeOwned>(
        text: &str,
        schema: &Json,
    ) -> (Option<Read<T>>, Vec<Diagnostic>) {
        let mut problems = Vec::new();
        let document = parse::parse("a.yaml", text, &mut problems);
        let read = document.and_then(|document| read(&document, schema, &mut problems));
        (read, problems)
    }

    /// What the schema lets pass, serde reads; every problem has a cause, a mend and a place in the file.
    fn holds<T: DeserializeOwned>(text: &str, schema: &Json) {
        let (read, problems) = try_read::<T>(text, schema);
        assert!(read.is_some() || !problems.is_empty(), "{text}");
        for problem in &problems {
            assert!(
                !problem.mend.contains("fault of loudou"),
                "{text}\n{problem}"
            );
            assert!(
                !problem.cause.is_empty() && !problem.mend.is_empty(),
                "{text}"
            );
            assert!(
                problem.line <= text.lines().count() + 1,
                "{text}\n{problem}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn spoilt_files_are_told_and_never_taken_for_a_fault(
            at in 0..1_000_usize,
            cut in 0..12_usize,
            put in prop_oneof![
                Just(String::new()),
                "[-a-z0-9:{}\\[\\],'\"#&*!|>%@~ \\n\\t]{1,6}",
                Just("- ".to_owned()),
                Just(": ".to_owned()),
                Just("null".to_owned()),
                Just("漏斗".to_owned()),
            ],
        ) {
            let pipeline_schema = schema::pipeline();
            let contract_schema = schema::contract();
            for (text, is_pipeline) in [(PIPELINE, true), (CONTRACT, false)] {
                let mut letters: Vec<char> = text.chars().collect();
                let start = at % letters.len();
                let end = (start + cut).min(letters.len());
                letters.splice(start..end, put.chars());
                let spoilt: String = letters.into_iter().collect();
                if is_pipeline {
                    holds::<PipelineFile>(&spoilt, &pipeline_schema);
                } else {
                    holds::<ContractFile>(&spoilt, &contract_schema);
                }
            }
        }
    }

    #[test]
    fn a_hurt_part_is_known_by_its_path() {
        let text = "sources: {a: {id: [1]}, b: {from: x}}\n";
        let (read, problems) = try_read::<PipelineFile>(text, &schema::pipeline());
        let read = read.unwrap();
        assert!(!problems.is_empty());
        assert!(read.is_hurt(&["sources", "a", "id"]));
        assert!(!read.is_hurt(&["sources", "b", "id"]));
        assert!(read.is_hurt(&["sources"]));
        assert!(!read.is_hurt(&["funnels"]));
    }
}
