//! Which rows of a day go: of equal ids (or equal rows) all but the smallest by (event time, object,
//! offset), and rows of objects that are left out.

use std::collections::BTreeSet;

use rayon::slice::ParallelSliceMut;

use super::order::{Row, RowOrder};
use super::store::DateRows;
use crate::error::Result;
use crate::project::Duplicates;

/// Ids compared at once (16 bytes each); more are done in several passes over the day.
const IDS_PER_PASS: usize = 16 << 20;

/// The rows of a day that go.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    /// Per part of the day (its rows in memory, then each run) one bit a row; empty: none.
    parts: Vec<Vec<u64>>,
    /// Rows that go because they are duplicates.
    pub duplicates: u64,
    /// Hashes of the ids that stay, ascending.
    pub id_hashes: Vec<u64>,
}

impl Dropped {
    /// Whether a row of a part goes.
    #[inline]
    pub fn has(&self, part: usize, row: usize) -> bool {
        self.parts
            .get(part)
            .and_then(|bits| bits.get(row / 64))
            .is_some_and(|bits| bits >> (row % 64) & 1 == 1)
    }

    fn insert(&mut self, part: usize, row: usize) {
        if self.parts.len() <= part {
            self.parts.resize_with(part + 1, Vec::new);
        }
        let bits = &mut self.parts[part];
        if bits.len() <= row / 64 {
            bits.resize(row / 64 + 1, 0);
        }
        bits[row / 64] |= 1 << (row % 64);
    }
}

/// One row of a day by number: its part in the upper bits.
const ROW_BITS: u32 = 40;

fn place(part: usize, row: usize) -> u64 {
    (part as u64) << ROW_BITS | row as u64
}

fn part_and_row(place: u64) -> (usize, usize) {
    (
        (place >> ROW_BITS) as usize,
        (place & ((1 << ROW_BITS) - 1)) as usize,
    )
}

/// A row that shares its hash with another.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    hashes: (u64, u64),
    time_us: i64,
    object: u32,
    offset: u64,
    place: u64,
}

/// Decides for every row of a day. `excluded` are objects whose rows go without being counted.
pub(super) fn dropped(
    rows: &DateRows,
    order: &RowOrder<'_>,
    excluded: &BTreeSet<u32>,
) -> Result<Dropped> {
    let mut dropped = Dropped::default();
    if !excluded.is_empty() {
        rows.for_each(|part, number, row, _| {
            if excluded.contains(&order.shape.view(row().coded, 0).object) {
                dropped.insert(part, number);
            }
        })?;
    }
    if order.shape.duplicates == Duplicates::Keep {
        return Ok(dropped);
    }
    let passes = rows.rows() / IDS_PER_PASS + 1;
    let width = (u64::MAX / passes as u64).saturating_add(1);
    for pass in 0..passes as u64 {
        let is_mine = |hash: u64| passes == 1 || hash / width == pass;
        one_pass(rows, order, is_mine, &mut dropped)?;
    }
    if order.shape.duplicates == Duplicates::WholeRow {
        dropped.id_hashes.clear();
    }
    Ok(dropped)
}

fn one_pass(
    rows: &DateRows,
    order: &RowOrder<'_>,
    is_mine: impl Fn(u64) -> bool,
    dropped: &mut Dropped,
) -> Result<()> {
    let mut ids: Vec<(u64, u64)> = Vec::with_capacity(rows.rows().min(IDS_PER_PASS));
    rows.for_each(|part, number, _, hash| {
        if hash != 0 && is_mine(hash) && !dropped.has(part, number) {
            ids.push((hash, place(part, number)));
        }
    })?;
    ids.par_sort_unstable();
    let mut shared = Vec::new();
    for same in ids.chunk_by(|left, right| left.0 == right.0) {
        dropped.id_hashes.push(same[0].0);
        if same.len() > 1 {
            shared.extend(same.iter().map(|(_, place)| *place));
        }
    }
    drop(ids);
    if shared.is_empty() {
        return Ok(());
    }
    // Rows are gone through in the order of their places.
    shared.sort_unstable();
    let mut next = shared.iter().copied().peekable();
    let mut candidates = Vec::with_capacity(shared.len());
    rows.for_each(|part, number, row, hash| {
        let place = place(part, number);
        if next.next_if_eq(&place).is_some() {
            let row = row();
            let view = order.shape.view(row.coded, 0);
            candidates.push(Candidate {
                hashes: (hash, order.shape.second_hash(row.time_us, row.coded)),
                time_us: row.time_us,
                object: view.object,
                offset: view.offset,
                place,
            });
        }
    })?;
    let name = |candidate: &Candidate| order.names.get(candidate.object as usize);
    candidates.sort_unstable_by(|left, right| {
        left.hashes
            .cmp(&right.hashes)
            .then_with(|| left.time_us.cmp(&right.time_us))
            .then_with(|| name(left).cmp(&name(right)))
            .then_with(|| left.offset.cmp(&right.offset))
    });
    for same in candidates.chunk_by(|left, right| left.hashes == right.hashes) {
        for loser in &same[1..] {
            let (part, row) = part_and_row(loser.place);
            dropped.insert(part, row);
            dropped.duplicates += 1;
        }
    }
    Ok(())
}

impl DateRows {
    /// Calls `each(part, number in the part, the row, its id's hash)` for every row, always in the same
    /// order.
    fn for_each(
        &self,
        mut each: impl for<'r> FnMut(usize, usize, &(dyn Fn() -> Row<'r> + 'r), u64),
    ) -> Result<()> {
        let mut number = 0;
        for chunk in &self.chunks {
            for head in &chunk.heads {
                let row = || Row {
                    key: head.key,
                    time_us: head.time_us,
                    coded: chunk.row(head.at),
                };
                each(0, number, &row, head.id_hash);
                number += 1;
            }
        }
        for (at, run) in self.runs.iter().enumerate() {
            let mut reader = run.open()?;
            let mut number = 0;
            while reader.advance()? {
                each(at + 1, number, &|| reader.row(), reader.id_hash());
                number += 1;
            }
        }
        Ok(())
    }
}
