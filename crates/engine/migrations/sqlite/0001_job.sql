-- Durable jobs. state_at: when it is due (waiting, delayed), was started (active) or ended (completed, failed).
CREATE TABLE job (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    queue         TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    payload       TEXT    NOT NULL CHECK (json_valid(payload)),
    state         TEXT    NOT NULL CHECK (state IN ('waiting', 'delayed', 'active', 'completed', 'failed')),
    state_at      INTEGER NOT NULL,
    priority      INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    max_attempts  INTEGER NOT NULL,
    unique_key    TEXT,
    schedule      TEXT,
    scheduled_for INTEGER,
    created_at    INTEGER NOT NULL,
    run_at        INTEGER NOT NULL,
    started_at    INTEGER,
    finished_at   INTEGER,
    lease_until   INTEGER,
    worker        BLOB    CHECK (worker IS NULL OR length(worker) = 16),
    error         TEXT
) STRICT;
-- Counts (covering), lists, retention, the oldest of a state.
CREATE INDEX job_state ON job (queue, state, state_at, id);
CREATE INDEX job_waiting ON job (queue, priority DESC, state_at, id) WHERE state = 'waiting';
CREATE INDEX job_delayed ON job (state_at) WHERE state = 'delayed';
CREATE INDEX job_lease ON job (lease_until) WHERE state = 'active';
CREATE INDEX job_key ON job (unique_key) WHERE unique_key IS NOT NULL;
CREATE UNIQUE INDEX job_unique_key_key ON job (unique_key) WHERE state IN ('waiting', 'delayed', 'active');

CREATE TABLE job_queue (
    queue      TEXT    NOT NULL PRIMARY KEY,
    paused     INTEGER NOT NULL CHECK (paused IN (0, 1)),
    created_at INTEGER NOT NULL
) STRICT;

-- What ended in a minute (Unix minutes), by worker so that no two processes wait for one row.
CREATE TABLE job_minute (
    queue     TEXT    NOT NULL,
    minute    INTEGER NOT NULL,
    worker    BLOB    NOT NULL CHECK (length(worker) = 16),
    completed INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    retried   INTEGER NOT NULL,
    wait_us   INTEGER NOT NULL,
    run_us    INTEGER NOT NULL,
    PRIMARY KEY (queue, minute, worker)
) STRICT;
CREATE INDEX job_minute_at ON job_minute (minute);

CREATE TABLE job_schedule (
    name             TEXT    NOT NULL PRIMARY KEY,
    queue            TEXT    NOT NULL,
    job              TEXT    NOT NULL,
    payload          TEXT    NOT NULL CHECK (json_valid(payload)),
    cron             TEXT    NOT NULL,
    zone             TEXT    NOT NULL,
    max_attempts     INTEGER NOT NULL,
    paused           INTEGER NOT NULL CHECK (paused IN (0, 1)),
    next_at          INTEGER NOT NULL,
    last_at          INTEGER,
    last_job         BLOB,
    last_outcome     TEXT    CHECK (last_outcome IN ('running', 'completed', 'failed')),
    last_error       TEXT,
    last_finished_at INTEGER,
    updated_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX job_schedule_next ON job_schedule (next_at);
