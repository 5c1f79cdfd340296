//! Sources: where raw objects lie and what a row of them becomes.

use std::path::Path;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime};

use super::tables::is_reserved;
use super::{Checker, Part};
use crate::config::paths;
use crate::config::raw::{
    ColumnFile, DuplicatesWord, FormatWord, LayoutZoneWord, Ratio, RuleWord, SourceFile, TimeFile,
};
use crate::config::tree::Node;
use crate::config::words;
use crate::diagnostic::Place;
use crate::project::{
    Column, DataType, Duplicates, Duration, FileFormat, HOUR_US, LayoutZone, Rule, Source,
    TimeFormat, TimeSpec,
};

/// Where a source may not read from, and what relative folders are relative to.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The project's folder, canonical.
    pub root: &'a Path,
    /// The published tables' folder, if it is known.
    pub warehouse: Option<&'a Path>,
}

/// Checks one source.
pub fn source(
    name: &str,
    raw: &SourceFile,
    part: Part<'_>,
    surroundings: Surroundings<'_>,
    checker: &mut Checker<'_>,
) -> Option<Source> {
    let before = checker.told();
    let node = part.node;
    checker.name(part.key_place, "a source", name);

    let from = from(node.place_of("from"), &raw.from, surroundings, checker);
    let has_date = layout(node.place_of("layout"), raw, checker);
    let has_parts = raw.format != FormatWord::Csv;

    if raw.time.is_none() && !part.is_hurt("time") {
        if raw.user.is_some() {
            checker.tell(
                part.key_place,
                format!("source `{name}` has a `user` but no `time`"),
                "add where the event time stands, such as `time: {field: ts, format: iso}`",
            );
        } else if !has_date {
            checker.tell(
                part.key_place,
                format!("source `{name}` has neither a `time` nor `{{date}}` in its `layout`: its rows belong to no day"),
                "add `time: {field: …, format: …}`, or `{date}` where the day stands in the objects' names",
            );
        }
    }
    let time = raw
        .time
        .as_ref()
        .map(|raw| time(raw, part, has_parts, checker));
    for (key, field) in [("id", &raw.id), ("user", &raw.user)] {
        if let Some(field) = field {
            checker.field(node.place_of(key), key, field, has_parts);
        }
    }
    let duplicates = duplicates(name, raw, part, checker);
    let columns = columns(name, raw, part, has_parts, checker);
    let sort_by = sort_by(name, raw, part, checker);

    let days = |key: &str, text: &Option<String>, checker: &mut Checker<'_>| {
        text.as_deref()
            .map(|text| checker.whole_days(node.place_of(key), key, text))
    };
    let late = days("late", &raw.late, checker).unwrap_or(Duration::from_days(3));
    let inside = |outer: &str, inner: &str| {
        node.get(outer)
            .map_or(node.place, |outer| outer.place_of(inner))
    };
    let complete_after = raw
        .complete_when
        .as_ref()
        .map_or(Duration::from_us(2 * HOUR_US), |raw| {
            checker.duration(inside("complete_when", "after"), "after", &raw.after)
        });
    let default_share = Ratio::Number(0.001);
    let share = raw
        .quarantine
        .as_ref()
        .map_or(&default_share, |raw| &raw.at_most);
    let quarantine_at_most = checker.ratio(inside("quarantine", "at_most"), "at_most", share);

    let from = from?;
    (checker.told() == before).then(|| Source {
        name: name.to_owned(),
        from,
        layout: raw.layout.clone(),
        layout_zone: match raw.layout_zone {
            None | Some(LayoutZoneWord::Project) => LayoutZone::Project,
            Some(LayoutZoneWord::Utc) => LayoutZone::Utc,
        },
        format: match raw.format {
            FormatWord::Ndjson => FileFormat::Ndjson,
            FormatWord::Csv => FileFormat::Csv,
            FormatWord::Parquet => FileFormat::Parquet,
        },
        time,
        id: raw.id.clone(),
        user: raw.user.clone(),
        duplicates,
        columns,
        sort_by,
        late,
        complete_after,
        quarantine_at_most,
    })
}

fn from(
    place: Place,
    text: &str,
    surroundings: Surroundings<'_>,
    checker: &mut Checker<'_>,
) -> Option<String> {
    match paths::folder(surroundings.root, "from", text) {
        Ok(folder)
            if surroundings
                .warehouse
                .is_some_and(|warehouse| folder.path.starts_with(warehouse)) =>
        {
            checker.tell(
                place,
                "`from` lies in the warehouse: the project would read what it writes",
                "keep raw objects in a folder of their own, such as `from: raw/events/`",
            );
            None
        }
        Ok(folder) => Some(folder.url),
        Err(wrong) => {
            checker.tell(place, wrong.cause, wrong.mend);
            None
        }
    }
}

/// Checks the layout; true if it has a `{date}`.
fn layout(place: Place, raw: &SourceFile, checker: &mut Checker<'_>) -> bool {
    let text = raw.layout.as_str();
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
    if raw.format == FormatWord::Parquet && [".gz", ".zst"].iter().any(|end| text.ends_with(end)) {
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

fn time(raw: &TimeFile, part: Part<'_>, has_parts: bool, checker: &mut Checker<'_>) -> TimeSpec {
    let node = part.node.get("time").unwrap_or(part.node);
    let field = checker.field(node.place_of("field"), "field", &raw.field, has_parts);
    let place = node.place_of("format");
    let format = match raw.format.as_str() {
        "iso" => TimeFormat::Iso,
        "epoch_s" => TimeFormat::EpochS,
        "epoch_ms" => TimeFormat::EpochMs,
        "epoch_us" => TimeFormat::EpochUs,
        "date" => TimeFormat::Date,
        pattern => {
            if !pattern.contains('%') {
                const NAMES: [&str; 5] = ["iso", "epoch_s", "epoch_ms", "epoch_us", "date"];
                checker.tell(
                    place,
                    format!("`format` cannot be {}", words::quoted(pattern)),
                    format!(
                        "{}it is {}, or a strftime pattern such as `%Y-%m-%d %H:%M:%S`",
                        words::did_you_mean(pattern, NAMES),
                        words::list(NAMES)
                    ),
                );
            } else if let Some(cause) = pattern_problem(pattern) {
                checker.tell(
                    place,
                    format!("the time pattern {} {cause}", words::quoted(pattern)),
                    "write a strftime pattern with day and time, such as `%Y-%m-%d %H:%M:%S`",
                );
            }
            TimeFormat::Pattern(pattern.to_owned())
        }
    };
    TimeSpec { field, format }
}

/// What is wrong with a strftime pattern: it must be able to read what it has written.
fn pattern_problem(pattern: &str) -> Option<&'static str> {
    if StrftimeItems::new(pattern).any(|item| matches!(item, Item::Error)) {
        return Some("has an unknown `%` field");
    }
    // A time of day in the second half of both hour counts, with a day above 12.
    let sample: DateTime<FixedOffset> =
        DateTime::parse_from_rfc3339("2026-10-18T20:12:33.123456+08:00").ok()?;
    let written = sample.format(pattern).to_string();
    let day = sample.date_naive();
    let reads = DateTime::parse_from_str(&written, pattern)
        .is_ok_and(|read| read.date_naive() == day)
        || NaiveDateTime::parse_from_str(&written, pattern).is_ok_and(|read| read.date() == day)
        || NaiveDate::parse_from_str(&written, pattern).is_ok_and(|read| read == day);
    (!reads).then_some("does not tell which day a time is on, or only half of its time of day")
}

fn duplicates(
    name: &str,
    raw: &SourceFile,
    part: Part<'_>,
    checker: &mut Checker<'_>,
) -> Duplicates {
    if raw.id.is_none() && !part.is_hurt("id") {
        if raw.duplicates == Some(DuplicatesWord::ById) {
            checker.tell(
                part.node.place_of("duplicates"),
                format!("source `{name}` has `duplicates: by_id` but no `id`"),
                "add `id: <field>`, or write `duplicates: keep` or `duplicates: whole_row`",
            );
        } else if raw.duplicates.is_none() && !part.is_hurt("duplicates") {
            checker.tell(
                part.key_place,
                format!("source `{name}` has no `id`, so it must say what happens to duplicate rows"),
                "add `id: <field>`, or `duplicates: keep` (all rows stay) or `duplicates: whole_row` (equal rows are one)",
            );
        }
    }
    match raw.duplicates {
        None | Some(DuplicatesWord::ById) => Duplicates::ById,
        Some(DuplicatesWord::Keep) => Duplicates::Keep,
        Some(DuplicatesWord::WholeRow) => Duplicates::WholeRow,
    }
}

fn columns(
    source: &str,
    raw: &SourceFile,
    part: Part<'_>,
    has_parts: bool,
    checker: &mut Checker<'_>,
) -> Vec<Column> {
    let list = part.node.get("columns");
    let is_stream = raw.user.is_some();
    let mut columns = Vec::new();
    for (name, column) in &raw.columns.0 {
        let entry = list.and_then(|list| list.entry(name));
        let key_place = entry.map_or(part.key_place, |entry| entry.key_place);
        let node = entry.map_or(part.node, |entry| &entry.value);
        if is_reserved(name) {
            checker.tell(
                key_place,
                format!("column `{name}` is made by loudou and cannot be declared"),
                instead_of(name),
            );
        } else {
            checker.name(key_place, "a column", name);
        }
        let (data_type, details) = match column {
            ColumnFile::Type(data_type) => (data_type, None),
            ColumnFile::Details(details) => (&details.data_type, Some(details)),
        };
        // A column may be written as its type alone; then that is where the type stands.
        let data_type = checker.data_type(node.place_of("type"), name, data_type);
        let is_event = is_stream && name == "event";
        if is_event && data_type.is_some_and(|data_type| data_type != DataType::String) {
            checker.tell(
                node.place_of("type"),
                "column `event` holds the event's name and must be of type `string`",
                "write `event: string`; give another field another name, such as `event_code: {type: int64, from: event}`",
            );
        }
        let rule = |word: Option<RuleWord>, otherwise: Rule| match word {
            None => otherwise,
            Some(RuleWord::Null) => Rule::Null,
            Some(RuleWord::Quarantine) => Rule::Quarantine,
        };
        let missing = if is_event {
            Rule::Quarantine
        } else {
            Rule::Null
        };
        let from = details.and_then(|details| details.from.as_deref());
        columns.push(Column {
            name: name.clone(),
            data_type: data_type.unwrap_or(DataType::String),
            from: from.map_or_else(
                || vec![name.clone()],
                |from| checker.field(node.place_of("from"), "from", from, has_parts),
            ),
            missing: rule(details.and_then(|details| details.missing), missing),
            wrong: rule(details.and_then(|details| details.wrong), Rule::Quarantine),
            personal: details
                .and_then(|details| details.personal)
                .unwrap_or(false),
        });
    }
    let declares = |name: &str| list.is_some_and(|list| list.entry(name).is_some());
    if is_stream && !declares("event") {
        checker.tell(
            list.map_or(part.key_place, |_| column_place(part.node)),
            format!("source `{source}` has a `user` but no column `event`, the event's name"),
            "add `event: string` to its columns, or `event: {type: string, from: <field>}` where the field has another name",
        );
    } else if list.is_some_and(|list| list.entries().is_empty()) {
        checker.tell(
            column_place(part.node),
            format!("source `{source}` declares no column"),
            "add at least one, such as `channel: string`",
        );
    }
    columns
}

fn column_place(node: &Node) -> Place {
    node.entry("columns")
        .map_or(node.place, |entry| entry.key_place)
}

/// What to do instead of declaring a column that every table of its kind has.
fn instead_of(column: &str) -> String {
    let own = |key: &str| {
        format!(
            "remove it: `{key}` fills it; to keep another field, give it another name, such as `raw_{column}: {{type: string, from: {column}}}`"
        )
    };
    match column {
        "date" => "remove it: it is the local day of `time`, or the layout's `{date}`; to keep a field of that name, write `raw_date: {type: date, from: date}`".to_owned(),
        "event_time" => own("time: {field: …, format: …}"),
        "event_id" => own("id: <field>"),
        "user_id" | "source_user_id" => own("user: <field>"),
        "user_key" => "remove it: it is computed from the user's id".to_owned(),
        "props" => "remove it: it holds all fields that are not declared; take one out by `name: {type: string, from: props.name}`".to_owned(),
        _ => "remove it: it says from which raw object and where in it a row comes".to_owned(),
    }
}

fn sort_by(
    source: &str,
    raw: &SourceFile,
    part: Part<'_>,
    checker: &mut Checker<'_>,
) -> Vec<String> {
    let node = part.node;
    let Some(columns) = &raw.sort_by else {
        if raw.user.is_none() && !part.is_hurt("user") && !part.is_hurt("sort_by") {
            checker.tell(
                part.key_place,
                format!(
                    "source `{source}` has no `user`, so it must say by which columns it is sorted"
                ),
                "add `sort_by: [<column>, …]`, or `user: <field>` if its rows are events of users",
            );
        }
        return Vec::new();
    };
    let place = node
        .entry("sort_by")
        .map_or(node.place, |entry| entry.key_place);
    if raw.user.is_some() {
        checker.tell(
            place,
            format!("source `{source}` has a `user`, so it is sorted by user and time"),
            "remove `sort_by`",
        );
        return Vec::new();
    }
    if columns.is_empty() && !part.is_hurt("sort_by") {
        checker.tell(
            place,
            "`sort_by` has no column",
            "name at least one column, such as `sort_by: [channel]`",
        );
    }
    let list = node.get("sort_by");
    let declared: Vec<&str> = node
        .get("columns")
        .into_iter()
        .flat_map(Node::entries)
        .map(|entry| entry.key.as_str())
        .collect();
    for (index, column) in columns.iter().enumerate() {
        let place = list.map_or(node.place, |list| list.place_of_item(index, columns.len()));
        if !declared.contains(&column.as_str()) {
            checker.tell(
                place,
                format!(
                    "`sort_by` names {}, which is no declared column",
                    words::quoted(column)
                ),
                format!(
                    "{}columns are {}",
                    words::did_you_mean(column, declared.iter().copied()),
                    words::list(declared.iter().copied())
                ),
            );
        } else if columns.iter().take(index).any(|earlier| earlier == column) {
            checker.tell(
                place,
                format!("`sort_by` names `{column}` twice"),
                "keep one of them",
            );
        }
    }
    columns.clone()
}

#[cfg(test)]
mod tests {
    use super::pattern_problem;

    #[test]
    fn a_pattern_must_tell_the_day() {
        for pattern in [
            "%Y-%m-%d %H:%M:%S",
            "%d/%b/%Y:%H:%M:%S %z",
            "%Y%m%d",
            "%s",
            "%Y-%m-%dT%H:%M:%S%.f",
            "%Y-%j %H:%M",
        ] {
            assert_eq!(pattern_problem(pattern), None, "{pattern}");
        }
        for pattern in ["%H:%M:%S", "%Y-%m", "%m-%d %H:%M", "%Q", "%Y-%m-%d %H:%"] {
            assert!(pattern_problem(pattern).is_some(), "{pattern}");
        }
    }
}
