//! What people change about themselves.

use qd_core::gate::{Actor, Change, Confirmation, Done};
use qd_core::secret::Secret;
use qd_core::{App, Error, Result};
use serde_json::json;

use super::{ChangePassword, Rename, User, check_name, check_password, hash_password, store, verify_password};
use crate::features::identity::forget_after;
use crate::features::identity::session::{self, Identity};

/// Sets one's own password and ends one's other sessions. `current` is asked for, unless this session was opened by a one-time link within the
/// last hour: whoever got the link could sign in anyway, and who forgot the password has no other way.
///
/// # Errors
/// [`Error::Invalid`] on `current` or `new`; [`Error::Limited`] after too many wrong ones.
pub async fn change_password(app: &App, actor: &Actor, current: Option<Secret>, new: Secret, given: Confirmation) -> Result<Done<User>> {
    let user = myself(actor)?;
    let account = store::by_id(&app.db, user).await?;
    if !session::opened_by_link(app, actor).await? {
        let given = current.ok_or_else(|| Error::invalid("current", "Give your current password."))?;
        session::guess_password(app, actor, &account.email, || verify_password(given, account.password_hash.clone())).await?;
    }
    check_password(&new, &account.email, "new")?;
    let hash = hash_password(new).await?;
    let (identity, keep) = (app.state::<Identity>()?, actor.session());
    let work = app.gate.transact(actor, ChangePassword { user }, given, move |mut tx, _permit| {
        Box::pin(async move {
            store::set_password(&mut tx, user, Some(hash)).await?;
            session::store::drop_tickets(&mut tx, user).await?;
            // Whatever ended this session meanwhile, such as a reset by somebody else, ended the right to choose too.
            if let Some(own) = keep
                && !session::store::password_chosen(&mut tx, own).await?
            {
                return Err(Error::Unauthenticated("Your session was ended meanwhile. The password was not changed.".into()));
            }
            let ended = session::store::end_all(&mut tx, user, keep).await?;
            forget_after(&mut tx, &identity);
            let account = store::get(&mut tx, user).await?.user()?;
            Ok(Change::between(account, None, json!({ "sessions_ended": ended })))
        })
    });
    work.await
}

/// Changes one's own name.
///
/// # Errors
/// [`Error::Invalid`] on `name`.
pub async fn rename(app: &App, actor: &Actor, name: &str, given: Confirmation) -> Result<Done<User>> {
    let (user, name) = (myself(actor)?, check_name(name)?);
    let identity = app.state::<Identity>()?;
    let work = app.gate.transact(actor, Rename { user, name }, given, move |mut tx, permit| {
        Box::pin(async move {
            store::set_name(&mut tx, user, &permit.action().name).await?;
            forget_after(&mut tx, &identity);
            // The name is personal data: neither the old nor the new one goes into the trail.
            Ok(Change::of(store::get(&mut tx, user).await?.user()?))
        })
    });
    work.await
}

/// The caller's own account: the command line and the program itself have none.
pub(in crate::features::identity) fn myself(actor: &Actor) -> Result<uuid::Uuid> {
    let own = actor.session().and(actor.uuid());
    own.ok_or_else(|| Error::Forbidden("This takes a signed-in person.".into()))
}
