//! The kill: off, whatever stands in the way.

use qd_core::gate::{Actor, Change, Confirmation, Done, GateTx, Permit};
use qd_core::{App, Error, Result, Timestamp, published};
use serde_json::{Value, json};

use super::change::{changed, person, undo, unknown};
use super::store::{self, Stored};
use super::{Flag, Kill};
use crate::features::flags::{ramp, serve};

/// Turns a flag off, at once and always: no reason, no version, no limit, even when the stored flag can't be read. A running ramp pauses, and
/// changes at a time that would turn it on are dropped, also when it is off already.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when it is archived, or off with nothing to drop.
pub async fn kill(app: &App, actor: &Actor, key: &str, given: Confirmation) -> Result<Done<Flag>> {
    if store::is_archived(&app.db, key).await?.ok_or_else(|| unknown(key))? {
        return Err(archived(key));
    }
    let (now, action) = (app.now(), Kill { flag: key.into() });
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            published::bump(&mut tx).await?;
            let key = &permit.action().flag;
            let found = store::stored(&mut tx, key).await?.ok_or_else(|| unknown(key))?;
            if found.flag.archived_at.is_some() {
                return Err(archived(key));
            }
            let was_on = found.flag.definition.enabled;
            let after = if was_on { switched_off(&mut tx, &found, &permit, now).await? } else { found.flag.clone() };
            let (mut was, mut is) = changed(&found.flag, &after)?;
            for (name, before, after) in ramp::quiet(&mut tx, key, now).await? {
                was.insert(name.into(), before);
                is.insert(name.into(), after);
            }
            if is.is_empty() {
                return Err(Error::Conflict(format!("{key} is off already. Nothing was changed.")));
            }
            let back = undo(format!("Turn {key} on again"), key, "toggle", json!({ "enabled": true, "reason": "" }));
            let change = Change::between(after, Value::Object(was), Value::Object(is));
            Ok(if was_on { change.undo(back) } else { change })
        })
    });
    Ok(serve::publish(app, work.await?).await)
}

fn archived(key: &str) -> Error {
    Error::Conflict(format!("{key} is archived. Restore it first. Nothing was changed."))
}

/// Writes nothing but that it is off: no limit is looked at, and what can't be read stays as it is.
async fn switched_off(tx: &mut GateTx<'_>, found: &Stored, permit: &Permit<Kill>, now: Timestamp) -> Result<Flag> {
    let mut after =
        Flag { version: found.flag.version + 1, updated_at: now, updated_by: person(permit.actor()), settled_at: None, ..found.flag.clone() };
    after.definition.enabled = false;
    let text = super::stored::turned_off(&found.text);
    if !store::replace_text(tx, &after, text.clone(), found.flag.version).await? {
        return Err(Error::Conflict(format!("Somebody changed {} at the same moment. Nothing was changed. Look at it again.", after.key)));
    }
    store::add_revision_text(tx, &after, text, "flag.kill", permit.reason()).await?;
    Ok(after)
}
