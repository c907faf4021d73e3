//! Secrets that cannot be printed by accident.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// A secret text. `Debug`, `Display` and `Serialize` give a mask; only [`Secret::expose`] gives the text.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Every call is a place to review.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `•••• last` for texts of at least 16 characters, `••••` for shorter ones, empty for none.
    pub fn masked(&self) -> String {
        let count = self.0.chars().count();
        match count {
            0 => String::new(),
            1..16 => "••••".into(),
            _ => format!("••••{}", self.0.chars().skip(count - 4).collect::<String>()),
        }
    }

    /// Whether there is any text.
    pub fn is_set(&self) -> bool {
        !self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(••••)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

/// A URL without what may be secret in it, for screens, logs and errors: the password is replaced and the query is dropped.
pub fn mask_url(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = plain.split_once("://") else { return plain.to_owned() };
    // The last @ ends the login: a password may hold a slash or another @.
    match rest.rsplit_once('@') {
        Some((login, place)) => format!("{scheme}://{}:••••@{place}", login.split(':').next().unwrap_or_default()),
        None => plain.to_owned(),
    }
}

/// Parts of names whose values are secrets, in lower case; `-`, `.` and space count as `_`.
pub const SECRET_NAMES: [&str; 9] = ["authorization", "cookie", "password", "passwd", "token", "secret", "api_key", "apikey", "bearer "];

/// Words that make a name a secret's when they stand alone in it: `db_pw`, `smtpPw`, `pin2`.
const SECRET_WORDS: [&str; 10] = ["pw", "pwd", "pin", "credential", "credentials", "creds", "passphrase", "passcode", "otp", "totp"];

/// The words of a name in lower case: `db-key`, `DB_KEY`, `dbKey`, `DBKey` and `db2key` have `db` and `key`.
pub fn words(name: &str) -> Vec<String> {
    let (mut words, mut word, mut before) = (Vec::new(), String::new(), '_');
    let mut signs = name.chars().peekable();
    while let Some(sign) = signs.next() {
        let next_small = signs.peek().is_some_and(char::is_ascii_lowercase);
        let hump = sign.is_ascii_uppercase() && (before.is_ascii_lowercase() || (before.is_ascii_uppercase() && next_small));
        if hump || !sign.is_ascii_alphanumeric() || sign.is_ascii_digit() != before.is_ascii_digit() {
            words.push(std::mem::take(&mut word));
        }
        if sign.is_ascii_alphanumeric() {
            word.push(sign.to_ascii_lowercase());
        }
        before = sign;
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Shortest key of a webhook, in bytes: a shorter one could be guessed from one signature.
pub const WEBHOOK_KEY_MIN: usize = 16;

/// How many bytes the key behind the secret of a Standard Webhook has: base64 behind `whsec_`, or the text itself.
pub fn webhook_key_length(secret: &str) -> usize {
    let text = secret.trim_start_matches("whsec_");
    let body = text.trim_end_matches('=');
    let base64 = text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
    if base64 { body.len() * 3 / 4 } else { secret.len() }
}

/// Whether the value of this name is a secret: in logs, in configurations, wherever a name stands before a value.
pub fn is_secret_name(name: &str) -> bool {
    let same = |c: char| if matches!(c, '-' | '.') { '_' } else { c.to_ascii_lowercase() };
    let plain: String = name.chars().map(same).collect();
    SECRET_NAMES.iter().any(|word| plain.contains(word)) || words(name).iter().any(|word| SECRET_WORDS.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_it() {
        let secret = Secret::new("whsec_0123456789abcdef");
        let shown = format!("{secret:?} {secret} {}", serde_json::to_string(&secret).unwrap());
        assert!(!shown.contains("0123456789"));
        assert_eq!(secret.masked(), "••••cdef");
        assert_eq!(Secret::new("short").masked(), "••••");
    }

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        assert_eq!(words("AWSAccessKeyId2"), ["aws", "access", "key", "id", "2"]);
        assert_eq!(words("--smtpPw__X"), ["smtp", "pw", "x"]);
        for name in ["smtpPw", "DB_PWD", "cardPin", "user.credentials", "PW1", "X-Api-Key", "accessToken"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["spinner", "PWA", "pinned", "option", "kind"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn urls_lose_password_and_query() {
        assert_eq!(mask_url("postgres://qd:pw@db:5432/shop?sslpassword=x"), "postgres://qd:••••@db:5432/shop");
        assert_eq!(mask_url("sqlite:data.db"), "sqlite:data.db");
        assert_eq!(mask_url("postgres://qd:p/ssw@rd@db/shop"), "postgres://qd:••••@db/shop");
        assert_eq!(mask_url("https://ops.example/health?key=1"), "https://ops.example/health");
    }
}
