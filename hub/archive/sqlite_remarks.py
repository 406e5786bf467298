"""What people make of events, in the SQLite archive."""

from __future__ import annotations

from hub.archive import event_rows, event_search, note_rows
from hub.archive.event_state import from_ms, to_ms
from hub.archive.remarks import UnknownEventError
from hub.archive.sqlite_file import SqliteFile
from hub.archive.values import Event, Mark, Remark


class SqliteRemarks(SqliteFile):
    """`Remarks`; see the interface."""

    def remark(self, event: Event, remark: Remark, *, only_if: Mark | None = None) -> Event:
        with self.writing() as db:
            row = db.execute(
                "SELECT mark FROM events WHERE id = ? AND event = ?", (event.number, event.id)
            ).fetchone()
            if row is None:
                raise UnknownEventError(event.id)
            is_other = remark.mark not in (None, row["mark"])
            if only_if in (None, row["mark"]) and (is_other or remark.note is not None):
                db.execute(
                    "INSERT INTO remarks (event_id, user, at_ms, mark, note)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (event.number, remark.user, to_ms(remark.at_utc), remark.mark, remark.note),
                )
                if is_other:
                    db.execute(
                        "UPDATE events SET mark = ? WHERE id = ?", (remark.mark, event.number)
                    )
                if remark.note is not None:
                    note_rows.index(db, event.number)
                event_rows.touch(db, event.number)
            return event_search.by_number(db, event.number)

    def remarks_of(self, event: Event) -> list[Remark]:
        with self.reading() as db:
            rows = db.execute(
                "SELECT user, at_ms, mark, note FROM remarks WHERE event_id = ? ORDER BY id",
                (event.number,),
            )
            return [
                Remark(row["user"], from_ms(row["at_ms"]), row["mark"], row["note"]) for row in rows
            ]
