-- Durable jobs. state_at: when it is due (waiting, delayed), was started (active) or ended (completed, failed).
CREATE TABLE job (
    id            UUID    NOT NULL PRIMARY KEY,
    queue         TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    payload       JSONB   NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('waiting', 'delayed', 'active', 'completed', 'failed')),
    state_at      BIGINT  NOT NULL,
    priority      BIGINT  NOT NULL,
    attempts      BIGINT  NOT NULL,
    max_attempts  BIGINT  NOT NULL,
    unique_key    TEXT,
    schedule      TEXT,
    scheduled_for BIGINT,
    created_at    BIGINT  NOT NULL,
    run_at        BIGINT  NOT NULL,
    started_at    BIGINT,
    finished_at   BIGINT,
    lease_until   BIGINT,
    worker        UUID,
    error         TEXT
);
-- Counts (covering), lists, retention, the oldest of a state.
CREATE INDEX job_state ON job (queue, state, state_at, id);
CREATE INDEX job_waiting ON job (queue, priority DESC, state_at, id) WHERE state = 'waiting';
CREATE INDEX job_delayed ON job (state_at) WHERE state = 'delayed';
CREATE INDEX job_lease ON job (lease_until) WHERE state = 'active';
CREATE INDEX job_key ON job (unique_key) WHERE unique_key IS NOT NULL;
CREATE UNIQUE INDEX job_unique_key_key ON job (unique_key) WHERE state IN ('waiting', 'delayed', 'active');

CREATE TABLE job_queue (
    queue      TEXT    NOT NULL PRIMARY KEY,
    paused     BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL
);

-- What ended in a minute (Unix minutes), by worker so that no two processes wait for one row.
CREATE TABLE job_minute (
    queue     TEXT    NOT NULL,
    minute    BIGINT  NOT NULL,
    worker    UUID    NOT NULL,
    completed BIGINT  NOT NULL,
    failed    BIGINT  NOT NULL,
    retried   BIGINT  NOT NULL,
    wait_us   BIGINT  NOT NULL,
    run_us    BIGINT  NOT NULL,
    PRIMARY KEY (queue, minute, worker)
);
CREATE INDEX job_minute_at ON job_minute (minute);

CREATE TABLE job_schedule (
    name             TEXT    NOT NULL PRIMARY KEY,
    queue            TEXT    NOT NULL,
    job              TEXT    NOT NULL,
    payload          JSONB   NOT NULL,
    cron             TEXT    NOT NULL,
    zone             TEXT    NOT NULL,
    max_attempts     BIGINT  NOT NULL,
    paused           BOOLEAN NOT NULL,
    next_at          BIGINT  NOT NULL,
    last_at          BIGINT,
    last_job         UUID,
    last_outcome     TEXT    CHECK (last_outcome IN ('running', 'completed', 'failed')),
    last_error       TEXT,
    last_finished_at BIGINT,
    updated_at       BIGINT  NOT NULL
);
CREATE INDEX job_schedule_next ON job_schedule (next_at);
