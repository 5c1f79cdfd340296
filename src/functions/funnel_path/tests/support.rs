//! Rows of one entity in, its entries out.

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono_tz::Tz;

use super::super::entity::{EntityPaths, Numbers, Question};
use super::super::intern::{Names, Values};
use super::super::output::{Output, OutputTypes};
use super::super::row::Row;
use super::super::rules::Rules;
use super::super::value_type::ValueType;
use crate::functions::local_clock::LocalClock;

pub const HOUR: i64 = 3_600_000_000;

/// A row as a test writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    pub time: i64,
    pub steps: u32,
    pub exclusions: u32,
    /// `None` for null.
    pub same: Option<u32>,
    pub name: &'static str,
}

/// An entry as a test reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    pub day: i32,
    pub basis: String,
    pub time: i64,
    pub level: usize,
    pub state: String,
    pub next: Option<String>,
    pub step_us: Vec<Option<i64>>,
    pub wait_us: Vec<Option<i64>>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub rules: String,
    pub conditions: usize,
    pub days: (i32, i32),
    pub complete_before: Option<i64>,
    pub has_same: bool,
    pub zone: Tz,
}

impl Asked {
    pub fn new(rules: &str, conditions: usize) -> Self {
        Self {
            rules: rules.to_owned(),
            conditions,
            days: (0, 100),
            complete_before: None,
            has_same: false,
            zone: Tz::UTC,
        }
    }

    pub fn rules(&self) -> Rules {
        Rules::read(&self.rules, self.conditions).unwrap()
    }

    /// The entries; rows are added as a reader in order of time does, or one that knows no order.
    pub fn entries(&self, rows: &[Given], in_order: bool) -> Vec<Got> {
        let mut numbers = Numbers {
            names: Names::default(),
            carried: Values::new(&DataType::Null).unwrap(),
            same: Values::new(&DataType::UInt32).unwrap(),
            values: Vec::new(),
        };
        let question = Question {
            rules: self.rules(),
            days: self.days,
            complete_before: self.complete_before,
            has_same: self.has_same,
        };
        let mut clock = LocalClock::new(self.zone);
        let mut finder = EntityPaths::new(question, self.zone);
        let mut rows = rows.to_vec();
        if in_order {
            rows.sort_by_key(|row| row.time);
        }
        let all: ArrayRef = std::sync::Arc::new(arrow::array::StringViewArray::from_iter_values(
            rows.iter().map(|row| row.name),
        ));
        let held: ArrayRef =
            std::sync::Arc::new(UInt32Array::from_iter(rows.iter().map(|row| row.same)));
        let every = BooleanBuffer::new_set(rows.len());
        let same = numbers.same.numbers(&held, &every, true).unwrap();
        for (at, given) in rows.iter().enumerate() {
            let mut steps = given.steps;
            if given.exclusions != 0 || (self.has_same && given.same.is_none()) {
                steps = 0;
            }
            let row = Row {
                time: given.time,
                day: clock.local_day(given.time).unwrap(),
                steps,
                exclusions: given.exclusions,
                name: numbers.names.number(all.as_string_view(), at),
                carried: u32::MAX,
                same: match self.has_same && steps != 0 {
                    true => same[at],
                    false => u32::MAX,
                },
                value: u32::MAX,
                at: 0,
            };
            if in_order && row.is_other() && finder.leaves_out(row.time) {
                continue;
            }
            finder.add(row);
        }
        let mut out = Output::default();
        finder.finish(&numbers, &mut out).unwrap();
        let types = OutputTypes {
            time: DataType::Timestamp(TimeUnit::Microsecond, None),
            carried: DataType::Null,
            value: DataType::Null,
        };
        let Numbers { names, carried, .. } = &mut numbers;
        let lists = out
            .take(
                &types,
                names,
                carried,
                &ValueType::of(&DataType::Null).unwrap(),
            )
            .unwrap();
        read(&lists)
    }
}

fn read(lists: &ArrayRef) -> Vec<Got> {
    let entries = lists.as_list::<i32>().value(0);
    let entries = entries.as_struct();
    let column = |name: &str| entries.column_by_name(name).unwrap();
    let texts = |name: &str, row: usize| {
        let texts = column(name).as_string_view();
        texts.is_valid(row).then(|| texts.value(row).to_owned())
    };
    let list = |name: &str, row: usize| {
        let list = column(name).as_list::<i32>().value(row);
        list.as_primitive::<Int64Type>().iter().collect::<Vec<_>>()
    };
    (0..entries.len())
        .map(|row| Got {
            day: column("entry_date").as_primitive::<Date32Type>().value(row),
            basis: texts("basis", row).unwrap(),
            time: column("entry_time")
                .as_primitive::<TimestampMicrosecondType>()
                .value(row),
            level: column("level").as_primitive::<Int64Type>().value(row) as usize,
            state: texts("end_state", row).unwrap(),
            next: texts("next", row),
            step_us: list("step_us", row),
            wait_us: list("wait_us", row),
        })
        .collect()
}
