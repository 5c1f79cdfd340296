//! Funnels: the table they run on, their steps, their breakdowns.

use std::collections::BTreeMap;

use super::tables::{Maker, Table, Tables};
use super::{Checker, Part};
use crate::config::raw::{FunnelFile, OrderFile};
use crate::config::tree::Node;
use crate::config::words;
use crate::diagnostic::Place;
use crate::project::{DataType, Duration, Funnel, StepOrder};

mod breakdowns;
mod exclusions;
mod steps;

/// Checks one funnel.
pub fn funnel(
    name: &str,
    raw: &FunnelFile,
    part: Part<'_>,
    tables: &Tables,
    checker: &mut Checker<'_>,
) -> Option<Funnel> {
    let before = checker.told();
    let node = part.node;
    checker.name(part.key_place, "a funnel", name);

    let entity = raw.of.clone().unwrap_or_else(|| "user_id".to_owned());
    let table = match raw.on.as_deref() {
        Some(table) => on(node.place_of("on"), name, table, tables, checker),
        None => None,
    };
    if let (Some(table), Some(known)) = (raw.on.as_deref(), table) {
        columns(raw, table, &entity, node, known, checker);
    }
    let window = raw
        .window
        .as_deref()
        .map(|text| window(node.place_of("window"), text, checker));
    let by = breakdowns::breakdowns(raw, &entity, node, table, tables, checker);
    let steps = steps::steps(raw, node, window, checker);
    let exclusions = exclusions::exclusions(raw, node, checker);
    let has_event = table
        .is_some_and(|table| matches!(table.columns.get("event"), Some(Some(DataType::String))));
    let next = raw
        .next
        .clone()
        .or_else(|| has_event.then(|| "event".to_owned()));

    let title = checker.local_text(node, "title", raw.title.as_ref(), name);
    let funnel = Funnel {
        name: name.to_owned(),
        title,
        on: raw.on.clone()?,
        entity,
        window: window?,
        order: match raw.order.unwrap_or(OrderFile::Ordered) {
            OrderFile::Ordered => StepOrder::Ordered,
            OrderFile::Strict => StepOrder::Strict,
            OrderFile::Any => StepOrder::Any,
        },
        steps,
        exclusions,
        same: raw.same.clone(),
        next,
        value: raw.value.clone(),
        by,
        place: checker.place(part.key_place),
    };
    (checker.told() == before).then_some(funnel)
}

fn window(place: Place, text: &str, checker: &mut Checker<'_>) -> Duration {
    let before = checker.told();
    let read = checker.duration(place, "window", text);
    if read.us() == 0 && checker.told() == before {
        checker.tell(
            place,
            "`window` is no time at all",
            "write how long a conversion may take, such as `window: 24h`",
        );
    }
    read
}

/// The table it runs on, if there is one whose columns are known.
fn on<'t>(
    place: Place,
    name: &str,
    table: &str,
    tables: &'t Tables,
    checker: &mut Checker<'_>,
) -> Option<&'t Table> {
    match tables
        .get(table)
        .filter(|table| table.maker != Maker::Funnels)
    {
        Some(known) => known.is_known.then_some(known),
        None => {
            let known: Vec<&str> = tables.sources_and_models().collect();
            let list = if known.is_empty() {
                "declare a source first".to_owned()
            } else {
                format!(
                    "sources and models are {}",
                    words::list(known.iter().copied())
                )
            };
            checker.tell(
                place,
                format!(
                    "funnel `{name}` runs on {}, which is no source or model",
                    words::quoted(table)
                ),
                format!("{}{list}", words::did_you_mean(table, known)),
            );
            None
        }
    }
}

/// The table must have the columns that the funnel names or needs.
fn columns(
    raw: &FunnelFile,
    name: &str,
    entity: &str,
    node: &Node,
    table: &Table,
    checker: &mut Checker<'_>,
) {
    for (column, data_type) in [
        ("date", DataType::Date),
        ("event_time", DataType::Timestamp),
    ] {
        let cause = match table.columns.get(column) {
            None => format!("`{name}` has no column `{column}`, which a funnel needs"),
            Some(Some(other)) if *other != data_type => {
                format!(
                    "column `{column}` of `{name}` is `{other}`, but a funnel needs a `{data_type}`"
                )
            }
            Some(_) => continue,
        };
        let mend = match table.maker {
            Maker::Source => {
                "run it on a source with a `user`, whose events have a time".to_owned()
            }
            _ => format!(
                "select `{column}` in the model and declare it in its contract as `{column}: {{type: {data_type}}}`"
            ),
        };
        checker.tell(node.place_of("on"), cause, mend);
    }
    // A source without a user has no `user_id` either; one problem says it.
    let is_told = raw.of.is_none() && table.maker == Maker::Source;
    if !is_told && !table.columns.contains_key(entity) {
        let place = node.place_of(if raw.of.is_some() { "of" } else { "on" });
        unknown_column(place, entity, "`of`", name, &table.columns, checker);
    }
    let same = node.get("same");
    for (position, column) in raw.same.iter().enumerate() {
        let place = same.map_or(node.place, |list| {
            list.place_of_item(position, raw.same.len())
        });
        if !table.columns.contains_key(column) {
            unknown_column(place, column, "`same`", name, &table.columns, checker);
        }
    }
    for (key, column) in [("next", &raw.next), ("value", &raw.value)] {
        let Some(column) = column else { continue };
        let place = node.place_of(key);
        match (key, table.columns.get(column)) {
            (_, None) => {
                let key = format!("`{key}`");
                unknown_column(place, column, &key, name, &table.columns, checker);
            }
            ("next", Some(Some(other))) if *other != DataType::String => checker.tell(
                place,
                format!(
                    "`next` names `{column}`, which is `{other}`, but events are named by a text"
                ),
                "take a column of type string, such as the event or its page",
            ),
            ("value", Some(Some(other)))
                if !matches!(other, DataType::Int64 | DataType::Decimal { .. }) =>
            {
                checker.tell(
                    place,
                    format!("`value` names `{column}`, which is `{other}`, but sums must be exact"),
                    "take a column of type int64 or decimal(…)",
                );
            }
            _ => {}
        }
    }
}

fn unknown_column(
    place: Place,
    column: &str,
    key: &str,
    table: &str,
    columns: &BTreeMap<String, Option<DataType>>,
    checker: &mut Checker<'_>,
) {
    let names = || columns.keys().map(String::as_str);
    checker.tell(
        place,
        format!(
            "{key} names {}, but `{table}` has no such column",
            words::quoted(column)
        ),
        format!(
            "{}its columns are {}",
            words::did_you_mean(column, names()),
            words::list(names())
        ),
    );
}
