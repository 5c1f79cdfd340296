//! Builds one date's partition: filter, sort, write.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::col;
use futures::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;

use super::IngestContext;
use super::date_rows::DateRows;
use super::deduplicate;
use crate::error::{Error, Result};
use crate::source::DecodeContext;
use crate::table::publish::Ready;
use crate::table::write::PartitionWriter;

/// One date to build.
#[derive(Debug)]
pub(super) struct PartitionTask {
    pub date: NaiveDate,
    pub rows: DateRows,
    /// Objects whose rows are left out.
    pub excluded: BTreeSet<String>,
    pub inputs: String,
}

/// What a date's rows were.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub duplicates: u64,
    /// 64-bit hashes of its ids.
    pub id_hashes: Vec<u64>,
}

/// Merges, deduplicates, sorts and writes one date to scratch.
pub(super) async fn build(
    context: &IngestContext,
    decode: &DecodeContext,
    task: PartitionTask,
) -> Result<(Ready, Counts)> {
    let source = &decode.source;
    let schema = Arc::clone(&decode.row_schema.schema);
    let duplicates = source.duplicates;
    let PartitionTask {
        date,
        rows,
        excluded,
        inputs,
    } = task;
    let (rows, kept) = tokio::task::spawn_blocking(move || {
        let kept = deduplicate::keep(&rows, duplicates, &excluded)?;
        Ok::<_, Error>((rows, kept))
    })
    .await
    .map_err(|error| Error::Failed(format!("deduplicating stopped: {error}")))??;
    let counts = Counts {
        duplicates: kept.duplicates,
        id_hashes: kept.id_hashes,
    };

    let (sender, receiver) = mpsc::channel(4);
    let stays = kept.masks;
    let feeding = tokio::task::spawn_blocking(move || {
        let mut number = 0;
        rows.for_each(|batch| {
            let batch = filter_record_batch(&batch, &stays[number])
                .map_err(|error| Error::Failed(format!("filtering rows: {error}")))?;
            number += 1;
            // The receiver goes away only when the sort failed; its error is told there.
            Ok(sender.blocking_send(batch).is_ok())
        })
    });

    let what = format!("sorting {} of {date}", source.name);
    let sort_columns = decode.row_schema.sort_columns(source);
    let table = StreamingTable::try_new(
        Arc::clone(&schema),
        vec![Arc::new(Feed::new(Arc::clone(&schema), receiver))],
    )
    .map_err(Error::engine(&what))?;
    let order = sort_columns
        .iter()
        .map(|name| col(name.as_str()).sort(true, true))
        .collect();
    let mut sorted = context
        .engine
        .session()?
        .read_table(Arc::new(table))
        .and_then(|frame| frame.sort(order))
        .map_err(Error::engine(&what))?
        .execute_stream()
        .await
        .map_err(Error::engine(&what))?;
    let path = context
        .scratch
        .join(format!("{}/{date}.parquet", source.name));
    let mut writer = PartitionWriter::create(&path, &schema, &sort_columns)?;
    while let Some(batch) = sorted.try_next().await.map_err(Error::engine(&what))? {
        writer.write(batch)?;
    }
    feeding
        .await
        .map_err(|error| Error::Failed(format!("reading rows stopped: {error}")))??;
    let written = writer.finish()?;
    Ok((
        Ready {
            date: Some(date),
            written,
            inputs,
        },
        counts,
    ))
}

/// A channel as a table's one partition; it can be read once.
#[derive(Debug)]
struct Feed {
    schema: SchemaRef,
    receiver: Mutex<Option<mpsc::Receiver<RecordBatch>>>,
}

impl Feed {
    fn new(schema: SchemaRef, receiver: mpsc::Receiver<RecordBatch>) -> Self {
        Self {
            schema,
            receiver: Mutex::new(Some(receiver)),
        }
    }
}

impl PartitionStream for Feed {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let receiver = self
            .receiver
            .lock()
            .ok()
            .and_then(|mut receiver| receiver.take());
        let stream = match receiver {
            Some(receiver) => futures::stream::unfold(receiver, |mut receiver| async move {
                receiver.recv().await.map(|batch| (Ok(batch), receiver))
            })
            .boxed(),
            None => futures::stream::once(async {
                Err(DataFusionError::Internal(
                    "rows are read only once".to_string(),
                ))
            })
            .boxed(),
        };
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            stream,
        ))
    }
}
