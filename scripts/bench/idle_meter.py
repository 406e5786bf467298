"""What a running program costs: processor time and memory of it and all below it, proc(5)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SAMPLE_S = 0.5
TICKS = os.sysconf("SC_CLK_TCK")
REAPED = (15, 16)  # fields cutime and cstime of proc_pid_stat(5), from 1, are 16 and 17


@dataclass(frozen=True)
class Cost:
    """Over a window: processor milliseconds a second, user and system, and the largest RSS."""

    cpu_ms_per_s: float
    rss_mb: float


class EndedError(Exception):
    """The measured program ended within the window."""


def measure(pid: int, window_s: float, check: Callable[[], None] = lambda: None) -> Cost:
    """Watch a program for `window_s`; `check` is called now and then. Raises EndedError."""
    begin_s, begin_cpu_s = time.monotonic(), cpu_s(pid)
    peak_mb = rss_mb(pid)
    while (left_s := begin_s + window_s - time.monotonic()) > 0:
        time.sleep(min(left_s, SAMPLE_S))
        peak_mb = max(peak_mb, rss_mb(pid))
        check()
    spent_s = cpu_s(pid) - begin_cpu_s
    return Cost(spent_s * 1e3 / (time.monotonic() - begin_s), peak_mb)


def cpu_s(pid: int) -> float:
    """Processor time of a process, its children and all it has reaped. Raises EndedError.

    `utime` and `stime` count ticks of 10 ms, which is a tenth of what the cheapest program here
    uses in a few seconds; the process's own clock, clock_getcpuclockid(3), says the same in
    nanoseconds. For children that have ended there are only the ticks.
    """
    total_s = 0.0
    for each in tree(pid):
        try:
            stat = Path(f"/proc/{each}/stat").read_text(encoding="utf-8", errors="replace")
            total_s += time.clock_gettime(~each << 3 | 2)
        except OSError as err:
            if each == pid:
                raise EndedError(f"process {pid} has ended") from err
            continue
        fields = stat.rpartition(")")[2].split()
        total_s += sum(int(fields[number - 2]) for number in REAPED) / TICKS
    return total_s


def rss_mb(pid: int) -> float:
    """Resident memory of a process and its children. Raises EndedError."""
    pages = 0
    for each in tree(pid):
        try:
            pages += int(Path(f"/proc/{each}/statm").read_text(encoding="ascii").split()[1])
        except OSError:
            continue
    if pages == 0:
        raise EndedError(f"process {pid} has ended")
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text(encoding="ascii").split()]
            except OSError:  # the thread ended while we looked
                continue
    return found
