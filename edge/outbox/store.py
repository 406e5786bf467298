"""The journal's SQLite file: opened, checked, brought forward one transaction at a time, read.

Knows rows, not policy: what is written and when, and what to do about errors, is the outbox's
matter. One thread at a time. After an error in `write` nothing of that change is in the file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn, Self

from edge.base import crashpoint, sqlite
from edge.base.errors import StorageError
from edge.base.sqlite import DamagedDatabaseError
from edge.contract import record
from edge.outbox import wal
from edge.outbox.chain import is_own_gap
from edge.outbox.examine import examine, read_gaps, read_tip, tip_sum
from edge.outbox.tables import (
    EVENT_SUM,
    FILE_SUM,
    MIGRATIONS,
    RECORD_SUM,
    USABLE_FROM,
    add_row_sum,
    row_sum,
)
from edge.outbox.values import (
    Change,
    Gap,
    OpenEvent,
    Pending,
    Salvage,
    Signed,
    WaitingFile,
    announced,
    runs,
)

CANNOT_NOW = frozenset(  # what says nothing about the file's content
    {
        sqlite3.SQLITE_AUTH, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM, sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)  # fmt: skip

PENDING = (
    "SELECT seq, payload, sig, priority FROM records WHERE seq > ? AND NOT is_acked"
    " ORDER BY seq LIMIT ?"
)
URGENT = PENDING.replace("NOT is_acked", "NOT is_acked AND priority > 0")  # its index's condition


class Store:
    """One open journal file."""

    def __init__(
        self, path: Path, *, factory: type[sqlite3.Connection] = sqlite3.Connection
    ) -> None:
        """Open or create the file and check all of it, without signatures.

        Raises DamagedDatabaseError for a file that is not what was written, StorageError where
        the disk does not let us tell.
        """
        self._path = path
        with _errors_told_apart(path, is_reading=True):
            lost = wal.lost_commits(path)
            if lost > 1:  # one, torn by a power cut, was never reported as done
                self._refuse(f"{lost} commits in its write-ahead log cannot be read")
            self._db = sqlite.open_database(
                path, MIGRATIONS, factory=factory, usable_from=USABLE_FROM
            )
            add_row_sum(self._db)
            try:
                self._check()
            except BaseException:
                self._db.close()
                raise

    @classmethod
    def open_to_read(cls, path: Path) -> Self:
        """The file as it is, unchecked and read-only, on a disk that takes no writes."""
        store = cls.__new__(cls)
        store._path = path
        store._db = sqlite.open_database(path, MIGRATIONS, is_read_only=True)
        return store

    def _check(self) -> None:
        findings = list(examine(self._db))
        if findings:
            self._refuse("; ".join(findings[:3]))
        self.tip = read_tip(self._db)
        self.gaps = read_gaps(self._db)
        row = self._db.execute("SELECT is_clean FROM journal").fetchone()
        self.was_clean: bool | None = None if row is None else bool(row["is_clean"])

    def _refuse(self, finding: str) -> NoReturn:
        raise DamagedDatabaseError(
            f"{self._path} is damaged: {finding}", path=str(self._path), is_retryable=False
        )

    def write(self, change: Change) -> None:
        """Bring the file up to `change`, durable on return. Raises StorageError."""
        with _errors_told_apart(self._path, is_reading=False):
            self._write(change)

    def _write(self, change: Change) -> None:
        steps = _steps(change)
        with sqlite.transaction(self._db) as db:
            self._take_over(change)
            for signed in change.records:
                self._insert(signed, is_acked=signed.seq in change.acked)
            self._settle(change)
            for gap in change.gaps:
                db.execute(
                    "INSERT OR REPLACE INTO gaps VALUES (?, ?, ?, ?)",
                    (gap.first_seq, gap.last_seq, gap.cause, gap.declared_seq),
                )
            db.execute("DELETE FROM gaps WHERE last_seq <= ?", (change.tip.acked_seq,))
            tip = change.tip
            db.execute(
                "INSERT OR REPLACE INTO journal VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
                (tip.epoch, tip.last_seq, tip.last_hash, tip.acked_seq, tip.acked_hash,
                 tip_sum(tip), change.is_clean),
            )  # fmt: skip
            crashpoint.at(steps[0])
        crashpoint.at(steps[1])

    def _take_over(self, change: Change) -> None:
        """What an earlier journal held beside records."""
        self._add_files(change.files)
        for begun in change.open_events:
            self._open_event(begun)
        for salvage in change.salvages:
            self._db.execute(
                "INSERT OR REPLACE INTO salvaged VALUES (?, ?, ?)",
                (salvage.name, salvage.after_seq, salvage.is_done),
            )

    def _settle(self, change: Change) -> None:
        """What the hub has: records and files."""
        db = self._db
        db.execute("DELETE FROM records WHERE seq <= ?", (change.tip.acked_seq,))
        db.executemany(
            "UPDATE records SET is_acked = 1 WHERE seq = ?", [(seq,) for seq in change.acked]
        )
        db.executemany(
            f"UPDATE records SET sum = {RECORD_SUM} WHERE seq = ?",  # noqa: S608 - ours
            [(seq,) for seq in change.acked],
        )
        db.executemany("DELETE FROM files WHERE name = ?", [(name,) for name in change.freed])
        db.executemany(
            "UPDATE files SET upload = ? WHERE name = ?",
            [(upload, name) for name, upload in change.uploads],
        )
        db.executemany(
            f"UPDATE files SET sum = {FILE_SUM} WHERE name = ?",  # noqa: S608 - ours
            [(name,) for name, _ in change.uploads],
        )

    def _insert(self, signed: Signed, *, is_acked: bool) -> None:
        db, header, body = self._db, signed.header, signed.body
        db.execute(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (signed.seq, signed.payload, signed.signature, *(row := (
                signed.digest, header.type, header.clock.boot, header.clock.mono_ns,
                int(is_acked), signed.priority,
            )), row_sum(signed.seq, signed.signature, *row)),
        )  # fmt: skip
        files = announced(signed)
        if isinstance(body, record.EventStarted):
            self._open_event(OpenEvent(signed.payload))
        elif isinstance(body, record.EventUpdated):
            event = (header.event,)
            db.execute(
                "UPDATE open_events SET updated = ? WHERE event = ?", (signed.payload, *event)
            )
            db.execute(f"UPDATE open_events SET sum = {EVENT_SUM} WHERE event = ?", event)  # noqa: S608
        elif isinstance(body, record.EventEnded):
            files = self._not_said_before(header.event, files)
            db.execute("DELETE FROM open_events WHERE event = ?", (header.event,))
        elif isinstance(body, record.FileDropped):
            db.execute(
                "DELETE FROM files WHERE sha256 = ? AND event = ?", (body.sha256, header.event)
            )
        elif isinstance(body, record.JournalGap) and is_own_gap(signed):
            db.execute(
                "UPDATE gaps SET declared_seq = ? WHERE first_seq = ?",
                (signed.seq, body.first_seq),
            )
        self._add_files(files)

    def _open_event(self, begun: OpenEvent) -> None:
        header = record.decode(begun.started).header
        row = (header.event, header.camera, begun.started, begun.updated)
        self._db.execute(
            "INSERT OR REPLACE INTO open_events VALUES (?, ?, ?, ?, ?)", (*row, row_sum(*row))
        )

    def _not_said_before(
        self, event: str | None, files: Sequence[WaitingFile]
    ) -> list[WaitingFile]:
        """Without the picture that the event began with: it waits already, or the hub has it."""
        row = self._db.execute(
            "SELECT payload FROM open_events WHERE event = ?", (event,)
        ).fetchone()
        body = record.decode(row["payload"]).body if row is not None else None
        shot = body.snapshot if isinstance(body, record.EventStarted) else None
        return [file for file in files if shot is None or file.sha256 != shot.sha256]

    def _add_files(self, files: Sequence[WaitingFile]) -> None:
        for file in files:
            kind = "snapshot" if file.part is None else "clip"
            row = (file.name, kind, file.event, file.part, file.sha256, file.size_bytes, file.seq,
                   file.upload, file.priority)  # fmt: skip
            self._db.execute(
                "INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, row_sum(*row)),
            )

    def give_up_oldest(self, limit: int) -> tuple[list[Gap], list[str]]:
        """Delete the oldest ordinary waiting records; the gaps, and files that nobody waits for.

        Records of journal.gap stay. One transaction. Raises StorageError.
        """
        with sqlite.errors_named(self._path), sqlite.transaction(self._db) as db:
            rows = db.execute(
                "SELECT seq FROM records WHERE NOT is_acked AND priority = 0"
                " AND type <> 'journal.gap' ORDER BY seq LIMIT ?",
                (limit,),
            ).fetchall()
            gaps = [Gap(first, last, "quota") for first, last in runs(row["seq"] for row in rows)]
            freed = []
            for gap in gaps:
                found = db.execute(
                    "SELECT name FROM files WHERE seq BETWEEN ? AND ?",
                    (gap.first_seq, gap.last_seq),
                )
                freed += [row["name"] for row in found]
                span = (gap.first_seq, gap.last_seq)
                db.execute("DELETE FROM files WHERE seq BETWEEN ? AND ?", span)
                db.execute("DELETE FROM records WHERE seq BETWEEN ? AND ?", span)
                db.execute("INSERT INTO gaps VALUES (?, ?, 'quota', NULL)", span)
        return gaps, freed

    def pending(self, after_seq: int, limit: int, *, is_urgent: bool = False) -> list[Pending]:
        """Waiting records behind `after_seq`, in order. Raises StorageError."""
        query = URGENT if is_urgent else PENDING
        rows = self.read(query, (after_seq, limit))
        return [Pending(*row) for row in rows]

    def salvages(self) -> dict[str, Salvage]:
        """How far journals moved aside have been taken over, by name. Raises StorageError."""
        rows = self.read("SELECT name, after_seq, is_done FROM salvaged", ())
        return {row["name"]: Salvage(row[0], row[1], bool(row[2])) for row in rows}

    def hash_of(self, seq: int) -> str | None:
        """The stored hash of one record. Raises StorageError."""
        rows = self.read("SELECT hash FROM records WHERE seq = ?", (seq,))
        return rows[0]["hash"] if rows else None

    def acked_beyond(self) -> set[int]:
        """Seqs that the hub has though not all before them. Raises StorageError."""
        return {row["seq"] for row in self.read("SELECT seq FROM records WHERE is_acked", ())}

    def waiting(self, kind: str, acked_seq: int, limit: int) -> list[WaitingFile]:
        """Files whose announcing record the hub has, in turn. Raises StorageError."""
        rows = self.read(
            "SELECT name, event, part, sha256, size_bytes, seq, upload, priority FROM files"
            " WHERE kind = ? AND (seq <= ? OR seq IN (SELECT seq FROM records WHERE is_acked))"
            " ORDER BY priority DESC, seq, name LIMIT ?",
            (kind, acked_seq, limit),
        )
        return [WaitingFile(**dict(row)) for row in rows]

    def files_by_kind(self) -> dict[str, tuple[int, int]]:
        """Number and bytes of the waiting files of each kind. Raises StorageError."""
        rows = self.read("SELECT kind, count(*), sum(size_bytes) FROM files GROUP BY kind", ())
        return {row[0]: (row[1], row[2]) for row in rows}

    def read(self, query: str, values: Sequence[object]) -> list[sqlite3.Row]:
        """All rows of a query. Raises StorageError."""
        with sqlite.errors_named(self._path):
            return self._db.execute(query, values).fetchall()

    @property
    def used_bytes(self) -> int:
        """Size of the file without its free pages. Raises StorageError."""
        (row,) = self.read(
            "SELECT (page_count - freelist_count) * page_size"
            " FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
            (),
        )
        return int(row[0])

    def close(self) -> None:
        """Close the file; what was committed moves from the log into it. Raises StorageError."""
        with sqlite.errors_named(self._path):
            self._db.close()


def _steps(change: Change) -> tuple[str, str]:
    """Where a test can have the process killed: inside the transaction, and right after it."""
    if change.records:
        return "journal.commit", "journal.committed"
    if change.tip.acked_seq or change.acked or change.freed:
        return "journal.free", "journal.freed"
    return "journal.mark", "journal.marked"


@contextlib.contextmanager
def _errors_told_apart(path: Path, *, is_reading: bool) -> Iterator[None]:
    """Raise DamagedDatabaseError for what is about the content, StorageError for the disk's own."""
    try:
        with sqlite.errors_named(path):
            yield
    except DamagedDatabaseError:
        raise
    except StorageError as err:
        if _is_about_content(err.__cause__, path, is_reading=is_reading):
            raise DamagedDatabaseError(str(err), path=str(path), is_retryable=False) from err
        raise
    except (TypeError, ValueError, AttributeError) as err:  # values of a wrong type
        if is_reading:
            raise DamagedDatabaseError(f"{path}: {err}", path=str(path)) from err
        raise


def _is_about_content(cause: BaseException | None, path: Path, *, is_reading: bool) -> bool:
    if cause is None or isinstance(cause, UnicodeDecodeError):
        return True  # a schema that this software does not know, or that is no text
    if not isinstance(cause, sqlite3.Error):
        return False
    primary = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & sqlite.PRIMARY_CODE_MASK
    if primary == sqlite3.SQLITE_READONLY and is_reading:
        return _is_writable(path)  # a format that SQLite does not know counts as read-only too
    return primary not in CANNOT_NOW


def _is_writable(path: Path) -> bool:
    try:
        is_mounted_for_it = not os.statvfs(path).f_flag & os.ST_RDONLY
    except OSError:
        return False
    return is_mounted_for_it and os.access(path, os.W_OK)
