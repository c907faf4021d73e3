-- The past of queues by grain (1 minute, 2 hour, 3 day) and begin. NULL is "not known": nobody counted. `waits` and `runs` are DDSketches of
-- milliseconds. `sampled`: not every job was followed, so the times are of some. `partial`: what happened in some of it was thrown away before it
-- was read.
CREATE TABLE queue_rollup (
    grain       BIGINT NOT NULL CHECK (grain BETWEEN 1 AND 3),
    start_at    BIGINT NOT NULL,
    source      TEXT COLLATE "C" NOT NULL,
    queue       TEXT COLLATE "C" NOT NULL,
    waiting     BIGINT,
    waiting_max BIGINT,
    added       BIGINT,
    completed   BIGINT,
    failed      BIGINT,
    retried     BIGINT,
    waits       BYTEA,
    runs        BYTEA,
    sampled     BOOLEAN NOT NULL,
    partial     BOOLEAN NOT NULL,
    PRIMARY KEY (grain, source, queue, start_at)
);
CREATE INDEX queue_rollup_age ON queue_rollup (grain, start_at);

-- How far the past of a queue was read: written with what was read, so that nothing counts twice. `version` counts the writes.
CREATE TABLE queue_follow (
    source     TEXT COLLATE "C" NOT NULL,
    queue      TEXT COLLATE "C" NOT NULL,
    position   TEXT,
    covered_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    PRIMARY KEY (source, queue)
);

-- Texts are ordered by their bytes, so that a begin of a name is one stretch of the index.
-- What can be searched of jobs, scrubbed and cut. `key` is the begin of a SHA-256 of job system, queue and id.
CREATE TABLE queue_job (
    key         BIGINT NOT NULL PRIMARY KEY,
    source      TEXT COLLATE "C" NOT NULL,
    queue       TEXT COLLATE "C" NOT NULL,
    job         TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    reason      TEXT COLLATE "C" NOT NULL,
    at          BIGINT NOT NULL,
    data        TEXT COLLATE "C" NOT NULL
);
-- Counts of states and of causes, the jobs of a cause, and walks over a queue.
CREATE INDEX queue_job_place ON queue_job (source, queue, state, fingerprint, at, key);
CREATE INDEX queue_job_name ON queue_job (name, at, key);
CREATE INDEX queue_job_id ON queue_job (job);

CREATE TABLE queue_job_field (
    path  TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    at    BIGINT NOT NULL,
    key   BIGINT NOT NULL,
    PRIMARY KEY (path, value, at, key)
);
CREATE INDEX queue_job_field_key ON queue_job_field (key);

-- How far the index of a queue is. `cursor` is where the running pass over its failed jobs goes on, NULL before it began;
-- `swept_at` when all that is indexed was last compared with what there is.
CREATE TABLE queue_index (
    source    TEXT COLLATE "C" NOT NULL,
    queue     TEXT COLLATE "C" NOT NULL,
    cursor    TEXT,
    passed_at BIGINT,
    swept_at  BIGINT,
    failed    BIGINT NOT NULL,
    total     BIGINT NOT NULL,
    seen_at   BIGINT NOT NULL,
    PRIMARY KEY (source, queue)
);

-- Failed jobs by cause, as far as they are indexed. `names` holds one name a line.
CREATE TABLE queue_failure (
    source      TEXT COLLATE "C" NOT NULL,
    queue       TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    reason      TEXT COLLATE "C" NOT NULL,
    jobs        BIGINT NOT NULL,
    first_at    BIGINT NOT NULL,
    last_at     BIGINT NOT NULL,
    sample      TEXT COLLATE "C" NOT NULL,
    names       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (source, queue, fingerprint)
);
CREATE INDEX queue_failure_last ON queue_failure (last_at);
