//! `db-slow`: a feature that nobody measured. "Busiest minutes" lays a calendar of every minute of years under
//! the orders, which no index helps with. The time goes into the database, not into this process.

use engine::{Db, Dialect, Result, args};

const YEAR: i64 = 365 * 24 * 60;

/// Minutes in the calendar. Postgres keeps every step of a recursion: twelve years would take it five seconds, and five
/// years take it one, as twelve take SQLite.
fn minutes(dialect: Dialect) -> i64 {
    match dialect {
        Dialect::Sqlite => 12 * YEAR,
        Dialect::Postgres => 5 * YEAR,
    }
}

pub(crate) const BUSIEST: &str = "WITH RECURSIVE minute (number, start) AS (
        SELECT CAST(0 AS BIGINT), CAST($1 AS BIGINT)
        UNION ALL SELECT number + 1, start + 60000000 FROM minute WHERE number < $2
    )
    SELECT count(*) FROM minute WHERE start % 86400000000 >= 72000000000";

/// How many evening minutes those years had: the denominator of "busiest minutes".
///
/// # Errors
/// What the database says.
pub async fn evening_minutes(db: &Db, now: i64) -> Result<i64> {
    let minutes = minutes(db.dialect());
    let (count,): (i64,) = db.one(BUSIEST, args![now - minutes * 60_000_000, minutes]).await?;
    Ok(count)
}
