-- Queues: runs over jobs of the platform, what they deleted, and schedules that somebody stopped. Times are microseconds since 1970-01-01 UTC.
-- A run is asked for through the gate; how far it is, is bookkeeping of the job that does it.
CREATE TABLE queue_run (
    id BLOB PRIMARY KEY,
    source TEXT NOT NULL,
    queue TEXT NOT NULL,
    -- JSON: what is done, and to which jobs.
    work TEXT NOT NULL CHECK (json_valid(work)),
    filter TEXT NOT NULL CHECK (json_valid(filter)),
    status TEXT NOT NULL CHECK (status IN ('WAITING', 'RUNNING', 'CANCELLING', 'DONE', 'CANCELLED', 'FAILED')),
    -- False for chosen jobs that were deleted at once.
    background INTEGER NOT NULL CHECK (background IN (0, 1)),
    phase TEXT NOT NULL,
    -- JSON: where it goes on after a crash.
    place TEXT NOT NULL CHECK (json_valid(place)),
    -- Counts its steps: an execution that lost its place to another one can't write.
    step INTEGER NOT NULL,
    total INTEGER,
    seen INTEGER NOT NULL,
    done INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    refusals TEXT NOT NULL CHECK (json_valid(refusals)),
    rate INTEGER,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    updated_at INTEGER NOT NULL,
    ended_at INTEGER,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    reason TEXT,
    note TEXT,
    fault TEXT,
    -- Jobs in its archive, and what they take there.
    archived INTEGER NOT NULL,
    archived_bytes INTEGER NOT NULL,
    restorable_until INTEGER
) STRICT;
CREATE INDEX queue_run_open ON queue_run (id) WHERE ended_at IS NULL;
CREATE INDEX queue_run_ended ON queue_run (ended_at);
CREATE INDEX queue_run_restorable ON queue_run (restorable_until) WHERE restorable_until IS NOT NULL;

-- One run at a time over a state of a queue.
CREATE TABLE queue_run_lock (
    source TEXT NOT NULL,
    queue TEXT NOT NULL,
    -- A state, or the run that is restored.
    what TEXT NOT NULL,
    run_id BLOB NOT NULL REFERENCES queue_run (id),
    PRIMARY KEY (source, queue, what)
) STRICT;
CREATE INDEX queue_run_lock_run ON queue_run_lock (run_id);

-- Deleted jobs, whole, a chunk a row: gzip of JSON. They may hold personal data: nothing shows them.
CREATE TABLE queue_archive (
    run_id BLOB NOT NULL REFERENCES queue_run (id),
    chunk INTEGER NOT NULL,
    jobs INTEGER NOT NULL,
    packed BLOB NOT NULL,
    -- JSON: ids of those that are not to be restored, because they were not deleted or are back.
    out_ids TEXT NOT NULL CHECK (json_valid(out_ids)),
    -- Whether it is known which of them were deleted.
    settled INTEGER NOT NULL CHECK (settled IN (0, 1)),
    PRIMARY KEY (run_id, chunk)
) STRICT;

-- Schedules that somebody paused where the job system can't remember it, or removed.
CREATE TABLE queue_schedule (
    source TEXT NOT NULL,
    queue TEXT NOT NULL,
    schedule TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('STOPPING', 'PAUSED', 'REMOVED')),
    -- JSON: what it was, for people.
    known TEXT NOT NULL CHECK (json_valid(known)),
    -- JSON: what the driver needs to bring it back; null when it said nothing.
    kept TEXT CHECK (kept IS NULL OR json_valid(kept)),
    -- The run that deleted it with its queue.
    run_id BLOB REFERENCES queue_run (id),
    at INTEGER NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    PRIMARY KEY (source, queue, schedule)
) STRICT;
CREATE INDEX queue_schedule_run ON queue_schedule (run_id) WHERE run_id IS NOT NULL;
