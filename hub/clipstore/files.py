"""The clip store in a folder: ROOT/ab/cd/abcd...SUFFIX, one file a hash.

Order of adopting: 1. hash the source  2. fsync it  3. rename it into place  4. fsync both folders
5. return; only then a row names it. A file under its final name is always complete, so finding one
of the right size there means that an earlier attempt got that far.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from edge.base import durable
from edge.base.errors import StorageError, storage_error
from hub.clipstore.interface import HashMismatchError

BLOCK_BYTES = 1 << 20


class FileClipStore:
    """`ClipStore` under `root`; see the interface for what each method does."""

    def __init__(self, root: Path, *, suffix: str, must_exist: bool = False) -> None:
        """`root` is made if absent, unless it must exist already. `suffix`, such as .mp4, is for
        people who look inside."""
        self._root = root
        self._suffix = suffix
        if not must_exist:
            durable.make_dirs(root)

    def path_of(self, sha256: str) -> Path:
        """Where that content is, or would be."""
        return self._root / sha256[:2] / sha256[2:4] / (sha256 + self._suffix)

    def adopt(self, source: Path, sha256: str) -> None:
        _check(sha256, _hash_and_flush(source))
        target = self.path_of(sha256)
        self._make_room_for(target)
        durable.rename(source, target)

    def keep(self, content: bytes, sha256: str) -> None:
        _check(sha256, hashlib.sha256(content).hexdigest())
        target = self.path_of(sha256)
        if not target.exists():
            self._make_room_for(target)
            durable.write_file(target, content)

    def size_of(self, sha256: str) -> int | None:
        try:
            return self.path_of(sha256).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as err:
            raise storage_error(err, "cannot look at", self.path_of(sha256)) from err

    def read(self, sha256: str) -> Iterator[bytes]:
        path, digest = self.path_of(sha256), hashlib.sha256()
        try:
            with path.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    digest.update(block)
                    yield block
        except OSError as err:
            raise storage_error(err, "cannot read", path) from err
        _check(sha256, digest.hexdigest())

    def remove(self, sha256: str) -> bool:
        return durable.remove(self.path_of(sha256))

    def kept(self) -> Iterator[str]:
        try:
            for folder, _, names in os.walk(self._root, onerror=_raise):
                for name in names:
                    sha256 = name.removesuffix(self._suffix)
                    if self.path_of(sha256) == Path(folder) / name:
                        yield sha256
        except OSError as err:
            raise storage_error(err, "cannot list", self._root) from err

    def _make_room_for(self, target: Path) -> None:
        """Make the file's folder, but never the store's own: without it the disk is away."""
        if not self._root.is_dir():
            raise StorageError(f"{self._root} is gone; is its disk mounted?", path=str(self._root))
        durable.make_dirs(target.parent)


def _raise(err: OSError) -> None:
    raise err


def _hash_and_flush(path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err
    return found


def _check(sha256: str, found: str) -> None:
    if found != sha256:
        raise HashMismatchError(sha256, found)
