//! Flows from names to names, small ones folded together.

use std::collections::{BTreeMap, BTreeSet};

use super::panels::{PanelView, PanelsView};
use super::shapes::LEVEL;
use super::table::table;
use super::{Charts, Maker};
use crate::error::Result;
use crate::project::SectionColumn;
use crate::report::chart::{Flow, FlowLink, FlowNode, NodeKind};
use crate::report::number::{LONGEST_TEXT, clean, group, percent};
use crate::report::section::{Cell, Grid, failed};
use crate::report::words::Key;

/// Where something ends.
const EXIT: &str = "(exit)";
/// What the rows or this view took together.
const OTHER: &str = "(other)";
/// More names in a column are folded, and so are names below this share of it.
const MOST_NAMES: usize = 8;
const LEAST_SHARE: f64 = 0.015;
/// More levels do not fit a phone.
const MOST_LEVELS: usize = 3;

/// Value by level, source and target.
type Flows = BTreeMap<(usize, String, String), i64>;

/// The picture with all rows beside it.
pub fn flow(maker: Maker, grid: &Grid, charts: &mut Charts) -> Result<PanelsView> {
    let columns = Columns::of(grid)?;
    let flows = read(grid, &columns)?;
    let levels = flows.keys().map(|(level, ..)| level + 1).max().unwrap_or(1);
    let names: Vec<Names> = (0..=levels).map(|at| Names::of(&flows, at)).collect();
    let mut folded = Flows::new();
    for ((level, from, to), value) in &flows {
        let fold = |at: usize, name: &str| {
            names
                .get(at)
                .map_or(OTHER, |names| names.fold(name))
                .to_owned()
        };
        *folded
            .entry((*level, fold(*level, from), fold(level + 1, to)))
            .or_default() += value;
    }
    let is_folded = names.iter().any(|names| names.is_folded);
    let title = grid.section.title.get(maker.words.locale).to_owned();
    let total: i64 = flows
        .iter()
        .filter(|((level, ..), _)| *level == 0)
        .map(|(_, value)| value)
        .sum();
    let drawn = drawn(maker, &columns, &names, &folded, &title);
    let note = is_folded.then(|| {
        let (most, share) = (MOST_NAMES.to_string(), percent(LEAST_SHARE));
        maker
            .words
            .fill(Key::FlowFolded, &[("n", &most), ("share", &share)])
    });
    let panel = PanelView {
        title: maker.words.fill(
            Key::FlowPanel,
            &[
                ("from", maker.label(columns.from.1)),
                ("to", maker.label(columns.to.1)),
            ],
        ),
        figure: maker.pair(maker.label(columns.value.1), &group(&total.to_string())),
        chart: charts.push(drawn.draw()),
        table: table(maker, grid),
    };
    Ok(PanelsView::new(vec![panel], note))
}

/// Places of what is drawn: an optional level, then two names and a count.
struct Columns<'a> {
    level: Option<usize>,
    from: (usize, &'a SectionColumn),
    to: (usize, &'a SectionColumn),
    value: (usize, &'a SectionColumn),
}

impl<'a> Columns<'a> {
    fn of(grid: &Grid<'a>) -> Result<Self> {
        let columns: &'a [SectionColumn] = &grid.section.columns;
        let level = columns
            .first()
            .filter(|column| column.name == LEVEL)
            .map(|_| 0);
        let first = usize::from(level.is_some());
        let at = |place: usize| columns.get(place).map(|column| (place, column));
        match (at(first), at(first + 1), at(first + 2)) {
            (Some(from), Some(to), Some(value)) => Ok(Self {
                level,
                from,
                to,
                value,
            }),
            _ => Err(failed(
                grid.section,
                "3",
                "a flow wants two names and a count first",
            )),
        }
    }
}

fn read(grid: &Grid, columns: &Columns) -> Result<Flows> {
    let section = grid.section;
    let mut flows = Flows::new();
    for row in &grid.rows {
        let cell = |at: usize| row.get(at).unwrap_or(&Cell::Null);
        let name = |(at, column): (usize, &SectionColumn)| {
            cell(at)
                .text()
                .map(str::to_owned)
                .ok_or_else(|| failed(section, &column.name, "is null"))
        };
        let level = match columns.level.map(cell) {
            None => 0,
            Some(Cell::Int(level)) if (1..=MOST_LEVELS as i64).contains(level) => {
                *level as usize - 1
            }
            Some(_) => {
                let cause = format!("is not 1 to {MOST_LEVELS}");
                return Err(failed(section, LEVEL, &cause));
            }
        };
        let value = match cell(columns.value.0) {
            Cell::Int(value) if *value >= 0 => *value,
            _ => return Err(failed(section, &columns.value.1.name, "is null or below 0")),
        };
        let key = (level, name(columns.from)?, name(columns.to)?);
        if flows.insert(key, value).is_some() {
            let cause = "comes twice with one source; does the select filter the date?";
            return Err(failed(section, &columns.to.1.name, cause));
        }
    }
    Ok(flows)
}

/// The names of one column of the picture.
struct Names {
    /// Those that stand for themselves, the largest first.
    kept: Vec<String>,
    /// What runs through each, folded ones under [`OTHER`].
    values: BTreeMap<String, i64>,
    total: i64,
    is_folded: bool,
}

impl Names {
    fn of(flows: &Flows, at: usize) -> Self {
        let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for ((level, from, to), value) in flows {
            if *level == at {
                sums.entry(from).or_default().0 += value;
            }
            if level + 1 == at {
                sums.entry(to).or_default().1 += value;
            }
        }
        let mut plain: Vec<(&str, i64)> = Vec::new();
        let mut values: BTreeMap<String, i64> = BTreeMap::new();
        for (name, (out, inward)) in sums {
            let value = out.max(inward);
            if name == EXIT || name == OTHER {
                values.insert(name.to_owned(), value);
            } else {
                plain.push((name, value));
            }
        }
        plain.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let total: i64 =
            plain.iter().map(|(_, value)| value).sum::<i64>() + values.values().sum::<i64>();
        let is_large = |value: i64| value as f64 >= LEAST_SHARE * total as f64;
        let mut kept = plain
            .iter()
            .take_while(|(_, value)| is_large(*value))
            .count();
        kept = kept.min(MOST_NAMES);
        // One that is left over is named rather than called the rest.
        if kept + 1 == plain.len() && !values.contains_key(OTHER) {
            kept += 1;
        }
        let rest = plain.split_off(kept);
        let is_folded = !rest.is_empty();
        if is_folded {
            let rest: i64 = rest.iter().map(|(_, value)| value).sum();
            *values.entry(OTHER.to_owned()).or_default() += rest;
        }
        values.extend(
            plain
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value)),
        );
        let kept = plain.iter().map(|(name, _)| (*name).to_owned()).collect();
        Self {
            kept,
            values,
            total,
            is_folded,
        }
    }

    /// The name under which one is drawn.
    fn fold<'n>(&self, name: &'n str) -> &'n str {
        if name == EXIT || self.kept.iter().any(|kept| kept == name) {
            name
        } else {
            OTHER
        }
    }

    /// All names that are drawn, in the order of the picture's nodes.
    fn drawn(&self) -> Vec<&str> {
        let others = [OTHER, EXIT]
            .into_iter()
            .filter(|name| self.values.contains_key(*name));
        self.kept.iter().map(String::as_str).chain(others).collect()
    }
}

fn drawn(maker: Maker, columns: &Columns, names: &[Names], flows: &Flows, title: &str) -> Flow {
    let words = maker.words;
    let column = |at: usize| {
        if at == 0 {
            columns.from.1
        } else {
            columns.to.1
        }
    };
    let said = |at: usize, name: &str| match name {
        OTHER => words.get(Key::OtherName).to_owned(),
        name => clean(words.name(&column(at).name, name), LONGEST_TEXT),
    };
    let count = |value: i64| group(&value.to_string());
    let share = |value: i64, whole: i64| percent(value as f64 / whole.max(1) as f64);
    let last = names.len().saturating_sub(1);
    let nodes = names
        .iter()
        .enumerate()
        .map(|(at, names)| {
            let node = |name: &&str| {
                let value = names.values.get(*name).copied().unwrap_or(0);
                let part = [("n", count(value)), ("share", share(value, names.total))];
                let part = part.each_ref().map(|(hole, text)| (*hole, text.as_str()));
                let full = words.fill(Key::CountShare, &part);
                let name_said = said(at, name);
                // Between two columns there is room for little.
                let is_between = at > 0 && at < last;
                FlowNode {
                    title: maker.pair(&name_said, &full),
                    name: name_said,
                    note: if is_between { count(value) } else { full },
                    kind: match *name {
                        EXIT => NodeKind::Exit,
                        OTHER => NodeKind::Other,
                        _ => NodeKind::Plain,
                    },
                }
            };
            names.drawn().iter().map(node).collect()
        })
        .collect();
    let mut links: Vec<Vec<FlowLink>> = names.iter().skip(1).map(|_| Vec::new()).collect();
    for ((level, from, to), value) in flows {
        let place = |at: usize, name: &str| {
            names
                .get(at)?
                .drawn()
                .iter()
                .position(|drawn| *drawn == name)
        };
        let (Some(level_links), Some(start), Some(end)) = (
            links.get_mut(*level),
            place(*level, from),
            place(level + 1, to),
        ) else {
            continue;
        };
        let source = names.get(*level).and_then(|names| names.values.get(from));
        level_links.push(FlowLink {
            from: start,
            to: end,
            value: *value as f64,
            title: words.fill(
                Key::FlowTooltip,
                &[
                    ("from", &said(*level, from)),
                    ("to", &said(level + 1, to)),
                    ("n", &count(*value)),
                    ("share", &share(*value, source.copied().unwrap_or(0))),
                ],
            ),
        });
    }
    let largest = flows.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
    let sources: BTreeSet<&String> = flows.keys().map(|(_, from, _)| from).collect();
    Flow {
        title: title.to_owned(),
        description: largest.map_or_else(String::new, |((level, from, to), value)| {
            words.fill(
                Key::FlowDescription,
                &[
                    ("sources", &sources.len().to_string()),
                    ("from", &said(*level, from)),
                    ("to", &said(level + 1, to)),
                    ("n", &count(*value)),
                ],
            )
        }),
        heads: (
            maker.label(columns.from.1).to_owned(),
            maker.label(columns.to.1).to_owned(),
        ),
        columns: nodes,
        links,
    }
}
