//! Key figures of a partition: sums of its columns, for telling what a restatement changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::util::display::array_value_to_string;

use crate::engine::{Engine, PartitionFile, PublishedTable};
use crate::error::{Error, Result};
use crate::project::{Contract, DataType, KeyFigures};
use crate::table::restatement::FigureChange;
use crate::table::schema;

/// Changes of one partition that are told; more are counted.
pub const MOST_FIGURES: usize = 100;
/// What the number of rows is called among the figures.
pub const ROWS: &str = "rows";

/// Figures of a partition: by the rows they are of (`ios`; empty where they are not told apart), in the
/// contract's order.
pub type Figures = BTreeMap<String, Vec<String>>;

/// Names and units of a contract's key figures, in the order of [`Figures`]; the number of rows comes last.
fn names(contract: &Contract, figures: &KeyFigures) -> Vec<(String, Option<String>)> {
    let unit = |name: &String| {
        let column = contract.columns.iter().find(|column| column.name == *name);
        column.and_then(|column| column.unit.clone())
    };
    let sums = figures
        .columns
        .iter()
        .map(|name| (name.clone(), unit(name)));
    sums.chain([(ROWS.to_string(), None)]).collect()
}

/// Adds up the key figures of one file.
pub async fn measure(
    engine: &Engine,
    contract: &Contract,
    files: Vec<PartitionFile>,
) -> Result<Figures> {
    let what = || format!("adding up {}", contract.name);
    let figures = contract.key_figures();
    let session = engine.session()?;
    let table = PublishedTable::new(&schema::of_contract(contract), files);
    session
        .register_table("partition", Arc::new(table))
        .map_err(Error::engine(what()))?;
    let batches = session
        .sql(&query(contract, &figures))
        .await
        .map_err(Error::engine(what()))?
        .collect()
        .await
        .map_err(Error::engine(what()))?;
    let mut found = Figures::new();
    let groups = figures.by.len();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let texts: Vec<String> = batch
                .columns()
                .iter()
                .map(|column| array_value_to_string(column, row))
                .collect::<std::result::Result<_, _>>()
                .map_err(|error| Error::Failed(format!("{}: {error}", what())))?;
            let (of, values) = texts.split_at(groups);
            found.insert(of.join(" "), values.to_vec());
        }
    }
    Ok(found)
}

fn query(contract: &Contract, figures: &KeyFigures) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let text = |name: &str| format!("coalesce(cast({} as varchar), 'null')", quoted(name));
    // Sums of int64 would wrap around silently.
    let sum = |name: &String| {
        let column = contract.columns.iter().find(|column| column.name == *name);
        let scale = match column.map(|column| column.data_type) {
            Some(DataType::Decimal { scale, .. }) => scale,
            _ => 0,
        };
        let name = quoted(name);
        format!(
            "coalesce(sum(cast({name} as decimal(38, {scale}))), cast(0 as decimal(38, {scale})))"
        )
    };
    let groups: Vec<String> = figures.by.iter().map(|name| text(name)).collect();
    let values: Vec<String> = groups
        .iter()
        .cloned()
        .chain(figures.columns.iter().map(sum))
        .chain(["count(*)".to_string()])
        .enumerate()
        .map(|(at, value)| format!("{value} as c{at}"))
        .collect();
    let mut sql = format!("select {} from partition", values.join(", "));
    let only: Vec<String> = figures
        .only
        .iter()
        .map(|(name, value)| format!("{} = '{}'", text(name), value.replace('\'', "''")))
        .collect();
    if !only.is_empty() {
        sql.push_str(&format!(" where {}", only.join(" and ")));
    }
    if !groups.is_empty() {
        sql.push_str(&format!(" group by {}", groups.join(", ")));
    }
    sql
}

/// What differs, and how many further changes there are. `before` is `None` where the old file could not
/// be read.
pub fn changes(
    contract: &Contract,
    before: Option<&Figures>,
    after: &Figures,
) -> (Vec<FigureChange>, usize) {
    let names = names(contract, &contract.key_figures());
    let none = Figures::new();
    let rows_of = before.unwrap_or(&none);
    let groups: BTreeSet<&String> = rows_of.keys().chain(after.keys()).collect();
    let mut found = Vec::new();
    for of in groups {
        for (at, (figure, unit)) in names.iter().enumerate() {
            let value =
                |figures: &Figures| figures.get(of).and_then(|values| values.get(at)).cloned();
            let (before, after) = (value(rows_of), value(after));
            if before != after {
                found.push(FigureChange {
                    figure: figure.clone(),
                    of: of.clone(),
                    unit: unit.clone(),
                    before,
                    after,
                });
            }
        }
    }
    let more = found.len().saturating_sub(MOST_FIGURES);
    found.truncate(MOST_FIGURES);
    (found, more)
}
