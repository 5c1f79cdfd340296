//! Reads a stream's range of users: which pages of which files, in how many steps, through which filter.

use std::sync::Arc;

use arrow::compute::filter_record_batch;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetFileReaderFactory, ParquetSource,
};
use datafusion::datasource::source::DataSource;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream::StreamExt;
use tokio::sync::OnceCell;

use super::KeyRange;
use super::conditions::Conditions;
use super::footers::{FilePosition, Footers, KnownFooters};
use super::merge::{Merge, UserColumns};

/// Compressed bytes that the open files of one stream may hold; a range with more is read in steps. Each
/// step opens all files anew and decodes a page of each twice, so that there should be few.
const STEP_BYTES: u64 = 32 << 20;
/// Rows of decoded batches that the open files of one stream hold together.
const DECODED_ROWS: usize = 64 * 1024;
/// Fewer rows a batch than this cost more than they save.
const LEAST_BATCH_ROWS: usize = 512;

/// The merges of a stream's range, one after the other, so that the pages held at a time stay few.
pub struct Steps {
    reading: Reading,
    range: KeyRange,
    /// Told by the first; the last stands first.
    left: Option<Vec<KeyRange>>,
}

impl Steps {
    /// Of one stream's range.
    pub fn new(reading: Reading, range: KeyRange) -> Self {
        Self {
            reading,
            range,
            left: None,
        }
    }

    /// The next merge; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Merge>> {
        let footers = self.reading.footers().await?;
        let left = match &mut self.left {
            Some(left) => left,
            left => {
                let mut ranges = self.range.split(self.reading.steps(&footers));
                ranges.reverse();
                left.insert(ranges)
            }
        };
        left.pop()
            .map(|range| self.reading.merge(range, &footers))
            .transpose()
    }
}

/// What one stream needs to read its range.
pub struct Reading {
    pub factory: Arc<dyn ParquetFileReaderFactory>,
    pub scan: FileScanConfig,
    pub source: ParquetSource,
    pub files: Vec<PartitionedFile>,
    pub order: Arc<[String]>,
    pub columns: UserColumns,
    pub bytes_of: Vec<String>,
    pub footers: Arc<OnceCell<Arc<Footers>>>,
    pub streams: usize,
    pub predicate: Option<Conditions>,
    pub context: Arc<TaskContext>,
}

/// The rows that fulfil the condition.
fn filtered(
    stream: SendableRecordBatchStream,
    mut predicate: Conditions,
) -> SendableRecordBatchStream {
    let schema = stream.schema();
    let batches = stream.map(move |batch| {
        let batch = batch?;
        let wanted = predicate.first(&batch)?;
        Ok(match wanted.true_count() == batch.num_rows() {
            true => batch,
            false => filter_record_batch(&batch, &wanted)?,
        })
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

impl Reading {
    async fn footers(&self) -> Result<Arc<Footers>> {
        self.footers
            .get_or_try_init(|| async {
                Footers::read(&self.files, &self.order, &self.factory, self.streams)
                    .await
                    .map(Arc::new)
            })
            .await
            .map(Arc::clone)
    }

    /// Into how many steps the stream's range is to be cut.
    fn steps(&self, footers: &Footers) -> usize {
        let streams = self.streams.max(1) as u64;
        // Slices of less than a page would decode most of what they read for nothing.
        let most = (footers.pages_of_a_file() / streams).max(1);
        let is_enough =
            |steps: &u64| footers.held_bytes(&self.bytes_of, streams * steps) <= STEP_BYTES;
        let steps = (1..most).find(is_enough).unwrap_or(most);
        usize::try_from(steps).unwrap_or(1)
    }

    /// The merge of one step's slices of all files.
    fn merge(&self, range: KeyRange, footers: &Arc<Footers>) -> Result<Merge> {
        let slices: Vec<FileGroup> = self
            .files
            .iter()
            .enumerate()
            .filter_map(|(at, file)| {
                let pages = footers.pages(at, range)?;
                let file = file
                    .clone()
                    .with_extension(FilePosition(at))
                    .with_extension(pages);
                Some(FileGroup::new(vec![file]))
            })
            .collect();
        let known = KnownFooters::new(Arc::clone(&self.factory), Arc::clone(footers));
        let source = self
            .source
            .clone()
            .with_parquet_file_reader_factory(Arc::new(known));
        let most = self.context.session_config().batch_size();
        let batch_rows =
            (DECODED_ROWS / slices.len().max(1)).clamp(LEAST_BATCH_ROWS.min(most), most);
        let count = slices.len();
        let scan = FileScanConfigBuilder::from(self.scan.clone())
            .with_source(Arc::new(source))
            .with_file_groups(slices)
            .with_output_ordering(Vec::new())
            .with_batch_size(Some(batch_rows))
            .build();
        let streams = (0..count)
            .map(|slice| {
                let stream = scan.open(slice, Arc::clone(&self.context))?;
                Ok(match &self.predicate {
                    Some(predicate) => filtered(stream, predicate.clone()),
                    None => stream,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Merge::new(self.columns, range, streams))
    }
}
