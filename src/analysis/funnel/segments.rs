//! What breakdowns tell entrants apart by: the cells that entries are counted in, and the segments that are
//! made of them.

use std::fmt::Write;

use super::{literal, quoted};
use crate::project::{Breakdown, BreakdownAt, SegmentTable};

/// How entries are counted for some breakdowns.
pub(super) struct Cells {
    /// What `funnel_path` carries along.
    pub(super) carried: String,
    /// The columns of the cells, each after a comma.
    pub(super) names: String,
    /// The step of the query that counts entries.
    pub(super) step: String,
    /// One per breakdown.
    pub(super) segments: Vec<Segment>,
}

/// A breakdown's segment as an expression over the cells.
pub(super) struct Segment {
    pub(super) breakdown: String,
    pub(super) text: String,
    at_least: Option<u64>,
}

impl Segment {
    fn of(breakdown: &Breakdown, names: &[String]) -> Self {
        let texts: Vec<String> = names
            .iter()
            .map(|name| {
                format!(
                    "coalesce(nullif(cast({} as varchar), ''), '(none)')",
                    quoted(name)
                )
            })
            .collect();
        Self {
            breakdown: breakdown.name(),
            text: texts.join(" || ',' || "),
            at_least: breakdown.at_least,
        }
    }
}

/// A column of the cells.
#[derive(PartialEq, Eq)]
struct CellColumn {
    /// Where it comes from.
    from: String,
    name: String,
}

/// Columns under their own names as one value; null for none.
pub(super) fn named_struct<T: AsRef<str>>(columns: &[T]) -> String {
    if columns.is_empty() {
        return "null".to_string();
    }
    let pairs: Vec<String> = columns
        .iter()
        .map(|name| format!("{}, {}", literal(name.as_ref()), quoted(name.as_ref())))
        .collect();
    format!("named_struct({})", pairs.join(", "))
}

/// The columns of breakdowns, each once.
fn columns<'a>(breakdowns: impl Iterator<Item = &'a &'a Breakdown>) -> Vec<&'a str> {
    let mut columns: Vec<&str> = breakdowns
        .flat_map(|breakdown| breakdown.columns.iter().map(String::as_str))
        .collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

impl Cells {
    /// For breakdowns whose value is one for the whole chain.
    pub(super) fn together(entity: &str, breakdowns: &[&Breakdown]) -> Self {
        let of_events = breakdowns
            .iter()
            .filter(|breakdown| breakdown.segments.is_none());
        let carried = named_struct(&columns(of_events));
        let tables: Vec<&SegmentTable> = breakdowns
            .iter()
            .filter_map(|breakdown| breakdown.segments.as_ref())
            .fold(Vec::new(), |mut tables, table| {
                if !tables.contains(&table) {
                    tables.push(table);
                }
                tables
            });
        let joins: String = tables
            .iter()
            .enumerate()
            .map(|(at, table)| {
                let of_table = breakdowns
                    .iter()
                    .filter(|breakdown| breakdown.segments.as_ref() == Some(*table));
                join(entity, table, &columns(of_table), at + 1)
            })
            .collect();
        let mut cells: Vec<CellColumn> = Vec::new();
        let mut segments = Vec::new();
        for breakdown in breakdowns {
            let table = breakdown.segments.as_ref();
            let number = tables
                .iter()
                .position(|known| Some(*known) == table)
                .map_or(0, |at| at + 1);
            let own = breakdown.columns.iter().map(|column| match breakdown.at {
                _ if table.is_some() => CellColumn {
                    from: format!("segments_{number}.{}", quoted(column)),
                    name: format!("segments_{number}_{column}"),
                },
                BreakdownAt::Last => CellColumn {
                    from: format!("entry['last_value'][{}]", literal(column)),
                    name: format!("last_{column}"),
                },
                _ => CellColumn {
                    from: format!("entry['first_value'][{}]", literal(column)),
                    name: format!("first_{column}"),
                },
            });
            let mut names = Vec::new();
            for column in own {
                names.push(column.name.clone());
                if !cells.contains(&column) {
                    cells.push(column);
                }
            }
            segments.push(Segment::of(breakdown, &names));
        }
        let listed =
            |line: &dyn Fn(&CellColumn) -> String| -> String { cells.iter().map(line).collect() };
        let selected = listed(&|cell| format!("\n    {} as {},", cell.from, quoted(&cell.name)));
        let grouped = listed(&|cell| format!(", {}", cell.from));
        Self {
            carried,
            names: listed(&|cell| format!(", {}", quoted(&cell.name))),
            step: format!(
                "cells as (
  select
    entry['entry_date'] as entry_date,
    entry['basis'] as basis,{selected}
    path_totals(entry) as totals
  from entries{joins}
  group by entry['entry_date'], entry['basis']{grouped}
)"
            ),
            segments,
        }
    }

    /// For a breakdown at each step: its columns are there beside each entry.
    pub(super) fn each(breakdown: &Breakdown) -> Self {
        let names: Vec<String> = breakdown
            .columns
            .iter()
            .map(|column| format!("each_{column}"))
            .collect();
        let listed: String = names
            .iter()
            .map(|name| format!(", {}", quoted(name)))
            .collect();
        Self {
            carried: named_struct::<&str>(&[]),
            step: format!(
                "cells as (
  select
    entry['entry_date'] as entry_date,
    entry['basis'] as basis{listed},
    path_totals(entry) as totals
  from entries
  group by entry['entry_date'], entry['basis']{listed}
)"
            ),
            segments: vec![Segment::of(breakdown, &names)],
            names: listed,
        }
    }
}

/// The join that brings the columns of a table of segments. An entity is in one segment: of several values
/// the smallest.
fn join(entity: &str, table: &SegmentTable, columns: &[&str], number: usize) -> String {
    let entity = quoted(entity);
    let values: String = columns
        .iter()
        .map(|column| format!(", min({0}) as {0}", quoted(column)))
        .collect();
    let (date, range, on) = match table.by_date {
        true => (
            "date, ",
            " where date between $start and $end",
            format!(" and segments_{number}.date = entry['entry_date']"),
        ),
        false => ("", "", String::new()),
    };
    format!(
        "
  left join (
    select {date}{entity} as entity{values} from {table}{range} group by {date}{entity}
  ) as segments_{number} on segments_{number}.entity = entries.entity{on}",
        table = quoted(&table.table),
    )
}

/// Where segments are counted from, and the steps that put small ones together. A segment's size is that
/// of its entry day on the same-day basis, so that both bases show the same segments.
pub(super) fn folding(segments: &[Segment]) -> (&'static str, String) {
    if segments.iter().all(|segment| segment.at_least.is_none()) {
        return ("named", String::new());
    }
    let mut sizes = String::new();
    let mut columns = String::new();
    for (at, segment) in segments.iter().enumerate() {
        let name = format!("segment_{}", at + 1);
        match segment.at_least {
            None => {
                let _ = write!(columns, ",\n    {name}");
            }
            Some(at_least) => {
                let _ = write!(
                    sizes,
                    ",\n    sum(case when basis = 'same_day' and end_state = '' and step_at = 1 then entities else 0 end)\n      \
                     over (partition by entry_date, {name}) as entrants_{}",
                    at + 1
                );
                let _ = write!(
                    columns,
                    ",\n    case when entrants_{} < {at_least} then '(other)' else {name} end as {name}",
                    at + 1
                );
            }
        }
    }
    let steps = format!(
        "
sized as (
  select
    *{sizes}
  from named
),
-- small segments put together
folded as (
  select
    entry_date, basis, step_at, last_step_at, end_state, next_event, entities, value, wait_us, step_us{columns}
  from sized
),"
    );
    ("folded", steps)
}
