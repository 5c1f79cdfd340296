//! Lists: the text of a JSON array, whose elements are read by the rules of single values.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Field;
use arrow::error::ArrowError;

use super::columns::Column;
use super::json::{self, Kind};
use super::row_code::{Coded, Reader, push, push_list};
use super::value::{self, Value};
use crate::project::ElementType;

/// One element of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element<'a> {
    /// `null`
    Null,
    /// Text, a number or a boolean.
    Scalar(&'a str),
    /// An object or array, as written.
    Nested(&'a str),
}

/// Gives each element to `each` until it says no. False if it did, or if the text is no JSON array.
pub fn walk(text: &str, mut each: impl FnMut(Element<'_>) -> bool) -> bool {
    let bytes = text.as_bytes();
    let mut at = json::skip_blanks(bytes, 0);
    if bytes.get(at) != Some(&b'[') {
        return false;
    }
    at = json::skip_blanks(bytes, at + 1);
    let mut unescaped = String::new();
    while bytes.get(at) != Some(&b']') {
        let Ok((found, after)) = json::scan_value(bytes, at, 1) else {
            return false;
        };
        let written = &text[found.start..found.end];
        let element = match found.kind {
            Kind::Null => Element::Null,
            Kind::String { escaped: true } => {
                unescaped.clear();
                json::unescape(written, &mut unescaped);
                Element::Scalar(&unescaped)
            }
            Kind::String { escaped: false } | Kind::Number | Kind::Bool => Element::Scalar(written),
            Kind::Nested => Element::Nested(written),
        };
        if !each(element) {
            return false;
        }
        at = json::skip_blanks(bytes, after);
        match bytes.get(at) {
            Some(b']') => break,
            Some(b',') => {
                at = json::skip_blanks(bytes, at + 1);
                // A comma asks for one more.
                if bytes.get(at) == Some(&b']') {
                    return false;
                }
            }
            _ => return false,
        }
    }
    json::skip_blanks(bytes, at + 1) == bytes.len()
}

/// Reads an element; `None` if it is no value of the type. Objects and arrays are texts only.
pub fn read_element(element: Element<'_>, of: ElementType) -> Option<Value<'_>> {
    match element {
        Element::Null => Some(Value::Null),
        Element::Scalar(text) => value::read(text, of.data_type()),
        Element::Nested(text) => (of == ElementType::String).then_some(Value::Text(text)),
    }
}

/// Collects the lists of one column.
pub struct ListBuilder {
    elements: Column,
    /// Where each list ends among the elements.
    ends: Vec<i32>,
    are_valid: Vec<bool>,
    count: i32,
}

impl ListBuilder {
    /// With room for some rows.
    pub fn new(of: ElementType, rows: usize) -> Self {
        Self {
            elements: Column::new(of.data_type(), rows),
            ends: vec![0],
            are_valid: Vec::with_capacity(rows),
            count: 0,
        }
    }

    /// Appends the list that was just read, whose elements follow; whatever else it was is a null.
    pub fn push(&mut self, list: Coded<'_>, values: &mut Reader<'_>) {
        if let Coded::List(count) = list {
            for _ in 0..count {
                self.elements.push(values);
                self.count += 1;
            }
        }
        self.ends.push(self.count);
        self.are_valid.push(matches!(list, Coded::List(_)));
    }

    /// The lists so far.
    pub fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let ends = std::mem::replace(&mut self.ends, vec![0]);
        let are_valid = std::mem::take(&mut self.are_valid);
        self.count = 0;
        let elements = self.elements.finish()?;
        Ok(Arc::new(ListArray::try_new(
            Arc::new(Field::new_list_field(elements.data_type().clone(), true)),
            OffsetBuffer::new(ScalarBuffer::from(ends)),
            elements,
            Some(NullBuffer::from(are_valid)),
        )?))
    }
}

/// Appends a list whose text was read before, its elements coded; `room` is overwritten.
pub fn push_coded(out: &mut Vec<u8>, room: &mut Vec<u8>, text: &str, of: ElementType) {
    room.clear();
    let mut count = 0;
    walk(text, |element| {
        push(room, read_element(element, of).unwrap_or(Value::Null));
        count += 1;
        true
    });
    push_list(out, count, room);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Option<Vec<String>> {
        let mut found = Vec::new();
        walk(text, |element| {
            found.push(format!("{element:?}"));
            true
        })
        .then_some(found)
    }

    #[test]
    fn elements_are_found_and_unescaped() {
        assert_eq!(elements("[]"), Some(vec![]));
        assert_eq!(elements(" [ ] "), Some(vec![]));
        assert_eq!(
            elements(r#" ["a", 1.50 ,null,true,"\u4e2d\n",{"k":[1]}, [2] ] "#).unwrap(),
            [
                "Scalar(\"a\")",
                "Scalar(\"1.50\")",
                "Null",
                "Scalar(\"true\")",
                "Scalar(\"中\\n\")",
                "Nested(\"{\\\"k\\\":[1]}\")",
                "Nested(\"[2]\")",
            ]
        );
        for text in [
            "", "a", "{}", "[", "[1", "[1,]", "[,1]", "[1]]", "[1] x", "[1 2]", "[a]", "['a']",
        ] {
            assert_eq!(elements(text), None, "{text}");
        }
    }

    fn push_text(builder: &mut ListBuilder, text: Option<&str>) {
        let mut coded = Vec::new();
        match text {
            Some(text) => push_coded(&mut coded, &mut Vec::new(), text, ElementType::Int64),
            None => push(&mut coded, Value::Null),
        }
        let mut values = Reader::new(&coded, 0);
        let list = values.value();
        builder.push(list, &mut values);
    }

    #[test]
    fn lists_are_collected_with_their_nulls() {
        let mut builder = ListBuilder::new(ElementType::Int64, 4);
        for text in [Some("[1,null]"), None, Some("[]"), Some("[\"3\"]")] {
            push_text(&mut builder, text);
        }
        let array = builder.finish().unwrap();
        let mut shown = Vec::new();
        let formatter = arrow::util::display::ArrayFormatter::try_new(
            &array,
            &arrow::util::display::FormatOptions::default().with_null("null"),
        )
        .unwrap();
        for row in 0..array.len() {
            shown.push(formatter.value(row).to_string());
        }
        assert_eq!(shown, ["[1, null]", "null", "[]", "[3]"]);
        push_text(&mut builder, Some("[7]"));
        assert_eq!(builder.finish().unwrap().len(), 1, "it begins anew");
    }
}
