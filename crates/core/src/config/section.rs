//! The sections: what each key means, in the words of `config.default.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// `[server]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port.
    pub listen: String,
    /// URL that people use.
    pub public_url: String,
    /// Name of the environment.
    pub environment: String,
    /// Proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<String>,
    /// Networks that may reach the admin side.
    pub admin_networks: Vec<String>,
}

/// `[storage]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Our own database; a secret because it may hold a password.
    pub database_url: Secret,
    /// Directory of files.
    pub data_dir: PathBuf,
}

/// `[platform]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// Name on every screen.
    pub name: String,
    /// The platform's database.
    pub database_url: Secret,
    /// IANA zone of schedules and calendar days.
    pub time_zone: String,
}

/// `[security]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// Hours until an unused session ends.
    pub session_idle_hours: u32,
    /// Hours until every session ends.
    pub session_max_hours: u32,
    /// Wrong passwords before a pause.
    pub login_attempts: u32,
    /// Minutes of the pause.
    pub login_pause_minutes: u32,
}

/// `[telemetry]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// MiB of one request's body after decompression.
    pub max_body_mib: usize,
    /// Requests that may wait for the writer.
    pub queue: usize,
    /// Days that roll-ups are kept.
    pub rollup_days: u32,
    /// Hours that log records are kept.
    pub log_hours: u32,
    /// Most log records kept.
    pub log_rows: u64,
    /// Most routes per service.
    pub max_routes: usize,
}

/// `[audit]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// File of anchored checkpoints.
    pub anchor_file: String,
    /// File of the signing key.
    pub key_file: String,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Filter.
    pub level: String,
    /// Whether a daily file is written too.
    pub file: bool,
}

/// `[cache]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// The platform's Redis; a secret because it may hold a password. Empty: none.
    pub url: Secret,
}

/// `[flags]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Flags {
    /// Whether OFREP answers without a token.
    pub public: bool,
    /// Origins of pages that may ask from a browser; `*` for any.
    pub cors_origins: Vec<String>,
    /// Most evaluation requests a second of one caller; 0 sets no limit.
    pub requests_per_second: u32,
}

/// `[maintenance]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// Signs bypass tokens. Empty: nobody can bypass.
    pub bypass_secret: Secret,
    /// What gate and clients do while we don't answer: `last_known`, `open`, `closed`.
    pub fail_mode: String,
    /// Paths that always pass; `*` at the end stands for the rest.
    pub allow: Vec<String>,
    /// Paths of vendors' work, for gates in front of the application that know no vendor.
    pub vendor_paths: Vec<String>,
}

/// `[deploys]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deploys {
    /// Where commits are looked at and compared: `https://github.com/owner/name`. Empty: no links.
    pub repository_url: String,
    /// Render's API.
    pub render_url: String,
    /// Key of Render's API. Empty: not connected.
    pub render_api_key: Secret,
    /// Ids of Render's services.
    pub render_services: Vec<String>,
    /// Signing secret of Render's webhook. Empty: it is refused.
    pub render_webhook_secret: Secret,
    /// Signing secret of GitHub's webhook. Empty: it is refused.
    pub github_webhook_secret: Secret,
    /// Keys that a service's configuration must have, by service.
    pub required_keys: BTreeMap<String, Vec<String>>,
}

/// `[[queues]]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct QueueConfig {
    /// Name on screens.
    pub name: String,
    /// "embedded" or "bullmq".
    pub driver: String,
    /// Where the jobs live.
    pub url: Secret,
    /// Prefix of BullMQ's keys; the embedded driver has none.
    #[serde(default = "bull")]
    pub prefix: String,
}

impl QueueConfig {
    /// The key that is wrong, and what to do about it.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        const FORMS: [&str; 6] = ["redis://", "rediss://", "redis+sentinel://", "rediss+sentinel://", "redis+cluster://", "rediss+cluster://"];
        match self.driver.as_str() {
            "embedded" => None,
            "bullmq" if !FORMS.iter().any(|form| self.url.expose().starts_with(form)) => {
                Some(("url", "Give redis://user:password@host:6379/0 (rediss:// with TLS), redis+sentinel:// or redis+cluster://."))
            }
            "bullmq" if self.prefix.is_empty() => Some(("prefix", "BullMQ's keys have a prefix, usually bull.")),
            "bullmq" => None,
            _ => Some(("driver", "Known drivers: embedded, bullmq.")),
        }
    }
}

/// BullMQ's own.
fn bull() -> String {
    "bull".into()
}

/// `[[services]]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
    /// Name on screens.
    pub name: String,
    /// URL that is fetched with GET; 2xx and 3xx count as up.
    pub url: String,
    /// Seconds between probes, 5 to 3600.
    #[serde(default = "default_interval")]
    pub interval_seconds: u32,
    /// Milliseconds until a probe gives up.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
    /// Milliseconds over which an answer counts as slow (WARN).
    #[serde(default = "default_slow")]
    pub slow_ms: u64,
}

fn default_interval() -> u32 {
    15
}

fn default_timeout() -> u64 {
    3_000
}

fn default_slow() -> u64 {
    1_000
}
