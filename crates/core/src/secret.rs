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

/// Whether the value of this name is a secret: in logs, in configurations, wherever a name stands before a value.
pub fn is_secret_name(name: &str) -> bool {
    let same = |c: char| if matches!(c, '-' | '.') { '_' } else { c.to_ascii_lowercase() };
    let plain: String = name.chars().map(same).collect();
    SECRET_NAMES.iter().any(|word| plain.contains(word))
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
    fn urls_lose_password_and_query() {
        assert_eq!(mask_url("postgres://qd:pw@db:5432/shop?sslpassword=x"), "postgres://qd:••••@db:5432/shop");
        assert_eq!(mask_url("sqlite:data.db"), "sqlite:data.db");
        assert_eq!(mask_url("postgres://qd:p/ssw@rd@db/shop"), "postgres://qd:••••@db/shop");
        assert_eq!(mask_url("https://ops.example/health?key=1"), "https://ops.example/health");
    }
}
