"""What follows from records, kept in step with them within the transaction that archives them.

Everything here can be made again from the records: see upgrade.py, which does.
"""

from __future__ import annotations

import sqlite3

from edge.contract.record import (
    CameraFound,
    CameraLost,
    CameraRestored,
    CameraTampered,
    CoverageSpans,
    EventEnded,
    EventLabelled,
    EventStarted,
    EventUpdated,
    FileDropped,
    JournalGap,
    Record,
)
from hub.archive import event_rows, event_search, gap_rows, media_rows, span_rows, tamper_rows
from hub.archive.boot_rows import BootBook
from hub.archive.record_rows import Journal, RecordWriter
from hub.archive.values import Event


class Deriver:
    """Takes each record once, after it was archived; any order will do."""

    def __init__(self, db: sqlite3.Connection, writer: RecordWriter, *, are_fresh: bool) -> None:
        """`are_fresh`: the records come in just now, not from the archive itself."""
        self._db = db
        self._writer = writer
        self._ended: list[int] = []
        self.boots = BootBook(db, are_fresh=are_fresh)

    def take(self, journal: Journal, record: Record, received_ms: int) -> None:
        """Bring everything up to date with one record."""
        header, body = record.header, record.body
        boot = self.boots.note(journal.node_id, journal.id, header, body, received_ms)
        match body:
            case EventStarted() | EventUpdated() | EventEnded() | EventLabelled():
                number = event_rows.apply(self._db, self.boots, journal, header, body)
                if number is not None:
                    self._ended.append(number)
            case CameraLost() | CameraFound() if header.event is not None:
                number = event_rows.apply(self._db, self.boots, journal, header, body)
                if number is not None:
                    self._ended.append(number)
            case CameraTampered():
                tamper_rows.tell(self._db, journal, header, body)
                event_rows.apply(self._db, self.boots, journal, header, body)
            case CameraRestored():
                tamper_rows.restore(self._db, journal, header, body)
                event_rows.touch_event(self._db, journal.node_id, header.event or "")
            case CoverageSpans():
                span_rows.keep(self._db, journal, boot, header, body)
            case JournalGap():
                gap_rows.tell(self._db, journal.node_id, journal.id, header, body, received_ms)
                self._writer.settle(header.node, body.lost_epoch)
            case FileDropped():
                media_rows.drop(self._db, journal, header, body, received_ms)
                if header.event is not None:
                    event_rows.touch_event(self._db, journal.node_id, header.event)

    def finish(self) -> tuple[Event, ...]:
        """Write back what was learnt; returns the events that came to their end."""
        for boot in self.boots.flush():
            event_rows.place_again(self._db, boot)
            span_rows.place_again(self._db, boot)
        return tuple(event_search.by_number(self._db, number) for number in self._ended)
