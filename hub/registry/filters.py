"""A filter of events as text: one set of words for links, saved filters, API, console and command
line. `parse` takes what people and links say, `text_of` gives the one canonical form.

Words: since, until, node, camera, kind, zone, label, min_duration, max_duration, mark, area,
organisation, text; kind and mark may come several times.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from edge.base.clock import utc_text
from edge.base.errors import CamwatchError
from edge.base.units import parse_duration_s
from hub.archive.scope import EVERYTHING, Scope
from hub.archive.values import KINDS, MARKS, EventFilter
from hub.registry import when

MAX_WORD_CHARS = 200
MAX_VALUES = 20
MAX_DURATION_MS = 10 * 366 * 86_400_000
WORDS = (
    "since", "until", "node", "camera", "kind", "zone", "label", "min_duration", "max_duration",
    "mark", "area", "organisation", "text",
)  # fmt: skip
T = TypeVar("T", bound=str)
_NAMES = ("node", "camera", "zone", "label", "area", "organisation")


class FilterError(CamwatchError):
    """Words that no filter can be made of; `problems` has one line for each, by word."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("; ".join(f"{word}: {said}" for word, said in problems.items()))
        self.problems = problems


@dataclass
class _Reading:
    """Values by word, and what is wrong with them."""

    given: dict[str, list[str]]
    now: datetime
    zone: ZoneInfo
    problems: dict[str, str]

    def one(self, word: str) -> str | None:
        values = self.given.get(word, [])
        if len(values) > 1:
            self.problems[word] = "it is given more than once"
        return values[0] if values else None

    def moment(self, word: str, *, is_end: bool) -> datetime | None:
        text = self.one(word)
        if text is None:
            return None
        try:
            return when.parse(text, now=self.now, zone=self.zone, is_end=is_end)
        except ValueError as err:
            self.problems[word] = str(err)
            return None

    def millis(self, word: str) -> int | None:
        text = self.one(word)
        if text is None:
            return None
        try:
            millis = round(parse_duration_s(text) * 1000)
        except ValueError as err:
            self.problems[word] = str(err)
            return None
        if millis > MAX_DURATION_MS:
            self.problems[word] = "it is longer than any event"
        return millis

    def some(self, word: str, known: tuple[T, ...]) -> tuple[T, ...]:
        """Those of a closed set that are given, in its order."""
        given = self.given.get(word, [])
        if unknown := [each for each in given if each not in known]:
            self.problems.setdefault(word, f"{unknown[0]!r} is none of {', '.join(known)}")
        return tuple(each for each in known if each in given)


def parse(
    words: Iterable[tuple[str, str]],
    *,
    now: datetime,
    zone: ZoneInfo,
    scope: Scope = EVERYTHING,
) -> EventFilter:
    """The filter that pairs of word and value mean, within `scope`. Empty values say nothing.

    Raises FilterError with all that is wrong. Words that are no filter's are an error as well;
    whoever has words of their own beside these takes them out first.
    """
    given: dict[str, list[str]] = {}
    for word, value in words:
        if value.strip():
            given.setdefault(word, []).append(value.strip())
    reading = _Reading(given, now, zone, _misfits(given))
    where = EventFilter(
        since_utc=reading.moment("since", is_end=False),
        until_utc=reading.moment("until", is_end=True),
        node=reading.one("node"),
        camera=reading.one("camera"),
        kinds=tuple(sorted(reading.some("kind", KINDS))),
        zone=reading.one("zone"),
        label=reading.one("label"),
        min_duration_ms=reading.millis("min_duration") or 0,
        max_duration_ms=reading.millis("max_duration"),
        marks=reading.some("mark", MARKS),
        area=reading.one("area"),
        organisation=reading.one("organisation"),
        text=reading.one("text") or "",
        scope=scope,
    )
    for word, said in _reversed(where).items():
        reading.problems.setdefault(word, said)
    if reading.problems:
        raise FilterError(reading.problems)
    return where


def _reversed(where: EventFilter) -> dict[str, str]:
    """What ends before it begins, so that no event ever fits, by its word."""
    problems = {}
    since, until = where.since_utc, where.until_utc
    if since is not None and until is not None and since >= until:
        problems["until"] = "it is not later than since"
    if where.max_duration_ms is not None and where.max_duration_ms < where.min_duration_ms:
        problems["max_duration"] = "it is shorter than min_duration"
    return problems


def parse_text(text: str, *, now: datetime, zone: ZoneInfo, scope: Scope) -> EventFilter:
    """The filter that a query string means. Raises FilterError."""
    try:
        words = parse_qsl(text, max_num_fields=MAX_VALUES * 3)
    except ValueError as err:
        raise FilterError({"filter": str(err)}) from err
    return parse(words, now=now, zone=zone, scope=scope)


def text_of(where: EventFilter) -> str:
    """The canonical query string: the words in one order, times in UTC. Its scope is not in it:
    a link shows each who opens it what they may see."""
    pairs: list[tuple[str, str]] = []
    values: dict[str, object] = {
        "since": None if where.since_utc is None else utc_text(where.since_utc),
        "until": None if where.until_utc is None else utc_text(where.until_utc),
        "kind": where.kinds,
        "min_duration": _duration(where.min_duration_ms or None),
        "max_duration": _duration(where.max_duration_ms),
        "mark": where.marks,
        "text": where.text or None,
    } | {word: getattr(where, word) for word in _NAMES}
    for word in WORDS:
        value = values[word]
        if isinstance(value, tuple):
            pairs += [(word, str(each)) for each in value]
        elif value is not None:
            pairs.append((word, str(value)))
    return urlencode(pairs)


def _duration(millis: int | None) -> str | None:
    if millis is None:
        return None
    return f"{millis // 1000}s" if millis % 1000 == 0 else f"{millis}ms"


def _misfits(given: dict[str, list[str]]) -> dict[str, str]:
    problems = {}
    for word, values in given.items():
        if word not in WORDS:
            problems[word] = f"it is no word of a filter; these are: {', '.join(WORDS)}"
        elif len(values) > MAX_VALUES:
            problems[word] = f"it is given {len(values)} times, at most {MAX_VALUES} are taken"
        elif any(len(each) > MAX_WORD_CHARS for each in values):
            problems[word] = f"it is longer than {MAX_WORD_CHARS} characters"
    return problems
