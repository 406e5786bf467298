"""The part of the archive's schema that keeps who may look at it, and who did; see schema.py."""

from __future__ import annotations

# Secrets are kept as hashes only.
PEOPLE = """
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
    name TEXT NOT NULL UNIQUE,      -- typed at log-in; lower case
    full_name TEXT NOT NULL,        -- for people; may be empty
    role TEXT NOT NULL,             -- viewer, operator, administrator
    scope TEXT,                     -- JSON {areas, organisations}, lists of codes; NULL: everything
    language TEXT,                  -- vi, en; NULL as the browser asks
    password_hash TEXT,             -- argon2id, PHC string; NULL before one was chosen
    added_ms INTEGER NOT NULL,
    password_ms INTEGER,            -- when the password was set
    disabled_ms INTEGER             -- NULL while the user may log in
);
CREATE TABLE sessions (
    digest BLOB PRIMARY KEY,        -- SHA-256 of the cookie's 256 random bits
    user_id INTEGER NOT NULL REFERENCES users(id),
    begun_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,       -- last used, to within a minute
    ends_ms INTEGER NOT NULL,       -- at the latest
    address TEXT NOT NULL,          -- IP address of the log-in
    agent TEXT NOT NULL             -- the browser, as it names itself
) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id, begun_ms);
CREATE TABLE user_addresses (
    user_id INTEGER NOT NULL REFERENCES users(id),
    address TEXT NOT NULL,          -- IP address of a log-in that succeeded
    seen_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, address)
) WITHOUT ROWID;
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,    -- SHA-256 of 256 random bits
    user_id INTEGER NOT NULL REFERENCES users(id),
    name TEXT NOT NULL,             -- what it is for
    role TEXT NOT NULL,             -- at most this; never more than its user's
    scope TEXT,                     -- JSON, as of users; never more than its user's
    added_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    revoked_ms INTEGER,             -- NULL while it lives
    used_ms INTEGER                 -- last used, to within a minute
);
CREATE INDEX tokens_by_user ON tokens (user_id);
CREATE TABLE invitations (
    digest BLOB PRIMARY KEY,        -- SHA-256 of the link's 256 random bits
    user_id INTEGER UNIQUE REFERENCES users(id), -- NULL: for the first administrator
    expires_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,        -- from 1, without gaps
    hash BLOB NOT NULL,             -- of payload
    payload BLOB NOT NULL,          -- JSON; names seq and the hash before it
    at_ms INTEGER NOT NULL,         -- of the payload, like the columns below; for searching
    user TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    outcome TEXT NOT NULL           -- done, refused
);
CREATE INDEX audit_by_user ON audit (user, seq);
CREATE INDEX audit_by_action ON audit (action, seq);
CREATE INDEX audit_by_target ON audit (target, seq) WHERE target != '';
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
"""
