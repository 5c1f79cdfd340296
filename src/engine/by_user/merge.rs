//! Merges the slices of day files by user: rows of one user come from one day after the other, and
//! are copied by the run.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, AsArray, Int64Array, MutableArrayData, RecordBatch,
    StringViewArray, make_array,
};
use arrow::datatypes::{Int64Type, SchemaRef};
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

/// The merge of streams that are each sorted by user; of equal users the earlier stream goes first.
pub struct Merge {
    schema: SchemaRef,
    columns: UserColumns,
    range: KeyRange,
    batch_rows: usize,
    cursors: Vec<Cursor>,
    /// Cursors that have a row, as a heap: the first has the smallest user.
    heap: Vec<usize>,
    is_primed: bool,
    taken: Taken,
}

impl Merge {
    /// Gives batches of `batch_rows`; rows outside the range, which whole pages bring, are left out.
    pub fn new(
        schema: SchemaRef,
        columns: UserColumns,
        range: KeyRange,
        batch_rows: usize,
        streams: Vec<SendableRecordBatchStream>,
    ) -> Self {
        Self {
            schema,
            columns,
            range,
            batch_rows,
            cursors: streams.into_iter().map(Cursor::new).collect(),
            heap: Vec::new(),
            is_primed: false,
            taken: Taken::default(),
        }
    }

    /// The next rows; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if !self.is_primed {
            self.prime().await?;
        }
        while let Some(&at) = self.heap.first() {
            let room = self.batch_rows - self.taken.rows;
            let cursor = &mut self.cursors[at];
            let alone = self.heap.len() == 1;
            let (start, end) = cursor.run(alone, room);
            self.taken.add(at, cursor, start, end);
            cursor.row = end;
            if end < cursor.end {
                cursor.key = cursor.keys.value(end);
            } else {
                if !cursor.advance(self.columns, self.range).await? {
                    self.heap.swap_remove(0);
                }
                self.taken.forget(at);
            }
            self.sift_down(0);
            if self.taken.rows >= self.batch_rows {
                return self.taken.finish(&self.schema).map(Some);
            }
        }
        if self.taken.rows == 0 {
            return Ok(None);
        }
        self.taken.finish(&self.schema).map(Some)
    }

    /// Brings every stream to its first row; all at once, since the files are far apart.
    async fn prime(&mut self) -> Result<()> {
        let (columns, range) = (self.columns, self.range);
        let firsts = self
            .cursors
            .iter_mut()
            .map(|cursor| cursor.advance(columns, range));
        let have_rows = futures::future::try_join_all(firsts).await?;
        self.heap = (0..self.cursors.len())
            .filter(|at| have_rows[*at])
            .collect();
        for at in (0..self.heap.len() / 2).rev() {
            self.sift_down(at);
        }
        self.is_primed = true;
        Ok(())
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let left = 2 * at + 1;
            let Some(&left_cursor) = self.heap.get(left) else {
                return;
            };
            let mut child = left;
            if let Some(&right_cursor) = self.heap.get(left + 1)
                && self.order(right_cursor, left_cursor) == Ordering::Less
            {
                child = left + 1;
            }
            if self.order(self.heap[at], self.heap[child]) == Ordering::Less {
                return;
            }
            self.heap.swap(at, child);
            at = child;
        }
    }

    fn order(&self, left: usize, right: usize) -> Ordering {
        let (one, other) = (&self.cursors[left], &self.cursors[right]);
        one.key
            .cmp(&other.key)
            .then_with(|| one.id().cmp(&other.id()))
            .then(left.cmp(&right))
    }
}

/// A batch, and its columns as runs are copied out of them.
struct Batch {
    rows: RecordBatch,
    columns: Vec<ArrayData>,
}

/// One stream: its batch at hand, and the next row of it.
struct Cursor {
    stream: SendableRecordBatchStream,
    batch: Option<Arc<Batch>>,
    keys: Int64Array,
    ids: Option<StringViewArray>,
    /// The next row, and the end of the rows inside the range.
    row: usize,
    end: usize,
    /// The key of the next row.
    key: i64,
    /// The last user of the batch before.
    last: Option<(i64, Option<String>)>,
}

impl Cursor {
    fn new(stream: SendableRecordBatchStream) -> Self {
        Self {
            stream,
            batch: None,
            keys: Int64Array::new_null(0),
            ids: None,
            row: 0,
            end: 0,
            key: 0,
            last: None,
        }
    }

    /// Goes to the next batch with rows in the range; false at the end of those.
    async fn advance(&mut self, columns: UserColumns, range: KeyRange) -> Result<bool> {
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
            let columns = batch
                .columns()
                .iter()
                .map(|column| column.to_data())
                .collect();
            self.batch = Some(Arc::new(Batch {
                rows: batch,
                columns,
            }));
            (self.row, self.end) = (start, end);
            self.key = self.keys.value(start);
            self.check()?;
            return Ok(true);
        }
        self.batch = None;
        Ok(false)
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
            .is_none_or(|(key, id)| (*key, id.as_deref()) <= (self.key, self.id_at(self.row)));
        match rises {
            true => Ok(()),
            false => unsorted(),
        }
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
        let mut end = self.row + 1;
        while end < most && keys[end] == self.key && self.is_same_id(end) {
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

/// Runs of rows taken for the next batch, and the batches they lie in.
#[derive(Default)]
struct Taken {
    batches: Vec<Arc<Batch>>,
    /// By cursor: which of `batches` is its batch at hand.
    at_hand: Vec<Option<usize>>,
    /// (which of `batches`, first row, end).
    runs: Vec<(usize, usize, usize)>,
    rows: usize,
}

impl Taken {
    fn add(&mut self, at: usize, cursor: &Cursor, start: usize, end: usize) {
        if self.at_hand.len() <= at {
            self.at_hand.resize(at + 1, None);
        }
        let batch = match (self.at_hand[at], &cursor.batch) {
            (Some(batch), _) => batch,
            (None, Some(batch)) => {
                self.batches.push(Arc::clone(batch));
                self.at_hand[at] = Some(self.batches.len() - 1);
                self.batches.len() - 1
            }
            (None, None) => return,
        };
        self.rows += end - start;
        match self.runs.last_mut() {
            Some((last, _, last_end)) if *last == batch && *last_end == start => *last_end = end,
            _ => self.runs.push((batch, start, end)),
        }
    }

    /// The cursor has gone to another batch.
    fn forget(&mut self, at: usize) {
        if let Some(batch) = self.at_hand.get_mut(at) {
            *batch = None;
        }
    }

    /// The taken rows as one batch.
    fn finish(&mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let Self {
            batches,
            runs,
            rows,
            ..
        } = std::mem::take(self);
        if let [(batch, start, end)] = runs.as_slice() {
            return Ok(batches[*batch].rows.slice(*start, end - start));
        }
        let columns = (0..schema.fields().len())
            .map(|column| {
                let parts = batches.iter().map(|batch| &batch.columns[column]).collect();
                let mut rows_of = MutableArrayData::new(parts, false, rows);
                for &(batch, start, end) in &runs {
                    rows_of.try_extend(batch, start, end)?;
                }
                Ok(make_array(rows_of.freeze()))
            })
            .collect::<Result<Vec<ArrayRef>>>()?;
        Ok(RecordBatch::try_new(SchemaRef::clone(schema), columns)?)
    }
}
