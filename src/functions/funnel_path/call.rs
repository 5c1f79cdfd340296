//! A call of the function: its constant arguments read, its types known; and the finder it makes.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::physical_expr::PhysicalExpr;

use super::entity::{EntityPaths, Numbers, Question};
use super::input::{Columns, Input};
use super::intern::{Names, Values};
use super::output::{Output, OutputTypes};
use super::row::Row;
use super::rules::{Order, Rules};
use super::value_type::ValueType;
use crate::functions::constant;
use crate::functions::local_clock::LocalClock;

/// Where the arguments stand.
pub const RULES: usize = 0;
pub const FIRST_DAY: usize = 1;
pub const LAST_DAY: usize = 2;
pub const COMPLETE_THROUGH: usize = 3;
pub const DATE: usize = 4;
pub const TIME: usize = 5;
pub const NAME: usize = 6;
pub const CARRIED: usize = 7;
pub const SAME: usize = 8;
pub const VALUE: usize = 9;
pub const CONDITIONS: usize = 10;

/// A call.
#[derive(Debug, Clone)]
pub struct Call {
    question: Question,
    zone: Tz,
    types: OutputTypes,
    same: DataType,
    value_type: ValueType,
}

impl Call {
    /// Reads the constant arguments and the types of the others.
    pub fn read(args: &[Arc<dyn PhysicalExpr>], types: &[DataType], zone: Tz) -> Result<Self> {
        if args.len() <= CONDITIONS || types.len() != args.len() {
            return plan_err!("{}", super::udaf::USAGE);
        }
        let rules = constant::text(
            constant::value(&args[RULES], "funnel_path: rules")?,
            "funnel_path: rules",
        )?;
        let rules = Rules::read(rules, args.len() - CONDITIONS)?;
        let day = |at: usize, what: &str| match constant::value(&args[at], what)? {
            ScalarValue::Date32(day) => Ok(*day),
            other => plan_err!("{what} must be a DATE, got {}", other.data_type()),
        };
        let some_day = |at: usize, what: &str| match day(at, what)? {
            Some(day) => Ok(day),
            None => plan_err!("{what} must not be null"),
        };
        let days = (
            some_day(FIRST_DAY, "funnel_path: first day")?,
            some_day(LAST_DAY, "funnel_path: last day")?,
        );
        let complete_through = day(COMPLETE_THROUGH, "funnel_path: the last complete day")?;
        let complete_before = match complete_through {
            Some(day) => Some(
                day.checked_add(1)
                    .and_then(|next| LocalClock::new(zone).day_start_us(next))
                    .ok_or_else(|| {
                        exec_datafusion_err!(
                            "funnel_path: the last complete day is outside the calendar"
                        )
                    })?,
            ),
            None => None,
        };
        Ok(Self {
            question: Question {
                rules,
                days,
                complete_before,
                has_same: types[SAME] != DataType::Null,
            },
            zone,
            types: OutputTypes {
                time: types[TIME].clone(),
                carried: types[CARRIED].clone(),
                value: types[VALUE].clone(),
            },
            same: types[SAME].clone(),
            value_type: ValueType::of(&types[VALUE])?,
        })
    }

    /// The number of steps; the other conditions are exclusions.
    pub fn steps(&self) -> usize {
        self.question.rules.steps
    }

    /// Steps whose row may give the value: the last required one, any of them where the order is open.
    fn value_steps(&self) -> u32 {
        match self.question.rules.order {
            Order::Any => u32::MAX,
            _ => self
                .question
                .rules
                .required
                .last()
                .map_or(0, |step| 1 << step),
        }
    }
}

/// Finds entries, one entity after another.
#[derive(Debug)]
pub struct PathFinder {
    call: Call,
    value_steps: u32,
    /// What rows' numbers stand for.
    pub numbers: Numbers,
    entity: EntityPaths,
    out: Output,
}

impl PathFinder {
    /// One for a call.
    pub fn new(call: Call) -> Result<Self> {
        Ok(Self {
            value_steps: call.value_steps(),
            numbers: Numbers {
                names: Names::default(),
                carried: Values::new(&call.types.carried)?,
                same: Values::new(&call.same)?,
                values: Vec::new(),
            },
            entity: EntityPaths::new(call.question.clone(), call.zone),
            out: Output::default(),
            call,
        })
    }

    /// Its call.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Reads a batch.
    pub fn load(
        &mut self,
        columns: &Columns,
        steps: Vec<u32>,
        exclusions: Vec<u32>,
    ) -> Result<Input> {
        Input::read(
            columns,
            steps,
            exclusions,
            self.call.question.has_same,
            &mut self.numbers,
        )
    }

    /// A row of a batch.
    pub fn row(&mut self, input: &Input, row: usize) -> Row {
        input.row(row, self.value_steps, &mut self.numbers)
    }

    /// A row of the entity at hand, in any order.
    pub fn add(&mut self, row: Row) {
        self.entity.add(row);
    }

    /// A row of the entity at hand, whose rows come in order of time.
    pub fn add_in_order(&mut self, input: &Input, row: usize) {
        if input
            .time_of_other(row)
            .is_some_and(|time| self.entity.leaves_out(time))
        {
            return;
        }
        let row = self.row(input, row);
        self.entity.add(row);
    }

    /// The entity at hand has no more rows.
    pub fn finish(&mut self) -> Result<()> {
        self.entity.finish(&self.numbers, &mut self.out)
    }

    /// Forgets the values of rows; for readers that bring one entity after the other.
    pub fn forget_values(&mut self) {
        self.numbers.values.clear();
    }

    /// The lists of the entities finished since the last call.
    pub fn take(&mut self) -> Result<ArrayRef> {
        let Numbers { names, carried, .. } = &mut self.numbers;
        self.out
            .take(&self.call.types, names, carried, &self.call.value_type)
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.entity.size()
            + self.out.size()
            + self.numbers.names.size()
            + self.numbers.carried.size()
            + self.numbers.same.size()
            + self.numbers.values.capacity() * size_of::<i128>()
    }
}
