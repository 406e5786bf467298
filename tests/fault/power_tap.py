"""Sees, and can fail, every call with which this process changes files under one folder.

`Tap` stands in for the functions of `os` (our own code) and, with `power_vfs`, for SQLite's. Each
completed call becomes an `Op`; what the code under test has promised meanwhile becomes a mark
between them. With a `Fault` one call fails instead of being made. Nothing else is changed.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from tests.fault.power_disk import Op

WRITING = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True)
class DiskFailed:
    """A mark: a call failed by now, so a journal may have been begun anew."""


class HarnessError(AssertionError):
    """The code under test went past the tap."""


@dataclass(slots=True)
class Fault:
    """The `nth` call (from 1) of those that `matches` fails with `code`; all later ones too if
    `is_lasting`. Counting starts over with each new Fault."""

    nth: int
    code: int
    is_lasting: bool = False
    only: Callable[[str, str], bool] = lambda _call, _path: True
    seen: int = 0
    hits: list[tuple[str, str]] = field(default_factory=list)

    def strikes(self, call: str, path: str) -> bool:
        """Whether this call, on that relative path, is to fail."""
        if not self.only(call, path):
            return False
        self.seen += 1
        is_due = self.seen >= self.nth if self.is_lasting else self.seen == self.nth
        if is_due:
            self.hits.append((call, path))
        return is_due


class Tap:
    """The calls under `root`, in order. Any thread may make them."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._prefix = f"{self.root}/"
        self.ops: list[Op] = []
        self.calls: list[tuple[str, str]] = []
        self.fault: Fault | None = None
        self.lock = threading.RLock()
        self.on_kill: Callable[[], None] = lambda: None
        self._is_off = False
        self.defects: list[str] = []
        """What the code under test must never do."""
        self.troubles: list[str] = []
        """Errors that it raised where its callers expect them."""
        self._open_fds: set[int] = set()  # of those that the code under test closes itself
        self._failed_fds: set[int] = set()

    def mark(self, mark: object) -> None:
        """Note what was promised by now."""
        with self.lock:
            self.ops.append(Op("mark", mark=mark))

    def add(self, op: Op) -> None:
        """Note a completed call; SQLite's wal-index is memory that only looks like a file."""
        if op.path.endswith("-shm"):
            return
        with self.lock:
            self.ops.append(op)

    def meet(self, call: str, path: str) -> int:
        """About to be made: 0, or the errno to fail with instead."""
        with self.lock:
            self.calls.append((call, path))
            if self.fault is not None and self.fault.strikes(call, path):
                return self.fault.code
            return 0

    def check(self, call: str, path: str) -> None:
        """The same, raising OSError."""
        if code := self.meet(call, path):
            raise OSError(code, os.strerror(code), path)

    def relative(self, path: str | os.PathLike[str]) -> str | None:
        """The path under `root`; None for any other."""
        if self._is_off:
            return None
        text = os.fspath(path)
        if isinstance(text, str) and text.startswith(self._prefix) and "/../" not in text:
            return text[len(self._prefix) :]
        given = Path(text)
        absolute = given.parent.resolve() / given.name
        return str(absolute.relative_to(self.root)) if absolute.is_relative_to(self.root) else None

    def of_fd(self, fd: int) -> str | None:
        """The relative path of an open descriptor; None if it is not under `root` or is gone."""
        try:
            name = str(Path(f"/proc/self/fd/{fd}").readlink())
        except OSError:
            return None
        return None if name.endswith(" (deleted)") else self.relative(name)

    def kill(self, folder: Path) -> None:
        """What the code under test has open under `folder` is from now on not the disk's any more,
        as after SIGKILL: it may be closed, but nothing that it does is seen."""
        self.on_kill()
        self._is_off = True
        try:
            dead = self.root / f".dead-{len(self.ops)}"
            insist(lambda: folder.rename(dead))
            insist(
                lambda: shutil.copytree(
                    dead, folder, ignore=shutil.ignore_patterns("*-shm"), dirs_exist_ok=True
                )
            )
        finally:
            self._is_off = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Stand in for the functions of `os`."""
        with ExitStack() as stack:
            for name in ("open", "write", "ftruncate", "fsync", "fdatasync", "close", "rename",
                         "unlink", "mkdir", "replace", "remove"):  # fmt: skip
                real = getattr(os, name)
                stack.enter_context(mock.patch.object(os, name, getattr(self, f"_{name}")(real)))
            stack.enter_context(mock.patch.object(io, "open", self._io_open(io.open)))
            yield

    def _open(self, real: Any) -> Any:
        def call(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            relative = None if isinstance(path, int) or dir_fd else self.relative(path)
            if relative is None:
                return int(real(path, flags, mode, dir_fd=dir_fd))
            self.check("open", relative)
            with self.lock:
                is_new = not os.path.lexists(path)
                fd = int(real(path, flags, mode))
                self._open_fds.add(fd)
                if is_new:
                    self.add(Op("create", relative))
                elif flags & os.O_TRUNC and flags & WRITING:
                    self.add(Op("truncate", relative))
                return fd

        return call

    def _write(self, real: Any) -> Any:
        def call(fd: int, data: Any, /) -> int:
            relative = self.of_fd(fd)
            if relative is None:
                return int(real(fd, data))
            self.check("write", relative)
            with self.lock:
                offset = os.lseek(fd, 0, os.SEEK_CUR)
                count = int(real(fd, data))
                self.add(Op("write", relative, offset, bytes(data)[:count]))
                return count

        return call

    def _ftruncate(self, real: Any) -> Any:
        def call(fd: int, length: int, /) -> None:
            relative = self.of_fd(fd)
            if relative is None:
                real(fd, length)
                return
            self.check("ftruncate", relative)
            with self.lock:
                real(fd, length)
                self.add(Op("truncate", relative, length))

        return call

    def _sync(self, real: Any, name: str) -> Any:
        def call(file: Any, /) -> None:
            fd = file if isinstance(file, int) else file.fileno()
            relative = self.of_fd(fd)
            if relative is None:
                real(fd)
                return
            is_dir = (self.root / relative).is_dir()
            if fd in self._failed_fds:
                self.defects.append(f"{relative} was flushed again on the descriptor that failed")
            try:
                self.check(f"{name} folder" if is_dir else name, relative)
            except OSError:
                if not is_dir:
                    self._failed_fds |= {fd} & self._open_fds
                    self.add(Op("sync_failed", relative))
                raise
            with self.lock:
                real(fd)
                self.add(Op("sync_dir" if is_dir else "sync", relative))

        return call

    def _fsync(self, real: Any) -> Any:
        return self._sync(real, "fsync")

    def _fdatasync(self, real: Any) -> Any:
        return self._sync(real, "fdatasync")

    def _close(self, real: Any) -> Any:
        def call(fd: int, /) -> None:
            self._open_fds.discard(fd)
            self._failed_fds.discard(fd)
            real(fd)

        return call

    def _rename(self, real: Any) -> Any:
        def call(source: Any, target: Any, **more: Any) -> None:
            old, new = self.relative(source), self.relative(target)
            if old is None or new is None:
                real(source, target, **more)
                return
            self.check("rename", new)
            with self.lock:
                real(source, target, **more)
                self.add(Op("rename", old, target=new))

        return call

    _replace = _rename

    def _unlink(self, real: Any) -> Any:
        def call(path: Any, **more: Any) -> None:
            relative = self.relative(path)
            if relative is None or more.get("dir_fd") is not None:
                real(path, **more)
                return
            if os.path.lexists(path):
                self.check("unlink", relative)
            with self.lock:
                real(path, **more)
                self.add(Op("unlink", relative))

        return call

    _remove = _unlink

    def _mkdir(self, real: Any) -> Any:
        def call(path: Any, mode: int = 0o777, **more: Any) -> None:
            relative = self.relative(path)
            if relative is None or more.get("dir_fd") is not None:
                real(path, mode, **more)
                return
            self.check("mkdir", relative)
            with self.lock:
                real(path, mode, **more)
                self.add(Op("mkdir", relative))

        return call

    def _io_open(self, real: Any) -> Any:
        def call(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
            relative = None if isinstance(file, int) else self.relative(file)
            if relative is not None:
                if set(mode) & set("wax+"):
                    self.defects.append(f"{relative} was opened for writing past edge.base.durable")
                self.check("open", relative)
            return real(file, mode, *more, **named)

        return call


def insist(act: Callable[[], object]) -> None:
    """Do something of the harness's own once more, if an error meant for the product met it."""
    try:
        act()
    except (OSError, shutil.Error):
        act()


def errno_name(code: int) -> str:
    """EIO for 5, and so on."""
    return errno.errorcode[code]
