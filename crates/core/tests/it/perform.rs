//! `perform`: an intent before, an outcome after, whatever happens in between.

use std::sync::Arc;
use std::time::Duration;

use engine::{Db, DbOptions};
use qd_core::Error;
use qd_core::audit::{self, Row};
use qd_core::gate::{Change, Done, Gate, sweep_interrupted};
use serde_json::json;
use tokio::sync::Notify;

use crate::support::{World, admin, keyed, named};

on_both!(
    intent_and_outcome_are_written,
    a_failed_one_says_so,
    a_panic_is_an_outcome_too,
    a_caller_who_hangs_up_cancels_nothing,
    one_that_never_ended_is_interrupted,
    the_same_key_answers_alike,
);

async fn does(world: &World, key: &str) -> qd_core::Result<Done<i64>> {
    let work = |_permit| -> engine::BoxFuture<'static, _> { Box::pin(async { Ok(Change::between(42, None, json!({ "keys": 42 }))) }) };
    world.gate.perform(&admin(), named(1, "oak"), keyed(key), work).await
}

async fn pair(world: &World) -> (Row, Row) {
    let mut rows = world.rows().await;
    assert_eq!(rows.len(), 2);
    let outcome = rows.remove(1);
    (rows.remove(0), outcome)
}

async fn intent_and_outcome_are_written(world: World) {
    let done = does(&world, "k").await.unwrap();
    let (intent, outcome) = pair(&world).await;
    assert_eq!((intent.kind.as_str(), intent.intent_seq, intent.after), ("intent", None, None));
    assert_eq!((outcome.kind.as_str(), outcome.intent_seq, outcome.error), ("outcome", Some(1), None));
    assert_eq!((outcome.after.as_deref(), outcome.reason), (Some(r#"{"keys":42}"#), intent.reason));
    assert_eq!((done.value, done.audit_seq, world.open_intents().await), (42, 2, 0));
    assert_eq!(qd_core::ledger::since(&world.db, qd_core::Timestamp(0), 10).await.unwrap().len(), 1);
}

async fn a_failed_one_says_so(world: World) {
    let fault = |_permit| -> engine::BoxFuture<'static, _> {
        Box::pin(async { Err::<Change<()>, _>(Error::Upstream { driver: "Redis", detail: "no answer".into() }) })
    };
    let failed = world.gate.perform(&admin(), named(1, "oak"), keyed("k"), fault).await.unwrap_err();
    assert_eq!(failed.code(), "upstream");
    let (_, outcome) = pair(&world).await;
    assert_eq!((outcome.kind.as_str(), outcome.error.as_deref()), ("outcome", Some("upstream: Redis: no answer")));
    assert_eq!(qd_core::event::pending(&world.db).await.unwrap(), 0);
    assert!(!does(&world, "k").await.unwrap().replayed, "the key is free again");
}

async fn a_panic_is_an_outcome_too(world: World) {
    let fault = |_permit| -> engine::BoxFuture<'static, qd_core::Result<Change<()>>> { Box::pin(async { panic!("a fault of ours") }) };
    let failed = world.gate.perform(&admin(), named(1, "oak"), keyed("k"), fault).await.unwrap_err();
    assert_eq!(failed.code(), "broken");
    let (_, outcome) = pair(&world).await;
    assert_eq!((outcome.error.as_deref(), world.open_intents().await), (Some("broken: thing.name panicked"), 0));
}

async fn a_caller_who_hangs_up_cancels_nothing(world: World) {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (at_work, held, gate) = (begun.clone(), go.clone(), world.gate.clone());
    let caller = tokio::spawn(async move {
        let work = move |_permit| -> engine::BoxFuture<'static, _> {
            Box::pin(async move {
                at_work.notify_one();
                held.notified().await;
                Ok(Change::between(1, None, json!({ "done": true })))
            })
        };
        gate.perform(&admin(), named(1, "oak"), keyed("k"), work).await
    });
    begun.notified().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    let running = does(&world, "k").await.unwrap_err();
    assert_eq!(running.to_string(), "The first request with this idempotency key is still running.");
    go.notify_one();
    let outcome = world.until(|row| row.kind == "outcome").await;
    assert_eq!((outcome.after.as_deref(), world.open_intents().await), (Some(r#"{"done":true}"#), 0));
}

/// Another process that dies between intent and outcome: a runtime of its own, with its own connections, that is dropped.
fn dies_at_work(world: &World) {
    let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (url, clock) = (world.url.clone(), world.clock.clone());
    process.block_on(async move {
        let gate = Gate::new(Db::open(&url, DbOptions::default()).await.unwrap(), clock);
        let begun = Arc::new(Notify::new());
        let at_work = begun.clone();
        let work = move |_permit| -> engine::BoxFuture<'static, qd_core::Result<Change<()>>> {
            Box::pin(async move {
                at_work.notify_one();
                std::future::pending().await
            })
        };
        tokio::spawn(async move { gate.perform(&admin(), named(1, "oak"), keyed("k"), work).await });
        begun.notified().await;
    });
    process.shutdown_timeout(Duration::from_secs(5));
}

async fn one_that_never_ended_is_interrupted(world: World) {
    let other = world.clone();
    tokio::task::spawn_blocking(move || dies_at_work(&other)).await.unwrap();
    assert_eq!((sweep_interrupted(&world.db, &world.clock).await.unwrap(), world.open_intents().await), (0, 1), "its lease still holds");
    world.clock.set(world.clock.now().plus_seconds(61));
    assert_eq!(sweep_interrupted(&world.db, &world.clock).await.unwrap(), 1);
    let (intent, outcome) = pair(&world).await;
    assert_eq!((outcome.intent_seq, outcome.target_id, outcome.actor_id), (Some(intent.seq), intent.target_id, intent.actor_id));
    assert!(outcome.error.unwrap().starts_with("INTERRUPTED"));
    assert_eq!((sweep_interrupted(&world.db, &world.clock).await.unwrap(), world.open_intents().await), (0, 0));
    assert!(audit::verify(&world.db, Vec::new()).await.unwrap().valid);
}

async fn the_same_key_answers_alike(world: World) {
    let first = does(&world, "k").await.unwrap();
    let again = does(&world, "k").await.unwrap();
    assert_eq!((again.value, again.audit_seq, again.replayed), (first.value, first.audit_seq, true));
    assert_eq!(world.rows().await.len(), 2);
    let work = |_permit| -> engine::BoxFuture<'static, _> { Box::pin(async { Ok(Change::of(0_i64)) }) };
    let other = world.gate.perform(&admin(), named(2, "tin"), keyed("k"), work).await.unwrap_err();
    assert_eq!(other.code(), "conflict");
    assert_eq!(world.rows().await.len(), 2, "nothing was tried");
}
