//! All SQL about hooks that were taken, and about services at the provider.

use engine::{Db, Tx, args};
use qd_core::gate::GateTx;
use qd_core::{Result, Timestamp};
use serde::{Deserialize, Serialize};

const TAKE: &str = "INSERT INTO deploy_hook (provider, id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const TRIM: &str = "DELETE FROM deploy_hook WHERE at < $1";
const SEE: &str = "INSERT INTO deploy_target (id, name, auto_deploy, seen_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET \
     name = excluded.name, seen_at = excluded.seen_at, auto_deploy = CASE WHEN deploy_target.held_at > excluded.seen_at \
     THEN deploy_target.auto_deploy ELSE coalesce(excluded.auto_deploy, deploy_target.auto_deploy) END";
/// Somebody turned auto-deploy on again at the provider: there is nothing to remind of. A hold that failed stays until somebody acts.
const LET_GO: &str = "UPDATE deploy_target SET held_at = NULL, held_by = NULL WHERE id = $1 AND held_fault IS NULL AND held_at < $2";
/// Somebody turned it off at the provider, where we could not.
const MENDED: &str = "UPDATE deploy_target SET held_fault = NULL WHERE id = $1 AND held_at < $2";
const HOLD: &str = "UPDATE deploy_target SET held_at = $2, held_by = $3, held_fault = $4, auto_deploy = $5 WHERE id = $1";
const TARGETS: &str = "SELECT * FROM deploy_target ORDER BY name";
/// Every static statement about what others tell.
pub const STATEMENTS: &[&str] = &[TAKE, TRIM, SEE, LET_GO, MENDED, HOLD, TARGETS];

/// A service at the provider, and whether a rollback of ours holds its auto-deploy off.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Target {
    /// Its id there.
    pub id: String,
    /// Our name of the service.
    pub name: String,
    /// Whether a push deploys it by itself.
    pub auto_deploy: Option<bool>,
    /// When it was seen last, in microseconds.
    pub seen_at: i64,
    /// Since when a rollback of ours holds it, in microseconds.
    pub held_at: Option<i64>,
    /// Who rolled back.
    pub held_by: Option<String>,
    /// Why auto-deploy is on although it was meant to be off.
    pub held_fault: Option<String>,
}

/// What a rollback found about auto-deploy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Since when it is held.
    pub at: Option<Timestamp>,
    /// By whom.
    pub by: Option<String>,
    /// Why it could not be turned off.
    pub fault: Option<String>,
    /// Whether it is on now.
    pub on: bool,
}

/// Remembers the id of a hook; false when it was taken before.
pub async fn take(tx: &mut Tx, provider: &str, id: &str, now: Timestamp) -> Result<bool> {
    Ok(tx.exec(TAKE, args![provider, id, now.0]).await? == 1)
}

/// Forgets ids of hooks that were taken before a moment.
pub async fn trim(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    Ok(tx.exec(TRIM, args![before.0]).await?)
}

/// Bookkeeping, no act of an operator: writes what the provider said of a service when it was asked then. What a rollback found later holds
/// against it.
pub async fn see(tx: &mut Tx, id: &str, name: &str, auto_deploy: Option<bool>, asked: Timestamp) -> Result<()> {
    tx.exec(SEE, args![id, name, auto_deploy, asked.0]).await?;
    match auto_deploy {
        Some(true) => tx.exec(LET_GO, args![id, asked.0]).await?,
        Some(false) => tx.exec(MENDED, args![id, asked.0]).await?,
        None => 0,
    };
    Ok(())
}

/// Writes what a rollback found about auto-deploy.
pub async fn hold(tx: &mut GateTx<'_>, target: &str, held: &Held) -> Result<()> {
    tx.exec(HOLD, args![target, held.at.map(|at| at.0), held.by.clone(), held.fault.clone(), held.on]).await?;
    Ok(())
}

/// The services at the provider.
pub async fn targets(db: &Db) -> Result<Vec<Target>> {
    Ok(db.all(TARGETS, args![]).await?)
}
