-- Feature flags. Times are microseconds since 1970-01-01 UTC. A definition is JSON kept as text: 1 and 1.0 stay what they are.
CREATE TABLE flag (
    key TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_by_name TEXT NOT NULL,
    -- Since when it is on for everybody.
    settled_at BIGINT,
    archived_at BIGINT
);
CREATE INDEX flag_archived ON flag (archived_at);

-- Every change keeps the whole flag. The number is the flag's version.
CREATE TABLE flag_revision (
    flag_key TEXT NOT NULL REFERENCES flag (key),
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    reason TEXT,
    archived BOOLEAN NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (flag_key, number)
);

-- Which flag needs which variant of which other flag; none of archived flags.
CREATE TABLE flag_prerequisite (
    flag_key TEXT NOT NULL REFERENCES flag (key),
    needs_key TEXT NOT NULL REFERENCES flag (key),
    variant TEXT NOT NULL,
    PRIMARY KEY (flag_key, needs_key)
);

-- Whether the first flags were made: one row.
CREATE TABLE flag_seeded (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    at BIGINT NOT NULL
);

-- Rollouts that rise in steps: [{"percentage": 5, "holdSeconds": 3600}, …].
CREATE TABLE flag_ramp (
    id UUID PRIMARY KEY,
    flag_key TEXT NOT NULL REFERENCES flag (key),
    state TEXT NOT NULL CHECK (state IN ('RUNNING', 'PAUSED', 'COMPLETED', 'CANCELLED')),
    steps TEXT NOT NULL,
    -- Place of the step that comes next, and when; a paused ramp keeps how long it still has to wait.
    next_step BIGINT NOT NULL,
    next_at BIGINT,
    wait_micros BIGINT,
    started_at BIGINT NOT NULL,
    started_by TEXT NOT NULL,
    started_by_name TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX flag_ramp_one ON flag_ramp (flag_key) WHERE state IN ('RUNNING', 'PAUSED');
CREATE INDEX flag_ramp_flag ON flag_ramp (flag_key, started_at);
CREATE INDEX flag_ramp_due ON flag_ramp (state, next_at);

-- Changes at a time.
CREATE TABLE flag_schedule (
    id UUID PRIMARY KEY,
    flag_key TEXT NOT NULL REFERENCES flag (key),
    at BIGINT NOT NULL,
    enabled BOOLEAN,
    basis_points BIGINT,
    state TEXT NOT NULL CHECK (state IN ('PENDING', 'DONE', 'FAILED', 'CANCELLED')),
    reason TEXT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    ended_at BIGINT,
    fault TEXT
);
CREATE INDEX flag_schedule_flag ON flag_schedule (flag_key, at);
CREATE INDEX flag_schedule_due ON flag_schedule (state, at);
