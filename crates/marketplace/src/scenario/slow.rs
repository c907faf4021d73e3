//! `db-slow`: a feature that nobody measured. "Busiest minutes" lays a calendar of every minute of six years under
//! the orders, which no index helps with. The time goes into the database, not into this process.

use engine::{Db, Result, args};

/// Minutes in the calendar.
const MINUTES: i64 = 6 * 365 * 24 * 60;

pub(crate) const BUSIEST: &str = "WITH RECURSIVE minute (number, start) AS (
        SELECT CAST(0 AS BIGINT), CAST($1 AS BIGINT)
        UNION ALL SELECT number + 1, start + 60000000 FROM minute WHERE number < $2
    )
    SELECT count(*) FROM minute WHERE start % 86400000000 >= 72000000000";

/// How many evening minutes the last six years had: the denominator of "busiest minutes".
///
/// # Errors
/// What the database says.
pub async fn evening_minutes(db: &Db, now: i64) -> Result<i64> {
    let (count,): (i64,) = db.one(BUSIEST, args![now - MINUTES * 60_000_000, MINUTES]).await?;
    Ok(count)
}
