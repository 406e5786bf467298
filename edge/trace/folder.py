"""The folder where traces are kept: CAMERA/NUMBER-RANDOM.trace, oldest first to go.

    00000012-1a2b3c4d.trace        complete, waits for the hub
    00000012-1a2b3c4d.sent.trace   complete, the hub has it
    00000013-5e6f7a8b.trace.part   being written; after a crash its whole chunks are kept

The random part tells two cards of one node apart. Traces are worth less than anything else on the
disk: they go by quota, and also as soon as the disk has less than `min_free_bytes` left.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path

from edge.base import durable
from edge.base.durable import PartFile
from edge.base.errors import StorageError, storage_error
from edge.contract import names
from edge.trace import segment

log = logging.getLogger(__name__)

SUFFIX = ".trace"
NAME = re.compile(r"(?P<number>[0-9]{8})-(?P<random>[0-9a-f]{8})(?P<sent>\.sent)?\.trace", re.ASCII)


@dataclass(frozen=True)
class TraceFile:
    """One complete segment."""

    path: Path
    camera: str
    number: int
    is_sent: bool
    size_bytes: int
    written_ns: int
    """When it was last written, by the wall clock of then."""

    @property
    def name(self) -> str:
        """Without the mark that it was sent."""
        return self.path.name.replace(".sent", "")

    @property
    def remote_path(self) -> str:
        """Where the hub keeps it, below its address."""
        return f"traces/{self.camera}/{self.name}"


class TraceFolder:
    """All cameras' segments and their quota. Any thread may call."""

    def __init__(self, folder: Path, *, quota_bytes: int, min_free_bytes: int = 0) -> None:
        """Make the folder if need be; what a crash left open is closed. Raises StorageError."""
        self.folder = folder
        self._quota_bytes = quota_bytes
        self._min_free_bytes = min_free_bytes
        self._lock = threading.RLock()
        durable.make_dirs(folder)
        for part in sorted(folder.glob(f"*/*{SUFFIX}{durable.PART_SUFFIX}")):
            self.salvage(part)

    def begin(self, camera: str) -> PartFile:
        """A new segment of the camera, to be written to and published. Raises StorageError."""
        with self._lock:
            durable.make_dirs(self.folder / camera)
            known = [each.number for each in self.files() if each.camera == camera]
            number = max(known, default=0) + 1
            name = f"{number % 10**8:08}-{secrets.token_hex(4)}{SUFFIX}"
            return PartFile(self.folder / camera / name)

    def files(self) -> list[TraceFile]:
        """The complete segments, oldest first. Raises StorageError."""
        with self._lock:
            found = [file for path in self._listing() if (file := _file(path)) is not None]
        return sorted(found, key=lambda each: (each.written_ns, each.camera, each.number))

    def unsent(self) -> list[TraceFile]:
        """The complete segments that the hub does not have, oldest first. Raises StorageError."""
        return [each for each in self.files() if not each.is_sent]

    def sent(self, file: TraceFile) -> None:
        """The hub has it, or will never want it. Raises StorageError."""
        with self._lock:
            if file.path.exists() and not file.is_sent:
                sent = file.path.with_name(file.name.replace(SUFFIX, f".sent{SUFFIX}"))
                durable.rename(file.path, sent)

    def make_room(self, need_bytes: int = 0) -> int:
        """Remove the oldest until the quota and the disk's reserve hold with `need_bytes` more;
        how many bytes went. Raises StorageError."""
        with self._lock:
            files = self.files()
            excess = sum(each.size_bytes for each in files) + need_bytes - self._quota_bytes
            return self._remove(files, max(excess, self._short_bytes() + need_bytes))

    def keep_reserve(self) -> int:
        """Remove the oldest while others fill the disk; how many bytes went. Costs a system call
        while there is room. Raises StorageError."""
        with self._lock:
            short_bytes = self._short_bytes()
            return self._remove(self.files(), short_bytes) if short_bytes > 0 else 0

    def give_way(self, need_bytes: int) -> int:
        """Something that matters needs the room: how many bytes went. Raises StorageError."""
        with self._lock:
            return self._remove(self.files(), need_bytes)

    def has_room(self, need_bytes: int) -> bool:
        """Whether so much may be written, the disk's reserve kept. Raises StorageError."""
        return self._short_bytes() + need_bytes <= 0

    @property
    def usage_bytes(self) -> int:
        """Of the complete segments. Raises StorageError."""
        return sum(each.size_bytes for each in self.files())

    def salvage(self, part_path: Path) -> None:
        """Publish the whole chunks of a segment that was cut short. A disk that fails keeps it
        as it is until the next start."""
        path = part_path.with_name(part_path.name.removesuffix(durable.PART_SUFFIX))
        if not NAME.fullmatch(path.name):
            return
        try:
            data = part_path.read_bytes()[: segment.MAX_SEGMENT_BYTES]
            sound_bytes = segment.sound_bytes(data)
            if not sound_bytes:
                durable.remove(part_path)
                return
            part = PartFile.reopen(path)
            part.truncate(sound_bytes)
            part.publish()
        except (StorageError, OSError) as err:
            log.warning("trace %s is left as it is: %s", part_path.name, err)

    def _remove(self, files: list[TraceFile], excess_bytes: int) -> int:
        gone_bytes = 0
        for file in files:
            if gone_bytes >= excess_bytes:
                break
            durable.remove(file.path)
            gone_bytes += file.size_bytes
        return gone_bytes

    def _short_bytes(self) -> int:
        """What is missing to the reserve; below 0 what is left above it."""
        try:
            status = os.statvfs(self.folder)
        except OSError as err:
            raise storage_error(err, "cannot look at", self.folder) from err
        return self._min_free_bytes - status.f_bavail * status.f_frsize

    def _listing(self) -> list[Path]:
        try:
            return sorted(self.folder.glob(f"*/*{SUFFIX}"))
        except OSError as err:
            raise storage_error(err, "cannot list", self.folder) from err


def _file(path: Path) -> TraceFile | None:
    match = NAME.fullmatch(path.name)
    if match is None or re.fullmatch(names.CAMERA_PATTERN, path.parent.name) is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    return TraceFile(
        path, path.parent.name, int(match["number"]), match["sent"] is not None, status.st_size,
        status.st_mtime_ns,
    )  # fmt: skip
