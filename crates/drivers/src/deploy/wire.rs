//! Render's answers, read leniently: the real ones break its own description, and new words appear.

use qd_core::Timestamp;
use qd_core::port::{DeployState, DeployTarget, ProviderDeploy};
use serde_json::Value;

fn text(value: &Value, path: &str) -> Option<String> {
    value.pointer(path).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(|text| text.chars().take(1_000).collect())
}

fn time(value: &Value, path: &str) -> Option<Timestamp> {
    text(value, path).and_then(|text| Timestamp::parse(&text))
}

/// A deploy: `{id, commit?: {id, message, createdAt}, image?: {ref, sha}, status, trigger, startedAt, finishedAt, createdAt}`.
pub fn deploy(value: &Value) -> Option<ProviderDeploy> {
    let word = text(value, "/status").unwrap_or_else(|| "unknown".into());
    let image = text(value, "/image/sha").map(|sha| sha.trim_start_matches("sha256:").to_owned());
    Some(ProviderDeploy {
        id: text(value, "/id")?,
        build: text(value, "/commit/id").or(image),
        message: text(value, "/commit/message"),
        commit_at: time(value, "/commit/createdAt"),
        state: state(&word),
        trigger: text(value, "/trigger"),
        started_at: time(value, "/startedAt").or_else(|| time(value, "/createdAt")),
        finished_at: time(value, "/finishedAt"),
        word,
    })
}

/// A deactivated deploy was live until another one replaced it. A word that is not known yet counts as running: it is looked at again.
fn state(word: &str) -> DeployState {
    match word {
        "live" | "deactivated" => DeployState::Live,
        "canceled" | "cancelled" => DeployState::Canceled,
        word if word.ends_with("_failed") || word == "failed" => DeployState::Failed,
        _ => DeployState::Running,
    }
}

/// A list of `{cursor, deploy}`, or of deploys. What is none of them is left out.
pub fn deploys(value: &Value) -> Vec<ProviderDeploy> {
    value.as_array().into_iter().flatten().filter_map(|item| deploy(item.get("deploy").unwrap_or(item))).collect()
}

/// A service: `{id, name, autoDeploy: "yes" | "no"}`.
pub fn target(value: &Value) -> Option<DeployTarget> {
    let value = value.get("service").unwrap_or(value);
    let said = match value.get("autoDeploy") {
        Some(Value::String(word)) if word == "yes" => Some(true),
        Some(Value::String(word)) if word == "no" => Some(false),
        Some(Value::Bool(on)) => Some(*on),
        _ => None,
    };
    let id = text(value, "/id")?;
    Some(DeployTarget { name: text(value, "/name").unwrap_or_else(|| id.clone()), auto_deploy: said, id })
}

/// What an error says: `{id?, message}`.
pub fn message(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    text(&value, "/message").map(|text| text.chars().filter(|c| !c.is_control()).take(200).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn deploys_are_read_with_and_without_their_parts() {
        let list = json!([
            { "cursor": "c1", "deploy": { "id": "dep-1", "status": "live", "trigger": "new_commit", "startedAt": "2026-11-22T10:00:00Z",
              "finishedAt": "2026-11-22T10:03:00.5Z", "commit": { "id": "4d7c3a9f", "message": "Fix", "createdAt": "2026-11-22T09:00:00Z" } } },
            { "cursor": "c2", "deploy": { "id": "dep-2", "status": "pre_deploy_failed", "commit": null, "image": { "ref": "x:1", "sha": "sha256:abcdef12" } } },
            { "id": "dep-3", "status": "a_new_word" },
            { "cursor": "c4", "deploy": { "status": "live" } },
            7, null, "x", [],
        ]);
        let found = deploys(&list);
        let states: Vec<_> = found.iter().map(|deploy| (deploy.id.as_str(), deploy.build.as_deref(), deploy.state)).collect();
        let wanted =
            [("dep-1", Some("4d7c3a9f"), DeployState::Live), ("dep-2", Some("abcdef12"), DeployState::Failed), ("dep-3", None, DeployState::Running)];
        assert_eq!(states, wanted);
        assert_eq!(found[0].commit_at, Timestamp::parse("2026-11-22T09:00:00Z"));
        assert!(deploys(&json!({ "message": "no" })).is_empty());
    }

    #[test]
    fn services_say_whether_they_deploy_by_themselves() {
        let on = target(&json!({ "id": "srv-1", "name": "web", "autoDeploy": "yes" })).unwrap();
        let off = target(&json!({ "service": { "id": "srv-1", "autoDeploy": "no" } })).unwrap();
        let silent = target(&json!({ "id": "srv-1", "autoDeploy": 3 })).unwrap();
        assert_eq!((on.auto_deploy, off.auto_deploy, off.name.as_str(), silent.auto_deploy), (Some(true), Some(false), "srv-1", None));
        assert!(target(&json!({ "name": "web" })).is_none());
    }
}
