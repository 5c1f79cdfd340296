//! From what a person wrote to what a project is: every check that needs no SQL and no data.
//!
//! Each function takes a typed value of [`super::raw`] with the node it was read from (for places),
//! tells every problem, and returns the checked value only where it told none.

mod columns;
mod complete_when;
mod contract;
mod contract_checks;
mod funnel;
mod key_figures;
mod layout;
mod limits;
mod line_format;
mod pipeline;
mod project;
mod relationships;
mod report;
mod source;
mod stores;
mod tables;
mod time;
mod values;

pub use contract::contract;
pub use pipeline::{Declared, pipeline};
pub use project::{Basics, project};
pub use report::{report, section};
pub use source::Surroundings;
pub use tables::Tables;

use crate::config::raw::PipelineFile;
use crate::config::tree::Node;
use crate::config::walk::Read;
use crate::diagnostic::{Diagnostic, Place};

/// Tells the problems of one file.
pub struct Checker<'a> {
    /// Path relative to the project root.
    pub file: &'a str,
    problems: &'a mut Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    /// For one file.
    pub fn new(file: &'a str, problems: &'a mut Vec<Diagnostic>) -> Self {
        Self { file, problems }
    }

    /// Tells one problem.
    pub fn tell(&mut self, place: Place, cause: impl Into<String>, mend: impl Into<String>) {
        self.problems
            .push(Diagnostic::new(self.file, place, cause, mend));
    }

    /// How many problems there are so far; equal before and after means that nothing was told.
    pub fn told(&self) -> usize {
        self.problems.len()
    }

    /// A place as checked types carry it.
    pub fn place(&self, place: Place) -> (String, usize, usize) {
        (self.file.to_owned(), place.line, place.column)
    }
}

/// A source or funnel of a pipeline file while it is checked: its node, and which parts of it were already told to be bad.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    read: &'a Read<PipelineFile>,
    path: &'a [&'a str],
    /// The part's node.
    pub node: &'a Node,
    /// Where its name stands.
    pub key_place: Place,
}

impl<'a> Part<'a> {
    /// A part at a path of the file.
    pub fn new(
        read: &'a Read<PipelineFile>,
        path: &'a [&'a str],
        node: &'a Node,
        key_place: Place,
    ) -> Self {
        Self {
            read,
            path,
            node,
            key_place,
        }
    }

    /// Whether something was told about this key (or, with `""`, anything) of the part: then its
    /// absence means nothing.
    pub fn is_hurt(&self, key: &str) -> bool {
        let mut path = self.path.to_vec();
        if !key.is_empty() {
            path.push(key);
        }
        self.read.is_hurt(&path)
    }
}
