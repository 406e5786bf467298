"""The full-text index of notes, kept in step with remarks and with the times of their events.

A row's number is the event's start in its upper bits and counts within a millisecond in its lower
ones, so that the index itself holds its rows in the order of pages. What is indexed is folded here;
the index's own tokenizer only parts the words.
"""

from __future__ import annotations

import sqlite3

from hub.archive.fold import words

SPREAD_BITS = 20  # events with notes in one millisecond
MAX_TIMED_MS = 2**42 - 1  # the year 2109; later times, and those before 1970, share a row's time
FOLDING = "2"  # raise it when fold() or what is indexed changes


def first_key(started_ms: int) -> int:
    """The least number that a row of an event of that start can have."""
    return min(max(started_ms, 0), MAX_TIMED_MS) << SPREAD_BITS


def last_key(started_ms: int) -> int:
    """The greatest number that a row of an event of that start can have."""
    return first_key(started_ms) + (1 << SPREAD_BITS) - 1


def index(db: sqlite3.Connection, number: int) -> None:
    """Bring the index up to date with an event's notes and start."""
    _remove(db, number)
    notes = [
        row["note"]
        for row in db.execute(
            "SELECT note FROM remarks WHERE event_id = ? AND note IS NOT NULL ORDER BY id",
            (number,),
        )
    ]
    if not notes:
        return
    (started_ms,) = db.execute("SELECT started_ms FROM events WHERE id = ?", (number,)).fetchone()
    text = " ".join(word for note in notes for word in words(note))
    key = _place_for(db, started_ms, number)
    db.execute("INSERT INTO note_texts (key, event_id, text) VALUES (?, ?, ?)", (key, number, text))
    db.execute("INSERT INTO note_index (rowid, text) VALUES (?, ?)", (key, text))


def move(db: sqlite3.Connection, number: int) -> None:
    """The event's start changed."""
    if db.execute("SELECT 1 FROM note_texts WHERE event_id = ?", (number,)).fetchone():
        index(db, number)


def index_all(db: sqlite3.Connection) -> None:
    """Make the whole index again."""
    db.execute("INSERT INTO note_index (note_index) VALUES ('delete-all')")
    db.execute("DELETE FROM note_texts")
    rows = db.execute("SELECT DISTINCT event_id FROM remarks WHERE note IS NOT NULL").fetchall()
    for (number,) in rows:
        index(db, number)


def _remove(db: sqlite3.Connection, number: int) -> None:
    row = db.execute("SELECT key, text FROM note_texts WHERE event_id = ?", (number,)).fetchone()
    if row is not None:
        db.execute(
            "INSERT INTO note_index (note_index, rowid, text) VALUES ('delete', ?, ?)", tuple(row)
        )
        db.execute("DELETE FROM note_texts WHERE key = ?", (row["key"],))


def _place_for(db: sqlite3.Connection, started_ms: int, number: int) -> int:
    """The key that puts the event in order among those of its millisecond; makes room there."""
    first = first_key(started_ms)
    rows = db.execute(
        "SELECT key, event_id, text FROM note_texts JOIN events ON events.id = event_id"
        " WHERE key >= ? AND key < ? AND (started_ms, event_id) > (?, ?) ORDER BY key DESC",
        (first, first + (1 << SPREAD_BITS), started_ms, number),
    ).fetchall()
    for row in rows:  # later ones of this millisecond move up by one, the last first
        _remove(db, row["event_id"])
        db.execute(
            "INSERT INTO note_texts (key, event_id, text) VALUES (?, ?, ?)",
            (row["key"] + 1, row["event_id"], row["text"]),
        )
        db.execute(
            "INSERT INTO note_index (rowid, text) VALUES (?, ?)", (row["key"] + 1, row["text"])
        )
    (key,) = db.execute(
        "SELECT coalesce(max(key) + 1, ?) FROM note_texts JOIN events ON events.id = event_id"
        " WHERE key >= ? AND key < ? AND (started_ms, event_id) < (?, ?)",
        (first, first, first + (1 << SPREAD_BITS), started_ms, number),
    ).fetchone()
    return int(key)
