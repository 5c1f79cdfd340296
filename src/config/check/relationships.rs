//! Relationships: the other table is there, has the columns, and their types can be equal.

use super::contract_checks::{Own, inner_place, own_column};
use super::{Checker, Tables};
use crate::config::raw::RelationshipFile;
use crate::config::tree::Node;
use crate::config::words;
use crate::diagnostic::Place;
use crate::project::{DataType, Relationship, TableRule};

/// Both sides of a relationship.
pub struct Sides<'a> {
    /// Columns of the table itself.
    pub columns: &'a [String],
    /// The other table, and where it is named.
    pub to: (&'a str, Place),
    /// Its columns.
    pub to_columns: &'a [String],
}

/// A relationship among the checks of a table.
pub fn of_table(
    place: Place,
    raw: &RelationshipFile,
    item: Option<&Node>,
    own: &Own<'_>,
    tables: &Tables,
    checker: &mut Checker<'_>,
) -> Option<TableRule> {
    let before = checker.told();
    let place_of = |key: &str| inner_place(item, "relationship", key).unwrap_or(place);
    let node_of = |key: &str| item?.get("relationship")?.get(key);
    let columns = raw.columns.clone();
    for (index, column) in columns.iter().flatten().enumerate() {
        let length = columns.as_ref().map_or(0, Vec::len);
        let place = node_of("columns").map_or(place, |list| list.place_of_item(index, length));
        own_column(place, "columns", column, own, checker);
    }
    let columns = columns?;
    let to_columns = match (&raw.to_columns, node_of("to_columns")) {
        (Some(given), _) => given.clone(),
        (None, Some(_)) => return None, // told
        (None, None) if checker.told() > before => return None,
        (None, None) => columns.clone(),
    };
    if to_columns.len() != columns.len() {
        checker.tell(
            place_of("to_columns"),
            format!(
                "`columns` has {} and `to_columns` {}: they are compared one by one",
                words::count(columns.len(), "column"),
                words::count(to_columns.len(), "column"),
            ),
            "name as many on both sides",
        );
        return None;
    }
    let to = raw.to.as_deref()?;
    let sides = Sides {
        columns: &columns,
        to: (to, place_of("to")),
        to_columns: &to_columns,
    };
    check(&sides, own, tables, checker);
    Some(TableRule::Relationship(Relationship {
        to: to.to_owned(),
        place: checker.place(place_of("to")),
        to_columns,
        columns,
    }))
}

/// Tells what is wrong with the other side. The table's own columns are looked at elsewhere.
pub fn check(sides: &Sides<'_>, own: &Own<'_>, tables: &Tables, checker: &mut Checker<'_>) {
    let (to, place) = sides.to;
    let Some(table) = tables.get(to) else {
        let others = || tables.names().filter(|name| *name != own.name);
        let mend = match to.split_once('.') {
            Some((table, column)) if tables.get(table).is_some() => format!(
                "among the checks of the table it is `to: {table}` with `to_columns: [{column}]`"
            ),
            _ => format!(
                "{}tables are {}",
                words::did_you_mean(to, others()),
                words::list(others())
            ),
        };
        checker.tell(
            place,
            format!(
                "`relationship` names the unknown table {}",
                words::quoted(to)
            ),
            mend,
        );
        return;
    };
    if !table.is_known {
        return;
    }
    for (column, other) in sides.columns.iter().zip(sides.to_columns) {
        let Some(found) = table.columns.get(other) else {
            let names = || table.columns.keys().map(String::as_str);
            checker.tell(
                place,
                format!(
                    "`relationship` names {}, but `{to}` has no such column",
                    words::quoted(other)
                ),
                format!(
                    "{}its columns are {}",
                    words::did_you_mean(other, names()),
                    words::list(names())
                ),
            );
            continue;
        };
        let mine = own
            .columns
            .iter()
            .find(|(name, _)| name == column)
            .and_then(|(_, data_type)| *data_type);
        if let (Some(mine), Some(theirs)) = (mine, *found)
            && !are_comparable(mine, theirs)
        {
            checker.tell(
                place,
                format!(
                    "`{column}` is `{mine}`, but `{to}.{other}` is `{theirs}`: they are never equal"
                ),
                "name a column of the same type",
            );
        }
    }
}

fn are_comparable(a: DataType, b: DataType) -> bool {
    let is_number = |data_type| matches!(data_type, DataType::Int64 | DataType::Decimal { .. });
    a == b || (is_number(a) && is_number(b))
}
