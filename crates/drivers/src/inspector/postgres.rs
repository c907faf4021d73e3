//! Postgres 14 and newer: what its statistics views tell, as rates over the last five minutes where they are counters.
//!
//! One connection, made when it is needed and dropped after a fault, so that the reason of a failed connection is told
//! and not hidden behind a pool. Each figure is asked for alone: one that is refused or too slow is missing, with why.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use qd_core::port::{Figure, Inspector};
use qd_core::{Error, Result};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, FromRow};
use tokio::sync::Mutex;

use crate::upstream;
use crate::window::{Window, growth};

const DRIVER: &str = "Postgres";
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// One inspection; every statement alone may take two seconds.
const LIMIT: Duration = Duration::from_secs(8);
/// With fewer block requests in the window a hit ratio says nothing.
const FEW_BLOCKS: i64 = 1_000;
/// A statement whose mean is above this is slow, in milliseconds.
const SLOW_MS: f64 = 1_000.0;

const SESSIONS: &str = "SELECT count(*) FILTER (WHERE backend_type = 'client backend') AS clients, \
     count(*) FILTER (WHERE backend_type = 'client backend' AND state = 'active') AS active, \
     count(*) FILTER (WHERE backend_type = 'client backend' AND state LIKE 'idle%') AS idle, \
     count(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden, \
     current_setting('max_connections')::bigint AS most, \
     coalesce(max(extract(epoch FROM clock_timestamp() - query_start)) \
       FILTER (WHERE backend_type = 'client backend' AND state = 'active'), 0)::float8 AS longest \
     FROM pg_catalog.pg_stat_activity WHERE pid <> pg_backend_pid()";
const BACKENDS: &str = "SELECT coalesce(sum(numbackends), 0)::bigint FROM pg_catalog.pg_stat_database";
const COUNTERS: &str = "SELECT blks_hit, blks_read, deadlocks FROM pg_catalog.pg_stat_database WHERE datname = current_database()";
const INDEXES: &str = "SELECT coalesce(sum(idx_blks_hit), 0)::bigint, coalesce(sum(idx_blks_read), 0)::bigint FROM pg_catalog.pg_statio_user_indexes";
const SIZE: &str = "SELECT pg_database_size(current_database())";
/// An idle primary sends nothing: then the replica is level with it however old the last transaction is.
const LAG: &str = "SELECT CASE WHEN NOT pg_is_in_recovery() THEN NULL \
     WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
     ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::float8";
const STATEMENTS_SCHEMA: &str = "SELECT quote_ident(n.nspname) FROM pg_catalog.pg_extension e \
     JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";
const NOT_INSTALLED: &str =
    "pg_stat_statements is not installed: add it to shared_preload_libraries, restart Postgres, then CREATE EXTENSION pg_stat_statements.";

/// Looks into one Postgres database.
#[derive(Debug)]
pub struct Postgres {
    options: PgConnectOptions,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    conn: Option<PgConnection>,
    counters: Window<Counters>,
    indexes: Window<(i64, i64)>,
    statements: Window<HashMap<Key, Spent>>,
}

#[derive(Clone, Copy, Debug, FromRow)]
struct Counters {
    blks_hit: i64,
    blks_read: i64,
    deadlocks: i64,
}

#[derive(Debug, FromRow)]
struct Sessions {
    clients: i64,
    active: i64,
    idle: i64,
    hidden: i64,
    most: i64,
    longest: f64,
}

/// A statement of `pg_stat_statements`: user and query id.
type Key = (i64, i64);

/// Calls of a statement and the milliseconds that they took together.
type Spent = (i64, f64);

impl Inspector for Postgres {
    fn driver(&self) -> &'static str {
        DRIVER
    }

    fn inspect(&self) -> BoxFuture<'_, Result<Vec<Figure>>> {
        Box::pin(async move {
            let mut state = self.state.lock().await;
            // Taken out: a call that is dropped half way leaves no connection with an answer on its way.
            let open = state.conn.take();
            let work = async {
                let mut conn = match open {
                    Some(conn) => conn,
                    None => self.connect().await?,
                };
                let figures = state.measure(&mut conn).await?;
                Ok((conn, figures))
            };
            let outcome = tokio::time::timeout(LIMIT, work).await;
            let outcome = outcome.unwrap_or_else(|_| Err(upstream(DRIVER, format!("No answer within {} s.", LIMIT.as_secs()))));
            let (conn, figures) = outcome?;
            state.conn = Some(conn);
            Ok(figures)
        })
    }
}

impl Postgres {
    /// The inspector of the database that `url` names. The server may be away.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is not a Postgres URL.
    pub fn new(url: &str) -> Result<Self> {
        // The parser's own text could repeat a part of the URL, and with it the password.
        let options: PgConnectOptions =
            url.parse().map_err(|_| Error::invalid("platform.database_url", "Give postgres://user:password@host:port/name."))?;
        let options = options.application_name("quarterdeck").options([
            ("statement_timeout", "2s"),
            ("lock_timeout", "1s"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("default_transaction_read_only", "on"),
        ]);
        Ok(Self { options, state: Mutex::default() })
    }

    async fn connect(&self) -> Result<PgConnection> {
        let late = |_| upstream(DRIVER, format!("No connection within {} s.", CONNECT_LIMIT.as_secs()));
        let connected = tokio::time::timeout(CONNECT_LIMIT, self.options.connect()).await.map_err(late)?;
        connected.map_err(|fault| upstream(DRIVER, engine::Error::from(fault)))
    }
}

impl State {
    async fn measure(&mut self, conn: &mut PgConnection) -> Result<Vec<Figure>> {
        let now = Instant::now();
        // The first question tells whether the connection lives; a fault of it fails the inspection.
        let sessions: Sessions =
            sqlx::query_as(SESSIONS).fetch_one(&mut *conn).await.map_err(|fault| upstream(DRIVER, engine::Error::from(fault)))?;
        let mut figures = sessions.figures(&mut *conn).await;
        match sqlx::query_as(COUNTERS).fetch_one(&mut *conn).await {
            Ok(counters) => figures.extend(self.rates(now, counters)),
            Err(fault) => figures.extend(no_rates(&refusal(fault))),
        }
        let indexes: sqlx::Result<(i64, i64)> = sqlx::query_as(INDEXES).fetch_one(&mut *conn).await;
        figures.push(match indexes {
            Ok(counted) => {
                let base = self.indexes.base(now).copied();
                self.indexes.push(now, counted);
                let name = if base.is_some() { "Index hit ratio, 5 min" } else { "Index hit ratio since the statistics began" };
                ratio("index_hit_ratio", name, counted, base.unwrap_or_default())
            }
            Err(fault) => Figure::missing("index_hit_ratio", "Index hit ratio", "%", refusal(fault)),
        });
        figures.push(self.slow_queries(now, conn).await);
        figures.push(one(conn, SIZE, "database_size", "Size of the database", "bytes").await);
        figures.push(lag(conn).await);
        Ok(figures)
    }

    fn rates(&mut self, now: Instant, counters: Counters) -> [Figure; 3] {
        let base = self.counters.base(now).copied();
        self.counters.push(now, counters);
        let from = base.unwrap_or(Counters { blks_hit: 0, blks_read: 0, deadlocks: 0 });
        let name = if base.is_some() { "Cache hit ratio, 5 min" } else { "Cache hit ratio since the statistics began" };
        let deadlocks = match base {
            Some(base) => Figure::of("deadlocks", "Deadlocks, 5 min", "", real(growth(counters.deadlocks, base.deadlocks))),
            None => Figure::missing("deadlocks", "Deadlocks, 5 min", "", "Measured once: the next sample tells how many there were since."),
        };
        [
            ratio("cache_hit_ratio", name, (counters.blks_hit, counters.blks_read), (from.blks_hit, from.blks_read)),
            deadlocks,
            Figure::of("deadlocks_total", "Deadlocks since the statistics began", "", real(counters.deadlocks)),
        ]
    }

    async fn slow_queries(&mut self, now: Instant, conn: &mut PgConnection) -> Figure {
        const KEY: &str = "slow_queries";
        let schema: sqlx::Result<Option<(String,)>> = sqlx::query_as(STATEMENTS_SCHEMA).fetch_optional(&mut *conn).await;
        let schema = match schema {
            Ok(Some((schema,))) => schema,
            Ok(None) => return Figure::missing(KEY, "Slow queries", "", NOT_INSTALLED),
            Err(fault) => return Figure::missing(KEY, "Slow queries", "", refusal(fault)),
        };
        // Only a statement that ever took longer than the limit can have a mean above it: the list stays short.
        let sql = format!(
            "SELECT userid::bigint, coalesce(queryid, 0), sum(calls)::bigint, sum(total_exec_time)::float8 FROM {schema}.pg_stat_statements \
             WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AND max_exec_time > {SLOW_MS} \
             GROUP BY 1, 2 ORDER BY 4 DESC LIMIT 1000"
        );
        let rows: sqlx::Result<Vec<(i64, i64, i64, f64)>> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut *conn).await;
        let rows = match rows {
            Ok(rows) => rows,
            Err(fault) => {
                self.statements.clear();
                return Figure::missing(KEY, "Slow queries", "", refusal(fault));
            }
        };
        let spent: HashMap<Key, Spent> = rows.into_iter().map(|(user, query, calls, ms)| ((user, query), (calls, ms))).collect();
        let base = self.statements.base(now);
        let name =
            if base.is_some() { "Statements with a mean above 1 s, 5 min" } else { "Statements with a mean above 1 s since the statistics began" };
        let slow = slow(&spent, base);
        self.statements.push(now, spent);
        Figure::of(KEY, name, "", f64::from(slow))
    }
}

impl Sessions {
    async fn figures(&self, conn: &mut PgConnection) -> Vec<Figure> {
        let mut figures = vec![Figure::of("connections_max", "Connections allowed", "", real(self.most))];
        let mut total = Figure::of("connections", "Connections", "", real(self.clients));
        if self.hidden > 0 {
            // Sessions of other roles have neither kind nor state for us, but they are counted per database.
            total = one(conn, BACKENDS, "connections", "Connections", "").await;
        }
        let share = total.value.filter(|_| self.most > 0).map(|total| total * 100.0 / real(self.most));
        figures.push(match share {
            Some(share) => Figure::of("connections_used", "Connections of those allowed", "%", share),
            None => Figure::missing("connections_used", "Connections of those allowed", "%", "The connections could not be counted."),
        });
        figures.push(total);
        let states = [
            ("connections_active", "Active connections", "", real(self.active)),
            ("connections_idle", "Idle connections", "", real(self.idle)),
            ("longest_query", "Longest running query", "s", self.longest),
        ];
        figures.extend(states.map(|(key, name, unit, value)| match self.hidden {
            0 => Figure::of(key, name, unit, value),
            hidden => Figure::missing(key, name, unit, format!("{hidden} sessions are hidden from this role: GRANT pg_read_all_stats to it.")),
        }));
        figures
    }
}

/// Statements whose mean since `base` is above the limit. One that is not in the base is taken with all its calls.
fn slow(spent: &HashMap<Key, Spent>, base: Option<&HashMap<Key, Spent>>) -> u32 {
    let is_slow = |(key, (calls, ms)): (&Key, &Spent)| {
        let (old_calls, old_ms) = base.and_then(|base| base.get(key)).copied().unwrap_or_default();
        // Fewer calls than before: the statistics were reset, and what is there is new.
        let (calls, ms) = if *calls < old_calls { (*calls, *ms) } else { (calls - old_calls, ms - old_ms) };
        calls > 0 && ms / real(calls) > SLOW_MS
    };
    u32::try_from(spent.iter().filter(|entry| is_slow(*entry)).count()).unwrap_or(u32::MAX)
}

/// Share of hits in percent, from counters of hits and reads.
fn ratio(key: &'static str, name: &'static str, now: (i64, i64), base: (i64, i64)) -> Figure {
    let (hits, reads) = (growth(now.0, base.0), growth(now.1, base.1));
    let all = hits + reads;
    if all < FEW_BLOCKS {
        return Figure::missing(key, name, "%", format!("Only {all} blocks were asked for: too few for a ratio."));
    }
    Figure::of(key, name, "%", real(hits) * 100.0 / real(all))
}

fn no_rates(why: &str) -> [Figure; 3] {
    [
        Figure::missing("cache_hit_ratio", "Cache hit ratio", "%", why),
        Figure::missing("deadlocks", "Deadlocks, 5 min", "", why),
        Figure::missing("deadlocks_total", "Deadlocks since the statistics began", "", why),
    ]
}

async fn one(conn: &mut PgConnection, sql: &'static str, key: &'static str, name: &'static str, unit: &'static str) -> Figure {
    let value: sqlx::Result<(i64,)> = sqlx::query_as(sql).fetch_one(conn).await;
    match value {
        Ok((value,)) => Figure::of(key, name, unit, real(value)),
        Err(fault) => Figure::missing(key, name, unit, refusal(fault)),
    }
}

async fn lag(conn: &mut PgConnection) -> Figure {
    const KEY: &str = "replication_lag";
    const NAME: &str = "Replication lag";
    let value: sqlx::Result<(Option<f64>,)> = sqlx::query_as(LAG).fetch_one(conn).await;
    match value {
        Ok((Some(seconds),)) => Figure::of(KEY, NAME, "s", seconds.max(0.0)),
        Ok((None,)) => Figure::missing(KEY, NAME, "s", "This server is not a replica."),
        Err(fault) => Figure::missing(KEY, NAME, "s", refusal(fault)),
    }
}

fn refusal(fault: sqlx::Error) -> String {
    engine::Error::from(fault).to_string()
}

#[expect(clippy::cast_precision_loss, reason = "counters below 2^53 are exact")]
fn real(value: i64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowness_is_judged_on_the_window_and_recovers() {
        let of = |calls, ms| HashMap::from([((10, 1), (calls, ms))]);
        assert_eq!(slow(&of(2, 3_000.0), None), 1, "the first sample uses the totals");
        assert_eq!(slow(&of(102, 3_100.0), Some(&of(2, 3_000.0))), 0, "a hundred quick calls since");
        assert_eq!(slow(&of(2, 3_000.0), Some(&of(2, 3_000.0))), 0, "no call since");
        assert_eq!(slow(&of(3, 4_500.0), Some(&of(900, 5_000.0))), 1, "reset statistics count from zero");
    }

    #[test]
    fn a_ratio_of_few_blocks_is_missing_and_a_window_forgets() {
        assert_eq!(ratio("k", "n", (900, 99), (0, 0)).value, None);
        assert_eq!(ratio("k", "n", (900, 100), (0, 0)).value, Some(90.0));
        assert_eq!(ratio("k", "n", (11_000, 50_000), (10_000, 50_000)).value, Some(100.0), "old misses are forgotten");
    }

    #[test]
    fn a_bad_url_does_not_repeat_the_password() {
        let fault = Postgres::new("postgres://u:hunter2@host:notaport/x").unwrap_err();
        assert!(!fault.to_string().contains("hunter2"));
    }
}
