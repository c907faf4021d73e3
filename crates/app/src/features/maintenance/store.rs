//! SQL about bypass tokens and about the queues that a drain holds.

use engine::{Db, args};
use qd_core::gate::GateTx;
use qd_core::{Error, Result, Timestamp};
use uuid::Uuid;

use super::bypass::Bypass;

const BYPASSES: &str = "SELECT * FROM maintenance_bypass ORDER BY created_at DESC LIMIT $1";
const BYPASS: &str = "SELECT * FROM maintenance_bypass WHERE id = $1";
const ISSUE: &str = "INSERT INTO maintenance_bypass (id, note, created_at, created_by, created_by_name, expires_at, revoked_at) \
     VALUES ($1, $2, $3, $4, $5, $6, NULL)";
const REVOKE: &str = "UPDATE maintenance_bypass SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
const REVOKED: &str = "SELECT id FROM maintenance_bypass WHERE expires_at > $1 AND revoked_at IS NOT NULL ORDER BY id";
/// Every static statement about bypass tokens and drains.
pub const STATEMENTS: &[&str] = &[BYPASSES, BYPASS, ISSUE, REVOKE, REVOKED];

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    note: String,
    created_at: i64,
    created_by: String,
    created_by_name: String,
    expires_at: i64,
    revoked_at: Option<i64>,
}

impl Row {
    fn bypass(self) -> Bypass {
        Bypass {
            id: self.id,
            note: self.note,
            created_at: Timestamp(self.created_at),
            created_by_id: self.created_by,
            created_by_name: self.created_by_name,
            expires_at: Timestamp(self.expires_at),
            revoked_at: self.revoked_at.map(Timestamp),
        }
    }
}

/// The newest tokens.
pub async fn bypasses(db: &Db, most: i64) -> Result<Vec<Bypass>> {
    let rows: Vec<Row> = db.all(BYPASSES, args![most]).await?;
    Ok(rows.into_iter().map(Row::bypass).collect())
}

/// One token, within a change.
pub async fn bypass(tx: &mut GateTx<'_>, id: Uuid) -> Result<Bypass> {
    let row = tx.maybe::<Row>(BYPASS, args![id]).await?;
    row.map(Row::bypass).ok_or_else(|| Error::NotFound("The bypass token".into()))
}

/// Adds a token.
pub async fn issue(tx: &mut GateTx<'_>, new: &Bypass) -> Result<()> {
    let row = args![new.id, new.note.as_str(), new.created_at.0, new.created_by_id.as_str(), new.created_by_name.as_str(), new.expires_at.0];
    tx.exec(ISSUE, row).await?;
    Ok(())
}

/// Takes a token back; false when it was taken back before.
pub async fn revoke(tx: &mut GateTx<'_>, id: Uuid, at: Timestamp) -> Result<bool> {
    Ok(tx.exec(REVOKE, args![id, at.0]).await? == 1)
}

/// Tokens that were taken back and have not expired.
pub async fn revoked(db: &Db, now: Timestamp) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(REVOKED, args![now.0]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
