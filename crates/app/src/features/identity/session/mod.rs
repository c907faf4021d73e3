//! Signed-in browsers: a random cookie of which only the hash is stored, an idle and a final end, and a list that their owner can end.

mod action;
mod limit;
pub(super) mod pages;
mod sign_in;
pub(super) mod store;

use qd_core::gate::{Actor, Client};
use qd_core::secret::Secret;
use qd_core::{App, Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;
use tracing::warn;
use utoipa::ToSchema;
use uuid::Uuid;

pub use action::{CreateLink, EndSession, EndUserSessions, create_link, end, end_of_user};
pub(super) use limit::guess_password;
pub use sign_in::{Opened, SignIn, Ticket, redeem, sign_in, sign_out, ticket};
pub(super) use store::STATEMENTS;

use super::cache::{Cache, Found};
use super::crypto;

/// Seconds between two writes of "last seen".
pub(super) const SEEN_EVERY: i64 = 60;
/// Seconds for which a session that was opened by a link may choose a password without the old one.
const LINK_SECONDS: i64 = 3_600;

/// What this feature keeps in memory: recent lookups, tries per address, and the key of email hashes.
#[derive(Debug, Default)]
pub struct Identity {
    pub(super) sessions: Cache<store::Known>,
    pub(super) tokens: Cache<super::token::Known>,
    pub(super) addresses: limit::Addresses,
    key: OnceCell<Vec<u8>>,
}

impl Identity {
    /// Forgets lookups, so that a change counts from the next request on.
    pub(super) fn forget(&self) {
        self.sessions.clear();
        self.tokens.clear();
    }
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Id.
    pub id: Uuid,
    /// Whose.
    pub user_id: Uuid,
    /// Browser and system, as it says of itself.
    pub user_agent: Option<String>,
    /// Address that it was opened from.
    pub ip: Option<String>,
    /// Whether it was opened by a one-time link.
    pub by_link: bool,
    /// Whether it is the caller's own.
    pub current: bool,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was used last, to the minute.
    pub seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

impl Session {
    fn of(row: store::Row, current: Option<Uuid>) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            user_agent: row.user_agent,
            ip: row.ip,
            by_link: row.by_link,
            current: current == Some(row.id),
            created_at: Timestamp(row.created_at),
            seen_at: Timestamp(row.seen_at),
            expires_at: Timestamp(row.expires_at),
        }
    }
}

/// The person behind a cookie. A request that comes by itself (`unattended`) is no use of the session.
///
/// # Errors
/// [`Error::Unauthenticated`] when the session is unknown or has ended, or its account is disabled.
pub async fn authenticate(app: &App, cookie: &str, unattended: bool, client: Client) -> Result<Actor> {
    let (identity, hash, now) = (app.state::<Identity>()?, crypto::fingerprint(cookie), app.now());
    let known = match identity.sessions.get(&hash) {
        Found::Hit(known) => known,
        Found::Miss(generation) => {
            let known = store::known(&app.db, &hash).await?.ok_or_else(ended)?;
            identity.sessions.put(generation, hash.clone(), known.clone());
            known
        }
    };
    if known.expires_at <= now.0 || known.seen_at <= idle_since(app, now).0 {
        return Err(ended());
    }
    let due = !unattended && known.seen_at <= now.plus_seconds(-SEEN_EVERY).0;
    // Of many requests at once only the one that moves the kept stamp writes.
    if due && identity.sessions.update(&hash, |kept| std::mem::replace(&mut kept.seen_at, now.0) < now.0) {
        // A stamp that could not be written must not keep anybody out.
        if let Err(fault) = store::seen(&app.db, known.id, now).await {
            warn!(session = %known.id, %fault, "last use of a session not written");
        }
    }
    Ok(Actor::user(known.user_id, known.name, super::account::store::role(&known.role)?, known.id, client))
}

fn ended() -> Error {
    Error::Unauthenticated("Your session has ended. Sign in again.".into())
}

/// Sessions not used since this moment have ended.
fn idle_since(app: &App, now: Timestamp) -> Timestamp {
    now.plus_seconds(-3_600 * i64::from(app.config.security.session_idle_hours))
}

/// The caller's own sessions, the last used first.
pub async fn own(app: &App, actor: &Actor) -> Result<Vec<Session>> {
    of_user(app, actor, actor.uuid().unwrap_or_default()).await
}

/// Sessions of a person, the last used first.
pub async fn of_user(app: &App, actor: &Actor, user: Uuid) -> Result<Vec<Session>> {
    let now = app.now();
    let rows = store::of_user(&app.db, user, now, idle_since(app, now)).await?;
    Ok(rows.into_iter().map(|row| Session::of(row, actor.session())).collect())
}

/// Sessions of everybody, the last used first, at most 200.
pub async fn all(app: &App, actor: &Actor) -> Result<Vec<Session>> {
    let now = app.now();
    let rows = store::all(&app.db, now, idle_since(app, now)).await?;
    Ok(rows.into_iter().map(|row| Session::of(row, actor.session())).collect())
}

/// Whether the caller came by a one-time link within the last hour and has not chosen a password since.
pub async fn opened_by_link(app: &App, actor: &Actor) -> Result<bool> {
    let Some(id) = actor.session() else { return Ok(false) };
    let since = app.now().plus_seconds(-LINK_SECONDS);
    Ok(store::one(&app.db, id).await?.is_some_and(|row| row.by_link && row.created_at > since.0))
}

/// Name of the cookie: with TLS a `__Host-` one, which no other host or path can set.
pub fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-qd_session" } else { "qd_session" }
}

/// `Set-Cookie` that keeps a session until the browser closes or it ends.
pub fn cookie(value: &Secret, secure: bool, seconds: i64) -> String {
    let tls = if secure { "; Secure" } else { "" };
    format!("{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{tls}", cookie_name(secure), value.expose())
}

/// `Set-Cookie` lines that take it away under both names: a browser that came with and without TLS has both.
pub fn no_cookies() -> [String; 2] {
    [true, false].map(|secure| cookie(&Secret::default(), secure, 0))
}
