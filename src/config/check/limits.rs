//! What one object and one line of a source may hold.

use super::Checker;
use crate::config::raw::LimitsFile;
use crate::config::tree::Node;
use crate::config::words;
use crate::project::{Limits, Memory};

/// Checks the limits; what is not written is as usual.
pub fn limits(raw: &LimitsFile, node: &Node, checker: &mut Checker<'_>) -> Limits {
    let mut limits = Limits::DEFAULT;
    let size = |key: &str, text: &Option<String>, most: u64, checker: &mut Checker<'_>| {
        let text = text.as_deref()?;
        match Memory::parse(text) {
            Some(Memory::Bytes(bytes)) if (1..=most).contains(&bytes) => return Some(bytes),
            Some(Memory::Bytes(bytes)) if bytes > most => checker.tell(
                node.place_of(key),
                format!("`{key}: {text}` is more than can be held"),
                format!("write at most `{key}: {}MiB`", most >> 20),
            ),
            _ => checker.tell(
                node.place_of(key),
                format!("`{key}` cannot be {}", words::quoted(text)),
                format!("write a size, such as `{key}: 16MiB`"),
            ),
        }
        None
    };
    if let Some(bytes) = size("object", &raw.object, u64::MAX, checker) {
        limits.object_bytes = bytes;
    }
    if let Some(bytes) = size("line", &raw.line, Limits::MOST_LINE_BYTES, checker) {
        limits.line_bytes = bytes;
    }
    let mut number = |key: &str, written: Option<i64>, most: u64| {
        let number = written?;
        match u64::try_from(number) {
            Ok(number) if (1..=most).contains(&number) => Some(number),
            _ => {
                checker.tell(
                    node.place_of(key),
                    format!("`{key}` cannot be {number}"),
                    format!("write a whole number from 1 to {most}"),
                );
                None
            }
        }
    };
    if let Some(ratio) = number("ratio", raw.ratio, 1_000_000) {
        limits.ratio = ratio;
    }
    if let Some(nesting) = number("nesting", raw.nesting, Limits::MOST_NESTING.into()) {
        limits.nesting = u32::try_from(nesting).unwrap_or(Limits::MOST_NESTING);
    }
    if let Some(fields) = number("fields", raw.fields, 1_000_000) {
        limits.fields = fields;
    }
    limits
}
