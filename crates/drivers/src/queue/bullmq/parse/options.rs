//! A job's options.

use serde_json::Value;

/// What we need of a job's options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Attempts that it may have.
    pub attempts: Option<u64>,
    /// Milliseconds that it was delayed when it was made.
    pub delay: u64,
}

/// Reads options. What is no JSON has none.
pub fn options(json: &str) -> Options {
    let Ok(Value::Object(options)) = serde_json::from_str::<Value>(json) else { return Options::default() };
    let number = |key: &str| options.get(key).and_then(|value| value.as_u64().or_else(|| rounded(value.as_f64()?)));
    Options { attempts: number("attempts").filter(|attempts| *attempts > 0), delay: number("delay").unwrap_or(0) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie within")]
fn rounded(number: f64) -> Option<u64> {
    (0.0..9.0e15).contains(&number).then_some(number as u64)
}
