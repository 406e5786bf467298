"""What is asked in query strings: the words of a filter, times and durations as people type them.

The words are those of links and of the command line; see hub/registry/filters.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Query

from edge.base.units import parse_duration_s
from hub.archive import Archive
from hub.archive.values import KINDS, MARKS, EventFilter
from hub.registry import filters, when
from hub.registry.access import Visitor
from hub.registry.filters import FilterError
from hub.registry.known import KnownNames
from hub.web.answers import HttpError
from hub.web.door import Door

Word = Annotated[str, Query(max_length=filters.MAX_WORD_CHARS)]
Words = Annotated[list[str], Query(max_length=filters.MAX_VALUES, description="Any of these.")]
Marks = Annotated[Words, Query(json_schema_extra={"items": {"type": "string", "enum": [*MARKS]}})]
Kinds = Annotated[Words, Query(json_schema_extra={"items": {"type": "string", "enum": [*KINDS]}})]
Moment = Annotated[
    Word,
    Query(
        description=f"Such as 2026-01-31T14:30:00Z, {when.EXAMPLES}; without an offset in the"
        " hub's time zone.",
        examples=["2026-01-31T14:30:00Z", "2h", "yesterday"],
    ),
]
"""A time as `camwatch-hub` takes it."""
Duration = Annotated[
    Word,
    Query(
        description="Such as 10s, 1m30s, 500ms.",
        examples=["10s"],
        json_schema_extra={"pattern": r"^(([0-9]+(\.[0-9]+)?)(ms|s|m|h|d|w))*$"},
    ),
]
"""A duration as `camwatch-hub` takes it."""
Pairs = list[tuple[str, str]]


def filter_words(
    since: Annotated[Moment, Query(description="Started then or later. Such as 2h, today,"
                                   " 2026-01-31T14:30:00Z.")] = "",
    until: Annotated[Moment, Query(description="Started before; a day means its end.")] = "",
    node: Word = "",
    camera: Word = "",
    kind: Kinds = [],  # noqa: B006 - as FastAPI takes it
    zone: Word = "",
    label: Word = "",
    min_duration: Duration = "",
    max_duration: Duration = "",
    mark: Marks = [],  # noqa: B006
    area: Annotated[Word, Query(description="The area of that code and all below it.")] = "",
    organisation: Annotated[Word, Query(description="Whose the camera was then.")] = "",
    text: Annotated[Word, Query(description="Words in notes and names, marks or not.")] = "",
) -> Pairs:  # fmt: skip
    """The words of a filter, as links and the command line have them too."""
    single = {
        "since": since, "until": until, "node": node, "camera": camera, "zone": zone,
        "label": label, "min_duration": min_duration, "max_duration": max_duration,
        "area": area, "organisation": organisation, "text": text,
    }  # fmt: skip
    several = [("kind", each) for each in kind] + [("mark", each) for each in mark]
    return [*single.items(), *several]


Filter = Annotated[Pairs, Depends(filter_words)]


class Reader:
    """Reads what was typed, at this moment and in the hub's zone. Raises HttpError 422."""

    def __init__(self, door: Door, archive: Archive, zone: ZoneInfo) -> None:
        """`zone` is what times without an offset are in."""
        self._door = door
        self._names = KnownNames(archive)
        self._zone = zone

    def where(self, words: Pairs, visitor: Visitor) -> EventFilter:
        """The filter that the words mean, within what the visitor may see."""
        try:
            return filters.parse(
                words, now=self._door.now_utc(), zone=self._zone, scope=visitor.scope
            )
        except FilterError as err:
            raise refusal(err, "query") from err

    def refuse_unknown(self, where: EventFilter) -> None:
        """For a question that nothing answers: whether its names are to blame. What was found
        proves them, so only then. Blocks. Raises StorageError too."""
        if problems := self._names.problems(where):
            raise refusal(FilterError(problems), "query")

    def span(self, since: str, until: str) -> tuple[datetime, datetime]:
        """A time, which ends now at the latest."""
        now = self._door.now_utc()
        begun, ended = self.moment("since", since), self.moment("until", until, is_end=True)
        return begun, min(ended, now)

    def moment(self, word: str, text: str, *, is_end: bool = False) -> datetime:
        """The moment that a text means; with `is_end` a day means its end."""
        try:
            return when.parse(text, now=self._door.now_utc(), zone=self._zone, is_end=is_end)
        except ValueError as err:
            raise refusal(FilterError({word: str(err)}), "query") from err


def duration_s(word: str, text: str) -> float:
    """The seconds that a text means. Raises HttpError 422."""
    try:
        return parse_duration_s(text)
    except ValueError as err:
        raise refusal(FilterError({word: f"it {err}"}), "query") from err


def refusal(err: FilterError, part: str) -> HttpError:
    """What is wrong, by field; `part` is query or body."""
    fields = [(f"{part}.{word}", said) for word, said in err.problems.items()]
    return HttpError(422, "invalid", str(err), fields=fields)
