//! Names and values as numbers, so that a row holds neither.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, UInt32Array, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::take;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::{Result, exec_datafusion_err};
use foldhash::fast::FixedState;

use super::row::NONE;

/// Texts of up to this many bytes lie in a view itself, so that equal views are equal texts.
const INLINE_BYTES: u128 = 12;

/// Texts by number.
#[derive(Debug, Default)]
pub struct Names {
    texts: Vec<String>,
    inline: HashMap<u128, u32, FixedState>,
    longer: HashMap<String, u32, FixedState>,
    array: Option<ArrayRef>,
}

impl Names {
    /// The number of a row's text.
    pub fn number(&mut self, texts: &StringViewArray, row: usize) -> u32 {
        if texts.is_null(row) {
            return NONE;
        }
        let view = texts.views()[row];
        let is_inline = view & u128::from(u32::MAX) <= INLINE_BYTES;
        let known = match is_inline {
            true => self.inline.get(&view),
            false => self.longer.get(texts.value(row)),
        };
        if let Some(known) = known {
            return *known;
        }
        let number = self.texts.len() as u32;
        let text = texts.value(row).to_owned();
        match is_inline {
            true => self.inline.insert(view, number),
            false => self.longer.insert(text.clone(), number),
        };
        self.texts.push(text);
        self.array = None;
        number
    }

    /// By text; nothing comes last.
    pub fn compare(&self, left: u32, right: u32) -> Ordering {
        let key = |number: u32| (number == NONE, self.texts.get(number as usize));
        key(left).cmp(&key(right))
    }

    /// The texts of numbers.
    pub fn texts(&mut self, numbers: &[u32]) -> Result<ArrayRef> {
        let texts = match &self.array {
            Some(array) => Arc::clone(array),
            None => {
                let array: ArrayRef = Arc::new(StringViewArray::from_iter_values(&self.texts));
                self.array = Some(Arc::clone(&array));
                array
            }
        };
        numbered(&texts, numbers)
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.texts.iter().map(|text| text.len() + 64).sum()
    }
}

/// Values of any one type by number.
#[derive(Debug)]
pub struct Values {
    data_type: DataType,
    converter: Option<RowConverter>,
    rows: Option<Rows>,
    numbers: HashMap<Box<[u8]>, u32, FixedState>,
    array: Option<ArrayRef>,
    bytes: usize,
}

impl Values {
    /// No values of this type yet.
    pub fn new(data_type: &DataType) -> Result<Self> {
        let converter = match data_type {
            DataType::Null => None,
            other => Some(RowConverter::new(vec![SortField::new(other.clone())])?),
        };
        Ok(Self {
            data_type: data_type.clone(),
            rows: converter
                .as_ref()
                .map(|converter| converter.empty_rows(0, 0)),
            converter,
            numbers: HashMap::default(),
            array: None,
            bytes: 0,
        })
    }

    /// Whether there is anything but null.
    pub fn is_used(&self) -> bool {
        self.converter.is_some()
    }

    /// The numbers of the chosen rows; of others [`NONE`]. `null_is_none` lets a null, and a struct with
    /// a null in it, have no number.
    pub fn numbers(
        &mut self,
        values: &ArrayRef,
        chosen: &BooleanBuffer,
        null_is_none: bool,
    ) -> Result<Vec<u32>> {
        let mut numbers = vec![NONE; values.len()];
        let (Some(converter), Some(known)) = (&mut self.converter, &mut self.rows) else {
            return Ok(numbers);
        };
        let with_value = null_is_none.then(|| with_value(values)).flatten();
        let chosen = match &with_value {
            Some(with_value) => chosen & with_value,
            None => chosen.clone(),
        };
        let places: Vec<u32> = chosen.set_indices().map(|row| row as u32).collect();
        if places.is_empty() {
            return Ok(numbers);
        }
        let picked = match places.len() == values.len() {
            true => Arc::clone(values),
            false => take(values, &UInt32Array::from(places.clone()), None)?,
        };
        let rows = converter.convert_columns(&[picked])?;
        let mut last: Option<(usize, u32)> = None;
        for (at, place) in places.iter().enumerate() {
            let row = rows.row(at);
            // Rows of one entity stand together and mostly carry the same.
            if let Some((before, number)) = last
                && rows.row(before) == row
            {
                numbers[*place as usize] = number;
                continue;
            }
            let number = match self.numbers.get(row.as_ref()) {
                Some(number) => *number,
                None => {
                    let number = self.numbers.len() as u32;
                    self.numbers.insert(row.as_ref().into(), number);
                    self.bytes += 2 * row.as_ref().len() + 64;
                    known.push(row);
                    self.array = None;
                    number
                }
            };
            last = Some((at, number));
            numbers[*place as usize] = number;
        }
        Ok(numbers)
    }

    /// By value, null first; nothing comes last.
    pub fn compare(&self, left: u32, right: u32) -> Ordering {
        if left == right {
            return Ordering::Equal;
        }
        let key = |number: u32| {
            let rows = self.rows.as_ref().filter(|_| number != NONE);
            (number == NONE, rows.map(|rows| rows.row(number as usize)))
        };
        key(left).cmp(&key(right))
    }

    /// The values of numbers.
    pub fn values(&mut self, numbers: &[u32]) -> Result<ArrayRef> {
        let (Some(converter), Some(rows)) = (&self.converter, &self.rows) else {
            return Ok(new_null_array(&self.data_type, numbers.len()));
        };
        let values = match &self.array {
            Some(array) => Arc::clone(array),
            None => {
                let array = converter
                    .convert_rows(rows)?
                    .pop()
                    .ok_or_else(|| exec_datafusion_err!("funnel_path: values are lost"))?;
                self.array = Some(Arc::clone(&array));
                array
            }
        };
        numbered(&values, numbers)
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.bytes
    }
}

fn numbered(values: &ArrayRef, numbers: &[u32]) -> Result<ArrayRef> {
    let places = UInt32Array::from_iter(
        numbers
            .iter()
            .map(|number| (*number != NONE).then_some(*number)),
    );
    if values.is_empty() {
        return Ok(new_null_array(values.data_type(), numbers.len()));
    }
    Ok(take(values, &places, None)?)
}

/// Rows that are not null, nor a struct with a null in it; `None` for all.
fn with_value(values: &ArrayRef) -> Option<BooleanBuffer> {
    let own = values.logical_nulls().map(|nulls| nulls.into_inner());
    let Some(parts) = values.as_struct_opt() else {
        return own;
    };
    parts.columns().iter().fold(own, |so_far, column| {
        match (
            so_far,
            column.logical_nulls().map(|nulls| nulls.into_inner()),
        ) {
            (Some(left), Some(right)) => Some(&left & &right),
            (left, right) => left.or(right),
        }
    })
}
