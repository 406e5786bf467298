"""The part of the archive's schema that keeps how nodes were over time; see schema.py."""

from __future__ import annotations

HEALTH = """
CREATE TABLE health_samples (
    node_id INTEGER NOT NULL REFERENCES nodes(id),
    is_hourly INTEGER NOT NULL,     -- 0: of ten minutes, 1: of an hour
    slot_ms INTEGER NOT NULL,       -- hub's time, start of the slot
    cpu_percent REAL NOT NULL,      -- of one core
    memory_bytes INTEGER NOT NULL,
    disk_free_bytes INTEGER NOT NULL,
    temperature_c REAL,             -- NULL where it cannot be read
    clock_error_ms INTEGER,         -- as the node estimates; NULL unknown
    waiting_records INTEGER NOT NULL,
    waiting_clip_bytes INTEGER NOT NULL,
    watching INTEGER NOT NULL,      -- cameras that are watched
    cameras INTEGER NOT NULL,       -- cameras that it has
    bits_per_s REAL NOT NULL,       -- of all its cameras
    PRIMARY KEY (node_id, is_hourly, slot_ms)
) WITHOUT ROWID;
"""
