CREATE TABLE item (
    id    UUID   NOT NULL PRIMARY KEY,
    name  TEXT   NOT NULL UNIQUE,
    owner UUID   REFERENCES item (id),
    a     BIGINT,
    b     BIGINT,
    CONSTRAINT item_a_check CHECK (a < 1000000),
    UNIQUE (a, b)
);
CREATE TABLE everything (
    id UUID    NOT NULL PRIMARY KEY,
    b  BOOLEAN,
    i  BIGINT,
    f  DOUBLE PRECISION,
    t  TEXT,
    x  BYTEA,
    j  JSONB
);
