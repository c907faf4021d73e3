//! Heartbeats: who runs here, and what it obeys.

use std::time::Duration;

use client::{Deploy, Instance, InstanceOptions, Maintenance, MaintenanceOptions};
use serde_json::{Value, json};

use crate::fake::{Fake, until};

#[tokio::test]
async fn an_instance_tells_what_runs_what_it_obeys_and_no_secret() {
    let fake = Fake::start().await;
    let maintenance = Maintenance::start(fake.endpoint(), MaintenanceOptions::default());
    assert!(maintenance.ready(Duration::from_secs(5)).await);
    let mut options = InstanceOptions::from_env("web").shown("ZONE", Some("UTC".into())).secret("KEY", Some("what do ya want for nothing?".into()));
    (options.sha, options.version) = (Some("abc".into()), Some("2.4.3".into()));
    let instance = Instance::start(fake.endpoint(), options, maintenance.clone());
    let told = || fake.scene.lock().unwrap().told.clone();
    until("two beats", || async { told().len() >= 2 }).await;
    let (first, second) = (told()[0].clone(), told()[1].clone());
    assert_eq!((&first["service"], &first["sha"], &first["version"], &first["revision"]), (&json!("web"), &json!("abc"), &json!("2.4.3"), &json!(1)));
    assert!(first["config"].is_null() && first["startedAt"].as_str().unwrap().ends_with('Z'));
    let config = json!({
        "KEY": { "set": true, "value": null, "fingerprint": "5bdcc146" },
        "ZONE": { "set": true, "value": "UTC", "fingerprint": second["config"]["ZONE"]["fingerprint"] },
    });
    assert_eq!(second["config"], config);
    fake.change(|_| {});
    until("the new revision is told at once", || async { told().last().unwrap()["revision"] == 2 }).await;
    instance.release(Some("def".into()), Some("2.5.0".into()));
    until("the new release is told at once", || async { told().last().unwrap()["sha"] == "def" }).await;
    assert!(told().iter().all(|beat| beat["instance"] == first["instance"] && beat["startedAt"] == first["startedAt"]));
}

#[tokio::test]
async fn a_deploy_is_told_once() {
    let mut fake = Fake::start().await;
    let deploy = Deploy { service: "web".into(), sha: "abc".into(), environment: Some("demo".into()), status: "live".into(), ..Deploy::default() };
    deploy.record(&fake.endpoint()).await.unwrap();
    let told: Vec<Value> = fake.scene.lock().unwrap().told.clone();
    assert_eq!(told, [json!({ "service": "web", "sha": "abc", "environment": "demo", "status": "live" })]);
    fake.stop().await;
    assert!(deploy.record(&fake.endpoint()).await.unwrap_err().contains("no answer"));
}
