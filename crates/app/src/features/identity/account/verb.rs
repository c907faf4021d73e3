//! Changes of accounts by a SUPER_ADMIN. All act at once: what was looked up is forgotten as soon as the change is durable.

use qd_core::gate::{Actor, Change, Confirmation, Done, GateTx, Role};
use qd_core::secret::Secret;
use qd_core::{App, Error, Result, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::{CreateUser, DisableUser, EnableUser, Invited, LINK_MINUTES, ResetPassword, SetRole, User, check_email, check_name, store};
use crate::features::identity::session::{self, Identity};
use crate::features::identity::{crypto, forget_after};

/// Adds an account without a password, and the link by which its owner chooses one.
///
/// # Errors
/// [`Error::Invalid`] for the email (wrong, or taken) and the name.
pub async fn create(app: &App, actor: &Actor, action: CreateUser, given: Confirmation) -> Result<Invited> {
    let ticket = crypto::random_secret();
    let hash = crypto::fingerprint(ticket.expose());
    let done = insert(app, actor, action, given, None, Some(hash)).await?;
    Ok(invited(done, ticket))
}

/// Adds an account with a password that was hashed already, or with none and no link either.
pub(in crate::features::identity) async fn create_with_password(
    app: &App,
    actor: &Actor,
    action: CreateUser,
    given: Confirmation,
    password_hash: Option<String>,
) -> Result<User> {
    Ok(insert(app, actor, action, given, password_hash, None).await?.value)
}

async fn insert(
    app: &App,
    actor: &Actor,
    action: CreateUser,
    given: Confirmation,
    password_hash: Option<String>,
    ticket: Option<Vec<u8>>,
) -> Result<Done<User>> {
    let action = CreateUser { email: check_email(&action.email)?, name: check_name(&action.name)?, role: action.role };
    let now = app.now();
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let asked = permit.action();
            let user = User {
                id: Uuid::now_v7(),
                email: asked.email.clone(),
                name: asked.name.clone(),
                role: asked.role,
                disabled_at: None,
                has_password: password_hash.is_some(),
                created_at: now,
                last_sign_in_at: None,
            };
            store::insert(&mut tx, &user, password_hash).await?;
            if let Some(hash) = ticket {
                session::store::add_ticket(&mut tx, hash, user.id, now, LINK_MINUTES).await?;
            }
            let (id, after) = (user.id, json!({ "role": user.role }));
            Ok(Change::between(user, None, after).on(id))
        })
    });
    work.await
}

/// Gives another role. It counts from the next request of that person on.
///
/// # Errors
/// [`Error::Conflict`] for the last active SUPER_ADMIN.
pub async fn set_role(app: &App, actor: &Actor, action: SetRole, given: Confirmation) -> Result<Done<User>> {
    let identity = app.state::<Identity>()?;
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let SetRole { user: id, role } = *permit.action();
            let before = store::get(&mut tx, id).await?.user()?;
            if role != Role::SuperAdmin {
                keep_a_ruler(&mut tx, id).await?;
            }
            store::set_role(&mut tx, id, role).await?;
            forget_after(&mut tx, &identity);
            let (was, is) = (json!({ "role": before.role }), json!({ "role": role }));
            Ok(Change::between(User { role, ..before }, was, is))
        })
    });
    work.await
}

/// Ends all sessions and open links of a person and lets no new one begin.
///
/// # Errors
/// [`Error::Conflict`] for oneself and for the last active SUPER_ADMIN.
pub async fn disable(app: &App, actor: &Actor, action: DisableUser, given: Confirmation) -> Result<Done<User>> {
    if actor.uuid() == Some(action.user) {
        return Err(Error::Conflict("You can't disable your own account. Ask another SUPER_ADMIN.".into()));
    }
    let (identity, now) = (app.state::<Identity>()?, app.now());
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let id = permit.action().user;
            let before = store::get(&mut tx, id).await?.user()?;
            if before.disabled_at.is_some() {
                return Err(Error::Conflict("This account is disabled already.".into()));
            }
            keep_a_ruler(&mut tx, id).await?;
            store::set_disabled(&mut tx, id, Some(now)).await?;
            let ended = end_everything(&mut tx, id).await?;
            forget_after(&mut tx, &identity);
            let (was, is) = (json!({ "disabled": false }), json!({ "disabled": true, "sessions_ended": ended }));
            Ok(Change::between(User { disabled_at: Some(now), ..before }, was, is))
        })
    });
    work.await
}

/// Lets a person sign in again, with the password of before.
pub async fn enable(app: &App, actor: &Actor, action: EnableUser, given: Confirmation) -> Result<Done<User>> {
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let before = store::get(&mut tx, permit.action().user).await?.user()?;
            if before.disabled_at.is_none() {
                return Err(Error::Conflict("This account is not disabled.".into()));
            }
            store::set_disabled(&mut tx, before.id, None).await?;
            let (was, is) = (json!({ "disabled": true }), json!({ "disabled": false }));
            Ok(Change::between(User { disabled_at: None, ..before }, was, is))
        })
    });
    work.await
}

/// Takes the password away, ends all sessions, and gives a link by which the owner chooses a new password.
///
/// # Errors
/// [`Error::Conflict`] for oneself and for a disabled account.
pub async fn reset_password(app: &App, actor: &Actor, action: ResetPassword, given: Confirmation) -> Result<Invited> {
    if actor.uuid() == Some(action.user) {
        return Err(Error::Conflict("Change your own password in your profile.".into()));
    }
    let (identity, now, ticket) = (app.state::<Identity>()?, app.now(), crypto::random_secret());
    let hash = crypto::fingerprint(ticket.expose());
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move { take_password(&mut tx, permit.action().user, &identity, hash, now).await })
    });
    Ok(invited(work.await?, ticket))
}

async fn take_password(tx: &mut GateTx<'_>, id: Uuid, identity: &std::sync::Arc<Identity>, ticket: Vec<u8>, now: Timestamp) -> Result<Change<User>> {
    let before = store::get(tx, id).await?.user()?;
    if before.disabled_at.is_some() {
        return Err(Error::Conflict("This account is disabled. Enable it first.".into()));
    }
    store::set_password(tx, id, None).await?;
    let ended = end_everything(tx, id).await?;
    session::store::add_ticket(tx, ticket, id, now, LINK_MINUTES).await?;
    forget_after(tx, identity);
    let (was, is) = (json!({ "password": before.has_password }), json!({ "password": false, "sessions_ended": ended }));
    Ok(Change::between(User { has_password: false, ..before }, was, is))
}

fn invited(done: Done<User>, ticket: Secret) -> Invited {
    Invited { user: done.value, audit_seq: done.audit_seq, ticket: (!done.replayed).then_some(ticket) }
}

/// Ends sessions and open links; how many sessions it were.
async fn end_everything(tx: &mut GateTx<'_>, user: Uuid) -> Result<u64> {
    session::store::drop_tickets(tx, user).await?;
    session::store::end_all(tx, user, None).await
}

/// The installation must keep somebody who can do everything.
async fn keep_a_ruler(tx: &mut GateTx<'_>, leaving: Uuid) -> Result<()> {
    let rulers = store::rulers(tx).await?;
    match rulers.contains(&leaving) && rulers.len() == 1 {
        true => Err(Error::Conflict("This is the last active SUPER_ADMIN. Give somebody else that role first.".into())),
        false => Ok(()),
    }
}
