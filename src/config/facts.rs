//! What a JSON Schema says about a value, and how a person is told.

use serde_json::{Map, Value as Json};

use super::words;

/// The schema itself, or its alternatives.
pub fn alternatives(schema: &Json) -> impl Iterator<Item = &Json> {
    let list = ["oneOf", "anyOf"]
        .iter()
        .find_map(|key| schema.get(key)?.as_array());
    list.map_or_else(|| std::slice::from_ref(schema), Vec::as_slice)
        .iter()
}

/// The alternatives that are mappings.
pub fn mappings(schema: &Json) -> impl Iterator<Item = &Json> {
    alternatives(schema).filter(|one| takes(one, "object"))
}

pub fn takes(schema: &Json, name: &str) -> bool {
    match schema.get("type") {
        Some(Json::String(only)) => only == name,
        Some(Json::Array(names)) => names.iter().any(|one| one == name),
        _ => false,
    }
}

pub fn required(schema: &Json) -> impl Iterator<Item = &str> {
    schema
        .get("required")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
}

/// What a mapping is called.
pub fn title(schema: &Json) -> Option<&str> {
    schema.get("title").and_then(Json::as_str)
}

/// The words that a text must be one of; none where any text will do.
pub fn allowed_words(schema: &Json) -> Vec<&str> {
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
pub fn example(schema: &Json, key: Option<&str>) -> Option<String> {
    let first = schema.get("examples")?.as_array()?.first()?;
    let value = words::yaml(first);
    Some(key.map_or_else(|| value.clone(), |key| format!("{key}: {value}")))
}

/// How a missing key is asked for: with its example and its description's first sentence.
pub fn asked(key: &str, property: &Json) -> String {
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

/// Keys of a mapping.
pub fn keys(schema: &Json) -> Vec<&str> {
    schema
        .get("properties")
        .and_then(Json::as_object)
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
        .collect()
}

/// What a value may be, in words.
pub fn kinds(schema: &Json) -> Vec<&'static str> {
    const KINDS: [(&str, &str); 6] = [
        ("string", "a text"),
        ("integer", "a whole number"),
        ("number", "a number"),
        ("boolean", "`true` or `false`"),
        ("array", "a list"),
        ("object", "a mapping"),
    ];
    let mut kinds = Vec::new();
    for one in alternatives(schema) {
        for (name, word) in KINDS {
            if takes(one, name) && !kinds.contains(&word) {
                kinds.push(word);
            }
        }
    }
    if kinds.is_empty() {
        kinds.push("one word");
    }
    kinds
}

/// How a value of another kind is to be written.
pub fn written(schema: &Json, key: Option<&str>, is_scalar: bool) -> String {
    let takes_text = is_scalar && alternatives(schema).any(|one| takes(one, "string"));
    if let Some(example) = example(schema, key) {
        let quotes = if takes_text {
            "; a text that looks like something else needs quotes"
        } else {
            ""
        };
        return format!("write it such as `{example}`{quotes}");
    }
    let words = allowed_words(schema);
    if !words.is_empty() {
        return format!("it is {}", words::any_of(words));
    }
    if takes_text {
        return "put it in quotes".to_owned();
    }
    if mappings(schema).count() > 1 {
        let keys = mappings(schema).flat_map(required);
        let ways: Vec<String> = keys.map(|key| format!("{key}: …")).collect();
        return format!("it is {}", words::any_of(ways.iter().map(String::as_str)));
    }
    let Some(mapping) = mappings(schema).next() else {
        return format!("write {}", kinds(schema).join(" or "));
    };
    let keys = keys(mapping);
    if keys.is_empty() {
        let inner = mapping.get("additionalProperties").unwrap_or(&Json::Null);
        let such = example(inner, Some("<name>")).unwrap_or_else(|| "<name>: …".to_owned());
        return format!("write one line for each, indented, without `- `: `{such}`");
    }
    let where_to = if key.is_some() {
        " below it, indented"
    } else {
        ""
    };
    format!("write its keys{where_to}: {}", words::list(keys))
}
