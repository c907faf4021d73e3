//! GitHub's `deployment` and `deployment_status` events.

use qd_core::Timestamp;
use serde_json::Value;

use crate::features::deploys::record::{Record, Source, Status};

fn text(value: &Value, path: &str) -> Option<String> {
    value.pointer(path).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn time(value: &Value, path: &str) -> Option<Timestamp> {
    text(value, path).and_then(|text| Timestamp::parse(&text))
}

/// The deploy that an event tells of; `None` for one that tells of none.
pub fn read(kind: &str, event: &Value) -> Option<Record> {
    let status = match kind {
        "deployment" => Status::InProgress,
        "deployment_status" => status_of(event.pointer("/deployment_status/state")?.as_str()?)?,
        _ => return None,
    };
    let id = event.pointer("/deployment/id").filter(|id| id.is_i64() || id.is_u64())?.to_string();
    // GitHub's environments may be called "Production (eu)".
    let environment = text(event, "/deployment/environment").unwrap_or_else(|| "production".into());
    let branch = text(event, "/deployment/ref").filter(|name| !crate::features::deploys::record::is_commit(name));
    let over = status.is_over();
    let said = text(event, "/deployment_status/description").filter(|_| status == Status::Failed);
    Some(Record {
        service: text(event, "/deployment/payload/service").or_else(|| text(event, "/repository/name")).map(|name| tidy(&name))?,
        environment: tidy(&environment).to_ascii_lowercase(),
        sha: text(event, "/deployment/sha")?,
        branch,
        author: text(event, "/deployment/creator/login"),
        message: text(event, "/deployment/description"),
        url: text(event, "/deployment_status/log_url").or_else(|| text(event, "/deployment_status/target_url")),
        status,
        source: Source::Github,
        external_id: Some(id),
        started_at: time(event, "/deployment/created_at"),
        finished_at: time(event, "/deployment_status/created_at").filter(|_| over),
        commit_at: None,
        rollback_of: None,
        error: said,
    })
}

/// `inactive` says that another deploy has replaced it: nothing new.
fn status_of(state: &str) -> Option<Status> {
    match state {
        "pending" | "queued" | "in_progress" | "waiting" => Some(Status::InProgress),
        "success" => Some(Status::Live),
        "failure" | "error" => Some(Status::Failed),
        _ => None,
    }
}

/// A name of ours from a name of theirs.
fn tidy(name: &str) -> String {
    let text: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/') { c } else { '-' }).take(80).collect();
    text.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_deployment_begins_and_ends() {
        let deployment = json!({ "id": 87_972_451, "sha": "f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "ref": "main", "environment": "Production (eu)",
            "description": null, "creator": { "login": "octocat" }, "created_at": "2026-11-22T20:19:45Z", "payload": {} });
        let begun = read("deployment", &json!({ "deployment": deployment, "repository": { "name": "shop" } })).unwrap();
        assert_eq!((begun.service.as_str(), begun.environment.as_str(), begun.status), ("shop", "production--eu", Status::InProgress));
        assert_eq!((begun.branch.as_deref(), begun.external_id.as_deref(), begun.finished_at), (Some("main"), Some("87972451"), None));
        let status =
            json!({ "state": "failure", "description": "Health check failed", "created_at": "2026-11-22T20:24:45Z", "log_url": "https://x/1" });
        let over =
            read("deployment_status", &json!({ "deployment": deployment, "deployment_status": status, "repository": { "name": "shop" } })).unwrap();
        assert_eq!((over.status, over.error.as_deref(), over.url.as_deref()), (Status::Failed, Some("Health check failed"), Some("https://x/1")));
        assert_eq!(over.finished_at, Timestamp::parse("2026-11-22T20:24:45Z"));
        for odd in
            [json!({}), json!([]), json!(null), json!({ "deployment": { "id": "x" } }), json!({ "deployment_status": { "state": "inactive" } })]
        {
            assert!(read("deployment", &odd).is_none() && read("deployment_status", &odd).is_none() && read("push", &odd).is_none());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_json_is_survived(raw in "\\PC{0,200}", state in "[a-z_]{0,12}", name in "\\PC{0,90}") {
            if let Ok(value) = serde_json::from_str::<Value>(&raw) {
                let _ = read("deployment", &value);
            }
            let event = json!({ "deployment": { "id": 1, "sha": name, "environment": name, "payload": { "service": name } }, "deployment_status": { "state": state } });
            let _ = read("deployment_status", &event).map(|record| record.checked(Timestamp::from_seconds(1_800_000_000)));
        }
    }
}
