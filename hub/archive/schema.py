"""The SQLite archive's schema. A migration, once released, is never edited; a new one is added.

Times are milliseconds since 1970 UTC (`_ms`); hashes are the 32 bytes of SHA-256.
"""

from __future__ import annotations

_FIRST = """
CREATE TABLE nodes (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,      -- also its MQTT user name
    public_key BLOB,                -- Ed25519, 32 bytes; pinned at first sight
    pinned_ms INTEGER,              -- when the key was pinned
    state TEXT,                     -- online, offline; NULL before the first status
    state_since_ms INTEGER,         -- hub's time when state or boot last changed
    version TEXT,                   -- of the node's software
    boot TEXT,                      -- boot id, 32 hexadecimal digits
    epoch TEXT,                     -- of the journal it writes now, 16 hexadecimal digits
    cameras TEXT,                   -- JSON list of camera names
    last_record_ms INTEGER,         -- hub's time of the newest archived record
    health BLOB,                    -- newest health report as received
    health_ms INTEGER               -- hub's time of its arrival
);
CREATE TABLE retired_keys (         -- of replaced boxes; their records are still proof
    node_id INTEGER NOT NULL REFERENCES nodes(id),
    public_key BLOB NOT NULL,       -- Ed25519, 32 bytes
    pinned_ms INTEGER NOT NULL,
    retired_ms INTEGER NOT NULL
);
CREATE TABLE epochs (
    id INTEGER PRIMARY KEY,         -- rises in the order in which journals were first heard of
    node_id INTEGER NOT NULL REFERENCES nodes(id),
    epoch TEXT NOT NULL,            -- 16 hexadecimal digits
    upto INTEGER NOT NULL,          -- every seq up to this one is archived
    head BLOB NOT NULL,             -- hash of record upto; zeros for none
    UNIQUE (node_id, epoch)
);
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    epoch_id INTEGER NOT NULL REFERENCES epochs(id),
    seq INTEGER NOT NULL,           -- from 1, without gaps
    prev BLOB NOT NULL,             -- hash of record seq - 1
    hash BLOB NOT NULL,             -- of payload
    type TEXT NOT NULL,             -- such as event.started
    camera TEXT,                    -- that it is about
    event TEXT,                     -- UUIDv7 that it is about
    at_ms INTEGER NOT NULL,         -- node's wall clock; its trust is in the payload
    received_ms INTEGER NOT NULL,   -- hub's wall clock
    payload BLOB NOT NULL,          -- exactly as received
    sig BLOB NOT NULL,              -- Ed25519 over payload, 64 bytes
    UNIQUE (epoch_id, seq)
);
CREATE INDEX records_by_event ON records (event) WHERE event IS NOT NULL;
CREATE TABLE events (
    id INTEGER PRIMARY KEY,         -- the archive's own number, second part of a page key
    change INTEGER NOT NULL,        -- rises with every change to any event
    event TEXT NOT NULL,            -- UUIDv7 made by the node
    node_id INTEGER NOT NULL REFERENCES nodes(id),
    camera TEXT NOT NULL,
    kind TEXT,                      -- NULL until its start or end is archived
    rank INTEGER NOT NULL,          -- 0 guessed from a part, 1 started, 2 ended
    source_epoch TEXT NOT NULL,     -- the record that decided the facts below
    source_seq INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,    -- node's wall clock
    ended_ms INTEGER,               -- node's wall clock; NULL while open
    duration_ms INTEGER,            -- on the node's monotonic clock; NULL while open
    reason TEXT,                    -- why it ended
    fault TEXT,                     -- why a clip is missing or short
    score REAL,                     -- 0 to 1
    zones TEXT NOT NULL,            -- JSON list, sorted
    parts INTEGER NOT NULL,         -- clips it has, as far as known
    UNIQUE (event, node_id)
);
CREATE INDEX events_by_time ON events (started_ms, id);
CREATE INDEX events_by_node ON events (node_id, started_ms, id);
CREATE INDEX events_by_camera ON events (camera, started_ms, id);
CREATE INDEX events_by_change ON events (change);
CREATE TABLE event_zones (
    zone TEXT NOT NULL,
    started_ms INTEGER NOT NULL,    -- of the event, so that a zone's events page by time
    event_id INTEGER NOT NULL REFERENCES events(id),
    PRIMARY KEY (zone, started_ms, event_id)
) WITHOUT ROWID;
CREATE TABLE clips (
    event_id INTEGER NOT NULL REFERENCES events(id),
    node_id INTEGER NOT NULL,       -- of the event
    part INTEGER NOT NULL,
    hash BLOB NOT NULL,             -- of the file
    epoch_id INTEGER NOT NULL,      -- the record that announced it
    seq INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    codec TEXT NOT NULL,            -- h264, hevc
    width INTEGER NOT NULL,         -- pixels
    height INTEGER NOT NULL,        -- pixels
    starts_ms INTEGER NOT NULL,     -- node's wall clock
    pre_roll_ms INTEGER NOT NULL,
    stored_ms INTEGER,              -- hub's time when verified and kept; NULL until then
    PRIMARY KEY (event_id, part, hash)
) WITHOUT ROWID;
CREATE INDEX clips_by_stored ON clips (node_id, stored_ms) WHERE stored_ms IS NOT NULL;
CREATE TABLE snapshots (
    event_id INTEGER NOT NULL REFERENCES events(id),
    node_id INTEGER NOT NULL,       -- of the event
    hash BLOB NOT NULL,             -- of the JPEG
    epoch_id INTEGER NOT NULL,      -- the record that announced it last
    seq INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    width INTEGER NOT NULL,         -- pixels
    height INTEGER NOT NULL,        -- pixels
    taken_ms INTEGER NOT NULL,      -- node's wall clock
    box TEXT,                       -- JSON [left, top, width, height], 0 to 1
    stored_ms INTEGER,              -- hub's time when kept; NULL until then
    PRIMARY KEY (event_id, hash)
) WITHOUT ROWID;
CREATE INDEX snapshots_by_stored ON snapshots (node_id, stored_ms) WHERE stored_ms IS NOT NULL;
CREATE TABLE camera_pictures (
    node_id INTEGER NOT NULL REFERENCES nodes(id),
    camera TEXT NOT NULL,
    event_id INTEGER NOT NULL,      -- newest stored snapshot, by (epoch_id, seq)
    hash BLOB NOT NULL,
    epoch_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (node_id, camera)
) WITHOUT ROWID;
CREATE TABLE credentials (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,             -- node, reader
    secret_hash BLOB NOT NULL,      -- SHA-256 of a 256-bit random secret
    mqtt_hash TEXT NOT NULL,        -- as the broker's password file has it
    added_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE counters (
    counter TEXT NOT NULL,          -- such as refused.signature, alarm.conflict
    node TEXT NOT NULL,             -- empty for none
    count INTEGER NOT NULL,
    PRIMARY KEY (counter, node)
) WITHOUT ROWID;
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    received_ms INTEGER NOT NULL,
    topic TEXT NOT NULL,
    node TEXT NOT NULL,             -- from the topic; empty for none
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,    -- of the whole payload
    payload BLOB NOT NULL           -- its beginning
);
"""

MIGRATIONS = (_FIRST,)
