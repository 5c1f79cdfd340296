//! Contracts of SQL models.

use super::contract_checks::{Checks, Own};
use super::key_figures::key_figures;
use super::values::is_name;
use super::{Checker, Tables};
use crate::config::raw::{BuildWord, ContractColumnFile, ContractFile, ReadsFile};
use crate::config::tree::Node;
use crate::config::words;
use crate::diagnostic::Place;
use crate::project::{Before, Build, ColumnContract, Contract, DataType, Duration, Reads};

/// Checks one contract; `name` is its model's.
pub fn contract(
    name: &str,
    sql_path: &str,
    raw: &ContractFile,
    node: &Node,
    tables: &Tables,
    checker: &mut Checker<'_>,
) -> Option<Contract> {
    let before = checker.told();
    if raw
        .grain
        .as_deref()
        .is_some_and(|grain| grain.trim().is_empty())
    {
        checker.tell(
            node.place_of("grain"),
            "`grain` is empty",
            "write in one sentence what one row is",
        );
    }
    let own = Own::new(name, raw);
    let mut checks = Checks::default();
    let columns: Vec<ColumnContract> = raw
        .columns
        .iter()
        .flat_map(|columns| &columns.0)
        .filter_map(|(column, raw)| {
            column_contract(column, raw, node, (&own, tables), &mut checks, checker)
        })
        .collect();
    checks.of_table(&own, raw, node, tables, checker);
    if node
        .get("columns")
        .is_some_and(|columns| columns.entries().is_empty())
    {
        checker.tell(
            node.place_of("columns"),
            "the contract has no column",
            "name every column that the select returns, such as `visitors: {type: int64}`",
        );
    }
    if node
        .get("columns")
        .is_some_and(|columns| !columns.entries().is_empty())
    {
        key(raw, node, checker);
    }
    let reads = raw
        .reads
        .0
        .iter()
        .map(|(table, reads)| {
            let entry = node.get("reads").and_then(|reads| reads.entry(table));
            let place = entry.map_or(node.place, |entry| entry.key_place);
            let place_of = |key: &str| entry.map_or(place, |entry| entry.value.place_of(key));
            if table == name {
                itself(name, raw, reads, (place, place_of), checker);
            } else {
                known_table(place, name, table, tables, checker);
            }
            let days = |key: &str, text: &str, checker: &mut Checker<'_>| {
                checker.whole_days(place_of(key), key, text).days_ceil()
            };
            Reads {
                table: table.clone(),
                before: match reads.before.as_deref() {
                    None => Before::Days(0),
                    Some("all") => Before::All,
                    Some(text) => Before::Days(days("before", text, checker)),
                },
                after_days: match reads.after.as_deref() {
                    None => 0,
                    Some("all") => {
                        checker.tell(
                            place_of("after"),
                            "`after` cannot be `all`: dates to come are never all there",
                            "write in days how long a date waits for others, such as `after: 1d`",
                        );
                        0
                    }
                    Some(text) => days("after", text, checker),
                },
            }
        })
        .collect();
    let matures_after = raw
        .matures_after
        .as_deref()
        .map_or(Duration::from_us(0), |text| {
            checker.whole_days(node.place_of("matures_after"), "matures_after", text)
        });
    let key_figures = raw
        .key_figures
        .as_ref()
        .map(|figures| key_figures(figures, &columns, node, checker));
    let contract = Contract {
        name: name.to_owned(),
        sql_path: sql_path.to_owned(),
        yaml_path: checker.file.to_owned(),
        grain: raw.grain.clone()?,
        build: match raw.build? {
            BuildWord::ByDate => Build::ByDate,
            BuildWord::Whole => Build::Whole,
            BuildWord::View => Build::View,
        },
        key: raw.key.clone()?,
        reads,
        matures_after,
        columns,
        key_figures,
        checks: checks.of_table,
    };
    (checker.told() == before).then_some(contract)
}

/// A model may read all of its own dates before those it builds, and nothing else of itself.
fn itself(
    model: &str,
    raw: &ContractFile,
    reads: &ReadsFile,
    (place, place_of): (Place, impl Fn(&str) -> Place),
    checker: &mut Checker<'_>,
) {
    if raw.build.is_some_and(|build| build != BuildWord::ByDate) {
        checker.tell(
            place,
            format!("model `{model}` reads itself, but is not built `by_date`"),
            "read the tables it is made of, or write `build: by_date`: then it can see its own earlier dates",
        );
        return;
    }
    if reads.before.as_deref() != Some("all") {
        let (place, found) = match &reads.before {
            None => (
                place,
                "without saying that it means its earlier dates".to_owned(),
            ),
            Some(text) => (place_of("before"), format!("{} back", words::quoted(text))),
        };
        checker.tell(
            place,
            format!("model `{model}` reads itself {found}: of its own dates it sees all before the first one it builds, or none"),
            format!("write `{model}: {{before: all}}`, or read the tables it is made of"),
        );
    }
    if reads.after.is_some() {
        checker.tell(
            place_of("after"),
            format!("model `{model}` reads its own later dates, which are built from it"),
            "remove `after`",
        );
    }
}

fn known_table(place: Place, model: &str, table: &str, tables: &Tables, checker: &mut Checker<'_>) {
    if tables.get(table).is_none() {
        let others = || tables.names().filter(|name| *name != model);
        checker.tell(
            place,
            format!("`reads` names the unknown table {}", words::quoted(table)),
            format!(
                "{}tables are {}",
                words::did_you_mean(table, others()),
                words::list(others())
            ),
        );
    }
}

/// The key's columns must be declared, each once, and comparable; a table by date has its date there.
fn key(raw: &ContractFile, node: &Node, checker: &mut Checker<'_>) {
    let list = node.get("key");
    let declared = node
        .get("columns")
        .into_iter()
        .flat_map(Node::entries)
        .map(|entry| entry.key.as_str());
    let declared: Vec<&str> = declared.collect();
    let written = |column: &str| {
        let (_, column) = raw
            .columns
            .as_ref()?
            .0
            .iter()
            .find(|(name, _)| name == column)?;
        DataType::parse(column.data_type.as_deref()?)
    };
    let key = raw.key.as_deref().unwrap_or_default();
    for (index, column) in key.iter().enumerate() {
        let place = list.map_or(node.place, |list| list.place_of_item(index, key.len()));
        if !declared.contains(&column.as_str()) {
            checker.tell(
                place,
                format!(
                    "`key` names {}, which is no column of the contract",
                    words::quoted(column)
                ),
                format!(
                    "{}columns are {}",
                    words::did_you_mean(column, declared.iter().copied()),
                    words::list(declared.iter().copied())
                ),
            );
        } else if key.iter().take(index).any(|earlier| earlier == column) {
            checker.tell(
                place,
                format!("`key` names `{column}` twice"),
                "keep one of them",
            );
        } else if let Some(list @ DataType::List(_)) = written(column) {
            checker.tell(
                place,
                format!("`key` names `{column}`, a {list}: lists are not compared"),
                "take another column into the key, or select the list's text by array_to_string(…, ',')",
            );
        } else if written(column) == Some(DataType::Float64) {
            checker.tell(
                place,
                format!("`key` names `{column}`, a float64: rounding makes equal values differ"),
                "take another column into the key, or make it a decimal or int64",
            );
        }
    }
    if raw.build == Some(BuildWord::ByDate) {
        let key_place = node
            .entry("key")
            .map_or(node.place, |entry| entry.key_place);
        let date = node
            .get("columns")
            .and_then(|columns| columns.entry("date"));
        match (date, written("date")) {
            (None, _) => checker.tell(
                node.place_of("build"),
                "a model built `by_date` needs a column `date`",
                "select the local day as `date` and declare `date: {type: date}`, or write `build: whole`",
            ),
            (Some(entry), Some(other)) if other != DataType::Date => checker.tell(
                entry.value.place_of("type"),
                format!("column `date` of a model built `by_date` is `{other}`"),
                "make it `date: {type: date}`, the local day",
            ),
            (Some(_), _) if raw.key.is_some() && !key.iter().any(|column| column == "date") => checker.tell(
                key_place,
                "`key` of a model built `by_date` does not have `date`",
                format!("put it first: `key: [date, {}]`", key.join(", ")),
            ),
            _ => {}
        }
    }
}

fn column_contract(
    name: &str,
    raw: &ContractColumnFile,
    node: &Node,
    around: (&Own<'_>, &Tables),
    checks: &mut Checks,
    checker: &mut Checker<'_>,
) -> Option<ColumnContract> {
    let entry = node.get("columns").and_then(|columns| columns.entry(name));
    let node = entry.map_or(node, |entry| &entry.value);
    if !is_name(name) {
        let place = entry.map_or(node.place, |entry| entry.key_place);
        checker.name(place, "a column", name);
    }
    let data_type = raw
        .data_type
        .as_deref()
        .and_then(|text| checker.data_type(node.place_of("type"), name, text));
    let rules = checks.of_column((name, data_type), raw, node, around, checker);
    Some(ColumnContract {
        name: name.to_owned(),
        data_type: data_type?,
        unit: raw.unit.clone(),
        description: raw.description.clone(),
        personal: raw.personal.unwrap_or(false),
        checks: rules,
    })
}
