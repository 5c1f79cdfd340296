//! The scan of day files as one merged, ordered stream per range of users.

use std::fmt;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileScanConfig, FileSource, ParquetSource};
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
use futures::stream::TryStreamExt;
use tokio::sync::OnceCell;

use super::conditions::Conditions;
use super::copy::Copier;
use super::footers::Footers;
use super::merge::{Merge, UserColumns};
use super::reading::{Reading, Steps};
use super::{KeyRange, SortedByUser, USER};
use crate::engine::open_files::OpenFiles;

/// A scan of files sorted by user; see the module above.
#[derive(Debug, Clone)]
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
    /// The scan's filter, where it is applied to decoded batches.
    predicate: Option<Conditions>,
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
            predicate: None,
        }))
    }

    /// Where the user stands in its columns.
    pub fn user_columns(&self) -> UserColumns {
        self.columns
    }

    /// Which of its columns are those by which the rows of one user come, as far as they are read.
    pub fn order_within_user(&self) -> Vec<usize> {
        let plain = plain_columns(&self.scan, &self.schema);
        self.order
            .iter()
            .skip(USER.len())
            .map_while(|name| plain.iter().position(|plain| plain.as_ref() == Some(name)))
            .collect()
    }

    /// The same scan with its filter on decoded batches, where it is a condition on what is read:
    /// picking rows while decoding costs more than it saves where most of a page is wanted, and a
    /// condition on an event's name is cheap ([`Conditions`]). The reader still prunes by it.
    pub fn filtering_itself(&self) -> Result<Self> {
        let mut new = self.clone();
        let Some(filter) = self.source.filter() else {
            return Ok(new);
        };
        let plain = plain_columns(&self.scan, &self.schema);
        let mut is_read = true;
        let condition = filter
            .transform(|node| {
                let Some(column) = node.downcast_ref::<Column>() else {
                    return Ok(Transformed::no(node));
                };
                let name = Some(column.name());
                let Some(at) = plain.iter().position(|plain| plain.as_deref() == name) else {
                    is_read = false;
                    return Ok(Transformed::no(node));
                };
                Ok(Transformed::yes(self::column(&self.schema, at)))
            })
            .data()?;
        if is_read && self.source.table_parquet_options().global.pushdown_filters {
            new.source = new.source.with_pushdown_filters(false);
            new.predicate = Some(Conditions::new(vec![condition], &self.schema)?);
        }
        Ok(new)
    }

    /// The merges of one of its streams.
    pub fn steps(&self, partition: usize, context: Arc<TaskContext>) -> Result<Steps> {
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
            columns: self.columns,
            bytes_of: self.column_names(),
            footers: Arc::clone(&self.footers),
            streams: self.ranges.len(),
            predicate: self.predicate.clone(),
            context,
        };
        Ok(Steps::new(reading, range))
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
        let most = context.session_config().batch_size();
        let steps = self.steps(partition, context)?;
        let schema = Arc::clone(&self.schema);
        let batches = futures::stream::try_unfold(steps, |mut steps| async move {
            let merge: Option<Merge> = steps.next().await?;
            Ok::<_, DataFusionError>(merge.map(|merge| (merge, steps)))
        })
        .map_ok(move |merge| {
            let copier = Copier::new(Arc::clone(&schema), most, merge);
            futures::stream::try_unfold(copier, |mut copier| async move {
                Ok(copier.next().await?.map(|batch| (batch, copier)))
            })
        })
        .try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches,
        )))
    }
}
