//! The maintenance state: heard at once, held while nobody answers.

use std::time::{Duration, Instant};

use client::{Audience, Endpoint, FailMode, Maintenance, MaintenanceOptions, Origin};
use http::Method;
use serde_json::{Value, json};

use crate::fake::{Fake, until};

fn global() -> Value {
    json!({ "revision": 0, "mode": "global_readonly", "globalReadonly": true, "blocksWrites": "all", "retryAfterSeconds": 1800, "message": "Moving house",
        "allow": ["/webhooks/*"], "failMode": "last_known" })
}

fn blocked(maintenance: &Maintenance) -> bool {
    maintenance.blocked(&Method::POST, "/orders", None, None).is_some()
}

#[tokio::test]
async fn a_change_is_obeyed_at_once() {
    let fake = Fake::start().await;
    let maintenance = Maintenance::start(fake.endpoint(), MaintenanceOptions::default());
    assert!(maintenance.ready(Duration::from_secs(5)).await && !blocked(&maintenance));
    assert_eq!((maintenance.now().origin, maintenance.revision(), maintenance.mode().as_str()), (Origin::Server, Some(1), "none"));
    until("it listens", || async { fake.asked("GET /api/v1/maintenance/events") == 1 }).await;
    let mut news = maintenance.watch();
    let begun = Instant::now();
    fake.change(|scene| scene.maintenance = global());
    until("it is obeyed", || async { blocked(&maintenance) }).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert!(news.has_changed().unwrap() && maintenance.revision() == Some(2));
    let said = maintenance.blocked(&Method::DELETE, "/orders", None, None).unwrap();
    assert_eq!((said.mode.as_str(), said.message.as_str()), ("global_readonly", "Moving house"));
    assert!((1_790..=1_800).contains(&said.retry_after), "{}", said.retry_after);
    assert!(maintenance.blocked(&Method::POST, "/webhooks/stripe", None, None).is_none());
    for reading in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert!(maintenance.blocked(&reading, "/orders", None, None).is_none());
    }
    assert_eq!(fake.scene.lock().unwrap().resumed.as_slice(), [Some("1".to_owned())], "it listens from the state that it has");
    news.mark_unchanged();
    fake.change(|scene| scene.maintenance = json!({ "revision": 3 }));
    until("it is over", || async { !blocked(&maintenance) }).await;
}

#[tokio::test]
async fn the_last_known_state_holds_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let options = || MaintenanceOptions { directory: Some(directory.path().into()), poll: Duration::from_secs(1), ..MaintenanceOptions::default() };
    let mut fake = Fake::start().await;
    fake.change(|scene| scene.maintenance = global());
    let first = Maintenance::start(fake.endpoint(), options());
    until("it is obeyed", || async { blocked(&first) }).await;
    fake.stop().await;
    until("it is on disk", || async { directory.path().join("maintenance.json").exists() }).await;
    assert!(blocked(&first));
    drop(first);
    let second = Maintenance::start(fake.endpoint(), options());
    assert!(blocked(&second), "from the first request on");
    assert_eq!((second.now().origin, second.revision()), (Origin::LastKnown, Some(2)));
    let elsewhere = Maintenance::start(Endpoint::new("http://127.0.0.1:1").unwrap(), options());
    assert!(!blocked(&elsewhere), "another server's state means nothing");
    fake.scene.lock().unwrap().maintenance = json!({ "revision": 2 });
    fake.resume().await;
    until("it is heard again", || async { !blocked(&second) }).await;
    assert_eq!(second.now().origin, Origin::Server);
}

#[tokio::test]
async fn the_fail_mode_decides_once_the_server_is_lost() {
    for (mode, before, after) in [("last_known", true, true), ("open", true, false), ("closed", false, true)] {
        let mut fake = Fake::start().await;
        fake.change(|scene| {
            scene.maintenance = if before { global() } else { json!({ "revision": 0, "allow": ["/sign-in"] }) };
            scene.maintenance["failMode"] = json!(mode);
        });
        let options = MaintenanceOptions { lost_after: Duration::from_millis(400), ..MaintenanceOptions::default() };
        let maintenance = Maintenance::start(fake.endpoint(), options);
        assert!(maintenance.ready(Duration::from_secs(5)).await);
        fake.stop().await;
        until(mode, || async { maintenance.now().origin == Origin::LastKnown }).await;
        assert_eq!(blocked(&maintenance), after, "{mode}");
        assert_eq!(maintenance.mode() == "unknown", mode != "last_known", "the header does not claim what nobody knows");
        assert!(maintenance.blocked(&Method::POST, "/sign-in", None, None).is_none() || mode == "last_known");
    }
}

#[tokio::test]
async fn before_anything_is_known_the_application_decides() {
    let mut fake = Fake::start().await;
    fake.stop().await;
    let open = Maintenance::start(fake.endpoint(), MaintenanceOptions::default());
    let options = MaintenanceOptions { unknown: FailMode::Closed, allow: vec!["/sign-in".into()], ..MaintenanceOptions::default() };
    let closed = Maintenance::start(fake.endpoint(), options);
    assert!(!blocked(&open) && blocked(&closed) && closed.blocked(&Method::POST, "/sign-in", None, None).is_none());
    for one in [&open, &closed] {
        assert_eq!((one.now().origin, one.revision(), one.mode().as_str()), (Origin::Nothing, None, "unknown"));
    }
    let off = Maintenance::off();
    assert!(!blocked(&off) && off.mode() == "none");
}

#[tokio::test]
async fn without_a_stream_it_is_polled() {
    let fake = Fake::start().await;
    fake.scene.lock().unwrap().streamless = true;
    let options = MaintenanceOptions { poll: Duration::from_secs(1), ..MaintenanceOptions::default() };
    let maintenance = Maintenance::start(fake.endpoint(), options);
    assert!(maintenance.ready(Duration::from_secs(5)).await);
    fake.change(|scene| scene.maintenance = global());
    until("it is obeyed", || async { blocked(&maintenance) }).await;
}

#[tokio::test]
async fn everybody_is_told_what_is_for_them() {
    let fake = Fake::start().await;
    let window = |id: &str, audience: &str, vendors: Value, message: &str| json!({ "id": id, "phase": "announced", "audience": audience, "vendors": vendors, "message": message });
    fake.change(|scene| {
        let windows = [
            window("1", "all", json!(null), "all"),
            window("2", "vendors", json!(null), "vendors"),
            window("3", "vendors", json!(["v2"]), "v2"),
            window("4", "admins", json!(null), "admins"),
            window("5", "all", json!(null), " "),
        ];
        scene.maintenance["windows"] = json!(windows);
    });
    let maintenance = Maintenance::start(fake.endpoint(), MaintenanceOptions::default());
    assert!(maintenance.ready(Duration::from_secs(5)).await);
    let heard = |audience| maintenance.notices(audience).into_iter().map(|notice| notice.message).collect::<Vec<_>>();
    assert_eq!(heard(Audience::Everybody), ["all"]);
    assert_eq!(heard(Audience::Vendor("v1")), ["all", "vendors"]);
    assert_eq!(heard(Audience::Vendor("v2")), ["all", "vendors", "v2"]);
    assert_eq!(heard(Audience::Admin), ["all", "vendors", "v2", "admins"]);
}
