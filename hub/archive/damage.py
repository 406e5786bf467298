"""What to do about a database file or a disk that fails."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

from edge.base.errors import DiskFullError, StorageError
from edge.base.sqlite import PRIMARY_CODE_MASK, DamagedDatabaseError
from hub.archive.folder import ArchiveAwayError

BLOCK_BYTES = 1 << 20
INTERRUPT_EVERY_S = 0.05
HINT = (
    "camwatch-hub check --full tells what is damaged; bring back a copy of the archive, or move"
    " the file away to begin a new one"
)
SPOILING_CODES = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
    }
)


def is_connection_spoilt(err: StorageError) -> bool:
    """Whether the connection that this error came from is better not used again."""
    if isinstance(err, ArchiveAwayError):
        return True
    cause = err.__cause__
    if isinstance(err, DiskFullError) or not isinstance(cause, sqlite3.Error):
        return False
    return getattr(cause, "sqlite_errorcode", 0) & PRIMARY_CODE_MASK in SPOILING_CODES


def flush_log_again(path: Path) -> None:
    """Write the database's log over with its own content and flush it.

    Within a write transaction, so that nobody appends meanwhile. Raises OSError.
    """
    log = path.with_name(path.name + "-wal")
    try:
        fd = os.open(log, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        offset = 0
        while block := os.pread(fd, BLOCK_BYTES, offset):
            view = memoryview(block)
            while view:
                written = os.pwrite(fd, view, offset)
                offset += written
                view = view[written:]
        os.fsync(fd)
    finally:
        os.close(fd)


def check_quickly(db: sqlite3.Connection, path: Path, limit_s: float) -> bool:
    """See SqliteArchive.check_quickly.

    From another thread: before SQLite 3.41 the whole check is one step of its machine, within which
    a progress handler is not called.
    """
    is_done, was_late = threading.Event(), threading.Event()

    def interrupt() -> None:
        wait_s = max(0.0, limit_s)
        while not is_done.wait(wait_s):
            was_late.set()
            db.interrupt()  # nothing, where the check has not begun yet
            wait_s = INTERRUPT_EVERY_S

    thread = threading.Thread(target=interrupt, name="check-limit")
    thread.start()
    try:
        found = [str(row[0]) for row in db.execute("PRAGMA quick_check(5)")]
    except sqlite3.OperationalError as err:
        if err.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return False
    finally:
        is_done.set()
        thread.join()
    if was_late.is_set():
        return False  # what was not looked at any more is told as damage
    if found != ["ok"]:
        raise damaged(path, "; ".join(found))
    return True


def damaged(path: Path, detail: str) -> DamagedDatabaseError:
    """The error to refuse with."""
    return DamagedDatabaseError(
        f"{path} is damaged: {' '.join(detail.split())}",
        path=str(path),
        hint=HINT,
        is_retryable=False,
    )
