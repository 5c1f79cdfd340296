//! Bad lines, one file per raw object under `_loudou/quarantine/<source>/`, as NDJSON.

use serde_json::json;

use super::IngestContext;
use crate::error::Result;
use crate::project::Source;
use crate::source::{Decoded, RawObject};

fn key(source: &Source, object: &str) -> String {
    format!("_loudou/quarantine/{}/{object}.ndjson", source.name)
}

/// Removes what an earlier version of an object left.
pub(super) async fn remove(context: &IngestContext, source: &Source, object: &str) -> Result<()> {
    context.warehouse.remove_text(&key(source, object)).await
}

/// Writes an object's bad lines, or removes what an earlier version of it left.
pub(super) async fn write(
    context: &IngestContext,
    source: &Source,
    object: &RawObject,
    decoded: &Decoded,
) -> Result<()> {
    if decoded.bad.is_empty() {
        return remove(context, source, &object.path).await;
    }
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
    context.warehouse.write_text(&key, &text).await
}
