-- The revision of what applications obey: flags and maintenance.
CREATE TABLE published (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO published (id, revision) VALUES (1, 1);
