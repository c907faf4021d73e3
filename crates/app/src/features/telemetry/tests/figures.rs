//! The live window, the readings of the API card, and the figures of a stretch.

use qd_core::reading::{Reading, Status};

use super::both;
use super::world::{Hit, NOW, World, hit, send};
use crate::features::telemetry::endpoints::sample_once;
use crate::features::telemetry::{Range, rank_once, routes, services, slow_endpoints, slowest, window};

async fn reading(world: &World, key: &str) -> Reading {
    sample_once(&world.app).await.unwrap();
    world.app.board.get(key, world.app.now()).unwrap()
}

fn many(hit: Hit, count: usize) -> Vec<Hit> {
    vec![hit; count]
}

async fn before_the_first_span_nothing_is_known(world: &World) {
    let found = reading(world, "api.p95").await;
    assert_eq!((found.status, found.value, found.reason.as_deref()), (Status::Unknown, None, Some("No span since the start of this process.")));
}

async fn the_worst_route_is_named(world: &World) {
    world.start();
    let slow = many(hit("/slow", 1_400), 10);
    let failing = many(Hit { status: 502, ..hit("/pay", 40) }, 4);
    send(&world.app, &[many(hit("/fast", 20), 86), slow, failing].concat()).await;
    let p95 = reading(world, "api.p95").await;
    assert_eq!((p95.status, p95.unit, p95.source.as_str(), p95.taken_at, p95.fresh_for), (Status::Crit, "ms", "OTLP", Some(NOW), 45));
    let reason = p95.reason.unwrap();
    assert!(reason.contains("limit 1000 ms") && reason.contains("Slowest: GET /slow of web"), "{reason}");
    let errors = reading(world, "api.error_rate").await;
    assert_eq!((errors.status, errors.value), (Status::Warn, Some(4.0)));
    assert!(errors.reason.unwrap().contains("Most failures: GET /pay of web, 4 of 4 requests."));
    assert!(reading(world, "api.throughput").await.value.unwrap() > 0.0);
}

async fn few_requests_warn_and_wake_nobody(world: &World) {
    world.start();
    send(&world.app, &many(hit("/slow", 3_000), 19)).await;
    let found = reading(world, "api.p95").await;
    assert_eq!((found.status, found.value.is_some()), (Status::Warn, true));
    assert!(found.reason.unwrap().contains("Only 19 requests in that time"));
}

async fn silence_is_stale_and_keeps_the_value(world: &World) {
    world.start();
    send(&world.app, &many(hit("/a", 80), 30)).await;
    assert_eq!(reading(world, "api.p95").await.status, Status::Ok);
    for (after, wanted) in [(45, Status::Ok), (46, Status::Stale), (120, Status::Stale), (90_000, Status::Unknown)] {
        world.at(NOW.plus_seconds(after));
        let found = reading(world, "api.p95").await;
        assert_eq!(found.status, wanted, "after {after} s");
        assert!((found.value.unwrap() - 80.0).abs() < 1.0);
    }
}

async fn a_restart_reads_the_stored_minute(world: &World) {
    world.start();
    send(&world.app, &many(hit("/a", 80), 30)).await;
    let second = world.second().await;
    second.clock.set(NOW.plus_seconds(20));
    let found = window(&second, None, 60).await.unwrap();
    assert_eq!((found.count, found.last_span_at), (30, Some(NOW)));
    // The first span of the new process takes over; nothing is counted twice in the roll-ups.
    send(&second, &[hit("/a", 80)]).await;
    assert_eq!(window(&second, None, 60).await.unwrap().count, 1);
    let all = routes(&second, None, NOW.plus_seconds(-60), NOW.plus_seconds(60), 100).await.unwrap();
    assert_eq!((all.endpoints[0].request_count, all.cut), (31, false));
    second.clock.set(NOW.plus_seconds(3_600));
    let third = world.second().await;
    third.clock.set(NOW.plus_seconds(3_600));
    assert_eq!(window(&third, None, 60).await.unwrap().last_span_at, None);
    second.db.close().await;
    third.db.close().await;
}

async fn services_are_listed_and_told_apart(world: &World) {
    world.start();
    let other = Hit { service: "jobs\0 '%", ..hit("/x", 5) };
    send(&world.app, &[hit("/a", 80), hit("/a", 90), other]).await;
    let found = services(&world.app).await.unwrap();
    assert_eq!(found.iter().map(|s| (s.service.as_str(), s.count)).collect::<Vec<_>>(), [("jobs '%", 1), ("web", 2)]);
    assert_eq!(window(&world.app, Some("web"), 60).await.unwrap().count, 2);
    assert_eq!(window(&world.app, Some("nobody"), 60).await.unwrap().last_span_at, None);
    let of_web = routes(&world.app, Some("web"), NOW.plus_seconds(-7 * 86_400), NOW.plus_seconds(1), 100).await.unwrap().endpoints;
    assert_eq!(of_web.iter().map(|f| (f.method.as_str(), f.route.as_str(), f.request_count)).collect::<Vec<_>>(), [("GET", "/a", 2)]);
}

async fn one_ranking_answers_many_and_grows_old(world: &World) {
    world.start();
    send(&world.app, &many(hit("/a", 80), 3)).await;
    assert!(slowest(&world.app, 10).is_none(), "nobody ranked yet");
    let asked = Range::default();
    let all = futures::future::join_all((0..20).map(|_| slow_endpoints(&world.app, &asked))).await;
    assert!(all.into_iter().all(|found| found.unwrap().endpoints.len() == 1));
    send(&world.app, &many(hit("/b", 900), 3)).await;
    world.at(NOW.plus_seconds(29));
    let kept = slow_endpoints(&world.app, &asked).await.unwrap();
    assert_eq!((kept.to, kept.total), (NOW, 1), "asked again within half a minute");
    world.at(NOW.plus_seconds(30));
    let fresh = slow_endpoints(&world.app, &asked).await.unwrap();
    assert_eq!((fresh.to, fresh.total, fresh.endpoints[0].route.as_str()), (NOW.plus_seconds(30), 2, "/b"));
    send(&world.app, &many(hit("/c", 9_000), 3)).await;
    rank_once(&world.app).await.unwrap();
    let hour = slowest(&world.app, 2).unwrap();
    assert_eq!((hour.timeframe, hour.total, hour.endpoints.len(), hour.endpoints[0].route.as_str()), ("1h", 3, 2, "/c"));
    // When the database is away, what is in memory stays, with its time.
    world.app.db.close().await;
    world.at(NOW.plus_seconds(600));
    assert!(rank_once(&world.app).await.is_err());
    assert_eq!(slowest(&world.app, 2).unwrap().to, NOW.plus_seconds(30));
}

async fn too_many_rows_are_cut_and_it_is_said(world: &World) {
    world.start();
    for minutes in [0, 1, 2, 15, 16] {
        send(&world.app, &[Hit { end: NOW.plus_seconds(-60 * minutes), ..hit("/a", 80) }]).await;
    }
    let read = async |most| routes(&world.app, None, NOW.plus_seconds(-3_600), NOW.plus_seconds(1), most).await.unwrap();
    let (whole, part) = (read(5).await, read(4).await);
    assert_eq!((whole.endpoints[0].request_count, whole.cut), (5, false));
    let begin = NOW.plus_seconds(-30 - 15 * 60);
    assert_eq!((part.endpoints[0].request_count, part.cut, part.from), (4, true, begin));
}

both!(
    one_ranking_answers_many_and_grows_old,
    too_many_rows_are_cut_and_it_is_said,
    before_the_first_span_nothing_is_known,
    the_worst_route_is_named,
    few_requests_warn_and_wake_nobody,
    silence_is_stale_and_keeps_the_value,
    a_restart_reads_the_stored_minute,
    services_are_listed_and_told_apart,
);
