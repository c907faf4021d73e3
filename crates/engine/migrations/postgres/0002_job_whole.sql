-- What a job says while it runs and when it has ended. errors: [{attempt, at, worker, error}] of the last failed attempts, oldest first.
ALTER TABLE job ADD COLUMN progress JSONB;
ALTER TABLE job ADD COLUMN result   JSONB;
ALTER TABLE job ADD COLUMN errors   JSONB;
-- How often its worker vanished, and how long it was put off when it was made.
ALTER TABLE job ADD COLUMN stalled  BIGINT  NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN delay_us BIGINT  NOT NULL DEFAULT 0;

-- The last lines that a job logged.
CREATE TABLE job_log (
    job  UUID    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    line BIGINT  NOT NULL,
    at   BIGINT  NOT NULL,
    text TEXT    NOT NULL,
    PRIMARY KEY (job, line)
);

-- Limits over all workers; window_at, window_jobs: when the running window of the rate began, and how many began in it.
ALTER TABLE job_queue ADD COLUMN concurrency BIGINT;
ALTER TABLE job_queue ADD COLUMN rate_jobs   BIGINT;
ALTER TABLE job_queue ADD COLUMN rate_us     BIGINT;
ALTER TABLE job_queue ADD COLUMN window_at   BIGINT  NOT NULL DEFAULT 0;
ALTER TABLE job_queue ADD COLUMN window_jobs BIGINT  NOT NULL DEFAULT 0;

-- Who works on what. A row whose alive_until has passed is of a vanished process.
CREATE TABLE job_worker (
    worker      UUID    NOT NULL,
    queue       TEXT    NOT NULL,
    place       TEXT    NOT NULL,
    concurrency BIGINT  NOT NULL,
    since       BIGINT  NOT NULL,
    alive_until BIGINT  NOT NULL,
    PRIMARY KEY (worker, queue)
);

-- How times were spread in a minute: {bucket: count}, four buckets to a doubling of the microseconds.
ALTER TABLE job_minute ADD COLUMN waits JSONB;
ALTER TABLE job_minute ADD COLUMN runs  JSONB;

-- queued_for: the occurrence that waits until the run before has ended.
ALTER TABLE job_schedule ADD COLUMN overlap    TEXT    NOT NULL DEFAULT 'skip' CHECK (overlap IN ('skip', 'queue', 'allow'));
ALTER TABLE job_schedule ADD COLUMN missed     TEXT    NOT NULL DEFAULT 'once' CHECK (missed IN ('skip', 'once'));
ALTER TABLE job_schedule ADD COLUMN fired      BIGINT  NOT NULL DEFAULT 0;
ALTER TABLE job_schedule ADD COLUMN queued_for BIGINT;

-- What became of each occurrence, the last of each schedule.
CREATE TABLE job_run (
    id            UUID    NOT NULL PRIMARY KEY,
    schedule      TEXT    NOT NULL,
    scheduled_for BIGINT  NOT NULL,
    at            BIGINT  NOT NULL,
    by_hand       BOOLEAN NOT NULL,
    job           UUID,
    outcome       TEXT    NOT NULL CHECK (outcome IN ('running', 'completed', 'failed', 'queued', 'skipped', 'missed')),
    note          TEXT,
    ended_at      BIGINT 
);
CREATE INDEX job_run_schedule ON job_run (schedule, at, id);
CREATE INDEX job_run_job ON job_run (job) WHERE job IS NOT NULL;
