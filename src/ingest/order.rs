//! The one order of a table's rows: (user key, user id, time, event id, object, offset), or
//! (`sort_by`, time, object, offset) for sources without a user; nulls first.

use std::cmp::Ordering;

use rayon::slice::ParallelSliceMut;

use super::chunk::Chunk;
use crate::source::columns::RowShape;

/// A row's place in the order, and where it lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    key: i64,
    time_us: i64,
    chunk: u32,
    at: u32,
}

impl Place {
    /// Of a row in a chunk.
    pub fn new(key: i64, time_us: i64, chunk: u32, at: u32) -> Self {
        Self {
            key,
            time_us,
            chunk,
            at,
        }
    }

    /// Key and time as one number in the same order: one comparison instead of two.
    #[inline]
    fn number(&self) -> u128 {
        const SIGN: u64 = 1 << 63;
        let (key, time) = (self.key.cast_unsigned(), self.time_us.cast_unsigned());
        u128::from(key ^ SIGN) << 64 | u128::from(time ^ SIGN)
    }

    /// Reads a little of each of the row's first lines of memory, so that they are near when it is used.
    #[inline]
    pub fn touch(&self, chunks: &[Chunk]) -> u8 {
        let Some(chunk) = chunks.get(self.chunk as usize) else {
            return 0;
        };
        let byte = |ahead: usize| chunk.bytes.get(self.at as usize + ahead).copied();
        byte(0).unwrap_or(0) ^ byte(64).unwrap_or(0) ^ byte(128).unwrap_or(0)
    }

    /// The row itself.
    #[inline]
    pub fn row<'a>(&self, chunks: &'a [Chunk]) -> Row<'a> {
        Row {
            key: self.key,
            time_us: self.time_us,
            coded: chunks
                .get(self.chunk as usize)
                .map_or(&[], |chunk| chunk.row(self.at)),
        }
    }
}

/// A coded row with what decides its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// User key, or the first bytes of `sort_by`.
    pub key: i64,
    /// Event time; 0 where the source has none.
    pub time_us: i64,
    /// The row.
    pub coded: &'a [u8],
}

/// Compares rows of one table.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowOrder<'a> {
    /// What the rows hold.
    pub shape: &'a RowShape,
    /// Objects by number.
    pub names: &'a [String],
}

impl RowOrder<'_> {
    /// The order of two rows, down to their offsets.
    pub fn compare(&self, left: &Row<'_>, right: &Row<'_>) -> Ordering {
        left.key.cmp(&right.key).then_with(|| {
            let (a, b) = (
                self.shape.view(left.coded, 0),
                self.shape.view(right.coded, 0),
            );
            let (mut a_values, mut b_values) = (a.values(), b.values());
            let times = left.time_us.cmp(&right.time_us);
            let order = match self.shape.is_event_stream {
                true => {
                    let ids = a_values.text().cmp(&b_values.text());
                    let users = a_values.text().cmp(&b_values.text());
                    users.then(times).then(ids)
                }
                false => a.order.cmp(b.order).then(times),
            };
            let name = |object: u32| self.names.get(object as usize);
            order
                .then_with(|| name(a.object).cmp(&name(b.object)))
                .then_with(|| a.offset.cmp(&b.offset))
        })
    }

    /// Sorts. Unless `is_exact`, rows of equal keys are taken to be of one user: two ids of one key are
    /// rare beyond hope, and whoever reads the rows in order sees it ([`SameUser`]) and asks for the
    /// exact order.
    pub fn sort(&self, places: &mut [Place], chunks: &[Chunk], is_exact: bool) {
        let compare =
            |left: &Place, right: &Place| self.compare(&left.row(chunks), &right.row(chunks));
        if is_exact || !(self.shape.is_event_stream || self.shape.sort_by.is_empty()) {
            places.par_sort_unstable_by(compare);
            return;
        }
        places.par_sort_unstable_by_key(Place::number);
        for tied in places
            .chunk_by_mut(|left, right| (left.key, left.time_us) == (right.key, right.time_us))
        {
            if tied.len() > 1 {
                tied.sort_unstable_by(compare);
            }
        }
    }
}

/// Watches that rows of equal keys are of one user.
#[derive(Debug, Default)]
pub(super) struct SameUser<'a> {
    last: Option<(i64, Option<&'a [u8]>)>,
}

impl<'a> SameUser<'a> {
    /// Whether a row may follow those before it.
    #[inline]
    pub fn goes_on(&mut self, key: i64, user: Option<&'a [u8]>) -> bool {
        let goes_on = self
            .last
            .is_none_or(|(last, before)| last != key || before == user);
        self.last = Some((key, user));
        goes_on
    }
}
