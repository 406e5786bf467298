"""The part of the archive's schema that keeps what nodes are to be set to; see schema.py."""

from __future__ import annotations

SETTINGS = """
CREATE TABLE settings_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- rises with every version of any node
    node TEXT NOT NULL,             -- name; it may not have been heard of yet
    version INTEGER NOT NULL,       -- of that node, rising
    made_ms INTEGER NOT NULL,
    user TEXT NOT NULL,             -- who
    note TEXT,                      -- why
    undoes INTEGER,                 -- the version whose content it brings back
    payload BLOB NOT NULL,          -- the document as sent, JSON
    state TEXT NOT NULL,            -- wanted, pending, trial, applied, refused, rolled_back
    state_ms INTEGER NOT NULL,      -- when the state last changed
    reason TEXT,                    -- of refused and rolled_back, for programs
    detail TEXT,                    -- the same for people
    problems TEXT,                  -- JSON list [path, message, hint]; of refused
    UNIQUE (node, version)
);
CREATE TABLE settings_applied (
    node TEXT PRIMARY KEY,
    payload BLOB NOT NULL,          -- what the node said last of its settings, as received
    received_ms INTEGER NOT NULL
) WITHOUT ROWID;
"""
