//! How far down a page its views come: depth from the top down, the share of views to the right, the
//! page's blocks at the side, the steepest loss written where it is.

use super::page_blocks::{PageBlock, draw_labels, label_width, least_height, share};
use super::svg::{Anchor, Canvas, Svg};
use super::text;

/// One depth.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrollPoint {
    /// Share of the page's height, 0..=1.
    pub depth: f64,
    /// Share of views that came so far, 0..=1.
    pub share: f64,
    /// Tooltip.
    pub title: String,
}

/// A page's views by depth.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrollCurve {
    /// What it shows.
    pub title: String,
    /// In words.
    pub description: String,
    /// From the top.
    pub points: Vec<ScrollPoint>,
    /// From the top; may be none.
    pub blocks: Vec<PageBlock>,
    /// Shares as written, of 0, 25, 50, 75 and 100%.
    pub ticks: [String; 5],
    /// What is lost between the point of [`steepest`] and the next, in a few short lines; may be none.
    pub loss: Vec<String>,
}

const WIDTH: f64 = 340.0;
const AXIS: f64 = 20.0;
const LEAST_HEIGHT: f64 = 360.0;
const WIDEST_LABEL: f64 = 116.0;
/// Half a tick's text at the right end.
const SIDE: f64 = 16.0;
const SMALL: f64 = 12.0;
const LINE: f64 = 16.0;

/// Where most is lost per depth: the index of the upper of two points. Of equals the first.
pub fn steepest(points: &[ScrollPoint]) -> Option<usize> {
    let mut found: Option<(usize, f64)> = None;
    for (at, pair) in points.windows(2).enumerate() {
        let [upper, lower] = pair else { continue };
        let slope = (upper.share - lower.share) / (lower.depth - upper.depth);
        if slope.is_finite() && slope > found.map_or(0.0, |(_, slope)| slope) {
            found = Some((at, slope));
        }
    }
    found.map(|(at, _)| at)
}

impl ScrollCurve {
    /// Draws it.
    pub fn draw(&self) -> Svg {
        let page = LEAST_HEIGHT.max(least_height(&self.blocks));
        let labels = label_width(&self.blocks).min(WIDEST_LABEL);
        let left = if self.blocks.is_empty() {
            SIDE
        } else {
            labels + 14.0
        };
        let x = |value: f64| left + (WIDTH - SIDE - left) * share(value);
        let y = |depth: f64| AXIS + page * share(depth);
        let loss = self.place_loss(left, x, y);
        let height = loss
            .iter()
            .map(|(_, base, ..)| *base)
            .fold(AXIS + page, f64::max)
            + 4.0;
        let mut canvas = Canvas::new("depth", WIDTH, height, &self.title, &self.description);
        for (at, tick) in self.ticks.iter().enumerate() {
            let across = x(at as f64 / 4.0);
            canvas.line("grid", (across, AXIS), (across, AXIS + page));
            canvas.text("tick", across, 11.0, Anchor::Middle, tick);
        }
        self.draw_area(&mut canvas, left, x, y);
        for block in &self.blocks {
            let top = y(block.from);
            canvas.line("edge", (left - 8.0, top), (WIDTH - SIDE, top));
        }
        draw_labels(&mut canvas, &self.blocks, (0.0, labels), (AXIS, page));
        for (across, base, anchor, line) in loss {
            canvas.text("lost", across, base, anchor, &line);
        }
        canvas.finish()
    }

    fn draw_area(
        &self,
        canvas: &mut Canvas,
        left: f64,
        x: impl Fn(f64) -> f64,
        y: impl Fn(f64) -> f64,
    ) {
        let curve: Vec<(f64, f64)> = self
            .points
            .iter()
            .map(|point| (x(point.share), y(point.depth)))
            .collect();
        if let (Some(first), Some(last)) = (curve.first(), curve.last()) {
            let mut area = vec![(left, first.1)];
            area.extend(&curve);
            area.push((left, last.1));
            canvas.polygon("area", &area);
            canvas.polyline("curve", &curve);
        }
        if let Some(pair) = steepest(&self.points).and_then(|at| curve.get(at..at + 2)) {
            canvas.polyline("loss", pair);
        }
        for (point, (across, down)) in self.points.iter().zip(&curve) {
            canvas.mark(&point.title, |canvas| {
                canvas.circle("point", *across, *down, 2.6);
            });
        }
    }

    /// Words of the steepest loss, with where they stand. Views only become fewer on the way down, so
    /// it is empty right of the loss's end below it, and left of it above: there is the room for them.
    fn place_loss(
        &self,
        left: f64,
        x: impl Fn(f64) -> f64,
        y: impl Fn(f64) -> f64,
    ) -> Vec<(f64, f64, Anchor, String)> {
        let lower = steepest(&self.points).and_then(|at| self.points.get(at + 1));
        let Some(lower) = lower else {
            return Vec::new();
        };
        let (end, down) = (x(lower.share), y(lower.depth));
        let widest = self
            .loss
            .iter()
            .map(|line| text::width(line, SMALL))
            .fold(0.0, f64::max);
        let (right, inner) = (WIDTH - SIDE - end - 8.0, end - left - 14.0);
        let height = LINE * self.loss.len() as f64;
        let is_right = right >= widest || right >= inner || down - height < AXIS;
        self.loss
            .iter()
            .enumerate()
            .map(|(at, line)| {
                if is_right {
                    let base = down + LINE * (at + 1) as f64;
                    let line = text::fit(line, SMALL, right.max(SMALL));
                    (WIDTH - SIDE, base, Anchor::End, line)
                } else {
                    let base = down - height + LINE * (at + 1) as f64 - 4.0;
                    let line = text::fit(line, SMALL, inner.max(SMALL));
                    (left + 6.0, base, Anchor::Start, line)
                }
            })
            .collect()
    }
}
