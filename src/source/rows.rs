//! What a source's rows are: the columns of its table, their order, and a line that had to be set aside.

use std::sync::Arc;

use arrow::datatypes::{DataType as Arrow, Field, Schema, SchemaRef, TimeUnit};
use twox_hash::XxHash3_64;

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
