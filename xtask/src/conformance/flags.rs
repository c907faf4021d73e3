//! Published flag sets as flags of ours. Two notations are read: that of flagd (`state`, `targeting` in JsonLogic) and that of the
//! specification's own set (`disabled`, `contextEvaluator` in CEL), each as far as the sets use it; anything else is an error.

use serde_json::{Value, json};

use crate::Result;

/// The bodies that make the flags.
pub fn read(set: &Value) -> Result<Vec<Value>> {
    let flags = set.get("flags").unwrap_or(set).as_object().ok_or("the set is no object")?;
    // A flag without a default variant serves nothing but rules; no scenario asks for these.
    let served = flags.iter().filter(|(_, flag)| flag.get("defaultVariant").is_some_and(Value::is_string));
    served.map(|(key, flag)| one(key, flag).map_err(|fault| format!("{key}: {fault}").into())).collect()
}

fn one(key: &str, flag: &Value) -> Result<Value> {
    let variants = flag.get("variants").and_then(Value::as_object).ok_or("no variants")?;
    let first = variants.values().next().ok_or("no variant")?;
    let kind = match first {
        Value::Bool(_) => "BOOLEAN",
        Value::String(_) => "STRING",
        Value::Number(_) => "NUMBER",
        _ => "JSON",
    };
    let enabled = flag.get("state").and_then(Value::as_str) != Some("DISABLED") && flag.get("disabled").and_then(Value::as_bool) != Some(true);
    let variants: Vec<Value> = variants.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let mut body = json!({
        "key": key, "kind": kind, "enabled": enabled, "scope": "GLOBAL", "rolloutPercentage": 100, "variants": variants,
        "onVariant": flag.get("defaultVariant"), "offVariant": null, "rules": rules(flag)?, "reason": "a published set of flags",
    });
    if let Some(metadata) = flag.get("flagMetadata").filter(|metadata| metadata.is_object())
        && let Some(body) = body.as_object_mut()
    {
        body.insert("metadata".into(), metadata.clone());
    }
    Ok(body)
}

fn rules(flag: &Value) -> Result<Vec<Value>> {
    if let Some(targeting) = flag.get("targeting").filter(|targeting| targeting.as_object().is_some_and(|rule| !rule.is_empty())) {
        return Ok(vec![logic(targeting)?]);
    }
    match flag.get("contextEvaluator").and_then(Value::as_str) {
        Some(expression) => Ok(vec![cel(expression)?]),
        None => Ok(Vec::new()),
    }
}

/// `{"if": [{"==": [{"var": NAME}, VALUE]}, VARIANT, null]}`
fn logic(targeting: &Value) -> Result<Value> {
    let unknown = || format!("targeting that is not read here: {targeting}");
    let branches = targeting.get("if").and_then(Value::as_array).ok_or_else(unknown)?;
    let [condition, variant, Value::Null] = branches.as_slice() else { return Err(unknown().into()) };
    let [name, value] = condition.get("==").and_then(Value::as_array).map(Vec::as_slice).ok_or_else(unknown)? else { return Err(unknown().into()) };
    let name = name.get("var").ok_or_else(unknown)?;
    Ok(json!({ "conditions": [{ "attribute": name, "operator": "eq", "value": value }], "variant": variant }))
}

/// `TERM && TERM … ? 'VARIANT' : ''`
fn cel(expression: &str) -> Result<Value> {
    let unknown = || format!("an expression that is not read here: {expression}");
    let (condition, outcome) = expression.split_once('?').ok_or_else(unknown)?;
    let (variant, rest) = outcome.split_once(':').ok_or_else(unknown)?;
    let variant = literal(variant).ok_or_else(unknown)?;
    if literal(rest) != Some(json!("")) {
        return Err(unknown().into());
    }
    let terms: Option<Vec<Value>> = condition.split("&&").map(term).collect();
    Ok(json!({ "conditions": terms.ok_or_else(unknown)?, "variant": variant }))
}

/// `!NAME`, `NAME == LITERAL`, `NAME > LITERAL`
fn term(text: &str) -> Option<Value> {
    let condition = |name: &str, operator: &str, value: Value| json!({ "attribute": name.trim(), "operator": operator, "value": value });
    if let Some(name) = text.trim().strip_prefix('!') {
        return Some(condition(name, "eq", json!(false)));
    }
    let (sign, operator) = [("==", "eq"), (">", "gt"), ("<", "lt")].into_iter().find(|(sign, _)| text.contains(sign))?;
    let (name, value) = text.split_once(sign)?;
    Some(condition(name, operator, literal(value)?))
}

fn literal(text: &str) -> Option<Value> {
    let text = text.trim();
    match text.strip_prefix('\'') {
        Some(rest) => rest.strip_suffix('\'').map(|text| json!(text)),
        None => serde_json::from_str(text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_notations_are_read() {
        let set = json!({
            "plain": { "state": "DISABLED", "variants": { "a": 10.0, "b": 1 }, "defaultVariant": "a" },
            "none": { "variants": { "a": 1 }, "defaultVariant": null },
            "logic": { "variants": { "hit": "h", "miss": "m" }, "defaultVariant": "miss",
                "targeting": { "if": [{ "==": [{ "var": "targetingKey" }, "u-1"] }, "hit", null] } },
            "cel": { "variants": { "in": true, "out": false }, "defaultVariant": "out", "flagMetadata": { "n": 0.5 },
                "contextEvaluator": "!customer && email == 'a@b' && age > 10 ? 'in' : ''" },
        });
        let made = read(&set).unwrap();
        let by_key = |key: &str| made.iter().find(|flag| flag["key"] == key).unwrap();
        assert_eq!(made.len(), 3);
        assert_eq!(by_key("plain")["enabled"], false);
        assert_eq!(by_key("plain")["variants"][0]["value"].to_string(), "10.0");
        assert_eq!(by_key("logic")["rules"][0]["conditions"][0], json!({ "attribute": "targetingKey", "operator": "eq", "value": "u-1" }));
        let rule = &by_key("cel")["rules"][0];
        assert_eq!(rule["variant"], "in");
        assert_eq!(rule["conditions"][0], json!({ "attribute": "customer", "operator": "eq", "value": false }));
        assert_eq!(rule["conditions"][2], json!({ "attribute": "age", "operator": "gt", "value": 10 }));
        assert_eq!(by_key("cel")["metadata"], json!({ "n": 0.5 }));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let with = |name: &str, rule: Value| json!({ "f": { "variants": { "a": 1 }, "defaultVariant": "a", name: rule } });
        assert!(read(&with("targeting", json!({ "fractional": [] }))).is_err());
        assert!(read(&with("contextEvaluator", json!("email.endsWith('x') ? 'a' : ''"))).is_err());
    }
}
