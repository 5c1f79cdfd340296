//! Aggregates that keep one value of each user: the smallest, the largest, the first.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch, StringViewArray,
    StringViewBuilder,
};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::physical_expr::PhysicalExpr;

use super::aggregates::{Slots, UserAggregate, both, rows, selected, value_of};
use super::conditions::Conditions;
use super::merge::Run;

/// Which of a user's values is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// `min`.
    Smallest,
    /// `max`.
    Largest,
    /// `first_value` in the order in which rows come.
    First {
        /// Whether it is the first that is not null.
        ignore_nulls: bool,
    },
}

/// The aggregate that keeps one value; `None` for types whose order is not theirs alone (floats) or that
/// nobody asks for.
pub(super) fn of(
    choice: Choice,
    of: Arc<dyn PhysicalExpr>,
    filter: Option<Conditions>,
    result: DataType,
) -> Option<Box<dyn UserAggregate>> {
    match result {
        DataType::Utf8View => Some(Box::new(OneText::new(choice, of, filter))),
        DataType::Int64 => number::<Int64Type>(choice, of, filter, result),
        DataType::Date32 => number::<Date32Type>(choice, of, filter, result),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            number::<TimestampMicrosecondType>(choice, of, filter, result)
        }
        DataType::Decimal128(..) => number::<Decimal128Type>(choice, of, filter, result),
        _ => None,
    }
}

impl Choice {
    fn skips_nulls(self) -> bool {
        self != Self::First {
            ignore_nulls: false,
        }
    }

    /// Whether a value takes the place of the one chosen so far.
    fn replaces(self, order: Ordering) -> bool {
        match self {
            Self::Smallest => order == Ordering::Less,
            Self::Largest => order == Ordering::Greater,
            Self::First { .. } => false,
        }
    }
}

struct OneText {
    choice: Choice,
    of: Arc<dyn PhysicalExpr>,
    filter: Option<Conditions>,
    inputs: Slots<(StringViewArray, Option<BooleanBuffer>)>,
    chosen: String,
    /// Whether `chosen` holds a value; `None` before the first row.
    is_value: Option<bool>,
    results: StringViewBuilder,
}

impl OneText {
    fn new(choice: Choice, of: Arc<dyn PhysicalExpr>, filter: Option<Conditions>) -> Self {
        Self {
            choice,
            of,
            filter,
            inputs: Slots::default(),
            chosen: String::new(),
            is_value: None,
            results: StringViewBuilder::new(),
        }
    }
}

impl UserAggregate for OneText {
    fn load(&mut self, stream: usize, batch: &RecordBatch) -> Result<()> {
        let values = value_of(&self.of, batch)?;
        let texts = values.as_string_view_opt().ok_or_else(|| {
            exec_datafusion_err!("`{}` arrived as {}", self.of, values.data_type())
        })?;
        let not_null = texts
            .nulls()
            .filter(|_| self.choice.skips_nulls())
            .map(|nulls| nulls.inner());
        let passing = both(selected(&mut self.filter, batch)?, not_null);
        self.inputs.put(stream, (texts.clone(), passing));
        Ok(())
    }

    fn update(&mut self, run: Run) {
        let is_first = matches!(self.choice, Choice::First { .. });
        if is_first && self.is_value.is_some() {
            return;
        }
        let Some((texts, passing)) = self.inputs.get(run) else {
            return;
        };
        let views = texts.views();
        let mut seen = None;
        for row in rows(run, passing.as_ref()) {
            // Within one array equal views are equal texts.
            if seen == Some(views[row]) && texts.is_valid(row) {
                continue;
            }
            let value = texts.is_valid(row).then(|| texts.value(row));
            seen = value.map(|_| views[row]);
            let takes = match (self.is_value, value) {
                (None, _) => true,
                (Some(true), Some(value)) => self
                    .choice
                    .replaces(value.as_bytes().cmp(self.chosen.as_bytes())),
                _ => false,
            };
            if takes {
                self.chosen.clear();
                self.chosen.push_str(value.unwrap_or_default());
                self.is_value = Some(value.is_some());
            }
            if is_first {
                return;
            }
        }
    }

    fn finish(&mut self) {
        match self.is_value.take() {
            Some(true) => self.results.append_value(&self.chosen),
            _ => self.results.append_null(),
        }
    }

    fn take(&mut self) -> Result<ArrayRef> {
        Ok(Arc::new(self.results.finish()))
    }

    fn size(&self) -> usize {
        self.results.allocated_size()
    }
}

struct OneNumber<T: ArrowPrimitiveType> {
    choice: Choice,
    of: Arc<dyn PhysicalExpr>,
    filter: Option<Conditions>,
    result: DataType,
    inputs: Slots<(PrimitiveArray<T>, Option<BooleanBuffer>)>,
    chosen: Option<Option<T::Native>>,
    results: Vec<Option<T::Native>>,
}

fn number<T: ArrowPrimitiveType<Native: Ord>>(
    choice: Choice,
    of: Arc<dyn PhysicalExpr>,
    filter: Option<Conditions>,
    result: DataType,
) -> Option<Box<dyn UserAggregate>> {
    Some(Box::new(OneNumber::<T> {
        choice,
        of,
        filter,
        result,
        inputs: Slots::default(),
        chosen: None,
        results: Vec::new(),
    }))
}

impl<T: ArrowPrimitiveType<Native: Ord>> UserAggregate for OneNumber<T> {
    fn load(&mut self, stream: usize, batch: &RecordBatch) -> Result<()> {
        let values = value_of(&self.of, batch)?;
        let numbers = values.as_primitive_opt::<T>().ok_or_else(|| {
            exec_datafusion_err!("`{}` arrived as {}", self.of, values.data_type())
        })?;
        let not_null = numbers
            .nulls()
            .filter(|_| self.choice.skips_nulls())
            .map(|nulls| nulls.inner());
        let passing = both(selected(&mut self.filter, batch)?, not_null);
        self.inputs.put(stream, (numbers.clone(), passing));
        Ok(())
    }

    fn update(&mut self, run: Run) {
        let is_first = matches!(self.choice, Choice::First { .. });
        if is_first && self.chosen.is_some() {
            return;
        }
        let Some((numbers, passing)) = self.inputs.get(run) else {
            return;
        };
        for row in rows(run, passing.as_ref()) {
            let value = numbers.is_valid(row).then(|| numbers.value(row));
            let takes = match (self.chosen, value) {
                (None, _) => true,
                (Some(Some(chosen)), Some(value)) => self.choice.replaces(value.cmp(&chosen)),
                _ => false,
            };
            if takes {
                self.chosen = Some(value);
            }
            if is_first {
                return;
            }
        }
    }

    fn finish(&mut self) {
        self.results.push(self.chosen.take().flatten());
    }

    fn take(&mut self) -> Result<ArrayRef> {
        let results = PrimitiveArray::<T>::from_iter(std::mem::take(&mut self.results));
        Ok(Arc::new(results.with_data_type(self.result.clone())))
    }

    fn size(&self) -> usize {
        self.results.capacity() * size_of::<Option<T::Native>>()
    }
}
