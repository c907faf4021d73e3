//! Which keys of a configuration are never shown with their value.

use qd_core::secret::{is_secret_name, words};

/// Words of a name that say that the value is a secret.
const PARTS: [&str; 29] = [
    "KEY", "KEYS", "PASS", "PASSES", "PWD", "PW", "DBPASS", "PIN", "PINS", "LOGIN", "LOGINS", "DSN", "CREDENTIAL", "CREDENTIALS", "CREDS", "CRED",
    "PRIVATE", "SALT", "PEPPER", "PASSPHRASE", "PASSCODE", "PEM", "CERT", "SIGNATURE", "AUTH", "JWT", "OTP", "TOTP", "HMAC",
];
/// Systems whose address carries a login as a rule.
const LOGINS: [&str; 12] = ["DATABASE", "DB", "POSTGRES", "POSTGRESQL", "PG", "MYSQL", "REDIS", "MONGO", "MONGODB", "AMQP", "RABBITMQ", "WEBHOOK"];

/// Whether the value of this key is a secret: by its name, or because the value itself carries a login or looks like a key.
pub fn is_secret(name: &str, value: &str) -> bool {
    let parts: Vec<String> = words(name).iter().map(|word| word.to_ascii_uppercase()).collect();
    let has = |words: &[&str]| parts.iter().any(|part| words.contains(&part.as_str()));
    let address = has(&["URL", "URI", "CONNECTION"]);
    is_secret_name(name) || has(&PARTS) || (address && has(&LOGINS)) || gives_itself_away(value)
}

/// A URL with a login or a query, a key in the well-known forms, a PEM block.
fn gives_itself_away(value: &str) -> bool {
    const BEGINS: [&str; 13] = ["sk_", "rk_", "pk_live_", "whsec_", "ghp_", "gho_", "ghs_", "github_pat_", "xox", "AKIA", "SG.", "rnd_", "eyJ"];
    // The last @ ends a login: a password may hold a slash. Without a scheme a colon tells a login from an address of mail.
    let login = match value.split_once("://") {
        Some((_, rest)) => rest.contains(['@', '?']),
        None => value.rsplit_once('@').is_some_and(|(login, _)| login.contains(':')),
    };
    let open = value.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
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
            ("redisUrl", "redis://cache"),
            ("smtpPw", "x"),
            ("DB_PW2", "x"),
            ("PASS1", "x"),
            ("AWSAccessKeyId", "x"),
            ("CARD_PIN", "1234"),
            ("SMTP_LOGIN", "shop"),
            ("awsCredentials", "x"),
            ("UPSTREAM", "user:pw@example.com:8080/x"),
            ("UPSTREAM", "amqp://user:p/ss@w@example.com/x"),
            ("UPSTREAM", "a:b@tcp(db:3306)/shop"),
        ] {
            assert!(is_secret(name, value), "{name}");
        }
        for (name, value) in [
            ("NODE_ENV", "production"),
            ("WORKER_CONCURRENCY", "8"),
            ("PUBLIC_URL", "https://shop.example"),
            ("SENDGRID_POOL", "transactional"),
            ("MONKEY", "yes"),
            ("monkeyBars", "3"),
            ("SPINNER", "on"),
            ("MAIL_FROM", "shop@example.com"),
            ("BIND", "0.0.0.0:8080"),
            ("LOG_LEVEL", "info"),
        ] {
            assert!(!is_secret(name, value), "{name}");
        }
    }
}
