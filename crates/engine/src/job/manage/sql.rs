//! SQL of looking at queues and acting on their jobs.

use crate::db::Dialect;
use crate::job::sql::{Statement, statement_list};

/// A page of jobs has these columns: the data and the error are cut, so that a page is never large.
macro_rules! brief {
    ($rest:literal) => {
        concat!(
            "SELECT id, queue, name, substr(CAST(payload AS TEXT), 1, 4096) AS data, CAST(octet_length(CAST(payload AS TEXT)) AS BIGINT) AS data_bytes, state, state_at,
                priority, attempts, max_attempts, schedule, created_at, run_at, started_at, finished_at, substr(error, 1, 1024) AS error,
                CAST(octet_length(error) AS BIGINT) AS error_bytes, worker FROM job ",
            $rest
        )
    };
}
/// Those of a list of ids, `$1`, found by their key: the queue beside it is written so that no index of queues is taken for it, which may hold
/// a million jobs.
macro_rules! among_sqlite {
    ($text:literal, $rest:literal) => {
        concat!($text, " id IN (SELECT unhex(value) FROM json_each($1)) ", $rest)
    };
}
macro_rules! among_postgres {
    ($text:literal, $rest:literal) => {
        concat!($text, " id = ANY (ARRAY (SELECT value::uuid FROM jsonb_array_elements_text($1))) ", $rest)
    };
}
/// Bytes of what jobs hold.
macro_rules! sizes {
    ($rest:literal) => {
        concat!(
            "SELECT id, CAST(octet_length(CAST(payload AS TEXT)) + coalesce(octet_length(CAST(result AS TEXT)), 0)
                + coalesce(octet_length(CAST(progress AS TEXT)), 0) + coalesce(octet_length(CAST(errors AS TEXT)), 0)
                + coalesce(octet_length(error), 0)
                + coalesce((SELECT sum(octet_length(text) + 64) FROM job_log WHERE job_log.job = job.id), 0) AS BIGINT) AS bytes FROM job WHERE ",
            $rest
        )
    };
}
/// Jobs that wait, the next to run first: the rest of one priority, then those of lower ones. Two ranges of one index.
macro_rules! next_to_run {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM (SELECT * FROM (SELECT id, priority, state_at FROM job WHERE queue = $1 AND state = 'waiting' AND priority = $2
                AND (state_at, id) > ($3, $4) ORDER BY state_at, id LIMIT $5) same
             UNION ALL SELECT * FROM (SELECT id, priority, state_at FROM job WHERE queue = $1 AND state = 'waiting' AND priority < $2
                ORDER BY priority DESC, state_at, id LIMIT $5) lower) found ORDER BY priority DESC, state_at, id LIMIT $5"
        )
    };
}
/// Rows that an act decides on; those that run are neither locked nor waited for.
macro_rules! standing {
    ($among:ident, $lock:literal) => {
        $among!(
            "SELECT id, state, state_at, priority, attempts, max_attempts, schedule, unique_key FROM job WHERE (queue || '') = $2 AND state <> 'active' AND",
            $lock
        )
    };
}
macro_rules! act_retry {
    ($among:ident) => {
        $among!(
            "UPDATE job SET state = 'waiting', state_at = $2, run_at = $2, finished_at = NULL, result = NULL,
                attempts = CASE WHEN $3 THEN 0 ELSE attempts END WHERE",
            ""
        )
    };
}

statement_list! {
    /// Counting stops at $1 for each state. $2 is now.
    COUNTS = "SELECT q.queue, q.paused, q.concurrency, q.rate_jobs, q.rate_us,
        (SELECT count(*) FROM (SELECT 1 FROM job WHERE queue = q.queue AND state = 'waiting' LIMIT $1) n) AS waiting,
        (SELECT count(*) FROM (SELECT 1 FROM job WHERE queue = q.queue AND state = 'active' LIMIT $1) n) AS active,
        (SELECT count(*) FROM (SELECT 1 FROM job WHERE queue = q.queue AND state = 'completed' LIMIT $1) n) AS completed,
        (SELECT count(*) FROM (SELECT 1 FROM job WHERE queue = q.queue AND state = 'failed' LIMIT $1) n) AS failed,
        (SELECT count(*) FROM (SELECT 1 FROM job WHERE queue = q.queue AND state = 'delayed' LIMIT $1) n) AS delayed,
        (SELECT min(state_at) FROM job WHERE queue = q.queue AND state = 'waiting') AS oldest_waiting_at,
        (SELECT count(*) FROM job_worker w WHERE w.queue = q.queue AND w.alive_until >= $2) AS workers
        FROM job_queue q ORDER BY q.queue LIMIT 500";
    WINDOWS = "SELECT queue, CAST(sum(CASE WHEN minute >= $2 THEN completed ELSE 0 END) AS BIGINT) AS completed_5m,
        CAST(sum(CASE WHEN minute >= $2 THEN failed ELSE 0 END) AS BIGINT) AS failed_5m,
        CAST(sum(CASE WHEN minute >= $2 THEN retried ELSE 0 END) AS BIGINT) AS retried_5m,
        CAST(sum(CASE WHEN minute >= $2 THEN wait_us ELSE 0 END) AS BIGINT) AS wait_us_5m,
        CAST(sum(CASE WHEN minute >= $2 THEN run_us ELSE 0 END) AS BIGINT) AS run_us_5m,
        CAST(sum(completed) AS BIGINT) AS completed_1h, CAST(sum(failed) AS BIGINT) AS failed_1h
        FROM job_minute WHERE minute >= $1 GROUP BY queue";
    MINUTES = "SELECT minute, completed, failed, retried, wait_us, run_us, waits, runs FROM job_minute
        WHERE queue = $1 AND minute >= $2 ORDER BY minute LIMIT 20000";
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

    PAGE_WAITING_IDS = next_to_run!("id, priority, state_at");
    PAGE_UP_IDS = "SELECT id, priority, state_at FROM job WHERE queue = $1 AND state = $2 AND (state_at, id) > ($3, $4)
        ORDER BY state_at, id LIMIT $5";
    PAGE_UP = brief!("WHERE queue = $1 AND state = $2 AND (state_at, id) > ($3, $4) ORDER BY state_at, id LIMIT $5");
    PAGE_DOWN = brief!("WHERE queue = $1 AND state = $2 AND (state_at, id) < ($3, $4) ORDER BY state_at DESC, id DESC LIMIT $5");
    BRIEF_SQLITE @ Sqlite = concat!(brief!("WHERE (queue || '') = $2 AND"), " id IN (SELECT unhex(value) FROM json_each($1))");
    BRIEF_POSTGRES @ Postgres = concat!(brief!("WHERE (queue || '') = $2 AND"), " id = ANY (ARRAY (SELECT value::uuid FROM jsonb_array_elements_text($1)))");
    WHOLE = "SELECT id, queue, name, payload, state, state_at, priority, attempts, max_attempts, unique_key, schedule, scheduled_for, created_at,
        run_at, started_at, finished_at, worker, error, errors, progress, result, stalled, delay_us FROM job WHERE queue = $1 AND id = $2";
    /// Neither those that run nor the pending ones of schedules.
    RECORDS_SQLITE @ Sqlite = among_sqlite!("SELECT id, queue, name, payload, state, state_at, priority, attempts, max_attempts, unique_key, schedule,
        scheduled_for, created_at, run_at, started_at, finished_at, worker, error, errors, progress, result, stalled, delay_us FROM job
        WHERE (queue || '') = $2 AND state <> 'active' AND (schedule IS NULL OR state IN ('completed', 'failed')) AND", "");
    RECORDS_POSTGRES @ Postgres = among_postgres!("SELECT id, queue, name, payload, state, state_at, priority, attempts, max_attempts, unique_key, schedule,
        scheduled_for, created_at, run_at, started_at, finished_at, worker, error, errors, progress, result, stalled, delay_us FROM job
        WHERE (queue || '') = $2 AND state <> 'active' AND (schedule IS NULL OR state IN ('completed', 'failed')) AND", "");
    LOGS_SQLITE @ Sqlite = "SELECT job, line, at, text FROM job_log WHERE job IN (SELECT unhex(value) FROM json_each($1)) ORDER BY job, line";
    LOGS_POSTGRES @ Postgres = "SELECT job, line, at, text FROM job_log
        WHERE job = ANY (ARRAY (SELECT value::uuid FROM jsonb_array_elements_text($1))) ORDER BY job, line";
    LOG = "SELECT line, at, text FROM job_log WHERE job = $1 AND line >= $2 ORDER BY line LIMIT 200";
    LOG_TOTAL = "SELECT COALESCE(max(line) + 1, 0) FROM job_log WHERE job = $1";
    RESTORE = "INSERT INTO job (id, queue, name, payload, state, state_at, priority, attempts, max_attempts, unique_key, schedule, scheduled_for,
        created_at, run_at, started_at, finished_at, worker, error, errors, progress, result, stalled, delay_us)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23) ON CONFLICT DO NOTHING";
    IS_THERE = "SELECT id FROM job WHERE id = $1 AND queue = $2";
    /// Lines of many jobs, `[[job, line, at, text], …]`.
    RESTORE_LOGS_SQLITE @ Sqlite = "INSERT INTO job_log (job, line, at, text)
        SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3 FROM json_each($1)";
    RESTORE_LOGS_POSTGRES @ Postgres = "INSERT INTO job_log (job, line, at, text)
        SELECT (value ->> 0)::uuid, (value ->> 1)::bigint, (value ->> 2)::bigint, value ->> 3 FROM jsonb_array_elements($1)";
    SIZES_SQLITE @ Sqlite = concat!(sizes!("(queue || '') = $2 AND"), " id IN (SELECT unhex(value) FROM json_each($1))");
    SIZES_POSTGRES @ Postgres = concat!(sizes!("(queue || '') = $2 AND"), " id = ANY (ARRAY (SELECT value::uuid FROM jsonb_array_elements_text($1)))");

    STANDING_SQLITE @ Sqlite = standing!(among_sqlite, "ORDER BY id");
    STANDING_POSTGRES @ Postgres = standing!(among_postgres, "ORDER BY id FOR UPDATE");
    RUNNING_SQLITE @ Sqlite = among_sqlite!("SELECT id FROM job WHERE (queue || '') = $2 AND state = 'active' AND", "");
    RUNNING_POSTGRES @ Postgres = among_postgres!("SELECT id FROM job WHERE (queue || '') = $2 AND state = 'active' AND", "");
    /// Keys that pending jobs hold.
    HELD_SQLITE @ Sqlite = "SELECT unique_key FROM job WHERE unique_key IN (SELECT value FROM json_each($1)) AND state IN ('waiting', 'delayed', 'active')";
    HELD_POSTGRES @ Postgres = "SELECT unique_key FROM job WHERE unique_key = ANY (ARRAY (SELECT jsonb_array_elements_text($1)))
        AND state IN ('waiting', 'delayed', 'active')";
    ACT_RETRY_SQLITE @ Sqlite = act_retry!(among_sqlite);
    ACT_RETRY_POSTGRES @ Postgres = act_retry!(among_postgres);
    ACT_PROMOTE_SQLITE @ Sqlite = among_sqlite!("UPDATE job SET state = 'waiting', state_at = $2, run_at = $2 WHERE", "");
    ACT_PROMOTE_POSTGRES @ Postgres = among_postgres!("UPDATE job SET state = 'waiting', state_at = $2, run_at = $2 WHERE", "");
    ACT_REMOVE_SQLITE @ Sqlite = among_sqlite!("DELETE FROM job WHERE", "");
    ACT_REMOVE_POSTGRES @ Postgres = among_postgres!("DELETE FROM job WHERE", "");
    ACT_PRIORITY_SQLITE @ Sqlite = among_sqlite!("UPDATE job SET priority = $2 WHERE", "");
    ACT_PRIORITY_POSTGRES @ Postgres = among_postgres!("UPDATE job SET priority = $2 WHERE", "");
    ACT_DELAY_SQLITE @ Sqlite = among_sqlite!("UPDATE job SET state_at = $2, run_at = $2 WHERE", "");
    ACT_DELAY_POSTGRES @ Postgres = among_postgres!("UPDATE job SET state_at = $2, run_at = $2 WHERE", "");

    TOUCH = "UPDATE job_queue SET paused = paused WHERE queue = $1";
    SET_CONCURRENCY = "UPDATE job_queue SET concurrency = $1 WHERE queue = $2";
    SET_RATE = "UPDATE job_queue SET rate_jobs = $1, rate_us = $2, window_at = 0, window_jobs = 0 WHERE queue = $3";
    WORKERS = "SELECT w.worker, w.queue, w.place, w.concurrency, w.since,
        (SELECT count(*) FROM job j WHERE j.queue = w.queue AND j.state = 'active' AND j.worker = w.worker) AS active
        FROM job_worker w WHERE w.alive_until >= $1 ORDER BY w.queue, w.since, w.worker LIMIT 1000";

    QUEUE = "SELECT paused FROM job_queue WHERE queue = $1";
    SETTINGS = "SELECT paused, concurrency, rate_jobs, rate_us FROM job_queue WHERE queue = $1";
    QUEUE_HAS_JOBS = "SELECT id FROM job WHERE queue = $1 LIMIT 1";
    REVIVE = "INSERT INTO job_queue (queue, paused, created_at, concurrency, rate_jobs, rate_us) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (queue) DO UPDATE SET paused = excluded.paused, concurrency = excluded.concurrency, rate_jobs = excluded.rate_jobs,
        rate_us = excluded.rate_us, window_at = 0, window_jobs = 0";
    QUEUE_ACTIVE = "SELECT id FROM job WHERE queue = $1 AND state = 'active' LIMIT 1";
    OBLITERATE_JOBS = "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE queue = $1 AND state <> 'active' LIMIT $2)";
    OBLITERATE_RUNS = "DELETE FROM job_run WHERE schedule IN (SELECT name FROM job_schedule WHERE queue = $1)";
    OBLITERATE_SCHEDULES = "DELETE FROM job_schedule WHERE queue = $1";
    OBLITERATE_MINUTES = "DELETE FROM job_minute WHERE queue = $1";
    OBLITERATE_QUEUE = "DELETE FROM job_queue WHERE queue = $1";
}
