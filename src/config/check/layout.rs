//! The layout of a source: how its objects are named below its folder.

use super::Checker;
use crate::config::raw::{FormatWord, SourceFile};
use crate::config::words;
use crate::diagnostic::Place;

/// Checks the layout; true if it has a `{date}`.
pub fn layout(place: Place, text: &str, raw: &SourceFile, checker: &mut Checker<'_>) -> bool {
    let mut tell = |cause: String, mend: &str| checker.tell(place, cause, mend);
    if text.trim().is_empty() {
        tell(
            "`layout` is empty".to_owned(),
            "write how objects are named below `from`, such as `layout: \"{date}/*.ndjson.gz\"`",
        );
        return false;
    }
    if text.contains("://") || text.starts_with('/') || text.split('/').any(|part| part == "..") {
        tell(
            format!("`layout` {} leaves the folder `from`", words::quoted(text)),
            "put the folder into `from`; `layout` is what stands below it",
        );
    } else if text.ends_with('/') || text.split('/').any(str::is_empty) {
        tell(
            format!(
                "`layout` {} names a folder, not objects",
                words::quoted(text)
            ),
            "end it with the objects' names, such as `/*.ndjson.gz`, without empty parts",
        );
    }
    if text.contains("**") {
        tell(
            "`layout` holds `**`, which is not known".to_owned(),
            "write a `*` for each folder: it stands for anything within one path segment",
        );
    }
    if raw.format == Some(FormatWord::Parquet)
        && [".gz", ".zst"].iter().any(|end| text.ends_with(end))
    {
        tell(
            "`layout` names compressed objects, but `format` is parquet, which is compressed inside".to_owned(),
            "name the `.parquet` objects, or write the format the objects are in",
        );
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let Some((name, after)) = rest
            .get(open..)
            .and_then(|at| at.strip_prefix('{'))
            .and_then(|at| at.split_once('}'))
        else {
            tell(
                format!(
                    "`layout` {} has a brace that is not one of a pair",
                    words::quoted(text)
                ),
                "braces stand around placeholders only: `{date}`, `{hour}`",
            );
            break;
        };
        if !["date", "hour"].contains(&name) {
            let usual = match name {
                "dt" | "day" | "yyyy-MM-dd" => "did you mean `{date}`? ",
                "hh" | "HH" => "did you mean `{hour}`? ",
                _ => "",
            };
            tell(
                format!("`layout` has the unknown placeholder `{{{name}}}`"),
                &format!(
                    "{usual}placeholders are `{{date}}` (YYYY-MM-DD) and `{{hour}}` (HH); `*` stands for anything else"
                ),
            );
        } else if seen.contains(&name) {
            tell(
                format!("`layout` has `{{{name}}}` twice"),
                "keep one, and write `*` for the other",
            );
        }
        seen.push(name);
        rest = after;
    }
    let has_date = seen.contains(&"date");
    if seen.contains(&"hour") && !has_date {
        tell(
            "`layout` has `{hour}` without `{date}`".to_owned(),
            "add `{date}` where the day stands, or write `*` for the hour",
        );
    }
    if raw.layout_zone.is_some() && !has_date {
        tell(
            "`layout_zone` is given, but `layout` has no `{date}` that would be in it".to_owned(),
            "remove `layout_zone`, or add `{date}` where the day stands",
        );
    }
    has_date
}
