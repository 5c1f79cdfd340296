//! Pictures side by side, each with its numbers in a table.

use serde::Serialize;

use super::table::TableView;

/// A section shows at most this many pictures.
pub const MOST_PANELS: usize = 6;

/// Pictures of one section.
#[derive(Debug, Serialize)]
pub struct PanelsView {
    /// Class of the style sheet: `several`, or `alone` where the table finds room beside the picture.
    class: &'static str,
    panels: Vec<PanelView>,
    /// What is said below them.
    note: Option<String>,
}

/// One picture.
#[derive(Debug, Serialize)]
pub struct PanelView {
    /// What of.
    pub title: String,
    /// The one number to take away.
    pub figure: String,
    /// Number of the picture.
    pub chart: usize,
    /// The same in numbers.
    pub table: TableView,
}

impl PanelsView {
    /// Pictures in their order.
    pub fn new(panels: Vec<PanelView>, note: Option<String>) -> Self {
        Self {
            class: if panels.len() == 1 {
                "alone"
            } else {
                "several"
            },
            panels,
            note,
        }
    }
}
