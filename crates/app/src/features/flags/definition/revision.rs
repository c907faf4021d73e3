//! Revisions: every change keeps the whole flag.

use std::collections::HashMap;

use qd_core::{App, Error, Result, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Definition, Person, store};

/// A flag as it was after a change.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Key of the flag.
    pub key: String,
    /// Number, from 1: the flag's version.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// What was done: "flag.toggle".
    pub action: String,
    /// Who did it.
    pub by: Person,
    /// Why.
    pub reason: Option<String>,
    /// Whether it was archived then.
    pub archived: bool,
    /// The whole flag.
    pub definition: Definition,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Difference {
    /// Name of the field, as in the flag's JSON.
    pub field: String,
    /// What it was.
    pub before: Value,
    /// What it became.
    pub after: Value,
}

/// Revisions before number `before`, newest first, and whether there are more.
///
/// # Errors
/// Those of the database.
pub async fn revisions(app: &App, key: &str, before: Option<i64>, limit: usize) -> Result<(Vec<Revision>, bool)> {
    let limit = limit.clamp(1, 200);
    let mut found = store::revisions(&app.db, key, before.unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(200) + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    Ok((found, more))
}

/// Each of these flags as it was before its last change, by key; new ones are missing.
///
/// # Errors
/// Those of the database.
pub async fn before_last<'k>(app: &App, keys: impl Iterator<Item = &'k str>) -> Result<HashMap<String, Definition>> {
    let keys = keys.fold(",".to_owned(), |all, key| format!("{all}{key},"));
    Ok(store::before_last(&app.db, &keys).await?.into_iter().collect())
}

/// Days for which every revision is kept.
const KEPT_DAYS: i64 = 365;
/// Newest revisions of a flag that are kept however old they are.
const KEPT: i64 = 200;

/// Forgets revisions that are older than a year and not among the newest 200 of their flag; how many.
///
/// # Errors
/// Those of the database.
pub async fn trim(app: &App) -> Result<u64> {
    let before = app.now().plus_seconds(-KEPT_DAYS * 86_400);
    app.db.write_with(move |tx| Box::pin(async move { store::trim(tx, before, KEPT).await })).await
}

/// One revision.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn revision(app: &App, key: &str, number: i64) -> Result<Revision> {
    store::revision(&app.db, key, number).await?.ok_or_else(|| Error::NotFound(format!("Revision {number} of {key}")))
}

/// The fields that differ between two definitions, in the order of their names.
///
/// # Errors
/// [`Error::Broken`] when one can't be written as JSON.
pub fn differences(before: &Definition, after: &Definition) -> Result<Vec<Difference>> {
    let (before, after) = (serde_json::to_value(before)?, serde_json::to_value(after)?);
    let value = |of: &Value, field: &str| of.get(field).cloned().unwrap_or(Value::Null);
    let fields = after.as_object().into_iter().flat_map(serde_json::Map::keys);
    let pairs = fields.map(|field| Difference { field: field.clone(), before: value(&before, field), after: value(&after, field) });
    Ok(pairs.filter(|pair| pair.before != pair.after).collect())
}
