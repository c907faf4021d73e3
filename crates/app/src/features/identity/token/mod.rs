//! Machines: bearer tokens with scopes and an end, stored as a hash, shown once.

mod action;
pub(super) mod store;
pub(super) mod text;

use qd_core::gate::{Actor, Client};
use qd_core::secret::Secret;
use qd_core::{App, Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use tracing::warn;
use utoipa::ToSchema;
use uuid::Uuid;

pub use action::{CreateToken, RevokeToken, create, revoke};
pub(super) use store::STATEMENTS;

use super::cache::Found;
use super::crypto;
use super::session::{Identity, SEEN_EVERY};

/// Longest life of a token, and what is offered, in days.
pub const DAYS: i64 = 365;

/// What a token may be allowed, and what that means.
pub const SCOPES: &[(&str, &str)] = &[
    ("ingest", "Send traces and logs (OTLP)."),
    ("flags:read", "Evaluate flags (OFREP) and read the maintenance state."),
    ("instances:write", "Say that an instance of an application runs, and how it is configured."),
    ("deploys:write", "Record deploys."),
    ("metrics:read", "Scrape Quarterdeck's own metrics."),
];

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Id.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// Its last four characters.
    pub hint: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Id of who made it.
    pub created_by: String,
    /// Name of who made it.
    pub created_by_name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A token and its secret, which is shown here and nowhere else.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The token.
    pub token: Token,
    /// The secret; `None` when this was the repetition of an earlier call.
    pub secret: Option<Secret>,
    /// Number of the audit row.
    pub audit_seq: i64,
}

/// What a lookup keeps.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub id: Uuid,
    /// Made once, seen from many requests.
    pub actor: Actor,
    pub expires_at: i64,
    pub revoked: bool,
    pub used_at: i64,
}

/// Tokens, the newest first, at most 200.
pub async fn list(app: &App) -> Result<Vec<Token>> {
    store::list(&app.db).await
}

/// One token.
pub async fn get(app: &App, id: Uuid) -> Result<Token> {
    store::get(&app.db, id).await
}

/// The machine behind a bearer token.
///
/// # Errors
/// [`Error::Unauthenticated`] when it is malformed, unknown, expired or revoked. Which of them is not told.
pub async fn authenticate(app: &App, bearer: &str, client: Client) -> Result<Actor> {
    let refused = || Error::Unauthenticated("The token is unknown, expired or revoked.".into());
    let (identity, hash, now) = (app.state::<Identity>()?, crypto::digest(bearer), app.now());
    let known = match identity.tokens.get(&hash) {
        Found::Hit(known) => known,
        Found::Miss(_) if !text::is_well_formed(bearer) => return Err(refused()),
        Found::Miss(generation) => {
            let known = store::known(&app.db, &hash).await?.ok_or_else(refused)?;
            identity.tokens.put(generation, hash.to_vec(), known.clone());
            known
        }
    };
    if known.revoked || known.expires_at <= now.0 {
        return Err(refused());
    }
    let due = known.used_at <= now.plus_seconds(-SEEN_EVERY).0;
    if due && identity.tokens.update(&hash, |kept| std::mem::replace(&mut kept.used_at, now.0) < now.0) {
        // A stamp that could not be written must not stop the data.
        if let Err(fault) = store::used(&app.db, known.id, now).await {
            warn!(token = %known.id, %fault, "last use of a token not written");
        }
    }
    Ok(known.actor.seen_from(client))
}
