"""The folder NODE/CAMERA/NUMBER-RANDOM.trace, with a quota for each camera and an age limit.

Traces are no evidence: they are neither signed nor recorded in the archive, and the oldest give way
to the newest. What a node sends is read before it is kept; of another camera's it takes nothing.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.base import durable
from edge.base.errors import CamwatchError, StorageError, storage_error
from edge.contract import names
from edge.trace import segment

NAME = re.compile(r"[0-9]{8}-[0-9a-f]{8}\.trace", re.ASCII)


class TraceRefusedError(CamwatchError):
    """What a node sent is no trace of its own."""


class TraceStore:
    """All nodes' traces. Any thread may call."""

    def __init__(
        self,
        folder: Path,
        *,
        camera_bytes: int,
        keep_s: float,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """`camera_bytes`: for each camera, at most. Nothing is made before something comes."""
        self._folder = folder
        self._camera_bytes = camera_bytes
        self._keep_s = keep_s
        self._now_s = now_s
        self._lock = threading.Lock()

    def put(self, node: str, camera: str, name: str, data: bytes) -> bool:
        """Keep a segment; false where it was there. Raises TraceRefusedError, StorageError."""
        if re.fullmatch(names.CAMERA_PATTERN, camera) is None or NAME.fullmatch(name) is None:
            raise TraceRefusedError("the name is not CAMERA/NUMBER-RANDOM.trace")
        whose = {(each.node, each.camera) for each in segment.heads(data)}
        if not whose:
            raise TraceRefusedError("not one whole chunk of a known version is in it")
        if foreign := whose - {(node, camera)}:
            named = ", ".join("/".join(each) for each in sorted(foreign)[:3])
            raise TraceRefusedError(f"it holds a trace of {named}, not of {node}/{camera}")
        path = self._folder / node / camera / name
        with self._lock:
            try:
                if path.exists() and path.stat().st_size == len(data):
                    return False
            except OSError as err:
                raise storage_error(err, "cannot look at", path) from err
            durable.make_dirs(path.parent)
            durable.write_file(path, data)
            self._tidy(path.parent)
        return True

    def paths(self, node: str | None = None) -> Sequence[Path]:
        """The segments kept, of one node or of all."""
        return sorted(self._folder.glob(f"{node or '*'}/*/*.trace"))

    def files(self, node: str, camera: str, since_s: float) -> list[tuple[Path, int]]:
        """One camera's segments that came since then (seconds since 1970), the oldest first, each
        with its size in bytes. Raises StorageError."""
        folder = self._folder / node / camera
        found = self._newest_first(folder) if folder.is_dir() else []
        return [(path, size) for written_s, path, size in reversed(found) if written_s >= since_s]

    def _tidy(self, folder: Path) -> None:
        """Remove what is too old or too much; the newest stays."""
        oldest_s = self._now_s() - self._keep_s
        left_bytes = self._camera_bytes
        for number, (written_s, path, size_bytes) in enumerate(self._newest_first(folder)):
            left_bytes -= size_bytes
            if number and (left_bytes < 0 or written_s < oldest_s):
                durable.remove(path)

    def _newest_first(self, folder: Path) -> list[tuple[float, Path, int]]:
        found = []
        try:
            for path in folder.iterdir():
                if NAME.fullmatch(path.name):
                    status = path.stat()
                    found.append((status.st_mtime, path, status.st_size))
        except OSError as err:
            raise StorageError(f"cannot list {folder}: {err.strerror}") from err
        return sorted(found, key=lambda each: (each[0], each[1].name), reverse=True)
