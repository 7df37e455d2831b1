-- The store, version 1. Times are seconds since 1970, booleans are 0 and 1.

-- One row a fact: schema_version, store_id, audit_key and pepper (both sealed), audit_head.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- A number is never given twice: seeds and recovery codes are bound to it.
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    password TEXT,
    password_only INTEGER NOT NULL DEFAULT 0 CHECK (password_only IN (0, 1)),
    disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created INTEGER NOT NULL
);

-- last: the step or counter used last, -1 for none; what stands in "used" counts too.
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    serial TEXT NOT NULL UNIQUE,
    user INTEGER REFERENCES users (id) ON DELETE SET NULL,
    kind TEXT NOT NULL CHECK (kind IN ('totp', 'hotp')),
    algorithm TEXT NOT NULL CHECK (algorithm IN ('sha1', 'sha256', 'sha512')),
    digits INTEGER NOT NULL CHECK (digits BETWEEN 6 AND 8),
    period INTEGER NOT NULL CHECK ((kind = 'hotp') = (period = 0)),
    seed BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'active', 'disabled', 'revoked')),
    drift INTEGER NOT NULL DEFAULT 0,
    last INTEGER NOT NULL DEFAULT -1,
    label TEXT NOT NULL DEFAULT '',
    created INTEGER NOT NULL
);

CREATE INDEX tokens_of_user ON tokens (user);

-- Appended at each login; folded into tokens.last from time to time. In the order of
-- time, so that a login writes at the end of the table.
CREATE TABLE used (
    step INTEGER NOT NULL,
    token INTEGER NOT NULL,
    PRIMARY KEY (step, token)
) WITHOUT ROWID;

CREATE TABLE failures (
    user INTEGER NOT NULL,
    factor TEXT NOT NULL CHECK (factor IN ('password', 'oath', 'recovery')),
    client TEXT NOT NULL,
    count INTEGER NOT NULL,
    last INTEGER NOT NULL,
    until INTEGER NOT NULL,
    "repeat" BLOB NOT NULL,
    PRIMARY KEY (user, factor, client)
) WITHOUT ROWID;

CREATE TABLE recovery (
    user INTEGER NOT NULL,
    code BLOB NOT NULL,
    PRIMARY KEY (user, code)
) WITHOUT ROWID;

CREATE TABLE challenges (
    state TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    user INTEGER,
    body TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE client_state (
    client TEXT NOT NULL,
    address TEXT NOT NULL,
    message_authenticator TEXT NOT NULL,
    proxy_state TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (client, address)
) WITHOUT ROWID;

-- mac: HMAC-SHA256 over the mac before and the line, so that each line holds all before it.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    line TEXT NOT NULL,
    mac BLOB NOT NULL
);
