-- The past of queues by grain (1 minute, 2 hour, 3 day) and begin. NULL is "not known": nobody counted. `waits` and `runs` are DDSketches of
-- milliseconds. `sampled`: not every job was followed, so the times are of some. `partial`: what happened in some of it was thrown away before it
-- was read.
CREATE TABLE queue_rollup (
    grain       INTEGER NOT NULL CHECK (grain BETWEEN 1 AND 3),
    start_at    INTEGER NOT NULL,
    source      TEXT    NOT NULL,
    queue       TEXT    NOT NULL,
    waiting     INTEGER,
    waiting_max INTEGER,
    added       INTEGER,
    completed   INTEGER,
    failed      INTEGER,
    retried     INTEGER,
    waits       BLOB,
    runs        BLOB,
    sampled     INTEGER NOT NULL CHECK (sampled IN (0, 1)),
    partial     INTEGER NOT NULL CHECK (partial IN (0, 1)),
    PRIMARY KEY (grain, source, queue, start_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_rollup_age ON queue_rollup (grain, start_at);

-- How far the past of a queue was read: written with what was read, so that nothing counts twice. `version` counts the writes.
CREATE TABLE queue_follow (
    source     TEXT    NOT NULL,
    queue      TEXT    NOT NULL,
    position   TEXT,
    covered_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (source, queue)
) STRICT, WITHOUT ROWID;

-- What can be searched of jobs, scrubbed and cut. `key` is the begin of a SHA-256 of job system, queue and id.
CREATE TABLE queue_job (
    key         INTEGER NOT NULL PRIMARY KEY,
    source      TEXT    NOT NULL,
    queue       TEXT    NOT NULL,
    job         TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    data        TEXT    NOT NULL
) STRICT;
-- Counts of states and of causes, the jobs of a cause, and walks over a queue.
CREATE INDEX queue_job_place ON queue_job (source, queue, state, fingerprint, at, key);
CREATE INDEX queue_job_name ON queue_job (name, at, key);
CREATE INDEX queue_job_id ON queue_job (job);

CREATE TABLE queue_job_field (
    path  TEXT    NOT NULL,
    value TEXT    NOT NULL,
    at    INTEGER NOT NULL,
    key   INTEGER NOT NULL,
    PRIMARY KEY (path, value, at, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_job_field_key ON queue_job_field (key);

-- How far the index of a queue is. `cursor` is where the running pass over its failed jobs goes on, NULL before it began;
-- `swept_at` when all that is indexed was last compared with what there is.
CREATE TABLE queue_index (
    source    TEXT    NOT NULL,
    queue     TEXT    NOT NULL,
    cursor    TEXT,
    passed_at INTEGER,
    swept_at  INTEGER,
    failed    INTEGER NOT NULL,
    total     INTEGER NOT NULL,
    seen_at   INTEGER NOT NULL,
    PRIMARY KEY (source, queue)
) STRICT, WITHOUT ROWID;

-- Failed jobs by cause, as far as they are indexed. `names` holds one name a line.
CREATE TABLE queue_failure (
    source      TEXT    NOT NULL,
    queue       TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    jobs        INTEGER NOT NULL,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    sample      TEXT    NOT NULL,
    names       TEXT    NOT NULL,
    PRIMARY KEY (source, queue, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_failure_last ON queue_failure (last_at);
