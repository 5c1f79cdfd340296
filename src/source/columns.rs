//! Coded rows → columns, and back (for rows of a partition that is merged with new ones).
//!
//! A coded row is: number of its object, offset, for sources without a user the ordered bytes of
//! `sort_by`, then the values: event id (where the table has one), user id (event streams), declared
//! columns, props. Time and user key stand beside it, since they decide the order.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, Date32Array, Date32Builder,
    Decimal128Builder, Float64Builder, Int64Builder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{
    DataType as Arrow, Date32Type, Decimal128Type, Float64Type, Int64Type, SchemaRef,
    TimestampMicrosecondType,
};
use arrow::error::ArrowError;

use twox_hash::XxHash3_64;

use super::list::ListBuilder;
use super::row_code::{
    Coded, Reader, push, push_list, push_number, push_ordered, push_text, read_number,
};
use super::rows::{RowSchema, arrow_type, user_key};
use super::value::Value;
use crate::project::{DataType, Duplicates, Source};

/// Which values a source's coded rows hold.
#[derive(Debug, Clone)]
pub struct RowShape {
    schema: SchemaRef,
    /// Whether the rows are events of users.
    pub is_event_stream: bool,
    has_time: bool,
    /// Whether an event id comes first.
    pub has_id: bool,
    columns: Vec<DataType>,
    names: Vec<String>,
    /// Position of the declared `event` column among the declared ones.
    event_column: Option<usize>,
    /// Positions of `sort_by` among the declared ones (sources without a user).
    pub sort_by: Vec<usize>,
    /// Which rows are duplicates of each other.
    pub duplicates: Duplicates,
}

impl RowShape {
    /// Of a source.
    pub fn of(source: &Source) -> Self {
        let row_schema = RowSchema::of(source);
        let position = |name: &str| source.columns.iter().position(|column| column.name == name);
        Self {
            schema: Arc::clone(&row_schema.schema),
            is_event_stream: row_schema.is_event_stream,
            has_time: source.time.is_some(),
            has_id: row_schema.is_event_stream || source.id.is_some(),
            columns: source
                .columns
                .iter()
                .map(|column| column.data_type)
                .collect(),
            names: source
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect(),
            event_column: position("event").filter(|_| row_schema.is_event_stream),
            sort_by: match row_schema.is_event_stream {
                true => Vec::new(),
                false => source
                    .sort_by
                    .iter()
                    .filter_map(|name| position(name))
                    .collect(),
            },
            duplicates: source.duplicates,
        }
    }

    /// Begins a coded row; the values follow.
    /// `order`: the ordered bytes of `sort_by`, for sources without a user.
    pub fn begin(&self, out: &mut Vec<u8>, object: u32, offset: u64, order: &[u8]) {
        push_number(out, u64::from(object));
        push_number(out, offset);
        if !self.is_event_stream {
            push_number(out, order.len() as u64);
            out.extend_from_slice(order);
        }
    }

    /// What rows are ordered by before all else: the user's key, or the first bytes of `sort_by`.
    pub fn key(&self, user_key: i64, coded: &[u8]) -> i64 {
        if self.is_event_stream {
            return user_key;
        }
        let mut first = [0u8; 8];
        for (to, from) in first.iter_mut().zip(self.view(coded, 0).order) {
            *to = *from;
        }
        (u64::from_be_bytes(first) ^ (1 << 63)).cast_signed()
    }

    /// Hash of what makes rows duplicates of each other; 0 for those that have none.
    pub fn id_hash(&self, time_us: i64, coded: &[u8]) -> u64 {
        self.seeded_hash(time_us, coded, 0)
    }

    /// Another hash of the same, so that two hashes are taken for equality: among rows of one
    /// `id_hash`, two ids would need about 10^19 of them to meet by chance.
    pub fn second_hash(&self, time_us: i64, coded: &[u8]) -> u64 {
        self.seeded_hash(time_us, coded, 0x6c6f_7564_6f75)
    }

    fn seeded_hash(&self, time_us: i64, coded: &[u8], seed: u64) -> u64 {
        let view = self.view(coded, 0);
        match self.duplicates {
            Duplicates::Keep => 0,
            Duplicates::ById => view
                .values()
                .text()
                .map_or(0, |id| XxHash3_64::oneshot_with_seed(seed, id).max(1)),
            Duplicates::WholeRow => {
                XxHash3_64::oneshot_with_seed(seed ^ time_us.cast_unsigned(), view.body()).max(1)
            }
        }
    }

    /// The user id of a coded row of an event stream.
    pub fn user_id<'a>(&self, coded: &'a [u8]) -> Option<&'a [u8]> {
        let mut values = self.view(coded, 0).values();
        let _event_id = values.value();
        values.text()
    }

    /// Reads where a coded row's parts are.
    #[inline]
    pub fn view<'a>(&self, bytes: &'a [u8], at: usize) -> RowView<'a> {
        let (object, at) = read_number(bytes, at);
        let (offset, mut at) = read_number(bytes, at);
        let mut order: &[u8] = &[];
        if !self.is_event_stream {
            let (length, start) = read_number(bytes, at);
            at = start + length as usize;
            order = bytes.get(start..at).unwrap_or_default();
        }
        RowView {
            object: object as u32,
            offset,
            order,
            bytes,
            body: at,
        }
    }
}

/// A coded row, opened.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    /// Number of its object.
    pub object: u32,
    /// Its offset in it.
    pub offset: u64,
    /// Ordered bytes of `sort_by` (sources without a user).
    pub order: &'a [u8],
    bytes: &'a [u8],
    body: usize,
}

impl<'a> RowView<'a> {
    /// Its values.
    pub fn values(&self) -> Reader<'a> {
        Reader::new(self.bytes, self.body)
    }

    /// The bytes of its values, where `bytes` ends with the row.
    pub fn body(&self) -> &'a [u8] {
        self.bytes.get(self.body..).unwrap_or_default()
    }
}

/// Columns of one declared type. Text is gathered as bytes and checked once per batch.
pub(super) enum Column {
    Text(BinaryBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Decimal(Decimal128Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Date(Date32Builder),
    List(Box<ListBuilder>),
}

impl Column {
    pub(super) fn new(data_type: DataType, rows: usize) -> Self {
        match data_type {
            DataType::String => Self::Text(BinaryBuilder::with_capacity(rows, rows * 12)),
            DataType::Int64 => Self::Int(Int64Builder::with_capacity(rows)),
            DataType::Float64 => Self::Float(Float64Builder::with_capacity(rows)),
            DataType::Bool => Self::Bool(BooleanBuilder::with_capacity(rows)),
            DataType::Decimal { .. } => Self::Decimal(
                Decimal128Builder::with_capacity(rows).with_data_type(arrow_type(data_type)),
            ),
            DataType::Timestamp => Self::Timestamp(
                TimestampMicrosecondBuilder::with_capacity(rows)
                    .with_data_type(arrow_type(data_type)),
            ),
            DataType::Date => Self::Date(Date32Builder::with_capacity(rows)),
            DataType::List(of) => Self::List(Box::new(ListBuilder::new(of, rows))),
        }
    }

    /// Of texts that will take so many bytes together, as far as can be told.
    fn text(rows: usize, bytes: usize) -> Self {
        Self::Text(BinaryBuilder::with_capacity(rows, bytes))
    }

    /// Appends the next value.
    #[inline]
    pub(super) fn push(&mut self, values: &mut Reader<'_>) {
        let value = values.value();
        match self {
            Self::List(builder) => builder.push(value, values),
            _ => self.push_value(value),
        }
    }

    /// Appends a value of the column's type; a value of any other type is a null (decoders read each
    /// value by the column's type, so none occurs).
    #[inline]
    fn push_value(&mut self, value: Coded<'_>) {
        match (self, value) {
            (Self::Text(builder), Coded::Text(text)) => builder.append_value(text),
            (Self::Int(builder), Coded::Int(number)) => builder.append_value(number),
            (Self::Float(builder), Coded::Float(number)) => builder.append_value(number),
            (Self::Bool(builder), Coded::Bool(flag)) => builder.append_value(flag),
            (Self::Decimal(builder), Coded::Decimal(digits)) => builder.append_value(digits),
            (Self::Timestamp(builder), Coded::Int(us)) => builder.append_value(us),
            (Self::Date(builder), Coded::Int(days)) => {
                builder.append_option(i32::try_from(days).ok());
            }
            (Self::Text(builder), _) => builder.append_null(),
            (Self::Int(builder), _) => builder.append_null(),
            (Self::Float(builder), _) => builder.append_null(),
            (Self::Bool(builder), _) => builder.append_null(),
            (Self::Decimal(builder), _) => builder.append_null(),
            (Self::Timestamp(builder), _) => builder.append_null(),
            (Self::Date(builder), _) => builder.append_null(),
            (Self::List(_), _) => {}
        }
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Text(builder) => {
                let bytes = builder.values_slice().len();
                let texts = builder.finish();
                // The next batch will be much like this one; growing to it would copy it once more.
                *builder = BinaryBuilder::with_capacity(texts.len(), bytes + bytes / 8);
                Arc::new(StringArray::try_from_binary(texts)?)
            }
            Self::Int(builder) => {
                let numbers = builder.finish();
                *builder = Int64Builder::with_capacity(numbers.len());
                Arc::new(numbers)
            }
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::List(builder) => builder.finish()?,
        })
    }
}

/// Builds batches of the canonical table from coded rows of one local day.
pub struct ColumnsBuilder {
    shape: Arc<RowShape>,
    /// Date32.
    date: i32,
    event_time: TimestampMicrosecondBuilder,
    event_id: Column,
    user_id: Column,
    user_key: Int64Builder,
    declared: Vec<Column>,
    props: Column,
    object: StringBuilder,
    offset: Int64Builder,
    rows: usize,
}

impl ColumnsBuilder {
    /// With room for `rows`.
    pub fn new(shape: &Arc<RowShape>, date: i32, rows: usize) -> Self {
        Self {
            shape: Arc::clone(shape),
            date,
            event_time: TimestampMicrosecondBuilder::with_capacity(rows)
                .with_data_type(arrow_type(DataType::Timestamp)),
            event_id: Column::text(rows, rows * 36),
            user_id: Column::text(rows, rows * 36),
            user_key: Int64Builder::with_capacity(rows),
            declared: shape
                .columns
                .iter()
                .map(|data_type| Column::new(*data_type, rows))
                .collect(),
            props: Column::text(rows, rows * 128),
            object: StringBuilder::with_capacity(rows, rows * 48),
            offset: Int64Builder::with_capacity(rows),
            rows: 0,
        }
    }

    /// Rows since the last batch.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Appends a row; gives its user id.
    pub fn push<'a>(
        &mut self,
        user_key: i64,
        time_us: i64,
        object: &str,
        row: &RowView<'a>,
    ) -> Option<&'a [u8]> {
        let mut values = row.values();
        let mut user_id = None;
        if self.shape.has_time {
            self.event_time.append_value(time_us);
        }
        if self.shape.has_id {
            self.event_id.push(&mut values);
        }
        if self.shape.is_event_stream {
            user_id = values.text();
            self.user_id
                .push_value(user_id.map_or(Coded::Null, Coded::Text));
            self.user_key.append_value(user_key);
        }
        for column in &mut self.declared {
            column.push(&mut values);
        }
        self.props.push(&mut values);
        self.object.append_value(object);
        self.offset
            .append_value(i64::try_from(row.offset).unwrap_or(i64::MAX));
        self.rows += 1;
        user_id
    }

    /// The rows so far as a batch.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let mut arrays: Vec<ArrayRef> =
            vec![Arc::new(Date32Array::from(vec![self.date; self.rows]))];
        let mut declared = self
            .declared
            .iter_mut()
            .map(|column| column.finish().map(Some))
            .collect::<Result<Vec<Option<ArrayRef>>, _>>()?;
        if self.shape.has_time {
            arrays.push(Arc::new(self.event_time.finish()));
        }
        let event = self.shape.event_column;
        if let Some(event) = event.and_then(|at| declared.get_mut(at).and_then(Option::take)) {
            arrays.push(event);
        }
        if self.shape.has_id {
            arrays.push(self.event_id.finish()?);
        }
        if self.shape.is_event_stream {
            let user_id = self.user_id.finish()?;
            arrays.push(Arc::clone(&user_id));
            arrays.push(user_id);
            arrays.push(Arc::new(self.user_key.finish()));
        }
        arrays.extend(declared.into_iter().flatten());
        arrays.push(self.props.finish()?);
        let (rows, bytes) = (self.rows, self.object.values_slice().len());
        arrays.push(Arc::new(self.object.finish()));
        self.object = StringBuilder::with_capacity(rows, bytes + bytes / 8);
        arrays.push(Arc::new(self.offset.finish()));
        self.offset = Int64Builder::with_capacity(rows);
        self.user_key = Int64Builder::with_capacity(rows);
        self.event_time = TimestampMicrosecondBuilder::with_capacity(rows)
            .with_data_type(arrow_type(DataType::Timestamp));
        self.rows = 0;
        RecordBatch::try_new(Arc::clone(&self.shape.schema), arrays)
    }
}

/// A row of a published partition, for coding.
pub struct PublishedRows<'a> {
    shape: &'a RowShape,
    time: Option<&'a [i64]>,
    event_id: Option<&'a StringArray>,
    user_id: Option<&'a StringArray>,
    declared: Vec<&'a ArrayRef>,
    props: &'a StringArray,
    object: &'a StringArray,
    offset: &'a [i64],
}

impl<'a> PublishedRows<'a> {
    /// Opens a batch of the canonical schema; an error names the column that it lacks.
    pub fn open(shape: &'a RowShape, batch: &'a RecordBatch) -> Result<Self, ArrowError> {
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .ok_or_else(|| ArrowError::SchemaError(format!("there is no column {name}")))
        };
        let text = |name: &str| {
            column(name)?
                .as_string_opt::<i32>()
                .ok_or_else(|| ArrowError::SchemaError(format!("the column {name} is not text")))
        };
        Ok(Self {
            time: match shape.has_time {
                true => Some(
                    column("event_time")?
                        .as_primitive::<TimestampMicrosecondType>()
                        .values(),
                ),
                false => None,
            },
            event_id: shape.has_id.then(|| text("event_id")).transpose()?,
            user_id: shape.is_event_stream.then(|| text("user_id")).transpose()?,
            declared: shape
                .names
                .iter()
                .map(|name| column(name))
                .collect::<Result<_, _>>()?,
            props: text("props")?,
            object: text("source_object")?,
            offset: column("source_offset")?
                .as_primitive::<Int64Type>()
                .values(),
            shape,
        })
    }

    /// Name of a row's object.
    pub fn object(&self, row: usize) -> &'a str {
        self.object.value(row)
    }

    /// Event time (0 where the source has none) and user key.
    pub fn order(&self, row: usize) -> (i64, i64) {
        let time = self.time.map_or(0, |times| times[row]);
        let key = self
            .user_id
            .map_or(0, |ids| user_key(ids.is_valid(row).then(|| ids.value(row))));
        (time, key)
    }

    /// Codes a row whose object has this number.
    pub fn code(&self, row: usize, object: u32, out: &mut Vec<u8>) {
        let mut order = Vec::new();
        for at in &self.shape.sort_by {
            push_ordered(&mut order, value(self.declared[*at], row));
        }
        let offset = u64::try_from(self.offset[row]).unwrap_or_default();
        self.shape.begin(out, object, offset, &order);
        let text =
            |column: &'a StringArray| column.is_valid(row).then(|| column.value(row).as_bytes());
        for column in [self.event_id, self.user_id].into_iter().flatten() {
            push_text(out, text(column));
        }
        for column in &self.declared {
            push_published(out, column, row);
        }
        push_text(out, text(self.props));
    }
}

fn push_published(out: &mut Vec<u8>, column: &ArrayRef, row: usize) {
    let list = column.as_list_opt::<i32>().filter(|_| column.is_valid(row));
    let Some(elements) = list.map(|list| list.value(row)) else {
        return push(out, value(column, row));
    };
    let mut coded = Vec::new();
    for at in 0..elements.len() {
        push(&mut coded, value(&elements, at));
    }
    push_list(out, elements.len(), &coded);
}

fn value(column: &ArrayRef, row: usize) -> Value<'_> {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        Arrow::Utf8 => Value::Text(column.as_string::<i32>().value(row)),
        Arrow::Int64 => Value::Int(column.as_primitive::<Int64Type>().value(row)),
        Arrow::Float64 => Value::Float(column.as_primitive::<Float64Type>().value(row)),
        Arrow::Boolean => Value::Bool(column.as_boolean().value(row)),
        Arrow::Decimal128(_, _) => {
            Value::Decimal(column.as_primitive::<Decimal128Type>().value(row))
        }
        Arrow::Timestamp(_, _) => {
            Value::Int(column.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        Arrow::Date32 => Value::Int(i64::from(column.as_primitive::<Date32Type>().value(row))),
        _ => Value::Null,
    }
}

/// Decodes bytes of an object whose rows are of one day.
#[cfg(test)]
pub(super) fn decode_to_batch(
    context: &super::DecodeContext,
    object: &super::RawObject,
    bytes: &[u8],
) -> (super::Decoded, RecordBatch) {
    struct Rows(Vec<(super::RowHead, Vec<u8>)>);
    impl super::RowSink for Rows {
        fn object_number(&self) -> u32 {
            7
        }
        fn row(&mut self, head: super::RowHead, coded: &[u8]) -> crate::error::Result<()> {
            self.0.push((head, coded.to_vec()));
            Ok(())
        }
    }
    let mut rows = Rows(Vec::new());
    let stored = super::Stored::Bytes(bytes.to_vec().into());
    let decoded = super::decode_object(context, object, stored, &mut rows).unwrap();
    let date = rows.0.first().map_or(0, |(head, _)| head.date);
    let mut builder = ColumnsBuilder::new(&context.shape, date, rows.0.len());
    for (head, coded) in &rows.0 {
        let view = context.shape.view(coded, 0);
        assert_eq!((head.date, view.object), (date, 7));
        builder.push(head.key, head.time_us, &object.path, &view);
    }
    let batch = builder.finish().unwrap();
    // What is read back from a partition and coded again is the same.
    let published = PublishedRows::open(&context.shape, &batch).unwrap();
    for (row, (head, coded)) in rows.0.iter().enumerate() {
        let mut again = Vec::new();
        published.code(row, 7, &mut again);
        assert_eq!(&again, coded);
        assert_eq!(published.object(row), object.path);
        let (time_us, user_key) = published.order(row);
        assert_eq!(time_us, head.time_us);
        assert_eq!(context.shape.key(user_key, coded), head.key);
        assert_eq!(context.shape.id_hash(time_us, coded), head.id_hash);
    }
    (decoded, batch)
}
