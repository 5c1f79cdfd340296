//! Taps on a page's outline, a picture per page and screen class.

use super::page_blocks::{Block, BlockColumns, insert};
use super::panels::{MOST_PANELS, PanelView, PanelsView};
use super::table::{CellView, HeadView, TableView};
use super::{Charts, Maker};
use crate::error::Result;
use crate::report::chart::{
    GRID_COLUMNS, GRID_ROWS, HeatCell, HeatMap, PageBlock, lowest_of_levels,
};
use crate::report::number::{LONGEST_TEXT, clean, group, percent, short};
use crate::report::section::{Cell, Grid, failed};
use crate::report::words::Key;

/// The most tapped cells carry their place in the picture.
const RANKED: usize = 3;
/// Cells in the table of a page without blocks.
const LISTED: usize = 10;

/// Taps of one page on one class of screens.
#[derive(Debug)]
struct Taps {
    page: String,
    screen: String,
    blocks: Vec<Block>,
    /// (row, column, taps), the most first.
    cells: Vec<(usize, usize, i64)>,
}

impl Taps {
    fn total(&self) -> i64 {
        self.cells.iter().map(|(.., taps)| taps).sum()
    }

    /// Taps in cells whose middle lies in the block.
    fn of(&self, block: &Block) -> i64 {
        self.cells
            .iter()
            .filter(|(row, ..)| block.holds((*row as f64 + 0.5) * 100.0 / GRID_ROWS as f64))
            .map(|(.., taps)| taps)
            .sum()
    }
}

/// The pictures, in the order of the select.
pub fn heat_map(maker: Maker, grid: &Grid, charts: &mut Charts) -> Result<PanelsView> {
    let all = read(maker, grid)?;
    let mut note = maker.words.get(Key::HeatNote).to_owned();
    if all.len() > MOST_PANELS {
        let rest = (all.len() - MOST_PANELS).to_string();
        note.push_str(&maker.words.fill(Key::MorePictures, &[("n", &rest)]));
    }
    let panels = all
        .iter()
        .take(MOST_PANELS)
        .map(|taps| panel(maker, grid, taps, charts))
        .collect();
    Ok(PanelsView::new(panels, Some(note)))
}

fn read(maker: Maker, grid: &Grid) -> Result<Vec<Taps>> {
    let section = grid.section;
    let (page, screen) = (grid.place("page")?, grid.place("screen_class")?);
    let (x, y, taps) = (
        grid.place("grid_x")?,
        grid.place("grid_y")?,
        grid.place("taps")?,
    );
    let blocks = BlockColumns::of(grid)?;
    let mut all: Vec<Taps> = Vec::new();
    for row in &grid.rows {
        let cell = |at: usize| row.get(at).unwrap_or(&Cell::Null);
        let name = |at: usize, column: &str| {
            let name = cell(at)
                .text()
                .ok_or_else(|| failed(section, column, "is null"))?;
            Ok(clean(maker.words.name(column, name), LONGEST_TEXT))
        };
        let (page, screen) = (name(page, "page")?, name(screen, "screen_class")?);
        let at = all
            .iter()
            .position(|taps| taps.page == page && taps.screen == screen);
        let at = at.unwrap_or_else(|| {
            all.push(Taps {
                page,
                screen,
                blocks: Vec::new(),
                cells: Vec::new(),
            });
            all.len() - 1
        });
        let Some(found) = all.get_mut(at) else {
            continue;
        };
        if let Some(block) = blocks.read(maker, grid, row)? {
            insert(grid, &mut found.blocks, block)?;
        }
        let (column, line, count) = match (cell(x), cell(y), cell(taps)) {
            // A row that only tells a block.
            (Cell::Null, Cell::Null, Cell::Null) => continue,
            (Cell::Int(x), Cell::Int(y), Cell::Int(taps)) => (*x, *y, *taps),
            _ => {
                return Err(failed(
                    section,
                    "taps",
                    "grid_x, grid_y or taps alone is null",
                ));
            }
        };
        let (Some(column), Some(line)) = (place(column, GRID_COLUMNS), place(line, GRID_ROWS))
        else {
            let cause = format!(
                "and grid_y are {column} and {line}, outside of {GRID_COLUMNS} × {GRID_ROWS}"
            );
            return Err(failed(section, "grid_x", &cause));
        };
        if count < 0 {
            return Err(failed(section, "taps", "is below 0"));
        }
        if found
            .cells
            .iter()
            .any(|(row, col, _)| (*row, *col) == (line, column))
        {
            let cause = "comes twice; does the select filter the date?";
            return Err(failed(section, "grid_x", cause));
        }
        found.cells.push((line, column, count));
    }
    for taps in &mut all {
        taps.cells
            .sort_by(|a, b| b.2.cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
    }
    Ok(all)
}

fn place(at: i64, end: usize) -> Option<usize> {
    usize::try_from(at).ok().filter(|at| *at < end)
}

fn panel(maker: Maker, grid: &Grid, taps: &Taps, charts: &mut Charts) -> PanelView {
    let words = maker.words;
    let total = taps.total();
    let count = |n: i64| group(&n.to_string());
    let share = |n: i64| percent(n as f64 / total.max(1) as f64);
    let part = |n: i64| words.fill(Key::CountShare, &[("n", &count(n)), ("share", &share(n))]);
    let label = |name: &str| {
        let column = grid
            .section
            .columns
            .iter()
            .find(|column| column.name == name);
        column.map_or(String::new(), |column| maker.label(column).to_owned())
    };
    let title = words.fill(Key::DotPair, &[("a", &taps.page), ("b", &taps.screen)]);
    let most = taps.cells.first().map_or(0, |(.., taps)| *taps);
    let lowest = lowest_of_levels(most);
    let bound = |n: i64| short(n as f64, words.locale);
    let mut bounds: Vec<String> = lowest.iter().map(|from| bound(*from)).collect();
    bounds.push(bound(most));
    let said: Vec<String> = taps
        .blocks
        .iter()
        .map(|block| maker.pair(&block.name, &share(taps.of(block))))
        .collect();
    let drawn = HeatMap {
        title: title.clone(),
        description: words.fill(
            Key::HeatDescription,
            &[
                ("n", &count(total)),
                ("most", &count(most)),
                ("blocks", &said.join(words.get(Key::ListJoin))),
            ],
        ),
        cells: taps
            .cells
            .iter()
            .enumerate()
            .map(|(at, (row, column, taps))| HeatCell {
                column: *column,
                row: *row,
                count: *taps,
                rank: (at < RANKED && *taps > 0).then_some(at + 1),
                title: format!("{}\n{}", cell_name(maker, *row, *column), part(*taps)),
            })
            .collect(),
        blocks: taps
            .blocks
            .iter()
            .map(|block| PageBlock {
                name: block.name.clone(),
                note: part(taps.of(block)),
                from: block.from as f64 / 100.0,
                to: block.to as f64 / 100.0,
            })
            .collect(),
        key: words.fill(Key::HeatLegend, &[("metric", &label("taps"))]),
        bounds,
    };
    let number = |n: i64| [CellView::number(count(n)), CellView::number(share(n))];
    let table = if taps.blocks.is_empty() {
        TableView {
            head: vec![
                HeadView::name(words.get(Key::CellColumn)),
                HeadView::number(label("taps")),
                HeadView::number(words.get(Key::ShareColumn)),
            ],
            rows: taps
                .cells
                .iter()
                .take(LISTED)
                .map(|(row, column, taps)| {
                    let name = CellView::name(cell_name(maker, *row, *column));
                    std::iter::once(name).chain(number(*taps)).collect()
                })
                .collect(),
            more: None,
        }
    } else {
        TableView {
            head: vec![
                HeadView::name(label("block")),
                HeadView::name(words.get(Key::PlaceColumn)),
                HeadView::number(label("taps")),
                HeadView::number(words.get(Key::ShareColumn)),
            ],
            rows: taps
                .blocks
                .iter()
                .map(|block| {
                    let names = [
                        CellView::name(block.name.as_str()),
                        CellView::name(block.range()),
                    ];
                    names.into_iter().chain(number(taps.of(block))).collect()
                })
                .collect(),
            more: None,
        }
    };
    PanelView {
        figure: maker.pair(&label("taps"), &count(total)),
        chart: charts.push(drawn.draw()),
        title,
        table,
    }
}

/// A cell by its place, counted as people count.
fn cell_name(maker: Maker, row: usize, column: usize) -> String {
    let (row, column) = ((row + 1).to_string(), (column + 1).to_string());
    maker
        .words
        .fill(Key::HeatCell, &[("row", &row), ("column", &column)])
}
