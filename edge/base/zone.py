"""The system's time zone by name, so that summer time is known for past and future dates."""

from __future__ import annotations

import os
import zoneinfo
from pathlib import Path

LOCALTIME = Path("/etc/localtime")  # localtime(5)


def system_zone() -> zoneinfo.ZoneInfo:
    """The zone of TZ or /etc/localtime; UTC where neither can be read."""
    for name in (os.environ.get("TZ", "").lstrip(":"), _linked_name()):
        if name:
            try:
                return zoneinfo.ZoneInfo(name)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
                continue
    try:
        with LOCALTIME.open("rb") as file:
            return zoneinfo.ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError):
        return zoneinfo.ZoneInfo("UTC")


def _linked_name() -> str:
    try:
        target = str(LOCALTIME.resolve(strict=True))
    except OSError:
        return ""
    return target.partition("/zoneinfo/")[2]
