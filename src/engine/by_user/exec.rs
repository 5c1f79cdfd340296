//! The scan of day files as one merged, ordered stream per range of users.

use std::fmt;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, FileSource, ParquetFileReaderFactory,
    ParquetSource,
};
use datafusion::datasource::source::DataSource;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning,
    PlanProperties, RangePartitioning, ReplaceChildrenOptions, SplitPoint, apply_expression_roots,
};
use futures::stream::{StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use super::footers::{FilePosition, Footers, KnownFooters};
use super::merge::{Merge, UserColumns};
use super::{KeyRange, SortedByUser, USER};
use crate::engine::open_files::OpenFiles;

/// Compressed bytes that the open files of one stream may hold; a range with more is read in steps.
const STEP_BYTES: u64 = 16 << 20;
/// Rows of decoded batches that the open files of one stream hold together.
const DECODED_ROWS: usize = 64 * 1024;
/// Fewer rows a batch than this cost more than they save.
const LEAST_BATCH_ROWS: usize = 512;

/// A scan of files sorted by user; see the module above.
#[derive(Debug)]
pub struct UserMergeExec {
    scan: FileScanConfig,
    source: ParquetSource,
    files: Vec<PartitionedFile>,
    /// The order of the files.
    order: Arc<[String]>,
    ranges: Vec<KeyRange>,
    schema: SchemaRef,
    columns: UserColumns,
    properties: Arc<PlanProperties>,
    /// Shared by the streams: whichever comes first reads them.
    footers: Arc<OnceCell<Arc<Footers>>>,
}

impl UserMergeExec {
    /// The scan as `ranges` ordered streams; `None` where it is not one of a table sorted by user,
    /// or where it does not read `user_key`, so that nobody could use the order.
    pub fn of(scan: &FileScanConfig, ranges: usize) -> Result<Option<Self>> {
        let Some(source) = scan.file_source.downcast_ref::<ParquetSource>() else {
            return Ok(None);
        };
        let mut files: Vec<PartitionedFile> = scan
            .file_groups
            .iter()
            .flat_map(|group| group.iter().cloned())
            .collect();
        let Some(SortedByUser(order)) = files
            .first()
            .and_then(|file| file.extension::<SortedByUser>())
            .cloned()
        else {
            return Ok(None);
        };
        if scan.limit.is_some()
            || files
                .iter()
                .any(|file| file.range.is_some() || file.extension::<SortedByUser>().is_none())
        {
            return Ok(None);
        }
        // The order of the days, wherever each file lies.
        files.sort_by_cached_key(|file| {
            let location = &file.object_meta.location;
            let day = location.parts().find_map(|part| {
                let day = part.as_ref().strip_prefix("dt=")?;
                Some(day.to_string())
            });
            (day, location.clone())
        });
        let schema = scan.projected_schema()?;
        // A projection may rename and compute: only plain columns count.
        let plain = plain_columns(scan, &schema);
        let position = |name: &str| {
            plain
                .iter()
                .position(|column| column.as_deref() == Some(name))
        };
        let Some(key) = position(USER[0]) else {
            return Ok(None);
        };
        let id = position(USER[1]);
        if schema.field(key).data_type() != &DataType::Int64
            || id.is_some_and(|id| schema.field(id).data_type() != &DataType::Utf8View)
        {
            return Ok(None);
        }
        let sort: Vec<PhysicalSortExpr> = order
            .iter()
            .map_while(|name| position(name))
            .map(|index| PhysicalSortExpr::new(column(&schema, index), ASCENDING))
            .collect();
        let Some(ordering) = LexOrdering::new(sort) else {
            return Ok(None);
        };
        let ranges = KeyRange::ALL.split(ranges);
        let partitioning = match ranges.as_slice() {
            [_, rest @ ..] if !rest.is_empty() => Partitioning::Range(RangePartitioning::try_new(
                [PhysicalSortExpr::new(column(&schema, key), ASCENDING)].into(),
                rest.iter()
                    .map(|range| SplitPoint::new(vec![ScalarValue::Int64(Some(range.first))]))
                    .collect(),
            )?),
            _ => Partitioning::UnknownPartitioning(1),
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(Arc::clone(&schema), [ordering]),
            partitioning,
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Some(Self {
            scan: scan.clone(),
            source: source.clone(),
            files,
            order,
            ranges,
            schema,
            columns: UserColumns { key, id },
            properties: Arc::new(properties),
            footers: Arc::new(OnceCell::new()),
        }))
    }

    /// The columns read, for the plan's text and to know how many bytes a range has.
    fn column_names(&self) -> Vec<String> {
        self.schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect()
    }
}

const ASCENDING: SortOptions = SortOptions {
    descending: false,
    nulls_first: true,
};

fn column(schema: &SchemaRef, index: usize) -> Arc<dyn PhysicalExpr> {
    Arc::new(Column::new(schema.field(index).name(), index))
}

/// By output column: the table's column that it is, if it is one.
fn plain_columns(scan: &FileScanConfig, schema: &SchemaRef) -> Vec<Option<String>> {
    match scan.file_source.projection() {
        None => schema
            .fields()
            .iter()
            .map(|field| Some(field.name().clone()))
            .collect(),
        Some(projection) => projection
            .as_ref()
            .iter()
            .map(|output| {
                output
                    .expr
                    .downcast_ref::<Column>()
                    .map(|column| column.name().to_string())
            })
            .collect(),
    }
}

impl DisplayAs for UserMergeExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "UserMergeExec: ranges={}, files={}, projection=[{}]",
            self.ranges.len(),
            self.files.len(),
            self.column_names().join(", ")
        )?;
        match self.source.filter() {
            Some(predicate) => write!(f, ", predicate={predicate}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for UserMergeExec {
    fn name(&self) -> &'static str {
        "UserMergeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let projection = self.scan.file_source.projection();
        let projected = projection.iter().flat_map(|outputs| {
            outputs
                .as_ref()
                .iter()
                .map(|output| Arc::clone(&output.expr))
        });
        apply_expression_roots(self.source.filter().into_iter().chain(projected), f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.is_empty() {
            true => Ok(self),
            false => internal_err!("UserMergeExec has no children"),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.source.metrics().clone_inner())
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(range) = self.ranges.get(partition).copied() else {
            return internal_err!("UserMergeExec has no partition {partition}");
        };
        let store = context
            .runtime_env()
            .object_store(&self.scan.object_store_url)?;
        let reading = Reading {
            factory: Arc::new(OpenFiles::new(store)),
            scan: self.scan.clone(),
            source: self.source.clone(),
            files: self.files.clone(),
            order: Arc::clone(&self.order),
            schema: Arc::clone(&self.schema),
            columns: self.columns,
            bytes_of: self.column_names(),
            footers: Arc::clone(&self.footers),
            streams: self.ranges.len(),
            context,
        };
        let batches =
            futures::stream::once(async move { reading.steps(range).await }).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches,
        )))
    }
}

/// What one stream needs to read its range.
struct Reading {
    factory: Arc<dyn ParquetFileReaderFactory>,
    scan: FileScanConfig,
    source: ParquetSource,
    files: Vec<PartitionedFile>,
    order: Arc<[String]>,
    schema: SchemaRef,
    columns: UserColumns,
    bytes_of: Vec<String>,
    footers: Arc<OnceCell<Arc<Footers>>>,
    streams: usize,
    context: Arc<TaskContext>,
}

impl Reading {
    /// The range in steps, one after the other, so that the pages held at a time stay few.
    async fn steps(
        self,
        range: KeyRange,
    ) -> Result<impl futures::Stream<Item = Result<arrow::array::RecordBatch>> + Send> {
        let footers = self
            .footers
            .get_or_try_init(|| async {
                Footers::read(&self.files, &self.order, self.factory.as_ref())
                    .await
                    .map(Arc::new)
            })
            .await
            .map(Arc::clone)?;
        let share = footers.bytes_of(&self.bytes_of) / self.streams.max(1) as u64;
        let steps = usize::try_from(share.div_ceil(STEP_BYTES)).unwrap_or(1);
        Ok(futures::stream::iter(range.split(steps))
            .map(move |step| self.merge(step, &footers))
            .map_ok(|merge| {
                futures::stream::try_unfold(merge, |mut merge| async move {
                    Ok(merge.next().await?.map(|batch| (batch, merge)))
                })
            })
            .try_flatten())
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
            .map(|slice| scan.open(slice, Arc::clone(&self.context)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Merge::new(
            Arc::clone(&self.schema),
            self.columns,
            range,
            most,
            streams,
        ))
    }
}
