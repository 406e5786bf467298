"""Real small disks and mounts for tests; only root can make them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

BLOCK = b"x" * 65536
FREE_S = 180.0  # within which all containers that are being made have left what they copied


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


class ErringDisk:
    """An ext4 file system of 64 MiB that turns read-only at its first error."""

    def __init__(self, image: Path, path: Path) -> None:
        self._image = image
        self.path = path

    @classmethod
    @contextlib.contextmanager
    def mounted(cls, image: Path, path: Path) -> Iterator[Self]:
        """Made and mounted; skips the test where that is not allowed."""
        if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
            pytest.skip("needs root and mkfs.ext4, to mount a disk that fails")
        disk = cls(image, path)
        with image.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, 64 * 2**20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
        path.mkdir(parents=True, exist_ok=True)
        disk.mount()
        try:
            yield disk
        finally:
            subprocess.run(["umount", "-l", str(path)], capture_output=True, check=False)

    def mount(self) -> None:
        """Skips the test where that is not allowed."""
        command = ["mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"cannot mount a loop device here: {done.stderr.strip()}")
        self.path.chmod(0o700)

    def mend(self) -> None:
        """Check the file system and mount it again, as the next boot does. Nobody may use it."""
        subprocess.run(["umount", str(self.path)], check=True)
        self._wait_until_nobody_has_it()
        done = subprocess.run(
            ["e2fsck", "-fy", str(self._image)], capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 1), done.stdout + done.stderr
        self.mount()

    def _wait_until_nobody_has_it(self) -> None:
        """A container that is being made beside this test has a copy of all mounts for a moment;
        until it has left them the file system lives on, read-only."""
        until_s = time.monotonic() + FREE_S
        while self._loop_devices():
            assert time.monotonic() < until_s, f"{self._image} is still mounted somewhere"
            time.sleep(0.2)

    def _loop_devices(self) -> str:
        listed = ["losetup", "--noheadings", "--output", "NAME", "--associated", str(self._image)]
        return subprocess.run(listed, capture_output=True, text=True, check=True).stdout.strip()


def turn_read_only(folder: Path) -> None:
    """Report an error to the kernel's ext4, which then takes no more writes."""
    device = subprocess.run(
        ["findmnt", "-no", "SOURCE", str(folder)], capture_output=True, text=True, check=True
    )
    trigger = Path("/sys/fs/ext4") / Path(device.stdout.strip()).name / "trigger_fs_error"
    if not trigger.exists():
        pytest.skip("this kernel's ext4 cannot be told of an error")
    trigger.write_text("1")
