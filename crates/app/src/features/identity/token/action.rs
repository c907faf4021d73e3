//! Making and revoking tokens.

use qd_core::gate::{Access, Action, Actor, AuditEvent, Change, Confirmation, Danger, Done, Target};
use qd_core::{App, Error, Result};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{DAYS, Minted, SCOPES, Token, store, text};
use crate::features::identity::session::Identity;
use crate::features::identity::{crypto, forget_after};

/// A new token.
#[derive(Clone, Debug, Serialize)]
pub struct CreateToken {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Days until it ends, 1 to 365.
    pub days: i64,
}

impl Action for CreateToken {
    const NAME: &'static str = "token.create";
    const EVENT: AuditEvent = AuditEvent("TOKEN_CREATED");
    const WHO: Access = Access::RULE;
    const DANGER: Danger = Danger::Guarded;

    fn target(&self) -> Target {
        Target::new("token", "new")
    }
}

/// No more use of a token, at once.
#[derive(Clone, Debug, Serialize)]
pub struct RevokeToken {
    /// Which.
    pub token: Uuid,
}

impl Action for RevokeToken {
    const NAME: &'static str = "token.revoke";
    const EVENT: AuditEvent = AuditEvent("TOKEN_REVOKED");
    const WHO: Access = Access::RULE;
    const DANGER: Danger = Danger::Guarded;

    fn target(&self) -> Target {
        Target::new("token", self.token)
    }
}

fn checked(action: CreateToken) -> Result<CreateToken> {
    let name = action.name.trim().to_owned();
    if !(1..=100).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(Error::invalid("name", "Say what it is for, in 1 to 100 characters."));
    }
    let mut scopes = action.scopes;
    scopes.sort();
    scopes.dedup();
    let known: Vec<&str> = SCOPES.iter().map(|(scope, _)| *scope).collect();
    if scopes.is_empty() || scopes.iter().any(|scope| !known.contains(&scope.as_str())) {
        return Err(Error::invalid("scopes", format!("Choose at least one of: {}.", known.join(", "))));
    }
    if !(1..=DAYS).contains(&action.days) {
        return Err(Error::invalid("days", format!("Give 1 to {DAYS} days.")));
    }
    Ok(CreateToken { name, scopes, days: action.days })
}

/// Makes a token. Its secret is in the answer, and nowhere else: not even an idempotent repetition shows it again.
///
/// # Errors
/// [`Error::Invalid`] on `name`, `scopes` or `days`.
pub async fn create(app: &App, actor: &Actor, action: CreateToken, given: Confirmation) -> Result<Minted> {
    let (action, now, secret) = (checked(action)?, app.now(), text::make());
    let (hash, shown) = (crypto::fingerprint(secret.expose()), secret.expose());
    let hint: String = shown.chars().skip(shown.len().saturating_sub(4)).collect();
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let asked = permit.action();
            let token = Token {
                id: Uuid::now_v7(),
                name: asked.name.clone(),
                hint,
                scopes: asked.scopes.clone(),
                created_by: permit.actor().id().to_owned(),
                created_by_name: permit.actor().name().to_owned(),
                created_at: now,
                expires_at: now.plus_seconds(86_400 * asked.days),
                revoked_at: None,
                last_used_at: None,
            };
            store::insert(&mut tx, &token, hash).await?;
            let after = json!({ "name": token.name, "scopes": token.scopes, "expires_at": token.expires_at });
            let id = token.id;
            Ok(Change::between(token, None, after).on(id))
        })
    });
    let done = work.await?;
    Ok(Minted { token: done.value, audit_seq: done.audit_seq, secret: (!done.replayed).then_some(secret) })
}

/// Revokes a token: the next request with it is refused.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when it was revoked before.
pub async fn revoke(app: &App, actor: &Actor, action: RevokeToken, given: Confirmation) -> Result<Done<Token>> {
    let (identity, now) = (app.state::<Identity>()?, app.now());
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let token = store::get_in(&mut tx, permit.action().token).await?;
            if !store::revoke(&mut tx, token.id, now).await? {
                return Err(Error::Conflict("This token was revoked before.".into()));
            }
            forget_after(&mut tx, &identity);
            let (was, is) = (json!({ "revoked": false, "scopes": token.scopes }), json!({ "revoked": true }));
            Ok(Change::between(Token { revoked_at: Some(now), ..token }, was, is))
        })
    });
    work.await
}
