CREATE TABLE item (
    id    BLOB    NOT NULL PRIMARY KEY,
    name  TEXT    NOT NULL UNIQUE,
    owner BLOB    REFERENCES item (id),
    a     INTEGER,
    b     INTEGER,
    CONSTRAINT item_a_check CHECK (a < 1000000),
    UNIQUE (a, b)
) STRICT;
CREATE TABLE everything (
    id BLOB    NOT NULL PRIMARY KEY,
    b  INTEGER CHECK (b IN (0, 1)),
    i  INTEGER,
    f  REAL,
    t  TEXT,
    x  BLOB,
    j  TEXT    CHECK (json_valid(j))
) STRICT;
