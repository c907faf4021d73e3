-- What a job says while it runs and when it has ended. errors: [{attempt, at, worker, error}] of the last failed attempts, oldest first.
ALTER TABLE job ADD COLUMN progress TEXT CHECK (progress IS NULL OR json_valid(progress));
ALTER TABLE job ADD COLUMN result   TEXT CHECK (result IS NULL OR json_valid(result));
ALTER TABLE job ADD COLUMN errors   TEXT CHECK (errors IS NULL OR json_valid(errors));
-- How often its worker vanished, and how long it was put off when it was made.
ALTER TABLE job ADD COLUMN stalled  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN delay_us INTEGER NOT NULL DEFAULT 0;

-- The last lines that a job logged.
CREATE TABLE job_log (
    job  BLOB    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    line INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    text TEXT    NOT NULL,
    PRIMARY KEY (job, line)
) STRICT, WITHOUT ROWID;

-- Limits over all workers; window_at, window_jobs: when the running window of the rate began, and how many began in it.
ALTER TABLE job_queue ADD COLUMN concurrency INTEGER;
ALTER TABLE job_queue ADD COLUMN rate_jobs   INTEGER;
ALTER TABLE job_queue ADD COLUMN rate_us     INTEGER;
ALTER TABLE job_queue ADD COLUMN window_at   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job_queue ADD COLUMN window_jobs INTEGER NOT NULL DEFAULT 0;

-- Who works on what. A row whose alive_until has passed is of a vanished process.
CREATE TABLE job_worker (
    worker      BLOB    NOT NULL CHECK (length(worker) = 16),
    queue       TEXT    NOT NULL,
    place       TEXT    NOT NULL,
    concurrency INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    alive_until INTEGER NOT NULL,
    PRIMARY KEY (worker, queue)
) STRICT;

-- How times were spread in a minute: {bucket: count}, four buckets to a doubling of the microseconds.
ALTER TABLE job_minute ADD COLUMN waits TEXT CHECK (waits IS NULL OR json_valid(waits));
ALTER TABLE job_minute ADD COLUMN runs  TEXT CHECK (runs IS NULL OR json_valid(runs));

-- queued_for: the occurrence that waits until the run before has ended.
ALTER TABLE job_schedule ADD COLUMN overlap    TEXT    NOT NULL DEFAULT 'skip' CHECK (overlap IN ('skip', 'queue', 'allow'));
ALTER TABLE job_schedule ADD COLUMN missed     TEXT    NOT NULL DEFAULT 'once' CHECK (missed IN ('skip', 'once'));
ALTER TABLE job_schedule ADD COLUMN fired      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job_schedule ADD COLUMN queued_for INTEGER;

-- What became of each occurrence, the last of each schedule.
CREATE TABLE job_run (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    schedule      TEXT    NOT NULL,
    scheduled_for INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    by_hand       INTEGER NOT NULL CHECK (by_hand IN (0, 1)),
    job           BLOB,
    outcome       TEXT    NOT NULL CHECK (outcome IN ('running', 'completed', 'failed', 'queued', 'skipped', 'missed')),
    note          TEXT,
    ended_at      INTEGER
) STRICT;
CREATE INDEX job_run_schedule ON job_run (schedule, at, id);
CREATE INDEX job_run_job ON job_run (job) WHERE job IS NOT NULL;
