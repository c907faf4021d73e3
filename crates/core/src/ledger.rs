//! The change ledger: what changed, when, by whom, why, and how to undo it. Append-only; fed by the gate.

use engine::{Db, Tx, args};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::audit::Entry;
use crate::error::Result;
use crate::gate::Undo;
use crate::time::Timestamp;

const APPEND: &str = "INSERT INTO change_ledger (id, at, kind, object, object_id, before, after, actor_id, actor_name, reason, undo) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const RECENT: &str = "SELECT id, at, kind, object, object_id, actor_name, reason FROM change_ledger WHERE at >= $1 ORDER BY at DESC LIMIT $2";
pub(crate) const STATEMENTS: &[&str] = &[APPEND, RECENT];

/// One change, as lists and chart markers show it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema, sqlx::FromRow)]
pub struct LedgerRow {
    /// Id of the entry.
    pub id: Uuid,
    /// Microseconds since 1970.
    #[serde(skip)]
    pub at: i64,
    /// Name of the action: "incident.close".
    pub kind: String,
    /// Kind of the object: "incident".
    pub object: String,
    /// Its id.
    pub object_id: String,
    /// Who did it.
    pub actor_name: String,
    /// Why.
    pub reason: Option<String>,
}

/// Adds a change, within the change's own transaction.
pub(crate) async fn append(
    tx: &mut Tx,
    entry: &Entry,
    before: Option<&Value>,
    after: Option<&Value>,
    undo: Option<&Undo>,
    now: Timestamp,
) -> Result<()> {
    let undo = undo.map(serde_json::to_value).transpose()?;
    let row = args![
        Uuid::now_v7(),
        now.0,
        entry.action.as_str(),
        entry.target.kind.as_str(),
        entry.target.id.as_str(),
        before.cloned(),
        after.cloned(),
        entry.actor_id.as_str(),
        entry.actor_name.as_str(),
        entry.reason.clone(),
        undo
    ];
    tx.exec(APPEND, row).await?;
    Ok(())
}

/// Changes since a moment, newest first, at most `limit`.
pub async fn since(db: &Db, from: Timestamp, limit: i64) -> Result<Vec<LedgerRow>> {
    Ok(db.all(RECENT, args![from.0, limit.clamp(1, 500)]).await?)
}
