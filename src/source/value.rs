//! Reads one text as one typed value, exactly.

use chrono_tz::Tz;

use super::list::{self, Element};
use super::number::Number;
use super::time::{self, TimeReader};
use crate::project::{Allowed, Column, DataType, LocalDays, TimeFormat, date32};

/// A typed value; text stays where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// Text.
    Text(&'a str),
    /// A whole number, a time in microseconds, or a Date32.
    Int(i64),
    /// A float.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A decimal's unscaled digits.
    Decimal(i128),
    /// The text of a JSON array whose elements are all of the type.
    List(&'a str),
}

/// Reads `text` as `data_type` (timestamps are read elsewhere, since they need a zone); `None` if it
/// is no such value. Numbers may stand as text; nothing is rounded.
#[inline]
pub fn read(text: &str, data_type: DataType) -> Option<Value<'_>> {
    Some(match data_type {
        DataType::String => Value::Text(text),
        DataType::Int64 => Value::Int(read_int(text.trim())?),
        DataType::Float64 => {
            let text = text.trim();
            // Rust also reads "inf" and "nan"; a log's number has only digits and signs.
            if !text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
            {
                return None;
            }
            Value::Float(text.parse().ok().filter(|value: &f64| value.is_finite())?)
        }
        DataType::Bool => Value::Bool(match text.trim() {
            "true" | "True" | "TRUE" | "1" => true,
            "false" | "False" | "FALSE" | "0" => false,
            _ => return None,
        }),
        DataType::Decimal { precision, scale } => {
            Value::Decimal(read_decimal(text.trim(), precision, scale)?)
        }
        DataType::Date => Value::Int(i64::from(date32(time::day(text.trim())?))),
        DataType::Timestamp => return None,
        DataType::List(of) => {
            let is_list = list::walk(text, |element| list::read_element(element, of).is_some());
            if !is_list {
                return None;
            }
            Value::List(text)
        }
    })
}

/// A whole number, however it is written: `12`, `12.0`, `1.2e1`.
fn read_int(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    i64::try_from(Number::parse(text)?.times_power(0)?).ok()
}

/// Unscaled digits of a decimal; `None` if it has more digits than fit (zeros at the end are free).
fn read_decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let digits = Number::parse(text)?.times_power(scale)?;
    (digits.unsigned_abs() < 10u128.checked_pow(u32::from(precision))?).then_some(digits)
}

/// Why a text is no value of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It is not of the column's type.
    Type,
    /// It is none of `one_of`.
    NotAllowed,
}

impl Wrong {
    /// The reason told in quarantine.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Type => "wrong_type",
            Self::NotAllowed => "not_one_of",
        }
    }
}

/// Reads the texts of one declared column.
#[derive(Debug)]
pub struct ColumnReader {
    data_type: DataType,
    allowed: Option<Allowed>,
    /// Of timestamps, and of dates that are written in another way than `2026-11-21`.
    time: Option<TimeReader>,
    days: LocalDays,
}

impl ColumnReader {
    /// For a column; times without a zone are in `zone`, and dates are days of it.
    pub fn new(column: &Column, zone: Tz) -> Self {
        let format = match (column.data_type, &column.format) {
            (DataType::Timestamp, None) => Some(TimeFormat::Iso),
            (_, format) => format.clone(),
        };
        Self {
            data_type: column.data_type,
            allowed: column.one_of.clone(),
            time: format.map(|format| TimeReader::new(format, zone)),
            days: LocalDays::new(zone),
        }
    }

    /// Reads a text; `is_nested` says that it is a JSON object or array.
    #[inline]
    pub fn read<'a>(&mut self, text: &'a str, is_nested: bool) -> Result<Value<'a>, Wrong> {
        if is_nested && !matches!(self.data_type, DataType::String | DataType::List(_)) {
            return Err(Wrong::Type);
        }
        let value = match &mut self.time {
            None => read(text, self.data_type),
            Some(reader) => reader.read(text).and_then(|us| match self.data_type {
                DataType::Date => self.days.day_of(us).map(|day| Value::Int(i64::from(day))),
                _ => Some(Value::Int(us)),
            }),
        }
        .ok_or(Wrong::Type)?;
        match &self.allowed {
            Some(allowed) if !self.is_allowed(value, allowed) => Err(Wrong::NotAllowed),
            _ => Ok(value),
        }
    }

    fn is_allowed(&self, value: Value<'_>, allowed: &Allowed) -> bool {
        let DataType::List(of) = self.data_type else {
            return is_one_of(value, allowed);
        };
        let Value::List(text) = value else {
            return false;
        };
        list::walk(text, |element| {
            element == Element::Null
                || list::read_element(element, of).is_some_and(|value| is_one_of(value, allowed))
        })
    }

    /// What was expected, for the operator.
    pub fn expected(&self, wrong: Wrong) -> String {
        match (wrong, &self.allowed, &self.time) {
            (Wrong::NotAllowed, Some(Allowed::Texts(texts)), _) => {
                format!("not one of {}", texts.join(", "))
            }
            (Wrong::NotAllowed, Some(Allowed::Numbers(numbers)), _) => {
                let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
                format!("not one of {}", numbers.join(", "))
            }
            (_, _, Some(reader)) => format!("not a {}: {}", self.data_type, reader.expected()),
            (_, _, None) => format!("not {}", described(self.data_type)),
        }
    }
}

fn is_one_of(value: Value<'_>, allowed: &Allowed) -> bool {
    match (value, allowed) {
        (Value::Text(text), Allowed::Texts(texts)) => texts
            .binary_search_by(|known| known.as_str().cmp(text))
            .is_ok(),
        (Value::Int(number), Allowed::Numbers(numbers)) => numbers.binary_search(&number).is_ok(),
        _ => false,
    }
}

/// A type with what its values look like.
fn described(data_type: DataType) -> String {
    match data_type {
        DataType::String => "a text".to_owned(),
        DataType::Int64 => "an int64: a whole number from -2^63 to 2^63-1".to_owned(),
        DataType::Float64 => "a float64: a finite number such as 1.5 or 2e-3".to_owned(),
        DataType::Bool => "a bool: true or false, also 1 or 0".to_owned(),
        DataType::Decimal { precision, scale } => format!(
            "a {data_type}: a number with at most {scale} decimals and {} digits before the point",
            precision - scale
        ),
        DataType::Timestamp => "a timestamp".to_owned(),
        DataType::Date => "a date such as 2026-11-21".to_owned(),
        DataType::List(of) => format!(
            "a {data_type}: a JSON array, each element {}",
            described(of.data_type())
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::ElementType;

    #[test]
    fn decimals_are_exact_or_refused() {
        for (text, expected) in [
            ("128.00", Some(12800)),
            ("128", Some(12800)),
            ("1.28E2", Some(12800)),
            ("0.1", Some(10)),
            ("-0.05", Some(-5)),
            (".5", Some(50)),
            ("5.", Some(500)),
            ("1.230", Some(123)),
            ("1.234", None),
            ("1e3", Some(100_000)),
            ("1e-3", None),
            ("1e10", None),
            ("", None),
            (".", None),
            ("-", None),
            ("1,5", None),
            ("12345678901.00", None),
            ("9999999999.99", Some(999_999_999_999)),
            ("-9999999999.99", Some(-999_999_999_999)),
            ("0.30000000000000004", None),
            ("１", None),
        ] {
            assert_eq!(read_decimal(text, 12, 2), expected, "{text}");
        }
        let most = "99999999999999999999999999999999999999";
        assert_eq!(read_decimal(most, 38, 0), most.parse().ok());
    }

    #[test]
    fn numbers_are_not_guessed() {
        for (text, expected) in [
            ("12", Some(12)),
            ("+12", Some(12)),
            (" 12 ", Some(12)),
            ("12.0", Some(12)),
            ("1.2e1", Some(12)),
            ("12.5", None),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("9223372036854775807.0", Some(i64::MAX)),
            ("1,000", None),
            ("true", None),
            ("", None),
        ] {
            assert_eq!(
                read(text, DataType::Int64),
                expected.map(Value::Int),
                "{text}"
            );
        }
        assert_eq!(read("1.5", DataType::Float64), Some(Value::Float(1.5)));
        for text in ["nan", "inf", "1e400", "1,5", ""] {
            assert_eq!(read(text, DataType::Float64), None, "{text}");
        }
        for (text, expected) in [
            ("true", Some(true)),
            ("False", Some(false)),
            ("1", Some(true)),
            ("0", Some(false)),
            ("yes", None),
            ("t", None),
            ("", None),
            ("1.0", None),
        ] {
            assert_eq!(
                read(text, DataType::Bool),
                expected.map(Value::Bool),
                "{text}"
            );
        }
        for (text, expected) in [
            ("1970-01-02", Some(1)),
            ("19700102", Some(1)),
            ("1969-12-31", Some(-1)),
            ("70-01-02", None),
            ("1970-1-2", None),
            ("+1970-01-02", None),
            ("1970-02-29", None),
            ("1970-01-02T00:00:00", None),
        ] {
            assert_eq!(
                read(text, DataType::Date),
                expected.map(Value::Int),
                "{text}"
            );
        }
    }

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        let is_list = |text: &str, of| read(text, DataType::List(of)).is_some();
        for (text, of, expected) in [
            (r#"["a","b"]"#, ElementType::String, true),
            (r#"["a",null,{"k":1}]"#, ElementType::String, true),
            ("[1,\"2\",3.0]", ElementType::Int64, true),
            ("[1,2.5]", ElementType::Int64, false),
            ("[1,[2]]", ElementType::Int64, false),
            ("[true,0]", ElementType::Bool, true),
            ("[\"2026-11-21\"]", ElementType::Date, true),
            ("a,b", ElementType::String, false),
            ("a", ElementType::String, false),
        ] {
            assert_eq!(is_list(text, of), expected, "{text}");
        }
        let money = ElementType::Decimal {
            precision: 4,
            scale: 1,
        };
        assert!(is_list("[1.5, 2]", money));
        assert!(!is_list("[1.55]", money));
    }

    fn column(data_type: DataType) -> Column {
        Column {
            name: "c".to_owned(),
            data_type,
            from: vec!["c".to_owned()],
            format: None,
            one_of: None,
            missing: crate::project::Rule::Null,
            null: crate::project::Rule::Null,
            wrong: crate::project::Rule::Quarantine,
            personal: false,
        }
    }

    #[test]
    fn only_listed_values_are_taken() {
        let texts = Allowed::Texts(vec!["android".to_owned(), "ios".to_owned()]);
        let mut reader = ColumnReader::new(
            &Column {
                one_of: Some(texts.clone()),
                ..column(DataType::String)
            },
            Tz::UTC,
        );
        assert_eq!(reader.read("ios", false), Ok(Value::Text("ios")));
        for text in ["iOS", "", "ios "] {
            assert_eq!(reader.read(text, false), Err(Wrong::NotAllowed), "{text}");
        }
        assert_eq!(
            reader.expected(Wrong::NotAllowed),
            "not one of android, ios"
        );

        let mut reader = ColumnReader::new(
            &Column {
                one_of: Some(Allowed::Numbers(vec![-1, 0, 7])),
                ..column(DataType::Int64)
            },
            Tz::UTC,
        );
        assert_eq!(reader.read("7.0", false), Ok(Value::Int(7)));
        assert_eq!(reader.read("8", false), Err(Wrong::NotAllowed));
        assert_eq!(reader.read("x", false), Err(Wrong::Type));

        let mut reader = ColumnReader::new(
            &Column {
                one_of: Some(texts),
                ..column(DataType::List(ElementType::String))
            },
            Tz::UTC,
        );
        let list = r#"["ios",null,"andr\u006fid"]"#;
        assert_eq!(reader.read(list, true), Ok(Value::List(list)));
        assert_eq!(
            reader.read(r#"["ios","web"]"#, true),
            Err(Wrong::NotAllowed)
        );
    }

    #[test]
    fn a_declared_format_is_read_in_the_projects_zone() {
        let of = |data_type, format, text: &'static str| {
            let column = Column {
                format,
                ..column(data_type)
            };
            ColumnReader::new(&column, Tz::Asia__Shanghai)
                .read(text, false)
                .ok()
        };
        // 2026-11-20 23:30 UTC is half past seven of the 21st in Shanghai.
        let epoch = "1795217400";
        assert_eq!(
            of(DataType::Timestamp, Some(TimeFormat::EpochS), epoch),
            Some(Value::Int(1_795_217_400_000_000))
        );
        let day = of(DataType::Date, None, "2026-11-21");
        assert!(day.is_some());
        assert_eq!(of(DataType::Date, Some(TimeFormat::EpochS), epoch), day);
        assert_eq!(
            of(
                DataType::Date,
                Some(TimeFormat::Pattern("%d/%m/%Y".to_owned())),
                "21/11/2026"
            ),
            day
        );
        assert_eq!(
            of(
                DataType::Date,
                Some(TimeFormat::Iso),
                "2026-11-20T23:30:00Z"
            ),
            day
        );
        assert_eq!(of(DataType::Timestamp, None, epoch), None, "iso is meant");
    }
}
