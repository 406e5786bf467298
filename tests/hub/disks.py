"""Real small disks and mounts for tests; only root can make them."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BLOCK = b"x" * 65536


class Mount:
    """Something mounted at `path`, which is an empty folder of the disk beneath without it."""

    def __init__(self, path: Path, *options: str) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._options = options

    def mount(self) -> None:
        """Skips the test where that is not allowed."""
        result = subprocess.run(
            ["mount", *self._options, str(self.path)], capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            pytest.skip(f"mount is not possible here: {result.stderr.strip()}")

    def vanish(self) -> None:
        """As a disk that is pulled: whoever has files open keeps them."""
        subprocess.run(["umount", "-l", str(self.path)], check=True)

    def fill(self, leave_bytes: int) -> Path:
        """Take all room but about `leave_bytes` with one file, which is returned."""
        path = self.path / "filler"
        with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while free_bytes(self.path) > leave_bytes + len(BLOCK):
                file.write(BLOCK)
        return path


def free_bytes(path: Path) -> int:
    """Room left where `path` is."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


@contextlib.contextmanager
def mounts() -> Iterator[Callable[..., Mount]]:
    """Makes mounts, and takes them away at the end."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    made: list[Mount] = []

    def make(path: Path, *options: str) -> Mount:
        mount = Mount(path, *options)
        mount.mount()
        made.append(mount)
        return mount

    try:
        yield make
    finally:
        for mount in reversed(made):
            subprocess.run(["umount", "-l", str(mount.path)], capture_output=True, check=False)


def tmpfs(size: str) -> tuple[str, ...]:
    """Options of a disk in memory of that size."""
    return "-t", "tmpfs", "-o", f"size={size}", "tmpfs"
