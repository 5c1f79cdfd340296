//! The optimizer rule that reads by user where a grouping or a window by user then becomes a stream.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec, get_window_mode};
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode, replace_children_if_necessary};

use super::exec::UserMergeExec;
use super::grouping::UserGroupExec;

/// Swaps plain scans of tables sorted by user for ordered ones, where that pays. It runs before the
/// rule that adds exchanges and sorts.
#[derive(Debug)]
pub struct ReadByUser;

impl PhysicalOptimizerRule for ReadByUser {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let ranges = config.execution.target_partitions;
        plan.transform_up(|node| {
            Ok(match streamed(&node, ranges)? {
                Some(streamed) => Transformed::yes(streamed),
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "ReadByUser"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Puts our own grouping in place of the engine's where it does the same with less: after all other
/// rules, since those know the engine's.
#[derive(Debug)]
pub struct GroupByUser;

impl PhysicalOptimizerRule for GroupByUser {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_down(|node| {
            let ours = match node.downcast_ref::<AggregateExec>() {
                Some(grouping) => UserGroupExec::of(grouping)?,
                None => None,
            };
            Ok(match ours {
                Some(ours) => Transformed::new(Arc::new(ours) as _, true, TreeNodeRecursion::Jump),
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "GroupByUser"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The node over an ordered scan, if it is a grouping or window that then streams.
fn streamed(
    node: &Arc<dyn ExecutionPlan>,
    ranges: usize,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let is_by_group = node.is::<AggregateExec>()
        || node.is::<BoundedWindowAggExec>()
        || node.is::<WindowAggExec>();
    let [child] = node.children()[..] else {
        return Ok(None);
    };
    if !is_by_group {
        return Ok(None);
    }
    let Some(ordered) = ordered(child, ranges)? else {
        return Ok(None);
    };
    let candidate = replace_children_if_necessary(Arc::clone(node), vec![ordered])?;
    Ok(streams(&candidate)?.then_some(candidate))
}

/// The plan with the scans below it ordered; `None` if there are none. Whether the order reaches the
/// top, the engine itself tells.
fn ordered(plan: &Arc<dyn ExecutionPlan>, ranges: usize) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(scan) = plan
        .downcast_ref::<DataSourceExec>()
        .and_then(|exec| exec.data_source().downcast_ref::<FileScanConfig>())
    {
        return match UserMergeExec::of(scan, ranges)? {
            Some(exec) => Ok(Some(Arc::new(exec.filtering_itself()?))),
            None => Ok(None),
        };
    }
    // Of the joins, only one that keeps its other side in memory lets the order through.
    let lets_through = plan.children().len() == 1
        || plan
            .downcast_ref::<HashJoinExec>()
            .is_some_and(|join| *join.partition_mode() == PartitionMode::CollectLeft);
    if !lets_through {
        return Ok(None);
    }
    let mut changed = false;
    let children = plan
        .children()
        .into_iter()
        .map(|child| {
            let new = ordered(child, ranges)?;
            changed |= new.is_some();
            Ok(new.unwrap_or_else(|| Arc::clone(child)))
        })
        .collect::<Result<Vec<_>>>()?;
    match changed {
        true => replace_children_if_necessary(Arc::clone(plan), children).map(Some),
        false => Ok(None),
    }
}

/// Whether a grouping or window gives its results while it reads.
fn streams(node: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    if let Some(grouping) = node.downcast_ref::<AggregateExec>() {
        return Ok(*grouping.input_order_mode() != InputOrderMode::Linear);
    }
    let (windows, input) = if let Some(window) = node.downcast_ref::<BoundedWindowAggExec>() {
        (window.window_expr(), window.input())
    } else if let Some(window) = node.downcast_ref::<WindowAggExec>() {
        (window.window_expr(), window.input())
    } else {
        return Ok(false);
    };
    let Some(window) = windows.first() else {
        return Ok(false);
    };
    Ok(
        match get_window_mode(window.partition_by(), window.order_by(), input)? {
            Some((_, InputOrderMode::Sorted)) => !window.partition_by().is_empty(),
            Some((_, InputOrderMode::PartiallySorted(_))) => {
                windows.iter().all(|window| window.uses_bounded_memory())
            }
            Some((_, InputOrderMode::Linear)) | None => false,
        },
    )
}
