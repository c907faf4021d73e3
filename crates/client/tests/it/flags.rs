//! Flags: asked once, renewed when told, kept when nobody answers.

use std::time::{Duration, Instant};

use client::{Context, Endpoint, FlagOptions, Flags, Source};
use serde_json::json;

use crate::fake::{Fake, until};

fn who(id: &str) -> Context {
    json!({ "targetingKey": id, "plan": format!("plan of {id}") }).as_object().unwrap().clone()
}

async fn flags(fake: &Fake, options: FlagOptions) -> Flags {
    let flags = Flags::start(fake.endpoint().timeout(Duration::from_millis(500)), options);
    assert!(flags.ready(Duration::from_secs(5)).await);
    until("a stream is open", || async { flags.streaming() || fake.scene.lock().unwrap().streamless }).await;
    flags
}

#[tokio::test]
async fn a_value_is_asked_for_once_and_renewed_when_told() {
    let fake = Fake::start().await;
    fake.change(|scene| scene.flags.extend([("new".to_owned(), json!(false)), ("plan".to_owned(), json!("@plan"))]));
    let flags = flags(&fake, FlagOptions::default()).await;
    let first = flags.boolean("new", &who("a"), true).await;
    assert_eq!((first.value, first.source, first.reason.as_str()), (false, Source::Server, "STATIC"));
    for _ in 0..1_000 {
        assert_eq!(flags.boolean("new", &who("a"), true).await.source, Source::Cached);
    }
    assert_eq!(flags.string("plan", &who("b"), "").await.value, "plan of b");
    assert_eq!(flags.string("plan", &who("c"), "").await.value, "plan of c", "contexts are told apart");
    assert_eq!(fake.asked("POST /ofrep/v1/evaluate/flags/new"), 1);
    assert!(fake.scene.lock().unwrap().authorized);

    let changed = Instant::now();
    fake.change(|scene| drop(scene.flags.insert("new".into(), json!(true))));
    until("the change is there", || async { flags.enabled("new", &who("a"), false).await }).await;
    assert!(changed.elapsed() < Duration::from_secs(1), "{:?}", changed.elapsed());
    until("the bulk was asked for with what the event said", || async {
        fake.asked("POST /ofrep/v1/evaluate/flags?flagConfigEtag=%22rev-3%22&flagConfigLastModified=1794787200") == 1
    })
    .await;
}

#[tokio::test]
async fn the_applications_own_context_is_there_without_asking() {
    let fake = Fake::start().await;
    fake.change(|scene| drop(scene.flags.insert("new".into(), json!(true))));
    let options = FlagOptions { context: who("app"), ..FlagOptions::default() };
    let flags = flags(&fake, options).await;
    until("the bulk is taken", || async { flags.boolean("new", &who("app"), false).await.source == Source::Cached }).await;
    fake.change(|scene| drop(scene.flags.insert("new".into(), json!(false))));
    until("the change is there", || async { !flags.enabled("new", &who("app"), true).await }).await;
}

#[tokio::test]
async fn what_was_known_holds_while_the_server_is_away_and_nobody_waits() {
    let mut fake = Fake::start().await;
    fake.change(|scene| drop(scene.flags.insert("new".into(), json!(true))));
    let flags = flags(&fake, FlagOptions::default()).await;
    assert!(flags.enabled("new", &who("a"), false).await);
    let mut news = flags.changes();
    fake.stop().await;
    until("it is noticed", || async { !flags.streaming() }).await;
    // Somebody new has the code's default; after the first attempt nobody waits.
    let stranger = flags.boolean("new", &who("stranger"), false).await;
    assert_eq!((stranger.value, stranger.source, stranger.error.as_deref()), (false, Source::Default, Some("GENERAL")));
    let begun = Instant::now();
    for number in 0..500 {
        assert!(!flags.enabled("new", &who(&number.to_string()), false).await);
        assert!(flags.enabled("new", &who("a"), false).await);
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    news.mark_unchanged();
    fake.resume().await;
    fake.change(|scene| drop(scene.flags.insert("new".into(), json!(false))));
    until("it is back", || async { !flags.enabled("new", &who("a"), true).await }).await;
    until("the stream is back, from where it was", || async { flags.streaming() }).await;
}

#[tokio::test]
async fn every_kind_of_trouble_gives_the_last_known() {
    let fake = Fake::start().await;
    fake.change(|scene| drop(scene.flags.insert("new".into(), json!(true))));
    for status in [401, 403, 429, 500, 503] {
        fake.scene.lock().unwrap().status = None;
        let flags = flags(&fake, FlagOptions::default()).await;
        assert!(flags.enabled("new", &who("a"), false).await);
        fake.change(|scene| scene.status = Some(status));
        until("the answer is asked for again", || async { flags.boolean("new", &who("a"), false).await.source == Source::LastKnown }).await;
        assert!(flags.enabled("new", &who("a"), false).await, "status {status}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_holds_up_one_page_at_most_for_the_timeout() {
    let fake = Fake::start().await;
    fake.change(|scene| drop(scene.flags.insert("new".into(), json!(true))));
    let flags = flags(&fake, FlagOptions::default()).await;
    assert!(flags.enabled("new", &who("a"), false).await);
    fake.change(|scene| scene.hang = true);
    until("the change is told", || async { flags.boolean("new", &who("a"), false).await.source == Source::LastKnown }).await;
    let begun = Instant::now();
    for _ in 0..100 {
        assert!(flags.enabled("new", &who("a"), false).await);
    }
    assert!(begun.elapsed() < Duration::from_millis(700), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_last_known_outlives_the_process_and_tells_nobody_who_asked() {
    let directory = tempfile::tempdir().unwrap();
    let options = || FlagOptions { directory: Some(directory.path().into()), ..FlagOptions::default() };
    let mut fake = Fake::start().await;
    fake.change(|scene| drop(scene.flags.insert("limit".into(), json!(7))));
    let first = flags(&fake, options()).await;
    assert_eq!(first.integer("limit", &who("jane@example.org"), 1).await.value, 7);
    first.flush().await;
    drop(first);
    let file = std::fs::read_to_string(directory.path().join("flags.json")).unwrap();
    assert!(!file.contains("jane") && !file.contains("t0ken"), "{file}");
    fake.stop().await;
    let second = Flags::start(fake.endpoint(), options());
    let known = second.integer("limit", &who("jane@example.org"), 1).await;
    assert_eq!((known.value, known.source), (7, Source::LastKnown));
    assert_eq!(second.integer("limit", &who("joe@example.org"), 1).await.value, 1);
    let elsewhere = Flags::start(Endpoint::new("http://127.0.0.1:1").unwrap(), options());
    assert_eq!(elsewhere.integer("limit", &who("jane@example.org"), 1).await.value, 1, "another server's answers mean nothing");
}

#[tokio::test]
async fn types_are_kept_and_trouble_gives_the_default() {
    let fake = Fake::start().await;
    let values = [("b", json!(true)), ("s", json!("x")), ("i", json!(10)), ("f", json!(10.0)), ("j", json!({ "a": [1] })), ("off", json!(null))];
    fake.change(|scene| scene.flags.extend(values.map(|(key, value)| (key.to_owned(), value))));
    let (flags, me) = (flags(&fake, FlagOptions::default()).await, who("a"));
    assert!(flags.enabled("b", &me, false).await);
    assert_eq!(flags.string("s", &me, "").await.value, "x");
    assert_eq!(flags.integer("i", &me, 0).await.value, 10);
    assert_eq!(flags.float("f", &me, 0.0).await.value, 10.0);
    assert_eq!(flags.float("i", &me, 0.0).await.value, 10.0);
    assert_eq!(flags.json("j", &me, json!(null)).await.value, json!({ "a": [1] }));
    let wrong = flags.integer("f", &me, 3).await;
    assert_eq!((wrong.value, wrong.error.as_deref(), wrong.source), (3, Some("TYPE_MISMATCH"), Source::Default));
    let off = flags.boolean("off", &me, true).await;
    assert_eq!((off.value, off.reason.as_str(), off.source, off.error), (true, "DISABLED", Source::Default, None));
    let unknown = flags.boolean("nowhere", &me, true).await;
    assert_eq!((unknown.value, unknown.error.as_deref()), (true, Some("FLAG_NOT_FOUND")));
    flags.boolean("nowhere", &me, true).await;
    assert_eq!(fake.asked("POST /ofrep/v1/evaluate/flags/nowhere"), 1, "that there is none is known as well");
    assert!(Flags::off().enabled("b", &me, true).await);
}

#[tokio::test]
async fn a_server_without_streams_is_polled() {
    let fake = Fake::start().await;
    fake.change(|scene| {
        scene.streamless = true;
        scene.flags.insert("new".into(), json!(false));
    });
    let flags = flags(&fake, FlagOptions { poll: Duration::from_secs(1), ..FlagOptions::default() }).await;
    assert!(!flags.enabled("new", &who("a"), true).await);
    fake.change(|scene| drop(scene.flags.insert("new".into(), json!(true))));
    until("the change is there", || async { flags.enabled("new", &who("a"), false).await }).await;
    assert_eq!(fake.asked("GET /streams"), 0);
}

#[tokio::test]
async fn a_silent_stream_is_opened_anew_from_where_it_was() {
    let fake = Fake::start().await;
    let _flags = flags(&fake, FlagOptions { silence: Duration::from_millis(200), ..FlagOptions::default() }).await;
    until("it is open", || async { fake.asked("GET /streams") >= 1 }).await;
    fake.change(|_| {});
    until("it is opened again with the id of the last event", || async { fake.scene.lock().unwrap().resumed.last() == Some(&Some("2".into())) })
        .await;
}
