//! `AnyValue`: what attributes and log bodies hold.

use std::borrow::Cow;

use base64::Engine as _;

/// A value of an attribute or a body.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value<'a> {
    /// Nothing, or something that this version does not know.
    #[default]
    Null,
    /// Text.
    Text(Cow<'a, str>),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// A list.
    List(Vec<Value<'a>>),
    /// Names and values in order.
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// The text, if it is one and not empty.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The whole number; some clients send status codes as text.
    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// As JSON; bytes in base64, numbers that JSON lacks as words.
    pub fn json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Null => Json::Null,
            Self::Text(text) => Json::from(text.as_ref()),
            Self::Bool(value) => Json::from(*value),
            Self::Int(value) => Json::from(*value),
            Self::Double(value) => serde_json::Number::from_f64(*value).map_or_else(|| Json::from(value.to_string()), Json::from),
            Self::Bytes(bytes) => Json::from(base64::engine::general_purpose::STANDARD.encode(bytes)),
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Map(pairs) => Json::Object(pairs.iter().map(|(key, value)| (key.as_ref().to_owned(), value.json())).collect()),
        }
    }
}
