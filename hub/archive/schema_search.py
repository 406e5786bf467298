"""The migrations of the archive's schema that search needs; see schema.py for the rules."""

from __future__ import annotations

# Search: what is often asked together stands together in an index, with all that is tested on the
# way, so that no page is longer than its events. What depends on folding is made by upgrade.py.
SEARCH = """
DROP INDEX events_by_time;
DROP INDEX events_by_node;
DROP INDEX events_by_camera;
CREATE INDEX events_by_time ON events (started_ms, id, camera_id, kind, mark, duration_ms);
CREATE INDEX events_long ON events (started_ms, id, camera_id, kind, mark, duration_ms)
    WHERE duration_ms >= 60000;
CREATE INDEX events_by_kind ON events (kind, mark, started_ms, id, camera_id, duration_ms);
CREATE INDEX events_by_camera ON events (camera_id, started_ms, id, kind, mark, duration_ms);
CREATE INDEX events_by_camera_kind ON events (camera_id, kind, mark, started_ms, id, duration_ms);
ALTER TABLE event_zones ADD COLUMN camera_id INTEGER;   -- of the event
UPDATE event_zones SET camera_id = (SELECT camera_id FROM events WHERE events.id = event_id);
CREATE INDEX event_zones_by_camera ON event_zones (camera_id, zone, started_ms, event_id);
ALTER TABLE event_labels ADD COLUMN camera_id INTEGER;  -- of the event
UPDATE event_labels SET camera_id = (SELECT camera_id FROM events WHERE events.id = event_id);
CREATE INDEX event_labels_by_camera ON event_labels (camera_id, label, started_ms, event_id);
CREATE TABLE note_texts (
    key INTEGER PRIMARY KEY,        -- event's start in milliseconds << 20, counted on within one
    event_id INTEGER NOT NULL UNIQUE REFERENCES events(id),
    text TEXT NOT NULL              -- folded words of all its notes
);
CREATE VIRTUAL TABLE note_index USING fts5(
    text, content='note_texts', content_rowid='key', tokenize='unicode61 remove_diacritics 0'
);
CREATE TABLE saved_filters (
    user TEXT NOT NULL,             -- whose
    name TEXT NOT NULL,             -- as the user named it
    query TEXT NOT NULL,            -- the filter's canonical text
    saved_ms INTEGER NOT NULL,      -- hub's time
    PRIMARY KEY (user, name)
) WITHOUT ROWID;
"""

# Names as free text looks at them, and sums of what accounts say of each hour of each camera, so
# that a day of a thousand cameras is one read. Both are made by upgrade.py.
HOURS = """
CREATE TABLE camera_names (
    camera_id INTEGER NOT NULL REFERENCES cameras(id),
    from_ms INTEGER NOT NULL,       -- -2^63: from the beginning
    until_ms INTEGER NOT NULL,      -- 2^63 - 1: until now
    names TEXT NOT NULL,            -- folded words of all names that hold then
    PRIMARY KEY (camera_id, from_ms)
) WITHOUT ROWID;
CREATE TABLE coverage_hours (
    hour INTEGER NOT NULL,          -- hours since 1970 UTC
    camera_id INTEGER NOT NULL REFERENCES cameras(id),
    watched_ms INTEGER NOT NULL,
    blind_ms INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,      -- where its accounts begin, within the hour
    last_ms INTEGER NOT NULL,       -- where they end
    is_contested INTEGER NOT NULL,  -- 1: accounts overlap, moved, or lack a time; sums may not hold
    causes TEXT,                    -- JSON, milliseconds by cause of being blind; NULL for none
    PRIMARY KEY (hour, camera_id)
) WITHOUT ROWID;
CREATE INDEX coverage_hours_by_camera ON coverage_hours (camera_id, hour);
"""

# Events of five minutes or more are so few that all can be looked at, whatever else is asked.
LONGEST = """
CREATE INDEX events_longest ON events (started_ms, id, camera_id, kind, mark, duration_ms)
    WHERE duration_ms >= 300000;
"""
