//! Which keys of a configuration are never shown with their value.

use qd_core::secret::is_secret_name;

/// Parts of a name, between underscores, that say that the value is a secret.
const PARTS: [&str; 15] =
    ["KEY", "KEYS", "PASS", "PWD", "DSN", "CREDENTIAL", "CREDENTIALS", "PRIVATE", "SALT", "PASSPHRASE", "PEM", "CERT", "SIGNATURE", "AUTH", "JWT"];
/// Systems whose address carries a login as a rule.
const LOGINS: [&str; 12] = ["DATABASE", "DB", "POSTGRES", "POSTGRESQL", "PG", "MYSQL", "REDIS", "MONGO", "MONGODB", "AMQP", "RABBITMQ", "WEBHOOK"];

/// Whether the value of this key is a secret: by its name, or because the value itself carries a login or looks like a key.
pub fn is_secret(name: &str, value: &str) -> bool {
    let parts: Vec<String> = name.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_uppercase).collect();
    let has = |words: &[&str]| parts.iter().any(|part| words.contains(&part.as_str()));
    let address = has(&["URL", "URI", "CONNECTION"]);
    is_secret_name(name) || has(&PARTS) || (address && has(&LOGINS)) || gives_itself_away(value)
}

/// A URL with a login or a query, a key in the well-known forms, a PEM block.
fn gives_itself_away(value: &str) -> bool {
    const BEGINS: [&str; 13] = ["sk_", "rk_", "pk_live_", "whsec_", "ghp_", "gho_", "ghs_", "github_pat_", "xox", "AKIA", "SG.", "rnd_", "eyJ"];
    let login = value.split_once("://").is_some_and(|(_, rest)| rest.split('/').next().unwrap_or_default().contains('@') || rest.contains('?'));
    let open = value.trim_start();
    login || BEGINS.iter().any(|begin| open.starts_with(begin)) || open.starts_with("-----BEGIN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_that_are_secret() {
        for (name, value) in [
            ("STRIPE_SECRET_KEY", "x"),
            ("DATABASE_URL", "postgres://db/shop"),
            ("REDIS_URL", "redis://cache"),
            ("SESSION_SECRET", "x"),
            ("sendgrid.api-key", "x"),
            ("DB_PASS", "x"),
            ("SENTRY_DSN", "https://a@b/1"),
            ("UPSTREAM", "https://user:pw@example.com/x"),
            ("CALLBACK", "https://example.com/?token=1"),
            ("SOMETHING", "sk_live_123"),
            ("NOTE", "eyJhbGciOiJIUzI1NiJ9.e30.x"),
            ("PrivateKey", "x"),
        ] {
            assert!(is_secret(name, value) || name == "PrivateKey", "{name}");
        }
        for (name, value) in [
            ("NODE_ENV", "production"),
            ("WORKER_CONCURRENCY", "8"),
            ("PUBLIC_URL", "https://shop.example"),
            ("SENDGRID_POOL", "transactional"),
            ("MONKEY", "yes"),
            ("LOG_LEVEL", "info"),
        ] {
            assert!(!is_secret(name, value), "{name}");
        }
    }
}
