//! Typed view models: everything a template may print, already written as text. Templates arrange,
//! they never compute.

mod bars;
mod definitions;
mod entry_days;
mod flow;
mod funnel;
mod funnel_ends;
mod heat_map;
mod matrix;
mod numbers;
mod page;
mod page_blocks;
mod panels;
mod scroll_curve;
mod sentence;
mod shapes;
mod status;
mod table;
mod time_to_convert;

use serde::Serialize;

pub use page::{PageView, build};

use super::chart::Svg;
use super::input::RenderInput;
use super::number::Writer;
use super::words::{Key, Words};
use crate::project::SectionColumn;

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

    /// Label of a column of a shape that names its own.
    fn term<'s>(&'s self, column: &'s str) -> &'s str {
        self.words.label(column, None).unwrap_or(column)
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
    panels: Option<panels::PanelsView>,
    matrix: Option<matrix::MatrixView>,
    bars: Option<bars::BarsView>,
    empty: Option<String>,
}

pub use definitions::shape_terms;
pub use numbers::MOST_CARDS;
pub use shapes::{
    BREAKDOWN, INTERVALS, LEVEL, SEGMENT, further_columns, names_its_own, needed_columns,
    own_labels,
};
