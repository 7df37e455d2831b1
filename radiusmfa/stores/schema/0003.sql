-- The store, version 3: other names and groups of people, approvals, factors that are remembered.

-- What else a person is called: no alias is a user's own name.
CREATE TABLE aliases (
    alias TEXT PRIMARY KEY,
    user INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX aliases_of_user ON aliases (user);

-- Groups that the store knows, besides those of a directory.
CREATE TABLE user_groups (
    user INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (user, name)
) WITHOUT ROWID;

-- Who may what until when, who said so, and why. By name: people of a directory need no row in "users".
-- second_by: the other person, where two are asked for; '' until then. revoked_by: '' until then.
-- ended: it was seen to be past "until", so that a clock that is set back does not revive it.
CREATE TABLE approvals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    approval TEXT NOT NULL,
    user TEXT NOT NULL,
    why TEXT NOT NULL,
    granted_by TEXT NOT NULL,
    created INTEGER NOT NULL,
    until INTEGER NOT NULL,
    second_by TEXT NOT NULL DEFAULT '',
    revoked_by TEXT NOT NULL DEFAULT '',
    revoked INTEGER NOT NULL DEFAULT 0,
    ended INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1))
);

CREATE INDEX approvals_of_user ON approvals (user, approval);

CREATE INDEX approvals_open ON approvals (until) WHERE ended = 0;

-- Second factors that were passed. mac: keyed, over all that must be the same.
-- user: below zero, somebody without a row in "users"; name: what the person is called.
CREATE TABLE remembered (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    mac BLOB NOT NULL UNIQUE,
    user INTEGER NOT NULL,
    name TEXT NOT NULL,
    policy TEXT NOT NULL,
    client TEXT NOT NULL,
    station TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
);

CREATE INDEX remembered_of_user ON remembered (user);

CREATE INDEX remembered_until ON remembered (expires);
