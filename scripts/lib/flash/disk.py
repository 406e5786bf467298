"""Is this the right disk, and is it free? Asked twice: when it is named, and right before writing.

Read from sysfs and /proc alone. The last word has the kernel: the disk is opened with O_EXCL, which
fails while any of it is mounted, is swap, or is held by device mapper or MD (Linux, blkdev_open).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from scripts.lib.flash.errors import DiskError

SECTOR = 512  # sysfs counts in these, whatever the disk's own are
EXPECTED_BUSES = ("usb", "sd", "loop")


@dataclass(frozen=True)
class Disk:
    """A disk as it can be told from others."""

    path: Path
    number: str  # major:minor
    size: int  # bytes
    model: str
    serial: str
    bus: str  # usb, sd, loop, or built in
    is_removable: bool
    parts: tuple[str, ...] = field(compare=False)  # kernel names of its partitions

    @property
    def name(self) -> str:
        """The kernel's name, such as sdb."""
        return self.path.name

    @property
    def words(self) -> str:
        """For people: what stands on the disk itself, so that it can be compared."""
        parts = f"{len(self.parts)} partitions" if self.parts else "no partitions"
        serial = f", serial {self.serial}" if self.serial else ""
        return (
            f"{self.path}: {self.model or 'unknown model'}{serial}, {self.size / 1e9:.1f} GB "
            f"({self.bus}), {parts}"
        )


@dataclass(frozen=True)
class System:
    """Where the kernel tells of its disks."""

    sys: Path = Path("/sys")
    proc: Path = Path("/proc")

    def look(self, path: Path) -> Disk:
        """The disk at `path`. Raises DiskError where it is none, or only a part of one."""
        try:
            real = path.resolve(strict=True)
            mode = real.stat()
        except OSError as err:
            raise DiskError(f"cannot look at {path}: {err.strerror}") from err
        if not stat.S_ISBLK(mode.st_mode):
            raise DiskError(f"{path} is not a disk")
        number = f"{os.major(mode.st_rdev)}:{os.minor(mode.st_rdev)}"
        return self.disk(real, number)

    def disk(self, path: Path, number: str) -> Disk:
        """As `look`, for the device `number` (major:minor)."""
        here = (self.sys / "dev" / "block" / number).resolve()
        if (here / "partition").exists():
            raise DiskError(
                f"{path} is a partition; a card is written as a whole",
                hint=f"give the disk that it is on: /dev/{here.parent.name}",
            )
        if _text(here / "ro") == "1":
            raise DiskError(f"{path} is write-protected", hint="move the card's lock switch")
        size = int(_text(here / "size") or 0) * SECTOR
        if not size:
            raise DiskError(f"{path} is empty: no card is in it")
        device = here / "device"
        model = " ".join(filter(None, (_text(device / "vendor"), _text(device / "model"))))
        model = model or _text(device / "name") or _text(here / "loop" / "backing_file")
        serial = _text(device / "serial") or _text(here / "serial")
        parts = sorted(each.name for each in here.iterdir() if (each / "partition").exists())
        is_removable = _text(here / "removable") == "1"
        bus = self._bus(here)
        return Disk(path, number, size, model, serial, bus, is_removable, tuple(parts))

    def _bus(self, here: Path) -> str:
        if here.name.startswith("loop"):
            return "loop"
        if here.name.startswith("mmcblk"):
            return "sd" if _text(here / "device" / "type") == "SD" else "built in"
        is_usb = any(part.startswith("usb") for part in here.parts)
        return "usb" if is_usb else "built in"

    def users(self, disk: Disk) -> list[str]:
        """What uses the disk or a part of it, in words; empty when nothing does."""
        here = (self.sys / "dev" / "block" / disk.number).resolve()
        found = []
        for place in (here, *(here / part for part in disk.parts)):
            number = _text(place / "dev") or disk.number
            found += [f"{place.name} is mounted at {at}" for at in self._mounts(number, place.name)]
            if place.name in self._swaps():
                found.append(f"{place.name} is swap space")
            found += [
                f"{place.name} belongs to {_text(each / 'dm' / 'name') or each.name}"
                for each in sorted(_children(place / "holders"))
            ]
        return found

    def _mounts(self, number: str, name: str) -> list[str]:
        """By device number, and by name for file systems that have numbers of their own (btrfs)."""
        found = []
        for line in _text(self.proc / "self" / "mountinfo").splitlines():
            words = line.split()
            source = words[words.index("-") + 2] if "-" in words else ""
            if words[2] == number or source == f"/dev/{name}":
                found.append(words[4].replace("\\040", " "))
        return found

    def _swaps(self) -> set[str]:
        lines = _text(self.proc / "swaps").splitlines()[1:]
        return {Path(line.split()[0]).name for line in lines if line}


def check_free(system: System, disk: Disk, needed: int, *, may_be_built_in: bool) -> None:
    """Raises DiskError unless the disk may be overwritten with `needed` bytes."""
    if users := system.users(disk):
        remedy = "is it the right disk? unmount what is on it, or take it out of use"
        raise DiskError(f"{disk.path} is in use: {'; '.join(users)}", hint=remedy)
    if disk.bus not in EXPECTED_BUSES and not disk.is_removable and not may_be_built_in:
        raise DiskError(
            f"{disk.words}: it is no memory card or USB disk, but built into this machine",
            hint="if it shall really be overwritten, add --built-in",
        )
    if disk.size < needed:
        raise DiskError(
            f"{disk.path} has {disk.size / 1e9:.1f} GB, the image needs {needed / 1e9:.1f}",
            hint="take a larger card",
        )


def check_same(system: System, disk: Disk) -> None:
    """Raises DiskError where the disk is another one than it was, or in use since."""
    now = system.look(disk.path)
    if now != disk:
        raise DiskError(
            f"{disk.path} was exchanged: it was {disk.words}, it is {now.words}", hint="begin again"
        )
    if users := system.users(now):
        raise DiskError(f"{disk.path} is in use now: {'; '.join(users)}", hint="begin again")


def open_exclusive(disk: Disk) -> int:
    """A descriptor for writing, which nobody else can take or mount. Raises DiskError."""
    try:
        fd = os.open(disk.path, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC)
    except PermissionError as err:
        raise DiskError(
            f"only root can write {disk.path}", hint="sudo scripts/flash-node ..."
        ) from err
    except OSError as err:
        raise DiskError(f"{disk.path} cannot be taken: {err.strerror}") from err
    rdev = os.fstat(fd).st_rdev
    if f"{os.major(rdev)}:{os.minor(rdev)}" != disk.number:
        os.close(fd)
        raise DiskError(f"{disk.path} is another device now", hint="begin again")
    return fd


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _children(path: Path) -> list[Path]:
    return list(path.iterdir()) if path.is_dir() else []
