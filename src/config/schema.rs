//! The JSON Schemas of the YAML files, generated from the serde types in [`super::raw`].
//!
//! They serve twice: [`super::walk`] walks them over a file's tree so that every problem is told, and
//! editors read them (`# yaml-language-server: $schema=…`). They are stricter than serde in one point:
//! an empty value (`late:`) is refused, never taken for an absent key.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value as Json;

use super::raw::{ContractFile, PipelineFile, ProjectFile, ReportFile, SectionFile};

/// Schema of `pipelines/_project.yaml`.
pub fn project() -> Json {
    of::<ProjectFile>()
}

/// Schema of `pipelines/<name>.yaml`.
pub fn pipeline() -> Json {
    of::<PipelineFile>()
}

/// Schema of the contract beside a model.
pub fn contract() -> Json {
    of::<ContractFile>()
}

/// Schema of `reports/<role>/report.yaml`.
pub fn report() -> Json {
    of::<ReportFile>()
}

/// Schema of `reports/<role>/sections/<section>.yaml`.
pub fn section() -> Json {
    of::<SectionFile>()
}

/// Every schema with the name its file takes (`<name>.json`).
pub fn json_schema() -> Vec<(&'static str, Json)> {
    vec![
        ("project", project()),
        ("pipeline", pipeline()),
        ("contract", contract()),
        ("report", report()),
        ("section", section()),
    ]
}

/// Schema of one type, everything written in place (our types are not recursive).
fn of<T: JsonSchema>() -> Json {
    SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(NoNull)
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// Takes `null` out of optional keys.
#[derive(Clone)]
struct NoNull;

impl Transform for NoNull {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(object) = schema.as_object_mut() {
            let is_null = |value: &Json| value.get("type") == Some(&Json::from("null"));
            if let Some(Json::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            let mut only = None;
            if let Some(Json::Array(alternatives)) = object.get_mut("anyOf") {
                alternatives.retain(|alternative| !is_null(alternative));
                if alternatives.len() == 1 {
                    only = alternatives.pop();
                }
            }
            // What is written at the key (its description, its examples) stands before what is
            // written at its type.
            if let Some(Json::Object(inner)) = only {
                object.remove("anyOf");
                for (key, value) in inner {
                    object.entry(key).or_insert(value);
                }
            }
        }
        transform_subschemas(self, schema);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Visits every schema inside a schema.
    fn visit(schema: &Json, each: &mut dyn FnMut(&Json)) {
        each(schema);
        for key in ["properties"] {
            for (_, inner) in schema
                .get(key)
                .and_then(Json::as_object)
                .into_iter()
                .flatten()
            {
                visit(inner, each);
            }
        }
        for key in ["items", "additionalProperties"] {
            if let Some(inner) = schema.get(key).filter(|inner| inner.is_object()) {
                visit(inner, each);
            }
        }
        for key in ["anyOf", "oneOf"] {
            for inner in schema
                .get(key)
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
            {
                visit(inner, each);
            }
        }
    }

    #[test]
    fn every_mapping_refuses_unknown_keys_and_says_what_it_is() {
        for (name, schema) in json_schema() {
            visit(&schema, &mut |schema| {
                if schema.get("properties").is_some() {
                    assert_eq!(
                        schema.get("additionalProperties"),
                        Some(&Json::Bool(false)),
                        "{name}: {schema}"
                    );
                }
                assert_ne!(schema.get("type"), Some(&Json::from("null")), "{name}");
                let described = |schema: &Json| schema.get("description").is_some();
                for (key, property) in schema
                    .get("properties")
                    .and_then(Json::as_object)
                    .into_iter()
                    .flatten()
                {
                    // A variant's one key is described by the variant.
                    assert!(
                        described(property) || described(schema),
                        "{name}: {key} has no description"
                    );
                }
            });
        }
    }

    #[test]
    fn the_walker_knows_every_word_of_the_schemas() {
        const KNOWN: [&str; 21] = [
            "$schema",
            "title",
            "description",
            "type",
            "properties",
            "required",
            "items",
            "enum",
            "const",
            "additionalProperties",
            "anyOf",
            "oneOf",
            "minItems",
            "maxItems",
            "examples",
            "format",
            "default",
            "minimum",
            "maximum",
            "minLength",
            "maxLength",
        ];
        for (name, schema) in json_schema() {
            visit(&schema, &mut |schema| {
                for key in schema.as_object().unwrap().keys() {
                    assert!(
                        KNOWN.contains(&key.as_str()),
                        "{name}: `{key}` is not walked"
                    );
                }
            });
        }
    }
}
