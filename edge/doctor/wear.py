"""How worn the disk is, by what eMMC, SD cards and ext4 tell of themselves in /sys.

An SD card mostly tells nothing: then only what was written to its file system is known.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edge.base.findings import Finding, failed, passed, skipped, warned
from edge.base.units import format_size

SYS = Path("/sys")
WORN_TENTHS = 8  # life time estimates are in tenths, 1 for up to a tenth; JESD84-B51, 7.4.41
EXCEEDED = 11
PRE_EOL = {2: "most of its spare blocks are used", 3: "nearly all of its spare blocks are used"}
REPLACE = "replace it soon: camwatch-edge keeps what waits for the hub on it"


def wear(folder: Path, sys: Path = SYS) -> Iterator[Finding]:
    """The wear of the disk below `folder`."""
    try:
        number = folder.stat().st_dev
        device = (sys / f"dev/block/{os.major(number)}:{os.minor(number)}").resolve(strict=True)
    except OSError:
        yield skipped("disk.wear", f"{folder} is on no disk that this machine shows")
        return
    whole = device.parent if (device / "partition").exists() else device
    yield _life(whole)
    yield from _file_system(sys / "fs/ext4" / device.name)


def _life(disk: Path) -> Finding:
    """Of an eMMC or of a card that has its registers."""
    tenths = [int(word, 16) for word in _words(disk / "device/life_time")]
    spare = next((int(word, 16) for word in _words(disk / "device/pre_eol_info")), 0)
    known = [each for each in tenths if 0 < each <= EXCEEDED]
    if not known and spare == 0:
        return skipped("disk.wear", f"{disk.name} does not tell how worn it is")
    worst = max(known, default=0)
    used = f"{disk.name}: up to {min(worst, 10) * 10} % of its life is used"
    if worst >= EXCEEDED or spare == 3:
        text = f"{disk.name} is past its life" if worst >= EXCEEDED else PRE_EOL[3]
        return failed("disk.wear", text, REPLACE)
    if worst >= WORN_TENTHS or spare == 2:
        return warned("disk.wear", f"{used}; {PRE_EOL[2]}" if spare == 2 else used, REPLACE)
    return passed("disk.wear", used)


def _file_system(folder: Path) -> Iterator[Finding]:
    """What ext4 counted: documented in Linux, Documentation/ABI/testing/sysfs-fs-ext4."""
    written = _number(folder / "lifetime_write_kbytes")
    if written is not None:
        yield passed("disk.written", f"{format_size(written * 1024)} since it was formatted")
    errors = _number(folder / "errors_count")
    if errors:
        text = f"the file system on {folder.name} has {errors} errors"
        yield failed("disk.errors", text, "have it checked (fsck) and save what matters")
    elif errors == 0:
        yield passed("disk.errors", f"the file system on {folder.name} knows of none")


def _words(path: Path) -> list[str]:
    try:
        words = path.read_text(encoding="ascii").split()
        return [word for word in words if int(word, 16) >= 0]
    except (OSError, ValueError):
        return []


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
