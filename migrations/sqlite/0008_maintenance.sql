-- Maintenance: windows in which writes are blocked or queues are drained. Times are microseconds since 1970-01-01 UTC.
-- A rule makes windows at local times: its start is a cron expression in a zone, its end so many minutes of the wall clock later.
CREATE TABLE maintenance_series (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    cron TEXT NOT NULL,
    zone TEXT NOT NULL,
    duration_minutes INTEGER NOT NULL,
    -- What each window says: message, audience and so on.
    terms TEXT NOT NULL CHECK (json_valid(terms)),
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    cancelled_at INTEGER
) STRICT;

CREATE TABLE maintenance_window (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('GLOBAL_READONLY', 'VENDOR_READONLY', 'QUEUE_DRAIN', 'DATABASE_MAINTENANCE', 'DEPLOYMENT')),
    status TEXT NOT NULL CHECK (status IN ('SCHEDULED', 'ACTIVE', 'COMPLETED', 'CANCELLED')),
    reason TEXT NOT NULL,
    terms TEXT NOT NULL CHECK (json_valid(terms)),
    scheduled_start INTEGER NOT NULL,
    scheduled_end INTEGER NOT NULL,
    actual_start INTEGER,
    actual_end INTEGER,
    announced_at INTEGER,
    overrun_at INTEGER,
    -- The queues were seen empty of running jobs.
    drained_at INTEGER,
    -- What became of it, where that is not plain: "missed while nothing ran".
    note TEXT,
    series_id BLOB REFERENCES maintenance_series (id),
    -- When the rule would have it start; a person may move the window.
    series_start INTEGER,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT;
-- One mode is one state: a second active window of a type can't exist.
CREATE UNIQUE INDEX maintenance_window_kind_key ON maintenance_window (kind) WHERE status = 'ACTIVE';
CREATE UNIQUE INDEX maintenance_window_series_id_key ON maintenance_window (series_id) WHERE status = 'SCHEDULED';
CREATE INDEX maintenance_window_status ON maintenance_window (status, scheduled_start);
CREATE INDEX maintenance_window_ended ON maintenance_window (actual_end);
CREATE INDEX maintenance_window_created ON maintenance_window (created_at, id);

-- Queues that a drain holds. Bookkeeping of the drain: a row is written before its queue is touched.
CREATE TABLE maintenance_drain (
    window_id BLOB NOT NULL REFERENCES maintenance_window (id),
    source TEXT NOT NULL,
    queue TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('KEPT', 'PAUSING', 'PAUSED', 'RESUMED', 'RELEASED', 'HANDED_OVER')),
    active_left INTEGER,
    waiting INTEGER,
    counted_at INTEGER,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    fault TEXT,
    PRIMARY KEY (window_id, source, queue)
) STRICT;
CREATE INDEX maintenance_drain_held ON maintenance_drain (state);

-- Tokens that let somebody write all the same. The token itself is kept nowhere.
CREATE TABLE maintenance_bypass (
    id BLOB PRIMARY KEY,
    note TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX maintenance_bypass_expires ON maintenance_bypass (expires_at);
