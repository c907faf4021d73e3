-- Incidents. Times are microseconds since 1970-01-01 UTC.
CREATE TABLE incident (
    id UUID PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('SEV1', 'SEV2', 'SEV3', 'SEV4')),
    status TEXT NOT NULL CHECK (status IN ('OPEN', 'MITIGATED', 'CLOSED')),
    summary TEXT NOT NULL,
    -- The owner's name as it was when they took it.
    owner_id UUID,
    owner_name TEXT,
    started_at BIGINT NOT NULL,
    mitigated_at BIGINT,
    closed_at BIGINT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    sla_mitigate_minutes BIGINT NOT NULL,
    sla_close_minutes BIGINT NOT NULL,
    -- true: set by hand, so that another severity leaves them alone.
    sla_overridden BOOLEAN NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX incident_status ON incident (status, severity);
CREATE INDEX incident_started ON incident (started_at);
CREATE INDEX incident_mitigated ON incident (mitigated_at);
CREATE INDEX incident_closed ON incident (closed_at);

-- The last number given: a rolled-back opening gives it back, so numbers have no gaps.
CREATE TABLE incident_number (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    last BIGINT NOT NULL
);
INSERT INTO incident_number (id, last) VALUES (1, 0);

-- Affected services and tags, in the order in which they were given.
CREATE TABLE incident_label (
    incident_id UUID NOT NULL REFERENCES incident (id),
    kind TEXT NOT NULL CHECK (kind IN ('service', 'tag')),
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (incident_id, kind, position)
);
CREATE INDEX incident_label_name ON incident_label (kind, name);

-- The timeline. `version` is the incident's version after an automatic row.
CREATE TABLE incident_event (
    id UUID PRIMARY KEY,
    incident_id UUID NOT NULL REFERENCES incident (id),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('NOTE', 'ACTION', 'UPDATE', 'MITIGATION', 'IMPACT', 'ROOT_CAUSE')),
    automatic BOOLEAN NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    text TEXT NOT NULL,
    version BIGINT
);
CREATE INDEX incident_event_incident ON incident_event (incident_id, id);
