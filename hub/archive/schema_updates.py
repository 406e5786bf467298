"""The part of the archive's schema that keeps releases and their roll-outs; see schema.py."""

from __future__ import annotations

UPDATES = """
CREATE TABLE release_keys (         -- of makers whose releases this hub passes on
    public_key TEXT PRIMARY KEY,    -- Ed25519, base64
    name TEXT NOT NULL,             -- whose, for people
    added_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE releases (
    version TEXT PRIMARY KEY,
    manifest BLOB NOT NULL,         -- as its maker signed it
    signature BLOB NOT NULL,        -- Ed25519, 64 bytes
    maker TEXT NOT NULL,            -- name of the key that verified it
    added_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE update_groups (        -- nodes that are updated together, such as canaries
    name TEXT NOT NULL,
    node TEXT NOT NULL,
    PRIMARY KEY (name, node)
) WITHOUT ROWID;
CREATE TABLE rollouts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version TEXT NOT NULL REFERENCES releases(version),
    stages TEXT NOT NULL,           -- JSON list [title, list of nodes]
    stage INTEGER NOT NULL,         -- the one under way, from 0
    state TEXT NOT NULL,            -- running, paused, stopped, aborted, done
    reason TEXT,                    -- why it is stopped, for people
    healthy_ms INTEGER NOT NULL,    -- how long a stage has to be well before the next
    may_be_older INTEGER NOT NULL,
    passed_over TEXT NOT NULL,      -- JSON list of nodes whose failure was seen and accepted
    user TEXT NOT NULL,             -- who began it
    begun_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL     -- when stage or state changed last
);
CREATE TABLE update_orders (        -- the newest to each node
    node TEXT PRIMARY KEY,
    number INTEGER NOT NULL,        -- rises with each order to the node
    rollout INTEGER REFERENCES rollouts(id),
    version TEXT,                   -- NULL: an order is called back
    payload BLOB NOT NULL,          -- as it is sent
    ordered_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE update_states (        -- what each node said last
    node TEXT PRIMARY KEY,
    payload BLOB NOT NULL,          -- as received
    since_ms INTEGER NOT NULL,      -- when it began to say this stage of this order
    said_ms INTEGER NOT NULL
) WITHOUT ROWID;
"""
