"""Rows of what events were taken for: in the event itself, and a table that finds them by label."""

from __future__ import annotations

import json
import sqlite3

from hub.archive.event_state import Found, Labels, from_ms
from hub.archive.values import EventLabel


def insert(
    db: sqlite3.Connection,
    number: int,
    labels: Labels | None,
    camera_id: object,
    started_ms: object,
) -> None:
    """Let event `number` of that camera, which began then, be found by these labels."""
    found = labels.found if labels else ()
    db.executemany(
        "INSERT INTO event_labels (label, started_ms, event_id, confidence, camera_id)"
        " VALUES (?, ?, ?, ?, ?)",
        [(each.label, started_ms, number, each.confidence, camera_id) for each in found],
    )


def delete(db: sqlite3.Connection, number: int, labels: Labels | None, started_ms: int) -> None:
    """Take back what `insert` did with the same."""
    db.executemany(
        "DELETE FROM event_labels WHERE label = ? AND started_ms = ? AND event_id = ?",
        [(each.label, started_ms, number) for each in (labels.found if labels else ())],
    )


def values_of(labels: Labels | None) -> tuple[str | None, str | None, int | None]:
    """What stands in an event's columns labels, labels_epoch and labels_seq."""
    if labels is None:
        return None, None, None
    found = [[each.label, each.confidence, each.box, each.seen_ms] for each in labels.found]
    return json.dumps(found), labels.epoch, labels.seq


def labels_in(row: sqlite3.Row) -> Labels | None:
    """The labels in an event's row."""
    if row["labels"] is None:
        return None
    return Labels(row["labels_epoch"], row["labels_seq"], _found_in(row["labels"]))


def told_in(row: sqlite3.Row) -> tuple[EventLabel, ...] | None:
    """The same as the hub's callers see them."""
    if row["labels"] is None:
        return None
    return tuple(
        EventLabel(each.label, each.confidence, each.box, from_ms(each.seen_ms))
        for each in _found_in(row["labels"])
    )


def _found_in(text: str) -> tuple[Found, ...]:
    return tuple(
        Found(label, confidence, (box[0], box[1], box[2], box[3]), seen_ms)
        for label, confidence, box, seen_ms in json.loads(text)
    )
