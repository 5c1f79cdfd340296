//! Tables sorted by user, read so that per-user work is a stream.
//!
//! Each day file of an event stream is sorted by (user_key, user_id, event_time, event_id,
//! source_object, source_offset). `user_key` is a hash, so equal slices of its numbers hold about
//! equally many users: the scan gives one stream per slice ([`KeyRange`]), each the merge of that
//! slice of all day files, and tells the engine both the order and the ranges. Grouping by
//! (user_key, user_id), and windows over them, then need no hash table of all users, no exchange
//! between the streams and no sort.
//!
//! What makes the merge cheap: in one file the rows of a user stand together, and the times of one
//! day's file lie after those of the day before. So for one user the merge over the days is the one
//! file's rows after the other's; only the users' ids need comparing, once per user and file, and
//! rows go on by the run. Both facts are checked: files by their footers ([`footers`]), users
//! as they come ([`merge`]).
//!
//! A plain scan stays the default: reading whole files side by side is cheaper where nobody needs
//! the order. The optimizer rule ([`rule`]) looks for groupings and windows that would stream, and
//! swaps the scans below them.
//!
//! What becomes of the runs: [`copy`] puts them together into batches for the engine; [`grouping`] works
//! out per-user aggregates ([`aggregates`], [`one_value`]) on the rows where they lie, with conditions
//! asked once per value ([`conditions`]).
//!
//! Memory: each open file holds a row group of its slice and one small decoded batch. A slice is read
//! in several steps where those would be too much ([`reading`]).

mod aggregates;
mod conditions;
mod copy;
mod exec;
mod footers;
mod grouping;
mod merge;
mod one_value;
mod paths;
mod reading;
mod rule;

use std::sync::Arc;

pub use rule::{GroupByUser, ReadByUser};

/// The columns that stand for a user, in the order of the layout.
pub const USER: [&str; 2] = ["user_key", "user_id"];

/// Marks a file as one of a table sorted by user: the columns it is sorted by, ascending, nulls
/// first, beginning with [`USER`]. The files of a scan stand in the order of their days.
#[derive(Debug, Clone)]
pub struct SortedByUser(pub Arc<[String]>);

/// A slice of the numbers of `user_key`: from `first` to `last`, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRange {
    /// The lowest key.
    pub first: i64,
    /// The highest key.
    pub last: i64,
}

impl KeyRange {
    /// All keys.
    pub const ALL: Self = Self {
        first: i64::MIN,
        last: i64::MAX,
    };

    /// Cuts into `parts` slices of equal width, in order (at least one, at most as many as there are keys).
    pub fn split(self, parts: usize) -> Vec<Self> {
        let width = (i128::from(self.last) - i128::from(self.first) + 1).max(1);
        let parts = i128::try_from(parts).unwrap_or(i128::MAX).clamp(1, width);
        let start = |part: i128| i128::from(self.first) + width * part / parts;
        // Every bound lies between `first` and `last`.
        let key = |number: i128| i64::try_from(number).unwrap_or(self.last);
        (0..parts)
            .map(|part| Self {
                first: key(start(part)),
                last: key(start(part + 1) - 1),
            })
            .collect()
    }

    fn holds(self, key: i64) -> bool {
        self.first <= key && key <= self.last
    }

    /// Whether any key from `low` to `high` lies in the slice.
    fn meets(self, low: i64, high: i64) -> bool {
        low <= self.last && self.first <= high
    }
}

#[cfg(test)]
mod tests {
    use super::KeyRange;

    #[test]
    fn slices_follow_each_other_and_leave_no_key_out() {
        for parts in [1, 2, 3, 7, 64] {
            let slices = KeyRange::ALL.split(parts);
            assert_eq!(slices.len(), parts);
            assert_eq!(
                (slices[0].first, slices[parts - 1].last),
                (i64::MIN, i64::MAX)
            );
            for pair in slices.windows(2) {
                assert_eq!(i128::from(pair[0].last) + 1, i128::from(pair[1].first));
            }
        }
        let two = KeyRange { first: 5, last: 6 };
        assert_eq!(two.split(9).len(), 2);
        assert_eq!(two.split(0), [two]);
    }
}
