//! Acknowledged means durable, nothing counts twice, and whoever finds no room is told.

use engine::{Db, args};

use super::both;
use super::world::{Hit, NOW, World, hit, load, otlp, send, submit, telemetry};
use crate::features::telemetry::ingest::read_traces;
use crate::features::telemetry::otlp::{Encoding, Refusal};
use crate::features::telemetry::{EndpointFigures, minutes, routes};

async fn stored(db: &Db) -> i64 {
    db.one::<(i64,)>("SELECT CAST(coalesce(sum(requests), 0) AS BIGINT) FROM endpoint_rollup WHERE grain = 2", args![]).await.unwrap().0
}

async fn figures(world: &World) -> Vec<EndpointFigures> {
    routes(&world.app, None, NOW.plus_seconds(-1_800), world.app.now().plus_seconds(1), 1_000).await.unwrap().endpoints
}

async fn acknowledged_is_durable(world: &World) {
    world.start();
    let other = world.second().await;
    for count in 1..=5 {
        send(&world.app, &[hit("/a", 10), hit("/b", 20)]).await;
        // Read by another connection, right after the answer.
        assert_eq!(stored(&other.db).await, count * 2);
    }
    other.db.close().await;
}

async fn writers_add_up(world: &World) {
    world.start();
    let (second, third) = (world.second().await, world.second().await);
    for app in [&world.app, &second, &third] {
        send(app, &[hit("/a", 100), hit("/a", 300), Hit { status: 500, ..hit("/b", 50) }]).await;
    }
    let found = figures(world).await;
    assert_eq!(found.iter().map(|f| (f.route.as_str(), f.request_count, f.error_rate)).collect::<Vec<_>>(), [("/a", 6, 0.0), ("/b", 3, 100.0)]);
    assert!((found[0].p95 - 300.0).abs() <= 3.0 && (found[0].avg_duration - 200.0).abs() < 0.1, "{found:?}");
    let at = NOW.0 - NOW.0.rem_euclid(60_000_000);
    let minutes = minutes(&world.app, "web", None, NOW.plus_seconds(-300), NOW.plus_seconds(1)).await.unwrap();
    assert_eq!(minutes.iter().map(|m| (m.at.0, m.count, m.throughput)).collect::<Vec<_>>(), [(at, 9, 0.3)]);
    for app in [second, third] {
        app.db.close().await;
    }
}

/// A span of a minute that has long left the memory grows its row and does not replace it.
async fn late_spans_grow_their_minute(world: &World) {
    world.start();
    send(&world.app, &[hit("/a", 100)]).await;
    for later in [60, 900, 4_000] {
        world.at(NOW.plus_seconds(later));
        send(&world.app, &[hit("/a", 100), Hit { end: NOW.plus_seconds(later), ..hit("/a", 200) }]).await;
    }
    let of_minute = minutes(&world.app, "web", Some("/a"), NOW, NOW.plus_seconds(1)).await.unwrap();
    assert_eq!(of_minute.iter().map(|m| m.count).collect::<Vec<_>>(), [4]);
    assert_eq!(stored(&world.app.db).await, 7);
    let by_hour = minutes(&world.app, "web", None, NOW.plus_seconds(-86_400), NOW.plus_seconds(4_001)).await.unwrap();
    assert_eq!(by_hour.iter().map(|m| m.count).collect::<Vec<_>>(), [6, 1]);
}

/// A write that fails leaves no trace, so the client's second try counts once.
async fn a_failed_write_counts_nothing(world: &World) {
    world.start();
    send(&world.app, &[hit("/a", 100)]).await;
    let rename = |sql: &'static str| world.app.db.write(move |tx| Box::pin(async move { tx.exec(sql, args![]).await }));
    rename("ALTER TABLE endpoint_rollup RENAME TO away").await.unwrap();
    let refused = submit(&world.app, load(&world.app, &[hit("/a", 100)])).await.unwrap_err();
    assert!(matches!(refused, Refusal::Busy { retry_after: 5, .. }), "{refused:?}");
    rename("ALTER TABLE away RENAME TO endpoint_rollup").await.unwrap();
    send(&world.app, &[hit("/a", 100)]).await;
    assert_eq!(stored(&world.app.db).await, 2);
    assert_eq!(telemetry(&world.app).live().window(None, 60, NOW).all.count(), 2);
}

async fn many_requests_at_once_are_all_counted(world: &World) {
    world.start();
    let tasks: Vec<_> = (0..60)
        .map(|n| {
            let app = world.app.clone();
            tokio::spawn(async move { submit(&app, load(&app, &[hit("/a", n + 1), hit("/b", 5)])).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(stored(&world.app.db).await, 120);
}

both!(acknowledged_is_durable, writers_add_up, late_spans_grow_their_minute, a_failed_write_counts_nothing, many_requests_at_once_are_all_counted);

#[tokio::test]
async fn a_full_queue_refuses_and_remembers_nothing() {
    let world = World::sqlite_with(|config| config.telemetry.queue = 2).await;
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let app = world.app.clone();
            tokio::spawn(async move { submit(&app, load(&app, &[hit("/a", 1)])).await })
        })
        .collect();
    let mut refused = Ok(());
    while refused.is_ok() {
        tokio::task::yield_now().await;
        let third = submit(&world.app, load(&world.app, &[hit("/b", 1)]));
        // Nobody writes yet: a request that finds room waits, and is given up here.
        refused = tokio::time::timeout(std::time::Duration::from_millis(50), third).await.unwrap_or(Ok(()));
    }
    assert_eq!(refused, Err(Refusal::Busy { detail: "The ingest queue is full.", retry_after: 1 }));
    world.start();
    let mut good = 0;
    for task in waiting {
        good += i64::from(task.await.unwrap().is_ok());
    }
    // A request whose caller hung up is not counted.
    assert_eq!(stored(&world.app.db).await, good);
    world.end().await;
}

#[tokio::test]
async fn routes_beyond_the_limit_count_as_other() {
    let world = World::sqlite_with(|config| config.telemetry.max_routes = 2).await;
    world.start();
    for route in ["/a", "/b", "/c", "/d"] {
        send(&world.app, &[hit(route, 10)]).await;
    }
    let mut found: Vec<_> = figures(&world).await.into_iter().map(|f| (f.route, f.request_count)).collect();
    found.sort();
    assert_eq!(found, [("(other)".to_owned(), 2), ("/a".to_owned(), 1), ("/b".to_owned(), 1)]);
    // A process that starts anew knows the stored names.
    let second = world.second().await;
    send(&second, &[hit("/e", 10)]).await;
    assert_eq!(figures(&world).await.len(), 3);
    second.db.close().await;
    world.end().await;
}

#[tokio::test]
async fn wrong_clocks_and_unfinished_spans_are_told_in_the_answer() {
    let at = |seconds| Hit { end: NOW.plus_seconds(seconds), ..hit("/a", 10) };
    let load = read_traces(Encoding::Protobuf, &otlp(&[at(0), at(700), at(-90_000), at(-90_001)]), NOW).unwrap();
    let answer = load.answer();
    assert_eq!((load.taken, load.samples(), answer.rejected), (1, 1, 3));
    assert!(answer.message.contains("1 lie more than 10 minutes in the future") && answer.message.contains("2 are too old"), "{}", answer.message);
}
