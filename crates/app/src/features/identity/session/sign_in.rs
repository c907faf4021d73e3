//! Signing in by password or by a link that works once, and signing out. Each of them, and each failure, is a row of the audit trail; neither
//! the password nor an unknown email ever is.

use engine::Tx;
use qd_core::gate::{Actor, AuditEvent, Role, Target};
use qd_core::secret::Secret;
use qd_core::{App, Error, Result, Timestamp, audit};
use uuid::Uuid;

use super::limit::{self, PAUSED, Turn};
use super::{Identity, store};
use crate::features::identity::account::{self, normal_email, verify_password};
use crate::features::identity::{crypto, forget_after};

const IN: AuditEvent = AuditEvent("AUTH_LOGIN");
const IN_BY_LINK: AuditEvent = AuditEvent("AUTH_LOGIN_BY_LINK");
const FAILED: AuditEvent = AuditEvent("AUTH_LOGIN_FAILED");
const OUT: AuditEvent = AuditEvent("AUTH_LOGOUT");
/// Sessions that one person may have; the next sign-in ends the oldest.
const MOST: i64 = 50;

/// A session that was opened just now.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Who.
    pub user: Uuid,
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: Role,
    /// Value of the cookie; only its hash is stored.
    pub cookie: Secret,
    /// Seconds until it ends at the latest.
    pub seconds: i64,
    /// Whether there is a password; if not, they should choose one now.
    pub has_password: bool,
}

/// What became of a try.
#[derive(Clone, Debug)]
pub enum SignIn {
    /// Welcome.
    Opened(Opened),
    /// Email or password is wrong, or the account is disabled; so many more tries.
    Wrong {
        /// Tries before a pause.
        left: u32,
    },
    /// Too many wrong ones.
    Paused {
        /// Seconds to wait.
        seconds: u64,
    },
}

/// Signs in by password. The answer and its time are the same for an unknown email, a disabled account and a wrong password.
///
/// # Errors
/// [`Error::Overloaded`] when too many sign in at once.
pub async fn sign_in(app: &App, actor: &Actor, email: &str, password: Secret) -> Result<SignIn> {
    let (identity, now, email) = (app.state::<Identity>()?, app.now(), normal_email(email));
    let (address, (limit, pause)) = (limit::address_of(actor), limit::limits(app));
    if let Turn::Wait { seconds, first } = identity.addresses.count_try(&address, limit, pause, now) {
        return paused(app, actor, Target::new("address", &address), seconds, first).await;
    }
    let key = limit::account_key(app, &email).await?;
    let account = account::store::by_email(&app.db, &email).await?;
    let target = match &account {
        Some(row) => Target::new("user", row.id),
        None => Target::new("unknown", crypto::short(&key)),
    };
    let left = match limit::count_account(app, &key, now).await? {
        Turn::Go { left } => left,
        Turn::Wait { seconds, first } => return paused(app, actor, target, seconds, first).await,
    };
    let stored = account.as_ref().and_then(|row| row.password_hash.clone());
    let fits = verify_password(password, stored).await?;
    let Some(row) = account.filter(|_| fits) else {
        limit::record(app, actor, FAILED, target, Error::Unauthenticated("Email or password is wrong.".into())).await?;
        return Ok(SignIn::Wrong { left });
    };
    match open(app, actor, Way::Password { row, key }).await {
        Ok(opened) => {
            identity.addresses.forgive(&address);
            Ok(SignIn::Opened(opened))
        }
        Err(Error::Unauthenticated(detail)) => {
            limit::record(app, actor, FAILED, target, Error::Unauthenticated(detail)).await?;
            Ok(SignIn::Wrong { left })
        }
        Err(other) => Err(other),
    }
}

async fn paused(app: &App, actor: &Actor, target: Target, seconds: u64, first: bool) -> Result<SignIn> {
    // Once per pause: hammering must not fill the trail.
    if first {
        limit::record(app, actor, PAUSED, target, Error::Limited { retry_after: seconds }).await?;
    }
    Ok(SignIn::Paused { seconds })
}

/// How somebody proved who they are.
enum Way {
    Password { row: account::store::Row, key: Vec<u8> },
    Link { hash: Vec<u8> },
}

/// Opens a session. All that was checked before is checked again within the transaction, while the account is held: it may have been disabled, or
/// its password changed, while Argon2 ran, or be just now.
async fn open(app: &App, actor: &Actor, way: Way) -> Result<Opened> {
    let (now, cookie, session) = (app.now(), crypto::random_secret(), Uuid::now_v7());
    let seconds = 3_600 * i64::from(app.config.security.session_max_hours);
    let identity = app.state::<Identity>()?;
    let (client, token_hash) = (actor.client().clone(), crypto::fingerprint(cookie.expose()));
    let write = app.db.write_with(move |tx| {
        Box::pin(async move {
            let (event, by_link) = if matches!(way, Way::Link { .. }) { (IN_BY_LINK, true) } else { (IN, false) };
            let row = prove(tx, way, now).await?;
            let has_password = row.password_hash.is_some();
            let user = row.user()?;
            if user.disabled_at.is_some() {
                return Err(Error::Unauthenticated("The account is disabled.".into()));
            }
            let new = store::Opening {
                id: session,
                user: user.id,
                token_hash,
                by_link,
                user_agent: client.user_agent.clone(),
                ip: client.ip.clone(),
                at: now,
                expires_at: now.plus_seconds(seconds),
            };
            store::open(tx, new).await?;
            if store::end_oldest(tx, user.id, MOST).await? > 0 {
                forget_after(tx, &identity);
            }
            let known = Actor::user(user.id, user.name.clone(), user.role, session, client);
            audit::record(tx, &known, event, Target::new("user", user.id), None, now).await?;
            Ok((user, has_password))
        })
    });
    let (user, has_password) = write.await?;
    Ok(Opened { user: user.id, name: user.name, role: user.role, cookie, seconds, has_password })
}

/// Holds the account, then proves that the way leads to it.
async fn prove(tx: &mut Tx, way: Way, now: Timestamp) -> Result<account::store::Row> {
    match way {
        Way::Password { row, key } => {
            let current = account::store::signed_in(tx, row.id, now).await?;
            if current.password_hash != row.password_hash {
                return Err(Error::Unauthenticated("The password was changed meanwhile.".into()));
            }
            store::forgive(tx, &key).await?;
            Ok(current)
        }
        Way::Link { hash } => {
            let gone = || Error::Unauthenticated("This link was used, or has ended. Ask for a new one.".into());
            // The account before the link, as a reset does it: in the other order the two could wait for each other.
            let user = store::ticket_of(tx, &hash).await?.ok_or_else(gone)?;
            let current = account::store::signed_in(tx, user, now).await?;
            store::use_ticket(tx, &hash, now).await?.ok_or_else(gone)?;
            Ok(current)
        }
    }
}

/// State of a one-time link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// It can be used until then.
    Open {
        /// End.
        until: Timestamp,
    },
    /// It was used, has ended, was taken back, or never was.
    Gone,
}

/// Looks at a one-time link without using it up: link previews must not.
pub async fn ticket(app: &App, ticket: &Secret) -> Result<Ticket> {
    let found = store::ticket(&app.db, &crypto::fingerprint(ticket.expose())).await?;
    Ok(match found {
        Some((ends, None)) if ends > app.now().0 => Ticket::Open { until: Timestamp(ends) },
        _ => Ticket::Gone,
    })
}

/// Signs in by a link, and uses it up. Of two at once, one gets in.
///
/// # Errors
/// [`Error::Unauthenticated`] when it is used, ended or unknown, [`Error::Limited`] after too many of those from one address.
pub async fn redeem(app: &App, actor: &Actor, ticket: &Secret) -> Result<Opened> {
    let (identity, (limit, pause)) = (app.state::<Identity>()?, limit::limits(app));
    let address = limit::address_of(actor);
    if let Turn::Wait { seconds, .. } = identity.addresses.count_try(&address, limit, pause, app.now()) {
        return Err(Error::Limited { retry_after: seconds });
    }
    let hash = crypto::fingerprint(ticket.expose());
    let target = Target::new("link", crypto::short(&hash));
    match open(app, actor, Way::Link { hash }).await {
        Ok(opened) => {
            identity.addresses.forgive(&address);
            Ok(opened)
        }
        Err(Error::Unauthenticated(detail)) => {
            limit::record(app, actor, FAILED, target, Error::Unauthenticated(detail.clone())).await?;
            Err(Error::Unauthenticated(detail))
        }
        Err(other) => Err(other),
    }
}

/// Ends the caller's session, if there is one.
pub async fn sign_out(app: &App, actor: &Actor) -> Result<()> {
    let (Some(session), Some(user)) = (actor.session(), actor.uuid()) else { return Ok(()) };
    let (identity, actor, now) = (app.state::<Identity>()?, actor.clone(), app.now());
    let write = app.db.write_with(move |tx| {
        Box::pin(async move {
            if store::end(tx, session, user).await? {
                forget_after(tx, &identity);
                audit::record(tx, &actor, OUT, Target::new("session", session), None, now).await?;
            }
            Ok(())
        })
    });
    write.await
}
