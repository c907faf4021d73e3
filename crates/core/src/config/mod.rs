//! Configuration: one struct per section; `config.default.toml` holds the defaults and is the manual.

mod section;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, FieldError, Result};
use crate::secret::{Secret, WEBHOOK_KEY_MIN, mask_url, webhook_key_length};

pub use section::{Audit, Cache, Deploys, Flags, Log, Maintenance, Platform, QueueConfig, Security, Server, ServiceConfig, Storage, Telemetry};

/// The defaults, as shipped.
pub const DEFAULTS: &str = include_str!("../../../../config.default.toml");

/// Keys whose value in the environment is a list, split at commas.
const LISTS: &[&str] = &[
    "server.trusted_proxies",
    "server.admin_networks",
    "flags.cors_origins",
    "maintenance.allow",
    "maintenance.vendor_paths",
    "deploys.render_services",
];

/// All sections.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens and how it is reached.
    pub server: Server,
    /// Our own database and files.
    pub storage: Storage,
    /// The platform that is watched.
    pub platform: Platform,
    /// Sessions and sign-in.
    pub security: Security,
    /// Ingest limits and retention.
    pub telemetry: Telemetry,
    /// Checkpoints of the audit trail.
    pub audit: Audit,
    /// Our own log.
    pub log: Log,
    /// The platform's cache.
    pub cache: Cache,
    /// Feature flags.
    pub flags: Flags,
    /// Maintenance.
    pub maintenance: Maintenance,
    /// Deploys and configuration of the platform.
    pub deploys: Deploys,
    /// Job systems.
    #[serde(default)]
    pub queues: Vec<QueueConfig>,
    /// Probed services.
    #[serde(default)]
    pub services: Vec<ServiceConfig>,
}

impl Config {
    /// Defaults < `file` (if it exists, or must when `required`) < `QD_SECTION__KEY` in `environment` < `overrides` (dotted keys).
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem at once.
    pub fn load(file: &Path, required: bool, overrides: &[(String, String)]) -> Result<Self> {
        let source = config::File::from(file).format(config::FileFormat::Toml).required(required);
        let environment = config::Environment::with_prefix("QD").prefix_separator("_").separator("__").list_separator(",").source(Some(variables()));
        let environment = LISTS.iter().fold(environment, |environment, key| environment.with_list_parse_key(key)).try_parsing(true);
        let mut builder = config::Config::builder()
            .add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml))
            .add_source(source)
            .add_source(environment);
        for (key, value) in overrides {
            builder = builder.set_override(key, value.as_str()).map_err(|fault| Error::invalid(key, fault.to_string()))?;
        }
        let raw = builder.build().map_err(|fault| Error::invalid("configuration", fault.to_string()))?;
        match raw.clone().try_deserialize::<Self>() {
            Ok(config) => config.check().map(|()| config),
            Err(first) => Err(Self::by_section(&raw, &first)),
        }
    }

    /// Every section's fault, and what is wrong with the values of the sections that can be read.
    fn by_section(raw: &config::Config, first: &config::ConfigError) -> Error {
        let mut readable = match Self::defaults() {
            Ok(defaults) => defaults,
            Err(fault) => return fault,
        };
        let mut faults = Vec::new();
        take(raw, "server", &mut readable.server, &mut faults);
        take(raw, "storage", &mut readable.storage, &mut faults);
        take(raw, "platform", &mut readable.platform, &mut faults);
        take(raw, "security", &mut readable.security, &mut faults);
        take(raw, "telemetry", &mut readable.telemetry, &mut faults);
        take(raw, "audit", &mut readable.audit, &mut faults);
        take(raw, "log", &mut readable.log, &mut faults);
        take(raw, "cache", &mut readable.cache, &mut faults);
        take(raw, "flags", &mut readable.flags, &mut faults);
        take(raw, "maintenance", &mut readable.maintenance, &mut faults);
        take(raw, "deploys", &mut readable.deploys, &mut faults);
        take(raw, "queues", &mut readable.queues, &mut faults);
        take(raw, "services", &mut readable.services, &mut faults);
        if faults.is_empty() {
            faults.push(FieldError { field: "configuration".into(), detail: first.to_string() });
        }
        if let Err(Error::Invalid(more)) = readable.check() {
            faults.extend(more);
        }
        Error::Invalid(faults)
    }

    /// The defaults as shipped, without file and environment.
    ///
    /// # Errors
    /// [`Error::Broken`] when the shipped file does not fit the program: a fault of ours.
    pub fn defaults() -> Result<Self> {
        let shipped = config::File::from_str(DEFAULTS, config::FileFormat::Toml);
        let loaded = config::Config::builder().add_source(shipped).build().and_then(config::Config::try_deserialize::<Self>);
        loaded.map_err(|fault| Error::Broken(format!("config.default.toml: {fault}")))
    }

    /// Every problem at once.
    pub fn check(&self) -> Result<()> {
        let mut faults = Vec::new();
        let mut say = |field: String, detail: &str| faults.push(FieldError { field, detail: detail.into() });
        if self.server.listen.parse::<std::net::SocketAddr>().is_err() {
            say("server.listen".into(), "Give an address and a port such as 127.0.0.1:7070.");
        }
        if jiff::tz::TimeZone::get(&self.platform.time_zone).is_err() {
            say("platform.time_zone".into(), "Give an IANA zone such as America/New_York.");
        }
        let cache = self.cache.url.expose();
        if !cache.is_empty() && !cache.starts_with("redis://") && !cache.starts_with("rediss://") {
            say("cache.url".into(), "Give redis://user:password@host:6379/0, or rediss:// with TLS.");
        }
        for (index, queue) in self.queues.iter().enumerate() {
            if let Some((key, detail)) = queue.fault() {
                say(format!("queues[{index}].{key}"), detail);
            }
            if queue.name == "quarterdeck" || self.queues.iter().take(index).any(|other| other.name == queue.name) {
                say(format!("queues[{index}].name"), "Each job system has a name of its own; quarterdeck is ours.");
            }
        }
        for (index, service) in self.services.iter().enumerate() {
            if !service.url.starts_with("http://") && !service.url.starts_with("https://") {
                say(format!("services[{index}].url"), "Give an http:// or https:// URL.");
            }
            if !(5..=3_600).contains(&service.interval_seconds) || !(100..=60_000).contains(&service.timeout_ms) {
                say(format!("services[{index}]"), "interval_seconds is 5 to 3600, timeout_ms is 100 to 60000.");
            }
        }
        if self.security.login_attempts == 0 || self.security.session_idle_hours == 0 || self.security.session_max_hours == 0 {
            say("security".into(), "Attempts and hours are at least 1.");
        }
        if self.telemetry.queue == 0 || !(1..=256).contains(&self.telemetry.max_body_mib) {
            say("telemetry".into(), "queue is at least 1, max_body_mib is 1 to 256.");
        }
        if !["last_known", "open", "closed"].contains(&self.maintenance.fail_mode.as_str()) {
            say("maintenance.fail_mode".into(), "Give last_known, open or closed.");
        }
        if self.maintenance.bypass_secret.is_set() && self.maintenance.bypass_secret.expose().len() < 16 {
            say("maintenance.bypass_secret".into(), "Give at least 16 characters, or none.");
        }
        let passes_all = |path: &String| path.trim().strip_suffix('*').is_some_and(|begin| begin.trim_end_matches('*').trim_matches('/').is_empty());
        if self.maintenance.allow.iter().any(|path| path.trim().is_empty() || passes_all(path)) {
            say("maintenance.allow".into(), "Name the paths that stay open. One that lets every path pass would make maintenance stop nothing.");
        }
        let (render, github) = (self.deploys.render_webhook_secret.expose(), self.deploys.github_webhook_secret.expose());
        if !render.is_empty() && webhook_key_length(render) < WEBHOOK_KEY_MIN {
            say("deploys.render_webhook_secret".into(), "Give a secret of at least 16 bytes (behind whsec_, in base64), or none.");
        }
        if !github.is_empty() && github.len() < WEBHOOK_KEY_MIN {
            say("deploys.github_webhook_secret".into(), "Give a secret of at least 16 bytes, or none.");
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
    }

    /// The configuration as people may see it: secrets masked, passwords in URLs replaced.
    pub fn shown(&self) -> Vec<(String, String)> {
        let mut rows = Vec::new();
        let url = |secret: &Secret| if secret.is_set() { mask_url(secret.expose()) } else { "not set".into() };
        let tree = serde_json::to_value(self).unwrap_or_default();
        flatten(&tree, "", &mut rows);
        for (key, value) in &mut rows {
            match key.as_str() {
                "storage.database_url" => *value = url(&self.storage.database_url),
                "cache.url" => *value = url(&self.cache.url),
                "platform.database_url" => *value = url(&self.platform.database_url),
                _ => {}
            }
        }
        for (index, queue) in self.queues.iter().enumerate() {
            let key = format!("queues[{index}].url");
            rows.iter_mut().filter(|(name, _)| *name == key).for_each(|(_, value)| *value = url(&queue.url));
        }
        for (index, service) in self.services.iter().enumerate() {
            let key = format!("services[{index}].url");
            rows.iter_mut().filter(|(name, _)| *name == key).for_each(|(_, value)| *value = mask_url(&service.url));
        }
        rows
    }

    /// A file in the data directory, unless `configured` says another.
    pub fn data_file(&self, configured: &str, name: &str) -> PathBuf {
        if configured.is_empty() { self.storage.data_dir.join(name) } else { PathBuf::from(configured) }
    }
}

/// The variables that are configuration: `QD_SECTION__KEY`. Other names that begin with `QD_` (a password for the command line, those of the
/// test suite) are none, and must not be taken for a misspelt section.
fn variables() -> config::Map<String, String> {
    let text = std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    text.filter(|(key, _)| key.starts_with("QD_") && key.contains("__")).collect()
}

/// Reads one section, or says why it can't be read. A section that is not given keeps its defaults.
fn take<T: serde::de::DeserializeOwned>(raw: &config::Config, key: &str, slot: &mut T, faults: &mut Vec<FieldError>) {
    match raw.get::<T>(key) {
        Ok(section) => *slot = section,
        Err(config::ConfigError::NotFound(_)) => {}
        Err(fault) => faults.push(FieldError { field: key.into(), detail: fault.to_string() }),
    }
}

fn flatten(value: &serde_json::Value, path: &str, rows: &mut Vec<(String, String)>) {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(value, &format!("{path}{dot}{key}"), rows);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                flatten(item, &format!("{path}[{index}]"), rows);
            }
        }
        Value::String(text) => rows.push((path.into(), text.clone())),
        other => rows.push((path.into(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_hook_secrets_and_a_list_that_lets_everything_pass_are_refused() {
        let faults = |change: &dyn Fn(&mut Config)| {
            let mut config = Config::defaults().unwrap();
            change(&mut config);
            match config.check() {
                Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>(),
                _ => Vec::new(),
            }
        };
        // 20 letters, of which the decoded key has 15 bytes.
        for short in ["x", "whsec_AAAA", "whsec_AAAAAAAAAAAAAAAAAAAA", "fifteen-bytes-x"] {
            assert_eq!(faults(&|config| config.deploys.render_webhook_secret = Secret::new(short)), ["deploys.render_webhook_secret"], "{short}");
        }
        assert!(faults(&|config| config.deploys.render_webhook_secret = Secret::new("whsec_AAAAAAAAAAAAAAAAAAAAAA==")).is_empty());
        assert!(faults(&|config| config.deploys.render_webhook_secret = Secret::new("sixteen-bytes-xx")).is_empty());
        assert_eq!(faults(&|config| config.deploys.github_webhook_secret = Secret::new("fifteen-bytes-x")), ["deploys.github_webhook_secret"]);
        assert!(faults(&|config| config.deploys.github_webhook_secret = Secret::new("sixteen bytes xx")).is_empty());
        for all in ["*", "/*", " * ", "//*", "", "/"] {
            let found = faults(&|config| config.maintenance.allow = vec!["/sign-in".into(), all.into()]);
            assert_eq!(found.is_empty(), all == "/", "{all:?}");
        }
        assert!(faults(&|config| config.maintenance.allow = vec!["/webhooks/*".into(), "/s*".into()]).is_empty());
    }

    #[test]
    fn job_systems_have_names_addresses_and_prefixes() {
        let faults = |driver: &str, name: &str, url: &str, prefix: &str| {
            let mut config = Config::defaults().unwrap();
            let queue = QueueConfig { name: name.into(), driver: driver.into(), url: Secret::new(url), prefix: prefix.into() };
            config.queues = vec![QueueConfig { name: "twice".into(), driver: "embedded".into(), ..queue.clone() }, queue];
            match config.check() {
                Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>(),
                _ => Vec::new(),
            }
        };
        for url in ["redis://a", "rediss://a", "redis+sentinel://a,b/main", "rediss+cluster://a"] {
            assert!(faults("bullmq", "jobs", url, "bull").is_empty(), "{url}");
        }
        assert_eq!(faults("bullmq", "jobs", "postgres://a", "bull"), ["queues[1].url"]);
        assert_eq!(faults("bullmq", "jobs", "redis://a", ""), ["queues[1].prefix"]);
        assert_eq!(faults("sidekiq", "jobs", "redis://a", "bull"), ["queues[1].driver"]);
        for name in ["twice", "quarterdeck"] {
            assert_eq!(faults("embedded", name, "jobs.db", ""), ["queues[1].name"], "{name}");
        }
    }

    #[test]
    fn every_section_says_its_own_fault() {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        let text = "[server]\nlisten = \"nowhere\"\n[telemetry]\nqueue = -1\n[log]\ncolour = 1\n[cache]\nurl = \"http://x\"\n[[services]]\nname = \"a\"\nurl = \"ftp://x\"\n";
        std::fs::write(file.path(), text).unwrap();
        let Err(Error::Invalid(faults)) = Config::load(file.path(), true, &[]) else { panic!() };
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["telemetry", "log", "server.listen", "cache.url", "services[0].url"]);
    }

    #[test]
    fn no_secret_survives_in_what_is_shown() {
        let mut config = Config::defaults().unwrap();
        config.storage.database_url = Secret::new("postgres://qd:hidden1@db/own");
        config.platform.database_url = Secret::new("postgres://qd:hid/den2@db/shop?sslpassword=hidden3");
        config.cache.url = Secret::new("redis://:hidden0@cache:6379/0");
        config.queues =
            vec![QueueConfig { name: "q".into(), driver: "embedded".into(), url: Secret::new("postgres://qd:hidden4@db/q"), prefix: String::new() }];
        let sentinels = "redis+sentinel://me:hidden7@a:1,b:2/main/0?sentinel_password=hidden8";
        config.queues.push(QueueConfig { name: "s".into(), driver: "bullmq".into(), url: Secret::new(sentinels), prefix: "bull".into() });
        let url = "http://probe:hidden5@shop/healthz?api_key=hidden6".to_owned();
        config.services = vec![ServiceConfig { name: "s".into(), url, interval_seconds: 15, timeout_ms: 1_000, slow_ms: 500 }];
        let shown = format!("{:?}", config.shown());
        assert!(!shown.contains("hidden") && !shown.contains("hid/den"), "{shown}");
    }
}
