//! Telling what runs: each process says at its start and every few seconds which commit it is, how it is configured, and which revision of flags
//! and maintenance it obeys.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use tokio::sync::watch;

use crate::backoff::Backoff;
use crate::endpoint::{Endpoint, Fault, checked, json as read};
use crate::flags::Tasks;
use crate::maintenance::Maintenance;
use crate::time;

/// Where builders and platforms say which commit it is: Render, images of our own, Heroku, GitHub, GitLab, Vercel, Railway, Cloud Build.
const SHA: &[&str] = &[
    "GIT_SHA", "GIT_COMMIT", "RENDER_GIT_COMMIT", "SOURCE_VERSION", "HEROKU_SLUG_COMMIT", "HEROKU_BUILD_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA",
    "VERCEL_GIT_COMMIT_SHA", "RAILWAY_GIT_COMMIT_SHA", "COMMIT_SHA",
];
const BRANCH: &[&str] =
    &["GIT_BRANCH", "RENDER_GIT_BRANCH", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "VERCEL_GIT_COMMIT_REF", "RAILWAY_GIT_BRANCH", "BRANCH_NAME"];
const ENVIRONMENT: &[&str] = &["DEPLOYMENT_ENVIRONMENT", "APP_ENV", "RAILWAY_ENVIRONMENT_NAME", "VERCEL_ENV", "ENVIRONMENT"];
const INSTANCE: &[&str] = &["RENDER_INSTANCE_ID", "RAILWAY_REPLICA_ID", "DYNO", "POD_NAME", "HOSTNAME"];
/// When the server says nothing else.
const BEAT: Duration = Duration::from_secs(15);
/// Longest pause after failures.
const MOST: Duration = Duration::from_secs(60);
/// A change is told of at once, but not more often than this.
const AT_ONCE: Duration = Duration::from_millis(50);

/// One piece of configuration, as it is told.
#[derive(Clone, PartialEq, Eq)]
pub enum Setting {
    /// May be shown.
    Shown(Option<String>),
    /// Is never sent: only whether it is set, and a keyed fingerprint by which two instances can be compared.
    Secret(Option<String>),
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown(value) => f.debug_tuple("Shown").field(value).finish(),
            Self::Secret(value) => f.debug_tuple("Secret").field(&value.as_ref().map(|_| "••••")).finish(),
        }
    }
}

/// What an instance tells of itself.
#[derive(Clone, Debug)]
pub struct InstanceOptions {
    /// Name of the service, `web` for example.
    pub service: String,
    /// Commit.
    pub sha: Option<String>,
    /// Release, as people say it.
    pub version: Option<String>,
    /// Branch.
    pub branch: Option<String>,
    /// Environment; the server's own unless a variable or the application says otherwise.
    pub environment: Option<String>,
    /// Names this process among those of the service.
    pub instance: String,
    /// What it is configured with.
    pub settings: BTreeMap<String, Setting>,
}

impl InstanceOptions {
    /// What the well-known variables of build systems and platforms say.
    pub fn from_env(service: impl Into<String>) -> Self {
        Self::from_variables(service.into(), |name| std::env::var(name).ok())
    }

    fn from_variables(service: String, read: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| names.iter().find_map(|name| read(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()));
        let place = first(INSTANCE).unwrap_or_default();
        let place: String = place.chars().filter(|letter| letter.is_ascii_alphanumeric() || "._-".contains(*letter)).take(40).collect();
        let place = if place.starts_with(|letter: char| letter.is_ascii_alphanumeric()) { place } else { format!("host{place}") };
        Self {
            service,
            sha: first(SHA),
            version: None,
            branch: first(BRANCH),
            environment: first(ENVIRONMENT),
            // Several processes on a host, and one after another, are different instances.
            instance: format!("{place}-{}-{:08x}", std::process::id(), rand::random::<u32>()),
            settings: BTreeMap::new(),
        }
    }

    /// With a setting whose value may be shown.
    #[must_use]
    pub fn shown(mut self, name: &str, value: Option<String>) -> Self {
        self.settings.insert(name.to_owned(), Setting::Shown(value));
        self
    }

    /// With a setting of which only a fingerprint is told.
    #[must_use]
    pub fn secret(mut self, name: &str, value: Option<String>) -> Self {
        self.settings.insert(name.to_owned(), Setting::Secret(value));
        self
    }
}

/// A running heartbeat. The last clone that is dropped ends it.
#[derive(Clone, Debug)]
pub struct Instance {
    told: watch::Sender<Release>,
    _tasks: Arc<Tasks>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Release {
    sha: Option<String>,
    version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reply {
    fingerprint_key: Option<String>,
    heartbeat_seconds: Option<u64>,
}

impl Instance {
    /// Tells `endpoint` now and from now on. Must be called inside a tokio runtime; returns at once.
    pub fn start(endpoint: Endpoint, options: InstanceOptions, maintenance: Maintenance) -> Self {
        let told = watch::Sender::new(Release { sha: options.sha.clone(), version: options.version.clone() });
        let beat = Beat { endpoint, options, maintenance, release: told.subscribe(), key: None, started_at: time::rfc3339(time::unix()) };
        let task = tokio::spawn(beat.run());
        Self { told, _tasks: Arc::new(Tasks(vec![task.abort_handle()])) }
    }

    /// Another release runs in this process from now on.
    pub fn release(&self, sha: Option<String>, version: Option<String>) {
        let release = Release { sha, version };
        self.told.send_if_modified(|told| std::mem::replace(told, release.clone()) != release);
    }
}

struct Beat {
    endpoint: Endpoint,
    options: InstanceOptions,
    maintenance: Maintenance,
    release: watch::Receiver<Release>,
    key: Option<Vec<u8>>,
    started_at: String,
}

impl Beat {
    async fn run(mut self) {
        let mut backoff = Backoff::new(MOST);
        let mut obeyed = self.maintenance.watch();
        let mut failing = false;
        loop {
            let first = self.key.is_none();
            let pause = match self.tell().await {
                Ok(reply) => {
                    backoff.reset();
                    failing = false;
                    // The key came with this answer: now the configuration can be told.
                    if first && self.key.is_some() { AT_ONCE } else { pause_of(&reply) }
                }
                Err(fault) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%fault, "Quarterdeck was not told what runs here");
                    }
                    backoff.pause()
                }
            };
            let news = async {
                tokio::select! {
                    Ok(()) = obeyed.changed() => {}
                    Ok(()) = self.release.changed() => {}
                    else => std::future::pending().await,
                }
                tokio::time::sleep(AT_ONCE).await;
            };
            // Gone wrong: news must not drive us to ask more often.
            if failing {
                tokio::time::sleep(pause).await;
            } else {
                // Its end without news is the next beat.
                tokio::time::timeout(pause, news).await.unwrap_or(());
            }
        }
    }

    async fn tell(&mut self) -> Result<Reply, Fault> {
        let release = self.release.borrow_and_update().clone();
        let InstanceOptions { service, branch, environment, instance, .. } = &self.options;
        let mut body = json!({
            "instance": instance, "service": service, "sha": release.sha, "version": release.version, "branch": branch,
            "environment": environment, "startedAt": self.started_at,
        });
        if let (Some(revision), Some(body)) = (self.maintenance.revision(), body.as_object_mut()) {
            body.insert("revision".into(), json!(revision));
        }
        if let (Some(config), Some(body)) = (self.configuration(), body.as_object_mut()) {
            body.insert("config".into(), config);
        }
        let answer = checked(self.endpoint.request(Method::POST, "/api/v1/instances").json(&body).send().await?)?;
        if !answer.status().is_success() {
            return Err(Fault::Odd(format!("status {}", answer.status().as_u16())));
        }
        let reply: Reply = read(answer).await?;
        self.key = reply.fingerprint_key.as_deref().and_then(|key| hex::decode(key).ok()).or(self.key.take());
        Ok(reply)
    }

    fn configuration(&self) -> Option<Value> {
        let key = self.key.as_deref()?;
        let told = self.options.settings.iter().map(|(name, setting)| (name.clone(), told(key, setting)));
        Some(Value::Object(told.collect::<Map<_, _>>()))
    }
}

fn pause_of(reply: &Reply) -> Duration {
    reply.heartbeat_seconds.map_or(BEAT, |seconds| Duration::from_secs(seconds.clamp(5, 300)))
}

fn told(key: &[u8], setting: &Setting) -> Value {
    let (shown, value) = match setting {
        Setting::Shown(value) => (value.clone(), value),
        Setting::Secret(value) => (None, value),
    };
    let fingerprint = value.as_ref().map(|value| fingerprint(key, value));
    json!({ "set": value.is_some(), "value": shown, "fingerprint": fingerprint })
}

/// The first 8 hex digits of HMAC-SHA256: enough to see a difference, too little to search for a value without the key.
fn fingerprint(key: &[u8], value: &str) -> String {
    let made = Hmac::<Sha256>::new_from_slice(key).map(|hmac| hex::encode(hmac.chain_update(value).finalize().into_bytes()));
    made.unwrap_or_default().chars().take(8).collect()
}

/// A deploy, as `POST /api/admin/ops/deployments` takes it (token scope `deploys:write`).
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deploy {
    /// Service.
    pub service: String,
    /// Environment; the server's own if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Commit, or the release where there is none.
    pub sha: String,
    /// Branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// What changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `live`, `failed`, `canceled` or `in_progress`.
    pub status: String,
}

impl Deploy {
    /// Tells it once. The text of the error is for a log.
    ///
    /// # Errors
    /// When the server is away or refuses.
    pub async fn record(&self, endpoint: &Endpoint) -> Result<(), String> {
        let told = async {
            let answer = checked(endpoint.request(Method::POST, "/api/admin/ops/deployments").json(self).send().await?)?;
            if answer.status().is_success() { Ok(()) } else { Err(Fault::Odd(format!("status {}", answer.status().as_u16()))) }
        };
        told.await.map_err(|fault| fault.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_of_platforms_are_known() {
        let read = |name: &str| match name {
            "RENDER_GIT_COMMIT" => Some("abc".to_owned()),
            "RENDER_GIT_BRANCH" => Some("main".into()),
            "GIT_SHA" => Some(" ".into()),
            "RENDER_INSTANCE_ID" => Some("srv-1".into()),
            _ => None,
        };
        let told = InstanceOptions::from_variables("web".into(), read);
        assert_eq!((told.sha.as_deref(), told.branch.as_deref(), told.environment), (Some("abc"), Some("main"), None));
        assert!(told.instance.starts_with("srv-1-"));
    }

    #[test]
    fn secrets_are_told_by_fingerprint_only() {
        let options = InstanceOptions::from_env("web").secret("KEY", Some("hunter22".into())).shown("ZONE", Some("UTC".into()));
        assert!(!format!("{options:?}").contains("hunter22"));
        let secret = told(b"Jefe", &Setting::Secret(Some("what do ya want for nothing?".into())));
        assert_eq!(secret, json!({ "set": true, "value": null, "fingerprint": "5bdcc146" }), "RFC 4231, test case 2");
        assert_eq!(told(b"k", &Setting::Secret(None)), json!({ "set": false, "value": null, "fingerprint": null }));
        assert_eq!(told(b"k", &Setting::Shown(Some("UTC".into())))["value"], "UTC");
    }
}
