"""A file that only takes up space, so that a full disk still has room for the journal.

On a full disk SQLite cannot even delete (its log must grow first); giving up the ballast lets the
journal go on until clips have made room and the ballast can be made again.
"""

from __future__ import annotations

import os
from pathlib import Path

from edge.base import durable
from edge.base.errors import StorageError, storage_error


class Ballast:
    """The file beside a journal. Any thread may call; nothing is kept in memory."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        """`size_bytes` 0 means that there is none."""
        self._path = path
        self._size_bytes = size_bytes

    def release(self) -> bool:
        """Give up the space; false when there was none to give."""
        try:
            return durable.remove(self._path)
        except StorageError:
            return False

    def missing_bytes(self) -> int:
        """How much space must become free before the ballast can be made again. StorageError.

        As much again stays free beside it: made with the last byte, it would only be given up.
        """
        if self._size_bytes == 0 or self._path.exists():
            return 0
        return max(0, 2 * self._size_bytes - self._free_bytes())

    def restore(self) -> bool:
        """Make it again if it is missing and there is room; whether it was made. StorageError."""
        if self._size_bytes == 0 or self._path.exists() or self.missing_bytes():
            return False
        durable.reserve(self._path, self._size_bytes)
        return True

    def _free_bytes(self) -> int:
        try:
            status = os.statvfs(self._path.parent)
        except OSError as err:
            raise storage_error(err, "cannot ask about", self._path.parent) from err
        return status.f_bavail * status.f_frsize
