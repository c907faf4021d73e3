//! All SQL about flags and their revisions.

use engine::{Db, Tx, args};
use qd_core::gate::GateTx;
use qd_core::{Error, Result, Timestamp};

use super::stored::{read, rest};
use super::{Definition, Flag, Person, Revision};

const LIVE: &str = "SELECT * FROM flag WHERE archived_at IS NULL ORDER BY key LIMIT 2000";
const ARCHIVED: &str = "SELECT * FROM flag WHERE archived_at IS NOT NULL ORDER BY archived_at DESC LIMIT $1";
const BY_KEY: &str = "SELECT * FROM flag WHERE key = $1";
const ARCHIVED_AT: &str = "SELECT archived_at FROM flag WHERE key = $1";
const COUNT: &str = "SELECT count(*) FROM flag WHERE archived_at IS NULL";
const INSERT: &str = "INSERT INTO flag (key, definition, version, created_at, created_by, created_by_name, updated_at, updated_by, \
     updated_by_name, settled_at, archived_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE flag SET definition = $3, version = version + 1, updated_at = $4, updated_by = $5, updated_by_name = $6, \
     settled_at = $7, archived_at = $8 WHERE key = $1 AND version = $2";
const ADD_REVISION: &str = "INSERT INTO flag_revision (flag_key, number, at, action, actor_id, actor_name, reason, archived, definition) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const REVISIONS: &str = "SELECT * FROM flag_revision WHERE flag_key = $1 AND number < $2 ORDER BY number DESC LIMIT $3";
const REVISION: &str = "SELECT * FROM flag_revision WHERE flag_key = $1 AND number = $2";
const BEFORE_LAST: &str = "SELECT r.flag_key, r.definition FROM flag f JOIN flag_revision r ON r.flag_key = f.key AND r.number = f.version - 1 \
     WHERE f.archived_at IS NULL AND $1 LIKE '%,' || f.key || ',%' LIMIT 2000";
const TRIM: &str = "DELETE FROM flag_revision WHERE at < $1 AND number <= (SELECT f.version FROM flag f WHERE f.key = flag_revision.flag_key) - $2";
const NEEDS: &str = "SELECT flag_key, needs_key, variant FROM flag_prerequisite";
const DROP_NEEDS: &str = "DELETE FROM flag_prerequisite WHERE flag_key = $1";
const ADD_NEED: &str = "INSERT INTO flag_prerequisite (flag_key, needs_key, variant) VALUES ($1, $2, $3)";
const SEEDED: &str = "SELECT count(*) FROM flag_seeded";
const MARK_SEEDED: &str = "INSERT INTO flag_seeded (id, at) VALUES (1, $1) ON CONFLICT DO NOTHING";
/// Every static statement about flags.
pub const STATEMENTS: &[&str] = &[
    LIVE, ARCHIVED, BY_KEY, COUNT, INSERT, UPDATE, ADD_REVISION, REVISIONS, REVISION, BEFORE_LAST, NEEDS, DROP_NEEDS, ADD_NEED, ARCHIVED_AT, TRIM,
    SEEDED, MARK_SEEDED,
];

#[derive(sqlx::FromRow)]
struct Row {
    key: String,
    definition: String,
    version: i64,
    created_at: i64,
    created_by: String,
    created_by_name: String,
    updated_at: i64,
    updated_by: String,
    updated_by_name: String,
    settled_at: Option<i64>,
    archived_at: Option<i64>,
}

/// A flag and how it stands in the table.
#[derive(Debug)]
pub struct Stored {
    /// The flag; of one that can't be read what can be, for telling people only.
    pub flag: Flag,
    /// The definition's JSON.
    pub text: String,
    /// Why it can't be read.
    pub fault: Option<Error>,
}

#[derive(sqlx::FromRow)]
struct RevisionRow {
    number: i64,
    at: i64,
    action: String,
    actor_id: String,
    actor_name: String,
    reason: Option<String>,
    archived: bool,
    definition: String,
}

impl Row {
    fn flag(self) -> Result<Flag> {
        let definition = read(&self.definition, &self.key)?;
        Ok(self.with(definition))
    }

    fn stored(self) -> Stored {
        let (text, read) = (self.definition.clone(), read(&self.definition, &self.key));
        let (definition, fault) = read.map_or_else(|fault| (rest(&text), Some(fault)), |definition| (definition, None));
        Stored { flag: self.with(definition), text, fault }
    }

    fn with(self, definition: Definition) -> Flag {
        Flag {
            definition,
            key: self.key,
            version: self.version,
            created_at: Timestamp(self.created_at),
            created_by: Person { id: self.created_by, name: self.created_by_name },
            updated_at: Timestamp(self.updated_at),
            updated_by: Person { id: self.updated_by, name: self.updated_by_name },
            settled_at: self.settled_at.map(Timestamp),
            archived_at: self.archived_at.map(Timestamp),
        }
    }
}

impl RevisionRow {
    fn revision(self, key: &str) -> Result<Revision> {
        let definition = read(&self.definition, key)?;
        Ok(self.with(key, definition))
    }

    fn told(self, key: &str) -> Revision {
        let definition = read(&self.definition, key).unwrap_or_else(|_| rest(&self.definition));
        self.with(key, definition)
    }

    fn with(self, key: &str, definition: Definition) -> Revision {
        Revision {
            definition,
            key: key.into(),
            number: self.number,
            at: Timestamp(self.at),
            action: self.action,
            by: Person { id: self.actor_id, name: self.actor_name },
            reason: self.reason,
            archived: self.archived,
        }
    }
}

/// All flags that are not archived, by key, those among them that can't be read.
pub async fn live(db: &Db) -> Result<Vec<Stored>> {
    Ok(db.all::<Row>(LIVE, args![]).await?.into_iter().map(Row::stored).collect())
}

/// Archived flags, the latest first.
pub async fn archived(db: &Db, limit: i64) -> Result<Vec<Flag>> {
    Ok(db.all::<Row>(ARCHIVED, args![limit]).await?.into_iter().map(|row| row.stored().flag).collect())
}

/// Whether a flag is archived; `None`: there is none.
pub async fn is_archived(db: &Db, key: &str) -> Result<Option<bool>> {
    Ok(db.maybe::<(Option<i64>,)>(ARCHIVED_AT, args![key]).await?.map(|(at,)| at.is_some()))
}

/// One within a change, archived or not, readable or not.
pub async fn stored(tx: &mut Tx, key: &str) -> Result<Option<Stored>> {
    Ok(tx.maybe::<Row>(BY_KEY, args![key]).await?.map(Row::stored))
}

/// One, archived or not.
pub async fn by_key(db: &Db, key: &str) -> Result<Option<Flag>> {
    db.maybe::<Row>(BY_KEY, args![key]).await?.map(Row::flag).transpose()
}

/// One within a change, archived or not.
pub async fn get(tx: &mut Tx, key: &str) -> Result<Option<Flag>> {
    tx.maybe::<Row>(BY_KEY, args![key]).await?.map(Row::flag).transpose()
}

/// How many are not archived.
pub async fn count(tx: &mut Tx) -> Result<i64> {
    Ok(tx.one::<(i64,)>(COUNT, args![]).await?.0)
}

/// Adds a flag; false when there is one of that key.
pub async fn insert(tx: &mut GateTx<'_>, flag: &Flag) -> Result<bool> {
    let row = args![
        flag.key.as_str(),
        serde_json::to_string(&flag.definition)?,
        flag.version,
        flag.created_at.0,
        flag.created_by.id.as_str(),
        flag.created_by.name.as_str(),
        flag.updated_at.0,
        flag.updated_by.id.as_str(),
        flag.updated_by.name.as_str(),
        flag.settled_at.map(|at| at.0),
        flag.archived_at.map(|at| at.0)
    ];
    Ok(tx.exec(INSERT, row).await? == 1)
}

/// Writes a flag over its version `seen`; false when it has another one by now.
pub async fn replace(tx: &mut GateTx<'_>, flag: &Flag, seen: i64) -> Result<bool> {
    replace_text(tx, flag, serde_json::to_string(&flag.definition)?, seen).await
}

/// The same with the definition as it stands in the table.
pub async fn replace_text(tx: &mut GateTx<'_>, flag: &Flag, definition: String, seen: i64) -> Result<bool> {
    let row = args![
        flag.key.as_str(),
        seen,
        definition,
        flag.updated_at.0,
        flag.updated_by.id.as_str(),
        flag.updated_by.name.as_str(),
        flag.settled_at.map(|at| at.0),
        flag.archived_at.map(|at| at.0)
    ];
    Ok(tx.exec(UPDATE, row).await? == 1)
}

/// Keeps the flag as it is now as a revision.
pub async fn add_revision(tx: &mut GateTx<'_>, flag: &Flag, action: &str, reason: Option<&str>) -> Result<()> {
    add_revision_text(tx, flag, serde_json::to_string(&flag.definition)?, action, reason).await
}

/// The same with the definition as it stands in the table.
pub async fn add_revision_text(tx: &mut GateTx<'_>, flag: &Flag, definition: String, action: &str, reason: Option<&str>) -> Result<()> {
    let row = args![
        flag.key.as_str(),
        flag.version,
        flag.updated_at.0,
        action,
        flag.updated_by.id.as_str(),
        flag.updated_by.name.as_str(),
        reason.map(str::to_owned),
        flag.archived_at.is_some(),
        definition
    ];
    tx.exec(ADD_REVISION, row).await?;
    Ok(())
}

/// Revisions before `before`, newest first; of one that can't be read there is what can be.
pub async fn revisions(db: &Db, key: &str, before: i64, limit: i64) -> Result<Vec<Revision>> {
    Ok(db.all::<RevisionRow>(REVISIONS, args![key, before, limit]).await?.into_iter().map(|row| row.told(key)).collect())
}

/// Forgets revisions from before `before`, but never the newest `kept` of a flag.
pub async fn trim(tx: &mut Tx, before: Timestamp, kept: i64) -> Result<u64> {
    Ok(tx.exec(TRIM, args![before.0, kept]).await?)
}

/// One revision.
pub async fn revision(db: &Db, key: &str, number: i64) -> Result<Option<Revision>> {
    db.maybe::<RevisionRow>(REVISION, args![key, number]).await?.map(|row| row.revision(key)).transpose()
}

/// One revision within a change.
pub async fn revision_in(tx: &mut Tx, key: &str, number: i64) -> Result<Option<Revision>> {
    tx.maybe::<RevisionRow>(REVISION, args![key, number]).await?.map(|row| row.revision(key)).transpose()
}

/// Every flag as it was before its last change; new ones are missing.
/// `keys` as `,a,b,`: keys have no comma, and what an underscore matches beside itself does no harm.
pub async fn before_last(db: &Db, keys: &str) -> Result<Vec<(String, Definition)>> {
    let rows: Vec<(String, String)> = db.all(BEFORE_LAST, args![keys]).await?;
    Ok(rows.into_iter().filter_map(|(key, definition)| read(&definition, &key).ok().map(|definition| (key, definition))).collect())
}

/// A flag, the flag that it needs, and the variant that the other one must give.
pub type Need = (String, String, String);

/// All prerequisites of flags that are not archived.
pub async fn needs(tx: &mut Tx) -> Result<Vec<Need>> {
    Ok(tx.all(NEEDS, args![]).await?)
}

/// Replaces the prerequisites of a flag by those of its definition; an archived flag has none.
pub async fn set_needs(tx: &mut GateTx<'_>, flag: &Flag) -> Result<()> {
    tx.exec(DROP_NEEDS, args![flag.key.as_str()]).await?;
    for needs in flag.definition.prerequisites.iter().filter(|_| flag.archived_at.is_none()) {
        tx.exec(ADD_NEED, args![flag.key.as_str(), needs.flag.as_str(), needs.variant.as_str()]).await?;
    }
    Ok(())
}

/// Whether the first flags were made.
pub async fn seeded(db: &Db) -> Result<bool> {
    Ok(db.one::<(i64,)>(SEEDED, args![]).await?.0 > 0)
}

/// Notes that they were; false when they had been.
pub async fn mark_seeded(tx: &mut GateTx<'_>, now: Timestamp) -> Result<bool> {
    Ok(tx.exec(MARK_SEEDED, args![now.0]).await? == 1)
}
