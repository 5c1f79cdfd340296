//! Pictures: our own small SVG builder and what is drawn with it.
//!
//! Every picture is drawn from plain typed data with texts already written, has a `viewBox` close to a
//! phone's width so that its letters keep their size there, `role="img"`, a title, a description and a
//! title per mark. Colours are classes: the page's style sheet decides them for light, dark and print.

mod bars;
mod funnel;
mod sparkline;
mod svg;
mod text;

pub use bars::{Bar, Bars};
pub use funnel::{Funnel, FunnelStep};
pub use sparkline::{Point, Sparkline};
pub use svg::Svg;
