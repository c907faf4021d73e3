-- The audit trail. Times are microseconds since 1970-01-01 UTC everywhere.
CREATE TABLE audit_event (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('done', 'failed', 'intent', 'outcome', 'refused')),
    intent_seq INTEGER,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    actor_role TEXT,
    ip TEXT,
    user_agent TEXT,
    request_id TEXT,
    trace_id TEXT,
    scope TEXT NOT NULL,
    event TEXT NOT NULL,
    action TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    reason TEXT,
    severity TEXT NOT NULL,
    before TEXT,
    after TEXT,
    error TEXT,
    preview_digest TEXT,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_event_at ON audit_event (at);
CREATE INDEX audit_event_request ON audit_event (request_id);
CREATE INDEX audit_event_target ON audit_event (target_kind, target_id);

CREATE TABLE audit_checkpoint (
    size INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    head TEXT NOT NULL,
    at INTEGER NOT NULL,
    signature TEXT NOT NULL
) STRICT;

-- Intents whose outcome is not written yet.
CREATE TABLE open_intent (
    seq INTEGER PRIMARY KEY,
    lease_until INTEGER NOT NULL
) STRICT;

CREATE TABLE idempotency_key (
    actor_id TEXT NOT NULL,
    action TEXT NOT NULL,
    key TEXT NOT NULL,
    digest TEXT NOT NULL,
    at INTEGER NOT NULL,
    response TEXT,
    audit_seq INTEGER,
    PRIMARY KEY (actor_id, action, key)
) STRICT;
CREATE INDEX idempotency_key_at ON idempotency_key (at);

CREATE TABLE change_ledger (
    id BLOB PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    object_id TEXT NOT NULL,
    before TEXT,
    after TEXT,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    reason TEXT,
    undo TEXT
) STRICT;
CREATE INDEX change_ledger_at ON change_ledger (at);

CREATE TABLE event_outbox (
    id BLOB PRIMARY KEY,
    at INTEGER NOT NULL,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    claimed_until INTEGER NOT NULL,
    attempts INTEGER NOT NULL
) STRICT;
