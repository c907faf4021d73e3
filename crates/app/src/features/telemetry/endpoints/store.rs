//! SQL of the roll-ups.
//!
//! A row is keyed by the process that wrote it, too: two replicas, or a process and the one before it, never overwrite each other's figures,
//! and readers merge the sketches.

use engine::{Db, Result, Tx, args};
use uuid::Uuid;

/// What a row sums up. Coarser rows are written with the finer ones, so that a week reads as few rows as an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grain {
    /// One service and kind, one minute.
    ServiceMinute,
    /// One endpoint, one minute.
    RouteMinute,
    /// One service and kind, one hour.
    ServiceHour,
    /// One endpoint, one hour.
    RouteHour,
}

impl Grain {
    /// All, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::ServiceMinute, Self::RouteMinute, Self::ServiceHour, Self::RouteHour];

    /// The number in the database.
    pub fn code(self) -> i64 {
        match self {
            Self::ServiceMinute => 1,
            Self::RouteMinute => 2,
            Self::ServiceHour => 3,
            Self::RouteHour => 4,
        }
    }

    /// Length in microseconds.
    pub fn micros(self) -> i64 {
        match self {
            Self::ServiceMinute | Self::RouteMinute => 60_000_000,
            Self::ServiceHour | Self::RouteHour => 3_600_000_000,
        }
    }
}

/// A row's key without the process.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// What it sums up.
    pub grain: Grain,
    /// Begin of the stretch, microseconds.
    pub start_at: i64,
    /// Service.
    pub service: &'a str,
    /// Kind.
    pub kind: i64,
    /// Method; empty for a whole service.
    pub method: &'a str,
    /// Route; empty for a whole service.
    pub route: &'a str,
}

/// A stored tally.
#[derive(Debug, sqlx::FromRow)]
pub struct Stored {
    /// Failures.
    pub errors: i64,
    /// Last arrival.
    pub last_at: i64,
    /// Sketch.
    pub sketch: Vec<u8>,
}

/// A stored tally with its time.
#[derive(Debug, sqlx::FromRow)]
pub struct Timed {
    /// Begin of the stretch.
    pub start_at: i64,
    /// Failures.
    pub errors: i64,
    /// Last arrival.
    pub last_at: i64,
    /// Sketch.
    pub sketch: Vec<u8>,
}

/// A stored tally with its endpoint.
#[derive(Debug, sqlx::FromRow)]
pub struct Routed {
    /// Begin of the stretch.
    pub start_at: i64,
    /// Service.
    pub service: String,
    /// Kind.
    pub kind: i64,
    /// Method.
    pub method: String,
    /// Route.
    pub route: String,
    /// Failures.
    pub errors: i64,
    /// Last arrival.
    pub last_at: i64,
    /// Sketch.
    pub sketch: Vec<u8>,
}

/// A service that was heard.
#[derive(Debug, sqlx::FromRow)]
pub struct Heard {
    /// Name.
    pub service: String,
    /// Last arrival.
    pub last_at: i64,
    /// Requests and messages.
    pub count: i64,
}

const FIND: &str = "SELECT errors, last_at, sketch FROM endpoint_rollup \
     WHERE grain = $1 AND start_at = $2 AND service = $3 AND kind = $4 AND method = $5 AND route = $6 AND instance = $7";
const PUT: &str = "INSERT INTO endpoint_rollup (grain, start_at, service, kind, method, route, instance, requests, errors, last_at, sketch) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
     ON CONFLICT (grain, start_at, service, kind, route, method, instance) \
     DO UPDATE SET requests = excluded.requests, errors = excluded.errors, last_at = excluded.last_at, sketch = excluded.sketch";
const OF_SERVICE: &str = "SELECT start_at, errors, last_at, sketch FROM endpoint_rollup \
     WHERE grain = $1 AND start_at >= $2 AND start_at < $3 AND service = $4 AND kind = $5 ORDER BY start_at";
const OF_ROUTE: &str = "SELECT start_at, errors, last_at, sketch FROM endpoint_rollup \
     WHERE grain = $1 AND start_at >= $2 AND start_at < $3 AND service = $4 AND route = $5 ORDER BY start_at";
const BY_ROUTE: &str = "SELECT start_at, service, kind, method, route, errors, last_at, sketch FROM endpoint_rollup \
     WHERE grain = $1 AND start_at >= $2 AND start_at < $3 AND ($4 = '' OR service = $4) ORDER BY start_at DESC LIMIT $5";
const SERVICES: &str = "SELECT service, max(last_at) AS last_at, CAST(sum(requests) AS BIGINT) AS count FROM endpoint_rollup \
     WHERE grain = 3 AND start_at >= $1 GROUP BY service ORDER BY service LIMIT 200";
const KNOWN: &str = "SELECT DISTINCT service, method, route FROM endpoint_rollup WHERE grain = 4 AND start_at >= $1 LIMIT 20000";
const OLDEST: &str = "SELECT start_at FROM endpoint_rollup WHERE grain = $1 ORDER BY start_at LIMIT 1";
const TRIM: &str = "DELETE FROM endpoint_rollup WHERE grain = $1 AND start_at < $2";
/// See `Feature::statements`.
pub const STATEMENTS: &[&str] = &[FIND, PUT, OF_SERVICE, OF_ROUTE, BY_ROUTE, SERVICES, KNOWN, OLDEST, TRIM];

/// What this process wrote for a place before.
pub async fn find(tx: &mut Tx, place: Place<'_>, instance: Uuid) -> Result<Option<Stored>> {
    tx.maybe(FIND, args![place.grain.code(), place.start_at, place.service, place.kind, place.method, place.route, instance]).await
}

/// Writes the whole row of a place.
pub async fn put(tx: &mut Tx, place: Place<'_>, instance: Uuid, requests: i64, row: Stored) -> Result<()> {
    let Place { grain, start_at, service, kind, method, route } = place;
    let values = args![grain.code(), start_at, service, kind, method, route, instance, requests, row.errors, row.last_at, row.sketch];
    tx.exec(PUT, values).await.map(drop)
}

/// Rows of a whole service and kind, by time.
pub async fn of_service(db: &Db, grain: Grain, from: i64, to: i64, service: &str, kind: i64) -> Result<Vec<Timed>> {
    db.all(OF_SERVICE, args![grain.code(), from, to, service, kind]).await
}

/// Rows of one route (all methods and kinds), by time.
pub async fn of_route(db: &Db, grain: Grain, from: i64, to: i64, service: &str, route: &str) -> Result<Vec<Timed>> {
    db.all(OF_ROUTE, args![grain.code(), from, to, service, route]).await
}

/// The newest rows of every endpoint of one service, or of all when it is empty.
pub async fn by_route(db: &Db, grain: Grain, (from, to): (i64, i64), service: &str, limit: usize) -> Result<Vec<Routed>> {
    db.all(BY_ROUTE, args![grain.code(), from, to, service, i64::try_from(limit).unwrap_or(i64::MAX)]).await
}

/// Services heard since a time.
pub async fn services(db: &Db, since: i64) -> Result<Vec<Heard>> {
    db.all(SERVICES, args![since]).await
}

/// Endpoints heard since a time: service, method, route.
pub async fn known(db: &Db, since: i64) -> Result<Vec<(String, String, String)>> {
    db.all(KNOWN, args![since]).await
}

/// Begin of the oldest row.
pub async fn oldest(db: &Db, grain: Grain) -> Result<Option<i64>> {
    Ok(db.maybe::<(i64,)>(OLDEST, args![grain.code()]).await?.map(|(start_at,)| start_at))
}

/// Deletes the rows of one grain before a time.
pub async fn trim(tx: &mut Tx, grain: Grain, before: i64) -> Result<u64> {
    tx.exec(TRIM, args![grain.code(), before]).await
}
