//! A page's outline: its blocks from the top down, with their names at its side.

use super::svg::{Anchor, Canvas};
use super::text;

/// A block of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct PageBlock {
    /// Name.
    pub name: String,
    /// What is said about it.
    pub note: String,
    /// Where it begins, as a share of the page's height.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
}

/// Name and note.
pub const LABEL: f64 = 30.0;
pub const NAME: f64 = 13.0;
pub const NOTE: f64 = 11.0;

/// Least height of an outline whose labels all have room.
pub fn least_height(blocks: &[PageBlock]) -> f64 {
    LABEL * blocks.len() as f64
}

/// How wide the widest label is.
pub fn label_width(blocks: &[PageBlock]) -> f64 {
    blocks
        .iter()
        .map(|block| text::width(&block.name, NAME).max(text::width(&block.note, NOTE)))
        .fold(0.0, f64::max)
}

/// Writes each block's label from `x` on, `limit` wide, beside where the block lies in an outline that
/// reaches from `top` down `height`: none over another, none outside.
pub fn draw_labels(
    canvas: &mut Canvas,
    blocks: &[PageBlock],
    (x, limit): (f64, f64),
    (top, height): (f64, f64),
) {
    let middles: Vec<f64> = blocks
        .iter()
        .map(|block| top + height * (share(block.from) + share(block.to)) / 2.0)
        .collect();
    for (block, y) in blocks
        .iter()
        .zip(spread(&middles, LABEL, top, top + height))
    {
        let name = text::fit(&block.name, NAME, limit);
        canvas.text("name", x, y + 13.0, Anchor::Start, &name);
        let note = text::fit(&block.note, NOTE, limit);
        canvas.text("tick", x, y + 26.0, Anchor::Start, &note);
    }
}

/// A share that can be drawn.
pub fn share(value: f64) -> f64 {
    if value.is_finite() {
        value.clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// Tops of things of one height, in their order, each as near to its middle as the others allow.
/// Where there is room for all between `from` and `to`, all lie there and none over another.
pub fn spread(middles: &[f64], height: f64, from: f64, to: f64) -> Vec<f64> {
    let mut tops = Vec::with_capacity(middles.len());
    let mut free = from;
    for middle in middles {
        let top = (middle - height / 2.0).max(free);
        tops.push(top);
        free = top + height;
    }
    let mut limit = to;
    for top in tops.iter_mut().rev() {
        *top = top.min(limit - height);
        limit = *top;
    }
    tops
}
