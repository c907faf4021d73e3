-- Queues: runs over jobs of the platform, what they deleted, and schedules that somebody stopped. Times are microseconds since 1970-01-01 UTC.
-- A run is asked for through the gate; how far it is, is bookkeeping of the job that does it.
CREATE TABLE queue_run (
    id UUID PRIMARY KEY,
    source TEXT NOT NULL,
    queue TEXT NOT NULL,
    -- JSON: what is done, and to which jobs.
    work TEXT NOT NULL,
    filter TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('WAITING', 'RUNNING', 'CANCELLING', 'DONE', 'CANCELLED', 'FAILED')),
    -- False for chosen jobs that were deleted at once.
    background BOOLEAN NOT NULL,
    phase TEXT NOT NULL,
    -- JSON: where it goes on after a crash.
    place TEXT NOT NULL,
    -- Counts its steps: an execution that lost its place to another one can't write.
    step BIGINT NOT NULL,
    total BIGINT,
    seen BIGINT NOT NULL,
    done BIGINT NOT NULL,
    gone BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    refusals TEXT NOT NULL,
    rate BIGINT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    reason TEXT,
    note TEXT,
    fault TEXT,
    -- Jobs in its archive, and what they take there.
    archived BIGINT NOT NULL,
    archived_bytes BIGINT NOT NULL,
    restorable_until BIGINT
);
CREATE INDEX queue_run_open ON queue_run (id) WHERE ended_at IS NULL;
CREATE INDEX queue_run_ended ON queue_run (ended_at);
CREATE INDEX queue_run_restorable ON queue_run (restorable_until) WHERE restorable_until IS NOT NULL;

-- One run at a time over a state of a queue.
CREATE TABLE queue_run_lock (
    source TEXT NOT NULL,
    queue TEXT NOT NULL,
    -- A state, or the run that is restored.
    what TEXT NOT NULL,
    run_id UUID NOT NULL REFERENCES queue_run (id),
    PRIMARY KEY (source, queue, what)
);
CREATE INDEX queue_run_lock_run ON queue_run_lock (run_id);

-- Deleted jobs, whole, a chunk a row: gzip of JSON. They may hold personal data: nothing shows them.
CREATE TABLE queue_archive (
    run_id UUID NOT NULL REFERENCES queue_run (id),
    chunk BIGINT NOT NULL,
    jobs BIGINT NOT NULL,
    packed BYTEA NOT NULL,
    -- JSON: ids of those that are not to be restored, because they were not deleted or are back.
    out_ids TEXT NOT NULL,
    -- Whether it is known which of them were deleted.
    settled BOOLEAN NOT NULL,
    PRIMARY KEY (run_id, chunk)
);

-- Schedules that somebody paused where the job system can't remember it, or removed.
CREATE TABLE queue_schedule (
    source TEXT NOT NULL,
    queue TEXT NOT NULL,
    schedule TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('STOPPING', 'PAUSED', 'REMOVED')),
    -- JSON: what it was, for people.
    known TEXT NOT NULL,
    -- JSON: what the driver needs to bring it back; null when it said nothing.
    kept TEXT,
    -- The run that deleted it with its queue.
    run_id UUID REFERENCES queue_run (id),
    at BIGINT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    PRIMARY KEY (source, queue, schedule)
);
CREATE INDEX queue_schedule_run ON queue_schedule (run_id) WHERE run_id IS NOT NULL;
