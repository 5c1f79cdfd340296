//! Opens the files of a scan: on the local disk, or one version of an object elsewhere.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::DefaultParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use object_store::ObjectStore;
use parquet::arrow::async_reader::AsyncFileReader;

use crate::store::Pinned;

/// The version of an object that is to be read, and where it lies.
#[derive(Debug, Clone)]
pub struct Pin {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// The version's tag, if it is known.
    pub tag: Option<String>,
}

/// Opens files with a [`Pin`] where that says, and all others in one store.
#[derive(Debug)]
pub struct OpenFiles {
    others: DefaultParquetFileReaderFactory,
}

impl OpenFiles {
    /// Files without a pin lie in `store`.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            others: DefaultParquetFileReaderFactory::new(store),
        }
    }
}

impl ParquetFileReaderFactory for OpenFiles {
    fn create_reader(
        &self,
        partition_index: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let pinned = file.extension::<Pin>().map(|pin| {
            let store = Pinned::new(Arc::clone(&pin.store), pin.tag.clone());
            DefaultParquetFileReaderFactory::new(Arc::new(store))
        });
        pinned.as_ref().unwrap_or(&self.others).create_reader(
            partition_index,
            file,
            metadata_size_hint,
            metrics,
        )
    }
}
