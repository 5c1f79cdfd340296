//! The merge's rows copied into batches, by the run.

use std::sync::Arc;

use arrow::array::{ArrayData, ArrayRef, MutableArrayData, RecordBatch, make_array};
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;

use super::merge::{Merge, ReadRuns, Run};

/// Copies what a merge gives into batches.
pub struct Copier {
    schema: SchemaRef,
    batch_rows: usize,
    merge: Merge,
    taken: Taken,
}

impl Copier {
    /// Gives batches of `batch_rows`.
    pub fn new(schema: SchemaRef, batch_rows: usize, merge: Merge) -> Self {
        Self {
            schema,
            batch_rows,
            merge,
            taken: Taken::default(),
        }
    }

    /// The next rows; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while self.taken.rows < self.batch_rows {
            let room = self.batch_rows - self.taken.rows;
            match self.merge.next(room, true, &mut self.taken).await? {
                Some(run) => self.taken.add(run),
                None if self.taken.rows == 0 => return Ok(None),
                None => break,
            }
        }
        self.taken.finish(&self.schema).map(Some)
    }
}

/// A batch, and its columns as runs are copied out of them.
struct Batch {
    rows: RecordBatch,
    columns: Vec<ArrayData>,
}

/// Runs of rows taken for the next batch, and the batches they lie in.
#[derive(Default)]
struct Taken {
    /// By stream: its batch at hand, and which of `batches` that is.
    at_hand: Vec<Option<(Arc<Batch>, Option<usize>)>>,
    batches: Vec<Arc<Batch>>,
    /// (which of `batches`, first row, end).
    runs: Vec<(usize, usize, usize)>,
    rows: usize,
}

impl ReadRuns for Taken {
    fn load(&mut self, stream: usize, batch: &RecordBatch) -> Result<()> {
        if self.at_hand.len() <= stream {
            self.at_hand.resize_with(stream + 1, || None);
        }
        let columns = batch
            .columns()
            .iter()
            .map(|column| column.to_data())
            .collect();
        let batch = Batch {
            rows: batch.clone(),
            columns,
        };
        self.at_hand[stream] = Some((Arc::new(batch), None));
        Ok(())
    }
}

impl Taken {
    fn add(&mut self, run: Run) {
        let Run { stream, start, end } = run;
        let Some(Some((batch, place))) = self.at_hand.get_mut(stream) else {
            return;
        };
        let batch = *place.get_or_insert_with(|| {
            self.batches.push(Arc::clone(batch));
            self.batches.len() - 1
        });
        self.rows += end - start;
        match self.runs.last_mut() {
            Some((last, _, last_end)) if *last == batch && *last_end == start => *last_end = end,
            _ => self.runs.push((batch, start, end)),
        }
    }

    /// The taken rows as one batch.
    fn finish(&mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let batches = std::mem::take(&mut self.batches);
        let runs = std::mem::take(&mut self.runs);
        let rows = std::mem::take(&mut self.rows);
        for (_, place) in self.at_hand.iter_mut().flatten() {
            *place = None;
        }
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
