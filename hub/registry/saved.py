"""Filters that a user keeps under a name, for API, console and command line alike.

The words are kept as they were typed: a saved `since=yesterday` is each day's own yesterday.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from hub.archive import Archive
from hub.archive.scope import EVERYTHING
from hub.registry import filters
from hub.registry.filters import FilterError

MAX_NAME_CHARS = 80
MAX_A_USER = 200


def save(
    archive: Archive, user: str, name: str, words: Sequence[tuple[str, str]], *, now: datetime,
    zone: ZoneInfo,
) -> tuple[str, str]:  # fmt: skip
    """Keep a filter of the user's, or replace the one of that name; its name and query string.

    Blocks. Raises FilterError, StorageError.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME_CHARS or not name.isprintable():
        raise FilterError({"name": f"1 to {MAX_NAME_CHARS} characters on a line are needed"})
    filters.parse(words, now=now, zone=zone, scope=EVERYTHING)
    held = archive.saved_filters(user)
    if name not in held and len(held) >= MAX_A_USER:
        raise FilterError({"name": f"{MAX_A_USER} filters are kept already; remove one first"})
    query = text_of(words)
    archive.save_filter(user, name, query, now)
    return name, query


def text_of(words: Sequence[tuple[str, str]]) -> str:
    """The words as they were typed, as a query string; those that say nothing left out."""
    return urlencode([(word, value.strip()) for word, value in words if value.strip()])
