//! `key_figures` of a contract: the sums that stand for a date where it is restated.

use super::Checker;
use crate::config::raw::KeyFiguresFile;
use crate::config::tree::Node;
use crate::config::words;
use crate::project::{ColumnContract, DataType, KeyFigures};

/// Columns must be declared; those that are added up must be exact numbers, the others plain values.
pub fn key_figures(
    raw: &KeyFiguresFile,
    columns: &[ColumnContract],
    node: &Node,
    checker: &mut Checker<'_>,
) -> KeyFigures {
    let written = node.get("key_figures");
    let item = |key: &str, index: usize, count: usize| {
        written
            .and_then(|written| written.get(key))
            .map_or(node.place, |list| list.place_of_item(index, count))
    };
    let mut look = |place, key: &str, name: &str, is_sum: bool| {
        let Some(column) = columns.iter().find(|column| column.name == name) else {
            let names = || columns.iter().map(|column| column.name.as_str());
            checker.tell(
                place,
                format!(
                    "`{key}` of `key_figures` names {}, which is no column of the contract",
                    words::quoted(name)
                ),
                format!(
                    "{}columns are {}",
                    words::did_you_mean(name, names()),
                    words::list(names())
                ),
            );
            return;
        };
        let data_type = column.data_type;
        let is_exact = matches!(data_type, DataType::Int64 | DataType::Decimal { .. });
        let is_plain = matches!(
            data_type,
            DataType::Int64 | DataType::String | DataType::Bool
        );
        if is_sum && !is_exact {
            checker.tell(
                place,
                format!(
                    "`{key}` of `key_figures` names `{name}`, a {data_type}: it does not add up"
                ),
                "take counts (`int64`) and amounts (`decimal`); a rate is told by its two counts",
            );
        } else if !is_sum && !is_plain {
            checker.tell(
                place,
                format!("`{key}` of `key_figures` names `{name}`, a {data_type}"),
                "take a `string`, an `int64` or a `bool`",
            );
        } else if column.personal {
            checker.tell(
                place,
                format!("`{key}` of `key_figures` names `{name}`, which is personal"),
                "take another column: restatements are shown to people",
            );
        }
    };
    let sums = raw.columns.as_deref().unwrap_or_default();
    for (index, name) in sums.iter().enumerate() {
        look(item("columns", index, sums.len()), "columns", name, true);
    }
    for (index, name) in raw.by.iter().enumerate() {
        look(item("by", index, raw.by.len()), "by", name, false);
    }
    for (name, _) in &raw.only.0 {
        let place = written
            .and_then(|written| written.get("where"))
            .and_then(|only| only.entry(name))
            .map_or(node.place, |entry| entry.key_place);
        look(place, "where", name, false);
    }
    KeyFigures {
        columns: sums.to_vec(),
        by: raw.by.clone(),
        only: raw
            .only
            .0
            .iter()
            .map(|(name, value)| (name.clone(), value.0.clone()))
            .collect(),
    }
}
