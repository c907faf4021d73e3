//! Log records: stored once, found again, gone in time.

use qd_core::App;
use serde_json::json;

use super::both;
use super::world::{Hit, NOW, World, hit, send, submit};
use crate::features::telemetry::ingest::{Load, read_logs};
use crate::features::telemetry::otlp::Encoding;
use crate::features::telemetry::{Filter, LogPage, Trimmed, records, trim, warnings};

/// Records of a service: severity, seconds before now, text.
fn logs(app: &App, service: &str, given: &[(i64, i64, &str)]) -> Load {
    let record = |(severity, ago, text): &(i64, i64, &str)| {
        let time = (NOW.0 - ago * 1_000_000) * 1_000;
        json!({"timeUnixNano": time.to_string(), "severityNumber": severity, "body": {"stringValue": text},
            "attributes": [{"key": "user", "value": {"stringValue": "ada\u{0}"}}, {"key": "api_key", "value": {"stringValue": "k"}}]})
    };
    let records: Vec<_> = given.iter().map(record).collect();
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": service}}]});
    let body = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}).to_string();
    read_logs(Encoding::Json, body.as_bytes(), NOW, i64::from(app.config.telemetry.log_hours) * 3_600).unwrap()
}

async fn page(app: &App, filter: Filter) -> LogPage {
    records(app, &filter).await.unwrap()
}

fn bodies(page: &LogPage) -> Vec<&str> {
    page.records.iter().map(|record| record.body.as_str()).collect()
}

async fn records_are_found_newest_first(world: &World) {
    world.start();
    submit(&world.app, logs(&world.app, "web", &[(9, 30, "started"), (17, 10, "payment failed password=x"), (13, 20, "slow 100%_query")]))
        .await
        .unwrap();
    submit(&world.app, logs(&world.app, "jobs", &[(9, 15, "Sent mail")])).await.unwrap();
    let all = page(&world.app, Filter::default()).await;
    assert_eq!(bodies(&all), ["payment failed password=[redacted]", "Sent mail", "slow 100%_query", "started"]);
    assert_eq!(all.records[0].attributes, json!({"user": "ada", "api_key": "[redacted]"}));
    assert_eq!((all.records[0].severity, all.next), ("ERROR", None));
    let text = |text: &str| Filter { text: Some(text.into()), ..Filter::default() };
    assert_eq!(bodies(&page(&world.app, text("SENT")).await), ["Sent mail"]);
    assert_eq!(bodies(&page(&world.app, text("100%_q")).await), ["slow 100%_query"]);
    assert_eq!(bodies(&page(&world.app, text("1%q")).await), Vec::<&str>::new());
    let warn = Filter { service: Some("web".into()), severity: Some("warn".into()), ..Filter::default() };
    assert_eq!(bodies(&page(&world.app, warn).await).len(), 2);
    assert_eq!(warnings(&world.app, "web", 10).await.unwrap().len(), 2);
    assert!(records(&world.app, &Filter { severity: Some("loud".into()), ..Filter::default() }).await.is_err());
}

async fn pages_follow_each_other_without_gap(world: &World) {
    world.start();
    let given: Vec<(i64, i64, String)> = (0..25).map(|n| (9, n / 3, format!("record {n}"))).collect();
    let given: Vec<(i64, i64, &str)> = given.iter().map(|(severity, ago, text)| (*severity, *ago, text.as_str())).collect();
    submit(&world.app, logs(&world.app, "web", &given)).await.unwrap();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let found = page(&world.app, Filter { before, limit: Some(10), ..Filter::default() }).await;
        seen.extend(found.records.into_iter().map(|record| record.id));
        before = found.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.is_sorted_by(|newer, older| newer > older));
}

async fn a_batch_that_is_sent_twice_is_stored_once(world: &World) {
    world.start();
    for _ in 0..2 {
        // Two equal records of one batch are two.
        submit(&world.app, logs(&world.app, "web", &[(9, 1, "tick"), (9, 1, "tick")])).await.unwrap();
    }
    assert_eq!(page(&world.app, Filter::default()).await.records.len(), 2);
}

async fn what_is_old_goes(world: &World) {
    world.start();
    submit(&world.app, logs(&world.app, "web", &[(9, 70 * 3_600, "old"), (9, 1, "new")])).await.unwrap();
    for days in 0..4 {
        world.at(NOW.plus_seconds(-days * 86_400));
        send(&world.app, &[Hit { end: world.app.now(), ..hit("/a", 10) }]).await;
    }
    world.at(NOW);
    assert_eq!(trim(&world.app).await.unwrap(), Trimmed::default());
    world.at(NOW.plus_seconds(3 * 3_600));
    assert_eq!(trim(&world.app).await.unwrap(), Trimmed { records: 1, ..Trimmed::default() });
    world.at(NOW.plus_seconds(28 * 86_400));
    assert_eq!(trim(&world.app).await.unwrap(), Trimmed { records: 1, rollups: 4, more: false });
}

both!(records_are_found_newest_first, pages_follow_each_other_without_gap, a_batch_that_is_sent_twice_is_stored_once, what_is_old_goes);

#[tokio::test]
async fn the_oldest_records_go_when_there_are_too_many() {
    let world = World::sqlite_with(|config| config.telemetry.log_rows = 3).await;
    world.start();
    submit(&world.app, logs(&world.app, "web", &[(9, 5, "e"), (9, 4, "d"), (9, 3, "c"), (9, 2, "b"), (9, 1, "a")])).await.unwrap();
    assert_eq!(trim(&world.app).await.unwrap().records, 2);
    assert_eq!(bodies(&page(&world.app, Filter::default()).await), ["a", "b", "c"]);
    world.end().await;
}
