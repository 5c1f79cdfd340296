//! Merges the slices of day files by user: rows of one user come from one day after the other. The
//! merge only says which rows come next ([`Run`]); what is done with them is its reader's affair
//! ([`ReadRuns`]): [`super::copy`] makes batches of them, [`super::grouping`] works on them where
//! they lie.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::Int64Type;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use super::KeyRange;

/// Where the user's columns stand in the streams' batches.
#[derive(Debug, Clone, Copy)]
pub struct UserColumns {
    /// `user_key`.
    pub key: usize,
    /// `user_id`, if it is read at all.
    pub id: Option<usize>,
}

/// Rows that come next: of one user, or of all there are where no other stream has rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Which stream.
    pub stream: usize,
    /// First row and end in that stream's batch at hand.
    pub start: usize,
    /// Behind the last row.
    pub end: usize,
}

/// Who takes the merge's rows.
pub trait ReadRuns {
    /// A stream goes to its next batch; the runs that follow lie in it.
    fn load(&mut self, stream: usize, batch: &RecordBatch) -> Result<()>;
}

/// The merge of streams that are each sorted by user; of equal users the earlier stream goes first.
pub struct Merge {
    columns: UserColumns,
    range: KeyRange,
    cursors: Vec<Cursor>,
    /// Cursors that have a row, as a heap: the first has the smallest user. Each stands beside the key of
    /// its next row, so that most comparisons touch nothing else.
    heap: Vec<(i64, usize)>,
    is_primed: bool,
    /// The first of the heap has given rows and stands at its next ones.
    has_moved: bool,
}

impl Merge {
    /// Rows outside the range, which whole pages bring, are left out.
    pub fn new(
        columns: UserColumns,
        range: KeyRange,
        streams: Vec<SendableRecordBatchStream>,
    ) -> Self {
        Self {
            columns,
            range,
            cursors: streams.into_iter().map(Cursor::new).collect(),
            heap: Vec::new(),
            is_primed: false,
            has_moved: false,
        }
    }

    /// The rows of the next user that lie in one batch, at most `room`; with `many`, also of the users
    /// after it where no other stream has rows. `None` after the last.
    pub async fn next(
        &mut self,
        room: usize,
        many: bool,
        reader: &mut impl ReadRuns,
    ) -> Result<Option<Run>> {
        if !self.is_primed {
            self.prime(reader).await?;
        } else if self.has_moved
            && let Some((key, at)) = self.heap.first_mut()
        {
            let cursor = &mut self.cursors[*at];
            if cursor.row < cursor.end {
                *key = cursor.key();
            } else {
                match cursor.advance(self.columns, self.range).await? {
                    Some(batch) => {
                        *key = cursor.key();
                        reader.load(*at, &batch)?;
                    }
                    None => {
                        self.heap.swap_remove(0);
                    }
                }
            }
            self.sift_down(0);
        }
        let Some(&(_, at)) = self.heap.first() else {
            return Ok(None);
        };
        let alone = self.heap.len() == 1;
        let cursor = &mut self.cursors[at];
        let (start, end) = cursor.run(many && alone, room);
        cursor.row = end;
        self.has_moved = true;
        Ok(Some(Run {
            stream: at,
            start,
            end,
        }))
    }

    /// The user of a run that was just given.
    pub fn user(&self, run: Run) -> (i64, Option<&str>) {
        let cursor = &self.cursors[run.stream];
        (cursor.keys.value(run.start), cursor.id_at(run.start))
    }

    /// Brings every stream to its first row; all at once, since the files are far apart.
    async fn prime(&mut self, reader: &mut impl ReadRuns) -> Result<()> {
        let (columns, range) = (self.columns, self.range);
        let firsts = self
            .cursors
            .iter_mut()
            .map(|cursor| cursor.advance(columns, range));
        let firsts = futures::future::try_join_all(firsts).await?;
        for (stream, batch) in firsts.iter().enumerate() {
            if let Some(batch) = batch {
                reader.load(stream, batch)?;
                self.heap.push((self.cursors[stream].key(), stream));
            }
        }
        for at in (0..self.heap.len() / 2).rev() {
            self.sift_down(at);
        }
        self.is_primed = true;
        Ok(())
    }

    fn sift_down(&mut self, mut at: usize) {
        let Some(&sinking) = self.heap.get(at) else {
            return;
        };
        loop {
            let left = 2 * at + 1;
            let Some(&left_child) = self.heap.get(left) else {
                break;
            };
            let (mut child, mut rising) = (left, left_child);
            if let Some(&right_child) = self.heap.get(left + 1)
                && self.is_before(right_child, left_child)
            {
                (child, rising) = (left + 1, right_child);
            }
            if self.is_before(sinking, rising) {
                break;
            }
            self.heap[at] = rising;
            at = child;
        }
        self.heap[at] = sinking;
    }

    fn is_before(&self, one: (i64, usize), other: (i64, usize)) -> bool {
        if one.0 != other.0 {
            return one.0 < other.0;
        }
        let ids = self.cursors[one.1].id().cmp(&self.cursors[other.1].id());
        ids.then(one.1.cmp(&other.1)) == Ordering::Less
    }
}

/// One stream: its batch at hand, and the next row of it.
struct Cursor {
    stream: SendableRecordBatchStream,
    keys: Int64Array,
    ids: Option<StringViewArray>,
    /// The next row, and the end of the rows inside the range.
    row: usize,
    end: usize,
    /// The last user of the batch before.
    last: Option<(i64, Option<String>)>,
}

impl Cursor {
    fn new(stream: SendableRecordBatchStream) -> Self {
        Self {
            stream,
            keys: Int64Array::new_null(0),
            ids: None,
            row: 0,
            end: 0,
            last: None,
        }
    }

    /// Goes to the next batch with rows in the range; `None` at the end of those.
    async fn advance(
        &mut self,
        columns: UserColumns,
        range: KeyRange,
    ) -> Result<Option<RecordBatch>> {
        if self.end > 0 {
            self.last = Some((
                self.keys.value(self.end - 1),
                self.id_at(self.end - 1).map(str::to_owned),
            ));
        }
        (self.row, self.end) = (0, 0);
        while let Some(batch) = self.stream.next().await.transpose()? {
            let keys = batch
                .column(columns.key)
                .as_primitive_opt::<Int64Type>()
                .filter(|keys| keys.null_count() == 0)
                .ok_or_else(|| exec_datafusion_err!("user_key is not a number in every row"))?;
            if !keys.values().is_sorted() {
                return unsorted();
            }
            let start = keys.values().partition_point(|key| *key < range.first);
            let end = keys.values().partition_point(|key| *key <= range.last);
            if start >= end {
                if end < keys.len() {
                    break;
                }
                continue;
            }
            self.ids = match columns.id {
                None => None,
                Some(id) => Some(
                    batch
                        .column(id)
                        .as_string_view_opt()
                        .cloned()
                        .ok_or_else(|| exec_datafusion_err!("user_id did not arrive as text"))?,
                ),
            };
            self.keys = keys.clone();
            (self.row, self.end) = (start, end);
            self.check()?;
            return Ok(Some(batch));
        }
        Ok(None)
    }

    /// The users of the batch rise, from the last one of the batch before.
    fn check(&self) -> Result<()> {
        let keys = self.keys.values();
        let rises = self.ids.as_ref().is_none_or(|ids| {
            (self.row + 1..self.end).all(|row| {
                keys[row - 1] != keys[row]
                    || ids.views()[row - 1] == ids.views()[row]
                    || self.id_at(row - 1) <= self.id_at(row)
            })
        }) && self
            .last
            .as_ref()
            .is_none_or(|(key, id)| (*key, id.as_deref()) <= (self.key(), self.id_at(self.row)));
        match rises {
            true => Ok(()),
            false => unsorted(),
        }
    }

    /// The key of the next row.
    fn key(&self) -> i64 {
        self.keys.value(self.row)
    }

    fn id(&self) -> Option<&str> {
        self.id_at(self.row)
    }

    fn id_at(&self, row: usize) -> Option<&str> {
        let ids = self.ids.as_ref()?;
        ids.is_valid(row).then(|| ids.value(row))
    }

    /// The rows of the next user that lie in this batch, at most `room`; where no other stream has
    /// rows, of the users after it too.
    fn run(&self, alone: bool, room: usize) -> (usize, usize) {
        let most = self.end.min(self.row + room);
        if alone {
            return (self.row, most);
        }
        let keys = self.keys.values();
        let key = keys[self.row];
        let mut end = self.row + 1;
        while end < most && keys[end] == key && self.is_same_id(end) {
            end += 1;
        }
        (self.row, end)
    }

    fn is_same_id(&self, row: usize) -> bool {
        let Some(ids) = &self.ids else { return true };
        match (ids.is_valid(row), ids.is_valid(self.row)) {
            (true, true) => {
                ids.views()[row] == ids.views()[self.row] || ids.value(row) == ids.value(self.row)
            }
            (one, other) => one == other,
        }
    }
}

fn unsorted<T>() -> Result<T> {
    exec_err!(
        "a partition is not sorted by user_key, user_id: it was not written by this program; \
         build it again with `loudou run --full-refresh`"
    )
}
