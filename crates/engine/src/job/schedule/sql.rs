//! SQL of schedules and their runs.

use crate::job::sql::{Statement, statement_list};

statement_list! {
    SCHEDULE_OLD = "SELECT cron, zone FROM job_schedule WHERE name = $1";
    /// A next occurrence that lies after the one that the clock says now was computed by a wrong clock, unless another replica just fired the
    /// one between.
    SCHEDULE_UPSERT = "INSERT INTO job_schedule (name, queue, job, payload, cron, zone, max_attempts, paused, next_at, updated_at, overlap, missed)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (name) DO UPDATE SET queue = excluded.queue,
        job = excluded.job, payload = excluded.payload, max_attempts = excluded.max_attempts,
        next_at = CASE WHEN job_schedule.cron = excluded.cron AND job_schedule.zone = excluded.zone
            AND NOT (job_schedule.next_at > excluded.next_at AND (job_schedule.last_at IS NULL
                OR job_schedule.last_at < excluded.next_at OR job_schedule.last_at > excluded.next_at + 60000000))
            THEN job_schedule.next_at ELSE excluded.next_at END,
        cron = excluded.cron, zone = excluded.zone, updated_at = excluded.updated_at, overlap = excluded.overlap,
        missed = excluded.missed";
    SCHEDULE_REMOVE = "DELETE FROM job_schedule WHERE name = $1";
    SCHEDULE_PAUSE = "UPDATE job_schedule SET paused = $1, next_at = $2, updated_at = $3, queued_for = NULL WHERE name = $4";
    SCHEDULE_NEXT = "SELECT min(next_at) FROM job_schedule WHERE NOT paused";
    SCHEDULE_DUE = "SELECT name, queue, job, payload, cron, zone, max_attempts, next_at, overlap, missed, queued_for FROM job_schedule
        WHERE NOT paused AND next_at <= $1 ORDER BY next_at LIMIT 100";
    /// Claims one occurrence: of several replicas only one still sees the old `next_at`.
    SCHEDULE_CLAIM = "UPDATE job_schedule SET next_at = $1, updated_at = $2, last_at = $2, fired = fired + 1
        WHERE name = $3 AND next_at = $4 AND NOT paused";
    SCHEDULE_ONE = "SELECT name, queue, job, payload, cron, zone, max_attempts, next_at, overlap, missed, queued_for FROM job_schedule WHERE name = $1";
    SCHEDULE_QUEUE = "UPDATE job_schedule SET queued_for = $1 WHERE name = $2";
    SCHEDULE_FIRED = "UPDATE job_schedule SET last_at = $1, fired = fired + 1 WHERE name = $2";
    SCHEDULE_ENQUEUED = "UPDATE job_schedule SET last_job = $1, last_outcome = 'running', last_error = NULL,
        last_finished_at = NULL WHERE name = $2";
    /// An occurrence whose predecessor is still pending. Its outcome is not overwritten by a later skip.
    SCHEDULE_SKIPPED = "UPDATE job_schedule SET last_error = $1 WHERE name = $2";
    SCHEDULE_ENDED = "UPDATE job_schedule SET last_outcome = $1, last_error = $2, last_finished_at = $3
        WHERE name = $4 AND last_job = $5";
    SCHEDULES = "SELECT name, queue, job, payload, cron, zone, paused, next_at, last_at, last_job, last_outcome, last_error,
        last_finished_at, max_attempts, overlap, missed, fired, queued_for FROM job_schedule ORDER BY name LIMIT 1000";
    /// The pending jobs of a schedule that is deleted.
    SCHEDULE_JOBS_REMOVE = "DELETE FROM job WHERE schedule = $1 AND queue = $2 AND state IN ('waiting', 'delayed')";
    RUN_NEW = "INSERT INTO job_run (id, schedule, scheduled_for, at, by_hand, job, outcome, note, ended_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    /// A job that is run again tells its last outcome.
    RUN_ENDED = "UPDATE job_run SET outcome = $1, note = $2, ended_at = $3 WHERE job = $4";
    RUN_STARTS = "UPDATE job_run SET outcome = 'running', job = $1, note = NULL WHERE schedule = $2 AND outcome = 'queued'";
    RUNS_REMOVE = "DELETE FROM job_run WHERE schedule = $1";
    RUNS_TRIM = "DELETE FROM job_run WHERE id IN (SELECT id FROM job_run WHERE schedule = $1 ORDER BY at DESC, id DESC LIMIT 1000 OFFSET $2)";
    RUNS = "SELECT id, schedule, scheduled_for, at, by_hand, job, outcome, note, ended_at FROM job_run
        WHERE schedule = $1 AND (at, id) < ($2, $3) ORDER BY at DESC, id DESC LIMIT $4";
}
