-- How often applications ask for flags. The key `*` stands for the evaluation of all flags at once.
CREATE TABLE flag_usage (
    key TEXT PRIMARY KEY,
    evaluations BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);

-- The same by minute since 1970; an hour is kept.
CREATE TABLE flag_usage_minute (
    minute BIGINT NOT NULL,
    key TEXT NOT NULL,
    evaluations BIGINT NOT NULL,
    PRIMARY KEY (minute, key)
);

-- Keys that applications ask for and that no flag has: a misspelling, or a flag that was archived too early.
CREATE TABLE flag_unknown (
    key TEXT PRIMARY KEY,
    requests BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    last_by TEXT NOT NULL,
    last_by_name TEXT NOT NULL
);
CREATE INDEX flag_unknown_last ON flag_unknown (last_at);
