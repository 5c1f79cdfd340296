//! Grouping by user on top of the merge, without copying rows together: each run of a user's rows goes
//! to the aggregates ([`super::aggregates`]) where it lies in its file's batch. Users are told apart by
//! comparing neighbours; there is no table of groups.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewBuilder};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::{ProjectionExpr, update_expr};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions, apply_expression_roots,
};
use futures::stream::TryStreamExt;

use super::aggregates::{UserAggregate, user_aggregate};
use super::exec::UserMergeExec;
use super::merge::{Merge, ReadRuns, Run};
use super::reading::Steps;

/// Users put together before a batch goes on.
const BATCH_USERS: usize = 8 * 1024;
/// The longest run taken at once; longer ones come in pieces.
const MOST_ROWS: usize = 64 * 1024;

/// A call of an aggregate, over the merge's columns.
#[derive(Debug, Clone)]
struct Call {
    function: Arc<AggregateFunctionExpr>,
    args: Vec<Arc<dyn PhysicalExpr>>,
    order_by: Vec<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
}

/// Which column of the user a result column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UserColumn {
    Key,
    Id,
}

/// Groups a merge by (user_key, user_id).
#[derive(Debug)]
pub struct UserGroupExec {
    merge: Arc<UserMergeExec>,
    /// As an input of this plan: always the merge.
    input: Arc<dyn ExecutionPlan>,
    by: Vec<UserColumn>,
    calls: Vec<Call>,
    properties: Arc<PlanProperties>,
}

impl UserGroupExec {
    /// What does the same as the grouping; `None` where it is not one by user over a merge, or asks for
    /// an aggregate that is none of ours.
    pub fn of(grouping: &AggregateExec) -> Result<Option<Self>> {
        let is_whole = matches!(
            grouping.mode(),
            AggregateMode::Single | AggregateMode::SinglePartitioned
        );
        if !is_whole || !grouping.group_expr().is_single() || grouping.limit_options().is_some() {
            return Ok(None);
        }
        let Some((input, layers)) = merge_below(grouping.input()) else {
            return Ok(None);
        };
        let Some(merge) = input.downcast_ref::<UserMergeExec>() else {
            return Ok(None);
        };
        let through = |expr: &Arc<dyn PhysicalExpr>| through(expr, &layers);
        let columns = merge.user_columns();
        let Some(id) = columns.id else {
            return Ok(None);
        };
        let mut by = Vec::new();
        for (expr, _) in grouping.group_expr().expr() {
            let Some(expr) = through(expr)? else {
                return Ok(None);
            };
            by.push(match expr.downcast_ref::<Column>().map(Column::index) {
                Some(index) if index == columns.key => UserColumn::Key,
                Some(index) if index == id => UserColumn::Id,
                _ => return Ok(None),
            });
        }
        if by.len() != 2 || by[0] == by[1] {
            return Ok(None);
        }
        let mut calls = Vec::new();
        for (function, filter) in grouping.aggr_expr().iter().zip(grouping.filter_expr()) {
            let all = |exprs: &[Arc<dyn PhysicalExpr>]| {
                exprs
                    .iter()
                    .map(through)
                    .collect::<Result<Option<Vec<_>>>>()
            };
            let order_by: Vec<_> = function
                .order_bys()
                .iter()
                .map(|sort| Arc::clone(&sort.expr))
                .collect();
            let filter = match filter {
                None => Some(None),
                Some(filter) => through(filter)?.map(Some),
            };
            let (Some(args), Some(order_by), Some(filter)) =
                (all(&function.expressions())?, all(&order_by)?, filter)
            else {
                return Ok(None);
            };
            calls.push(Call {
                function: Arc::clone(function),
                args,
                order_by,
                filter,
            });
        }
        let merge = Arc::new(merge.clone());
        let exec = Self {
            input: Arc::clone(&merge) as _,
            merge,
            by,
            calls,
            properties: Arc::clone(grouping.properties()),
        };
        Ok(exec.aggregates()?.map(|_| exec))
    }

    fn aggregates(&self) -> Result<Option<Vec<Box<dyn UserAggregate>>>> {
        let schema = self.merge.schema();
        let order = self.merge.order_within_user();
        self.calls
            .iter()
            .map(|call| {
                user_aggregate(
                    &call.function,
                    &call.args,
                    &call.order_by,
                    call.filter.as_ref(),
                    &schema,
                    &order,
                )
            })
            .collect()
    }
}

/// Projections, from the top down.
type Layers = Vec<Vec<ProjectionExpr>>;

/// The merge below a plan, through nothing but projections, and those.
fn merge_below(plan: &Arc<dyn ExecutionPlan>) -> Option<(Arc<dyn ExecutionPlan>, Layers)> {
    let mut layers = Vec::new();
    let mut plan = Arc::clone(plan);
    loop {
        if plan.is::<UserMergeExec>() {
            return Some((plan, layers));
        }
        if let Some(cooperative) = plan.downcast_ref::<CooperativeExec>() {
            plan = Arc::clone(cooperative.input());
            continue;
        }
        let projection = plan.downcast_ref::<ProjectionExec>()?;
        layers.push(projection.expr().to_vec());
        plan = Arc::clone(projection.input());
    }
}

/// An expression above the projections as one below them.
fn through(
    expr: &Arc<dyn PhysicalExpr>,
    layers: &[Vec<ProjectionExpr>],
) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    let mut expr = Arc::clone(expr);
    for layer in layers {
        // Nothing to rewrite (a constant) gives `None` only where a column is not found.
        let has_columns = !collect_columns(&expr).is_empty();
        expr = match update_expr(&expr, layer, true)? {
            Some(below) => below,
            None if has_columns => return Ok(None),
            None => expr,
        };
    }
    Ok(Some(expr))
}

impl DisplayAs for UserGroupExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls: Vec<&str> = self.calls.iter().map(|call| call.function.name()).collect();
        write!(f, "UserGroupExec: aggregates=[{}]", calls.join(", "))
    }
}

impl ExecutionPlan for UserGroupExec {
    fn name(&self) -> &'static str {
        "UserGroupExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let all = self
            .calls
            .iter()
            .flat_map(|call| call.args.iter().chain(&call.order_by).chain(&call.filter));
        apply_expression_roots(all.map(Arc::clone), f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // It reads the merge's runs, not its batches: nothing else can stand below it.
        match children.as_slice() {
            [child] if Arc::ptr_eq(child, &self.input) => Ok(self),
            _ => internal_err!("UserGroupExec reads its own UserMergeExec"),
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

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(aggregates) = self.aggregates()? else {
            return internal_err!("UserGroupExec lost an aggregate");
        };
        let reservation = MemoryConsumer::new(format!("UserGroupExec[{partition}]"))
            .register(context.memory_pool());
        let grouping = Grouping {
            steps: self.merge.steps(partition, context)?,
            merge: None,
            users: Users {
                schema: self.schema(),
                by: self.by.clone(),
                aggregates,
                reservation,
                at_hand: None,
                id: String::new(),
                keys: Vec::new(),
                ids: StringViewBuilder::new(),
            },
        };
        let batches = futures::stream::try_unfold(grouping, |mut grouping| async move {
            Ok(grouping.next().await?.map(|batch| (batch, grouping)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            batches.into_stream(),
        )))
    }
}

/// One stream of users.
struct Grouping {
    steps: Steps,
    merge: Option<Merge>,
    users: Users,
}

impl Grouping {
    /// The next users; `None` after the last.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let merge = match &mut self.merge {
                Some(merge) => merge,
                None => match self.steps.next().await? {
                    Some(merge) => self.merge.insert(merge),
                    None => return self.users.end(),
                },
            };
            while let Some(run) = merge.next(MOST_ROWS, false, &mut self.users).await? {
                let (key, id) = merge.user(run);
                self.users.add(run, key, id);
                if self.users.keys.len() >= BATCH_USERS {
                    return self.users.take().map(Some);
                }
            }
            // Steps are ranges of keys: no user lies in two.
            self.merge = None;
        }
    }
}

/// The user at hand, and the finished ones.
struct Users {
    schema: SchemaRef,
    by: Vec<UserColumn>,
    aggregates: Vec<Box<dyn UserAggregate>>,
    reservation: MemoryReservation,
    /// Key of the user at hand, and whether there is an id; `id` holds its text.
    at_hand: Option<(i64, bool)>,
    id: String,
    keys: Vec<i64>,
    ids: StringViewBuilder,
}

impl ReadRuns for Users {
    fn load(&mut self, stream: usize, batch: &RecordBatch) -> Result<()> {
        let mut bytes = 0;
        for aggregate in &mut self.aggregates {
            aggregate.load(stream, batch)?;
            bytes += aggregate.size();
        }
        self.reservation.try_resize(bytes)
    }
}

impl Users {
    fn add(&mut self, run: Run, key: i64, id: Option<&str>) {
        let same = (key, id.is_some());
        if self.at_hand != Some(same) || id.is_some_and(|id| self.id != id) {
            self.finish();
            self.at_hand = Some(same);
            self.id.clear();
            self.id.push_str(id.unwrap_or_default());
        }
        for aggregate in &mut self.aggregates {
            aggregate.update(run);
        }
    }

    fn finish(&mut self) {
        let Some((key, has_id)) = self.at_hand.take() else {
            return;
        };
        self.keys.push(key);
        self.ids.append_option(has_id.then_some(&self.id));
        for aggregate in &mut self.aggregates {
            aggregate.finish();
        }
    }

    /// The last users.
    fn end(&mut self) -> Result<Option<RecordBatch>> {
        self.finish();
        match self.keys.is_empty() {
            true => Ok(None),
            false => self.take().map(Some),
        }
    }

    /// The finished users as a batch.
    fn take(&mut self) -> Result<RecordBatch> {
        let keys: ArrayRef = Arc::new(Int64Array::from(std::mem::take(&mut self.keys)));
        let ids: ArrayRef = Arc::new(self.ids.finish());
        let mut columns: Vec<ArrayRef> = self
            .by
            .iter()
            .map(|column| match column {
                UserColumn::Key => Arc::clone(&keys),
                UserColumn::Id => Arc::clone(&ids),
            })
            .collect();
        for aggregate in &mut self.aggregates {
            columns.push(aggregate.take()?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}
