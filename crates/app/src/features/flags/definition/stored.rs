//! How a definition is read back. What a later version added is read over; what can't be read at all is told apart, and can still be turned off.

use qd_core::{Error, Result};
use serde_json::{Map, Value};

use super::Definition;

const VARIANT: &[&str] = &["name", "value"];
const RULE: &[&str] = &["name", "conditions", "variant", "split", "seed"];
const CONDITION: &[&str] = &["attribute", "operator", "value"];
const SHARE: &[&str] = &["variant", "percentage"];
const PREREQUISITE: &[&str] = &["flag", "variant"];
const ENABLED: &str = "enabled";

/// Reads a stored definition; members that this version does not know are left out.
///
/// # Errors
/// [`Error::Broken`] when it can't be read.
pub fn read(text: &str, key: &str) -> Result<Definition> {
    let broken = |fault: serde_json::Error| Error::Broken(format!("definition of flag {key}: {fault}"));
    serde_json::from_str(text).or_else(|_| serde_json::from_value(known(serde_json::from_str(text).map_err(broken)?)).map_err(broken))
}

/// What can be read of it, field by field: for telling people, never for deciding.
pub fn rest(text: &str) -> Definition {
    let Value::Object(fields) = known(serde_json::from_str(text).unwrap_or_default()) else { return Definition::default() };
    let reads =
        |name: &str, value: &Value| serde_json::from_value::<Definition>(Value::Object(Map::from_iter([(name.into(), value.clone())]))).is_ok();
    let good: Map<String, Value> = fields.into_iter().filter(|(name, value)| reads(name, value)).collect();
    let definition: Definition = serde_json::from_value(Value::Object(good)).unwrap_or_default();
    Definition { enabled: !says_off(text), ..definition }
}

/// Whether it says that the flag is off, as far as that can be read.
pub fn says_off(text: &str) -> bool {
    matches!(serde_json::from_str(text), Ok(Value::Object(fields)) if matches!(fields.get(ENABLED), None | Some(Value::Bool(false))))
}

/// The same, turned off; everything else stays as it is, readable or not.
pub fn turned_off(text: &str) -> String {
    let mut fields = match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.insert(ENABLED.into(), Value::Bool(false));
    Value::Object(fields).to_string()
}

/// Without the members that this version does not know.
fn known(mut definition: Value) -> Value {
    keep(definition.get_mut("variants"), VARIANT);
    keep(definition.get_mut("prerequisites"), PREREQUISITE);
    keep(definition.get_mut("rules"), RULE);
    for rule in definition.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten() {
        keep(rule.get_mut("conditions"), CONDITION);
        keep(rule.get_mut("split"), SHARE);
    }
    definition
}

fn keep(list: Option<&mut Value>, members: &[&str]) {
    for one in list.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
        one.retain(|name, _| members.contains(&name.as_str()));
    }
}
