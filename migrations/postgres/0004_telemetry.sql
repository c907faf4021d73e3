-- Figures of endpoints: one row per grain (1 service and minute, 2 endpoint and minute, 3 service and hour, 4 endpoint and hour), begin,
-- endpoint and writing process. `kind` is OTLP's SpanKind (2 SERVER, 5 CONSUMER); `sketch` is a DDSketch of milliseconds in its binary form.
CREATE TABLE endpoint_rollup (
    grain BIGINT NOT NULL CHECK (grain BETWEEN 1 AND 4),
    start_at BIGINT NOT NULL,
    service TEXT NOT NULL,
    kind BIGINT NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    instance UUID NOT NULL,
    requests BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    sketch BYTEA NOT NULL,
    PRIMARY KEY (grain, start_at, service, kind, route, method, instance)
);

-- Log records. The id begins with the record's time (UUIDv7), so that its order is the order of time, and ends with a digest of the record, so
-- that a batch that is sent twice is stored once. `severity` is OTLP's SeverityNumber (1 to 24, 0 unknown).
CREATE TABLE log_record (
    id UUID PRIMARY KEY,
    at BIGINT NOT NULL,
    service TEXT NOT NULL,
    severity BIGINT NOT NULL,
    severity_text TEXT NOT NULL,
    body TEXT NOT NULL,
    truncated BOOLEAN NOT NULL,
    trace_id TEXT,
    span_id TEXT,
    attributes JSONB NOT NULL
);
CREATE INDEX log_record_warning ON log_record (service, id) WHERE severity >= 13;
