//! The declared columns of a source.

use super::tables::is_reserved;
use super::{Checker, Part, time};
use crate::config::raw::{ColumnFile, Listed, RuleWord, SourceFile};
use crate::config::tree::{Node, ScalarKind, Value};
use crate::config::words;
use crate::diagnostic::Place;
use crate::project::{Allowed, Column, DataType, ElementType, Rule, TimeFormat};

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
        let is_event = is_stream && name == "event";
        let written = details.map(|details| {
            [
                ("missing", details.missing),
                ("null", details.null),
                ("wrong", details.wrong),
            ]
        });
        let rule_of = |key: &str| {
            let (_, word) = written?.into_iter().find(|(other, _)| *other == key)?;
            rule(word, node.get(key))
        };
        for key in ["missing", "null", "wrong"] {
            if is_event && rule_of(key) == Some(Rule::Null) {
                checker.tell(
                    node.place_of(key),
                    "column `event` holds the event's name, which no row of the table lacks",
                    format!(
                        "remove `{key}`: a row {} goes to quarantine",
                        match key {
                            "wrong" => "with another value",
                            _ => "without it",
                        }
                    ),
                );
            }
        }
        // A column may be written as its type alone; then that is where the type stands.
        let data_type =
            data_type.and_then(|text| checker.data_type(node.place_of("type"), name, text));
        if is_event && data_type.is_some_and(|data_type| data_type != DataType::String) {
            checker.tell(
                node.place_of("type"),
                "column `event` holds the event's name and must be of type `string`",
                "write `event: string`; give another field another name, such as `event_code: {type: int64, from: event}`",
            );
        }
        let missing = rule_of("missing").unwrap_or(match is_event {
            true => Rule::Quarantine,
            false => Rule::Null,
        });
        let from = details
            .and_then(|details| details.from.as_deref())
            .map_or_else(
                || vec![name.clone()],
                |from| checker.field(node.place_of("from"), "from", from, has_parts),
            );
        let Some(data_type) = data_type else {
            continue;
        };
        let format = details
            .and_then(|details| details.format.as_deref())
            .and_then(|text| format(name, data_type, node, text, checker));
        let one_of = details
            .and_then(|details| details.one_of.as_deref())
            .and_then(|values| one_of(name, data_type, node, values, checker));
        columns.push(Column {
            name: name.clone(),
            data_type,
            from,
            format,
            one_of,
            missing,
            null: rule_of("null").unwrap_or(missing),
            wrong: rule_of("wrong").unwrap_or(Rule::Quarantine),
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

/// A rule as written; `None` where nothing is. YAML's plain `null` is read as nothing at all.
fn rule(word: Option<RuleWord>, node: Option<&Node>) -> Option<Rule> {
    match (word, node.map(|node| &node.value)) {
        (Some(RuleWord::Null), _) => Some(Rule::Null),
        (Some(RuleWord::Quarantine), _) => Some(Rule::Quarantine),
        (None, Some(Value::Scalar(scalar))) if scalar.kind == ScalarKind::Null => Some(Rule::Null),
        (None, _) => None,
    }
}

/// How a column's times are written. Only times and dates are written in more than one way.
fn format(
    column: &str,
    data_type: DataType,
    node: &Node,
    text: &str,
    checker: &mut Checker<'_>,
) -> Option<TimeFormat> {
    if !matches!(data_type, DataType::Timestamp | DataType::Date) {
        let place = node
            .entry("format")
            .map_or(node.place, |entry| entry.key_place);
        checker.tell(
            place,
            format!("column `{column}` has a `format`, but is of type `{data_type}`"),
            "remove `format`, or make the column a `timestamp` or `date`",
        );
        return None;
    }
    let format = time::format(node.place_of("format"), text, checker);
    // A date's usual spelling needs no clock, and no zone.
    (data_type != DataType::Date || format != TimeFormat::Date).then_some(format)
}

/// The only values a column may have.
fn one_of(
    column: &str,
    data_type: DataType,
    node: &Node,
    values: &[Listed],
    checker: &mut Checker<'_>,
) -> Option<Allowed> {
    let key_place = node
        .entry("one_of")
        .map_or(node.place, |entry| entry.key_place);
    let is_number = match data_type {
        DataType::String | DataType::List(ElementType::String) => false,
        DataType::Int64 | DataType::List(ElementType::Int64) => true,
        other => {
            checker.tell(
                key_place,
                format!("column `{column}` has `one_of`, but is of type `{other}`"),
                "remove `one_of`: only the values of `string`, `int64` and lists of them can be listed",
            );
            return None;
        }
    };
    let list = node.get("one_of");
    // Items that could not be read were told already.
    if values.is_empty() && list.is_none_or(|list| list.items().is_empty()) {
        checker.tell(
            key_place,
            format!("`one_of` of column `{column}` is empty: every value would be wrong"),
            "name the values, such as `one_of: [ios, android]`, or remove it",
        );
    }
    let mut numbers = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let place = list.map_or(node.place, |list| list.place_of_item(index, values.len()));
        if values.iter().take(index).any(|earlier| earlier == value) {
            checker.tell(
                place,
                format!("`one_of` names {} twice", words::quoted(&value.0)),
                "keep one of them",
            );
        }
        match value.0.parse::<i64>() {
            Ok(number) => numbers.push(number),
            Err(_) if is_number => checker.tell(
                place,
                format!(
                    "`one_of` names {}, but column `{column}` is of type `{data_type}`",
                    words::quoted(&value.0)
                ),
                "write whole numbers, or make the column a `string`",
            ),
            Err(_) => {}
        }
    }
    Some(if is_number {
        numbers.sort_unstable();
        Allowed::Numbers(numbers)
    } else {
        let mut texts: Vec<String> = values.iter().map(|value| value.0.clone()).collect();
        texts.sort_unstable();
        Allowed::Texts(texts)
    })
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
