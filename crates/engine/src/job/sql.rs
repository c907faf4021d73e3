//! All SQL of the job engine. `STATEMENTS` lists it, so that a test can prepare every text on both databases.

use crate::db::Dialect;

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

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident $(@ $only:ident)? = $sql:expr;)+) => {
        $($(#[$doc])* pub(crate) const $name: &str = $sql;)+
        /// Every statement of the job engine.
        pub const STATEMENTS: &[Statement] = &[$(Statement {
            name: stringify!($name), only: statements!(@only $($only)?), sql: $name,
        }),+];
    };
    (@only) => { None };
    (@only $only:ident) => { Some(Dialect::$only) };
}

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
macro_rules! reap {
    ($lock:literal) => {
        chosen!(
            "SELECT id FROM job WHERE state = 'active' AND lease_until < $1 ORDER BY lease_until LIMIT 200",
            $lock,
            "UPDATE job SET worker = NULL, lease_until = NULL, state_at = $1,
                state = CASE WHEN attempts >= max_attempts THEN 'failed' ELSE 'waiting' END,
                finished_at = CASE WHEN attempts >= max_attempts THEN $1 ELSE NULL END,
                error = 'the worker vanished: its lease ended'
             WHERE state = 'active' AND id IN (SELECT id FROM chosen)
             RETURNING id, queue, state, schedule, attempts"
        )
    };
}

statements! {
    QUEUE_KNOWN = "INSERT INTO job_queue (queue, paused, created_at) VALUES ($1, $2, $3) ON CONFLICT (queue) DO NOTHING";
    ENQUEUE = "INSERT INTO job (id, queue, name, payload, state, priority, attempts, max_attempts, unique_key, schedule,
        scheduled_for, created_at, run_at, state_at)
        VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11, $12, $12) ON CONFLICT DO NOTHING";
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
        worker = NULL, lease_until = NULL
        WHERE id = $6 AND state = 'active' AND worker = $7 AND attempts = $8";
    /// A worker that stops gives back what it did not end; the attempt does not count.
    RELEASE = "UPDATE job SET state = 'waiting', state_at = run_at, worker = NULL, lease_until = NULL,
        attempts = attempts - 1 WHERE state = 'active' AND worker = $1";
    MINUTE = "INSERT INTO job_minute (queue, minute, worker, completed, failed, retried, wait_us, run_us)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (queue, minute, worker) DO UPDATE SET
        completed = job_minute.completed + excluded.completed, failed = job_minute.failed + excluded.failed,
        retried = job_minute.retried + excluded.retried, wait_us = job_minute.wait_us + excluded.wait_us,
        run_us = job_minute.run_us + excluded.run_us";
    TRIM_MINUTES = "DELETE FROM job_minute WHERE minute < $1";
    /// The end time of the oldest finished job that retention by number keeps.
    KEEP_FROM = "SELECT state_at FROM job WHERE queue = $1 AND state = $2 ORDER BY state_at DESC, id DESC LIMIT 1 OFFSET $3";
    TRIM = "DELETE FROM job WHERE id IN (
        SELECT id FROM job WHERE queue = $1 AND state = $2 AND state_at < $3 ORDER BY state_at, id LIMIT 1000)";

    /// Counting stops at $1 for each state.
    COUNTS = "SELECT q.queue, q.paused,
        (SELECT count(*) FROM (SELECT 1 FROM job WHERE queue = q.queue AND state = 'waiting' LIMIT $1) n) AS waiting,
        (SELECT count(*) FROM (SELECT 1 FROM job WHERE queue = q.queue AND state = 'active' LIMIT $1) n) AS active,
        (SELECT count(*) FROM (SELECT 1 FROM job WHERE queue = q.queue AND state = 'completed' LIMIT $1) n) AS completed,
        (SELECT count(*) FROM (SELECT 1 FROM job WHERE queue = q.queue AND state = 'failed' LIMIT $1) n) AS failed,
        (SELECT count(*) FROM (SELECT 1 FROM job WHERE queue = q.queue AND state = 'delayed' LIMIT $1) n) AS delayed,
        (SELECT min(state_at) FROM job WHERE queue = q.queue AND state = 'waiting') AS oldest_waiting_at
        FROM job_queue q ORDER BY q.queue LIMIT 500";
    WINDOWS = "SELECT queue, CAST(sum(CASE WHEN minute >= $2 THEN completed ELSE 0 END) AS BIGINT) AS completed_5m,
        CAST(sum(CASE WHEN minute >= $2 THEN failed ELSE 0 END) AS BIGINT) AS failed_5m,
        CAST(sum(CASE WHEN minute >= $2 THEN retried ELSE 0 END) AS BIGINT) AS retried_5m,
        CAST(sum(CASE WHEN minute >= $2 THEN wait_us ELSE 0 END) AS BIGINT) AS wait_us_5m,
        CAST(sum(CASE WHEN minute >= $2 THEN run_us ELSE 0 END) AS BIGINT) AS run_us_5m,
        CAST(sum(completed) AS BIGINT) AS completed_1h, CAST(sum(failed) AS BIGINT) AS failed_1h
        FROM job_minute WHERE minute >= $1 GROUP BY queue";
    MINUTES = "SELECT minute, CAST(sum(completed) AS BIGINT) AS completed, CAST(sum(failed) AS BIGINT) AS failed,
        CAST(sum(retried) AS BIGINT) AS retried, CAST(sum(wait_us) AS BIGINT) AS wait_us, CAST(sum(run_us) AS BIGINT) AS run_us
        FROM job_minute WHERE queue = $1 AND minute >= $2 GROUP BY minute ORDER BY minute LIMIT 2880";
    FIND = "SELECT id, queue, name, payload, state, state_at, priority, attempts, max_attempts, unique_key, schedule,
        scheduled_for, created_at, run_at, started_at, finished_at, error FROM job WHERE id = $1";
    LIST = "SELECT id, queue, name, payload, state, state_at, priority, attempts, max_attempts, unique_key, schedule,
        scheduled_for, created_at, run_at, started_at, finished_at, error FROM job
        WHERE queue = $1 AND state = $2 AND (state_at, id) < ($3, $4) ORDER BY state_at DESC, id DESC LIMIT $5";
    SET_PAUSED = "INSERT INTO job_queue (queue, paused, created_at) VALUES ($1, $2, $3)
        ON CONFLICT (queue) DO UPDATE SET paused = excluded.paused";
    RETRY = "UPDATE job SET state = 'waiting', state_at = $1, run_at = $1, attempts = 0, finished_at = NULL
        WHERE id = $2 AND state = 'failed' RETURNING queue";
    /// Of several jobs with one unique key only the newest may run again, and none when one is pending.
    RETRY_ALL = "UPDATE job SET state = 'waiting', state_at = $1, run_at = $1, attempts = 0, finished_at = NULL
        WHERE state = 'failed' AND id IN (SELECT f.id FROM job f WHERE f.queue = $2 AND f.state = 'failed'
            AND (f.unique_key IS NULL OR NOT EXISTS (SELECT 1 FROM job o WHERE o.unique_key = f.unique_key
                AND (o.state IN ('waiting', 'delayed', 'active') OR (o.state = 'failed' AND o.id > f.id))))
            ORDER BY f.state_at DESC, f.id DESC LIMIT $3)";
    PROMOTE = "UPDATE job SET state = 'waiting', state_at = $1, run_at = $1 WHERE id = $2 AND state = 'delayed' RETURNING queue";
    REMOVE = "DELETE FROM job WHERE id = $1 AND state <> 'active'";
    PURGE = "DELETE FROM job WHERE id IN (
        SELECT id FROM job WHERE queue = $1 AND state = $2 AND state <> 'active' ORDER BY state_at, id LIMIT $3)";

    SCHEDULE_OLD = "SELECT cron, zone FROM job_schedule WHERE name = $1";
    /// A next occurrence that lies after the one that the clock says now was computed by a wrong clock, unless another replica just fired the
    /// one between.
    SCHEDULE_UPSERT = "INSERT INTO job_schedule (name, queue, job, payload, cron, zone, max_attempts, paused, next_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (name) DO UPDATE SET queue = excluded.queue,
        job = excluded.job, payload = excluded.payload, max_attempts = excluded.max_attempts,
        next_at = CASE WHEN job_schedule.cron = excluded.cron AND job_schedule.zone = excluded.zone
            AND NOT (job_schedule.next_at > excluded.next_at AND (job_schedule.last_at IS NULL
                OR job_schedule.last_at < excluded.next_at OR job_schedule.last_at > excluded.next_at + 60000000))
            THEN job_schedule.next_at ELSE excluded.next_at END,
        cron = excluded.cron, zone = excluded.zone, updated_at = excluded.updated_at";
    SCHEDULE_REMOVE = "DELETE FROM job_schedule WHERE name = $1";
    SCHEDULE_PAUSE = "UPDATE job_schedule SET paused = $1, next_at = $2, updated_at = $3 WHERE name = $4";
    SCHEDULE_NEXT = "SELECT min(next_at) FROM job_schedule WHERE NOT paused";
    SCHEDULE_DUE = "SELECT name, queue, job, payload, cron, zone, max_attempts, next_at FROM job_schedule
        WHERE NOT paused AND next_at <= $1 ORDER BY next_at LIMIT 100";
    /// Claims one occurrence: of several replicas only one still sees the old `next_at`.
    SCHEDULE_CLAIM = "UPDATE job_schedule SET next_at = $1, last_at = $2, updated_at = $3
        WHERE name = $4 AND next_at = $5 AND NOT paused";
    SCHEDULE_ENQUEUED = "UPDATE job_schedule SET last_job = $1, last_outcome = 'running', last_error = NULL,
        last_finished_at = NULL WHERE name = $2";
    /// An occurrence whose predecessor is still pending. Its outcome is not overwritten by a later skip.
    SCHEDULE_SKIPPED = "UPDATE job_schedule SET last_error = $1 WHERE name = $2";
    SCHEDULE_ENDED = "UPDATE job_schedule SET last_outcome = $1, last_error = $2, last_finished_at = $3
        WHERE name = $4 AND last_job = $5";
    SCHEDULES = "SELECT name, queue, job, payload, cron, zone, paused, next_at, last_at, last_job, last_outcome, last_error,
        last_finished_at FROM job_schedule ORDER BY name LIMIT 1000";
}
