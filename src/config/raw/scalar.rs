//! Values that may be written in more than one way.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

/// A share: a number from 0 to 1, or a percent as text (`35%`). Which it is, is checked later.
#[derive(Debug, Clone, PartialEq)]
pub enum Ratio {
    /// `0.35`
    Number(f64),
    /// `35%`
    Text(String),
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Ratio;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a percent or a number from 0 to 1")
            }

            fn visit_str<E>(self, text: &str) -> Result<Ratio, E> {
                Ok(Ratio::Text(text.to_owned()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Ratio, E> {
                Ok(Ratio::Number(number))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "only 0 and 1 are shares; others are refused later"
            )]
            fn visit_i64<E>(self, number: i64) -> Result<Ratio, E> {
                Ok(Ratio::Number(number as f64))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "only 0 and 1 are shares; others are refused later"
            )]
            fn visit_u64<E>(self, number: u64) -> Result<Ratio, E> {
                Ok(Ratio::Number(number as f64))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Ratio {
    fn schema_name() -> Cow<'static, str> {
        "Ratio".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"] })
    }
}

/// A value in a list of allowed ones: a text, or a whole number kept as its digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed(pub String);

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Listed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }

            fn visit_str<E>(self, text: &str) -> Result<Listed, E> {
                Ok(Listed(text.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Listed, E> {
                Ok(Listed(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Listed, E> {
                Ok(Listed(number.to_string()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Listed {
    fn schema_name() -> Cow<'static, str> {
        "Listed".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"] })
    }
}
