//! Bodies, answers, codes.

use serde_json::json;

use super::{all, application, flag, of, one, path};
use crate::support::World;

/// Values keep their kind and their form; variant and reason are always there.
async fn values_arrive_as_they_were_written(world: &World) {
    let kinds = [
        ("greeting", json!({ "kind": "STRING", "variants": [{ "name": "polite", "value": "grüß \"Gott\"\n" }] }), r#""grüß \"Gott\"\n""#),
        ("empty", json!({ "kind": "STRING", "variants": [{ "name": "none", "value": "" }] }), r#""""#),
        ("whole", json!({ "kind": "NUMBER", "variants": [{ "name": "ten", "value": 10 }] }), "10"),
        ("point", json!({ "kind": "NUMBER", "variants": [{ "name": "ten", "value": 10.0 }] }), "10.0"),
        ("large", json!({ "kind": "NUMBER", "variants": [{ "name": "max", "value": 9_007_199_254_740_991_i64 }] }), "9007199254740991"),
        ("small", json!({ "kind": "NUMBER", "variants": [{ "name": "tenth", "value": 0.1 }] }), "0.1"),
        (
            "theme",
            json!({ "kind": "JSON", "variants": [{ "name": "dark", "value": { "a": [1, 1.0, null], "b": {} } }] }),
            r#"{"a":[1,1.0,null],"b":{}}"#,
        ),
        ("no", json!({ "kind": "BOOLEAN", "variants": [{ "name": "off", "value": false }] }), "false"),
    ];
    for (key, fields, _) in &kinds {
        flag(world, key, fields.clone()).await;
    }
    let client = application(world).await;
    let bulk = all(&client, json!({})).await.expect(200);
    for (key, fields, value) in &kinds {
        let answer = one(&client, key, json!({})).await.expect(200);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{key}");
        let variant = &fields["variants"][0]["name"];
        assert_eq!(answer.text, format!(r#"{{"key":"{key}","value":{value},"reason":"STATIC","variant":{variant}}}"#));
        assert!(bulk.text.contains(&answer.text), "{key} is the same among all: {}", bulk.text);
    }
    assert_eq!(bulk.header("content-type"), Some("application/json"));
    let answer = bulk.json();
    assert_eq!(of(&answer, "ops.read_only")["value"], false);
    assert_eq!(answer["metadata"]["revision"], world.app.published.revision());
}

/// A flag that is off and has no off variant leaves the value to the application.
async fn off_without_a_variant_has_no_value(world: &World) {
    flag(world, "dark", json!({ "kind": "STRING", "enabled": false, "variants": [{ "name": "a", "value": "x" }], "offVariant": null })).await;
    flag(world, "plain", json!({ "enabled": false })).await;
    let client = application(world).await;
    let answer = one(&client, "dark", json!({})).await.expect(200);
    assert_eq!(answer.text, r#"{"key":"dark","reason":"DISABLED","variant":""}"#);
    assert_eq!(of(&all(&client, json!({})).await.json(), "dark"), &answer.json());
    assert_eq!(one(&client, "plain", json!({})).await.json(), json!({ "key": "plain", "value": false, "reason": "DISABLED", "variant": "off" }));
}

async fn metadata_comes_along(world: &World) {
    flag(world, "told", json!({ "metadata": { "team": "web", "since": 2, "share": 0.5, "beta": true } })).await;
    let client = application(world).await;
    let told = one(&client, "told", json!({})).await.expect(200).json();
    assert_eq!(told["metadata"], json!({ "team": "web", "since": 2, "share": 0.5, "beta": true }));
    assert_eq!(of(&all(&client, json!({})).await.json(), "told"), &told);
    assert!(one(&client, "ops.read_only", json!({})).await.json().get("metadata").is_none());
}

/// The targeting key is asked for only where a percentage needs it, and one flag's trouble is its own.
async fn only_a_percentage_needs_a_targeting_key(world: &World) {
    flag(world, "everybody", json!({})).await;
    flag(world, "half", json!({ "rolloutPercentage": 50 })).await;
    flag(world, "of-vendors", json!({ "rolloutPercentage": 50, "scope": "VENDOR" })).await;
    let client = application(world).await;
    for body in ["", "{}", r#"{"context":null}"#, r#"{"context":{}}"#, r#"{"context":{"targetingKey":null}}"#, r#"{"context":{"targetingKey":""}}"#] {
        let ask = |path: String| client.send(client.request(reqwest::Method::POST, &path).body(body));
        assert_eq!(ask(path("everybody")).await.expect(200).json()["value"], true, "{body}");
        let missing = ask(path("half")).await.expect(400).json();
        assert_eq!((&missing["key"], &missing["errorCode"]), (&json!("half"), &json!("TARGETING_KEY_MISSING")), "{body}");
        assert!(missing["errorDetails"].as_str().is_some_and(|text| text.contains("targetingKey")));
        let vendor = ask(path("of-vendors")).await.expect(200).json();
        assert_eq!((&vendor["value"], &vendor["reason"]), (&json!(false), &json!("DEFAULT")), "no vendor is no error");
        let bulk = ask(super::ALL.into()).await.expect(200).json();
        assert_eq!(of(&bulk, "half"), &missing);
        assert_eq!(of(&bulk, "everybody")["value"], true);
    }
    let known = one(&client, "half", json!({ "targetingKey": "customer-1" })).await.expect(200).json();
    assert_eq!((&known["reason"], one(&client, "half", json!({ "targetingKey": "customer-1" })).await.json()), (&json!("SPLIT"), known.clone()));
}

async fn reasons_say_what_decided(world: &World) {
    let rule = json!([{ "conditions": [{ "attribute": "plan", "operator": "eq", "value": "gold" }], "variant": "on" }]);
    flag(
        world,
        "gold",
        json!({ "rules": rule, "variants": [{ "name": "on", "value": true }, { "name": "off", "value": false }], "onVariant": "off" }),
    )
    .await;
    let client = application(world).await;
    let gold = one(&client, "gold", json!({ "plan": "gold" })).await.json();
    assert_eq!((&gold["reason"], &gold["variant"], &gold["value"]), (&json!("TARGETING_MATCH"), &json!("on"), &json!(true)));
    let other = one(&client, "gold", json!({ "plan": "free" })).await.json();
    assert_eq!((&other["reason"], &other["variant"], &other["value"]), (&json!("DEFAULT"), &json!("off"), &json!(false)));
}

async fn failures_have_codes_and_words(world: &World) {
    flag(world, "checkout", json!({})).await;
    let client = application(world).await;
    let unknown = one(&client, "chekout", json!({})).await.expect(404);
    assert_eq!(unknown.header("content-type"), Some("application/json"));
    assert_eq!(unknown.json(), json!({ "key": "chekout", "errorCode": "FLAG_NOT_FOUND", "errorDetails": "No flag has the key \"chekout\"." }));
    let too_large = format!(r#"{{"context":{{"a":"{}"}}}}"#, "x".repeat(65 * 1024));
    let too_deep = format!(r#"{{"context":{{"a":{}{}}}}}"#, "[".repeat(33), "]".repeat(33));
    let cases = [
        ("{", "PARSE_ERROR"),
        ("[]", "PARSE_ERROR"),
        ("\"text\"", "PARSE_ERROR"),
        (r#"{"context":{},"context":{}}"#, "PARSE_ERROR"),
        (r#"{"context":[]}"#, "INVALID_CONTEXT"),
        (r#"{"context":"u"}"#, "INVALID_CONTEXT"),
        (r#"{"context":{"targetingKey":true}}"#, "INVALID_CONTEXT"),
        (too_large.as_str(), "INVALID_CONTEXT"),
        (too_deep.as_str(), "INVALID_CONTEXT"),
    ];
    for (body, code) in cases {
        for (path, key) in [(path("checkout"), Some("checkout")), (super::ALL.into(), None)] {
            let request = client.request(reqwest::Method::POST, &path).header("content-type", "application/json").body(body.to_owned());
            let failed = client.send(request).await.expect(400).json();
            let shown: String = body.chars().take(50).collect();
            assert_eq!((&failed["errorCode"], failed.get("key").and_then(|key| key.as_str())), (&json!(code), key), "{shown}");
            assert!(failed["errorDetails"].as_str().is_some_and(|text| !text.is_empty()), "{shown}");
        }
    }
}

/// Keys that need escaping in a path are looked up as they were meant.
async fn odd_keys_are_unknown_and_not_an_accident(world: &World) {
    let client = application(world).await;
    for (written, key) in [("a%20b", "a b"), ("%C3%BC", "ü"), ("UPPER", "UPPER"), ("%22", "\"")] {
        assert_eq!(client.post(&path(written), json!({})).await.expect(404).json()["key"], key);
    }
    client.send(client.request(reqwest::Method::GET, &path("x"))).await.expect(405);
}

/// What is asked for and is not there is told to people within a flush.
async fn unknown_keys_are_remembered(world: &World) {
    flag(world, "checkout", json!({})).await;
    let client = application(world).await;
    one(&client, "chekout", json!({})).await.expect(404);
    one(&client, "checkout", json!({})).await.expect(200);
    app::features::flags::usage::flush(&world.app).await.unwrap();
    let told = app::features::flags::usage::unknown(&world.app).unwrap();
    assert_eq!(told.iter().map(|one| (one.key.as_str(), one.requests, one.last_by_name.as_str())).collect::<Vec<_>>(), [("chekout", 1, "test")]);
    let used = app::features::flags::usage::of(&world.app, "checkout", qd_core::Timestamp(0)).unwrap();
    assert_eq!((used.asked, used.per_minute), (1, 1));
}

crate::both!(
    values_arrive_as_they_were_written,
    off_without_a_variant_has_no_value,
    metadata_comes_along,
    only_a_percentage_needs_a_targeting_key,
    reasons_say_what_decided,
    failures_have_codes_and_words,
    odd_keys_are_unknown_and_not_an_accident,
    unknown_keys_are_remembered,
);
