//! Taps on a page's outline: a grid of cells, the darker the more, the page's blocks at its side.

use super::heat_scale::{LEVELS, colour, level, lowest_of_levels};
use super::page_blocks::{PageBlock, draw_labels, least_height, share};
use super::svg::{Anchor, Canvas, Svg};
use super::text;

/// Cells from left to right.
pub const GRID_COLUMNS: usize = 12;
/// Cells from the top of the page to its end.
pub const GRID_ROWS: usize = 24;

/// A cell with taps in it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatCell {
    /// From the left, below [`GRID_COLUMNS`].
    pub column: usize,
    /// From the top, below [`GRID_ROWS`].
    pub row: usize,
    /// How many.
    pub count: i64,
    /// Its place among the most tapped, where that is marked.
    pub rank: Option<usize>,
    /// Tooltip.
    pub title: String,
}

/// A page's taps.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// What it shows.
    pub title: String,
    /// In words.
    pub description: String,
    /// In any order; cells without taps are left out.
    pub cells: Vec<HeatCell>,
    /// From the top; may be none.
    pub blocks: Vec<PageBlock>,
    /// What the colours count.
    pub key: String,
    /// The smallest count of each step of [`lowest_of_levels`] as written, and the largest count.
    pub bounds: Vec<String>,
}

const WIDTH: f64 = 340.0;
const CELL: f64 = 17.0;
const LEAST_ROW: f64 = 15.0;
const PAGE: f64 = CELL * GRID_COLUMNS as f64;
/// From the outline to the blocks' names.
const BESIDE: f64 = 14.0;
const SMALL: f64 = 12.0;
const TICK: f64 = 11.0;
/// Words, colours and counts below.
const KEYS: f64 = 54.0;

impl HeatMap {
    /// Draws it.
    pub fn draw(&self) -> Svg {
        let page = (LEAST_ROW * GRID_ROWS as f64).max(least_height(&self.blocks));
        let row = page / GRID_ROWS as f64;
        let height = page + 1.0 + KEYS;
        let mut canvas = Canvas::new("heat", WIDTH, height, &self.title, &self.description);
        let left = if self.blocks.is_empty() {
            (WIDTH - PAGE) / 2.0
        } else {
            0.5
        };
        canvas.rect("outline", left, 0.5, PAGE, page, 6.0);
        let most = self.cells.iter().map(|cell| cell.count).max().unwrap_or(0);
        let lowest = lowest_of_levels(most);
        for cell in &self.cells {
            let level = level(&lowest, cell.count);
            if level == 0 || cell.column >= GRID_COLUMNS || cell.row >= GRID_ROWS {
                continue;
            }
            let (x, y) = (
                left + CELL * cell.column as f64,
                0.5 + row * cell.row as f64,
            );
            let strength = colour(level, lowest.len());
            canvas.mark(&cell.title, |canvas| {
                let class = format!("heat-{strength}");
                canvas.rect(&class, x + 0.5, y + 0.5, CELL - 1.0, row - 1.0, 2.0);
                if let Some(rank) = cell.rank {
                    let middle = y + row / 2.0 + 3.8;
                    let rank = rank.to_string();
                    // Paper on strong colours, ink on weak ones.
                    let class = if strength > LEVELS / 2 {
                        "rank"
                    } else {
                        "rank weak"
                    };
                    canvas.text(class, x + CELL / 2.0, middle, Anchor::Middle, &rank);
                }
            });
        }
        self.draw_blocks(&mut canvas, left, page);
        self.draw_keys(&mut canvas, &lowest, page + 1.0);
        canvas.finish()
    }

    /// A line across the page where a block ends, its name beside it.
    fn draw_blocks(&self, canvas: &mut Canvas, left: f64, page: f64) {
        let mut edges: Vec<f64> = self
            .blocks
            .iter()
            .flat_map(|block| [share(block.from), share(block.to)])
            .filter(|edge| *edge > 0.0 && *edge < 1.0)
            .collect();
        edges.sort_by(f64::total_cmp);
        edges.dedup();
        for edge in edges {
            let y = 0.5 + page * edge;
            canvas.line("edge", (left, y), (left + PAGE + BESIDE - 5.0, y));
        }
        let x = left + PAGE + BESIDE;
        draw_labels(canvas, &self.blocks, (x, WIDTH - x), (0.5, page));
    }

    /// The scale: a square per step, the counts where they change.
    fn draw_keys(&self, canvas: &mut Canvas, lowest: &[i64], top: f64) {
        if lowest.is_empty() {
            return;
        }
        let key = text::fit(&self.key, SMALL, WIDTH);
        canvas.text("note", 0.0, top + 19.0, Anchor::Start, &key);
        let step = WIDTH / LEVELS as f64;
        let mut free = 0.0;
        for at in 0..lowest.len() {
            let x = step * at as f64;
            let class = format!("heat-{}", colour(at + 1, lowest.len()));
            canvas.rect(&class, x, top + 25.0, step - 1.0, 9.0, 0.0);
            let Some(bound) = self.bounds.get(at) else {
                continue;
            };
            let right = x + text::width(bound, TICK);
            if x < free || right > WIDTH {
                continue;
            }
            canvas.text("tick", x, top + 47.0, Anchor::Start, bound);
            free = right + 4.0;
        }
        let last = self.bounds.get(lowest.len() - 1);
        if let Some(most) = self
            .bounds
            .get(lowest.len())
            .filter(|most| Some(*most) != last)
        {
            let right = step * lowest.len() as f64;
            // With few steps the largest count is a step's own.
            if right - text::width(most, TICK) > free {
                canvas.text("tick", right, top + 47.0, Anchor::End, most);
            }
        }
    }
}
