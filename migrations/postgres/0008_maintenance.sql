-- Maintenance: windows in which writes are blocked or queues are drained. Times are microseconds since 1970-01-01 UTC.
-- A rule makes windows at local times: its start is a cron expression in a zone, its end so many minutes of the wall clock later.
CREATE TABLE maintenance_series (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    cron TEXT NOT NULL,
    zone TEXT NOT NULL,
    duration_minutes BIGINT NOT NULL,
    -- What each window says: message, audience and so on.
    terms JSONB NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    cancelled_at BIGINT
);

CREATE TABLE maintenance_window (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('GLOBAL_READONLY', 'VENDOR_READONLY', 'QUEUE_DRAIN', 'DATABASE_MAINTENANCE', 'DEPLOYMENT')),
    status TEXT NOT NULL CHECK (status IN ('SCHEDULED', 'ACTIVE', 'COMPLETED', 'CANCELLED')),
    reason TEXT NOT NULL,
    terms JSONB NOT NULL,
    scheduled_start BIGINT NOT NULL,
    scheduled_end BIGINT NOT NULL,
    actual_start BIGINT,
    actual_end BIGINT,
    announced_at BIGINT,
    overrun_at BIGINT,
    -- The queues were seen empty of running jobs.
    drained_at BIGINT,
    -- What became of it, where that is not plain: "missed while nothing ran".
    note TEXT,
    series_id UUID REFERENCES maintenance_series (id),
    -- When the rule would have it start; a person may move the window.
    series_start BIGINT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    version BIGINT NOT NULL
);
-- One mode is one state: a second active window of a type can't exist.
CREATE UNIQUE INDEX maintenance_window_kind_key ON maintenance_window (kind) WHERE status = 'ACTIVE';
CREATE UNIQUE INDEX maintenance_window_series_id_key ON maintenance_window (series_id) WHERE status = 'SCHEDULED';
CREATE INDEX maintenance_window_status ON maintenance_window (status, scheduled_start);
CREATE INDEX maintenance_window_ended ON maintenance_window (actual_end);
CREATE INDEX maintenance_window_created ON maintenance_window (created_at, id);

-- Queues that a drain holds. Bookkeeping of the drain: a row is written before its queue is touched.
CREATE TABLE maintenance_drain (
    window_id UUID NOT NULL REFERENCES maintenance_window (id),
    source TEXT NOT NULL,
    queue TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('KEPT', 'PAUSING', 'PAUSED', 'RESUMED', 'RELEASED', 'HANDED_OVER')),
    active_left BIGINT,
    waiting BIGINT,
    counted_at BIGINT,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    fault TEXT,
    PRIMARY KEY (window_id, source, queue)
);
CREATE INDEX maintenance_drain_held ON maintenance_drain (state);

-- Tokens that let somebody write all the same. The token itself is kept nowhere.
CREATE TABLE maintenance_bypass (
    id UUID PRIMARY KEY,
    note TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX maintenance_bypass_expires ON maintenance_bypass (expires_at);
