//! Funnels: the table they run on, their steps, their breakdowns.

use std::collections::BTreeMap;

use super::tables::{Maker, Table, Tables};
use super::{Checker, Part};
use crate::config::raw::{FunnelFile, StepFile};
use crate::config::tree::Node;
use crate::config::words;
use crate::diagnostic::Place;
use crate::project::{DataType, Funnel, Step};

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
    if let Some(table) = on(node.place_of("on"), name, raw, tables, checker) {
        columns(raw, &entity, node, table, checker);
    }
    let window = checker.duration(node.place_of("window"), "window", &raw.window);
    if window.us() == 0 && checker.told() == before {
        checker.tell(
            node.place_of("window"),
            "`window` is no time at all",
            "write how long a conversion may take, such as `window: 24h`",
        );
    }
    groupings(raw, node, checker);
    let steps = steps(raw, part, checker);

    let title = checker.local_text(node.place_of("title"), "title", raw.title.as_ref(), name);
    (checker.told() == before).then(|| Funnel {
        name: name.to_owned(),
        title,
        on: raw.on.clone(),
        entity,
        window,
        steps,
        by: raw.by.iter().map(|grouping| grouping.0.clone()).collect(),
        place: checker.place(part.key_place),
    })
}

/// The table it runs on, if there is one whose columns are known.
fn on<'t>(
    place: Place,
    name: &str,
    raw: &FunnelFile,
    tables: &'t Tables,
    checker: &mut Checker<'_>,
) -> Option<&'t Table> {
    match tables
        .get(&raw.on)
        .filter(|table| table.maker != Maker::Funnels)
    {
        Some(table) => table.is_known.then_some(table),
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
                    words::quoted(&raw.on)
                ),
                format!("{}{list}", words::did_you_mean(&raw.on, known)),
            );
            None
        }
    }
}

/// The table must have the columns that the funnel names or needs.
fn columns(raw: &FunnelFile, entity: &str, node: &Node, table: &Table, checker: &mut Checker<'_>) {
    for (column, data_type) in [
        ("date", DataType::Date),
        ("event_time", DataType::Timestamp),
    ] {
        let cause = match table.columns.get(column) {
            None => format!(
                "`{}` has no column `{column}`, which a funnel needs",
                raw.on
            ),
            Some(Some(other)) if *other != data_type => {
                format!(
                    "column `{column}` of `{}` is `{other}`, but a funnel needs a `{data_type}`",
                    raw.on
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
    if !table.columns.contains_key(entity) {
        let place = node.place_of(if raw.of.is_some() { "of" } else { "on" });
        unknown_column(place, entity, "`of`", &raw.on, &table.columns, checker);
    }
    let list = node.get("by");
    for (index, grouping) in raw.by.iter().enumerate() {
        let entry = list.and_then(|list| list.item(index, raw.by.len()));
        for (position, column) in grouping.0.iter().enumerate() {
            if !table.columns.contains_key(column) {
                let place = entry.map_or(node.place, |entry| {
                    entry.place_of_item(position, grouping.0.len())
                });
                unknown_column(place, column, "`by`", &raw.on, &table.columns, checker);
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

fn steps(raw: &FunnelFile, part: Part<'_>, checker: &mut Checker<'_>) -> Vec<Step> {
    let none = &[][..];
    let items = part.node.get("steps").map_or(none, Node::items);
    // A step that could not be read is missing in `raw`: then items and steps do not correspond.
    let readable = items.iter().filter(|item| {
        raw.steps.len() == items.len()
            || item
                .get("name")
                .and_then(Node::text)
                .is_some_and(|name| raw.steps.iter().any(|step| step.name == name))
    });
    let steps: Vec<(&StepFile, &Node)> = raw.steps.iter().zip(readable).collect();
    let mut checked = Vec::new();
    for (index, (step, node)) in steps.iter().enumerate() {
        let place = node.place_of("name");
        checker.name(place, "a step", &step.name);
        if let Some((_, first)) = steps
            .iter()
            .take(index)
            .find(|(earlier, _)| earlier.name == step.name)
        {
            checker.tell(
                place,
                format!("two steps are named `{}`", step.name),
                format!(
                    "give one of them another name; the first is in line {}",
                    first.place_of("name").line
                ),
            );
        }
        if step.when.trim().is_empty() {
            checker.tell(
                node.place_of("when"),
                format!("step `{}` has an empty `when`", step.name),
                "write an SQL condition, such as `when: \"event = 'register'\"`",
            );
        }
        checked.push(Step {
            name: step.name.clone(),
            title: checker.local_text(
                node.place_of("title"),
                "title",
                step.title.as_ref(),
                &step.name,
            ),
            when: step.when.clone(),
            golden: step
                .golden
                .as_ref()
                .map(|share| checker.ratio(node.place_of("golden"), "golden", share)),
            place: checker.place(node.get("when").map_or(node.place, Node::content_place)),
        });
    }
    checked
}
