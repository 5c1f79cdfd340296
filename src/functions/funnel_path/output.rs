//! What `funnel_path` gives per entity: a list of its entries, built in columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Int64Array, ListArray, StringViewArray, StructArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use datafusion::common::{Result, exec_err};

use super::ends::{Basis, EndState};
use super::intern::{Names, Values};
use super::value_type::ValueType;

/// The types that depend on the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputTypes {
    /// Of the argument `time`.
    pub time: DataType,
    /// Of the argument `carried`.
    pub carried: DataType,
    /// Of the argument `value`.
    pub value: DataType,
}

impl OutputTypes {
    /// The fields of an entry.
    pub fn fields(&self) -> Fields {
        let list = |item: DataType| DataType::List(Arc::new(Field::new_list_field(item, true)));
        let field =
            |name: &str, data_type: DataType, nullable| Field::new(name, data_type, nullable);
        vec![
            field("entry_date", DataType::Date32, false),
            field("basis", DataType::Utf8View, false),
            field("entry_time", self.time.clone(), false),
            field("level", DataType::Int64, false),
            field("step_no", DataType::Int64, false),
            field("last_step_no", DataType::Int64, false),
            field("end_state", DataType::Utf8View, false),
            field("next", DataType::Utf8View, true),
            field("step_us", list(DataType::Int64), false),
            field("wait_us", list(DataType::Int64), false),
            field("first_value", self.carried.clone(), true),
            field("last_value", self.carried.clone(), true),
            field("value", self.value.clone(), true),
        ]
        .into()
    }

    /// An entity's entries.
    pub fn list_item(&self) -> FieldRef {
        Arc::new(Field::new_list_field(DataType::Struct(self.fields()), true))
    }

    /// What the function gives.
    pub fn list(&self) -> DataType {
        DataType::List(self.list_item())
    }
}

/// One entry.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The entry day.
    pub day: i32,
    /// The basis.
    pub basis: Basis,
    /// Time of the first step.
    pub time: i64,
    /// Required steps reached.
    pub level: usize,
    /// The number of the furthest required step, and of the furthest step of all.
    pub step_no: (usize, usize),
    /// The state it ended in.
    pub state: EndState,
    /// Number of the event that took it elsewhere.
    pub next: u32,
    /// Per step: time since the entry.
    pub step_us: &'a [Option<i64>],
    /// Per step: time since the required step before.
    pub wait_us: &'a [Option<i64>],
    /// Numbers of what the first and the furthest required step carry.
    pub first: u32,
    /// See `first`.
    pub last: u32,
    /// Of the last step, where reached.
    pub value: Option<i128>,
}

/// Entries of entities, one after the other.
#[derive(Debug, Default)]
pub struct Output {
    lengths: Vec<usize>,
    day: Vec<i32>,
    basis: Vec<Basis>,
    time: Vec<i64>,
    level: Vec<i64>,
    step_no: Vec<i64>,
    last_step_no: Vec<i64>,
    state: Vec<EndState>,
    next: Vec<u32>,
    step_lengths: Vec<usize>,
    step_us: Vec<Option<i64>>,
    wait_us: Vec<Option<i64>>,
    first: Vec<u32>,
    last: Vec<u32>,
    value: Vec<Option<i128>>,
    /// Entries of the entity at hand.
    open: usize,
}

impl Output {
    /// An entry of the entity at hand.
    pub fn push(&mut self, entry: Entry) {
        self.day.push(entry.day);
        self.basis.push(entry.basis);
        self.time.push(entry.time);
        self.level.push(entry.level as i64);
        self.step_no.push(entry.step_no.0 as i64);
        self.last_step_no.push(entry.step_no.1 as i64);
        self.state.push(entry.state);
        self.next.push(entry.next);
        self.step_lengths.push(entry.step_us.len());
        self.step_us.extend_from_slice(entry.step_us);
        self.wait_us.extend_from_slice(entry.wait_us);
        self.first.push(entry.first);
        self.last.push(entry.last);
        self.value.push(entry.value);
        self.open += 1;
    }

    /// The entity at hand has no more entries.
    pub fn close(&mut self) {
        self.lengths.push(std::mem::take(&mut self.open));
    }

    /// The closed entities' lists; what is here begins anew.
    pub fn take(
        &mut self,
        types: &OutputTypes,
        names: &mut Names,
        carried: &mut Values,
        value_type: &ValueType,
    ) -> Result<ArrayRef> {
        let out = std::mem::take(self);
        if i32::try_from(out.step_us.len()).is_err() {
            return exec_err!("funnel_path: too many entries in one batch");
        }
        let time: ArrayRef = Arc::new(TimestampMicrosecondArray::from(out.time));
        let words = |words: Vec<&'static str>| {
            Arc::new(StringViewArray::from_iter_values(words)) as ArrayRef
        };
        let steps = OffsetBuffer::<i32>::from_lengths(out.step_lengths);
        let list = |item: ArrayRef, offsets: OffsetBuffer<i32>, nulls| -> Result<ArrayRef> {
            let field = Arc::new(Field::new_list_field(item.data_type().clone(), true));
            Ok(Arc::new(ListArray::try_new(field, offsets, item, nulls)?))
        };
        let rows = out.day.len();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Date32Array::from(out.day)),
            words(out.basis.into_iter().map(Basis::word).collect()),
            cast(&time, &types.time)?,
            Arc::new(Int64Array::from(out.level)),
            Arc::new(Int64Array::from(out.step_no)),
            Arc::new(Int64Array::from(out.last_step_no)),
            words(out.state.into_iter().map(EndState::word).collect()),
            names.texts(&out.next)?,
            list(Arc::new(Int64Array::from(out.step_us)), steps.clone(), None)?,
            list(Arc::new(Int64Array::from(out.wait_us)), steps, None)?,
            carried.values(&out.first)?,
            carried.values(&out.last)?,
            match types.value {
                DataType::Null => new_null_array(&DataType::Null, rows),
                _ => value_type.array(&out.value)?,
            },
        ];
        let entries = StructArray::try_new(types.fields(), columns, None)?;
        let lists = ListArray::try_new(
            types.list_item(),
            OffsetBuffer::from_lengths(out.lengths),
            Arc::new(entries),
            None,
        )?;
        Ok(Arc::new(lists))
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        let flat = self.step_us.capacity() + self.wait_us.capacity();
        flat * size_of::<Option<i64>>() + self.day.capacity() * 72
    }
}

/// Timestamps come in microseconds, with a zone or without.
pub fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(TimeUnit::Microsecond, _))
}
