//! A rate with its interval as small as a table's cell: a dot on a line, on a scale that the cells of a
//! column share.

use super::svg::{Canvas, Svg};

/// One interval. Places are shares of the column's scale, 0..=1.
#[derive(Debug, Clone, PartialEq)]
pub struct Whisker {
    /// Whose rate, with interval and number of cases.
    pub title: String,
    /// The interval in words.
    pub description: String,
    /// Lower end.
    pub low: f64,
    /// The rate.
    pub rate: f64,
    /// Upper end.
    pub high: f64,
}

const WIDTH: f64 = 56.0;
const HEIGHT: f64 = 10.0;
/// Room for the dot at both ends.
const SIDE: f64 = 4.0;

impl Whisker {
    /// Draws it.
    pub fn draw(&self) -> Svg {
        let mut canvas = Canvas::new("whisker", WIDTH, HEIGHT, &self.title, &self.description);
        let x = |share: f64| {
            let share = if share.is_finite() {
                share.clamp(0.0, 1.0)
            } else {
                0.0
            };
            SIDE + (WIDTH - 2.0 * SIDE) * share
        };
        let y = HEIGHT / 2.0;
        canvas.line("axis", (0.0, y), (WIDTH, y));
        let end = |x: f64| [(x, y - 3.0), (x, y + 3.0)];
        let (low, high) = (x(self.low), x(self.high));
        canvas.lines("interval", &[[(low, y), (high, y)], end(low), end(high)]);
        canvas.circle("dot", x(self.rate), y, 2.6);
        canvas.finish()
    }
}
