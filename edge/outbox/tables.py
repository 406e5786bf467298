"""The journal's SQLite schema, as numbered migrations, and the check sums of its rows.

SQLite's pages carry no check sums, so rows that no signature covers carry their own.
"""

from __future__ import annotations

import hashlib
import sqlite3

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
    """
    ALTER TABLE journal ADD COLUMN sum TEXT;       -- over the columns above; NULL: never written
    ALTER TABLE journal ADD COLUMN is_clean INTEGER NOT NULL DEFAULT 0;  -- closed in good order
    ALTER TABLE records ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;  -- 0 ordinary, more: first
    ALTER TABLE records ADD COLUMN sum TEXT;       -- over all but payload; NULL: before schema 2
    ALTER TABLE files ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;    -- of its record
    ALTER TABLE files ADD COLUMN sum TEXT;         -- over the columns above; NULL: before schema 2
    ALTER TABLE open_events ADD COLUMN updated BLOB;  -- payload of its newest event.updated
    ALTER TABLE open_events ADD COLUMN sum TEXT;   -- over the columns above; NULL: before schema 2
    DROP INDEX files_by_kind;
    CREATE INDEX files_in_turn ON files (kind, priority DESC, seq);
    CREATE INDEX records_urgent ON records (seq) WHERE priority > 0;
    CREATE INDEX records_acked ON records (seq) WHERE is_acked;
    CREATE TABLE gaps (                  -- own records that were given up unacknowledged
        first_seq INTEGER PRIMARY KEY,
        last_seq INTEGER NOT NULL,
        cause TEXT NOT NULL,             -- quota or storage
        declared_seq INTEGER             -- the journal.gap record that says so
    );
    CREATE TABLE salvaged (              -- damaged journals whose rest was appended here again
        name TEXT PRIMARY KEY,           -- of the file moved aside, in this folder
        after_seq INTEGER NOT NULL,      -- its records up to this seq were taken over
        is_done INTEGER NOT NULL
    );
    """,
)

# The oldest schema whose software may go on with a file of the newest: what an update that is taken
# back leaves behind. A step to a schema that raises this is never taken on trial, so it needs a
# release before it which knows both (docs/design/updates.md).
USABLE_FROM = 2

RECORD_SUM = "row_sum(seq, sig, hash, type, boot, mono_ns, is_acked, priority)"
FILE_SUM = "row_sum(name, kind, event, part, sha256, size_bytes, seq, upload, priority)"
EVENT_SUM = "row_sum(event, camera, payload, updated)"


def row_sum(*values: object) -> str:
    """16 hexadecimal digits that show whether a row's values are what was written."""
    text = "\n".join(each.hex() if isinstance(each, bytes) else str(each) for each in values)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def add_row_sum(db: sqlite3.Connection) -> None:
    """Let statements on `db` use `row_sum`."""
    db.create_function("row_sum", -1, row_sum, deterministic=True)
