-- Accounts. Times are microseconds since 1970-01-01 UTC.
CREATE TABLE user_account (
    id UUID PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('SUPER_ADMIN', 'ADMIN', 'STAFF_ADMIN', 'AUDITOR')),
    -- Argon2id in PHC form. NULL: no password yet, sign-in by one-time link only.
    password_hash TEXT,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    last_sign_in_at BIGINT
);

-- Signed-in browsers. `token_hash` is the SHA-256 of the cookie.
CREATE TABLE user_session (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES user_account (id),
    token_hash BYTEA NOT NULL UNIQUE,
    by_link BOOLEAN NOT NULL,
    user_agent TEXT,
    ip TEXT,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX user_session_user ON user_session (user_id);
CREATE INDEX user_session_expires ON user_session (expires_at);
CREATE INDEX user_session_seen ON user_session (seen_at);

-- One-time sign-in links.
CREATE TABLE sign_in_ticket (
    token_hash BYTEA PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES user_account (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX sign_in_ticket_user ON sign_in_ticket (user_id);
CREATE INDEX sign_in_ticket_expires ON sign_in_ticket (expires_at);

-- Tries to sign in, per account that was typed, known or not. `key` is a keyed hash of the email.
CREATE TABLE login_attempt (
    key BYTEA PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);
CREATE INDEX login_attempt_last ON login_attempt (last_at);

-- The one random key of `login_attempt.key`.
CREATE TABLE identity_key (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    secret BYTEA NOT NULL
);

-- Machines. `token_hash` is the SHA-256 of the whole token, `hint` its last four characters.
CREATE TABLE api_token (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX api_token_created ON api_token (created_at);
