-- Feature flags. Times are microseconds since 1970-01-01 UTC. A definition is JSON kept as text: 1 and 1.0 stay what they are.
CREATE TABLE flag (
    key TEXT PRIMARY KEY,
    definition TEXT NOT NULL CHECK (json_valid(definition)),
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    updated_by_name TEXT NOT NULL,
    -- Since when it is on for everybody.
    settled_at INTEGER,
    archived_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX flag_archived ON flag (archived_at);

-- Every change keeps the whole flag. The number is the flag's version.
CREATE TABLE flag_revision (
    flag_key TEXT NOT NULL REFERENCES flag (key),
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    reason TEXT,
    archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
    definition TEXT NOT NULL CHECK (json_valid(definition)),
    PRIMARY KEY (flag_key, number)
) STRICT;

-- Which flag needs which variant of which other flag; none of archived flags.
CREATE TABLE flag_prerequisite (
    flag_key TEXT NOT NULL REFERENCES flag (key),
    needs_key TEXT NOT NULL REFERENCES flag (key),
    variant TEXT NOT NULL,
    PRIMARY KEY (flag_key, needs_key)
) STRICT;

-- Whether the first flags were made: one row.
CREATE TABLE flag_seeded (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;

-- Rollouts that rise in steps: [{"percentage": 5, "holdSeconds": 3600}, …].
CREATE TABLE flag_ramp (
    id BLOB PRIMARY KEY,
    flag_key TEXT NOT NULL REFERENCES flag (key),
    state TEXT NOT NULL CHECK (state IN ('RUNNING', 'PAUSED', 'COMPLETED', 'CANCELLED')),
    steps TEXT NOT NULL CHECK (json_valid(steps)),
    -- Place of the step that comes next, and when; a paused ramp keeps how long it still has to wait.
    next_step INTEGER NOT NULL,
    next_at INTEGER,
    wait_micros INTEGER,
    started_at INTEGER NOT NULL,
    started_by TEXT NOT NULL,
    started_by_name TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX flag_ramp_one ON flag_ramp (flag_key) WHERE state IN ('RUNNING', 'PAUSED');
CREATE INDEX flag_ramp_flag ON flag_ramp (flag_key, started_at);
CREATE INDEX flag_ramp_due ON flag_ramp (state, next_at);

-- Changes at a time.
CREATE TABLE flag_schedule (
    id BLOB PRIMARY KEY,
    flag_key TEXT NOT NULL REFERENCES flag (key),
    at INTEGER NOT NULL,
    enabled INTEGER CHECK (enabled IN (0, 1)),
    basis_points INTEGER,
    state TEXT NOT NULL CHECK (state IN ('PENDING', 'DONE', 'FAILED', 'CANCELLED')),
    reason TEXT,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    ended_at INTEGER,
    fault TEXT
) STRICT;
CREATE INDEX flag_schedule_flag ON flag_schedule (flag_key, at);
CREATE INDEX flag_schedule_due ON flag_schedule (state, at);
