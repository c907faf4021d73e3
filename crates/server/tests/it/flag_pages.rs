//! Flags as people and scripts meet them: by form, by script, by API, and live.

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, World};

crate::both!(
    by_plain_forms_from_making_to_archive,
    by_api_with_versions_and_problems,
    a_form_keeps_what_was_typed,
    a_message_offers_the_way_back,
    the_view_says_its_state_in_words,
    a_change_reaches_open_screens,
    long_lists_come_in_pages,
    down_takes_a_click_and_up_a_reason,
    unknown_fields_are_named_and_nothing_else,
);

const API: &str = "/api/admin/ops/feature-flags";
const REASON: (&str, &str) = ("reason", "checked on staging first");

async fn made(client: &Client, key: &str, more: Value) {
    let mut body = json!({ "key": key, "scope": "VENDOR", "reason": REASON.1 });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.post(API, body).await.expect(201);
}

async fn by_plain_forms_from_making_to_archive(world: &World) {
    let mara = world.admin().await;
    let blank = mara.get("/flags/new?key=shop.new").await.expect(200).text;
    assert!(blank.contains("value=\"shop.new\"") && blank.contains("name=\"rules\""));
    let fields = [("key", "shop.new"), ("scope", "CUSTOMER"), ("enabled", "true"), ("rolloutPercentage", "0.5"), ("notes", "A <new> shop"), REASON];
    assert_eq!(mara.form("/flags/new", &fields).await.expect(303).location(), Some("/flags/shop.new"));
    let record = mara.get("/flags/shop.new").await.expect(200).text;
    assert!(record.contains("On for 0.5 % of customers") && record.contains("A &lt;new&gt; shop"), "{record}");
    let asked = mara.get("/flags/shop.new/rollout?rolloutPercentage=25").await.expect(200).text;
    assert!(asked.contains("0.5 % → 25 %: 24.5 % more of customers see it; nobody loses it."), "{asked}");
    mara.form("/flags/shop.new/rollout", &[("rolloutPercentage", "25"), REASON]).await.expect(303);
    mara.form("/flags/shop.new/kill", &[]).await.expect(303);
    let list = mara.get("/flags?state=off&q=SHOP").await.expect(200).text;
    assert!(list.contains("shop.new") && list.contains("aria-checked=\"false\"") && list.contains("was on"), "{list}");
    assert!(!mara.get("/flags?state=on&q=shop").await.expect(200).text.contains("/flags/shop.new"));
    let why = mara.get("/flags/shop.new/explain?targetingKey=u1&role=CUSTOMER").await.expect(200).text;
    assert!(why.contains("The flag is off.") && why.contains("u1 gets off (false)."), "{why}");
    mara.form("/flags/shop.new/archive", &[REASON, ("phrase", "ARCHIVE shop.new")]).await.expect(303);
    assert!(mara.get("/flags/shop.new").await.expect(200).text.contains("ARCHIVED"));
    let staff = world.staff().await;
    assert!(!staff.get("/flags").await.expect(200).text.contains("data-kill="));
    staff.form("/flags/shop.new/restore", &[REASON]).await.expect(403);
    world.auditor().await.get("/flags").await.expect(403);
}

async fn by_api_with_versions_and_problems(world: &World) {
    let mara = world.admin().await;
    made(&mara, "f", json!({ "rolloutPercentage": 5, "enabled": true })).await;
    let path = format!("{API}/f");
    let patched = mara.patch(&path, json!({ "rolloutPercentage": 25, "notes": "more", "reason": REASON.1 })).await.expect(200);
    assert_eq!((patched.header("etag"), patched.json()["rolloutPercentage"].clone()), (Some("\"2\""), json!(25)));
    let stale = mara.request(Method::PATCH, &path).header("if-match", "\"1\"").json(&json!({ "notes": "theirs", "reason": REASON.1 }));
    assert!(mara.send(stale).await.expect(412).json()["detail"].as_str().unwrap().contains("changed since you loaded it"));
    mara.patch(&path, json!({ "version": 1, "notes": "theirs", "reason": REASON.1 })).await.expect(409);
    // An unknown key is never made by a change; an unknown field is never passed over.
    mara.patch(&format!("{API}/g"), json!({ "enabled": true, "reason": REASON.1 })).await.expect(404);
    mara.get(&format!("{API}/g")).await.expect(404);
    let typo = mara.patch(&path, json!({ "enabledd": true, "reason": REASON.1 })).await.expect(422).json();
    assert_eq!(typo["errors"][0]["field"], "enabledd");
    for (verb, body) in [("toggle", json!({ "enable": false })), ("rollout", json!({ "rolloutPercentage": 101 })), ("revert", json!({}))] {
        mara.post(&format!("{path}/{verb}"), body).await.expect(422);
    }
    let toggled = mara.post(&format!("{path}/toggle"), json!({ "enabled": false, "reason": REASON.1 })).await.expect(200).json();
    assert_eq!((toggled["enabled"].clone(), toggled["version"].clone()), (json!(false), json!(3)));
    let revisions = mara.get(&format!("{path}/revisions?limit=2")).await.expect(200).json();
    assert_eq!((revisions["revisions"][0]["changed"][0]["field"].clone(), revisions["next"].clone()), (json!("enabled"), json!(2)));
    let told = mara.get(&format!("{path}/explain?context=%7B%22vendorId%22%3A%22v1%22%7D")).await.expect(200).json();
    assert_eq!((told["decidedBy"].as_str(), told["reason"].as_str()), (Some("enabled"), Some("DISABLED")));
    mara.get(&format!("{path}/explain?context=nothing")).await.expect(422);
}

async fn a_form_keeps_what_was_typed(world: &World) {
    let mara = world.admin().await;
    made(&mara, "f", json!({})).await;
    let rule = [("rule_attribute", "country"), ("rule_operator", "in"), ("rule_value", "DE, AT"), ("rule_serve", "on")];
    let fields = [&[("whole", "true"), ("add", "rule"), ("reason", "half a reason that stays")], &rule[..]].concat();
    let added = mara.form("/flags/f/edit", &fields).await.expect(422).text;
    assert!(added.contains("country in DE, AT -&gt; on") && added.contains("half a reason that stays"), "{added}");
    let fields = [("whole", "true"), ("rules", "country equals DE -> on"), ("tags", "kept"), REASON];
    let wrong = mara.form("/flags/f/edit", &fields).await.expect(422).text;
    assert!(wrong.contains("Line 1: equals is no comparison") && wrong.contains("value=\"kept\""), "{wrong}");
    assert_eq!(mara.get(&format!("{API}/f")).await.expect(200).json()["version"], 1);
}

async fn a_message_offers_the_way_back(world: &World) {
    let mara = world.admin().await;
    made(&mara, "f", json!({ "enabled": true, "rolloutPercentage": 5 })).await;
    let click = |path: &str, body: &str| {
        let request = mara.request(Method::POST, path).header("hx-request", "true").header("hx-current-url", "http://q.example/flags?q=f");
        request.header("sec-fetch-site", "same-origin").header("content-type", "application/x-www-form-urlencoded").body(body.to_owned())
    };
    let moved = mara.send(click("/flags/f/rollout", "rolloutPercentage=25&reason=checked+on+staging+first")).await.expect(200);
    assert!(moved.header("hx-location").unwrap().contains("/flags?q=f"), "back to where the person was");
    let toast = moved.header("hx-trigger").unwrap();
    assert!(toast.contains("/flags/f/rollout?rolloutPercentage=5") && toast.contains("Back to 5 %"), "{toast}");
    let killed = mara.send(click("/flags/f/kill", "")).await.expect(200);
    assert!(killed.header("hx-trigger").unwrap().contains("/flags/f/toggle?enabled=true"));
    let twice = mara.send(click("/flags/f/kill", "")).await.expect(409);
    assert!(twice.header("hx-trigger").unwrap().contains("is off already"));
    // Without script the same message waits on the next page.
    mara.form("/flags/f/toggle", &[("enabled", "true"), REASON]).await.expect(303);
    assert!(mara.get("/flags/f").await.expect(200).text.contains("href=\"/flags/f/toggle?enabled=false\" data-dialog"));
}

async fn the_view_says_its_state_in_words(world: &World) {
    let mara = world.admin().await;
    made(&mara, "f", json!({ "enabled": true, "rolloutPercentage": 5 })).await;
    let view = mara.get("/deploys").await.expect(200).text;
    assert!(view.contains("1 flag is rolling out. No maintenance."), "{view}");
    assert!(view.contains("Maintenance modes") && view.contains("Now running") && view.contains("Feature flags"));
    let json = mara.get("/api/admin/ops/deploys").await.expect(200).json();
    assert!(json["summary"].as_str().unwrap().contains("1 flag is rolling out."));
}

async fn a_change_reaches_open_screens(world: &World) {
    let mara = world.admin().await;
    made(&mara, "f", json!({ "enabled": true, "rolloutPercentage": 100 })).await;
    let mut stream = mara.request(Method::GET, "/events").send().await.unwrap().bytes_stream();
    mara.form("/flags/f/kill", &[]).await.expect(303);
    let mut heard = String::new();
    let told = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while !heard.contains("flag.kill") {
            heard.push_str(&String::from_utf8_lossy(&stream.next().await.unwrap().unwrap()));
        }
    });
    told.await.unwrap();
    assert!(heard.contains("event: flag"), "{heard}");
}

async fn long_lists_come_in_pages(world: &World) {
    let mara = world.admin().await;
    for number in 0..60 {
        made(&mara, &format!("long.{number:02}"), json!({})).await;
    }
    let rows = |text: &str| text.matches("data-row").count();
    let panel = mara.get("/deploys?q=long").await.expect(200).text;
    assert_eq!(rows(&panel), 20);
    assert!(panel.contains("href=\"/flags?q=long\"") && panel.contains("All 60 flags"), "{panel}");
    let list = mara.get("/flags?q=long").await.expect(200).text;
    assert_eq!(rows(&list), 50);
    assert!(list.contains("href=\"/flags?q=long&amp;after=long.49\""), "{list}");
    let rest = mara.get("/flags?q=long&after=long.49").await.expect(200).text;
    assert_eq!((rows(&rest), rest.contains("rel=\"next\""), rest.contains("10 of 60 flags")), (10, false, true));
    let json = mara.get(&format!("{API}?q=long&limit=7&after=long.03")).await.expect(200).json();
    assert_eq!((json["flags"].as_array().unwrap().len(), &json["next"], &json["matching"]), (7, &json!("long.10"), &json!(60)));
    assert!(json["flags"][0]["usage"].get("lastEvaluatedAt").is_some() && json["flags"][0].get("nextChangeAt").is_some());
    assert_eq!(mara.get(&format!("{API}?state=sleepy")).await.expect(422).json()["errors"][0]["field"], "state");
}

async fn down_takes_a_click_and_up_a_reason(world: &World) {
    let mara = world.admin().await;
    made(&mara, "f", json!({ "enabled": true, "rolloutPercentage": 50 })).await;
    assert!(mara.get("/flags").await.expect(200).text.contains("data-lower=\"/flags/f/lower\""));
    let click = mara.request(Method::POST, "/flags/f/lower").header("hx-request", "true").header("sec-fetch-site", "same-origin");
    let click = click.header("content-type", "application/x-www-form-urlencoded").body("rolloutPercentage=25");
    let lowered = mara.send(click).await.expect(200);
    let toast = lowered.header("hx-trigger").unwrap();
    assert!(toast.contains("/flags/f/rollout?rolloutPercentage=50") && toast.contains("f is at 25 %"), "{toast}");
    let asked = mara.get("/flags/f/rollout?rolloutPercentage=10").await.expect(200).text;
    assert!(!asked.contains("name=\"reason\""), "down never asks: {asked}");
    mara.form("/flags/f/rollout", &[("rolloutPercentage", "10"), ("idempotency_key", "one")]).await.expect(303);
    mara.form("/flags/f/rollout", &[("rolloutPercentage", "11")]).await.expect(422);
    mara.post(&format!("{API}/f/lower"), json!({ "rolloutPercentage": 11 })).await.expect(409);
    assert_eq!(mara.post(&format!("{API}/f/lower"), json!({ "rolloutPercentage": 5 })).await.expect(200).json()["rolloutPercentage"], 5);
}

async fn unknown_fields_are_named_and_nothing_else(world: &World) {
    let mara = world.admin().await;
    made(&mara, "f", json!({})).await;
    for (path, body) in [
        (format!("{API}/f/rollout"), json!({ "rolloutPercentage": 5, "percnt": 1, "reason": REASON.1 })),
        (format!("{API}/f/toggle"), json!({ "enabled": true, "percnt": 1, "reason": REASON.1 })),
        (format!("{API}/f/ramp"), json!({ "steps": [{ "percentage": 5 }], "percnt": 1, "reason": REASON.1 })),
        (API.to_owned(), json!({ "key": "g", "percnt": 1, "reason": REASON.1 })),
    ] {
        let refused = mara.post(&path, body).await.expect(422).text;
        assert!(refused.contains("\"percnt\"") && !refused.contains("loaded") && !refused.contains("rule_"), "{path}: {refused}");
    }
    assert_eq!(mara.get(&format!("{API}/f")).await.expect(200).json()["version"], 1);
}
