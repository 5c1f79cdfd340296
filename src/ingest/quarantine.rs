//! Bad lines, one file per raw object under `_loudou/quarantine/<source>/`, as NDJSON.

use serde_json::json;

use super::IngestContext;
use crate::error::Result;
use crate::project::Source;
use crate::source::{Decoded, RawObject};

fn key(source: &Source, object: &str) -> String {
    format!("_loudou/quarantine/{}/{object}.ndjson", source.name)
}

/// Removes what earlier versions of objects left.
pub(super) async fn remove(
    context: &IngestContext,
    source: &Source,
    objects: impl Iterator<Item = &str>,
) -> Result<()> {
    let keys = objects.map(|object| key(source, object)).collect();
    context.warehouse.remove_texts(keys).await
}

/// Writes an object's bad lines.
pub(super) async fn write(
    context: &IngestContext,
    source: &Source,
    object: &RawObject,
    decoded: &Decoded,
) -> Result<()> {
    let mut text = String::new();
    for bad in &decoded.bad {
        let line = json!({
            "object": object.path,
            "line": bad.line,
            "offset": bad.offset,
            "reason": bad.reason,
            "column": bad.column,
            "detail": bad.detail,
            "text": bad.text,
        });
        text.push_str(&line.to_string());
        text.push('\n');
    }
    let key = key(source, &object.path);
    context.warehouse.write_text_beside(&key, text).await
}
