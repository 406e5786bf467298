"""The one place that creates, replaces, renames and removes files that must survive a power cut.

Invariants
- A name that is visible without the suffix `.part` is complete: its bytes were flushed before the
  rename, and the rename was flushed before any caller learns of success.
- A part is created with O_EXCL: an existing one is never opened for writing by mistake.
- What `flush_to_disk` flushed survives under the part's name: the first time it flushes the folder
  too, for POSIX does not promise that fsync of a new file keeps its name.
- After a failed fsync nothing is tried again on that descriptor (the kernel may have dropped the
  dirty pages and report success the next time); the file counts as not written.

Order, for a file written over time (`PartFile`) and at once (`write_file`)
1. open NAME.part with O_CREAT|O_EXCL   2. write   3. fsync the file   4. close
5. rename NAME.part to NAME   6. fsync the folder   7. only then: return, and let a database row
   name the file.
Removing is the reverse: first the row is taken back, then `remove`, which flushes the folder.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.base import crashpoint
from edge.base.errors import StorageError, storage_error

PART_SUFFIX = ".part"
PRIVATE_MODE = 0o600
PRIVATE_DIR_MODE = 0o700


class PartFile:
    """A file being written under `PATH.part`; it appears under `path` when published.

    Seekable and readable, so that a muxer can mend its headers. Used by one thread at a time.
    As a context manager it is discarded unless published.
    """

    def __init__(self, path: Path, *, mode: int = PRIVATE_MODE) -> None:
        self.path = path
        self.part_path = part_path(path)
        self._is_sound = True
        self._is_mine = True  # until published or left, `discard` removes the part
        self._is_named = False  # whether the folder was flushed since the part was created
        try:
            self._fd = os.open(
                self.part_path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode
            )
        except OSError as err:
            raise storage_error(err, "cannot create", self.part_path) from err
        crashpoint.at("part.created", path)

    @classmethod
    def reopen(cls, path: Path) -> Self:
        """The `PATH.part` that a crash left behind, to be mended. Raises StorageError.

        It is never removed by `discard`, only published or left.
        """
        part = cls.__new__(cls)
        part.path = path
        part.part_path = part_path(path)
        part._is_sound = True
        part._is_mine = False
        part._is_named = True
        try:
            part._fd = os.open(part.part_path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as err:
            raise storage_error(err, "cannot open", part.part_path) from err
        return part

    def write(self, data: bytes) -> int:
        """Write all of `data` at the current position. Raises StorageError; then discard."""
        self._check_sound()
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as err:
            self._is_sound = False
            raise storage_error(err, "cannot write", self.part_path) from err
        return len(data)

    def read(self, size_bytes: int = -1) -> bytes:
        """Up to `size_bytes` from the current position; empty at the end. Raises StorageError."""
        try:
            if size_bytes < 0:
                size_bytes = os.fstat(self._fd).st_size
            return os.read(self._fd, size_bytes)
        except OSError as err:
            raise storage_error(err, "cannot read", self.part_path) from err

    def truncate(self, size_bytes: int) -> None:
        """Cut off what lies behind `size_bytes`. Raises StorageError; then discard."""
        self._check_sound()
        try:
            os.ftruncate(self._fd, size_bytes)
        except OSError as err:
            self._is_sound = False
            raise storage_error(err, "cannot cut", self.part_path) from err

    def allocate(self, size_bytes: int) -> None:
        """Claim `size_bytes` of disk space. Raises StorageError; then discard."""
        self._check_sound()
        try:
            os.posix_fallocate(self._fd, 0, size_bytes)
        except OSError as err:
            self._is_sound = False
            raise storage_error(err, "cannot reserve space for", self.part_path) from err

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position, as `io.IOBase.seek` does."""
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        """The current position in bytes."""
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    def seekable(self) -> bool:
        """True; PyAV asks."""
        return True

    def flush_to_disk(self) -> None:
        """What was written so far survives a power cut, name and all. Raises StorageError."""
        crashpoint.at("part.flush", self.path)
        self._sync(os.fdatasync)
        if not self._is_named:
            flush_dir(self.part_path.parent)
            self._is_named = True

    def publish(self) -> None:
        """Flush, close, rename, flush the folder. Raises StorageError.

        After an error the file counts as not written. Nothing appears under `path` then, save
        when only flushing the folder failed: the complete file may appear, or vanish later.
        """
        crashpoint.at("publish.fsync", self.path)
        self._sync(os.fsync)
        self._close()
        rename(self.part_path, self.path)
        self._is_mine = False
        crashpoint.at("publish.done", self.path)

    def discard(self) -> None:
        """Close and remove the part; does nothing once published or left."""
        if not self._is_mine:
            return
        self._is_mine = False
        with contextlib.suppress(StorageError):
            self._close()
        with contextlib.suppress(OSError):
            self.part_path.unlink()

    def leave(self) -> None:
        """Close and keep the part as it is, for a later recovery."""
        self._is_mine = False
        self._close()

    def _check_sound(self) -> None:
        if not self._is_sound:
            raise StorageError(f"{self.part_path} failed before", path=str(self.part_path))

    def _sync(self, sync: Callable[[int], None]) -> None:
        self._check_sound()
        try:
            sync(self._fd)
        except OSError as err:
            self._is_sound = False
            raise storage_error(err, "cannot flush", self.part_path) from err

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        try:
            os.close(fd)
        except OSError as err:  # the descriptor is gone all the same, close(2)
            self._is_sound = False
            raise storage_error(err, "cannot close", self.part_path) from err

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()


def part_path(path: Path) -> Path:
    """Where `path` is written before it is complete."""
    return path.with_name(path.name + PART_SUFFIX)


def write_file(path: Path, data: bytes, *, mode: int = PRIVATE_MODE) -> None:
    """Make `path` hold `data`, all or nothing, durable on return. Raises StorageError."""
    try:
        part_path(path).unlink(missing_ok=True)
    except OSError as err:
        raise storage_error(err, "cannot replace", part_path(path)) from err
    with PartFile(path, mode=mode) as part:
        part.write(data)
        part.publish()


def reserve(path: Path, size_bytes: int) -> None:
    """Make `path` a file that only holds disk space, durable on return. Raises StorageError.

    The space is claimed without being written where the file system can do that.
    """
    try:
        part_path(path).unlink(missing_ok=True)
    except OSError as err:
        raise storage_error(err, "cannot replace", part_path(path)) from err
    with PartFile(path) as part:
        part.allocate(size_bytes)
        part.publish()


def rename(source: Path, target: Path) -> None:
    """Rename within one file system, durable on return. Raises StorageError."""
    crashpoint.at("rename.begin", target)
    try:
        source.rename(target)
    except OSError as err:
        raise storage_error(err, "cannot rename to", target) from err
    crashpoint.at("rename.flush", target)
    flush_dir(target.parent)
    if source.parent != target.parent:
        flush_dir(source.parent)


def remove(path: Path) -> bool:
    """Unlink, durable on return; false when it was not there. Raises StorageError."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as err:
        raise storage_error(err, "cannot remove", path) from err
    crashpoint.at("remove.flush", path)
    flush_dir(path.parent)
    return True


def make_dirs(path: Path, *, mode: int = PRIVATE_DIR_MODE) -> None:
    """Create `path` and its missing parents, durable on return. Raises StorageError."""
    try:
        missing = [each for each in (path, *path.parents) if not each.is_dir()]
        for each in reversed(missing):
            each.mkdir(mode=mode, exist_ok=True)
            flush_dir(each.parent)
    except OSError as err:
        raise storage_error(err, "cannot make folder", path) from err


def flush_dir(path: Path) -> None:
    """fsync a folder, so that renames and removals in it survive. Raises StorageError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as err:
        raise storage_error(err, "cannot flush folder", path) from err
