//! A row as bytes: what decoding makes of a line, and what merging, deduplicating and sorting carry
//! about until columns are built from it.
//!
//! A row lies in one piece, so that moving it costs one copy and reading it in sorted order one wait
//! for memory instead of one per column. Every value begins with a byte that says what it is; whole
//! numbers are variable-length. The code never leaves the process but for spill files.

use super::value::Value;

const NULL: u8 = 0;
const TEXT: u8 = 1;
const INT: u8 = 2;
const FLOAT: u8 = 3;
const FALSE: u8 = 4;
const TRUE: u8 = 5;
const DECIMAL: u8 = 6;
const LIST: u8 = 7;

/// A value read back. Text is UTF-8 (it was checked when the line was read).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Coded<'a> {
    /// No value.
    Null,
    /// Text.
    Text(&'a [u8]),
    /// A whole number, a time in microseconds, or a Date32.
    Int(i64),
    /// A float.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A decimal's unscaled digits.
    Decimal(i128),
    /// A list; so many values follow.
    List(usize),
}

/// Appends an unsigned number, 7 bits a byte.
pub fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads what [`push_number`] wrote; gives it and the place after it.
#[inline]
pub fn read_number(bytes: &[u8], mut at: usize) -> (u64, usize) {
    let mut number = 0u64;
    let mut shift = 0u32;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 || shift >= 63 {
            break;
        }
        shift += 7;
    }
    (number, at)
}

/// Appends text, or null.
#[inline]
pub fn push_text(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        None => out.push(NULL),
        Some(text) => {
            out.push(TEXT);
            push_number(out, text.len() as u64);
            out.extend_from_slice(text);
        }
    }
}

/// Appends a value.
#[inline]
pub fn push(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Text(text) => push_text(out, Some(text.as_bytes())),
        Value::Int(number) => {
            out.push(INT);
            // Zigzag: small numbers of either sign are short.
            push_number(out, ((number << 1) ^ (number >> 63)) as u64);
        }
        Value::Float(number) => {
            out.push(FLOAT);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Bool(flag) => out.push(if flag { TRUE } else { FALSE }),
        Value::Decimal(digits) => {
            out.push(DECIMAL);
            out.extend_from_slice(&digits.to_le_bytes());
        }
        // Lists go through `push_list`; as text they would not be told from text.
        Value::List(_) => out.push(NULL),
    }
}

/// Appends a list of so many coded elements.
pub fn push_list(out: &mut Vec<u8>, count: usize, elements: &[u8]) {
    out.push(LIST);
    push_number(out, count as u64);
    out.extend_from_slice(elements);
}

/// Reads values one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// From a place on.
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The next value; null behind the end.
    #[inline]
    pub fn value(&mut self) -> Coded<'a> {
        let Some(&kind) = self.bytes.get(self.at) else {
            return Coded::Null;
        };
        self.at += 1;
        match kind {
            TEXT => {
                let (length, at) = read_number(self.bytes, self.at);
                let end = at.saturating_add(length as usize);
                self.at = end;
                Coded::Text(self.bytes.get(at..end).unwrap_or_default())
            }
            INT => {
                let (number, at) = read_number(self.bytes, self.at);
                self.at = at;
                Coded::Int((number >> 1) as i64 ^ -((number & 1) as i64))
            }
            FLOAT => Coded::Float(f64::from_le_bytes(self.array())),
            FALSE => Coded::Bool(false),
            TRUE => Coded::Bool(true),
            DECIMAL => Coded::Decimal(i128::from_le_bytes(self.array())),
            LIST => {
                let (count, at) = read_number(self.bytes, self.at);
                self.at = at;
                Coded::List(count as usize)
            }
            _ => Coded::Null,
        }
    }

    /// The next value if it is text.
    #[inline]
    pub fn text(&mut self) -> Option<&'a [u8]> {
        match self.value() {
            Coded::Text(text) => Some(text),
            _ => None,
        }
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let found = self.bytes.get(self.at..self.at + N);
        self.at += N;
        found
            .and_then(|bytes| bytes.try_into().ok())
            .unwrap_or([0; N])
    }
}

/// Appends a value so that comparing bytes compares values: nulls first, then numbers by size, text
/// by its bytes.
pub fn push_ordered(out: &mut Vec<u8>, value: Value<'_>) {
    if value == Value::Null {
        out.push(0);
        return;
    }
    out.push(1);
    match value {
        Value::Null => {}
        Value::Text(text) | Value::List(text) => {
            // A zero byte inside is told from the end by what follows it.
            for byte in text.bytes() {
                out.push(byte);
                if byte == 0 {
                    out.push(0xff);
                }
            }
            out.extend_from_slice(&[0, 0]);
        }
        Value::Int(number) => {
            out.extend_from_slice(&((number as u64) ^ (1 << 63)).to_be_bytes());
        }
        Value::Float(number) => {
            let bits = number.to_bits();
            let flipped = if bits >> 63 == 1 {
                !bits
            } else {
                bits | 1 << 63
            };
            out.extend_from_slice(&flipped.to_be_bytes());
        }
        Value::Bool(flag) => out.push(u8::from(flag)),
        Value::Decimal(digits) => {
            out.extend_from_slice(&((digits as u128) ^ (1 << 127)).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Option<(u8, i64, String)>> {
        prop::option::of((0u8..5, any::<i64>(), "[\u{0}a-c中]{0,4}"))
    }

    fn value<'a>(drawn: &'a Option<(u8, i64, String)>) -> Value<'a> {
        match drawn {
            None => Value::Null,
            Some((0, _, text)) => Value::Text(text),
            Some((1, number, _)) => Value::Int(*number),
            Some((2, number, _)) => Value::Float(*number as f64 / 7.0),
            Some((3, number, _)) => Value::Bool(number % 2 == 0),
            Some((_, number, _)) => Value::Decimal(i128::from(*number) << 40),
        }
    }

    proptest! {
        #[test]
        fn reads_what_was_written(drawn in prop::collection::vec(values(), 0..20)) {
            let mut bytes = Vec::new();
            for drawn in &drawn {
                push(&mut bytes, value(drawn));
            }
            let mut reader = Reader::new(&bytes, 0);
            for drawn in &drawn {
                let expected = match value(drawn) {
                    Value::Null => Coded::Null,
                    Value::Text(text) => Coded::Text(text.as_bytes()),
                    Value::Int(number) => Coded::Int(number),
                    Value::Float(number) => Coded::Float(number),
                    Value::Bool(flag) => Coded::Bool(flag),
                    Value::Decimal(digits) => Coded::Decimal(digits),
                    Value::List(_) => unreachable!("none is drawn"),
                };
                prop_assert_eq!(reader.value(), expected);
            }
            prop_assert_eq!(reader.value(), Coded::Null);
        }

        #[test]
        fn ordered_bytes_compare_as_values(left in "[\u{0}a-c]{0,4}", right in "[\u{0}a-c]{0,4}", a in any::<i64>(), b in any::<i64>()) {
            let ordered = |value: Value<'_>| {
                let mut bytes = Vec::new();
                push_ordered(&mut bytes, value);
                // What follows a text must not decide about it.
                bytes.push(0x7f);
                bytes
            };
            prop_assert_eq!(ordered(Value::Text(&left)).cmp(&ordered(Value::Text(&right))), left.cmp(&right));
            prop_assert_eq!(ordered(Value::Int(a)).cmp(&ordered(Value::Int(b))), a.cmp(&b));
            let (x, y) = (a as f64 / 3.0, b as f64 / 3.0);
            prop_assert_eq!(ordered(Value::Float(x)).cmp(&ordered(Value::Float(y))), x.total_cmp(&y));
            let (x, y) = (i128::from(a) * 3, i128::from(b) * 5);
            prop_assert_eq!(ordered(Value::Decimal(x)).cmp(&ordered(Value::Decimal(y))), x.cmp(&y));
            prop_assert!(ordered(Value::Null) < ordered(Value::Int(i64::MIN)));
        }
    }
}
