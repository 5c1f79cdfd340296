//! The engine's accumulators over [`Totals`]. The partial state of a group is its result.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::totals::Totals;

/// Totals of all groups.
#[derive(Debug)]
pub struct GroupTotals(Totals);

impl GroupTotals {
    /// Nothing counted yet.
    pub fn new(value_type: DataType) -> Self {
        Self(Totals::new(value_type))
    }

    fn add(
        &mut self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
        group_of: impl Fn(usize) -> usize,
    ) -> Result<()> {
        let entries = values
            .first()
            .and_then(|entries| entries.as_struct_opt())
            .ok_or_else(|| exec_datafusion_err!("path_totals takes an entry of funnel_path"))?;
        let passes =
            |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        self.0
            .entries(entries, |row| passes(row).then(|| group_of(row)))
    }

    fn merge(&mut self, states: &[ArrayRef], group_of: impl Fn(usize) -> usize) -> Result<()> {
        match states.first().and_then(|lists| lists.as_list_opt::<i32>()) {
            Some(lists) => self.0.merge(lists, group_of),
            None => exec_err!("path_totals: a partial state is no list"),
        }
    }

    fn take(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = match emit_to {
            EmitTo::All => self.0.count(),
            EmitTo::First(groups) => groups.min(self.0.count()),
        };
        self.0.lists(groups)
    }
}

impl GroupsAccumulator for GroupTotals {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.0.groups(total_num_groups);
        self.add(values, opt_filter, |row| group_indices[row])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.take(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.take(emit_to)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.0.groups(total_num_groups);
        self.merge(values, |state| group_indices[state])
    }

    /// Each entry is a group of its own.
    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut alone = Self::new(self.0.value_type().clone());
        alone
            .0
            .groups(values.first().map_or(0, |values| values.len()));
        alone.add(values, opt_filter, |row| row)?;
        Ok(vec![alone.take(EmitTo::All)?])
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.0.size()
    }
}

/// The same for one group.
#[derive(Debug)]
pub struct OneTotal(GroupTotals);

impl OneTotal {
    /// Nothing counted yet.
    pub fn new(value_type: DataType) -> Self {
        let mut totals = GroupTotals::new(value_type);
        totals.0.groups(1);
        Self(totals)
    }
}

impl Accumulator for OneTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.add(values, None, |_| 0)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let list = self.0.take(EmitTo::All)?;
        self.0.0.groups(1);
        ScalarValue::try_from_array(&list, 0)
    }

    fn size(&self) -> usize {
        self.0.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge(states, |_| 0)
    }
}
