//! What holds for a queue as a whole, out of it and back.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::{CHANNEL, LIMITS_CHANGED, now};
use super::sql;
use crate::args;
use crate::db::{Db, Error, Result, Tx};

/// Pause and limits of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Settings {
    /// Whether it is paused.
    pub paused: bool,
    /// Jobs that may run at once.
    pub concurrency: Option<i64>,
    /// Jobs that may start within [`Settings::rate_us`].
    pub rate_jobs: Option<i64>,
    /// That time, microseconds.
    pub rate_us: Option<i64>,
}

/// The settings of a queue.
///
/// # Errors
/// [`Error::NotFound`] for an unknown one.
pub async fn settings(db: &Db, queue: &str) -> Result<Settings> {
    db.maybe(sql::SETTINGS, args![queue]).await?.ok_or(Error::NotFound)
}

/// Gives a queue without jobs these settings, and makes it where it is unknown. False when it has jobs: nothing was done.
///
/// # Errors
/// Those of the database.
pub async fn revive(tx: &mut Tx, queue: &str, settings: Settings) -> Result<bool> {
    if tx.maybe::<(Uuid,)>(sql::QUEUE_HAS_JOBS, args![queue]).await?.is_some() {
        return Ok(false);
    }
    let Settings { paused, concurrency, rate_jobs, rate_us } = settings;
    tx.exec(sql::REVIVE, args![queue, paused, now(), concurrency, rate_jobs, rate_us]).await?;
    tx.notify(CHANNEL, &format!("{queue}\t{LIMITS_CHANGED}")).await?;
    Ok(true)
}
