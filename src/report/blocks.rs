//! Which block of a template is not closed. The template library tells only that something is wrong.

use crate::diagnostic::{Diagnostic, Place};

/// A `{{#name}}` or `{{/name}}`.
struct Tag<'a> {
    name: &'a str,
    place: Place,
    is_opening: bool,
}

/// The first block that is closed by another one's end or not at all.
pub fn problem(file: &str, text: &str) -> Option<Diagnostic> {
    let mut open: Vec<Tag<'_>> = Vec::new();
    for tag in tags(text) {
        if tag.is_opening {
            open.push(tag);
            continue;
        }
        match open.pop() {
            Some(begin) if begin.name == tag.name => {}
            Some(begin) => {
                return Some(Diagnostic::new(
                    file,
                    tag.place,
                    format!(
                        "{{{{/{}}}}} stands where the block {{{{#{}}}}} of line {} is still open",
                        tag.name, begin.name, begin.place.line
                    ),
                    format!("close that one first: {{{{/{}}}}}", begin.name),
                ));
            }
            None => {
                return Some(Diagnostic::new(
                    file,
                    tag.place,
                    format!("{{{{/{}}}}} closes a block that was not opened", tag.name),
                    "remove it, or open the block before",
                ));
            }
        }
    }
    open.pop().map(|begin| {
        Diagnostic::new(
            file,
            begin.place,
            format!("the block {{{{#{}}}}} is never closed", begin.name),
            format!("write {{{{/{}}}}} where it ends", begin.name),
        )
    })
}

/// Tags in order. Comments hold none.
fn tags(text: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("{{") {
        let start = at + found;
        let inner = text[start + 2..].trim_start_matches('~');
        at = start + 2;
        if let Some(comment) = inner.strip_prefix('!') {
            let end = if comment.starts_with("--") {
                "--}}"
            } else {
                "}}"
            };
            let from = text.len() - comment.len();
            at = comment.find(end).map_or(text.len(), |end| from + end);
            continue;
        }
        let (is_opening, rest) = if let Some(rest) = inner.strip_prefix('#') {
            (true, rest.trim_start_matches(['>', '*']))
        } else if let Some(rest) = inner.strip_prefix('/') {
            (false, rest)
        } else {
            continue;
        };
        let rest = rest.trim_start();
        let end = rest
            .find(|character: char| character.is_whitespace() || "}~".contains(character))
            .unwrap_or(rest.len());
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        tags.push(Tag {
            name: &rest[..end],
            place: Place::new(
                text[..start].matches('\n').count() + 1,
                text[line_start..start].chars().count() + 1,
            ),
            is_opening,
        });
    }
    tags
}
