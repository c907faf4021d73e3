use serde_json::json;

use super::{context, snapshot_of};
use crate::features::flags::evaluate::{Step, threshold};

#[test]
fn an_explanation_shows_what_was_looked_at() {
    let flags = json!({
        "base": { "enabled": true, "rolloutPercentage": 100 },
        "f": {
            "enabled": true, "rolloutPercentage": 0.5, "prerequisites": [{ "flag": "base", "variant": "on" }],
            "rules": [
                { "name": "Germans", "conditions": [
                    { "attribute": "country", "operator": "eq", "value": "DE" },
                    { "attribute": "age", "operator": "ge", "value": 18 },
                ], "variant": "on" },
                { "name": "Staff", "conditions": [{ "attribute": "staff", "operator": "is_set" }], "variant": "off" },
                { "name": "Never reached", "variant": "on" },
            ],
        },
    });
    let snapshot = snapshot_of(&flags);
    let told = snapshot.explain("f", &context(json!({ "targetingKey": "u1", "country": "DE", "age": 17, "staff": 0 }))).unwrap();
    assert_eq!((told.decided_by, told.matched_rule, told.variant.as_str(), told.missing.clone()), (Step::Rules, Some(1), "off", None));
    let verdicts: Vec<_> = told.rules.iter().map(|rule| (rule.index, rule.name.as_str(), rule.matched)).collect();
    assert_eq!(verdicts, [(0, "Germans", false), (1, "Staff", true)], "up to the one that matched");
    let conditions: Vec<_> = told.rules[0].conditions.iter().map(|one| (one.attribute.as_str(), one.given.clone(), one.holds)).collect();
    assert_eq!(conditions, [("country", Some(json!("DE")), true), ("age", Some(json!(17)), false)]);
    assert_eq!((told.prerequisites[0].given.as_deref(), told.prerequisites[0].met), (Some("on"), true));
    assert_eq!((told.hashed.as_deref(), told.threshold), (Some("f::u1"), threshold(50)));
    let percent = told.bucket_percent.unwrap();
    assert!((percent - f64::from(told.bucket.unwrap()) / 4_294_967_296.0 * 100.0).abs() < 1e-9);
    let text = serde_json::to_value(&told).unwrap();
    assert_eq!(
        (text["decidedBy"].clone(), text["rolloutPercentage"].clone(), text["bucketBy"].clone()),
        (json!("rules"), json!(0.5), json!("targetingKey"))
    );
}

#[test]
fn an_explanation_names_the_step_and_what_is_missing() {
    let flags = json!({
        "off": { "enabled": false },
        "vendor": { "enabled": true, "scope": "VENDOR", "rolloutPercentage": 100 },
        "half": { "enabled": true, "rolloutPercentage": 50 },
        "listed": { "enabled": true, "allow": ["u1"], "deny": ["u2"] },
        "after": { "enabled": true, "rolloutPercentage": 100, "prerequisites": [{ "flag": "off", "variant": "on" }] },
    });
    let snapshot = snapshot_of(&flags);
    let step = |key: &str, fields| {
        let told = snapshot.explain(key, &context(fields)).unwrap();
        (told.decided_by, told.missing)
    };
    assert_eq!(step("off", json!({})), (Step::Enabled, None));
    assert_eq!(step("vendor", json!({ "targetingKey": "u" })), (Step::Scope, Some("vendorId".into())));
    assert_eq!(step("half", json!({})), (Step::Rollout, Some("targetingKey".into())));
    assert_eq!(step("listed", json!({ "targetingKey": "u1" })), (Step::Allow, None));
    assert_eq!(step("listed", json!({ "targetingKey": "u2" })), (Step::Deny, None));
    assert_eq!(step("after", json!({})), (Step::Prerequisites, None));
    assert_eq!(step("ops.read_only", json!({})), (Step::Reserved, None));
    assert!(snapshot.explain("nothing", &context(json!({}))).is_none());
}
