-- Figures of endpoints: one row per grain (1 service and minute, 2 endpoint and minute, 3 service and hour, 4 endpoint and hour), begin,
-- endpoint and writing process. `kind` is OTLP's SpanKind (2 SERVER, 5 CONSUMER); `sketch` is a DDSketch of milliseconds in its binary form.
CREATE TABLE endpoint_rollup (
    grain INTEGER NOT NULL CHECK (grain BETWEEN 1 AND 4),
    start_at INTEGER NOT NULL,
    service TEXT NOT NULL,
    kind INTEGER NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    instance BLOB NOT NULL,
    requests INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    sketch BLOB NOT NULL,
    PRIMARY KEY (grain, start_at, service, kind, route, method, instance)
) STRICT, WITHOUT ROWID;

-- Log records. The id begins with the record's time (UUIDv7), so that its order is the order of time, and ends with a digest of the record, so
-- that a batch that is sent twice is stored once. `severity` is OTLP's SeverityNumber (1 to 24, 0 unknown).
CREATE TABLE log_record (
    id BLOB PRIMARY KEY,
    at INTEGER NOT NULL,
    service TEXT NOT NULL,
    severity INTEGER NOT NULL,
    severity_text TEXT NOT NULL,
    body TEXT NOT NULL,
    truncated INTEGER NOT NULL CHECK (truncated IN (0, 1)),
    trace_id TEXT,
    span_id TEXT,
    attributes TEXT NOT NULL CHECK (json_valid(attributes))
) STRICT;
CREATE INDEX log_record_warning ON log_record (service, id) WHERE severity >= 13;
