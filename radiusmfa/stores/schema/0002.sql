-- The store, version 2: people whom an upstream knows.

-- Who is assigned to which upstream, and their name there; empty: the name that they type.
CREATE TABLE upstream_users (
    user INTEGER NOT NULL,
    upstream TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (user, upstream)
) WITHOUT ROWID;

-- As before, and what an upstream refused counts too.
CREATE TABLE failures_2 (
    user INTEGER NOT NULL,
    factor TEXT NOT NULL CHECK (factor IN ('password', 'oath', 'recovery', 'upstream')),
    client TEXT NOT NULL,
    count INTEGER NOT NULL,
    last INTEGER NOT NULL,
    until INTEGER NOT NULL,
    "repeat" BLOB NOT NULL,
    PRIMARY KEY (user, factor, client)
) WITHOUT ROWID;

INSERT INTO failures_2 SELECT user, factor, client, count, last, until, "repeat" FROM failures;

DROP TABLE failures;

ALTER TABLE failures_2 RENAME TO failures;
