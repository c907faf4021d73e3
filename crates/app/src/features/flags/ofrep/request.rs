//! The body of an evaluation request. Clients leave out what they don't have: no body, no context and no targeting key are all fine.

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::answer::{Code, Failure};
use crate::features::flags::evaluate::Context;

/// Largest body in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// Objects and lists within each other.
pub const MAX_DEPTH: usize = 32;

/// The context of a request.
///
/// # Errors
/// `PARSE_ERROR` for what is no JSON object; `INVALID_CONTEXT` for a context that is no object, a targeting key that is neither text nor a
/// whole number, or values that
/// are nested more than [`MAX_DEPTH`] deep.
pub fn context(body: &[u8]) -> Result<Context, Failure> {
    if body.trim_ascii().is_empty() {
        return Ok(Context::new());
    }
    let unread = |fault: &dyn std::fmt::Display| Failure::new(Code::ParseError, format!("The body can't be read: {fault}."));
    // Checked once as a whole, not string by string.
    let text = std::str::from_utf8(body).map_err(|fault| unread(&fault))?;
    let given: Given = serde_json::from_str(text).map_err(|fault| unread(&fault))?;
    let context = match given.0 {
        None | Some(Value::Null) => Context::new(),
        Some(Value::Object(context)) => context,
        Some(_) => return Err(Failure::new(Code::InvalidContext, "The context must be an object.")),
    };
    checked(context)
}

fn checked(mut context: Context) -> Result<Context, Failure> {
    match context.get("targetingKey") {
        None | Some(Value::String(_)) => {}
        Some(Value::Null) => drop(context.remove("targetingKey")),
        // Ids are numbers in many a database.
        Some(Value::Number(number)) if !number.is_f64() => {}
        Some(_) => return Err(Failure::new(Code::InvalidContext, "The targetingKey must be text, or a whole number.")),
    }
    if context.values().any(|value| is_deeper(value, MAX_DEPTH)) {
        return Err(Failure::new(Code::InvalidContext, format!("The context is nested more than {MAX_DEPTH} deep.")));
    }
    Ok(context)
}

fn is_deeper(value: &Value, left: usize) -> bool {
    match (value, left) {
        (Value::Array(_) | Value::Object(_), 0) => true,
        (Value::Array(list), _) => list.iter().any(|one| is_deeper(one, left - 1)),
        (Value::Object(fields), _) => fields.values().any(|one| is_deeper(one, left - 1)),
        _ => false,
    }
}

/// What stands under `context`. Other members are read over: they belong to later versions of the protocol.
struct Given(Option<Value>);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Given;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with the member \"context\"")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Given, M::Error> {
                let mut context = None;
                while let Some(name) = members.next_key::<std::borrow::Cow<'de, str>>()? {
                    if name != "context" {
                        members.next_value::<IgnoredAny>()?;
                    } else if context.replace(members.next_value()?).is_some() {
                        return Err(M::Error::custom("two members are called \"context\""));
                    }
                }
                Ok(Given(context))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> Code {
        context(body.as_bytes()).unwrap_err().code
    }

    #[test]
    fn what_clients_leave_out_is_fine() {
        for empty in ["", " \n", "{}", r#"{"context":null}"#, r#"{"context":{}}"#, r#"{"context":{"targetingKey":null}}"#, r#"{"other":[1]}"#] {
            assert_eq!(context(empty.as_bytes()).unwrap(), Context::new(), "{empty}");
        }
        let full = context(br#"{"version":3,"context":{"plan":"gold","targetingKey":"u-1","age":10.0,"ids":[1]}}"#).unwrap();
        assert_eq!(serde_json::to_string(&full).unwrap(), r#"{"age":10.0,"ids":[1],"plan":"gold","targetingKey":"u-1"}"#);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for broken in ["{", "nothing", "[]", "null", "7", r#"{"context":{}}x"#, r#"{"context":{},"context":{}}"#, "\u{feff}{}"] {
            assert_eq!(code(broken), Code::ParseError, "{broken}");
        }
        for wrong in [r#"{"context":[]}"#, r#"{"context":"u-1"}"#, r#"{"context":{"targetingKey":7.5}}"#, r#"{"context":{"targetingKey":["a"]}}"#] {
            assert_eq!(code(wrong), Code::InvalidContext, "{wrong}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{{\"context\":{{\"a\":{}1{}}}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(context(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(code(&nested(MAX_DEPTH + 1)), Code::InvalidContext);
        assert_eq!(code(&nested(20_000)), Code::ParseError);
    }

    /// What the fuzzer found worth keeping.
    #[test]
    fn the_corpus_never_panics() {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/ofrep");
        let files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() >= 10, "the corpus is there");
        for file in files {
            if let Ok(read) = context(&std::fs::read(&file).unwrap()) {
                assert!(!read.values().any(|value| is_deeper(value, MAX_DEPTH)), "{}", file.display());
            }
        }
    }
}
