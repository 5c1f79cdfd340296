//! A batch of the function's arguments, read once, so that rows can be picked from it.

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use datafusion::common::{Result, exec_datafusion_err, exec_err};

use super::entity::Numbers;
use super::row::{NONE, Row};
use super::value_type::ValueType;

/// The arguments that are no conditions, in their order.
pub struct Columns {
    /// The local day.
    pub date: ArrayRef,
    /// When.
    pub time: ArrayRef,
    /// What the event is called.
    pub name: ArrayRef,
    /// What it carries.
    pub carried: ArrayRef,
    /// What must be the same.
    pub same: ArrayRef,
    /// Its value.
    pub value: ArrayRef,
}

/// Rows to pick from.
pub struct Input {
    days: ScalarBuffer<i32>,
    times: ScalarBuffer<i64>,
    names: Option<StringViewArray>,
    carried: Vec<u32>,
    same: Vec<u32>,
    values: ArrayRef,
    steps: Vec<u32>,
    exclusions: Vec<u32>,
    with_time: Option<BooleanBuffer>,
}

impl Input {
    /// Reads a batch. `steps` and `exclusions` are the conditions that each row fulfils, as bits.
    pub fn read(
        columns: &Columns,
        mut steps: Vec<u32>,
        exclusions: Vec<u32>,
        has_same: bool,
        numbers: &mut Numbers,
    ) -> Result<Self> {
        let wrong = |what: &str, array: &ArrayRef| {
            exec_datafusion_err!("funnel_path: {what} arrived as {}", array.data_type())
        };
        let days = columns
            .date
            .as_primitive_opt::<Date32Type>()
            .ok_or_else(|| wrong("date", &columns.date))?;
        let times = columns
            .time
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or_else(|| wrong("time", &columns.time))?;
        let names = match columns.name.data_type() {
            DataType::Null => None,
            _ => Some(
                columns
                    .name
                    .as_string_view_opt()
                    .ok_or_else(|| wrong("name", &columns.name))?
                    .clone(),
            ),
        };
        // An event that ends chains is no step of one.
        for (steps, exclusions) in steps.iter_mut().zip(&exclusions) {
            if *exclusions != 0 {
                *steps = 0;
            }
        }
        let matching =
            |steps: &[u32]| BooleanBuffer::collect_bool(steps.len(), |row| steps[row] != 0);
        let same = if has_same {
            let same = numbers
                .same
                .numbers(&columns.same, &matching(&steps), true)?;
            for (steps, same) in steps.iter_mut().zip(&same) {
                if *same == NONE {
                    *steps = 0;
                }
            }
            same
        } else {
            Vec::new()
        };
        let carried = match numbers.carried.is_used() {
            true => numbers
                .carried
                .numbers(&columns.carried, &matching(&steps), false)?,
            false => Vec::new(),
        };
        let nulls = |array: &dyn Array| {
            array
                .nulls()
                .filter(|nulls| nulls.null_count() > 0)
                .map(|nulls| nulls.inner().clone())
        };
        let with_time = match (nulls(times), nulls(days)) {
            (Some(left), Some(right)) => Some(&left & &right),
            (left, right) => left.or(right),
        };
        if days.len() != times.len() || steps.len() != times.len() {
            return exec_err!("funnel_path: arguments of different length");
        }
        Ok(Self {
            days: days.values().clone(),
            times: times.values().clone(),
            names,
            carried,
            same,
            values: ArrayRef::clone(&columns.value),
            steps,
            exclusions,
            with_time,
        })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// Rows that have a time and a date; `None` for all.
    pub fn with_time(&self) -> Option<&BooleanBuffer> {
        self.with_time.as_ref()
    }

    /// When a row happened, if it matches nothing.
    pub fn time_of_other(&self, row: usize) -> Option<i64> {
        let matches = self.steps[row] | self.exclusions.get(row).copied().unwrap_or(0);
        (matches == 0).then(|| self.times[row])
    }

    /// A row; its value is taken where it matches one of `value_steps`.
    pub fn row(&self, row: usize, value_steps: u32, numbers: &mut Numbers) -> Row {
        let steps = self.steps[row];
        let value = match steps & value_steps {
            0 => None,
            _ => ValueType::value(&self.values, row),
        };
        let value = value.map_or(NONE, |value| {
            numbers.values.push(value);
            (numbers.values.len() - 1) as u32
        });
        Row {
            time: self.times[row],
            day: self.days[row],
            steps,
            exclusions: self.exclusions.get(row).copied().unwrap_or(0),
            name: self
                .names
                .as_ref()
                .map_or(NONE, |names| numbers.names.number(names, row)),
            carried: self.carried.get(row).copied().unwrap_or(NONE),
            same: self.same.get(row).copied().unwrap_or(NONE),
            value,
            at: 0,
        }
    }
}
