"""Readings of the machine and of this process, from /proc, /sys and the file system.

Each returns None where the machine does not offer the reading.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGESIZE")
STATM_FILE = Path("/proc/self/statm")  # proc(5)
TEMPERATURE_FILE = Path("/sys/class/thermal/thermal_zone0/temp")  # millidegrees Celsius
# Raspberry Pi firmware's get_throttled: bits 0-3 say what is wrong now
THROTTLED_FILE = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
THROTTLED_NOW = 0xF


class CpuMeter:
    """Processor time of this process between two readings."""

    def __init__(self) -> None:
        self._cpu_s = time.process_time()
        self._mono_s = time.monotonic()

    def percent(self) -> float:
        """Percent of one core since the last call."""
        cpu_s, mono_s = time.process_time(), time.monotonic()
        used = 100 * (cpu_s - self._cpu_s) / max(1e-6, mono_s - self._mono_s)
        self._cpu_s, self._mono_s = cpu_s, mono_s
        return round(max(0.0, used), 1)


def resident_bytes() -> int:
    """Resident memory of this process."""
    return int(STATM_FILE.read_text(encoding="ascii").split()[1]) * PAGE_BYTES


def disk_bytes(path: Path) -> tuple[int, int]:
    """Free and total bytes of the file system that holds `path`."""
    usage = shutil.disk_usage(path)
    return usage.free, usage.total


def temperature_c(path: Path = TEMPERATURE_FILE) -> float | None:
    """The processor's temperature."""
    try:
        return round(int(path.read_text(encoding="ascii")) / 1000, 1)
    except (OSError, ValueError):
        return None


def is_throttled(path: Path = THROTTLED_FILE) -> bool | None:
    """Whether a Raspberry Pi runs slower now for heat or weak power."""
    try:
        return bool(int(path.read_text(encoding="ascii"), 16) & THROTTLED_NOW)
    except (OSError, ValueError):
        return None
