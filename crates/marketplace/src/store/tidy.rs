//! What is not kept for ever.

use engine::{Db, Result, args};

use super::sql;

sql! {
    SESSIONS = "DELETE FROM sessions WHERE expires_at < $1";
    EVENTS = "DELETE FROM analytics_events WHERE created_at < $1";
    NOTICES = "DELETE FROM notifications WHERE created_at < $1";
    TOKENS = "DELETE FROM verification_tokens WHERE expires_at < $1";
}

const DAY: i64 = 86_400_000_000;

/// Drops what is over: sessions and verification tokens at their end, clicks after 30 days, notices after 14.
pub async fn tidy(db: &Db, now: i64) -> Result<u64> {
    let limits = [(SESSIONS, now), (TOKENS, now), (EVENTS, now - 30 * DAY), (NOTICES, now - 14 * DAY)];
    let mut gone = 0;
    for (sql, before) in limits {
        gone += db.write(move |tx| Box::pin(async move { tx.exec(sql, args![before]).await })).await?;
    }
    Ok(gone)
}
