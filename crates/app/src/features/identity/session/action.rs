//! Ending sessions: one's own without a question, another's with a reason.

use qd_core::gate::{Access, Action, Actor, AuditEvent, Change, Confirmation, Danger, Done, Target};
use qd_core::secret::Secret;
use qd_core::{App, Error, Result};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{Identity, store};
use crate::features::identity::account::{self, myself};
use crate::features::identity::{crypto, forget_after};

/// Ends one of one's own sessions.
#[derive(Clone, Debug, Serialize)]
pub struct EndSession {
    /// Which.
    pub session: Uuid,
}

impl Action for EndSession {
    const NAME: &'static str = "session.revoke";
    const EVENT: AuditEvent = AuditEvent("AUTH_SESSION_REVOKED");
    const WHO: Access = Access::SignedIn;
    const DANGER: Danger = Danger::Routine;

    fn target(&self) -> Target {
        Target::new("session", self.session)
    }
}

/// Ends all sessions of somebody.
#[derive(Clone, Debug, Serialize)]
pub struct EndUserSessions {
    /// Whose.
    pub user: Uuid,
}

impl Action for EndUserSessions {
    const NAME: &'static str = "session.revoke_user";
    const EVENT: AuditEvent = AuditEvent("AUTH_USER_SESSIONS_REVOKED");
    const WHO: Access = Access::RULE;
    const DANGER: Danger = Danger::Guarded;

    fn target(&self) -> Target {
        Target::new("user", self.user)
    }
}

/// Makes a link that signs somebody in once.
#[derive(Clone, Debug, Serialize)]
pub struct CreateLink {
    /// Whom.
    pub user: Uuid,
    /// How long it works.
    pub minutes: i64,
}

impl Action for CreateLink {
    const NAME: &'static str = "session.create_link";
    const EVENT: AuditEvent = AuditEvent("AUTH_LINK_CREATED");
    const WHO: Access = Access::RULE;
    const DANGER: Danger = Danger::Guarded;

    fn target(&self) -> Target {
        Target::new("user", self.user)
    }
}

/// Makes a link that signs a person in once. The ticket is given here, and never again.
///
/// # Errors
/// [`Error::NotFound`] for an unknown person, [`Error::Conflict`] for a disabled one.
pub async fn create_link(app: &App, actor: &Actor, action: CreateLink, given: Confirmation) -> Result<Secret> {
    let (secret, now) = (crypto::random_secret(), app.now());
    let hash = crypto::fingerprint(secret.expose());
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let asked = permit.action();
            if account::store::get(&mut tx, asked.user).await?.user()?.disabled_at.is_some() {
                return Err(Error::Conflict("This account is disabled. Enable it first.".into()));
            }
            store::add_ticket(&mut tx, hash, asked.user, now, asked.minutes).await?;
            Ok(Change::between((), None, json!({ "minutes": asked.minutes })))
        })
    });
    work.await.map(|_| secret)
}

/// Ends one of the caller's own sessions.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs, or has ended.
pub async fn end(app: &App, actor: &Actor, action: EndSession, given: Confirmation) -> Result<Done<()>> {
    let (user, identity) = (myself(actor)?, app.state::<Identity>()?);
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            if !store::end(&mut tx, permit.action().session, user).await? {
                return Err(Error::NotFound("The session".into()));
            }
            forget_after(&mut tx, &identity);
            Ok(Change::of(()))
        })
    });
    work.await
}

/// Ends all sessions of a person, and takes back their unused links. How many sessions it were.
pub async fn end_of_user(app: &App, actor: &Actor, action: EndUserSessions, given: Confirmation) -> Result<Done<u64>> {
    let identity = app.state::<Identity>()?;
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let user = permit.action().user;
            account::store::hold(&mut tx, user).await?;
            store::drop_tickets(&mut tx, user).await?;
            let ended = store::end_all(&mut tx, user, None).await?;
            forget_after(&mut tx, &identity);
            Ok(Change::between(ended, None, json!({ "sessions_ended": ended })))
        })
    });
    work.await
}
