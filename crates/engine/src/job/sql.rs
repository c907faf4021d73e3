//! SQL of enqueuing, claiming and ending jobs. Every list of statements is in [`statements`], so that a test can prepare every text on both
//! databases.

use crate::db::Dialect;

/// Every statement of the job engine.
pub fn statements() -> impl Iterator<Item = &'static Statement> {
    let lists = [STATEMENTS, super::manage::STATEMENTS, super::schedule::STATEMENTS];
    lists.into_iter().flatten()
}

/// The text of two for this database.
pub(crate) fn on(dialect: Dialect, sqlite: &'static str, postgres: &'static str) -> &'static str {
    // differs because lists are given as JSON, which each database takes apart in its own way, and because only Postgres locks rows
    dialect.pick(sqlite, postgres)
}

/// One SQL text and where it runs.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// The constant's name.
    pub name: &'static str,
    /// `None`: on both databases.
    pub only: Option<Dialect>,
    /// The text.
    pub sql: &'static str,
}

macro_rules! statement_list {
    ($($(#[$doc:meta])* $name:ident $(@ $only:ident)? = $sql:expr;)+) => {
        $($(#[$doc])* pub(crate) const $name: &str = $sql;)+
        pub(crate) const STATEMENTS: &[Statement] = &[$(Statement {
            name: stringify!($name), only: statement_list!(@only $($only)?), sql: $name,
        }),+];
    };
    (@only) => { None };
    (@only $only:ident) => { Some(Dialect::$only) };
}
pub(crate) use statement_list;

/// Text around the one clause in which a claim differs. The list is materialised: Postgres must not run it, and lock
/// rows, more than once.
macro_rules! chosen {
    ($choice:literal, $lock:literal, $update:literal) => {
        concat!("WITH chosen AS MATERIALIZED (", $choice, $lock, ") ", $update)
    };
}
macro_rules! claim {
    ($lock:literal) => {
        chosen!(
            "SELECT id FROM job WHERE queue = $4 AND state = 'waiting'
                AND NOT EXISTS (SELECT 1 FROM job_queue q WHERE q.queue = $4 AND q.paused)
             ORDER BY priority DESC, state_at, id LIMIT $5",
            $lock,
            "UPDATE job SET state = 'active', worker = $1, lease_until = $2, started_at = $3, state_at = $3,
                attempts = attempts + 1
             WHERE state = 'waiting' AND id IN (SELECT id FROM chosen)
             RETURNING id, queue, name, payload, priority, attempts, max_attempts, schedule, scheduled_for, created_at, run_at, started_at"
        )
    };
}
macro_rules! promote {
    ($lock:literal) => {
        chosen!(
            "SELECT id FROM job WHERE state = 'delayed' AND state_at <= $1 ORDER BY state_at LIMIT 1000",
            $lock,
            "UPDATE job SET state = 'waiting' WHERE state = 'delayed' AND id IN (SELECT id FROM chosen) RETURNING queue"
        )
    };
}
macro_rules! finish_many {
    ($list:literal) => {
        concat!(
            "UPDATE job SET state = 'completed', state_at = $3, finished_at = $3, error = NULL, lease_until = NULL, result = NULL FROM (",
            $list,
            ") ended WHERE job.id = ended.id AND job.attempts = ended.attempts AND job.state = 'active' AND job.worker = $2 RETURNING job.id"
        )
    };
}
macro_rules! dials {
    ($lock:literal) => {
        concat!(
            "SELECT concurrency, rate_jobs, rate_us, window_at, window_jobs FROM job_queue
             WHERE queue = $1 AND NOT paused AND (concurrency IS NOT NULL OR rate_jobs IS NOT NULL)",
            $lock
        )
    };
}
macro_rules! reap {
    ($lock:literal) => {
        chosen!(
            "SELECT id FROM job WHERE state = 'active' AND lease_until < $1 ORDER BY lease_until LIMIT 200",
            $lock,
            "UPDATE job SET lease_until = NULL, state_at = $1,
                state = CASE WHEN attempts >= max_attempts THEN 'failed' ELSE 'waiting' END,
                finished_at = CASE WHEN attempts >= max_attempts THEN $1 ELSE NULL END,
                error = 'the worker vanished: its lease ended', stalled = stalled + 1
             WHERE state = 'active' AND id IN (SELECT id FROM chosen)
             RETURNING id, queue, state, schedule, attempts, worker"
        )
    };
}

statement_list! {
    QUEUE_KNOWN = "INSERT INTO job_queue (queue, paused, created_at) VALUES ($1, $2, $3) ON CONFLICT (queue) DO NOTHING";
    ENQUEUE = "INSERT INTO job (id, queue, name, payload, state, priority, attempts, max_attempts, unique_key, schedule,
        scheduled_for, created_at, run_at, state_at, delay_us)
        VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11, $12, $12, $13) ON CONFLICT DO NOTHING";
    PENDING_BY_KEY = "SELECT id FROM job WHERE unique_key = $1 AND state IN ('waiting', 'delayed', 'active')";

    CLAIM_SQLITE @ Sqlite = claim!("");
    CLAIM_POSTGRES @ Postgres = claim!(" FOR UPDATE SKIP LOCKED");
    PROMOTE_DUE_SQLITE @ Sqlite = promote!("");
    PROMOTE_DUE_POSTGRES @ Postgres = promote!(" FOR UPDATE SKIP LOCKED");
    REAP_SQLITE @ Sqlite = reap!("");
    REAP_POSTGRES @ Postgres = reap!(" FOR UPDATE SKIP LOCKED");
    NEXT_DELAYED = "SELECT min(state_at) FROM job WHERE state = 'delayed'";
    HAS_WAITING = "SELECT id FROM job WHERE queue = $1 AND state = 'waiting' LIMIT 1";
    HAS_LAPSED = "SELECT id FROM job WHERE state = 'active' AND lease_until < $1 LIMIT 1";
    RENEW = "UPDATE job SET lease_until = $1 WHERE state = 'active' AND worker = $2 RETURNING id, attempts";
    /// Only the worker that holds the lease may end a job, and only the attempt that it claimed.
    FINISH = "UPDATE job SET state = $1, state_at = $2, run_at = COALESCE($3, run_at), finished_at = $4, error = $5,
        lease_until = NULL, result = $6, progress = COALESCE($7, progress)
        WHERE id = $8 AND state = 'active' AND worker = $9 AND attempts = $10";
    /// An attempt that does not count.
    GIVE_BACK = "UPDATE job SET state = 'waiting', state_at = run_at, worker = NULL, lease_until = NULL, attempts = attempts - 1,
        progress = COALESCE($4, progress) WHERE id = $1 AND state = 'active' AND worker = $2 AND attempts = $3";
    /// The same for jobs that are done and said nothing, `[[id, attempt], …]`.
    FINISH_MANY_SQLITE @ Sqlite = finish_many!("SELECT unhex(value ->> 0) AS id, value ->> 1 AS attempts FROM json_each($1)");
    FINISH_MANY_POSTGRES @ Postgres = finish_many!("SELECT (value ->> 0)::uuid AS id, (value ->> 1)::bigint AS attempts FROM jsonb_array_elements($1)");
    ERRORS = "SELECT errors FROM job WHERE id = $1";
    SET_ERRORS = "UPDATE job SET errors = $1 WHERE id = $2";
    /// What a running job says is kept only while it is ours.
    PROGRESS = "UPDATE job SET progress = $1 WHERE id = $2 AND state = 'active' AND worker = $3 AND attempts = $4";
    LOG = "INSERT INTO job_log (job, line, at, text)
        SELECT j.id, (SELECT COALESCE(max(l.line) + 1, 0) FROM job_log l WHERE l.job = j.id), $2, $3 FROM job j WHERE j.id = $1";
    LOG_TRIM = "DELETE FROM job_log WHERE job = $1 AND line <= (SELECT max(line) FROM job_log WHERE job = $1) - $2";
    /// A worker that stops gives back what it did not end; the attempt does not count.
    RELEASE = "UPDATE job SET state = 'waiting', state_at = run_at, worker = NULL, lease_until = NULL,
        attempts = attempts - 1 WHERE state = 'active' AND worker = $1";
    MINUTE = "INSERT INTO job_minute (queue, minute, worker, completed, failed, retried, wait_us, run_us, waits, runs)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (queue, minute, worker) DO UPDATE SET
        completed = job_minute.completed + excluded.completed, failed = job_minute.failed + excluded.failed,
        retried = job_minute.retried + excluded.retried, wait_us = job_minute.wait_us + excluded.wait_us,
        run_us = job_minute.run_us + excluded.run_us, waits = COALESCE(excluded.waits, job_minute.waits),
        runs = COALESCE(excluded.runs, job_minute.runs)";
    /// The row of a limited queue is locked until the claim is committed: all workers of all processes obey one count.
    DIALS_SQLITE @ Sqlite = dials!("");
    DIALS_POSTGRES @ Postgres = dials!(" FOR UPDATE");
    ACTIVE = "SELECT count(*) FROM job WHERE queue = $1 AND state = 'active'";
    WINDOW_USED = "UPDATE job_queue SET window_at = $1, window_jobs = $2 WHERE queue = $3";
    ALIVE = "INSERT INTO job_worker (worker, queue, place, concurrency, since, alive_until) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (worker, queue) DO UPDATE SET alive_until = excluded.alive_until";
    GONE = "DELETE FROM job_worker WHERE worker = $1";
    TRIM_WORKERS = "DELETE FROM job_worker WHERE alive_until < $1";
    TRIM_MINUTES = "DELETE FROM job_minute WHERE minute < $1";
    /// The end time of the oldest finished job that retention by number keeps.
    KEEP_FROM = "SELECT state_at FROM job WHERE queue = $1 AND state = $2 ORDER BY state_at DESC, id DESC LIMIT 1 OFFSET $3";
    TRIM = "DELETE FROM job WHERE id IN (
        SELECT id FROM job WHERE queue = $1 AND state = $2 AND state_at < $3 ORDER BY state_at, id LIMIT 1000)";
}
