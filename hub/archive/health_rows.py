"""How nodes were over time: one sample in ten minutes for a week, one an hour for two months.

Both are the first report that came within their slot, so a node that reports every half minute
costs a row in ten minutes. Old ones go as new ones come.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from edge.contract import health
from edge.contract.errors import ContractError
from edge.contract.health import Health
from hub.archive.event_state import from_ms, to_ms
from hub.archive.node_values import HealthSample
from hub.archive.values import HealthNote

SLOT_MS = 10 * 60 * 1000
HOUR_MS = 60 * 60 * 1000
FINE_MS = 7 * 24 * HOUR_MS
COARSE_MS = 62 * 24 * HOUR_MS


def note(db: sqlite3.Connection, node_id: int, given: HealthNote) -> None:
    """Keep a report as a sample where its slot has none, and let go of what is too old."""
    now_ms = to_ms(given.received_utc)
    slot_ms = now_ms - now_ms % SLOT_MS
    held = db.execute(
        "SELECT 1 FROM health_samples WHERE node_id = ? AND is_hourly = 0 AND slot_ms = ?",
        (node_id, slot_ms),
    ).fetchone()
    if held is not None:
        return
    try:
        report = health.decode(given.payload)
    except ContractError:  # nothing that could be drawn
        return
    hour_ms = now_ms - now_ms % HOUR_MS
    for is_hourly, start_ms, life_ms in ((0, slot_ms, FINE_MS), (1, hour_ms, COARSE_MS)):
        db.execute(
            "INSERT OR IGNORE INTO health_samples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (node_id, is_hourly, start_ms, *_values(report)),
        )
        db.execute(
            "DELETE FROM health_samples WHERE node_id = ? AND is_hourly = ? AND slot_ms < ?",
            (node_id, is_hourly, now_ms - life_ms),
        )


def samples(
    db: sqlite3.Connection, node: str, since: datetime, until: datetime
) -> list[HealthSample]:
    """The node's samples in that time, in order; hourly ones where it begins a week ago or more."""
    rows = db.execute(
        "SELECT h.* FROM health_samples h JOIN nodes n ON n.id = h.node_id"
        " WHERE n.name = ? AND h.is_hourly = ? AND h.slot_ms >= ? AND h.slot_ms < ?"
        " ORDER BY h.slot_ms",
        (node, until - since > _FINE, to_ms(since), to_ms(until)),
    )
    return [
        HealthSample(
            at_utc=from_ms(row["slot_ms"]),
            cpu_percent=row["cpu_percent"],
            memory_bytes=row["memory_bytes"],
            disk_free_bytes=row["disk_free_bytes"],
            temperature_c=row["temperature_c"],
            clock_error_ms=row["clock_error_ms"],
            waiting_records=row["waiting_records"],
            waiting_clip_bytes=row["waiting_clip_bytes"],
            watching=row["watching"],
            cameras=row["cameras"],
            bits_per_s=row["bits_per_s"],
        )
        for row in rows
    ]


_FINE = from_ms(FINE_MS) - from_ms(0)


def _values(report: Health) -> tuple[float | int | None, ...]:
    cameras = report.cameras
    return (
        report.cpu_percent, report.memory_bytes, report.disk_free_bytes, report.temperature_c,
        report.clock.error_ms, report.outbox.records, report.outbox.clip_bytes,
        sum(each.state == "watching" and each.blind is None for each in cameras), len(cameras),
        sum(each.bits_per_s for each in cameras),
    )  # fmt: skip
