-- How often applications ask for flags. The key `*` stands for the evaluation of all flags at once.
CREATE TABLE flag_usage (
    key TEXT PRIMARY KEY,
    evaluations INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The same by minute since 1970; an hour is kept.
CREATE TABLE flag_usage_minute (
    minute INTEGER NOT NULL,
    key TEXT NOT NULL,
    evaluations INTEGER NOT NULL,
    PRIMARY KEY (minute, key)
) STRICT, WITHOUT ROWID;

-- Keys that applications ask for and that no flag has: a misspelling, or a flag that was archived too early.
CREATE TABLE flag_unknown (
    key TEXT PRIMARY KEY,
    requests INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    last_by TEXT NOT NULL,
    last_by_name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX flag_unknown_last ON flag_unknown (last_at);
