-- The store, version 4: devices that are no OATH tokens, and calls to people.

-- As before, and of other kinds. seed: of a YubiKey its private id and key, or nothing where a service
-- checks it; of 'sms', 'voice', 'email' the number or address; of 'question' the question and a hash.
-- algorithm, digits and period are OATH's alone. serial of a YubiKey: its public id.
CREATE TABLE tokens_4 (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    serial TEXT NOT NULL UNIQUE,
    user INTEGER REFERENCES users (id) ON DELETE SET NULL,
    kind TEXT NOT NULL
        CHECK (kind IN ('totp', 'hotp', 'yubikey', 'sms', 'voice', 'email', 'question')),
    algorithm TEXT NOT NULL CHECK (algorithm IN ('', 'sha1', 'sha256', 'sha512')),
    digits INTEGER NOT NULL CHECK (digits BETWEEN 0 AND 8),
    period INTEGER NOT NULL CHECK ((kind = 'totp') = (period > 0)),
    seed BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'active', 'disabled', 'revoked')),
    drift INTEGER NOT NULL DEFAULT 0,
    last INTEGER NOT NULL DEFAULT -1,
    label TEXT NOT NULL DEFAULT '',
    created INTEGER NOT NULL,
    CHECK ((kind IN ('totp', 'hotp')) = (digits >= 6 AND algorithm != ''))
);

-- A number that was given once is never given again, not by this step either.
INSERT INTO sqlite_sequence (name, seq)
    SELECT 'tokens_4', seq FROM sqlite_sequence WHERE name = 'tokens';

INSERT INTO tokens_4
    SELECT id, serial, user, kind, algorithm, digits, period, seed, status, drift, last, label, created
    FROM tokens;

DROP TABLE tokens;

ALTER TABLE tokens_4 RENAME TO tokens;

CREATE INDEX tokens_of_user ON tokens (user);

-- Whom a service called, or sent something. id: by chance, as each node makes its own. user: below zero, somebody without a row in "users".
-- target: keyed digest of the destination. place: keyed digest of the login. state: sealed, what it
-- takes to go on with it until "expires"; '' when nothing can be. result: 'open', 'sent', 'passed',
-- 'refused', 'fraud' or 'ended'.
CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL,
    user INTEGER NOT NULL,
    way TEXT NOT NULL,
    target BLOB NOT NULL,
    place BLOB NOT NULL,
    state BLOB NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    result TEXT NOT NULL
);

CREATE INDEX calls_of_user ON calls (user);

CREATE INDEX calls_by_time ON calls (created);

-- waits: seconds from a client's first try until it was seen to have given up; pause: between its first
-- tries. tries: how many; 0: nothing is known.
ALTER TABLE client_state ADD COLUMN waits REAL NOT NULL DEFAULT 0;

ALTER TABLE client_state ADD COLUMN pause REAL NOT NULL DEFAULT 0;

ALTER TABLE client_state ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
