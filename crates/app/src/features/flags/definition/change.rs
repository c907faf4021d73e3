//! The one way in which a flag changes: look, edit, check, save, keep a revision, take the next published revision.

use std::collections::{HashMap, HashSet};

use futures::future::BoxFuture;
use qd_core::gate::{Action, Actor, Change, Confirmation, Done, GateTx, Permit, Undo};
use qd_core::{App, Error, Result, Timestamp, published};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::store::{self, Need};
use super::{Definition, Flag, Person, differences};
use crate::features::flags::{ramp, serve};

/// Longest chain of prerequisites.
const CHAIN: usize = 10;
/// Most flags that a flag may need, directly or by others.
const NEEDED_MAX: usize = 50;
/// Lists up to so many entries stand in the trail whole; longer ones as their number and a digest. The revision has them whole.
const LISTED: usize = 50;

/// A flag before and after an edit, and how to take it back.
pub struct Edit {
    /// After. Version, times and who are set by [`apply`].
    pub after: Flag,
    /// How to take it back.
    pub undo: Undo,
}

impl Edit {
    /// Another definition.
    pub fn of(before: &Flag, definition: Definition, undo: Undo) -> Self {
        Self { after: Flag { definition, ..before.clone() }, undo }
    }
}

/// Changes a flag through the gate. `edit` looks at the flag as it is in the transaction.
///
/// # Errors
/// [`Error::NotFound`] for an unknown or archived key, [`Error::Invalid`] for what can't be saved, [`Error::Conflict`] when somebody was quicker
/// or a ramp holds it, and whatever `edit` gives.
pub async fn apply<A, F>(app: &App, actor: &Actor, action: A, given: Confirmation, key: &str, edit: F) -> Result<Done<Flag>>
where
    A: Action + Sync,
    F: for<'t> FnOnce(&'t mut GateTx<'_>, &'t Flag, &'t A) -> BoxFuture<'t, Result<Edit>> + Send + 'static,
{
    let (now, key) = (app.now(), key.to_owned());
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            // First: on Postgres this lock makes changes of flags follow one another, so that two can't close a circle together.
            published::bump(&mut tx).await?;
            let before = store::get(&mut tx, &key).await?.ok_or_else(|| unknown(&key))?;
            let edit = edit(&mut tx, &before, permit.action()).await?;
            let after = save(&mut tx, &before, edit.after, &permit, now).await?;
            let (mut was, mut is) = changed(&before, &after)?;
            for (name, before, after) in ramp::heed(&mut tx, &before, &after, now).await? {
                was.insert(name.into(), before);
                is.insert(name.into(), after);
            }
            Ok(Change::between(after, Value::Object(was), Value::Object(is)).undo(edit.undo))
        })
    });
    Ok(serve::publish(app, work.await?).await)
}

/// As [`apply`], for an edit that needs to look at the flag only.
pub async fn edited<A, F>(app: &App, actor: &Actor, action: A, given: Confirmation, key: &str, edit: F) -> Result<Done<Flag>>
where
    A: Action + Sync,
    F: FnOnce(&Flag) -> Result<Edit> + Send + 'static,
{
    apply(app, actor, action, given, key, move |_, before, _| Box::pin(async move { edit(before) })).await
}

/// Saves an edited flag as its next version, with its revision.
pub async fn save<A: Action>(tx: &mut GateTx<'_>, before: &Flag, edited: Flag, permit: &Permit<A>, now: Timestamp) -> Result<Flag> {
    let settled_at = if edited.definition.settled() { before.settled_at.or(Some(now)) } else { None };
    let after = Flag { version: before.version + 1, updated_at: now, updated_by: person(permit.actor()), settled_at, ..edited };
    let after = Flag { definition: after.definition.checked()?, ..after };
    if (&after.definition, after.archived_at) == (&before.definition, before.archived_at) {
        return Err(Error::invalid("enabled", "Nothing would change. Change something first."));
    }
    check_needs(tx, &after).await?;
    if !store::replace(tx, &after, before.version).await? {
        return Err(Error::Conflict(format!("Somebody changed {} at the same moment. Nothing was changed. Look at it again.", after.key)));
    }
    store::set_needs(tx, &after).await?;
    store::add_revision(tx, &after, A::NAME, permit.reason()).await?;
    Ok(after)
}

/// Who acts, for the flag and its revision.
pub fn person(actor: &Actor) -> Person {
    Person { id: actor.id().into(), name: actor.name().into() }
}

/// There is no such flag.
pub fn unknown(key: &str) -> Error {
    Error::NotFound(format!("The flag {}", key.chars().take(100).collect::<String>()))
}

/// What a flag needs must exist and lead nowhere in a circle; what others need of it must stay.
pub async fn check_needs(tx: &mut GateTx<'_>, flag: &Flag) -> Result<()> {
    let all = store::needs(tx).await?;
    for (other, _, variant) in all.iter().filter(|(other, needed, _)| *needed == flag.key && *other != flag.key) {
        if flag.archived_at.is_some() {
            return Err(Error::Conflict(format!("The flag {other} needs {}. Change its prerequisites first. Nothing was changed.", flag.key)));
        }
        if flag.definition.variant(variant).is_none() {
            return Err(Error::invalid(
                "variants",
                format!("The flag {other} needs the variant {variant} of this flag. Change its prerequisites first."),
            ));
        }
    }
    for needs in flag.definition.prerequisites.iter().filter(|_| flag.archived_at.is_none()) {
        let other = store::get(tx, &needs.flag).await?.filter(|other| other.archived_at.is_none());
        let Some(other) = other else { return Err(Error::invalid("prerequisites", format!("There is no flag {}.", needs.flag))) };
        if needs.flag != flag.key && other.definition.variant(&needs.variant).is_none() {
            return Err(Error::invalid("prerequisites", format!("The flag {} has no variant {}.", needs.flag, needs.variant)));
        }
    }
    check_chain(all, flag)
}

/// Prerequisites lead nowhere in a circle and not too far.
fn check_chain(all: Vec<Need>, flag: &Flag) -> Result<()> {
    let mut needs: HashMap<String, Vec<String>> = HashMap::new();
    for (from, to, _) in all.into_iter().filter(|(from, _, _)| *from != flag.key) {
        needs.entry(from).or_default().push(to);
    }
    needs.insert(flag.key.clone(), flag.definition.prerequisites.iter().map(|needs| needs.flag.clone()).collect());
    // What this change could have lengthened: the chains that go through this flag.
    let mut below = HashMap::new();
    let deep = depth(&flag.key, &needs, &mut HashSet::new(), &mut below)
        .ok_or_else(|| Error::invalid("prerequisites", format!("These prerequisites lead back to {}. A flag can't need itself.", flag.key)))?;
    let mut needed: HashMap<String, Vec<String>> = HashMap::new();
    for (from, list) in &needs {
        for to in list {
            needed.entry(to.clone()).or_default().push(from.clone());
        }
    }
    let mut above = HashMap::new();
    let high = depth(&flag.key, &needed, &mut HashSet::new(), &mut above).unwrap_or(CHAIN);
    if deep + high > CHAIN {
        return Err(Error::invalid("prerequisites", "Chains of prerequisites may have at most 10 links."));
    }
    check_number(&flag.key, above.into_keys(), &needs)
}

/// Neither this flag nor those that need it need too many.
fn check_number(key: &str, above: impl Iterator<Item = String>, needs: &HashMap<String, Vec<String>>) -> Result<()> {
    if needs.get(key).is_none_or(Vec::is_empty) {
        return Ok(());
    }
    match above.filter(|one| reached(one, needs) > NEEDED_MAX).min() {
        Some(one) => {
            let text = format!("The flag {one} would need more than {NEEDED_MAX} other flags, directly or by others that it needs.");
            Err(Error::invalid("prerequisites", text))
        }
        None => Ok(()),
    }
}

/// How many others a flag needs; not counted further than too many.
fn reached(key: &str, needs: &HashMap<String, Vec<String>>) -> usize {
    let (mut seen, mut ahead) = (HashSet::from([key]), vec![key]);
    while let Some(next) = ahead.pop().filter(|_| seen.len() <= NEEDED_MAX + 1) {
        ahead.extend(needs.get(next).into_iter().flatten().map(String::as_str).filter(|one| seen.insert(one)));
    }
    seen.len() - 1
}

/// Longest way from `key`, in links; `None` for a circle. `known`: what was found of others, so that each is looked at once.
fn depth(key: &str, links: &HashMap<String, Vec<String>>, way: &mut HashSet<String>, known: &mut HashMap<String, usize>) -> Option<usize> {
    if let Some(found) = known.get(key) {
        return Some(*found);
    }
    if !way.insert(key.to_owned()) {
        return None;
    }
    let mut longest = 0;
    for next in links.get(key).into_iter().flatten() {
        longest = longest.max(1 + depth(next, links, way, known)?);
    }
    way.remove(key);
    known.insert(key.to_owned(), longest);
    Some(longest)
}

/// The fields that changed, before and after, for audit and ledger. Keys and rules are operational words; of notes there is only their length and
/// a digest.
pub fn changed(before: &Flag, after: &Flag) -> Result<(Map<String, Value>, Map<String, Value>)> {
    let (mut was, mut is) = (Map::new(), Map::new());
    for pair in differences(&before.definition, &after.definition)?.into_iter().filter(|pair| pair.field != "ownerName") {
        was.insert(pair.field.clone(), told(&pair.field, pair.before));
        is.insert(pair.field.clone(), told(&pair.field, pair.after));
    }
    if before.archived_at != after.archived_at {
        was.insert("archivedAt".into(), json!(before.archived_at));
        is.insert("archivedAt".into(), json!(after.archived_at));
    }
    Ok((was, is))
}

/// All fields of a new flag, for audit and ledger.
pub fn whole(flag: &Flag) -> Result<Value> {
    let fields = differences(&Definition { enabled: !flag.definition.enabled, ..Definition::default() }, &flag.definition)?;
    Ok(Value::Object(
        fields.into_iter().filter(|pair| pair.field != "ownerName").map(|pair| (pair.field.clone(), told(&pair.field, pair.after))).collect(),
    ))
}

fn told(field: &str, value: Value) -> Value {
    let digest = |text: &str| hex::encode(Sha256::digest(text)).chars().take(16).collect::<String>();
    match (field, &value) {
        ("notes", Value::String(text)) if text.is_empty() => Value::Null,
        ("notes", Value::String(text)) => json!(format!("{} characters, sha256 {}", text.chars().count(), digest(text))),
        ("allow" | "deny", Value::Array(list)) if list.len() > LISTED => json!(format!("{} keys, sha256 {}", list.len(), digest(&value.to_string()))),
        _ => value,
    }
}

/// A request that takes something back.
pub fn undo(label: impl Into<String>, key: &str, verb: &str, body: Value) -> Undo {
    Undo { label: label.into(), path: format!("/api/admin/ops/feature-flags/{key}/{verb}"), body }
}

/// Back to how it was before.
pub fn undo_to(before: &Flag) -> Undo {
    undo(
        format!("Bring {} back to revision {}", before.key, before.version),
        &before.key,
        "revert",
        json!({ "revision": before.version, "reason": "" }),
    )
}
