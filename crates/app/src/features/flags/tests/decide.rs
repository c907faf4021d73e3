use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{context, snapshot_of};
use crate::features::flags::definition::{Percent, Prerequisite};
use crate::features::flags::evaluate::{Reason, Reserved, SPLIT_SEED, Snapshot, murmur3, threshold};

const VECTORS: &str = include_str!("../../../../../../docs/flags/test-vectors.json");

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

fn list<'v>(vectors: &'v Value, name: &str) -> &'v Vec<Value> {
    vectors[name].as_array().unwrap()
}

#[test]
fn published_hashes_and_thresholds_are_ours() {
    let vectors = vectors();
    assert_eq!(vectors["splitSeed"], json!(SPLIT_SEED));
    for one in list(&vectors, "hashes") {
        let seed = u32::try_from(one["seed"].as_u64().unwrap()).unwrap();
        assert_eq!(json!(murmur3(one["text"].as_str().unwrap().as_bytes(), seed)), one["hash"], "{one}");
    }
    for one in list(&vectors, "thresholds") {
        assert_eq!(json!(threshold(one["basisPoints"].as_i64().unwrap())), one["threshold"], "{one}");
    }
}

#[test]
fn published_buckets_are_what_flags_hash() {
    let vectors = vectors();
    let buckets = list(&vectors, "buckets");
    assert!(buckets.len() >= 10);
    for one in buckets {
        let key = one["key"].as_str().unwrap();
        let splits = one["seed"] != json!(0);
        let rule = json!([{ "split": [{ "variant": "on", "percentage": 50 }, { "variant": "off", "percentage": 50 }], "seed": one["seed"] }]);
        let scope = if key == "ai_assist_parts" { "VENDOR" } else { "GLOBAL" };
        let rules = if splits { rule } else { json!([]) };
        let flags = json!({ key: { "enabled": true, "rolloutPercentage": 50, "scope": scope, "salt": one["salt"], "rules": rules } });
        let told = snapshot_of(&flags).explain(key, &context(json!({ "targetingKey": one["bucketKey"], "vendorId": one["bucketKey"] }))).unwrap();
        assert_eq!(told.hashed.as_deref(), one["hashed"].as_str());
        assert_eq!(json!(if splits { told.split_hash } else { told.bucket }), one["hash"], "{one}");
    }
}

#[test]
fn published_cases_give_what_they_say() {
    let (vectors, mut asked) = (vectors(), 0);
    for case in list(&vectors, "cases") {
        let snapshot = snapshot_of(&case["flags"]);
        for ask in case["asks"].as_array().unwrap() {
            let (key, expected) = (ask["flag"].as_str().unwrap(), &ask["expect"]);
            let context = context(ask["context"].clone());
            let given = snapshot.evaluate(key, &context).unwrap();
            let what = format!("{}: {ask}", case["name"]);
            // As text: 1 and 1.0 are equal numbers and different values.
            assert_eq!(json!(given.value).to_string(), expected["value"].to_string(), "{what}");
            assert_eq!((given.variant, given.reason.word()), (expected["variant"].as_str().unwrap(), expected["reason"].as_str().unwrap()), "{what}");
            assert_eq!(given.missing.map(|missing| missing.name()), expected["missing"].as_str(), "{what}");
            let told = snapshot.explain(key, &context).unwrap();
            assert_eq!((told.value.as_ref(), told.variant.as_str(), told.reason), (given.value, given.variant, given.reason), "{what}");
            asked += 1;
        }
    }
    assert!(asked > 80, "{asked}");
}

#[test]
fn published_members_are_only_added() {
    let vectors = vectors();
    let published = &vectors["monotone"];
    let members = |percentage: Percent| -> BTreeSet<String> {
        let flags = json!({ "marketplace_v2": { "enabled": true, "rolloutPercentage": percentage } });
        let snapshot = snapshot_of(&flags);
        let within =
            |user: &String| snapshot.evaluate("marketplace_v2", &context(json!({ "targetingKey": user }))).unwrap().value == Some(&json!(true));
        (1..=200).map(|number| format!("user-{number}")).filter(within).collect()
    };
    let mut before = BTreeSet::new();
    for (points, name) in [(0, "0"), (500, "5"), (2_500, "25"), (5_000, "50"), (10_000, "100")] {
        let now = members(Percent::of_basis_points(points).unwrap());
        assert!(before.is_subset(&now), "somebody fell out at {name} %");
        assert_eq!(json!(now.len()), published["counts"][name], "{name} %");
        if let Some(named) = published["members"].get(name) {
            assert_eq!(now, serde_json::from_value(named.clone()).unwrap(), "{name} %");
        }
        before = now;
    }
}

/// The documents must not promise what the file does not show.
#[test]
fn the_document_and_the_file_name_the_same_words() {
    let text = include_str!("../../../../../../docs/flags/evaluation.md");
    for operator in crate::features::flags::definition::Operator::ALL {
        assert!(text.contains(&format!("`{}`", operator.word())), "{} is not documented", operator.word());
        assert!(VECTORS.contains(&format!("\"operator\": \"{}\"", operator.word())), "{} has no example", operator.word());
    }
    for reason in [Reason::Static, Reason::Default, Reason::TargetingMatch, Reason::Split, Reason::Disabled] {
        assert!(text.contains(&format!("| {} |", reason.word())) && VECTORS.contains(&format!("\"{}\"", reason.word())), "{reason:?}");
    }
}

#[test]
fn reserved_flags_tell_the_maintenance_state() {
    let ask = |reserved: Reserved, key: &str, fields: Value| {
        let snapshot = Snapshot::new(3, [], reserved);
        let fields = context(fields);
        let given = snapshot.evaluate(key, &fields).unwrap();
        (given.value == Some(&json!(true)), given.variant.to_owned(), given.reason)
    };
    let off = ("off".to_owned(), Reason::Static);
    for key in ["ops.read_only", "ops.read_only.vendor", "ops.queue_drain"] {
        assert_eq!(ask(Reserved::default(), key, json!({})), (false, off.0.clone(), off.1));
    }
    let held = Reserved { vendors: ["v1".to_owned(), "7".to_owned()].into(), ..Reserved::default() };
    assert_eq!(ask(held.clone(), "ops.read_only.vendor", json!({ "vendorId": "v1" })), (true, "on".into(), Reason::TargetingMatch));
    assert_eq!(ask(held.clone(), "ops.read_only.vendor", json!({ "vendorId": 7 })), (true, "on".into(), Reason::TargetingMatch));
    assert_eq!(ask(held.clone(), "ops.read_only.vendor", json!({ "vendorId": "v2" })), (false, "off".into(), Reason::Default));
    assert_eq!(ask(held, "ops.read_only.vendor", json!({})), (false, "off".into(), Reason::Default));
    let all = Reserved { read_only: true, all_vendors: true, queue_drain: true, ..Reserved::default() };
    for key in ["ops.read_only", "ops.read_only.vendor", "ops.queue_drain"] {
        assert_eq!(ask(all.clone(), key, json!({})), (true, "on".into(), Reason::Static));
    }
    let none = Snapshot::new(3, [], Reserved::default());
    assert!(none.evaluate("ops.other", &context(json!({}))).is_none() && none.evaluate("nothing", &context(json!({}))).is_none());
    assert_eq!(none.keys().collect::<Vec<_>>(), ["ops.queue_drain", "ops.read_only", "ops.read_only.vendor"]);
}

/// A stored circle, which saving refuses, must not hang whoever asks.
#[test]
fn a_circle_of_prerequisites_ends() {
    let mut flags = [("a".to_owned(), super::definition_of(&json!({ "enabled": true, "rolloutPercentage": 100 })))];
    flags[0].1.prerequisites = vec![Prerequisite { flag: "a".into(), variant: "on".into() }];
    let snapshot = Snapshot::new(1, flags.iter().map(|(key, one)| (key.as_str(), one)), Reserved::default());
    assert_eq!(snapshot.evaluate("a", &context(json!({}))).unwrap().variant, "off");
    flags[0].1.prerequisites = vec![Prerequisite { flag: "gone".into(), variant: "on".into() }];
    let snapshot = Snapshot::new(1, flags.iter().map(|(key, one)| (key.as_str(), one)), Reserved::default());
    assert_eq!(snapshot.evaluate("a", &context(json!({}))).unwrap().reason, Reason::Default);
}

fn is_in(key: &str, salt: &str, user: &str, points: i64) -> bool {
    let percentage = Percent::of_basis_points(points).unwrap();
    let snapshot = snapshot_of(&json!({ key: { "enabled": true, "rolloutPercentage": percentage, "salt": salt } }));
    snapshot.evaluate(key, &context(json!({ "targetingKey": user }))).unwrap().value == Some(&json!(true))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn raising_only_adds(key in "[a-z0-9][a-z0-9._-]{0,20}", salt in "[a-z]{0,4}", user in "\\PC{1,30}", low in 0_i64..=10_000, more in 0_i64..=10_000) {
        prop_assume!(!key.starts_with("ops."));
        let high = (low + more).min(10_000);
        prop_assert!(!is_in(&key, &salt, &user, low) || is_in(&key, &salt, &user, high));
        prop_assert!(!is_in(&key, &salt, &user, 0) && is_in(&key, &salt, &user, 10_000));
    }

    #[test]
    fn pieces_and_whole_decide_alike(key in "[a-z]{1,9}", salt in "\\PC{0,9}", user in "\\PC{1,30}", points in 1_i64..10_000) {
        let hash = murmur3(format!("{key}:{}:{user}", salt.trim()).as_bytes(), 0);
        prop_assert_eq!(is_in(&key, &salt, &user, points), u64::from(hash) < threshold(points));
    }

    #[test]
    fn the_observed_share_is_the_asked_one(key in "[a-z]{3,12}", points in 1_i64..10_000) {
        const USERS: u32 = 5_000;
        let snapshot = snapshot_of(&json!({ &key: { "enabled": true, "rolloutPercentage": Percent::of_basis_points(points).unwrap() } }));
        let within = |number: &u32| {
            let context = context(json!({ "targetingKey": format!("user-{number}") }));
            snapshot.evaluate(&key, &context).unwrap().value == Some(&json!(true))
        };
        let share = f64::from(u32::try_from((0..USERS).filter(within).count()).unwrap()) / f64::from(USERS);
        let asked = f64::from(i32::try_from(points).unwrap()) / 10_000.0;
        // Six standard deviations of a fair draw: one false alarm in half a billion.
        let bound = 6.0 * (asked * (1.0 - asked) / f64::from(USERS)).sqrt();
        prop_assert!((share - asked).abs() <= bound, "{} asked, {} given, {} allowed", asked, share, bound);
    }

    #[test]
    fn splits_give_every_share_its_part(key in "[a-z]{3,12}", first in 100_i64..5_000, second in 100_i64..4_900) {
        const USERS: u32 = 5_000;
        let share = |points: i64| Percent::of_basis_points(points).unwrap();
        let split = json!([{ "variant": "a", "percentage": share(first) }, { "variant": "b", "percentage": share(second) }, { "variant": "c", "percentage": share(10_000 - first - second) }]);
        let variants = json!([{ "name": "a", "value": 1 }, { "name": "b", "value": 2 }, { "name": "c", "value": 3 }]);
        let snapshot = snapshot_of(&json!({ &key: { "kind": "NUMBER", "enabled": true, "variants": variants, "rules": [{ "split": split }] } }));
        let mut counts = [0_u32; 3];
        for number in 0..USERS {
            let context = context(json!({ "targetingKey": format!("user-{number}") }));
            let value = snapshot.evaluate(&key, &context).unwrap().value.unwrap().as_u64().unwrap();
            counts[usize::try_from(value).unwrap() - 1] += 1;
        }
        for (count, points) in counts.into_iter().zip([first, second, 10_000 - first - second]) {
            let asked = f64::from(i32::try_from(points).unwrap()) / 10_000.0;
            let bound = 6.0 * (asked * (1.0 - asked) / f64::from(USERS)).sqrt();
            prop_assert!((f64::from(count) / f64::from(USERS) - asked).abs() <= bound, "{:?}", counts);
        }
    }

    /// Any JSON as a context, and any operator: no panic, and explaining says what deciding did.
    #[test]
    fn odd_contexts_are_decided_and_explained_alike(
        operator in 0..crate::features::flags::definition::Operator::ALL.len(),
        value in json_value(),
        given in json_value(),
        targeting in json_value(),
        role in json_value(),
        scope in 0_usize..4,
    ) {
        let operator = crate::features::flags::definition::Operator::ALL[operator];
        let scope = crate::features::flags::definition::Scope::ALL[scope];
        let condition = json!({ "attribute": "a", "operator": operator, "value": value });
        let fields = json!({ "enabled": true, "scope": scope, "rolloutPercentage": 30, "rules": [{ "conditions": [condition], "variant": "on" }] });
        let parsed = serde_json::from_value::<crate::features::flags::definition::Definition>(fields).unwrap().tidy();
        // What can't be saved may still be stored by an older program: it matches nobody.
        let snapshot = Snapshot::new(1, [("f", &parsed)], Reserved::default());
        let context = context(json!({ "a": given, "targetingKey": targeting, "vendorId": targeting, "role": role }));
        let (given, told) = (snapshot.evaluate("f", &context).unwrap(), snapshot.explain("f", &context).unwrap());
        prop_assert_eq!((given.value.cloned(), given.variant, given.reason), (told.value.clone(), told.variant.as_str(), told.reason));
        prop_assert_eq!(told.matched_rule.is_some(), told.rules.first().is_some_and(|rule| rule.matched));
        if parsed.checked().is_err() {
            prop_assert!(told.matched_rule.is_none());
        }
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        prop_oneof![Just("ADMIN"), Just("1.2.3"), Just("2026-11-22"), Just("")].prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,3}", inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
