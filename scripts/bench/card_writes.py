"""What `strace -f -y` saw a process write, summed up by file. Pure.

A flush costs the card whole pages: those that were written to since the file's last flush, each
once. What is never flushed is counted as if it were at the end. The file system's own journal is
not in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

PAGE_BYTES = 4096
HOUR_S, YEAR_S = 3600, 365 * 24 * 3600
_CALL = re.compile(r"(?P<pid>\d+) +(?P<name>\w+)\((?P<rest>.*)$")
_UNFINISHED = " <unfinished ...>"
_RESUMED = re.compile(r"(?P<pid>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)$")
_FILE = re.compile(r"\d+<(?P<path>/[^>]*)>")
_RESULT = re.compile(r"\)\s+= (?P<result>-?\d+)[^)]*$")
_OFFSET = re.compile(r", (\d+)\)\s+= ")
_OCTAL = re.compile(r"\\(\d{1,3})")


@dataclass
class Writes:
    """Of one file, or of all. `flushed_bytes` are whole pages."""

    calls: int = 0
    byte_count: int = 0
    flushes: int = 0
    flushed_bytes: int = 0
    _dirty: set[int] = field(default_factory=set)
    _end: int = 0

    def write(self, count: int, offset: int | None) -> None:
        """`count` bytes, at `offset` or behind what was written last."""
        start = self._end if offset is None else offset
        self._end = start + count
        self.calls += 1
        self.byte_count += count
        if count:
            self._dirty |= set(range(start // PAGE_BYTES, (self._end - 1) // PAGE_BYTES + 1))

    def flush(self) -> None:
        """An fsync or fdatasync."""
        self.flushes += 1
        self.settle()

    def settle(self) -> None:
        """Count what is dirty as flushed, as the kernel does it by itself."""
        self.flushed_bytes += PAGE_BYTES * len(self._dirty)
        self._dirty.clear()

    @classmethod
    def total(cls, each: Iterable[Writes]) -> Writes:
        """The sum."""
        found = cls()
        for one in each:
            found.calls += one.calls
            found.byte_count += one.byte_count
            found.flushes += one.flushes
            found.flushed_bytes += one.flushed_bytes
        return found


def read_trace(lines: Iterable[str], folder: Path) -> dict[str, Writes]:
    """What was written below `folder`, by the file's name in it; clips' names as spool/*."""
    files: dict[str, Writes] = {}
    for name, rest in _whole_calls(lines):
        file, result = _FILE.match(rest), _RESULT.search(rest)
        if file is None or result is None or int(result["result"]) < 0:
            continue
        path = Path(_OCTAL.sub(lambda code: chr(int(code[1], 8)), file["path"]))
        if path != folder and folder not in path.parents:
            continue
        writes = files.setdefault(_shown(path.relative_to(folder)), Writes())
        if name in ("fsync", "fdatasync"):
            writes.flush()
        elif name.startswith(("write", "pwrite")):
            offset = _OFFSET.search(rest) if name == "pwrite64" else None
            writes.write(int(result["result"]), int(offset[1]) if offset else None)
    for each in files.values():
        each.settle()
    return files


def projected(count: float, window_s: float) -> tuple[float, float]:
    """So many in the window: so many in an hour and in a year."""
    return count * HOUR_S / window_s, count * YEAR_S / window_s


def _whole_calls(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Name and the rest of each call, those that another thread's interrupted put together."""
    begun: dict[str, str] = {}
    for line in lines:
        if resumed := _RESUMED.match(line):
            yield resumed["name"], begun.pop(resumed["pid"], "") + resumed["rest"]
        elif call := _CALL.match(line):
            if call["rest"].endswith(_UNFINISHED):
                begun[call["pid"]] = call["rest"].removesuffix(_UNFINISHED)
            else:
                yield call["name"], call["rest"]


def _shown(path: Path) -> str:
    return "spool/*" if path.parts[:1] == ("spool",) and len(path.parts) > 1 else str(path)
