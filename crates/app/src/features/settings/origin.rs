//! Where a configured value comes from, as far as it can be told from inside: the shipped default, the environment, or else the file or the
//! command line.

use qd_core::config::Config;
use serde::Serialize;
use utoipa::ToSchema;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// As shipped.
    Default,
    /// A variable `QD_SECTION__KEY`.
    Environment,
    /// The file, or the command line.
    Set,
}

impl Origin {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Environment => "environment",
            Self::Set => "file or command line",
        }
    }
}

/// One key of the configuration, masked where it is secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Setting {
    /// Section and key: "security.session_idle_hours".
    pub key: String,
    /// Value; secrets and passwords in URLs are masked.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
    /// The variable that would set it, for keys that can be set so.
    pub variable: Option<String>,
}

/// All keys in the order of the shipped file's sections.
pub fn settings(config: &Config, defaults: Option<&Config>) -> Vec<Setting> {
    let shipped = defaults.map(Config::shown).unwrap_or_default();
    let in_list = |key: &str| key.contains('[');
    let setting = |(key, value): (String, String)| {
        let variable = (!in_list(&key) && key.contains('.')).then(|| variable(&key));
        let origin = match &variable {
            Some(name) if std::env::var_os(name).is_some() => Origin::Environment,
            _ if shipped.iter().any(|(k, v)| *k == key && *v == value) => Origin::Default,
            _ => Origin::Set,
        };
        Setting { key, value, origin, variable }
    };
    config.shown().into_iter().map(setting).collect()
}

fn variable(key: &str) -> String {
    format!("QD_{}", key.replace('.', "__").to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_values_stand_out_and_secrets_are_masked() {
        let defaults = Config::defaults().unwrap();
        let mut config = defaults.clone();
        config.security.login_attempts = 3;
        config.platform.database_url = qd_core::secret::Secret::new("postgres://shop:hunter2@db/shop");
        let all = settings(&config, Some(&defaults));
        let find = |key: &str| all.iter().find(|setting| setting.key == key).unwrap();
        assert_eq!(find("security.login_attempts").origin, Origin::Set);
        assert_eq!(find("security.login_pause_minutes").origin, Origin::Default);
        assert_eq!(find("server.listen").variable.as_deref(), Some("QD_SERVER__LISTEN"));
        assert!(!serde_json::to_string(&all).unwrap().contains("hunter2"));
    }
}
