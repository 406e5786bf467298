"""Uploads that are worth the least: traces, after every clip, within so many bytes a day.

Each is small and goes in one request. What the hub refuses for itself is not offered again; while
the hub takes none, as one that knows no traces, or has no room, it is left alone for a while.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.uplink.tus import TusClient, UploadError

log = logging.getLogger(__name__)

DAY_NS = 86_400 * 10**9
LOOK_S = 30.0  # between two looks for what waits
PAUSE_S = 900.0  # after the hub took none
REFUSED = frozenset({413, 422})  # of this file, whatever is tried

F = TypeVar("F", bound="SpareFile")


class SpareFile(Protocol):
    """A file that may go to the hub."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def remote_path(self) -> str:
        """Where it goes, below the hub's address."""


class SpareFiles(Protocol[F]):
    """Where such files are kept."""

    def unsent(self) -> Sequence[F]:
        """What waits, oldest first. Raises StorageError."""

    def sent(self, file: F) -> None:
        """It need not be sent any more. Raises StorageError."""


class SpareUploads(Generic[F]):
    """Used by the uploader's thread, when it has nothing better to do."""

    def __init__(
        self, client: TusClient, files: SpareFiles[F], *, clock: Clock, bytes_a_day: int
    ) -> None:
        self._client = client
        self._files = files
        self._clock = clock
        self._bytes_a_day = bytes_a_day
        self._sent: deque[tuple[int, int]] = deque()
        self._next_ns = 0

    def run_once(self) -> bool:
        """Bring one file up; false where none is due. Never raises for what goes wrong."""
        now_ns = self._clock.mono_ns()
        if now_ns < self._next_ns or not self._bytes_a_day:
            return False
        self._next_ns = now_ns + round(LOOK_S * 1e9)
        try:
            waiting = self._files.unsent()
            if not waiting:
                return False
            body = waiting[0].path.read_bytes()
            if not self._may_send(len(body), now_ns):
                return False
            self._send(waiting[0], body)
        except (UploadError, StorageError, OSError) as err:
            self._next_ns = now_ns + round(PAUSE_S * 1e9)
            text = error_chain(err) if isinstance(err, UploadError | StorageError) else str(err)
            log.info("no trace was sent: %s; next attempt in %.0f s", text, PAUSE_S)
            self._client.close()
            return False
        self._sent.append((now_ns, len(body)))
        self._next_ns = now_ns if len(waiting) > 1 else self._next_ns
        return True

    def _send(self, file: F, body: bytes) -> None:
        try:
            self._client.put(file.remote_path, body)
        except UploadError as err:
            if err.status not in REFUSED:
                raise
            log.warning("the hub refuses %s: %s", file.path.name, err)
        self._files.sent(file)

    def _may_send(self, size_bytes: int, now_ns: int) -> bool:
        while self._sent and now_ns - self._sent[0][0] >= DAY_NS:
            self._sent.popleft()
        return sum(size for _, size in self._sent) + size_bytes <= self._bytes_a_day
