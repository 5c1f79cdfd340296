//! Pictures: our own small SVG builder and what is drawn with it.
//!
//! Every picture is drawn from plain typed data with texts already written, has a `viewBox` close to a
//! phone's width so that its letters keep their size there, `role="img"`, a title, a description and a
//! title per mark. Colours are classes: the page's style sheet decides them for light, dark and print.
//! A colour never stands alone: what it says is also written, or shown by order, outline or place.

mod bars;
mod flow;
mod funnel;
mod funnel_ends;
mod heat_map;
mod heat_scale;
mod order;
mod page_blocks;
mod scroll_curve;
mod sparkline;
mod svg;
mod text;
mod time_axis;
mod time_ranges;
mod whisker;

pub use bars::{Bar, Bars};
pub use flow::{Flow, FlowLink, FlowNode, NodeKind};
pub use funnel::{Funnel, FunnelStep};
pub use funnel_ends::{End, EndKind, EndsStep, FunnelEnds};
pub use heat_map::{GRID_COLUMNS, GRID_ROWS, HeatCell, HeatMap};
pub use heat_scale::lowest_of_levels;
pub use page_blocks::PageBlock;
pub use scroll_curve::{ScrollCurve, ScrollPoint, steepest};
pub use sparkline::{Point, Sparkline};
pub use svg::Svg;
pub use time_axis::ticks;
pub use time_ranges::{TimeRange, TimeRanges};
pub use whisker::Whisker;

#[cfg(test)]
mod tests;
