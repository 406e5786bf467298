"""Whether SQLite's write-ahead log was damaged in its middle, which SQLite itself passes over.

After a crash SQLite takes the log up to the first frame whose check sum fails and silently drops
the rest. Of a journal that flushes every commit, a power cut can tear only the last one; where two
or more whole commits lie behind the break, committed records are gone.
"""

from __future__ import annotations

import contextlib
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

from edge.base import sqlite
from edge.base.errors import storage_error

HEADER_BYTES = 32  # https://www.sqlite.org/fileformat2.html section 4.1
FRAME_HEADER_BYTES = 24
MAGICS = frozenset({0x377F0682, 0x377F0683})
MAX_PAGE_BYTES = 65536


def lost_commits(path: Path) -> int:
    """How many commits in the log of the database at `path` SQLite will not read.

    Opens and closes the database, so that what can be read moves from the log into it. Raises
    StorageError, DamagedDatabaseError.
    """
    commits = _commits(path.with_name(path.name + "-wal"))
    if not commits:
        return 0
    with sqlite.errors_named(path), contextlib.closing(sqlite3.connect(path)) as db:
        _, frames, _ = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return sum(number > frames for number in commits)


def _commits(log: Path) -> list[int]:
    """The numbers, from 1, of all frames of the log's own generation that end a commit."""
    try:
        with log.open("rb") as file:
            return _scan(file.read(HEADER_BYTES), file.read)
    except FileNotFoundError:
        return []
    except OSError as err:
        raise storage_error(err, "cannot read", log) from err


def _scan(header: bytes, read: Callable[[int], bytes]) -> list[int]:
    if len(header) < HEADER_BYTES:
        return []
    magic, _, page_bytes, _, salt_1, salt_2, *_ = struct.unpack(">8I", header)
    is_sound = magic in MAGICS and _check_sum(header[:24], magic) == header[24:]
    if not is_sound and not 512 <= page_bytes <= MAX_PAGE_BYTES:
        page_bytes = 4096  # SQLite's default
    salts: tuple[int, int] | None = (salt_1, salt_2) if is_sound else None
    found, number = [], 0
    while len(frame := read(FRAME_HEADER_BYTES + page_bytes)) == FRAME_HEADER_BYTES + page_bytes:
        number += 1
        _, pages_after, *of_frame = struct.unpack(">4I", frame[:16])
        salts = salts or (of_frame[0], of_frame[1])
        if pages_after and (of_frame[0], of_frame[1]) == salts:
            found.append(number)
    return found


def _check_sum(data: bytes, magic: int) -> bytes:
    """The log's own check sum over `data`, as its header stores it."""
    order = ">" if magic & 1 else "<"
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    one = two = 0
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return struct.pack(">2I", one, two)
