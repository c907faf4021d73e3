//! Bypass tokens: whoever carries one may write during a maintenance. Signed, expiring, revocable, recorded; kept nowhere.
//!
//! `v1.{expires}.{id}.{proof}`: seconds since 1970, a UUID, and HMAC-SHA256 over `v1.{expires}.{id}` under the configured secret, in URL-safe
//! base64 without padding. An application that has the secret can check it alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use qd_core::gate::{Access, Action, Actor, AuditEvent, Change, Confirmation, Danger, Done, Target};
use qd_core::keys::mac;
use qd_core::published::bump;
use qd_core::secret::Secret;
use qd_core::{App, Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store;
use super::window::{Faults, action};

/// Shortest secret, in bytes. The configuration refuses shorter ones; an empty one signs nothing.
const SECRET_MIN: usize = 16;
/// Most tokens that are listed.
const LISTED: i64 = 100;

/// What is known of a token: everything but the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bypass {
    /// Id.
    pub id: Uuid,
    /// What it is for.
    pub note: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Id of who made it.
    pub created_by_id: String,
    /// Name of who made it.
    pub created_by_name: String,
    /// Until when it holds.
    pub expires_at: Timestamp,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// A new token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// Hours that it holds, 1 to 24.
    pub hours: i64,
    /// What it is for, 1 to 200 characters.
    pub note: String,
}

/// A token is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revoke {
    /// Which.
    pub bypass: Uuid,
}

action!(Issue, "maintenance.issue_bypass", "CONFIG_MAINTENANCE_BYPASS_ISSUED", OPERATE, Guarded, "maintenance_bypass", |_| "new".into());
action!(Revoke, "maintenance.revoke_bypass", "CONFIG_MAINTENANCE_BYPASS_REVOKED", OPERATE, Routine, "maintenance_bypass", |a| a.bypass.to_string());

fn signed(secret: &Secret, expires: i64, id: Uuid) -> Option<(String, String)> {
    // An empty key would make proofs that anybody can make.
    let key = secret.expose().as_bytes();
    let text = format!("v1.{expires}.{id}");
    (key.len() >= SECRET_MIN).then(|| (URL_SAFE_NO_PAD.encode(mac(key, text.as_bytes())), text))
}

/// The id of `token` if it was signed with `secret` and holds at `now`. Without a secret none does. Takes the same time for every wrong proof.
pub fn holds(secret: &Secret, token: &str, now: Timestamp) -> Option<Uuid> {
    let mut parts = token.split('.');
    let (version, expires, id, proof) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let expires: i64 = expires.parse().ok()?;
    let id = Uuid::parse_str(id).ok()?;
    // The canonical text is signed, so that no second spelling of a token exists.
    let (expected, text) = signed(secret, expires, id)?;
    let same = qd_core::keys::same(expected.as_bytes(), proof.as_bytes());
    let whole = parts.next().is_none() && version == "v1" && token.strip_suffix(proof) == Some(&format!("{text}."));
    (same && whole && expires > now.seconds()).then_some(id)
}

/// Makes a token. It is shown once: nothing keeps it, and only its id, end and note are recorded.
///
/// # Errors
/// [`Error::Unsupported`] when no secret is configured, [`Error::Invalid`] for its words.
pub async fn issue(app: &App, actor: &Actor, asked: Issue, given: Confirmation) -> Result<(Done<Bypass>, Secret)> {
    let secret = app.config.maintenance.bypass_secret.clone();
    if signed(&secret, 0, Uuid::nil()).is_none() {
        let what = "no maintenance.bypass_secret is configured, so nobody can bypass a maintenance. Set one of at least 16 characters".into();
        return Err(Error::Unsupported { driver: "The maintenance gate", what });
    }
    let asked = Issue { note: asked.note.trim().to_owned(), ..asked };
    let mut faults = Faults::default();
    faults.check((1..=24).contains(&asked.hours), "hours", "Give 1 to 24 hours.");
    let fine = (1..=200).contains(&asked.note.chars().count()) && !asked.note.chars().any(char::is_control);
    faults.check(fine, "note", "Say what it is for, in 1 to 200 characters.");
    let asked = faults.done(asked)?;
    // Whole seconds: that is what the token says.
    let now = Timestamp::from_seconds(app.now().seconds());
    let work = app.gate.transact(actor, asked, given, move |mut tx, permit| {
        Box::pin(async move {
            let (asked, by) = (permit.action(), permit.actor());
            let new = Bypass {
                id: Uuid::new_v4(),
                note: asked.note.clone(),
                created_at: now,
                created_by_id: by.id().into(),
                created_by_name: by.name().into(),
                expires_at: now.plus_seconds(asked.hours * 3_600),
                revoked_at: None,
            };
            store::issue(&mut tx, &new).await?;
            let (id, after) = (new.id, json!({ "expiresAt": new.expires_at, "note": new.note }));
            Ok(Change::between(new, None, after).on(id))
        })
    });
    let done = work.await?;
    let (proof, text) = signed(&secret, done.value.expires_at.seconds(), done.value.id).unwrap_or_default();
    Ok((done, Secret::new(format!("{text}.{proof}"))))
}

/// Takes a token back: no gate and no client that hears of us takes it any more.
///
/// # Errors
/// [`Error::Conflict`] when it was taken back before.
pub async fn revoke(app: &App, actor: &Actor, id: Uuid, given: Confirmation) -> Result<Done<Bypass>> {
    let now = app.now();
    let work = app.gate.transact(actor, Revoke { bypass: id }, given, move |mut tx, _permit| {
        Box::pin(async move {
            bump(&mut tx).await?;
            let before = store::bypass(&mut tx, id).await?;
            if !store::revoke(&mut tx, id, now).await? {
                return Err(Error::Conflict("It was taken back already.".into()));
            }
            let after = Bypass { revoked_at: Some(now), ..before };
            Ok(Change::between(after, json!({ "revokedAt": null }), json!({ "revokedAt": now })))
        })
    });
    super::window::served(app, work.await?).await
}

/// The newest tokens, at most 100: without what would make them work.
pub async fn list(app: &App) -> Result<Vec<Bypass>> {
    store::bypasses(&app.db, LISTED).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(secret: &Secret, expires: i64) -> String {
        let (proof, text) = signed(secret, expires, Uuid::from_u128(7)).unwrap();
        format!("{text}.{proof}")
    }

    #[test]
    fn only_a_whole_token_of_this_secret_holds_and_only_until_its_end() {
        let (secret, now) = (Secret::new("a secret of some length"), Timestamp::from_seconds(1_000));
        let good = token(&secret, 1_001);
        assert_eq!(holds(&secret, &good, now), Some(Uuid::from_u128(7)));
        assert_eq!(holds(&secret, &good, Timestamp::from_seconds(1_001)), None, "expired");
        assert_eq!(holds(&Secret::new("another secret of length"), &good, now), None);
        let longer = good.replacen("1001", "9999", 1);
        let upper = good.replacen("v1.1001", "v1.+1001", 1);
        for bad in
            ["", "v1", "v1...", &longer, &upper, &format!("{good}."), &format!("{good}x"), &good[..good.len() - 1], &good.replacen("v1", "v2", 1)]
        {
            assert_eq!(holds(&secret, bad, now), None, "{bad}");
        }
    }

    #[test]
    fn without_a_secret_nothing_bypasses() {
        let (none, now) = (Secret::default(), Timestamp::from_seconds(1_000));
        assert!(signed(&none, 2_000, Uuid::nil()).is_none() && signed(&Secret::new("short"), 2_000, Uuid::nil()).is_none());
        let text = format!("v1.2000.{}", Uuid::nil());
        let forged = format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac(b"", text.as_bytes())));
        for token in ["", "v1.2000..", &forged] {
            assert_eq!(holds(&none, token, now), None, "{token}");
        }
    }
}
