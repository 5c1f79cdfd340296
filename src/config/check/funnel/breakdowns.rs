//! A funnel's breakdowns.

use super::unknown_column;
use crate::config::check::Checker;
use crate::config::check::tables::{Maker, Table, Tables};
use crate::config::raw::{AtFile, FunnelFile, GroupingFile};
use crate::config::tree::Node;
use crate::config::words;
use crate::diagnostic::Place;
use crate::project::{Breakdown, BreakdownAt, DataType, SegmentTable};

/// Checks the breakdowns. `table` is the funnel's, if its columns are known.
pub(super) fn breakdowns(
    raw: &FunnelFile,
    entity: &str,
    node: &Node,
    table: Option<&Table>,
    tables: &Tables,
    checker: &mut Checker<'_>,
) -> Vec<Breakdown> {
    let list = node.get("by");
    let mut checked: Vec<Breakdown> = Vec::new();
    for (index, grouping) in raw.by.iter().enumerate() {
        let entry = list
            .and_then(|list| list.item(index, raw.by.len()))
            .unwrap_or(node);
        let at = match grouping.at.unwrap_or(AtFile::First) {
            AtFile::First => BreakdownAt::First,
            AtFile::Last => BreakdownAt::Last,
            AtFile::Each => BreakdownAt::Each,
        };
        twice(grouping, entry, checker);
        let segments = segments(grouping, entity, entry, tables, checker);
        if let Some(table) = table.filter(|_| grouping.segments.is_none()) {
            let name = raw.on.as_deref().unwrap_or_default();
            columns(grouping, name, table, entry, checker);
        }
        let breakdown = Breakdown {
            columns: grouping.columns.clone(),
            at,
            at_least: at_least(grouping, entry, checker),
            segments,
        };
        if checked
            .iter()
            .any(|earlier| earlier.name() == breakdown.name())
        {
            checker.tell(
                entry.place,
                format!(
                    "`by` has the breakdown {} twice",
                    words::list(grouping.columns.iter().map(String::as_str))
                ),
                "keep one of them",
            );
        }
        checked.push(breakdown);
    }
    checked
}

fn at_least(grouping: &GroupingFile, entry: &Node, checker: &mut Checker<'_>) -> Option<u64> {
    let written = grouping.at_least?;
    let read = u64::try_from(written).ok().filter(|read| *read > 0);
    if read.is_none() {
        checker.tell(
            entry.place_of("at_least"),
            format!("`at_least` cannot be {written}: it is a number of entrants, from 1 on"),
            "write how many entrants a segment must have, such as `at_least: 30`",
        );
    }
    read
}

/// Where the column at a position is written.
fn place_of(grouping: &GroupingFile, entry: &Node, position: usize) -> Place {
    let list = match grouping.is_mapping {
        true => entry.get("columns").unwrap_or(entry),
        false => entry,
    };
    list.place_of_item(position, grouping.columns.len())
}

fn twice(grouping: &GroupingFile, entry: &Node, checker: &mut Checker<'_>) {
    for (position, column) in grouping.columns.iter().enumerate() {
        let mut earlier = grouping.columns.iter().take(position);
        if earlier.any(|earlier| earlier == column) {
            checker.tell(
                place_of(grouping, entry, position),
                format!("a breakdown of `by` names `{column}` twice"),
                "keep one of them",
            );
        }
    }
}

/// The columns must be there, each with one value.
fn columns(
    grouping: &GroupingFile,
    name: &str,
    table: &Table,
    entry: &Node,
    checker: &mut Checker<'_>,
) {
    for (position, column) in grouping.columns.iter().enumerate() {
        let place = place_of(grouping, entry, position);
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

/// The table of segments, its columns checked.
fn segments(
    grouping: &GroupingFile,
    entity: &str,
    entry: &Node,
    tables: &Tables,
    checker: &mut Checker<'_>,
) -> Option<SegmentTable> {
    let name = grouping.segments.as_deref()?;
    let place = entry.place_of("segments");
    if grouping.at.is_some() {
        checker.tell(
            entry.place_of("at"),
            "a table of segments has no steps, so `at` says nothing",
            "leave it out: the segment is that of the entry day",
        );
    }
    let known = tables.get(name).filter(|table| table.maker == Maker::Model);
    let Some(known) = known else {
        let models: Vec<&str> = tables.sources_and_models().collect();
        checker.tell(
            place,
            format!(
                "`segments` names {}, which is no model",
                words::quoted(name)
            ),
            format!(
                "{}write a model with a row per entity, or per entity and date",
                words::did_you_mean(name, models)
            ),
        );
        return None;
    };
    if known.is_known {
        if !known.columns.contains_key(entity) {
            unknown_column(
                place,
                entity,
                "the funnel's entity",
                name,
                &known.columns,
                checker,
            );
        }
        columns(grouping, name, known, entry, checker);
    }
    Some(SegmentTable {
        table: name.to_owned(),
        by_date: known.columns.contains_key("date"),
    })
}
