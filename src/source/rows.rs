//! The rows a source decodes to, and their builders.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType as Arrow, Field, Schema, SchemaRef, TimeUnit};
use twox_hash::XxHash3_64;

use super::list::ListBuilder;
use super::value::Value;
use crate::project::{DataType, Source};

/// A line that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// 1-based line (row for Parquet).
    pub line: u64,
    /// Byte offset in the decompressed object (row number for Parquet).
    pub offset: u64,
    /// `not_utf8`, `not_json`, `not_an_object`, `field_count`, `missing`, `null`, `wrong_type`,
    /// `not_one_of`, `time`, `outside_late`, `too_long`
    pub reason: &'static str,
    /// The column at fault, if one is.
    pub column: Option<String>,
    /// What exactly was expected, in English, for the operator.
    pub detail: String,
    /// The line's text, cut to 1,000 characters; `***` where personal data may stand.
    pub text: String,
}

/// Columns of a source's canonical table, in order.
#[derive(Debug, Clone)]
pub struct RowSchema {
    /// Arrow schema of the canonical table.
    pub schema: SchemaRef,
    /// Whether the table is a stream of users' events.
    pub is_event_stream: bool,
    /// Position of `source_offset`, the last column.
    pub columns: usize,
}

/// The Arrow type of a declared type.
pub fn arrow_type(data_type: DataType) -> Arrow {
    match data_type {
        DataType::String => Arrow::Utf8,
        DataType::Int64 => Arrow::Int64,
        DataType::Float64 => Arrow::Float64,
        DataType::Bool => Arrow::Boolean,
        DataType::Decimal { precision, scale } => {
            Arrow::Decimal128(precision, i8::try_from(scale).unwrap_or(0))
        }
        DataType::Timestamp => Arrow::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Date => Arrow::Date32,
        DataType::List(of) => Arrow::List(Arc::new(Field::new_list_field(
            arrow_type(of.data_type()),
            true,
        ))),
    }
}

impl RowSchema {
    /// The canonical schema of a source (DESIGN, "Concrete shapes"). `event_time` is there where a
    /// time is declared, `event_id` where an id or a user is, the user's columns where a user is.
    pub fn of(source: &Source) -> Self {
        let is_event_stream = source.user.is_some();
        let mut fields = vec![Field::new("date", Arrow::Date32, false)];
        if source.time.is_some() {
            fields.push(Field::new(
                "event_time",
                arrow_type(DataType::Timestamp),
                false,
            ));
        }
        if is_event_stream {
            fields.push(Field::new("event", Arrow::Utf8, false));
        }
        if is_event_stream || source.id.is_some() {
            fields.push(Field::new("event_id", Arrow::Utf8, true));
        }
        if is_event_stream {
            fields.push(Field::new("user_id", Arrow::Utf8, true));
            fields.push(Field::new("source_user_id", Arrow::Utf8, true));
            fields.push(Field::new("user_key", Arrow::Int64, false));
        }
        for column in &source.columns {
            if !(is_event_stream && column.name == "event") {
                fields.push(Field::new(&column.name, arrow_type(column.data_type), true));
            }
        }
        fields.push(Field::new("props", Arrow::Utf8, true));
        fields.push(Field::new("source_object", Arrow::Utf8, false));
        fields.push(Field::new("source_offset", Arrow::Int64, false));
        Self {
            columns: fields.len(),
            schema: Arc::new(Schema::new(fields)),
            is_event_stream,
        }
    }

    /// Columns that put the table's rows in their one order.
    pub fn sort_columns(&self, source: &Source) -> Vec<String> {
        let mut names: Vec<String> = if self.is_event_stream {
            ["user_key", "user_id", "event_time", "event_id"]
                .map(String::from)
                .into()
        } else {
            let mut names = source.sort_by.clone();
            if source.time.is_some() {
                names.push("event_time".into());
            }
            names
        };
        names.push("source_object".into());
        names.push("source_offset".into());
        names
    }
}

/// The key that orders users: xxh3_64 of the id, as a signed number; no user comes first of all.
pub fn user_key(user_id: Option<&str>) -> i64 {
    user_id.map_or(i64::MIN, |id| {
        XxHash3_64::oneshot(id.as_bytes()).cast_signed()
    })
}

/// One row's place and the values that are not declared columns.
#[derive(Debug, Clone, Copy)]
pub struct RowHead<'a> {
    /// Date32 of the local day.
    pub date: i32,
    /// Event time; ignored where the source has none.
    pub event_time_us: i64,
    /// Event id.
    pub event_id: Option<&'a str>,
    /// User id.
    pub user_id: Option<&'a str>,
    /// Undeclared fields as raw JSON text.
    pub props: Option<&'a str>,
    /// Byte offset in the decompressed object.
    pub offset: i64,
}

/// Collects the values of one column.
pub(super) enum Builder {
    Text(StringBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Decimal(Decimal128Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Date(Date32Builder),
    List(Box<ListBuilder>),
}

impl Builder {
    pub(super) fn new(data_type: DataType, rows: usize) -> Self {
        match data_type {
            DataType::String => Self::Text(StringBuilder::with_capacity(rows, rows * 12)),
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

    /// Appends a value of the builder's type; a value of any other type is a null (decoders read
    /// each value by the column's type, so none occurs).
    pub(super) fn push(&mut self, value: Value<'_>) {
        match (self, value) {
            (Self::Text(builder), Value::Text(text)) => builder.append_value(text),
            (Self::Int(builder), Value::Int(number)) => builder.append_value(number),
            (Self::Float(builder), Value::Float(number)) => builder.append_value(number),
            (Self::Bool(builder), Value::Bool(flag)) => builder.append_value(flag),
            (Self::Decimal(builder), Value::Decimal(digits)) => builder.append_value(digits),
            (Self::Timestamp(builder), Value::Int(us)) => builder.append_value(us),
            (Self::Date(builder), Value::Int(days)) => {
                builder.append_option(i32::try_from(days).ok());
            }
            (Self::List(builder), Value::List(text)) => builder.push(Some(text)),
            (Self::Text(builder), _) => builder.append_null(),
            (Self::Int(builder), _) => builder.append_null(),
            (Self::Float(builder), _) => builder.append_null(),
            (Self::Bool(builder), _) => builder.append_null(),
            (Self::Decimal(builder), _) => builder.append_null(),
            (Self::Timestamp(builder), _) => builder.append_null(),
            (Self::Date(builder), _) => builder.append_null(),
            (Self::List(builder), _) => builder.push(None),
        }
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::List(builder) => builder.finish(),
        }
    }
}

/// Collects rows of one object into batches.
pub struct RowsBuilder {
    schema: SchemaRef,
    object: String,
    is_event_stream: bool,
    has_time: bool,
    has_id: bool,
    /// Position of the declared `event` column among the declared ones.
    event_column: Option<usize>,
    date: Date32Builder,
    event_time: TimestampMicrosecondBuilder,
    event_id: StringBuilder,
    user_id: StringBuilder,
    user_key: Int64Builder,
    declared: Vec<Builder>,
    props: StringBuilder,
    offset: Int64Builder,
    rows: usize,
}

/// Rows per batch while decoding.
pub const BATCH_ROWS: usize = 8192;
/// Rows that a builder has room for at first. Hourly objects are often small: room for a full batch in
/// each would be counted as memory and make dates spill that need not.
const FIRST_ROWS: usize = 512;

impl RowsBuilder {
    /// For one object of a source.
    pub fn new(source: &Source, row_schema: &RowSchema, object: &str) -> Self {
        let rows = FIRST_ROWS;
        Self {
            schema: Arc::clone(&row_schema.schema),
            object: object.to_string(),
            is_event_stream: row_schema.is_event_stream,
            has_time: source.time.is_some(),
            has_id: source.id.is_some(),
            event_column: source
                .columns
                .iter()
                .position(|column| row_schema.is_event_stream && column.name == "event"),
            date: Date32Builder::with_capacity(rows),
            event_time: TimestampMicrosecondBuilder::with_capacity(rows)
                .with_data_type(arrow_type(DataType::Timestamp)),
            event_id: StringBuilder::with_capacity(rows, rows * 16),
            user_id: StringBuilder::with_capacity(rows, rows * 16),
            user_key: Int64Builder::with_capacity(rows),
            declared: source
                .columns
                .iter()
                .map(|column| Builder::new(column.data_type, rows))
                .collect(),
            props: StringBuilder::with_capacity(rows, rows * 32),
            offset: Int64Builder::with_capacity(rows),
            rows: 0,
        }
    }

    /// Appends a row; `values` are the declared columns' in declared order.
    pub fn push<'a>(&mut self, head: RowHead<'_>, values: impl Iterator<Item = Value<'a>>) {
        self.date.append_value(head.date);
        if self.has_time {
            self.event_time.append_value(head.event_time_us);
        }
        if self.is_event_stream || self.has_id {
            self.event_id.append_option(head.event_id);
        }
        if self.is_event_stream {
            self.user_id.append_option(head.user_id);
            self.user_key.append_value(user_key(head.user_id));
        }
        for (builder, value) in self.declared.iter_mut().zip(values) {
            builder.push(value);
        }
        self.props.append_option(head.props);
        self.offset.append_value(head.offset);
        self.rows += 1;
    }

    /// Whether a batch is full.
    pub fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS
    }

    /// The rows so far as a batch; `None` if there are none.
    pub fn finish(&mut self) -> Result<Option<RecordBatch>, arrow::error::ArrowError> {
        if self.rows == 0 {
            return Ok(None);
        }
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(self.date.finish())];
        let mut declared: Vec<Option<ArrayRef>> = self
            .declared
            .iter_mut()
            .map(|builder| Some(builder.finish()))
            .collect();
        if self.has_time {
            arrays.push(Arc::new(self.event_time.finish()));
        }
        if let Some(event) = self
            .event_column
            .and_then(|at| declared.get_mut(at).and_then(Option::take))
        {
            arrays.push(event);
        }
        if self.is_event_stream || self.has_id {
            arrays.push(Arc::new(self.event_id.finish()));
        }
        if self.is_event_stream {
            let user_id: ArrayRef = Arc::new(self.user_id.finish());
            arrays.push(Arc::clone(&user_id));
            arrays.push(user_id);
            arrays.push(Arc::new(self.user_key.finish()));
        }
        arrays.extend(declared.into_iter().flatten());
        arrays.push(Arc::new(self.props.finish()));
        let mut object = StringBuilder::with_capacity(self.rows, self.rows * self.object.len());
        for _ in 0..self.rows {
            object.append_value(&self.object);
        }
        arrays.push(Arc::new(object.finish()));
        arrays.push(Arc::new(self.offset.finish()));
        self.rows = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map(Some)
    }
}
