"""The newest head of the audit trail that the hub remembers outside of the archive's database, so
that a trail cut at its end is noticed.

A small file in the hub's state folder, written behind the trail: what it names must be in the
trail, which may go on after it.
"""

from __future__ import annotations

from pathlib import Path

from edge.base import durable
from edge.base.errors import StorageError, storage_error
from hub.archive.audit import AuditHead, AuditTrail, ChainError

FILE_NAME = "audit.head"


def read(folder: Path) -> AuditHead | None:
    """The head that is remembered in `folder`; None before the first. Raises StorageError."""
    path = folder / FILE_NAME
    try:
        return AuditHead.parse(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err
    except ValueError as err:
        raise StorageError(f"{path}: {err}", path=str(path), is_retryable=False) from err


def write(folder: Path, head: AuditHead) -> None:
    """Remember a head. Raises StorageError."""
    durable.write_file(folder / FILE_NAME, f"{head}\n".encode())


def follow(folder: Path, trail: AuditTrail) -> None:
    """Remember the trail's head. Raises StorageError; ChainError, with the old head kept, where the
    trail does not hold what was remembered: somebody cut it or wrote it anew."""
    known, head = read(folder), trail.head()
    if known is not None:
        rows = trail.rows_after(known.seq - 1, 1)
        if not rows or AuditHead(rows[0].seq, rows[0].digest) != known:
            raise ChainError(
                f"the audit trail does not hold its entry {known.seq} any more",
                hint="camwatch-hub audit --verify tells more",
            )
    if head.seq and head != known:
        write(folder, head)
