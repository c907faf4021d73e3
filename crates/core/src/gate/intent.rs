//! Intents whose outcome is not written yet. Each is leased by the process that runs it; one whose lease ran out was interrupted.

use engine::{Db, Tx, args};
use serde_json::json;

use crate::audit::{self, Kind};
use crate::error::Result;
use crate::time::{Clock, Timestamp};

/// Seconds of a lease; the runner renews it at a third of that.
pub const LEASE_SECONDS: i64 = 60;

const OPEN: &str = "INSERT INTO open_intent (seq, lease_until) VALUES ($1, $2)";
const RENEW: &str = "UPDATE open_intent SET lease_until = $2 WHERE seq = $1";
const CLOSE: &str = "DELETE FROM open_intent WHERE seq = $1";
const EXPIRED: &str = "SELECT seq FROM open_intent WHERE lease_until < $1 ORDER BY seq LIMIT 100";
pub(crate) const STATEMENTS: &[&str] = &[OPEN, RENEW, CLOSE, EXPIRED];

/// Notes that the intent `seq` runs.
pub async fn open(tx: &mut Tx, seq: i64, now: Timestamp) -> Result<()> {
    tx.exec(OPEN, args![seq, now.plus_seconds(LEASE_SECONDS).0]).await?;
    Ok(())
}

/// Says that it still runs.
pub async fn renew(db: &Db, seq: i64, now: Timestamp) -> Result<()> {
    let until = now.plus_seconds(LEASE_SECONDS).0;
    db.write(move |tx| Box::pin(async move { tx.exec(RENEW, args![seq, until]).await })).await?;
    Ok(())
}

/// Ends the lease; false when a sweep was quicker.
pub async fn close(tx: &mut Tx, seq: i64) -> Result<bool> {
    Ok(tx.exec(CLOSE, args![seq]).await? == 1)
}

/// Writes an INTERRUPTED outcome for every intent whose lease ran out: the process died between intent and outcome, so what happened outside
/// is not known. Returns how many.
pub async fn sweep(db: &Db, clock: &Clock) -> Result<usize> {
    let now = clock.now();
    let expired: Vec<(i64,)> = db.all(EXPIRED, args![now.0]).await?;
    for (seq,) in &expired {
        let seq = *seq;
        db.write_with(move |tx| Box::pin(async move { interrupted(tx, seq, now).await })).await?;
    }
    Ok(expired.len())
}

async fn interrupted(tx: &mut Tx, seq: i64, now: Timestamp) -> Result<()> {
    if !close(tx, seq).await? {
        return Ok(());
    }
    let intent = audit::by_seq(tx, seq).await?;
    let entry = audit::Entry {
        kind: Kind::Outcome,
        intent_seq: Some(seq),
        error: Some("INTERRUPTED: the process ended before the outcome was known. Check the target by hand.".into()),
        after: Some(json!({ "outcome": "INTERRUPTED" })),
        severity: "WARNING".into(),
        ..audit::Entry::following(&intent)
    };
    audit::append(tx, entry, now).await?;
    Ok(())
}
