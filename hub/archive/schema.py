"""The SQLite archive's schema. A migration, once released, is never edited; a new one is added.

Times are milliseconds since 1970 UTC (`_ms`); hashes are the 32 bytes of SHA-256.
"""

from __future__ import annotations

from hub.archive.schema_enrolment import ENROLMENT
from hub.archive.schema_health import HEALTH
from hub.archive.schema_people import PEOPLE
from hub.archive.schema_search import HOURS, LONGEST, SEARCH
from hub.archive.schema_settings import SETTINGS
from hub.archive.schema_updates import UPDATES

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

# What explains absences: gaps in journals, lost files, clocks that were not set, unwatched time.
# From here on events.started_ms and ended_ms are best known times; what the node claimed is in
# claimed_ms and ended_claimed_ms. The new columns are filled by hub/archive/upgrade.py.
_SECOND = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,           -- derived: version of what upgrade.py made from the records
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE gaps (
    id INTEGER PRIMARY KEY,
    node_id INTEGER NOT NULL REFERENCES nodes(id),
    lost_epoch TEXT NOT NULL,       -- journal of the lost records; may be one never heard of
    first_seq INTEGER NOT NULL,
    last_seq INTEGER,               -- NULL where the node cannot know
    cause TEXT NOT NULL,            -- corrupt, quota, storage
    detail TEXT,                    -- for people
    epoch_id INTEGER NOT NULL,      -- the record that tells of the gap
    seq INTEGER NOT NULL,
    told_ms INTEGER NOT NULL,       -- hub's time of that record
    UNIQUE (epoch_id, seq)
);
CREATE INDEX gaps_by_journal ON gaps (node_id, lost_epoch);
CREATE TABLE dropped_files (
    epoch_id INTEGER NOT NULL,      -- the record that tells of the loss
    seq INTEGER NOT NULL,
    node_id INTEGER NOT NULL REFERENCES nodes(id),
    hash BLOB NOT NULL,             -- of the file
    event TEXT,                     -- UUIDv7; NULL when the record names none
    kind TEXT NOT NULL,             -- clip, snapshot
    part INTEGER,                   -- of a clip
    size_bytes INTEGER NOT NULL,
    cause TEXT NOT NULL,            -- quota, missing
    told_ms INTEGER NOT NULL,       -- hub's time of that record
    PRIMARY KEY (epoch_id, seq)
) WITHOUT ROWID;
CREATE INDEX dropped_files_by_hash ON dropped_files (node_id, hash);
CREATE TABLE boots (
    id INTEGER PRIMARY KEY,
    node_id INTEGER NOT NULL REFERENCES nodes(id),
    boot TEXT NOT NULL,             -- 32 hexadecimal digits
    anchor_rank INTEGER,            -- of the moment below: 3 synced, 2 stepped, 1 holdover
    anchor_mono_ns INTEGER,         -- a moment whose true time is known, nanoseconds since boot
    anchor_ms INTEGER,              -- the same moment, wall time
    anchor_error_ms INTEGER,        -- as the node estimates; NULL unknown
    latest_zero_ms INTEGER NOT NULL, -- the boot began then or earlier: least receipt - mono
    known_ms INTEGER,               -- it still ran then: trusted time, or receipt while online
    first_epoch_id INTEGER NOT NULL, -- its first archived record; orders the boots of a node
    first_seq INTEGER NOT NULL,
    placed_ms INTEGER NOT NULL,     -- hub's time when its rows were placed last
    UNIQUE (node_id, boot)
);
ALTER TABLE events ADD COLUMN start_rank INTEGER;       -- the record that decided the start
ALTER TABLE events ADD COLUMN start_epoch TEXT;
ALTER TABLE events ADD COLUMN start_seq INTEGER;
ALTER TABLE events ADD COLUMN boot_id INTEGER;          -- that record's boot
ALTER TABLE events ADD COLUMN clock TEXT;               -- its clock: synced, holdover, unsynced
ALTER TABLE events ADD COLUMN clock_error_ms INTEGER;   -- its clock's error; NULL unknown
ALTER TABLE events ADD COLUMN claimed_ms INTEGER;       -- start by the node's wall clock
ALTER TABLE events ADD COLUMN mono_ns INTEGER;          -- start, nanoseconds since boot
ALTER TABLE events ADD COLUMN told_ms INTEGER;          -- start by that record's set clock, if any
ALTER TABLE events ADD COLUMN error_ms INTEGER;         -- of started_ms; NULL unknown
ALTER TABLE events ADD COLUMN ended_claimed_ms INTEGER; -- end by the node's wall clock
ALTER TABLE events ADD COLUMN ended_mono_ns INTEGER;    -- end, nanoseconds since boot
ALTER TABLE events ADD COLUMN placed TEXT;              -- claimed, corrected, bounded
CREATE INDEX clips_waiting ON clips (node_id) WHERE stored_ms IS NULL;
CREATE INDEX snapshots_waiting ON snapshots (node_id) WHERE stored_ms IS NULL;
CREATE INDEX events_unsynced ON events (boot_id) WHERE clock = 'unsynced';
CREATE TABLE spans (
    node_id INTEGER NOT NULL REFERENCES nodes(id),
    camera TEXT NOT NULL,
    from_ms INTEGER NOT NULL,       -- best known time
    epoch_id INTEGER NOT NULL,      -- the record that accounts for it
    seq INTEGER NOT NULL,
    number INTEGER NOT NULL,        -- within that record
    to_ms INTEGER NOT NULL,         -- best known time
    state TEXT NOT NULL,            -- watched, blind
    cause TEXT,                     -- why blind
    detail TEXT,                    -- for people
    boot_id INTEGER NOT NULL,
    from_mono_ns INTEGER NOT NULL,  -- nanoseconds since boot
    to_mono_ns INTEGER NOT NULL,
    clock TEXT NOT NULL,            -- of the record: synced, holdover, unsynced
    placed TEXT NOT NULL,           -- claimed, corrected, bounded
    PRIMARY KEY (node_id, camera, from_ms, epoch_id, seq, number)
) WITHOUT ROWID;
CREATE INDEX spans_unsynced ON spans (boot_id) WHERE clock = 'unsynced';
"""

# What people make of events.
_THIRD = """
ALTER TABLE events ADD COLUMN mark TEXT NOT NULL DEFAULT 'new'; -- new, seen, confirmed, false_alarm
CREATE TABLE remarks (
    id INTEGER PRIMARY KEY,         -- rises in the order in which they were made
    event_id INTEGER NOT NULL REFERENCES events(id),
    user TEXT NOT NULL,             -- who; a name, also of one who is gone since
    at_ms INTEGER NOT NULL,         -- hub's time
    mark TEXT,                      -- the event's from then on; NULL leaves it
    note TEXT                       -- NULL for none
);
CREATE INDEX remarks_by_event ON remarks (event_id, id);
"""

# What a model on the node took events for.
_FOURTH = """
ALTER TABLE events ADD COLUMN labels TEXT;       -- JSON list [label, confidence 0 to 1, box, ms]
ALTER TABLE events ADD COLUMN labels_epoch TEXT; -- the record that decided them; NULL: not looked
ALTER TABLE events ADD COLUMN labels_seq INTEGER;
CREATE TABLE event_labels (
    label TEXT NOT NULL,            -- such as person
    started_ms INTEGER NOT NULL,    -- of the event, so that a label's events page by time
    event_id INTEGER NOT NULL REFERENCES events(id),
    confidence REAL NOT NULL,       -- 0 to 1
    PRIMARY KEY (label, started_ms, event_id)
) WITHOUT ROWID;
"""

# Where cameras are and whose. An event's camera is known by a number from here on.
_FIFTH = """
CREATE TABLE areas (
    code TEXT PRIMARY KEY,          -- short, never changed
    kind TEXT NOT NULL,             -- town, group, cluster, household
    name TEXT NOT NULL,
    parent TEXT REFERENCES areas(code) DEFERRABLE INITIALLY DEFERRED,
    from_day TEXT,                  -- first day, such as 2026-01-31; NULL always was
    until_day TEXT,                 -- the day after its last; NULL still is
    into_code TEXT REFERENCES areas(code) DEFERRABLE INITIALLY DEFERRED -- what it became part of
) WITHOUT ROWID;
CREATE TABLE organisations (
    code TEXT PRIMARY KEY,          -- short, never changed
    name TEXT NOT NULL,
    type TEXT NOT NULL,             -- agency, firm, school, association, other
    contact TEXT NOT NULL,          -- a person's name; empty for none, as below
    phone TEXT NOT NULL,
    email TEXT NOT NULL,
    note TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE plans (
    code TEXT PRIMARY KEY,          -- short, never changed
    name TEXT NOT NULL,
    area TEXT REFERENCES areas(code) DEFERRABLE INITIALLY DEFERRED,
    hash BLOB NOT NULL,             -- of the picture, which is kept in a file
    media_type TEXT NOT NULL,       -- image/png, image/jpeg
    width INTEGER NOT NULL,         -- pixels
    height INTEGER NOT NULL         -- pixels
) WITHOUT ROWID;
CREATE TABLE cameras (
    id INTEGER PRIMARY KEY,
    node TEXT NOT NULL,             -- name of its node, which may not have been heard of yet
    name TEXT NOT NULL,             -- as in records
    title TEXT NOT NULL DEFAULT '', -- for people
    UNIQUE (node, name)
);
CREATE TABLE placements (
    camera_id INTEGER NOT NULL REFERENCES cameras(id),
    since_ms INTEGER NOT NULL,      -- until the camera's next one; -2^63: from the beginning
    area TEXT REFERENCES areas(code) DEFERRABLE INITIALLY DEFERRED,
    organisation TEXT REFERENCES organisations(code) DEFERRABLE INITIALLY DEFERRED,
    plan TEXT REFERENCES plans(code) DEFERRABLE INITIALLY DEFERRED,
    x REAL,                         -- on the plan, 0 at the left to 1
    y REAL,                         -- on the plan, 0 at the top to 1
    PRIMARY KEY (camera_id, since_ms)
) WITHOUT ROWID;
ALTER TABLE events ADD COLUMN camera_id INTEGER REFERENCES cameras(id);
INSERT INTO cameras (node, name)
    SELECT nodes.name, camera FROM (SELECT node_id, camera, min(id) AS first FROM events
        GROUP BY node_id, camera) JOIN nodes ON nodes.id = node_id ORDER BY first;
INSERT INTO cameras (node, name)
    SELECT DISTINCT nodes.name, camera FROM spans JOIN nodes ON nodes.id = node_id
    WHERE true ON CONFLICT DO NOTHING;
INSERT INTO cameras (node, name)
    SELECT nodes.name, value FROM nodes, json_each(coalesce(nodes.cameras, '[]'))
    WHERE true ON CONFLICT DO NOTHING;
UPDATE events SET camera_id = (SELECT cameras.id FROM cameras JOIN nodes ON nodes.name = node
    WHERE nodes.id = events.node_id AND cameras.name = events.camera);
DROP INDEX events_by_camera;
CREATE INDEX events_by_camera ON events (camera_id, started_ms, id);
"""

# What was wrong with cameras themselves.
_EIGHTH = """
CREATE TABLE tamperings (
    node_id INTEGER NOT NULL REFERENCES nodes(id),
    event TEXT NOT NULL,            -- UUIDv7; the event's row may come later
    fault TEXT NOT NULL,            -- covered, defocused, moved, blinded, frozen, black
    outcome TEXT,                   -- restored, accepted; NULL while it lasts
    PRIMARY KEY (node_id, event)
) WITHOUT ROWID;
"""

MIGRATIONS = (
    _FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH, PEOPLE, SEARCH, _EIGHTH, HOURS, HEALTH, LONGEST,
    SETTINGS, ENROLMENT, UPDATES,
)  # fmt: skip
