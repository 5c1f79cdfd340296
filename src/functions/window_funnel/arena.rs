//! The rows of all groups in one flat list, without an allocation per group.
//!
//! Rows are put at the end as they come. Before levels are read the list is brought into the
//! order (group, time, steps): nothing to do where the input came that way, else rows are moved to
//! their group's place within the list, and each group that needs it is sorted.

use std::ops::Range;

/// One row of the input that may matter: 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// When, in the unit of the argument `time`.
    pub time: i64,
    /// Which group.
    pub group: u32,
    /// The steps it matches: bit k for step k + 1.
    pub steps: u32,
}

/// The rows of all groups.
#[derive(Debug)]
pub struct Arena {
    rows: Vec<Row>,
    /// The group of no row is below that of the row before it.
    is_grouped: bool,
}

impl Arena {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            rows: Vec::new(),
            is_grouped: true,
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Row) {
        if let Some(last) = self.rows.last() {
            self.is_grouped &= last.group <= row.group;
        }
        self.rows.push(row);
    }

    /// Makes room for more rows.
    pub fn reserve(&mut self, rows: usize) {
        self.rows.reserve(rows);
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.rows.capacity() * size_of::<Row>()
    }

    /// Brings the rows into the order (group, time, steps).
    pub fn arrange(&mut self) {
        if !self.is_grouped {
            self.group();
        }
        for group in self
            .rows
            .chunk_by_mut(|left, right| left.group == right.group)
        {
            if !group.is_sorted_by_key(|row| (row.time, row.steps)) {
                group.sort_unstable_by_key(|row| (row.time, row.steps));
            }
        }
    }

    /// The rows of each of the first `groups` groups, those without rows too. Call `arrange` first.
    pub fn first_groups(&self, groups: usize) -> impl Iterator<Item = &[Row]> {
        self.ranges(groups).map(|range| &self.rows[range])
    }

    /// Forgets the first `groups` groups; the others are renumbered from 0. Call `arrange` first.
    pub fn drop_first_groups(&mut self, groups: usize) {
        let count = self
            .rows
            .partition_point(|row| (row.group as usize) < groups);
        self.rows.drain(..count);
        for row in &mut self.rows {
            row.group -= groups as u32;
        }
    }

    fn ranges(&self, groups: usize) -> impl Iterator<Item = Range<usize>> {
        let mut start = 0;
        (0..groups).map(move |group| {
            let length = self.rows[start..]
                .iter()
                .take_while(|row| row.group as usize == group)
                .count();
            let range = start..start + length;
            start = range.end;
            range
        })
    }

    /// Moves the rows of each group next to each other, groups in order, in the list itself. Many
    /// groups are parted in two passes, first into ranges of groups, so that what is moved about
    /// lies close together; in one pass nearly every move would wait for memory.
    fn group(&mut self) {
        let groups = self
            .rows
            .iter()
            .map(|row| row.group as usize + 1)
            .max()
            .unwrap_or(0);
        let shift = groups.ilog2().saturating_sub(PARTS_AT_ONCE.ilog2());
        self.is_grouped = true;
        if shift == 0 {
            part(&mut self.rows, |row| row.group as usize, groups);
            return;
        }
        part(
            &mut self.rows,
            |row| (row.group >> shift) as usize,
            (groups >> shift) + 1,
        );
        for range in self
            .rows
            .chunk_by_mut(|left, right| left.group >> shift == right.group >> shift)
        {
            let first = range[0].group >> shift << shift;
            part(range, |row| (row.group - first) as usize, 1 << shift);
        }
    }
}

/// Into how many parts rows are moved in one pass where there are too many groups for one.
const PARTS_AT_ONCE: usize = 512;

/// Moves the rows of each part next to each other, parts in order: what stands in a place of one
/// part is swapped to its own part's next place, until a row of the place's part comes back.
fn part(rows: &mut [Row], part_of: impl Fn(&Row) -> usize, parts: usize) {
    let mut next = vec![0; parts + 1];
    for row in rows.iter() {
        next[part_of(row) + 1] += 1;
    }
    for part in 0..parts {
        next[part + 1] += next[part];
    }
    let ends = next[1..].to_vec();
    for (part, end) in ends.into_iter().enumerate() {
        while next[part] < end {
            let place = next[part];
            let home = part_of(&rows[place]);
            if home != part {
                rows.swap(place, next[home]);
            }
            next[home] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arena_of(rows: &[Row]) -> Arena {
        let mut arena = Arena::new();
        rows.iter().for_each(|row| arena.push(*row));
        arena
    }

    #[test]
    fn many_groups_are_parted_in_two_passes() {
        let rows: Vec<_> = (0..40_000u32)
            .map(|row| Row {
                time: i64::from(row.wrapping_mul(2_654_435_761) >> 28),
                group: row.wrapping_mul(2_246_822_519) >> 19,
                steps: 1,
            })
            .collect();
        let mut sorted = rows.clone();
        sorted.sort_by_key(|row| (row.group, row.time));
        assert!(sorted[sorted.len() - 1].group as usize > 8 * PARTS_AT_ONCE);
        let mut arena = arena_of(&rows);
        arena.arrange();
        assert_eq!(arena.rows, sorted);
    }

    proptest! {
        #[test]
        fn any_input_order_ends_in_the_same_order(
            rows in prop::collection::vec((0u32..6, -3i64..3, 0u32..4), 0..40),
            dropped in 0usize..8,
        ) {
            let rows: Vec<_> = rows.into_iter().map(|(group, time, steps)| Row { time, group, steps }).collect();
            let mut sorted = rows.clone();
            sorted.sort_by_key(|row| (row.group, row.time, row.steps));

            let mut arena = arena_of(&rows);
            arena.arrange();
            prop_assert_eq!(&arena.rows, &sorted);
            let groups: Vec<_> = arena.first_groups(7).collect();
            prop_assert_eq!(groups.len(), 7);
            prop_assert_eq!(groups.concat(), sorted.clone());

            arena.drop_first_groups(dropped);
            let kept: Vec<_> = sorted
                .into_iter()
                .filter(|row| row.group as usize >= dropped)
                .map(|row| Row { group: row.group - dropped as u32, ..row })
                .collect();
            prop_assert_eq!(&arena.rows, &kept);
            arena.push(Row { time: 0, group: 0, steps: 1 });
            arena.arrange();
            prop_assert_eq!(arena.rows.len(), kept.len() + 1);
            prop_assert!(arena.rows.is_sorted_by_key(|row| (row.group, row.time, row.steps)));
        }
    }
}
