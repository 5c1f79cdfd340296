//! Wording shared by all messages: lists of names, the nearest name, YAML as a person would write it.

use serde_json::Value as Json;

/// `` `a`, `b` or `c` ``
pub fn any_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    let Some(last) = quoted.pop() else {
        return "nothing".to_owned();
    };
    if quoted.is_empty() {
        return last;
    }
    format!("{} or {last}", quoted.join(", "))
}

/// `` `a`, `b`, `c` ``
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// `1 column`, `3 columns`
pub fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// The name that was most likely meant, if any is near.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.trim().to_lowercase();
    let length = word.chars().count();
    names
        .into_iter()
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let distance = strsim::damerau_levenshtein(&word, &lower);
            // One slip in a short word, one in four letters of a long one; or its beginning or end.
            let allowed = if length < 3 {
                0
            } else {
                length.max(lower.chars().count()).div_ceil(4)
            };
            let is_near = distance <= allowed;
            let is_part = length >= 2 && (lower.starts_with(&word) || lower.ends_with(&word));
            let is_whole = lower.chars().count() >= 2 && word.starts_with(&lower);
            (is_near || is_part || is_whole).then_some((!is_near, distance, name))
        })
        .min_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)))
        .map(|(_, _, name)| name)
}

/// "did you mean `x`? " if a name is near, else nothing.
pub fn did_you_mean<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, names).map_or_else(String::new, |name| format!("did you mean `{name}`? "))
}

/// A value on one line of YAML.
pub fn yaml(value: &Json) -> String {
    match value {
        Json::String(text) if plain(text) => text.clone(),
        Json::String(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(yaml).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{key}: {}", yaml(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// Whether a text needs no quotes anywhere in YAML; rather too few than too many.
fn plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| !c.is_alphanumeric())
        && !text.ends_with([':', ' '])
        && !text.contains(['{', '}', '[', ']', ',', '#', '=', '\'', '"', '*', '&', '\n'])
        && !text.contains(": ")
        && text.parse::<f64>().is_err()
        && !matches!(text, "true" | "false" | "null")
}

/// A quotation of a value in a message: on one line, not longer than a message bears.
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > LONGEST {
        let start: String = line.chars().take(LONGEST).collect();
        return format!("`{start}…`");
    }
    format!("`{line}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let keys = [
            "from",
            "format",
            "layout",
            "late",
            "zh-CN",
            "en",
            "on",
            "duplicates",
        ];
        for (word, expected) in [
            ("form", Some("from")),
            ("fromat", Some("format")),
            ("From", Some("from")),
            ("zh", Some("zh-CN")),
            ("cn", Some("zh-CN")),
            ("eng", Some("en")),
            ("ob", None),
            ("duplicate", Some("duplicates")),
            ("dedup", None),
            ("path", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, keys), expected, "{word}");
        }
    }

    #[test]
    fn examples_are_yaml_that_can_be_pasted() {
        for (value, expected) in [
            (serde_json::json!("24h"), "24h"),
            (serde_json::json!("a/{date}/*"), "\"a/{date}/*\""),
            (
                serde_json::json!({"field": "ts", "n": [1, "x"]}),
                "{field: ts, n: [1, x]}",
            ),
            (serde_json::json!("12"), "\"12\""),
        ] {
            assert_eq!(yaml(&value), expected);
        }
    }
}
