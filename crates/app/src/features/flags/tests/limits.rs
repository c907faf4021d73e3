use qd_core::Error;
use serde_json::{Value, json};

use crate::features::flags::definition::{Definition, Patch, Percent, key_fault};

fn faults(fields: Value) -> Vec<String> {
    match serde_json::from_value::<Definition>(fields).unwrap().tidy().checked() {
        Ok(_) => Vec::new(),
        Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn keys_are_plain_and_not_reserved() {
    let long = "a".repeat(100);
    for good in ["a", "0", "marketplace_v2", "a.b-c_d", "opsy", "o", long.as_str()] {
        assert_eq!(key_fault(good), None, "{good}");
    }
    let longer = "a".repeat(101);
    for bad in ["", "A", "-a", ".a", "_a", "a b", "a/b", "a?b", "a#b", "a%b", "ä", "ops.read_only", "ops.", "a\n", longer.as_str()] {
        assert!(key_fault(bad).is_some(), "{bad}");
    }
}

#[test]
fn percentages_have_two_decimals() {
    let read = |value: Value| serde_json::from_value::<Percent>(value).ok().map(Percent::basis_points);
    for (given, points) in
        [(json!(0), 0), (json!(100), 10_000), (json!(0.5), 50), (json!(0.29), 29), (json!(99.99), 9_999), (json!("12.25 %"), 1_225)]
    {
        assert_eq!(read(given.clone()), Some(points), "{given}");
    }
    for bad in [json!(-0.01), json!(100.01), json!(0.001), json!("many"), json!(null), json!(true), json!(1e300), json!(-1)] {
        assert_eq!(read(bad.clone()), None, "{bad}");
    }
    let written = |points| serde_json::to_string(&Percent::of_basis_points(points).unwrap()).unwrap();
    assert_eq!((written(50), written(2_500), written(1_225), written(0)), ("0.5".into(), "25".into(), "12.25".into(), "0".into()));
    assert!((0..=10_000).all(|points| read(serde_json::from_str(&written(points)).unwrap()) == Some(points)), "every one survives the wire");
    let words = |points| Percent::of_basis_points(points).unwrap().to_string();
    assert_eq!((words(50), words(1_225), words(10_000)), ("0.5 %".into(), "12.25 %".into(), "100 %".into()));
}

#[test]
fn unknown_fields_are_refused_by_name() {
    let fault = serde_json::from_value::<Patch>(json!({ "enabld": true })).unwrap_err().to_string();
    assert!(fault.contains("enabld"), "{fault}");
    let patch: Patch =
        serde_json::from_value(json!({ "percentage": 5, "reason": "x", "phrase": "y", "idempotency_key": "k", "offVariant": null })).unwrap();
    assert_eq!((patch.rollout_percentage, patch.off_variant), (Percent::of_basis_points(500), Some(None)));
    for nested in [json!({ "rules": [{ "variant": "on", "weight": 5 }] }), json!({ "variants": [{ "name": "a", "value": 1, "x": 1 }] })] {
        assert!(serde_json::from_value::<Patch>(nested).is_err());
    }
    let switch: Patch = serde_json::from_value(json!({ "enabled": false, "version": 3, "reason": "x" })).unwrap();
    assert!(switch.only_switches() && !Patch::default().only_switches());
}

#[test]
fn every_limit_names_its_field() {
    assert_eq!(faults(json!({})), Vec::<String>::new());
    let variants = |value: Value| json!([{ "name": "a", "value": value }]);
    for (kind, value) in [
        ("BOOLEAN", json!("true")),
        ("STRING", json!(1)),
        ("NUMBER", json!("1")),
        ("NUMBER", json!(9_007_199_254_740_992_i64)),
        ("NUMBER", json!(u64::MAX)),
    ] {
        assert_eq!(faults(json!({ "kind": kind, "variants": variants(value) })), ["variants[0].value"], "{kind}");
    }
    assert!(faults(json!({ "kind": "NUMBER", "variants": variants(json!(9_007_199_254_740_991_i64)) })).is_empty());
    assert!(faults(json!({ "kind": "JSON", "variants": variants(json!(null)) })).is_empty());
    assert_eq!(faults(json!({ "kind": "STRING" })), ["variants", "onVariant"]);
    assert_eq!(faults(json!({ "kind": "STRING", "variants": variants(json!("x".repeat(17_000))) })), ["variants[0].value"]);
    assert_eq!(faults(json!({ "variants": [{ "name": "a", "value": true }, { "name": "a", "value": false }] })), ["variants"]);
    assert_eq!(faults(json!({ "variants": variants(json!(true)), "onVariant": "b", "offVariant": "c" })), ["onVariant", "offVariant"]);
}

#[test]
fn every_rule_names_what_is_wrong_in_it() {
    let rule = |rule: Value| faults(json!({ "rules": [rule] }));
    assert_eq!(rule(json!({})), ["rules[0].variant"]);
    assert_eq!(rule(json!({ "variant": "on", "split": [{ "variant": "on", "percentage": 100 }] })), ["rules[0].variant"]);
    assert_eq!(rule(json!({ "variant": "blue" })), ["rules[0].variant"]);
    assert_eq!(rule(json!({ "split": [{ "variant": "on", "percentage": 99.99 }] })), ["rules[0].split"]);
    let condition =
        |operator: &str, value: Value| rule(json!({ "conditions": [{ "attribute": "a", "operator": operator, "value": value }], "variant": "on" }));
    for (operator, value) in [
        ("gt", json!("5")),
        ("semver_eq", json!("x")),
        ("before", json!("soon")),
        ("in", json!([])),
        ("eq", json!([1])),
        ("starts_with", json!("")),
        ("is_set", json!("yes")),
        ("eq", json!(null)),
    ] {
        assert_eq!(condition(operator, value), ["rules[0].conditions[0].value"], "{operator}");
    }
}

#[test]
fn lists_and_texts_have_an_end() {
    assert_eq!(faults(json!({ "rules": vec![json!({ "variant": "on" }); 51] })), ["rules"]);
    let keys: Vec<String> = (0..1_001).map(|number| number.to_string()).collect();
    assert_eq!(faults(json!({ "allow": keys })), ["allow"]);
    assert_eq!(faults(json!({ "allow": ["u"], "deny": ["u"] })), ["allow"]);
    assert_eq!(
        faults(json!({ "notes": "x".repeat(4_001), "expectedLifetimeDays": 0, "salt": "x".repeat(61) })),
        ["salt", "notes", "expectedLifetimeDays"]
    );
    let large =
        json!({ "kind": "STRING", "variants": (0..20).map(|n| json!({ "name": n.to_string(), "value": "x".repeat(16_000) })).collect::<Vec<_>>() });
    assert_eq!(faults(large), ["rules"], "the whole is too large");
}

#[test]
fn lists_and_words_are_tidied() {
    let fields = json!({ "allow": [" u1 ", "u1", "", "u2"], "tags": ["a", "a "], "notes": " n ", "environment": "  " });
    let tidy = serde_json::from_value::<Definition>(fields).unwrap().tidy();
    assert_eq!((tidy.allow, tidy.tags, tidy.notes.as_str(), tidy.environment), (vec!["u1".into(), "u2".to_owned()], vec!["a".to_owned()], "n", None));
    let names: Vec<_> = tidy.variants.iter().map(|variant| variant.name.as_str()).collect();
    assert_eq!((names, tidy.on_variant.as_str(), tidy.off_variant.as_deref()), (vec!["on", "off"], "on", Some("off")));
}
