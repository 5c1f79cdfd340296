//! A published table as the engine reads it: an explicit list of Parquet partitions, nothing listed,
//! nothing inferred.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PrunableStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Result, ScalarValue, Statistics};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::by_user::{SortedByUser, USER};
use super::open_files::{OpenFiles, Pin};
use crate::project::date32;

/// What the engine reads published files by. It is no URL that a query could name: `file://` is not known to
/// it, so that no query of a project opens a file by its path.
pub(super) const DISK: &str = "published://disk";

/// One Parquet object of a table.
#[derive(Debug, Clone)]
pub struct PartitionFile {
    /// Its local day; `None` for an unpartitioned table.
    pub date: Option<NaiveDate>,
    /// The key in the store.
    pub path: Path,
    /// Bytes.
    pub size: u64,
    /// The version to read, of a store that is not the local disk.
    pub pin: Option<Pin>,
}

/// A table made of known partitions.
#[derive(Debug)]
pub struct PublishedTable {
    schema: SchemaRef,
    files: Vec<PartitionFile>,
    by_user: Option<SortedByUser>,
}

/// The same schema with text as the engine likes to read it (Utf8View).
pub fn view_schema(schema: &Schema) -> SchemaRef {
    let fields = schema
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Utf8 => Field::new(field.name(), DataType::Utf8View, field.is_nullable()),
            _ => field.as_ref().clone(),
        })
        .collect::<Vec<_>>();
    Arc::new(Schema::new(fields))
}

impl PublishedTable {
    /// `schema` is the contract's; files may lack columns added to it later (read as null).
    pub fn new(schema: &Schema, files: Vec<PartitionFile>) -> Self {
        Self {
            schema: view_schema(schema),
            files,
            by_user: None,
        }
    }

    /// Tells what each file is sorted by, ascending, nulls first. If that begins with the user,
    /// queries may read the table user by user; days must then follow each other in time.
    pub fn sorted_by(mut self, columns: &[String]) -> Self {
        let is_by_user = columns
            .iter()
            .zip(USER)
            .filter(|(have, want)| have == want)
            .count()
            == USER.len();
        self.by_user = is_by_user.then(|| SortedByUser(columns.into()));
        self
    }

    /// The files whose day a filter may let through. Each holds rows of its own day alone, so that the
    /// others need not even be opened.
    fn files_within(&self, filter: &Arc<dyn PhysicalExpr>) -> Result<Vec<&PartitionFile>> {
        let statistics = self
            .files
            .iter()
            .map(|file| Arc::new(self.statistics(file)))
            .collect();
        let days = PrunableStatistics::new(statistics, Arc::clone(&self.schema));
        let predicate = PruningPredicateBuilder::new()
            .with_file_schema(Arc::clone(&self.schema))
            .try_build(Arc::clone(filter))?;
        let may_match = predicate.prune(&days)?;
        let files = self.files.iter().zip(may_match);
        Ok(files
            .filter_map(|(file, may)| may.then_some(file))
            .collect())
    }

    /// What is known of a file without opening it: its day.
    fn statistics(&self, file: &PartitionFile) -> Statistics {
        let mut statistics = Statistics::new_unknown(&self.schema);
        let column = self.schema.index_of("date").ok();
        let column = column.and_then(|at| statistics.column_statistics.get_mut(at));
        if let (Some(column), Some(date)) = (column, file.date) {
            let day = Precision::Exact(ScalarValue::Date32(Some(date32(date))));
            column.min_value = day.clone();
            column.max_value = day;
            column.null_count = Precision::Exact(0);
        }
        statistics
    }
}

#[async_trait]
impl TableProvider for PublishedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let filter = match conjunction(filters.iter().cloned()) {
            None => None,
            Some(filter) => {
                let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
                Some(state.create_physical_expr(filter, &schema)?)
            }
        };
        let files = match &filter {
            Some(filter) => self.files_within(filter)?,
            None => self.files.iter().collect(),
        };
        if files.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema.project(columns)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let options = TableParquetOptions {
            global: state.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        let mut source =
            ParquetSource::new(Arc::clone(&self.schema)).with_table_parquet_options(options);
        if let Some(filter) = filter {
            source = source.with_predicate(filter);
        }
        let disk = ObjectStoreUrl::parse(DISK)?;
        let local = state.runtime_env().object_store(&disk)?;
        source = source.with_parquet_file_reader_factory(Arc::new(OpenFiles::new(local)));
        let threads = state.config().target_partitions().max(1);
        // Round robin in date order: each stream reads its days in turn, none reads all the big ones.
        let mut groups: Vec<Vec<PartitionedFile>> = vec![Vec::new(); threads.min(files.len())];
        let count = groups.len();
        for (at, file) in files.into_iter().enumerate() {
            let mut read = PartitionedFile::new_from_meta(ObjectMeta {
                location: file.path.clone(),
                last_modified: DateTime::<Utc>::UNIX_EPOCH,
                size: file.size,
                e_tag: None,
                version: None,
            });
            if let Some(order) = &self.by_user {
                read = read.with_extension(order.clone());
            }
            if let Some(pin) = &file.pin {
                read = read.with_extension(pin.clone());
            }
            groups[at % count].push(read);
        }
        let config = FileScanConfigBuilder::new(disk, Arc::new(source))
            .with_file_groups(groups.into_iter().map(FileGroup::new).collect())
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
