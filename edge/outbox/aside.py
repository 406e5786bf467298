"""Moving a journal aside that cannot be gone on with, so that a new epoch can begin beside it.

    journal.db         the journal            journal.db.EPOCH.damaged   one that was moved aside
    journal.db.epoch   its epoch, kept apart,         beside it, with .done: its rest was taken
                       so that it is missed           over; .done is an empty file

Order of moving: 1. the log (-wal), flushed  2. the file, flushed  3. SQLite's index of the log
(-shm), which it makes anew. A crash between 1 and 2 is finished at the next start; the pair stays
together, since SQLite finds the log of a file by its name.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from edge.base import crashpoint, durable
from edge.base.errors import StorageError, storage_error
from edge.contract import names
from edge.outbox.tables import row_sum

LOG = "-wal"
INDEX = "-shm"
SUFFIX = ".damaged"
UNKNOWN_EPOCH = "0" * 16
_NAME = re.compile(rf"\.(?P<epoch>{names.EPOCH_PATTERN})(-\d+)?{re.escape(SUFFIX)}")


def move(path: Path, epoch: str) -> Path:
    """Move the journal at `path` aside; its new path. Raises StorageError."""
    target = path.with_name(f"{path.name}.{epoch}{SUFFIX}")
    number = 1
    while target.exists() or _beside(target, LOG).exists():
        number += 1
        target = path.with_name(f"{path.name}.{epoch}-{number}{SUFFIX}")
    if _beside(path, LOG).exists():
        durable.rename(_beside(path, LOG), _beside(target, LOG))
    _move_rest(path, target)
    return target


def finish(path: Path) -> None:
    """Complete a move that a crash cut in two. Raises StorageError."""
    for log in _listing(path):
        if log.name.endswith(SUFFIX + LOG):
            target = log.with_name(log.name.removesuffix(LOG))
            if not target.exists() and path.exists():
                _move_rest(path, target)


def _move_rest(path: Path, target: Path) -> None:
    crashpoint.at("journal.aside")
    durable.rename(path, target)
    crashpoint.at("journal.moved")
    with contextlib.suppress(StorageError):
        durable.remove(_beside(path, INDEX))


def moved(path: Path) -> list[Path]:
    """All journals that were moved aside, by name. Raises StorageError."""
    return [each for each in _listing(path) if epoch_of(path, each) is not None]


def is_done(moved: Path) -> bool:
    """Whether all that could be read of it has been taken over."""
    return _done_file(moved).exists()


def mark_done(moved: Path) -> None:
    """Note that it has been taken over, for journals to come. Raises StorageError."""
    durable.write_file(_done_file(moved), b"")


def remove(moved: Path) -> None:
    """Remove one for good. Raises StorageError."""
    for each in (_beside(moved, INDEX), _beside(moved, LOG), moved, _done_file(moved)):
        durable.remove(each)


def _done_file(moved: Path) -> Path:
    return _beside(moved, ".done")


def epoch_of(path: Path, moved: Path) -> str | None:
    """The epoch in the name of a journal moved aside; None for any other file."""
    match = _NAME.fullmatch(moved.name.removeprefix(path.name))
    return match["epoch"] if match and moved.name.startswith(path.name) else None


def known_epoch(path: Path) -> str | None:
    """The epoch of the journal that last stood at `path`; None where nothing says so."""
    try:
        words = _epoch_file(path).read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return None
    return words[0] if len(words) == 2 and words[1] == row_sum(words[0]) else None


def remember_epoch(path: Path, epoch: str) -> None:
    """Write the epoch down beside the journal, where it is not there yet. Raises StorageError."""
    if known_epoch(path) != epoch:
        text = f"{epoch} {row_sum(epoch)}\n"
        durable.write_file(_epoch_file(path), text.encode("ascii"))


def _epoch_file(path: Path) -> Path:
    return path.with_name(path.name + ".epoch")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _listing(path: Path) -> list[Path]:
    try:
        return sorted(path.parent.glob(f"{path.name}.*"))
    except OSError as err:
        raise storage_error(err, "cannot list", path.parent) from err
