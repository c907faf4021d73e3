//! The verbs: reading, and changing through the gate.

use qd_core::gate::{Actor, Change, Confirmation, Done};
use qd_core::{App, Error, Result, published};
use serde_json::json;
use uuid::Uuid;

use super::change::{self, Edit, apply, edited, undo, undo_to};
use super::{
    Archive, Create, Definition, FLAGS_MAX, Filter, Flag, Listed, Lower, Patch, Percent, Restore, Revert, Rollout, Standing, Toggle, Update,
    key_fault, store,
};
use crate::features::flags::serve;
use crate::features::identity::account;

/// Most archived flags that a list gives.
const ARCHIVED_MAX: i64 = 500;

/// One page of the flags that this process serves, by key, and whether there are more. From memory, so that planned changes are not known here:
/// [`Filter::planned`] finds none.
///
/// # Errors
/// [`Error::Broken`] when the wiring left the feature out.
pub fn list(app: &App, filter: &Filter) -> Result<(Vec<Listed>, bool)> {
    let (all, now, limit) = (serve::flags(app)?, app.now(), filter.rows());
    let ramps = serve::ramps(app)?;
    let standing = |flag: &Flag| Standing { stale: flag.stale(now), ramping: ramps.contains_key(&flag.key), next_change_at: None };
    let listed = |flag: &Flag| Listed { flag: flag.clone(), stale: flag.stale(now), ramp: ramps.get(&flag.key).cloned() };
    let admitted = all.iter().filter(|flag| filter.reaches(flag) && filter.admits(flag, &standing(flag)));
    let mut found: Vec<Listed> = admitted.take(limit + 1).map(listed).collect();
    let more = found.len() > limit;
    found.truncate(limit);
    Ok((found, more))
}

/// Archived flags, the latest first, at most 500.
///
/// # Errors
/// Those of the database.
pub async fn archived(app: &App) -> Result<Vec<Flag>> {
    store::archived(&app.db, ARCHIVED_MAX).await
}

/// One, archived or not.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(app: &App, key: &str) -> Result<Flag> {
    store::by_key(&app.db, key).await?.ok_or_else(|| change::unknown(key))
}

/// Makes a flag.
///
/// # Errors
/// [`Error::Invalid`] for its key, words and values; [`Error::Conflict`] when there is one of that key, archived or not.
pub async fn create(app: &App, actor: &Actor, fields: Patch, given: Confirmation) -> Result<Done<Flag>> {
    let now = app.now();
    let key = fields.key.clone().ok_or_else(|| Error::invalid("key", "This field is required."))?;
    if let Some(detail) = key_fault(&key) {
        return Err(Error::invalid("key", detail));
    }
    let owner = owner_name(app, fields.owner_id.flatten()).await?;
    let definition = fields.applied(&Definition::default(), owner).checked()?;
    let work = app.gate.transact(actor, Create { fields }, given, move |mut tx, permit| {
        Box::pin(async move {
            published::bump(&mut tx).await?;
            if store::count(&mut tx).await? >= FLAGS_MAX {
                return Err(Error::Conflict("There are 2,000 flags, which is the most. Archive some first. Nothing was changed.".into()));
            }
            let by = change::person(permit.actor());
            let settled_at = definition.settled().then_some(now);
            let base = Flag { key, definition, version: 1, settled_at, archived_at: None, ..Flag::default() };
            let flag = Flag { created_at: now, updated_at: now, created_by: by.clone(), updated_by: by, ..base };
            change::check_needs(&mut tx, &flag).await?;
            if !store::insert(&mut tx, &flag).await? {
                return Err(Error::Conflict(format!("There is a flag {} already, or one in the archive. Nothing was changed.", flag.key)));
            }
            store::set_needs(&mut tx, &flag).await?;
            store::add_revision(&mut tx, &flag, "flag.create", permit.reason()).await?;
            let back = undo(format!("Archive {}", flag.key), &flag.key, "archive", json!({ "reason": "", "phrase": "" }));
            let (after, key) = (change::whole(&flag)?, flag.key.clone());
            Ok(Change::between(flag, None, after).on(key).undo(back))
        })
    });
    Ok(serve::publish(app, work.await?).await)
}

/// Changes a flag. Never makes one. A change that turns it on or off is recorded as that.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`]; [`Error::Conflict`] when the caller saw another version, or a running ramp holds it.
pub async fn update(app: &App, actor: &Actor, key: &str, fields: Patch, given: Confirmation) -> Result<Done<Flag>> {
    let before = live(app, key).await?;
    if fields.key.as_deref().is_some_and(|other| other != key) {
        return Err(Error::invalid("key", "A flag's key never changes. Make another flag."));
    }
    let owner = owner_name(app, fields.owner_id.flatten().filter(|owner| before.definition.owner_id != Some(*owner))).await?;
    let owner = owner.or_else(|| before.definition.owner_name.clone().filter(|_| fields.owner_id.flatten().is_some()));
    let (flag, patch) = (key.to_owned(), fields.clone());
    let edit = move |before: &Flag| -> Result<Edit> {
        seen(before, patch.version)?;
        Ok(Edit::of(before, patch.applied(&before.definition, owner), undo_to(before)))
    };
    if fields.enabled.is_some_and(|enabled| enabled != before.definition.enabled) {
        let action = Toggle { flag, enabled: fields.enabled, fields: Some(fields) };
        return edited(app, actor, action, given, key, edit).await;
    }
    edited(app, actor, Update { flag, fields }, given, key, edit).await
}

/// Turns a flag on or off; the other one than now if not said. `version` is what the caller saw.
///
/// # Errors
/// As [`update`].
pub async fn toggle(app: &App, actor: &Actor, key: &str, enabled: Option<bool>, version: Option<i64>, given: Confirmation) -> Result<Done<Flag>> {
    live(app, key).await?;
    let action = Toggle { flag: key.into(), enabled, fields: None };
    let edit = move |before: &Flag| -> Result<Edit> {
        seen(before, version)?;
        Ok(switched(before, enabled.unwrap_or(!before.definition.enabled)))
    };
    edited(app, actor, action, given, key, edit).await
}

fn switched(before: &Flag, enabled: bool) -> Edit {
    let word = if enabled { "off" } else { "on" };
    let back = undo(format!("Turn {} {word} again", before.key), &before.key, "toggle", json!({ "enabled": !enabled, "reason": "" }));
    Edit::of(before, Definition { enabled, ..before.definition.clone() }, back)
}

/// Sets the percentage. Down never asks: without a reason a lower one is [`lower`]ed.
///
/// # Errors
/// As [`update`].
pub async fn set_rollout(app: &App, actor: &Actor, key: &str, percentage: Percent, version: Option<i64>, given: Confirmation) -> Result<Done<Flag>> {
    let before = live(app, key).await?;
    // An equal one may be the same request again, which must find what it did the first time.
    let silent = given.reason.as_deref().is_none_or(|reason| reason.trim().is_empty());
    if silent && percentage <= before.definition.rollout_percentage {
        return lower(app, actor, key, percentage, version, given).await;
    }
    let edit = move |before: &Flag| -> Result<Edit> {
        seen(before, version)?;
        Ok(at(before, percentage))
    };
    edited(app, actor, Rollout { flag: key.into(), percentage }, given, key, edit).await
}

/// Lowers the percentage, at once: no reason, and a running ramp pauses.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when it is as low already, or lower.
pub async fn lower(app: &App, actor: &Actor, key: &str, percentage: Percent, version: Option<i64>, given: Confirmation) -> Result<Done<Flag>> {
    live(app, key).await?;
    let edit = move |before: &Flag| -> Result<Edit> {
        seen(before, version)?;
        let now = before.definition.rollout_percentage;
        if percentage >= now {
            return Err(Error::Conflict(format!("The rollout of {} is {now}: {percentage} would not lower it. Nothing was changed.", before.key)));
        }
        Ok(at(before, percentage))
    };
    edited(app, actor, Lower { flag: key.into(), percentage }, given, key, edit).await
}

fn at(before: &Flag, percentage: Percent) -> Edit {
    let was = before.definition.rollout_percentage;
    let back = undo(format!("Back to {was}"), &before.key, "rollout", json!({ "rolloutPercentage": was, "reason": "" }));
    Edit::of(before, Definition { rollout_percentage: percentage, ..before.definition.clone() }, back)
}

/// Makes a flag what it was at a revision, as a new revision.
///
/// # Errors
/// As [`update`]; [`Error::NotFound`] for an unknown revision.
pub async fn revert(app: &App, actor: &Actor, key: &str, number: i64, version: Option<i64>, given: Confirmation) -> Result<Done<Flag>> {
    live(app, key).await?;
    let action = Revert { flag: key.into(), revision: number };
    apply(app, actor, action, given, key, move |tx, before, _| {
        Box::pin(async move {
            seen(before, version)?;
            let found = store::revision_in(tx, &before.key, number).await?;
            let revision = found.ok_or_else(|| Error::NotFound(format!("Revision {number} of {}", before.key)))?;
            Ok(Edit::of(before, revision.definition, undo_to(before)))
        })
    })
    .await
}

/// Takes a flag away from applications: they get "not found" and show their own default. Its key stays taken.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when other flags need it.
pub async fn archive(app: &App, actor: &Actor, key: &str, given: Confirmation) -> Result<Done<Flag>> {
    live(app, key).await?;
    let now = app.now();
    let edit = move |before: &Flag| {
        let back = undo(format!("Restore {}", before.key), &before.key, "restore", json!({ "reason": "" }));
        Ok(Edit { after: Flag { archived_at: Some(now), ..before.clone() }, undo: back })
    };
    edited(app, actor, Archive { flag: key.into() }, given, key, edit).await
}

/// Gives an archived flag back to applications, as it was.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when it is not archived.
pub async fn restore(app: &App, actor: &Actor, key: &str, given: Confirmation) -> Result<Done<Flag>> {
    find(app, key).await?;
    apply(app, actor, Restore { flag: key.into() }, given, key, |tx, before, _| {
        Box::pin(async move {
            if before.archived_at.is_none() {
                return Err(Error::Conflict(format!("{} is not archived. Nothing was changed.", before.key)));
            }
            if store::count(tx).await? >= FLAGS_MAX {
                return Err(Error::Conflict("There are 2,000 flags, which is the most. Archive some first. Nothing was changed.".into()));
            }
            let back = undo(format!("Archive {}", before.key), &before.key, "archive", json!({ "reason": "", "phrase": "" }));
            Ok(Edit { after: Flag { archived_at: None, ..before.clone() }, undo: back })
        })
    })
    .await
}

/// One that is not archived.
async fn live(app: &App, key: &str) -> Result<Flag> {
    let flag = find(app, key).await?;
    if flag.archived_at.is_some() {
        return Err(Error::Conflict(format!("{key} is archived. Restore it first. Nothing was changed.")));
    }
    Ok(flag)
}

/// Refuses when the caller saw another version.
fn seen(flag: &Flag, version: Option<i64>) -> Result<()> {
    match version {
        Some(version) if version != flag.version => Err(Error::Outdated(format!(
            "{} changed since you loaded it: you saw revision {version}, {} made revision {}. Nothing of yours was saved.",
            flag.key, flag.updated_by.name, flag.version
        ))),
        _ => Ok(()),
    }
}

async fn owner_name(app: &App, owner: Option<Uuid>) -> Result<Option<String>> {
    let Some(id) = owner else { return Ok(None) };
    match account::get(app, id).await {
        Ok(user) if user.disabled_at.is_none() => Ok(Some(user.name)),
        Ok(_) | Err(Error::NotFound(_)) => Err(Error::invalid("ownerId", "Choose somebody with an active account.")),
        Err(fault) => Err(fault),
    }
}
