"""Gathers one camera's lines in memory and writes them seldom, for the card's sake.

Lines wait until an event ended, EVENT_S after the write before; until FULL_BYTES are there; or an
hour. Then a chunk is appended to the open segment, without a flush of its own; a segment is closed
and flushed after SEGMENT_S or SEGMENT_BYTES. So a power cut costs at most what was gathered since,
and what the kernel had not written yet (some 30 s). A disk that is full or fails costs traces only.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from edge.base.clock import Clock
from edge.base.durable import PartFile
from edge.base.errors import DiskFullError, StorageError
from edge.trace import lines, segment
from edge.trace.folder import TraceFolder
from edge.trace.lines import Line, Mark
from edge.trace.segment import Head

log = logging.getLogger(__name__)

EVENT_S = 60.0
IDLE_S = 3600.0
FULL_BYTES = 128 * 1024  # deflated some 80 KiB
MAX_WAITING_BYTES = 1024 * 1024  # while the disk fails; then the oldest are lost
SEGMENT_S = 3600.0
SEGMENT_BYTES = 512 * 1024
AGAIN_S = 300.0  # after a disk that failed

Size = tuple[int, int]
"""Width and height of the small picture, pixels."""


@dataclass(frozen=True)
class Kept:
    """What became of the lines of this run."""

    lines: int = 0
    lost: int = 0
    """Lines that could not be written, or not in time."""
    bytes: int = 0


@dataclass
class _Batch:
    """Lines of one picture size, encoded; the first counts from 0."""

    size: Size
    since_ns: int
    encoded: bytearray = field(default_factory=bytearray)
    count: int = 0
    before_ns: int = 0


class TraceWriter:
    """`note` is for the analysis thread and never waits for a disk; `write` for one that may."""

    def __init__(
        self, folder: TraceFolder, camera: str, *, clock: Clock, head: Callable[[Size], Head]
    ) -> None:
        """`head`: what lines of that picture size mean, as is known when they are written."""
        self._folder = folder
        self._camera = camera
        self._clock = clock
        self._head = head
        self._lock = threading.Lock()
        self._batches: deque[_Batch] = deque()
        self._size: Size | None = None
        self._is_event_over = False
        self._written_ns = clock.mono_ns()
        self._part: PartFile | None = None
        self._part_ns = 0
        self._part_bytes = 0
        self._again_ns = 0
        self.kept = Kept()
        self.problem = ""

    def note(self, line: Line, size: Size | None = None) -> None:
        """Keep a line; of a picture of that size, or of the same as the line before."""
        with self._lock:
            batch = self._batch(size)
            if batch is None:
                return
            batch.encoded += lines.encode(line, batch.before_ns)
            batch.before_ns = line.mono_ns
            batch.count += 1
            if isinstance(line, Mark):
                self._is_event_over |= line.kind == "event.ended"
            while self._waiting_bytes() > MAX_WAITING_BYTES:
                self._lose(self._batches.popleft().count)

    def write(self, *, is_last: bool = False) -> None:
        """Write what is due; with `is_last` everything, and close the segment. Blocks."""
        now_ns = self._clock.mono_ns()
        try:
            self._folder.keep_reserve()
            if now_ns >= self._again_ns and (is_last or self._is_due(now_ns)):
                self._append(now_ns)
            if self._part is not None and (is_last or self._is_complete(now_ns)):
                part, self._part = self._part, None
                part.publish()
                self._folder.make_room()
        except StorageError as err:
            self._fail(err, now_ns)

    def _batch(self, size: Size | None) -> _Batch | None:
        """Where the next line goes; None for what belongs to no picture yet."""
        last = self._batches[-1] if self._batches else None
        self._size = size = size or self._size
        if size is None:
            return None
        if last is None or last.size != size or len(last.encoded) >= FULL_BYTES:
            last = _Batch(size, self._clock.mono_ns())
            self._batches.append(last)
        return last

    def _waiting_bytes(self) -> int:
        return sum(len(each.encoded) for each in self._batches)

    def _is_due(self, now_ns: int) -> bool:
        with self._lock:
            if not self._batches:
                return False
            if len(self._batches) > 1 or len(self._batches[0].encoded) >= FULL_BYTES:
                return True
            if self._is_event_over and now_ns - self._written_ns >= EVENT_S * 1e9:
                return True
            return now_ns - self._batches[0].since_ns >= IDLE_S * 1e9

    def _is_complete(self, now_ns: int) -> bool:
        return self._part_bytes >= SEGMENT_BYTES or now_ns - self._part_ns >= SEGMENT_S * 1e9

    def _append(self, now_ns: int) -> None:
        with self._lock:
            batches, self._batches = self._batches, deque()
            self._is_event_over = False
        left = sum(each.count for each in batches)
        try:
            for batch in batches:
                self._write(segment.pack(self._head(batch.size), bytes(batch.encoded)), now_ns)
                left -= batch.count
                self.kept = replace(self.kept, lines=self.kept.lines + batch.count)
        except StorageError:
            self._lose(left)
            raise
        self._written_ns = now_ns
        self.problem = ""

    def _write(self, chunk: bytes, now_ns: int) -> None:
        self._folder.make_room(len(chunk))
        if not self._folder.has_room(len(chunk)):
            raise DiskFullError("the disk is nearly full", path=str(self._folder.folder))
        if self._part is None:
            self._part = self._folder.begin(self._camera)
            self._part_ns, self._part_bytes = now_ns, 0
        self._part_bytes += self._part.write(chunk)
        self.kept = replace(self.kept, bytes=self.kept.bytes + len(chunk))

    def _lose(self, count: int) -> None:
        self.kept = replace(self.kept, lost=self.kept.lost + count)

    def _fail(self, err: StorageError, now_ns: int) -> None:
        if not self.problem:
            log.warning("%s: traces are not kept: %s", self._camera, err)
        self.problem = f"traces of camera {self._camera} are not kept: {err}"
        self._again_ns = now_ns + round(AGAIN_S * 1e9)
        part, self._part = self._part, None
        if part is not None:
            try:
                part.leave()
            except StorageError as again:
                log.debug("trace left: %s", again)
            self._folder.salvage(part.part_path)
