"""The archive's SQLite file: opened, guarded, read and written by one thread at a time.

One connection under a lock; other processes read through their own.

A flush that fails may leave pages in the kernel's memory that look written and are not on the disk.
SQLite itself writes such pages again, as long as its connection lives. Where it is opened anew, its
log is first written over with its own content and flushed, so that nothing is believed durable
that is only in memory.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from edge.base import sqlite
from edge.base.errors import StorageError
from hub.archive import damage, upgrade
from hub.archive.folder import Guard
from hub.archive.schema import MIGRATIONS

UNREADABLE = (TypeError, ValueError, IndexError, OverflowError)


class SqliteFile:
    """The file `path` with its connection. After an I/O error that is closed and the next call
    opens another."""

    def __init__(
        self, path: Path, *, is_read_only: bool = False, guard: Guard | None = None
    ) -> None:
        """Open or create it. Raises StorageError; read-only, the file must exist.

        `guard` is asked before every write whether the disk is there and has room.
        """
        if is_read_only and not path.exists():
            raise StorageError(
                f"{path}: there is no archive yet",
                path=str(path),
                hint="start the hub once: camwatch-hub run",
                is_retryable=False,
            )
        self._path = path
        self._is_read_only = is_read_only
        self._guard = guard
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = self._open()

    def guard_by(self, guard: Guard) -> None:
        """From now on ask `guard` before every write."""
        self._guard = guard

    def close(self) -> None:
        with self._lock:
            self._drop()

    def check_quickly(self, limit_s: float) -> bool:
        """Look for damage for at most `limit_s`; false when that was too short for all of it.

        Raises DamagedDatabaseError.
        """
        with self.reading() as db:
            return damage.check_quickly(db, self._path, limit_s)

    def _open(self) -> sqlite3.Connection:
        db = sqlite.open_database(self._path, MIGRATIONS, is_read_only=self._is_read_only)
        try:
            if not self._is_read_only:
                with sqlite.errors_named(self._path):
                    upgrade.bring_up_to_date(db)
        except BaseException:
            db.close()
            raise
        return db

    def _open_again(self) -> sqlite3.Connection:
        """After an error. Never makes a new file; raises StorageError."""
        if self._guard is not None:
            self._guard.check_mounted()
        if not self._path.exists():
            raise StorageError(f"{self._path} is gone", path=str(self._path))
        db = self._open()
        try:
            if not self._is_read_only:
                with sqlite.errors_named(self._path), sqlite.transaction(db):
                    damage.flush_log_again(self._path)
        except BaseException:
            db.close()
            raise
        return db

    def _drop(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """For reading alone: a row that holds what no row can hold is damage."""
        with self.connected() as db:
            try:
                yield db
            except UNREADABLE as err:
                raise sqlite.DamagedDatabaseError(
                    f"{self._path}: a row cannot be read: {err}",
                    path=str(self._path),
                    is_retryable=False,
                ) from err

    @contextlib.contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._db is None:
                    self._db = self._open_again()
                with sqlite.errors_named(self._path):
                    yield self._db
            except StorageError as err:
                if damage.is_connection_spoilt(err):
                    self._drop()
                raise

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        # Not as `reading`: what our own code does wrong with one message is not the disk's fault.
        with self.connected() as db:
            if self._guard is not None:
                self._guard.check_records()
            with sqlite.transaction(db):
                yield db
