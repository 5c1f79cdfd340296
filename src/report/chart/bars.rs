//! Horizontal bars: name above, value at the right end.

use super::svg::{Anchor, Canvas, Svg};
use super::text;

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Name.
    pub label: String,
    /// Length; `None` draws no bar.
    pub value: Option<f64>,
    /// Value as written.
    pub text: String,
    /// What else is said, in grey.
    pub note: String,
    /// Tooltip.
    pub title: String,
}

/// Bars from the top down.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// What they show.
    pub title: String,
    /// In words.
    pub description: String,
    /// From the top.
    pub bars: Vec<Bar>,
}

const WIDTH: f64 = 340.0;
const ROW: f64 = 38.0;
const THICK: f64 = 8.0;

impl Bars {
    /// Draws them.
    pub fn draw(&self) -> Svg {
        let height = ROW * self.bars.len().max(1) as f64;
        let mut canvas = Canvas::new("bars", WIDTH, height, &self.title, &self.description);
        let longest = self
            .bars
            .iter()
            .filter_map(|bar| bar.value)
            .fold(0.0, f64::max);
        // One right edge for all values.
        let note = self
            .bars
            .iter()
            .map(|bar| text::width(&bar.note, 12.0))
            .fold(0.0, f64::max);
        let note = if note > 0.0 { note + 10.0 } else { 0.0 };
        for (at, bar) in self.bars.iter().enumerate() {
            let top = ROW * at as f64;
            canvas.mark(&bar.title, |canvas| {
                let value = text::width(&bar.text, 13.0);
                let label = text::fit(&bar.label, 13.0, WIDTH - note - value - 12.0);
                canvas.text("name", 0.0, top + 15.0, Anchor::Start, &label);
                canvas.text("value", WIDTH - note, top + 15.0, Anchor::End, &bar.text);
                canvas.text("note", WIDTH, top + 15.0, Anchor::End, &bar.note);
                canvas.rect("track", 0.0, top + 22.0, WIDTH, THICK, THICK / 2.0);
                if let Some(value) = bar.value.filter(|value| *value > 0.0 && longest > 0.0) {
                    let length = (WIDTH * value / longest).max(2.0);
                    canvas.rect("fill", 0.0, top + 22.0, length, THICK, THICK / 2.0);
                }
            });
        }
        canvas.finish()
    }
}
