"""The box: its clock, its disk with room and wear, its temperature and its power.

Reads /proc, /sys and the file system. What a machine does not offer is skipped, not guessed.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from edge import __version__
from edge.base.findings import Finding, failed, passed, skipped, warned
from edge.base.units import format_duration, format_size
from edge.contract.parts import ClockStamp
from edge.health import probes
from edge.health.reporter import HOT_C, LOW_DISK_PART

WARM_C = HOT_C - 10
LOW_INODES_PART = 0.02
MAX_ERROR_MS = 2000  # beyond this, times in two cameras' events can no longer be compared
# Bits of get_throttled, docs of vcgencmd: now, and the same 16 bits higher since the last start.
UNDER_VOLTAGE, CAPPED, THROTTLED, SOFT_LIMIT = 0x1, 0x2, 0x4, 0x8
SINCE_START = 16
VCGENCMD = "vcgencmd"  # asks the firmware itself, where the kernel has no file for it
VCGENCMD_LIMIT_S = 5.0
POWER_REMEDY = "use the board's own power supply and a short, thick cable"
HEAT_REMEDY = "give the box a heat sink or shade, and air"


def throttled_bits(path: Path = probes.THROTTLED_FILE) -> int | None:
    """All that a Raspberry Pi's firmware says of power and speed, now and since its start."""
    try:
        return int(path.read_text(encoding="ascii"), 16)
    except (OSError, ValueError):
        pass
    program = shutil.which(VCGENCMD)
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "get_throttled"], capture_output=True, text=True, check=True,
            timeout=VCGENCMD_LIMIT_S,
        )  # fmt: skip
        return int(done.stdout.strip().removeprefix("throttled="), 16)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def version() -> Finding:
    """Which software this is."""
    python = platform.python_version()
    return passed("version", f"camwatch-edge {__version__}, Python {python}, {platform.machine()}")


def clock(stamp: ClockStamp) -> Finding:
    """Whether the wall clock is set from the network."""
    remedy = "let the box reach a time server: timedatectl, /etc/systemd/timesyncd.conf"
    if stamp.state == "unsynced" or stamp.error_ms is None:
        return failed("time", "the clock was never set in this boot", remedy)
    error = format_duration(stamp.error_ms / 1000)
    if stamp.state == "holdover":
        return warned("time", f"the clock runs free; it may be off by {error}", remedy)
    if stamp.error_ms > MAX_ERROR_MS:
        return warned("time", f"the clock is set, but may be off by {error}", remedy)
    return passed("time", f"the clock is set from the network, to within {error}")


def disk(folder: Path, *, wanted_bytes: int) -> Iterator[Finding]:
    """Room for `wanted_bytes` more in `folder`, and whether it takes writes at all."""
    name = "disk"
    try:
        found = os.statvfs(folder)
    except OSError as err:
        yield failed(
            name, f"cannot look at {folder}: {err.strerror}", "check the setting state_dir"
        )
        return
    free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    room = f"{format_size(free)} of {format_size(total)} free at {folder}"
    remedy = "remove other files, use a larger card, or set spool.max_bytes lower"
    if found.f_flag & os.ST_RDONLY:
        yield failed(name, f"{folder} is mounted read-only", "a worn card may do that: replace it")
    elif free < LOW_DISK_PART * total:
        yield failed(name, room, remedy)
    elif found.f_files and found.f_favail < LOW_INODES_PART * found.f_files:
        yield failed(name, f"{folder} has nearly no inode left", "remove other files")
    elif free < wanted_bytes:
        yield warned(name, f"{room}, and up to {format_size(wanted_bytes)} may be wanted", remedy)
    else:
        yield passed(name, room)


def temperature(path: Path = probes.TEMPERATURE_FILE) -> Finding:
    """The processor's temperature."""
    found = probes.temperature_c(path)
    if found is None:
        return skipped("temperature", "this machine shows none")
    text = f"{found:g} degrees Celsius"
    if found >= HOT_C:
        return failed("temperature", f"{text}: boards slow down from {HOT_C:g} on", HEAT_REMEDY)
    if found >= WARM_C:
        return warned("temperature", text, HEAT_REMEDY)
    return passed("temperature", text)


def power(read: Callable[[], int | None] = throttled_bits) -> Iterator[Finding]:
    """What a Raspberry Pi's firmware says of weak power and of slowing down."""
    bits = read()
    if bits is None:
        yield skipped("power", "only a Raspberry Pi's firmware tells")
        return
    earlier = bits >> SINCE_START
    if bits & UNDER_VOLTAGE:
        yield failed("power", "the voltage is too low now", POWER_REMEDY)
    elif earlier & UNDER_VOLTAGE:
        yield warned("power", "the voltage was too low since the last start", POWER_REMEDY)
    else:
        yield passed("power", "the voltage was never too low since the last start")
    slow = CAPPED | THROTTLED | SOFT_LIMIT
    if bits & slow:
        yield failed("throttling", "the processor is slowed down now", HEAT_REMEDY)
    elif earlier & slow:
        yield warned("throttling", "the processor was slowed since the last start", HEAT_REMEDY)
    else:
        yield passed("throttling", "the processor was never slowed since the last start")
