//! A page's blocks as rows tell them: any row may hold one, and several rows the same.

use super::Maker;
use crate::error::Result;
use crate::report::number::{LONGEST_TEXT, clean};
use crate::report::section::{Cell, Grid, failed};

/// A block, in percent of the page's height.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// As people call it.
    pub name: String,
    /// Where it begins.
    pub from: i64,
    /// Where it ends.
    pub to: i64,
}

impl Block {
    /// `20–30%`
    pub fn range(&self) -> String {
        format!("{}–{}%", self.from, self.to)
    }

    /// Whether a depth in percent lies in it; the end of the page lies in its last block.
    pub fn holds(&self, depth: f64) -> bool {
        let is_above_end = depth < self.to as f64 || (self.to == 100 && depth <= 100.0);
        self.from as f64 <= depth && is_above_end
    }
}

/// Places of a block's columns.
#[derive(Debug, Clone, Copy)]
pub struct BlockColumns {
    name: usize,
    from: usize,
    to: usize,
}

impl BlockColumns {
    /// Finds them.
    pub fn of(grid: &Grid) -> Result<Self> {
        Ok(Self {
            name: grid.place("block")?,
            from: grid.place("from_pct")?,
            to: grid.place("to_pct")?,
        })
    }

    /// The block of a row; `None` where it holds none.
    pub fn read(self, maker: Maker, grid: &Grid, row: &[Cell]) -> Result<Option<Block>> {
        let cell = |at: usize| row.get(at).unwrap_or(&Cell::Null);
        let Some(name) = cell(self.name).text() else {
            return Ok(None);
        };
        match (cell(self.from), cell(self.to)) {
            (Cell::Int(from), Cell::Int(to)) if 0 <= *from && from < to && *to <= 100 => {
                Ok(Some(Block {
                    name: clean(maker.words.name("block", name), LONGEST_TEXT),
                    from: *from,
                    to: *to,
                }))
            }
            _ => {
                let name = clean(name, LONGEST_TEXT);
                let cause = format!("and to_pct of block {name} are not 0 ≤ from < to ≤ 100");
                Err(failed(grid.section, "from_pct", &cause))
            }
        }
    }
}

/// Adds a block to those of its page, in the order of their places.
pub fn insert(grid: &Grid, blocks: &mut Vec<Block>, block: Block) -> Result<()> {
    match blocks.iter().find(|other| other.name == block.name) {
        Some(other) if *other == block => Ok(()),
        Some(_) => {
            let cause = format!("{} lies in two places of one page", block.name);
            Err(failed(grid.section, "block", &cause))
        }
        None => {
            let at = blocks.partition_point(|other| other.from <= block.from);
            blocks.insert(at, block);
            Ok(())
        }
    }
}
