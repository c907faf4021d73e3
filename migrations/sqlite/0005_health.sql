-- Results of a check in one minute (minutes since 1970).
CREATE TABLE check_result_minute (
    check_id TEXT NOT NULL,
    minute INTEGER NOT NULL,
    ok INTEGER NOT NULL,
    warn INTEGER NOT NULL,
    crit INTEGER NOT NULL,
    latency_us_sum INTEGER NOT NULL,
    latency_us_max INTEGER NOT NULL,
    PRIMARY KEY (check_id, minute)
) STRICT;
CREATE INDEX check_result_minute_at ON check_result_minute (minute);

-- Whether a check is down, as it was last told: a restart tells nothing twice.
CREATE TABLE check_state (
    check_id TEXT PRIMARY KEY,
    down INTEGER NOT NULL CHECK (down IN (0, 1)),
    since INTEGER NOT NULL,
    reason TEXT
) STRICT;
