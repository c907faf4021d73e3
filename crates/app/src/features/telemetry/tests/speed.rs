//! Many senders at once: every acknowledged span is counted, once. It also prints how many a second became durable:
//! `cargo test --release -p quarterdeck-app telemetry::tests::speed -- --include-ignored --nocapture`.

use std::time::Instant;

use super::world::{Hit, World, hit, otlp, submit};
use crate::features::telemetry::ingest::read_traces;
use crate::features::telemetry::otlp::Encoding;

const ROUTES: [&str; 40] = [
    "/", "/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i", "/j", "/k", "/l", "/m", "/n", "/o", "/p", "/q", "/r", "/s", "/t", "/u", "/v", "/w",
    "/x", "/y", "/z", "/aa", "/ab", "/ac", "/ad", "/ae", "/af", "/ag", "/ah", "/ai", "/aj", "/ak", "/al", "/am",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_span_of_many_senders_counts_on_sqlite() {
    every_span_counts(World::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
async fn every_span_of_many_senders_counts_on_postgres() {
    every_span_counts(World::postgres().await).await;
}

async fn every_span_counts(world: World) {
    world.start();
    let hits: Vec<Hit> = (0..100_u64).map(|n| hit(ROUTES[n as usize % ROUTES.len()], 5 + n * 7 % 400)).collect();
    let body = otlp(&hits);
    let (senders, each) = (16_u32, 20_u32);
    let started = Instant::now();
    let tasks: Vec<_> = (0..senders)
        .map(|_| {
            let (app, body) = (world.app.clone(), body.clone());
            tokio::spawn(async move {
                for _ in 0..each {
                    let load = read_traces(Encoding::Protobuf, &body, app.now()).unwrap();
                    submit(&app, load).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (spans, seconds) = (senders * each * 100, started.elapsed().as_secs_f64());
    println!("{} spans of {} bytes in {seconds:.2} s: {:.0} spans/s", spans, body.len() / 100, f64::from(spans) / seconds);
    let now = world.app.now();
    let stored = crate::features::telemetry::routes(&world.app, None, now.plus_seconds(-3_600), now.plus_seconds(3_600), usize::MAX - 1)
        .await
        .unwrap()
        .endpoints;
    assert_eq!(stored.iter().map(|route| route.request_count).sum::<u64>(), u64::from(spans));
    world.end().await;
}
