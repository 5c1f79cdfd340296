//! Bad lines, one file per raw object under `_loudou/quarantine/<source>/`, as NDJSON.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde_json::json;

use super::IngestContext;
use crate::error::{Error, Result};
use crate::project::Source;
use crate::source::{Decoded, RawObject};
use crate::table::publish::publish_text;

fn path(context: &IngestContext, source: &Source, object: &str) -> PathBuf {
    context
        .warehouse
        .join("_loudou/quarantine")
        .join(&source.name)
        .join(format!("{object}.ndjson"))
}

/// Removes what an earlier version of an object left.
pub(super) fn remove(context: &IngestContext, source: &Source, object: &str) -> Result<()> {
    let path = path(context, source, object);
    match fs::remove_file(&path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("removing", &path)(error)),
    }
}

/// Writes an object's bad lines, or removes what an earlier version of it left.
pub(super) fn write(
    context: &IngestContext,
    source: &Source,
    object: &RawObject,
    decoded: &Decoded,
) -> Result<()> {
    if decoded.bad.is_empty() {
        return remove(context, source, &object.path);
    }
    let path = path(context, source, &object.path);
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
    publish_text(&path, &text)
}
