//! ETag, 304, and what an event told before.

use std::time::Instant;

use serde_json::json;

use super::{ALL, again, all, application, change, flag};
use crate::support::World;

/// The trap: clients keep their tag when the context changes in anything but the targeting key.
async fn a_changed_context_is_never_not_modified(world: &World) {
    let rule = json!([{ "conditions": [{ "attribute": "plan", "operator": "eq", "value": "gold" }], "variant": "on" }]);
    flag(world, "lounge", json!({ "rolloutPercentage": 0, "rules": rule })).await;
    let client = application(world).await;
    let free = all(&client, json!({ "targetingKey": "u-1", "plan": "free" })).await.expect(200);
    let tag = free.header("etag").unwrap().to_owned();
    let gold = again(&client, ALL, json!({ "targetingKey": "u-1", "plan": "gold" }), &[&tag]).await.expect(200);
    assert_ne!(gold.header("etag"), Some(tag.as_str()));
    assert_eq!(super::of(&gold.json(), "lounge")["value"], true);
    again(&client, ALL, json!({ "targetingKey": "u-2", "plan": "free" }), &[&tag]).await.expect(200);
    let same = again(&client, ALL, json!({ "plan": "free", "targetingKey": "u-1" }), &[&tag]).await.expect(304);
    assert_eq!((same.header("etag"), same.text.as_str()), (Some(tag.as_str()), ""));
    assert_eq!((same.header("content-type"), same.header("content-length")), (None, None));
}

async fn every_form_of_the_header_is_understood(world: &World) {
    let client = application(world).await;
    let tag = all(&client, json!({})).await.expect(200).header("etag").unwrap().to_owned();
    assert!(tag.starts_with("\"rev-") && tag.ends_with('"'), "{tag}");
    for known in [tag.clone(), format!("W/{tag}"), "*".into(), format!("\"other\", {tag}"), format!("\"a,b\",W/{tag}, \"c\"")] {
        again(&client, ALL, json!({}), &[&known]).await.expect(304);
    }
    again(&client, ALL, json!({}), &["\"other\"", &tag]).await.expect(304);
    for other in ["", "\"other\"", tag.trim_matches('"'), "W/\"\"", "\"*\""] {
        again(&client, ALL, json!({}), &[other]).await.expect(200);
    }
}

async fn a_change_and_another_caller_have_other_tags(world: &World) {
    flag(world, "banner", json!({})).await;
    let (client, other) = (application(world).await, application(world).await);
    let tag = all(&client, json!({})).await.header("etag").unwrap().to_owned();
    again(&other, ALL, json!({}), &[&tag]).await.expect(200);
    again(&client, ALL, json!({}), &[&tag]).await.expect(304);
    change(world, "banner", json!({ "enabled": false })).await;
    let changed = again(&client, ALL, json!({}), &[&tag]).await.expect(200);
    assert_eq!(super::of(&changed.json(), "banner")["reason"], "DISABLED");
}

/// Whoever was told of another version than ours by an event is not sent away with what it has.
async fn what_an_event_told_is_never_downgraded(world: &World) {
    flag(world, "banner", json!({})).await;
    let client = application(world).await;
    let (tag, revision) = (all(&client, json!({})).await.header("etag").unwrap().to_owned(), world.app.published.revision());
    let told = |etag: String| format!("{ALL}?flagConfigEtag={etag}&flagConfigLastModified=1771622898");
    again(&client, &told(format!("rev-{revision}")), json!({}), &[&tag]).await.expect(304);
    again(&client, &told(format!("W%2F%22rev-{revision}%22")), json!({}), &[&tag]).await.expect(304);
    again(&client, &told("550e8400".into()), json!({}), &[&tag]).await.expect(200);
    again(&client, &told(format!("rev-{}", revision - 1)), json!({}), &[&tag]).await.expect(200);
    let ahead = again(&client, &told(format!("rev-{}", revision + 1)), json!({}), &["*"]).await.expect(200);
    assert_eq!(ahead.header("etag"), Some(tag.as_str()), "it gives what it has");
    again(&client, &format!("{ALL}?flagConfigLastModified=7"), json!({}), &[&tag]).await.expect(304);
}

/// A replica that has not heard yet of the revision that another one told waits for it, so that its answer is not the old one.
async fn a_late_replica_waits_for_what_was_told(world: &World) {
    flag(world, "banner", json!({})).await;
    let client = application(world).await;
    let next = world.app.published.revision() + 1;
    let path = format!("{ALL}?flagConfigEtag=rev-{next}");
    let began = Instant::now();
    let asks = again(&client, &path, json!({}), &[]);
    let changes = async {
        tokio::task::yield_now().await;
        change(world, "banner", json!({ "enabled": false })).await;
    };
    let (answer, ()) = tokio::join!(asks, changes);
    assert_eq!(super::of(&answer.expect(200).json(), "banner")["reason"], "DISABLED", "after {:?}", began.elapsed());
}

crate::both!(
    a_changed_context_is_never_not_modified,
    every_form_of_the_header_is_understood,
    a_change_and_another_caller_have_other_tags,
    what_an_event_told_is_never_downgraded,
    a_late_replica_waits_for_what_was_told,
);
