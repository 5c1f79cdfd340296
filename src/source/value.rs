//! Reads one text as one typed value, exactly.

use chrono::NaiveDate;

use crate::project::{DataType, date32};

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
}

/// Reads `text` as `data_type` (timestamps are read elsewhere, since they need a zone); `None` if it
/// is no such value. Numbers may stand as text; nothing is rounded.
pub fn read(text: &str, data_type: DataType) -> Option<Value<'_>> {
    Some(match data_type {
        DataType::String => Value::Text(text),
        DataType::Int64 => Value::Int(text.trim().parse().ok()?),
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
        DataType::Date => Value::Int(i64::from(date32(
            NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()?,
        ))),
        DataType::Timestamp => return None,
    })
}

/// Unscaled digits of a decimal; `None` if it has more digits than fit (zeros at the end are free).
fn read_decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let fraction = fraction.trim_end_matches('0');
    if (whole.is_empty() && fraction.is_empty() && !unsigned.contains('0'))
        || fraction.len() > usize::from(scale)
        || !whole
            .bytes()
            .chain(fraction.bytes())
            .all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let mut digits = 0i128;
    for byte in whole.bytes().chain(fraction.bytes()) {
        digits = digits
            .checked_mul(10)?
            .checked_add(i128::from(byte - b'0'))?;
    }
    let missing = u32::from(scale) - u32::try_from(fraction.len()).ok()?;
    digits = digits.checked_mul(10i128.checked_pow(missing)?)?;
    if digits >= 10i128.checked_pow(u32::from(precision))? {
        return None;
    }
    Some(if negative { -digits } else { digits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        for (text, expected) in [
            ("128.00", Some(12800)),
            ("128", Some(12800)),
            ("0.1", Some(10)),
            ("-0.05", Some(-5)),
            (".5", Some(50)),
            ("5.", Some(500)),
            ("1.230", Some(123)),
            ("1.234", None),
            ("1e3", None),
            ("", None),
            (".", None),
            ("-", None),
            ("12345678901.00", None),
            ("9999999999.99", Some(999_999_999_999)),
            ("１", None),
        ] {
            assert_eq!(read_decimal(text, 12, 2), expected, "{text}");
        }
    }

    #[test]
    fn numbers_are_not_guessed() {
        assert_eq!(read("12", DataType::Int64), Some(Value::Int(12)));
        assert_eq!(read("12.0", DataType::Int64), None);
        assert_eq!(read("9223372036854775808", DataType::Int64), None);
        assert_eq!(read("nan", DataType::Float64), None);
        assert_eq!(read("1e400", DataType::Float64), None);
        assert_eq!(read("yes", DataType::Bool), None);
    }
}
