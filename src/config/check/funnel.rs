//! Funnels: the table they run on, their steps, their breakdowns.

use std::collections::BTreeMap;

use super::tables::{Maker, Table, Tables};
use super::{Checker, Part};
use crate::config::raw::{FunnelFile, StepFile};
use crate::config::tree::Node;
use crate::config::words;
use crate::diagnostic::Place;
use crate::project::{DataType, Duration, Funnel, Step};

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
    if let Some(table) = raw.on.as_deref() {
        let place = node.place_of("on");
        if let Some(known) = on(place, name, table, tables, checker) {
            columns(raw, table, &entity, node, known, checker);
        }
    }
    let window = raw
        .window
        .as_deref()
        .map(|text| window(node.place_of("window"), text, checker));
    groupings(raw, node, checker);
    let steps = steps(raw, node, checker);

    let title = checker.local_text(node, "title", raw.title.as_ref(), name);
    let funnel = Funnel {
        name: name.to_owned(),
        title,
        on: raw.on.clone()?,
        entity,
        window: window?,
        steps,
        by: raw.by.iter().map(|grouping| grouping.0.clone()).collect(),
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
    let list = node.get("by");
    for (index, grouping) in raw.by.iter().enumerate() {
        let entry = list.and_then(|list| list.item(index, raw.by.len()));
        for (position, column) in grouping.0.iter().enumerate() {
            let place = entry.map_or(node.place, |entry| {
                entry.place_of_item(position, grouping.0.len())
            });
            if let Some(Some(list @ DataType::List(_))) = table.columns.get(column) {
                checker.tell(
                    place,
                    format!("`by` names `{column}`, a {list}, which has no one value to group by"),
                    "take another column, or a model that selects one row for each element by unnest(…)",
                );
            }
            if !table.columns.contains_key(column) {
                unknown_column(place, column, "`by`", name, &table.columns, checker);
            }
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

fn groupings(raw: &FunnelFile, node: &Node, checker: &mut Checker<'_>) {
    let list = node.get("by");
    for (index, grouping) in raw.by.iter().enumerate() {
        let entry = list.and_then(|list| list.item(index, raw.by.len()));
        let place = entry.map_or(node.place, |entry| entry.place);
        if raw.by.iter().take(index).any(|earlier| earlier == grouping) {
            checker.tell(
                place,
                format!(
                    "`by` has the breakdown {} twice",
                    words::list(grouping.0.iter().map(String::as_str))
                ),
                "keep one of them",
            );
        }
        for (position, column) in grouping.0.iter().enumerate() {
            if grouping
                .0
                .iter()
                .take(position)
                .any(|earlier| earlier == column)
            {
                let place = entry.map_or(place, |entry| {
                    entry.place_of_item(position, grouping.0.len())
                });
                checker.tell(
                    place,
                    format!("a breakdown of `by` names `{column}` twice"),
                    "keep one of them",
                );
            }
        }
    }
}

fn steps(raw: &FunnelFile, node: &Node, checker: &mut Checker<'_>) -> Vec<Step> {
    let list = node.get("steps");
    let steps: &[StepFile] = raw.steps.as_deref().unwrap_or_default();
    let node_of = |index: usize| {
        list.and_then(|list| list.item(index, steps.len()))
            .unwrap_or(list.unwrap_or(node))
    };
    let mut checked = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let node = node_of(index);
        if let Some(name) = &step.name {
            let place = node.place_of("name");
            checker.name(place, "a step", name);
            let first = steps
                .iter()
                .take(index)
                .position(|earlier| earlier.name == step.name);
            if let Some(first) = first {
                checker.tell(
                    place,
                    format!("two steps are named `{name}`"),
                    format!(
                        "give one of them another name; the first is in line {}",
                        node_of(first).place_of("name").line
                    ),
                );
            }
        }
        if step
            .when
            .as_deref()
            .is_some_and(|when| when.trim().is_empty())
        {
            checker.tell(
                node.place_of("when"),
                "`when` is empty",
                "write an SQL condition, such as `when: \"event = 'register'\"`",
            );
        }
        let name = step.name.clone().unwrap_or_default();
        let title = checker.local_text(node, "title", step.title.as_ref(), &name);
        let golden = step
            .golden
            .as_ref()
            .map(|share| checker.ratio(node.place_of("golden"), "golden", share));
        checked.extend(step.when.clone().map(|when| Step {
            name,
            title,
            when,
            golden,
            place: checker.place(node.get("when").map_or(node.place, Node::content_place)),
        }));
    }
    checked
}
