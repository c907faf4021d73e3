-- Results of a check in one minute (minutes since 1970).
CREATE TABLE check_result_minute (
    check_id TEXT NOT NULL,
    minute BIGINT NOT NULL,
    ok BIGINT NOT NULL,
    warn BIGINT NOT NULL,
    crit BIGINT NOT NULL,
    latency_us_sum BIGINT NOT NULL,
    latency_us_max BIGINT NOT NULL,
    PRIMARY KEY (check_id, minute)
);
CREATE INDEX check_result_minute_at ON check_result_minute (minute);

-- Whether a check is down, as it was last told: a restart tells nothing twice.
CREATE TABLE check_state (
    check_id TEXT PRIMARY KEY,
    down BOOLEAN NOT NULL,
    since BIGINT NOT NULL,
    reason TEXT
);
