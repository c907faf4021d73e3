-- The revision of what applications obey: flags and maintenance.
CREATE TABLE published (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    revision BIGINT NOT NULL
);
INSERT INTO published (id, revision) VALUES (1, 1);
