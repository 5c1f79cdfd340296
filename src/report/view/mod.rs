//! Typed view models: everything a template may print, already written as text. Templates arrange,
//! they never compute.

mod bars;
mod definitions;
mod funnel;
mod matrix;
mod numbers;
mod page;
mod sentence;
mod status;
mod table;

use serde::Serialize;

pub use page::{PageView, build};

use super::chart::Svg;
use super::input::RenderInput;
use super::number::Writer;
use super::words::{Key, Words};
use crate::project::{SectionColumn, Shape};

/// What every view is made with.
#[derive(Clone, Copy)]
struct Maker<'a> {
    input: &'a RenderInput<'a>,
    words: &'a Words,
    writer: Writer<'a>,
}

impl<'a> Maker<'a> {
    /// Label of a column; `check` has seen that there is one.
    fn label(&self, column: &'a SectionColumn) -> &'a str {
        self.words
            .label(&column.name, column.label.as_ref())
            .unwrap_or(&column.name)
    }

    /// `label value`
    fn pair(&self, label: &str, value: &str) -> String {
        self.words
            .fill(Key::PairOf, &[("label", label), ("value", value)])
    }
}

/// Pictures of a page; a template prints one by its number.
#[derive(Debug, Default)]
pub struct Charts(Vec<Svg>);

impl Charts {
    /// Keeps a picture and gives its number.
    fn push(&mut self, svg: Svg) -> usize {
        self.0.push(svg);
        self.0.len() - 1
    }

    /// In order of their numbers.
    pub fn into_inner(self) -> Vec<Svg> {
        self.0
    }
}

/// One section; exactly one of its shapes, or `empty`, is there.
#[derive(Debug, Serialize)]
pub struct SectionView {
    name: String,
    title: String,
    numbers: Option<numbers::NumbersView>,
    table: Option<table::TableView>,
    funnel: Option<funnel::FunnelView>,
    matrix: Option<matrix::MatrixView>,
    bars: Option<bars::BarsView>,
    empty: Option<String>,
}

/// Columns that a shape needs, with what they must be.
pub fn needed_columns(
    shape: Shape,
) -> &'static [(&'static str, &'static [crate::project::Format])] {
    use crate::project::Format::{Count, Date, Flag, Percent, Text, Word};
    match shape {
        Shape::Numbers => &[("date", &[Date])],
        Shape::Funnel => &[
            ("date", &[Date]),
            ("funnel", &[Word, Text]),
            ("basis", &[Word, Text]),
            ("is_mature", &[Flag]),
            ("step_no", &[Count]),
            ("step", &[Word, Text]),
            ("entrants", &[Count]),
            ("reached", &[Count]),
            ("step_rate", &[Percent]),
            ("overall_rate", &[Percent]),
        ],
        Shape::Table | Shape::Bars => &[],
    }
}

pub use definitions::shape_terms;
pub use funnel::SEGMENT;
pub use numbers::MOST_CARDS;
