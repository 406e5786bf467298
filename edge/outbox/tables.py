"""The journal's SQLite schema, as numbered migrations."""

from __future__ import annotations

MIGRATIONS = (
    """
    CREATE TABLE journal (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        epoch TEXT NOT NULL,             -- 16 hexadecimal digits, random, made with this file
        last_seq INTEGER NOT NULL,       -- of the newest record ever appended, 0 for none
        last_hash TEXT NOT NULL,         -- SHA-256 of its payload, the next record's prev
        acked_seq INTEGER NOT NULL,      -- every record up to this one is in the hub's archive
        acked_hash TEXT NOT NULL         -- SHA-256 of that record's payload
    );
    CREATE TABLE records (
        seq INTEGER PRIMARY KEY,
        payload BLOB NOT NULL,           -- the exact bytes that were hashed and signed
        sig BLOB NOT NULL,               -- Ed25519 over payload, 64 bytes
        hash TEXT NOT NULL,              -- SHA-256 of payload, hexadecimal
        type TEXT NOT NULL,
        boot TEXT NOT NULL,              -- the boot that mono_ns counts from
        mono_ns INTEGER NOT NULL,        -- when it was appended, nanoseconds since boot
        is_acked INTEGER NOT NULL DEFAULT 0  -- the hub has it, but not yet all before it
    );
    CREATE TABLE files (
        name TEXT PRIMARY KEY,           -- in the spool folder
        kind TEXT NOT NULL CHECK (kind IN ('clip', 'snapshot')),
        event TEXT NOT NULL,
        part INTEGER,                    -- of a clip
        sha256 TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        seq INTEGER NOT NULL,            -- the record that announces it
        upload TEXT                      -- where a begun upload goes on
    );
    CREATE INDEX files_by_kind ON files (kind, seq);
    CREATE TABLE open_events (
        event TEXT PRIMARY KEY,          -- started and not yet ended
        camera TEXT NOT NULL,
        payload BLOB NOT NULL            -- of its event.started record
    );
    """,
)
