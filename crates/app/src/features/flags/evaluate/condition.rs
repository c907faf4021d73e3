//! Conditions: read once at loading, then only compared.

use std::cmp::Ordering;

use qd_core::Timestamp;
use semver::Version;
use serde_json::Value;

use super::Context;
use crate::features::flags::definition::{Condition, Operator};

/// Most entries of a condition's list.
const LIST: usize = 200;
/// Longest text of a condition, in characters.
const TEXT: usize = 200;

/// A condition, ready to compare.
#[derive(Debug)]
pub struct Ready {
    attribute: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    AnyOf(Vec<Value>),
    NoneOf(Vec<Value>),
    Contains(Vec<Value>),
    StartsWith(Vec<String>),
    EndsWith(Vec<String>),
    Number(Operator, f64),
    Version(Operator, Version),
    Moment(Operator, Timestamp),
    Set(bool),
}

impl Ready {
    /// Reads a condition.
    ///
    /// # Errors
    /// A sentence that says what its value must be.
    pub fn of(condition: &Condition) -> Result<Self, &'static str> {
        let length = condition.attribute.chars().count();
        if !(1..=100).contains(&length) || condition.attribute.chars().any(char::is_control) {
            return Err("Name an attribute, in 1 to 100 characters.");
        }
        Ok(Self { attribute: condition.attribute.clone(), test: Test::of(condition.operator, &condition.value)? })
    }

    /// Whether it holds. What the context does not say matches nothing, not even `ne` and `not_in`: only `is_set` false.
    pub fn holds(&self, context: &Context) -> bool {
        let found = attribute(context, &self.attribute).filter(|value| !value.is_null());
        match (&self.test, found) {
            (Test::Set(wanted), found) => found.is_some() == *wanted,
            (_, None) => false,
            // Of a list, one element is enough; for "none of", none may be.
            (Test::NoneOf(values), Some(Value::Array(list))) => !list.iter().any(|one| values.iter().any(|value| same(one, value))),
            (Test::Contains(values), Some(Value::Array(list))) => list.iter().any(|one| values.iter().any(|value| same(one, value))),
            (test, Some(Value::Array(list))) => list.iter().any(|one| test.holds(one)),
            (test, Some(one)) => test.holds(one),
        }
    }
}

impl Test {
    fn of(operator: Operator, value: &Value) -> Result<Self, &'static str> {
        use Operator::*;
        Ok(match operator {
            Eq => Self::AnyOf(vec![scalar(value)?]),
            Ne => Self::NoneOf(vec![scalar(value)?]),
            In => Self::AnyOf(scalars(value)?),
            NotIn => Self::NoneOf(scalars(value)?),
            Contains => Self::Contains(scalars(value)?),
            StartsWith => Self::StartsWith(texts(value)?),
            EndsWith => Self::EndsWith(texts(value)?),
            Lt | Le | Gt | Ge => Self::Number(operator, value.as_f64().ok_or("Give a number.")?),
            SemverEq | SemverLt | SemverLe | SemverGt | SemverGe => Self::Version(operator, version(value).ok_or("Give a version such as 2.10.0.")?),
            Before | After => Self::Moment(operator, moment(value).ok_or("Give a date such as 2026-11-22, or an RFC 3339 time.")?),
            IsSet => match value {
                Value::Null => Self::Set(true),
                Value::Bool(wanted) => Self::Set(*wanted),
                _ => return Err("Give true or false."),
            },
        })
    }

    fn holds(&self, given: &Value) -> bool {
        let text =
            |test: fn(&str, &str) -> bool, values: &[String]| given.as_str().is_some_and(|given| values.iter().any(|value| test(given, value)));
        match self {
            Self::AnyOf(values) => values.iter().any(|value| same(given, value)),
            Self::NoneOf(values) => !values.iter().any(|value| same(given, value)),
            Self::Contains(values) => {
                let within = |given: &str| values.iter().filter_map(Value::as_str).any(|value| given.contains(value));
                given.as_str().is_some_and(within)
            }
            Self::StartsWith(values) => text(|given, value| given.starts_with(value), values),
            Self::EndsWith(values) => text(|given, value| given.ends_with(value), values),
            Self::Number(operator, number) => given.as_f64().and_then(|given| given.partial_cmp(number)).is_some_and(|order| fits(*operator, order)),
            Self::Version(operator, wanted) => version(given).is_some_and(|given| fits(*operator, given.cmp_precedence(wanted))),
            Self::Moment(operator, wanted) => moment(given).is_some_and(|given| fits(*operator, given.cmp(wanted))),
            Self::Set(wanted) => *wanted,
        }
    }
}

fn fits(operator: Operator, order: Ordering) -> bool {
    use Operator::*;
    match operator {
        Lt | SemverLt | Before => order == Ordering::Less,
        Le | SemverLe => order != Ordering::Greater,
        Gt | SemverGt | After => order == Ordering::Greater,
        Ge | SemverGe => order != Ordering::Less,
        SemverEq => order == Ordering::Equal,
        _ => false,
    }
}

/// What is wrong with a condition, in a sentence.
pub fn fault(condition: &Condition) -> Option<&'static str> {
    Ready::of(condition).err()
}

/// The attribute of that name; a dot steps into objects when no attribute has the whole name.
pub fn attribute<'c>(context: &'c Context, name: &str) -> Option<&'c Value> {
    if let Some(value) = context.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    attribute(context.get(first)?.as_object()?, rest)
}

/// Equal, numbers by value: 1 is 1.0.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (one, other) => one == other,
    }
}

fn scalar(value: &Value) -> Result<Value, &'static str> {
    match value {
        Value::String(text) if text.chars().count() <= TEXT => Ok(value.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.clone()),
        _ => Err("Give a text of at most 200 characters, a number, true or false."),
    }
}

fn scalars(value: &Value) -> Result<Vec<Value>, &'static str> {
    match value {
        Value::Array(list) if (1..=LIST).contains(&list.len()) => list.iter().map(scalar).collect(),
        Value::Array(_) => Err("Give 1 to 200 values."),
        one => Ok(vec![scalar(one)?]),
    }
}

fn texts(value: &Value) -> Result<Vec<String>, &'static str> {
    let text = |value: Value| match value {
        Value::String(text) if !text.is_empty() => Ok(text),
        _ => Err("Give a text."),
    };
    scalars(value)?.into_iter().map(text).collect()
}

/// A version; `v1.2` is 1.2.0.
fn version(value: &Value) -> Option<Version> {
    let text = value.as_str()?.trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    if let Ok(version) = Version::parse(text) {
        return Some(version);
    }
    let (core, rest) = text.split_at(text.find(['-', '+']).unwrap_or(text.len()));
    let padding = match core.split('.').count() {
        1 => ".0.0",
        2 => ".0",
        _ => return None,
    };
    Version::parse(&format!("{core}{padding}{rest}")).ok()
}

fn moment(value: &Value) -> Option<Timestamp> {
    Timestamp::parse(value.as_str()?.trim())
}
