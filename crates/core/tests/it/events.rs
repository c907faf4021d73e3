//! The outbox: at least once, whatever a subscriber does, and told of when it is given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use qd_core::Error;
use qd_core::event::{self, Bus, Event, Handler};
use serde_json::json;

use crate::support::World;

on_both!(a_subscriber_that_panics_stops_nobody, one_that_never_succeeds_is_given_up_and_tried_again_later);

async fn emitted(world: &World, name: &'static str) {
    let at = world.clock.now();
    let write = world.db.write_with(move |tx| Box::pin(async move { event::emit(tx, Event::new(name, "1", json!({}), at)).await }));
    write.await.unwrap();
}

async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Delivers to a subscriber that hears everything; the task ends when it is dropped.
fn dispatched(world: &World, handler: Handler<()>) -> tokio::task::JoinSet<()> {
    let (db, clock, bus) = (world.db.clone(), world.clock.clone(), Bus::default());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { bus.dispatch(db, clock, (), vec![(String::new(), handler)]).await });
    tasks
}

async fn a_subscriber_that_panics_stops_nobody(world: World) {
    let heard = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&heard);
    let handler: Handler<()> = Arc::new(move |(), event| {
        let count = Arc::clone(&count);
        Box::pin(async move {
            let before = count.fetch_add(1, Ordering::SeqCst);
            assert!(event.name != "thing.bad" || before > 0, "the first try fails");
            Ok(())
        })
    });
    emitted(&world, "thing.bad").await;
    emitted(&world, "thing.good").await;
    let tasks = dispatched(&world, handler);
    eventually("the good one is delivered", async || event::pending(&world.db).await.unwrap() == 1).await;
    world.clock.set(world.clock.now().plus_seconds(60));
    eventually("the bad one is delivered at its second try", async || event::pending(&world.db).await.unwrap() == 0).await;
    assert_eq!(heard.load(Ordering::SeqCst), 3);
    drop(tasks);
}

async fn one_that_never_succeeds_is_given_up_and_tried_again_later(world: World) {
    let never: Handler<()> = Arc::new(|(), _| Box::pin(async { Err(Error::Broken("no".into())) }));
    emitted(&world, "thing.bad").await;
    let tasks = dispatched(&world, never);
    eventually("it is given up", async || {
        world.clock.set(world.clock.now().plus_seconds(3_600));
        event::given_up(&world.db).await.unwrap() == 1
    })
    .await;
    assert_eq!(event::pending(&world.db).await.unwrap(), 0);
    drop(tasks);
    assert_eq!(event::try_again(&world.db).await.unwrap(), 1);
    assert_eq!((event::given_up(&world.db).await.unwrap(), event::pending(&world.db).await.unwrap()), (0, 1));
}
