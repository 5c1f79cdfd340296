//! How far down a page its views come, a picture per page.

use super::page_blocks::{Block, BlockColumns, insert};
use super::panels::{MOST_PANELS, PanelView, PanelsView};
use super::table::{CellView, HeadView, TableView};
use super::{Charts, Maker};
use crate::error::Result;
use crate::report::chart::{PageBlock, ScrollCurve, ScrollPoint, steepest};
use crate::report::number::{LONGEST_TEXT, clean, group, percent};
use crate::report::section::{Cell, Grid, failed};
use crate::report::words::Key;

/// One page.
#[derive(Debug)]
struct Depths {
    page: String,
    /// With the share of views that reach each.
    blocks: Vec<(Block, Option<f64>)>,
    /// From the top.
    points: Vec<Depth>,
}

#[derive(Debug)]
struct Depth {
    /// Percent of the page's height.
    depth: i64,
    views: i64,
    share: f64,
}

/// The pictures, in the order of the select.
pub fn scroll_curve(maker: Maker, grid: &Grid, charts: &mut Charts) -> Result<PanelsView> {
    let all = read(maker, grid)?;
    let note = (all.len() > MOST_PANELS).then(|| {
        let rest = (all.len() - MOST_PANELS).to_string();
        maker.words.fill(Key::MorePictures, &[("n", &rest)])
    });
    let panels = all
        .iter()
        .take(MOST_PANELS)
        .map(|depths| panel(maker, grid, depths, charts))
        .collect();
    Ok(PanelsView::new(panels, note))
}

fn read(maker: Maker, grid: &Grid) -> Result<Vec<Depths>> {
    let section = grid.section;
    let (page, depth) = (grid.place("page")?, grid.place("scroll_pct")?);
    let (views, share) = (grid.place("views_reaching")?, grid.place("reached_share")?);
    let columns = BlockColumns::of(grid)?;
    let mut all: Vec<Depths> = Vec::new();
    for row in &grid.rows {
        let cell = |at: usize| row.get(at).unwrap_or(&Cell::Null);
        let page = cell(page)
            .text()
            .ok_or_else(|| failed(section, "page", "is null"))?;
        let page = clean(maker.words.name("page", page), LONGEST_TEXT);
        let at = all.iter().position(|depths| depths.page == page);
        let at = at.unwrap_or_else(|| {
            all.push(Depths {
                page,
                blocks: Vec::new(),
                points: Vec::new(),
            });
            all.len() - 1
        });
        let Some(found) = all.get_mut(at) else {
            continue;
        };
        let share = cell(share).number();
        if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Err(failed(section, "reached_share", "is not between 0 and 1"));
        }
        let block = columns.read(maker, grid, row)?;
        match (cell(depth), cell(views), share, block) {
            (Cell::Null, _, share, Some(block)) => {
                let mut blocks: Vec<Block> = found
                    .blocks
                    .iter()
                    .map(|(block, _)| block.clone())
                    .collect();
                let before = blocks.len();
                insert(grid, &mut blocks, block.clone())?;
                if blocks.len() > before {
                    let at = blocks
                        .iter()
                        .position(|other| *other == block)
                        .unwrap_or(before);
                    found.blocks.insert(at, (block, share));
                }
            }
            (Cell::Int(depth), Cell::Int(views), Some(share), None)
                if (0..=100).contains(depth) =>
            {
                let at = found.points.partition_point(|point| point.depth < *depth);
                if found
                    .points
                    .get(at)
                    .is_some_and(|point| point.depth == *depth)
                {
                    let cause = "comes twice for one page; does the select filter the date?";
                    return Err(failed(section, "scroll_pct", cause));
                }
                let (depth, views) = (*depth, *views);
                found.points.insert(
                    at,
                    Depth {
                        depth,
                        views,
                        share,
                    },
                );
            }
            _ => {
                let cause = "a row tells either a block or a depth of 0 to 100 with views_reaching and reached_share";
                return Err(failed(section, "scroll_pct", cause));
            }
        }
    }
    Ok(all)
}

fn panel(maker: Maker, grid: &Grid, depths: &Depths, charts: &mut Charts) -> PanelView {
    let words = maker.words;
    let label = |name: &str| {
        let column = grid
            .section
            .columns
            .iter()
            .find(|column| column.name == name);
        column.map_or(String::new(), |column| maker.label(column).to_owned())
    };
    let deep = |depth: i64| format!("{depth}%");
    let points: Vec<ScrollPoint> = depths
        .points
        .iter()
        .map(|point| ScrollPoint {
            depth: point.depth as f64 / 100.0,
            share: point.share,
            title: words.fill(
                Key::ScrollPoint,
                &[
                    ("depth", &deep(point.depth)),
                    ("share", &percent(point.share)),
                    ("n", &group(&point.views.to_string())),
                ],
            ),
        })
        .collect();
    let loss = steepest(&points)
        .and_then(|at| depths.points.get(at..at + 2))
        .map_or_else(Vec::new, |pair| loss(maker, depths, pair));
    let reached = |share: &Option<f64>| {
        share.map_or_else(String::new, |share| {
            words.fill(Key::ScrollBlock, &[("share", &percent(share))])
        })
    };
    let said: Vec<String> = depths
        .blocks
        .iter()
        .map(|(block, share)| {
            maker.pair(
                &block.name,
                &share.map_or(words.get(Key::NoValue).to_owned(), percent),
            )
        })
        .collect();
    let end = depths.points.last();
    let end = words.fill(
        Key::ScrollEnd,
        &[
            (
                "depth",
                &end.map_or(words.get(Key::NoValue).to_owned(), |end| deep(end.depth)),
            ),
            (
                "share",
                &end.map_or(words.get(Key::NoValue).to_owned(), |end| percent(end.share)),
            ),
        ],
    );
    let drawn = ScrollCurve {
        title: depths.page.clone(),
        description: words.fill(
            Key::ScrollDescription,
            &[
                ("end", &end),
                ("loss", &loss.join(" ")),
                ("blocks", &said.join(words.get(Key::ListJoin))),
            ],
        ),
        points,
        blocks: depths
            .blocks
            .iter()
            .map(|(block, share)| PageBlock {
                name: block.name.clone(),
                note: reached(share),
                from: block.from as f64 / 100.0,
                to: block.to as f64 / 100.0,
            })
            .collect(),
        ticks: [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| format!("{:.0}%", share * 100.0)),
        loss,
    };
    let rows = depths
        .points
        .iter()
        .map(|point| {
            let block = depths
                .blocks
                .iter()
                .find(|(block, _)| block.holds(point.depth as f64));
            vec![
                CellView::number(deep(point.depth)),
                CellView::name(block.map_or("", |(block, _)| block.name.as_str())),
                CellView::number(group(&point.views.to_string())),
                CellView::number(percent(point.share)),
            ]
        })
        .collect();
    PanelView {
        title: depths.page.clone(),
        figure: end,
        chart: charts.push(drawn.draw()),
        table: TableView {
            head: vec![
                HeadView::number(label("scroll_pct")),
                HeadView::name(label("block")),
                HeadView::number(label("views_reaching")),
                HeadView::number(label("reached_share")),
            ],
            rows,
            more: None,
        },
    }
}

/// Between which depths, in which block, how much.
fn loss(maker: Maker, depths: &Depths, pair: &[Depth]) -> Vec<String> {
    let [upper, lower] = pair else {
        return Vec::new();
    };
    let deep = |depth: i64| format!("{depth}%");
    let middle = (upper.depth + lower.depth) as f64 / 2.0;
    let mut lines = vec![maker.words.fill(
        Key::ScrollLoss,
        &[("from", &deep(upper.depth)), ("to", &deep(lower.depth))],
    )];
    let block = depths.blocks.iter().find(|(block, _)| block.holds(middle));
    lines.extend(block.map(|(block, _)| block.name.clone()));
    let points = maker.writer.points((upper.share - lower.share) * 100.0);
    lines.push(maker.words.fill(Key::Less, &[("n", &points)]));
    lines
}
