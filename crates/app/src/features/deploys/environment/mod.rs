//! What applications are configured with: names, safe values, and keyed fingerprints in the place of secrets; and what differs.
//!
//! A fingerprint is the begin of an HMAC under a key of this installation: it tells that two secrets differ, never what they are, and is worth
//! nothing elsewhere. A plain hash would be a leak: short secrets can be guessed from it.

mod secret;
pub(super) mod store;
mod verb;

use std::collections::BTreeMap;

use qd_core::{App, Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

pub use secret::is_secret;
pub use verb::{Place, Side, across, choices, compare, everywhere, lacking, missing, of_deploy, resolve, trim};

/// Most keys of one application.
const KEYS: usize = 400;
/// Longest value that is kept, in characters.
const VALUE: usize = 300;
/// What fingerprints are derived for.
const PURPOSE: &str = "config-fingerprint";

/// What is known of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// Whether it has a value.
    pub set: bool,
    /// The value, when it is safe to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// First eight hex digits of HMAC-SHA256(fingerprint key, value).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

impl Entry {
    /// As screens show it: the value, `[REDACTED]` or `not set`.
    pub fn shown(&self) -> &str {
        match (self.set, &self.value) {
            (false, _) => "not set",
            (true, Some(value)) => value,
            (true, None) => "[REDACTED]",
        }
    }
}

/// A configuration by key.
pub type Entries = BTreeMap<String, Entry>;

/// A configuration as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Id.
    pub id: Uuid,
    /// Environment.
    pub environment: String,
    /// Service.
    pub service: String,
    /// Build that had it.
    pub sha: String,
    /// When it was seen first.
    pub first_at: Timestamp,
    /// When it was seen last.
    pub last_at: Timestamp,
    /// By key.
    #[schema(value_type = Object)]
    pub entries: Entries,
}

/// The key of fingerprints, for instances.
pub fn fingerprint_key(app: &App) -> String {
    hex::encode(app.keys.mac(PURPOSE, b"v1"))
}

/// The fingerprint of a value, as instances make it: the key is the bytes of the hex text's meaning.
fn fingerprint(app: &App, value: &str) -> String {
    let key = app.keys.mac(PURPOSE, b"v1");
    hex::encode(qd_core::keys::mac(&key, value.as_bytes())).chars().take(8).collect()
}

/// What may be kept of what an instance sent. Names that look secret lose their value, whatever the sender says of them; so do values that
/// carry a login.
///
/// # Errors
/// [`Error::Invalid`] for too many keys, odd names and odd fingerprints.
pub fn cleaned(app: &App, given: Entries) -> Result<Entries> {
    if given.len() > KEYS {
        return Err(Error::invalid("config", format!("Send at most {KEYS} keys.")));
    }
    given.into_iter().map(|(key, entry)| clean(app, key, entry)).collect()
}

fn clean(app: &App, key: String, entry: Entry) -> Result<(String, Entry)> {
    let named = (1..=120).contains(&key.len()) && key.chars().all(|c| c.is_ascii_graphic());
    if !named {
        return Err(Error::invalid("config", "A key is 1 to 120 printable characters without spaces."));
    }
    if entry.fingerprint.as_ref().is_some_and(|print| print.len() != 8 || !print.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(Error::invalid("config", format!("{key}: a fingerprint is 8 hex digits.")));
    }
    if !entry.set {
        return Ok((key, Entry::default()));
    }
    let print = entry.fingerprint.map(|print| print.to_ascii_lowercase()).or_else(|| entry.value.as_deref().map(|value| fingerprint(app, value)));
    let value = entry.value.filter(|value| !is_secret(&key, value));
    let value = value.map(|value| value.chars().filter(|c| !c.is_control()).take(VALUE).collect());
    Ok((key, Entry { set: true, value, fingerprint: print }))
}

/// What tells two configurations apart: SHA-256 over the canonical text.
fn digest(entries: &Entries) -> Result<String> {
    Ok(hex::encode(Sha256::digest(serde_json::to_vec(entries)?)))
}

/// How a key differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Only the second side has it.
    Added,
    /// Only the first side has it.
    Removed,
    /// Both have it, with different values.
    Changed,
    /// Both have the same.
    Same,
    /// Both have one, and nothing tells whether it is the same.
    Unknown,
}

/// One key of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Difference {
    /// The key.
    pub key: String,
    /// How it differs.
    pub kind: Kind,
    /// On the first side: the value, `[REDACTED]`, `not set`; `null` where the key is absent.
    pub from: Option<String>,
    /// On the second side.
    pub to: Option<String>,
}

/// Every key of both sides, in order. A key that is there and not set counts as absent.
pub fn differences(from: &Entries, to: &Entries) -> Vec<Difference> {
    let mut keys: Vec<&String> = from.keys().chain(to.keys()).collect();
    keys.sort();
    keys.dedup();
    let row = |key: &String| {
        let (one, other) = (from.get(key), to.get(key));
        let kind = kind_of(one.filter(|entry| entry.set), other.filter(|entry| entry.set));
        let said = |entry: Option<&Entry>| entry.map(|entry| entry.shown().to_owned());
        Difference { key: key.clone(), kind, from: said(one), to: said(other) }
    };
    keys.into_iter().map(row).collect()
}

fn kind_of(one: Option<&Entry>, other: Option<&Entry>) -> Kind {
    let equal = |same: bool| if same { Kind::Same } else { Kind::Changed };
    match (one, other) {
        (None, None) => Kind::Same,
        (None, Some(_)) => Kind::Added,
        (Some(_), None) => Kind::Removed,
        (Some(one), Some(other)) => match (&one.fingerprint, &other.fingerprint, &one.value, &other.value) {
            (Some(a), Some(b), _, _) => equal(a == b),
            (_, _, Some(a), Some(b)) => equal(a == b),
            _ => Kind::Unknown,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: Option<&str>, print: Option<&str>) -> Entry {
        Entry { set: true, value: value.map(str::to_owned), fingerprint: print.map(str::to_owned) }
    }

    #[test]
    fn what_differs_is_said_of_each_key() {
        let unset = Entry::default();
        let from: Entries = [
            ("A".into(), entry(Some("1"), None)),
            ("B".into(), entry(None, Some("aaaaaaaa"))),
            ("C".into(), entry(Some("x"), None)),
            ("D".into(), unset.clone()),
            ("E".into(), entry(None, None)),
        ]
        .into();
        let to: Entries = [
            ("A".into(), entry(Some("2"), None)),
            ("B".into(), entry(None, Some("aaaaaaaa"))),
            ("D".into(), entry(Some("now"), None)),
            ("E".into(), entry(None, None)),
            ("F".into(), unset),
        ]
        .into();
        let kinds: Vec<_> = differences(&from, &to).into_iter().map(|row| (row.key, row.kind)).collect();
        let wanted = [("A", Kind::Changed), ("B", Kind::Same), ("C", Kind::Removed), ("D", Kind::Added), ("E", Kind::Unknown), ("F", Kind::Same)];
        assert_eq!(kinds, wanted.map(|(key, kind)| (key.to_owned(), kind)));
        assert_eq!(differences(&from, &to)[1].from.as_deref(), Some("[REDACTED]"));
    }
}
