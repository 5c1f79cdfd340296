//! A small line of the trailing days: today filled, the same weekday of last week as a ring.

use super::svg::{Canvas, Svg};

/// One day.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Value; `None` leaves a gap.
    pub value: Option<f64>,
    /// Tooltip: day and value as written.
    pub title: String,
}

/// The line, oldest first, one point per day.
#[derive(Debug, Clone, PartialEq)]
pub struct Sparkline {
    /// What it shows.
    pub title: String,
    /// Lowest and highest in words.
    pub description: String,
    /// Days in order, without holes.
    pub points: Vec<Point>,
    /// Index of the day that the last one is compared with.
    pub compared: Option<usize>,
}

const WIDTH: f64 = 150.0;
const HEIGHT: f64 = 30.0;
const PADDING: f64 = 4.0;

impl Sparkline {
    /// Draws it.
    pub fn draw(&self) -> Svg {
        let mut canvas = Canvas::new("spark", WIDTH, HEIGHT, &self.title, &self.description);
        let values: Vec<f64> = self.points.iter().filter_map(|point| point.value).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let step = (WIDTH - 2.0 * PADDING) / (self.points.len().max(2) - 1) as f64;
        let place = |at: usize, value: f64| {
            // A flat line runs through the middle.
            let height = if high > low {
                (value - low) / (high - low)
            } else {
                0.5
            };
            (
                PADDING + step * at as f64,
                HEIGHT - PADDING - height * (HEIGHT - 2.0 * PADDING),
            )
        };
        let mut run: Vec<(f64, f64)> = Vec::new();
        for (at, point) in self.points.iter().enumerate() {
            match point.value {
                Some(value) => run.push(place(at, value)),
                None => line(&mut canvas, &std::mem::take(&mut run)),
            }
        }
        line(&mut canvas, &run);
        for (at, point) in self.points.iter().enumerate() {
            let Some(value) = point.value else { continue };
            let (x, y) = place(at, value);
            canvas.mark(&point.title, |canvas| {
                canvas.rect("hit", x - step / 2.0, 0.0, step, HEIGHT, 0.0);
                if at + 1 == self.points.len() {
                    canvas.circle("now", x, y, 3.0);
                } else if Some(at) == self.compared {
                    canvas.circle("then", x, y, 2.4);
                }
            });
        }
        canvas.finish()
    }
}

/// A run of days without a gap; a single day between gaps is a dot.
fn line(canvas: &mut Canvas, run: &[(f64, f64)]) {
    match run {
        [] => {}
        [(x, y)] => canvas.circle("alone", *x, *y, 1.2),
        run => canvas.polyline("line", run),
    }
}
