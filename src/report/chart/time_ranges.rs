//! Times on a log scale: a dot where half have come, a bar to where nine of ten have.

use super::svg::{Anchor, Canvas, Svg};
use super::text;
use super::time_axis::place;

/// One row, texts as written.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeRange {
    /// Name.
    pub name: String,
    /// Median and 90th percentile in microseconds; `None` where there is none.
    pub times_us: Option<(f64, f64)>,
    /// The median, or its state.
    pub median: String,
    /// The 90th percentile.
    pub p90: String,
    /// Tooltip.
    pub title: String,
}

/// Rows from the top.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeRanges {
    /// What it shows.
    pub title: String,
    /// In words.
    pub description: String,
    /// In order.
    pub rows: Vec<TimeRange>,
    /// Microseconds and text of each tick, from the shortest.
    pub ticks: Vec<(f64, String)>,
    /// What the dot is.
    pub median_key: String,
    /// What the end of the bar is.
    pub p90_key: String,
}

const WIDTH: f64 = 340.0;
/// Room for dots and half a tick's text at both ends.
const SIDE: f64 = 12.0;
/// The legend's line.
const KEYS: f64 = 24.0;
const ROW: f64 = 46.0;
const AXIS: f64 = 20.0;
/// From a row's top to its dots.
const DOT: f64 = 30.0;
const SMALL: f64 = 12.0;
const TICK: f64 = 11.0;

impl TimeRanges {
    /// Draws them.
    pub fn draw(&self) -> Svg {
        let bottom = KEYS + ROW * self.rows.len().max(1) as f64;
        let height = bottom + AXIS;
        let mut canvas = Canvas::new("times", WIDTH, height, &self.title, &self.description);
        let ticks: Vec<f64> = self.ticks.iter().map(|(time, _)| *time).collect();
        let x = |time: f64| SIDE + (WIDTH - 2.0 * SIDE) * place(&ticks, time);
        self.keys(&mut canvas);
        // A line per tick where the row has its dots, so that no line runs through a text.
        let tops = (0..self.rows.len()).map(|at| KEYS + ROW * at as f64);
        let grid: Vec<_> = tops
            .flat_map(|top| ticks.iter().map(move |time| (top, *time)))
            .map(|(top, time)| [(x(time), top + 21.0), (x(time), top + 39.0)])
            .collect();
        canvas.lines("grid", &grid);
        // One right edge for all medians.
        let p90 = self
            .rows
            .iter()
            .map(|row| text::width(&row.p90, SMALL))
            .fold(0.0, f64::max);
        let p90 = if p90 > 0.0 { p90 + 10.0 } else { 0.0 };
        for (at, row) in self.rows.iter().enumerate() {
            let top = KEYS + ROW * at as f64;
            canvas.mark(&row.title, |canvas| {
                let median = text::width(&row.median, 13.0);
                let name = text::fit(&row.name, 13.0, WIDTH - p90 - median - 12.0);
                canvas.text("name", 0.0, top + 14.0, Anchor::Start, &name);
                canvas.text("value", WIDTH - p90, top + 14.0, Anchor::End, &row.median);
                canvas.text("note", WIDTH, top + 14.0, Anchor::End, &row.p90);
                let y = top + DOT;
                canvas.line("axis", (0.0, y), (WIDTH, y));
                if let Some((median, p90)) = row.times_us {
                    let (median, p90) = (x(median), x(p90));
                    canvas.rect("range", median, y - 3.0, p90 - median, 6.0, 3.0);
                    canvas.rect("p90", p90 - 1.5, y - 7.0, 3.0, 14.0, 1.0);
                    canvas.circle("median", median, y, 5.0);
                }
            });
        }
        self.axis(&mut canvas, x, bottom);
        canvas.finish()
    }

    /// What dot and bar are, as marks with their words.
    fn keys(&self, canvas: &mut Canvas) {
        canvas.circle("median", 5.0, 9.0, 5.0);
        let median = text::fit(&self.median_key, SMALL, WIDTH / 2.0 - 32.0);
        canvas.text("note", 15.0, 13.0, Anchor::Start, &median);
        let at = 15.0 + text::width(&median, SMALL) + 16.0;
        canvas.rect("range", at, 6.0, 17.0, 6.0, 3.0);
        canvas.rect("p90", at + 16.0, 2.0, 3.0, 14.0, 1.0);
        let p90 = text::fit(&self.p90_key, SMALL, WIDTH - at - 25.0);
        canvas.text("note", at + 25.0, 13.0, Anchor::Start, &p90);
    }

    /// Texts of the ticks; one that would touch the one before is left out.
    fn axis(&self, canvas: &mut Canvas, x: impl Fn(f64) -> f64, top: f64) {
        let mut free = f64::NEG_INFINITY;
        for (time, written) in &self.ticks {
            let half = text::width(written, TICK) / 2.0;
            let middle = x(*time).clamp(half, (WIDTH - half).max(half));
            if middle - half < free {
                continue;
            }
            free = middle + half + 4.0;
            canvas.text("tick", middle, top + 11.0, Anchor::Middle, written);
        }
    }
}
