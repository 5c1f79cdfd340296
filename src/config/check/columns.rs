//! The declared columns of a source.

use super::tables::is_reserved;
use super::{Checker, Part};
use crate::config::raw::{ColumnFile, RuleWord, SourceFile};
use crate::config::tree::Node;
use crate::diagnostic::Place;
use crate::project::{Column, DataType, Rule};

/// Checks the declared columns of a source.
pub fn columns(
    source: &str,
    raw: &SourceFile,
    part: Part<'_>,
    has_parts: bool,
    checker: &mut Checker<'_>,
) -> Vec<Column> {
    let list = part.node.get("columns");
    let is_stream = raw.user.is_some();
    let mut columns = Vec::new();
    for (name, column) in raw.columns.iter().flat_map(|columns| &columns.0) {
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
            ColumnFile::Type(data_type) => (Some(data_type), None),
            ColumnFile::Details(details) => (details.data_type.as_ref(), Some(details)),
        };
        // A column may be written as its type alone; then that is where the type stands.
        if is_stream
            && name == "event"
            && details.and_then(|details| details.missing) == Some(RuleWord::Null)
        {
            checker.tell(
                node.place_of("missing"),
                "column `event` holds the event's name, which no row of the table lacks",
                "remove `missing`: a row without it goes to quarantine",
            );
        }
        let data_type =
            data_type.and_then(|text| checker.data_type(node.place_of("type"), name, text));
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
        let from = details
            .and_then(|details| details.from.as_deref())
            .map_or_else(
                || vec![name.clone()],
                |from| checker.field(node.place_of("from"), "from", from, has_parts),
            );
        let Some(data_type) = data_type else {
            continue;
        };
        columns.push(Column {
            name: name.clone(),
            data_type,
            from,
            missing: rule(details.and_then(|details| details.missing), missing),
            wrong: rule(details.and_then(|details| details.wrong), Rule::Quarantine),
            personal: details
                .and_then(|details| details.personal)
                .unwrap_or(false),
        });
    }
    let declares = |name: &str| list.is_some_and(|list| list.entry(name).is_some());
    if is_stream && list.is_some() && !declares("event") {
        checker.tell(
            column_place(part.node),
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
