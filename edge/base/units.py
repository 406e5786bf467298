"""Durations and sizes as people write them in settings: 10s, 1m30s, 500ms, 64MiB, 2GB."""

from __future__ import annotations

import math
import re

MAX_NUMBER = 1e18  # far above any duration or size that is meant; keeps floats finite
MAX_CHARS = 64  # beyond them the search for parts took seconds
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)")
_BYTES = {
    "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip


def parse_duration_s(text: object) -> float:
    """Seconds from a text such as 1m30s, or from a bare number of seconds. Raises ValueError."""
    seconds = math.nan
    if isinstance(text, int | float) and not isinstance(text, bool) and abs(text) < MAX_NUMBER:
        seconds = float(text)
    elif isinstance(text, str) and len(text) <= MAX_CHARS:
        parts = _DURATION.findall(text.strip())
        if parts and "".join(number + unit for number, unit in parts) == text.strip():
            seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not math.isfinite(seconds):
        raise ValueError("is not a duration such as 10s, 1m30s or 500ms")
    return seconds


def parse_size_bytes(text: object) -> int:
    """Bytes from a text such as 64MiB, or from a bare number of bytes. Raises ValueError."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    is_short = isinstance(text, str) and len(text) <= MAX_CHARS
    if is_short and (match := _SIZE.fullmatch(str(text).strip())):
        size = float(match[1]) * _BYTES[match[2]]
        if size < MAX_NUMBER:
            return round(size)
    raise ValueError("is not a size such as 64MiB or 2GB")


def format_size(size_bytes: int) -> str:
    """A size for people, in binary units with one decimal."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def format_count(number: int, word: str) -> str:
    """So many of something, for people: 1 event, 2 events, 0 entries."""
    if number == 1:
        return f"1 {word}"
    return f"{number} {word[:-1]}ies" if word.endswith("ry") else f"{number} {word}s"


def format_duration(duration_s: float) -> str:
    """A duration for people: 4.2s, 1m05s, 3h12m, 2d04h."""
    if duration_s < 59.95:  # what .1f still writes below 60.0
        return f"{duration_s:.1f}s"
    seconds = round(duration_s)
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02}s"
    if seconds < 86400:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02}m"
    return f"{seconds // 86400}d{seconds % 86400 // 3600:02}h"
