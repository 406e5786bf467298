"""Free text in notes and names: which events fit, as sources in time order.

An event fits when each word stands in its notes, or in a name of its camera or of where that was at
the time: its title, node, areas up to the town, organisation. Names are few and looked at one by
one; notes are found by a full-text index whose row numbers rise with the events' time, so that a
page of a common word costs no more than a page.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hub.archive import camera_rows, event_sources, name_rows, note_rows
from hub.archive.event_sources import Source
from hub.archive.fold import words
from hub.archive.values import EventFilter, PageKey
from hub.archive.windows import Window

MAX_TERMS = 12
_NOTE_TABLES = (
    "note_index CROSS JOIN note_texts ON note_texts.key = note_index.rowid"
    " CROSS JOIN events ON events.id = note_texts.event_id"
)
_PART = re.compile(r'"([^"]*)"|(\S+)')


@dataclass(frozen=True)
class Term:
    """Folded words that follow each other; of a prefix, the last is only begun."""

    words: tuple[str, ...]
    is_prefix: bool = False

    def is_in(self, text: str) -> bool:
        """Whether it stands in a text of folded words, with a space at either end."""
        wanted = " " + " ".join(self.words)
        return (wanted if self.is_prefix else wanted + " ") in text

    @property
    def match(self) -> str:
        """As FTS5 reads it. The words are letters and digits alone, so nothing in them can act."""
        return '"' + " ".join(self.words) + '"' + (" *" if self.is_prefix else "")


@dataclass(frozen=True)
class _NoteSource(Source):
    """Read by the rows of the index, which are in the order of time themselves."""

    def between(self, from_ms: int | None, until_ms: int | None) -> Source:
        found = super().between(from_ms, until_ms)
        if from_ms is not None:
            found = found.test("note_index.rowid >= ?", note_rows.first_key(from_ms))
        if until_ms is not None:
            found = found.test("note_index.rowid < ?", note_rows.last_key(until_ms))
        return found

    def beyond(self, key: PageKey | None, *, is_rising: bool) -> Source:
        found = super().beyond(key, is_rising=is_rising)
        if key is None:
            return found
        if is_rising:
            return found.test("note_index.rowid >= ?", note_rows.first_key(key.started_ms))
        return found.test("note_index.rowid <= ?", note_rows.last_key(key.started_ms))

    def order(self, *, is_rising: bool) -> str:
        return f"ORDER BY note_index.rowid {'ASC' if is_rising else 'DESC'}"


def terms(text: str) -> list[Term]:
    """What somebody asks for: words, `"words in a row"`, and `begin*`."""
    found: list[Term] = []
    for quoted, bare in _PART.findall(text):
        each = tuple(words(quoted or bare))
        if each:
            found.append(Term(each, bare.endswith("*")))
    return found[:MAX_TERMS]


def sources(db: sqlite3.Connection, where: EventFilter, *, is_split: bool = True) -> list[Source]:
    """Sources that hold just the events that fit the whole filter, each once.

    Split they are read from their tops; otherwise they are few."""
    wanted = terms(where.text)
    if not wanted:
        return []
    groups: dict[tuple[Term, ...], list[Window]] = {}
    for window, names in _named_windows(db, where):
        missing = tuple(term for term in wanted if not term.is_in(names))
        groups.setdefault(missing, []).append(window)
    found: list[Source] = []
    is_all = len(groups) == 1 and camera_rows.windows(db, where) is None
    for missing, windows in groups.items():
        if missing:
            found.append(_noted(where, missing, None if is_all else windows))
        else:
            plain = replace(where, text="")
            split = event_sources.split(db, plain, windows) if is_split else None
            found += split if split is not None else [event_sources.whole(plain, windows)]
    return found


def _noted(where: EventFilter, missing: Sequence[Term], windows: Sequence[Window] | None) -> Source:
    """The events of the windows in whose notes these terms stand."""
    source = _NoteSource(_NOTE_TABLES).test(
        "note_index MATCH ?", " AND ".join(term.match for term in missing)
    )
    source = event_sources.spanned(source, where).within(windows)
    return event_sources.tested(event_sources.tag_tested(source, where), where)


def _named_windows(db: sqlite3.Connection, where: EventFilter) -> Iterator[tuple[Window, str]]:
    """The windows that the filter's places and scope allow, with the names that hold then."""
    allowed = camera_rows.windows(db, where)
    by_camera: dict[int, list[Window]] = {}
    for window in allowed or ():
        by_camera.setdefault(window.camera_id, []).append(window)
    for stay, names in name_rows.stays(db):
        if allowed is None:
            yield stay, names
            continue
        for window in by_camera.get(stay.camera_id, ()):
            from_ms = max(stay.from_ms, window.from_ms)
            until_ms = min(stay.until_ms, window.until_ms)
            if from_ms < until_ms:
                yield Window(stay.camera_id, from_ms, until_ms), names
