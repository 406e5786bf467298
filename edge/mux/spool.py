"""The spool: the folder where clips and snapshots wait until the hub has acknowledged them.

    <event>.<part>.mp4       a complete clip            <event>.<part>.mp4.part   an open one
    <sha256>.jpg             a snapshot, by its hash

Whatever stands under a final name is complete (`edge.base.durable`). Files that this room did not
name are never touched. What is acknowledged goes at once; when the quota is exceeded, the oldest
clips go unacknowledged, then the oldest snapshots, each announced *before* it is removed, so that
the loss can be journalled first. Age is the order of adding, and by file time after a start.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.base import durable
from edge.base.errors import storage_error
from edge.contract import names

FileKind = Literal["clip", "snapshot"]
_NAME = re.compile(
    rf"(?P<event>{names.EVENT_PATTERN})\.(?P<part>\d{{1,4}})\.mp4|(?P<sha256>{names.HASH_PATTERN})\.jpg"
)


@dataclass(frozen=True)
class SpoolFile:
    """One complete file in the spool."""

    path: Path
    kind: FileKind
    size_bytes: int
    event: str | None
    """Of a clip."""
    part: int | None
    """Of a clip."""
    sha256: str | None
    """Of a snapshot."""


OnLost = Callable[[SpoolFile], None]


class Spool:
    """The folder's files, their order and their quota. Any thread may call any method."""

    def __init__(self, folder: Path, *, quota_bytes: int, on_lost: OnLost) -> None:
        """Make the folder if need be and take stock of it. Raises StorageError.

        `on_lost` is called before an unacknowledged file is removed, by the thread that needs the
        room and without a lock; if it raises, the file stays.
        """
        self.folder = folder
        self.quota_bytes = quota_bytes
        self._on_lost = on_lost
        self._lock = threading.RLock()
        self._open: set[Path] = set()
        durable.make_dirs(folder)
        self._files = {each.path.name: each for each in self._take_stock()}

    def clip_path(self, event: str, part: int) -> Path:
        """Where a clip belongs. Raises ValueError for what is no event id or part number."""
        return self._checked(f"{event}.{part}.mp4")

    def snapshot_path(self, sha256: str) -> Path:
        """Where a snapshot belongs. Raises ValueError for what is no hash."""
        return self._checked(f"{sha256}.jpg")

    def save_snapshot(self, jpeg: bytes) -> SpoolFile:
        """Keep a snapshot under its hash, durable on return. Raises StorageError."""
        path = self.snapshot_path(hashlib.sha256(jpeg).hexdigest())
        with self._lock:
            if path.name not in self._files:
                durable.write_file(path, jpeg)
        return self.added(path, len(jpeg))

    def opening(self, path: Path) -> None:
        """Note that a clip is being written, so that it is no leftover, and make room."""
        with self._lock:
            self._open.add(durable.part_path(path))
        self.make_room()

    def closed(self, path: Path) -> None:
        """Note that the clip is not being written any more, complete or not."""
        with self._lock:
            self._open.discard(durable.part_path(path))

    def added(self, path: Path, size_bytes: int) -> SpoolFile:
        """Note a complete file, as the newest, and make room. Raises StorageError."""
        file = _spool_file(path, size_bytes)
        if file is None:
            raise ValueError(f"{path.name} is no name of a clip or snapshot")
        with self._lock:
            self._files.pop(path.name, None)
            self._files[path.name] = file
        self.make_room(protected=file)
        return file

    def acknowledge(self, path: Path) -> bool:
        """The hub has it: remove it. False if it was not there. Raises StorageError."""
        with self._lock:
            self._files.pop(path.name, None)
            return durable.remove(path)

    def make_room(self, need_bytes: int = 0, *, protected: SpoolFile | None = None) -> int:
        """Remove files until `need_bytes` fit under the quota; how many went. StorageError."""
        count = 0
        while (file := self._take_oldest(need_bytes, protected)) is not None:
            # Without the lock: the journal has one of its own, and comes here while it holds it.
            try:
                self._on_lost(file)
            except BaseException:
                self._put_back(file)
                raise
            durable.remove(file.path)
            count += 1
        return count

    def _take_oldest(self, need_bytes: int, protected: SpoolFile | None) -> SpoolFile | None:
        """Take the next file to be given up off the list; None while the quota is kept."""
        with self._lock:
            if self.usage_bytes + need_bytes <= self.quota_bytes:
                return None
            by_age = sorted(self._files.values(), key=lambda each: each.kind == "snapshot")
            file = next((each for each in by_age if each is not protected), None)
            return self._files.pop(file.path.name) if file else None

    def _put_back(self, file: SpoolFile) -> None:
        with self._lock:
            if file.path.exists():
                self._files = {file.path.name: file, **self._files}

    @property
    def usage_bytes(self) -> int:
        """Size of all complete files and open clips."""
        with self._lock:
            size_bytes = sum(each.size_bytes for each in self._files.values())
            for path in self._open:
                with contextlib.suppress(FileNotFoundError):
                    size_bytes += path.stat().st_size
            return size_bytes

    def files(self) -> list[SpoolFile]:
        """The complete files, oldest first."""
        with self._lock:
            return list(self._files.values())

    def leftovers(self) -> list[Path]:
        """Parts that nothing writes: what a crash left. Raises StorageError."""
        with self._lock:
            return [
                path
                for path in self._listing()
                if path.suffix == durable.PART_SUFFIX
                and path not in self._open
                and _NAME.fullmatch(path.stem)
            ]

    def _checked(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:80]!r} is no name of a clip or snapshot")
        return self.folder / name

    def _take_stock(self) -> list[SpoolFile]:
        found = []
        for path in self._listing():
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                file = _spool_file(path, status.st_size)
                if file:
                    found.append((status.st_mtime_ns, path.name, file))
        return [file for _, _, file in sorted(found, key=lambda each: each[:2])]

    def _listing(self) -> list[Path]:
        try:
            return sorted(self.folder.iterdir())
        except OSError as err:
            raise storage_error(err, "cannot list", self.folder) from err


def _spool_file(path: Path, size_bytes: int) -> SpoolFile | None:
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    part, sha256 = match["part"], match["sha256"]
    kind: FileKind = "snapshot" if sha256 else "clip"
    return SpoolFile(path, kind, size_bytes, match["event"], int(part) if part else None, sha256)
