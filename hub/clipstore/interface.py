"""The clip store as the rest of the hub sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from edge.base.errors import StorageError


class HashMismatchError(StorageError):
    """Bytes are not those that their name promises. Trying again with them cannot help."""

    def __init__(self, sha256: str, found: str) -> None:
        super().__init__(f"content has SHA-256 {found}, announced was {sha256}", is_retryable=False)
        self.sha256 = sha256
        self.found = found


class ClipStore(Protocol):
    """Durable content by hash. What was kept survives a power cut once the method returned.

    Methods may be called from any thread and block. They raise StorageError, DiskFullError for a
    full disk. `sha256` is 64 lower-case hexadecimal digits; callers check that.
    """

    def adopt(self, source: Path, sha256: str) -> None:
        """Take the complete local file `source`, which is gone on success.

        Raises HashMismatchError, with `source` left where it is.
        """

    def keep(self, content: bytes, sha256: str) -> None:
        """Keep `content`. Raises HashMismatchError."""

    def size_of(self, sha256: str) -> int | None:
        """Length in bytes of what is kept under that hash, or None."""

    def read(self, sha256: str) -> Iterator[bytes]:
        """The content in blocks, hashed on the way.

        Raises HashMismatchError after the last block where the stored bytes have changed.
        """

    def kept(self) -> Iterator[str]:
        """The hashes of all that is kept, in no order. What comes or goes meanwhile may be told."""

    def remove(self, sha256: str) -> bool:
        """Forget the content, durable on return; false when it was not there."""
