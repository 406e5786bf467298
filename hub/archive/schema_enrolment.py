"""The part of the archive's schema that keeps how nodes join; see schema.py."""

from __future__ import annotations

ENROLMENT = """
CREATE TABLE enrolments (
    token_hash BLOB PRIMARY KEY,    -- SHA-256 of the token's 256 random bits
    node TEXT NOT NULL,             -- whom it is for
    made_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    used_ms INTEGER,                -- when a box redeemed it first
    public_key BLOB,                -- of that box, Ed25519, 32 bytes
    closed_ms INTEGER,              -- NULL while it may be redeemed
    closed_by TEXT                  -- newer, revoked
) WITHOUT ROWID;
CREATE INDEX enrolments_by_node ON enrolments (node, made_ms);
CREATE TABLE node_cameras (
    node TEXT PRIMARY KEY,
    sealed BLOB NOT NULL            -- what its node file says of cameras, sealed with the hub's key
) WITHOUT ROWID;
ALTER TABLE nodes ADD COLUMN enrolled_ms INTEGER; -- when its box redeemed a token; NULL: none did
ALTER TABLE nodes ADD COLUMN revoked_ms INTEGER;  -- when it was shut out; NULL while it is not
INSERT INTO meta (key, value) VALUES ('accounts', '1'); -- rises with every change of credentials
"""
