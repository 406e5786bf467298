"""`camwatch-hub coverage`: was that camera watching, and if not, why not."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from edge.base.clock import SystemClock, utc_text
from edge.base.units import format_duration
from hub.archive import Archive
from hub.archive.event_state import from_ms, to_ms
from hub.archive.minutes import MINUTE_MS, Tally, tally
from hub.archive.opening import open_to_read
from hub.archive.values import CameraKey, EventFilter, Stretch
from hub.cli.known_names import refuse_unknown_names
from hub.cli.render import local_text, table
from hub.config import HubSettings
from hub.registry import present, when
from hub.registry.spreadsheet import harmless

USAGE = 2
MAX_BUCKETS = 200_000  # of one camera; four months of minutes
COLUMNS = ("node", "camera", "watched", "minutes", "blind", "unknown", "causes")
STRETCH_COLUMNS = ("from", "to", "lasted", "state", "cause")
BUCKET_COLUMNS = ("from", "node", "camera", "watched", "minutes", "blind", "unknown", "causes")
STRETCH_FIELDS = (
    "node", "camera", "from_utc", "to_utc", "duration_ms", "state", "cause", "detail",
)  # fmt: skip
BUCKET_FIELDS = (
    "node", "camera", "from_utc", "to_utc", "percent", "minutes", "watched_minutes",
    "blind_minutes", "unknown_minutes", "causes",
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """Which time, in which zone and pieces; times at the beginning of a minute."""

    from_ms: int
    to_ms: int
    zone: ZoneInfo
    by: str | None


@dataclass(frozen=True)
class Answer:
    """What is known of one camera in that time."""

    key: CameraKey
    stretches: tuple[Stretch, ...]
    total: Tally


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the coverage; 1 when no such camera was heard of. Raises CamwatchError too."""
    try:
        question = _question(arguments, settings.zone)
    except ValueError as err:
        print(f"camwatch-hub: {err}", file=sys.stderr)
        return USAGE
    archive = open_to_read(settings)
    try:
        named = EventFilter(node=arguments.node, camera=arguments.camera, area=arguments.area)
        refuse_unknown_names(archive, named)
        there = _in_area(archive, arguments.area)
        answers = [
            _answer(archive, key, question)
            for key in archive.cameras()
            if arguments.node in (None, key.node)
            and arguments.camera in (None, key.camera)
            and (there is None or key in there)
        ]
    finally:
        archive.close()
    if not answers:
        none = "no camera was heard of yet" if there is None else "no such camera is there now"
        print(f"camwatch-hub: {none}; camwatch-hub nodes", file=sys.stderr)
        return 1
    if arguments.form == "json":
        for answer in answers:
            print(json.dumps(_object(answer, question), ensure_ascii=False))
    elif arguments.form == "csv":
        _print_csv(answers, question)
    elif question.by is None:
        _print_stretches(answers, question.zone)
    else:
        _print_buckets(answers, question)
    return 0


def _in_area(archive: Archive, area: str | None) -> set[CameraKey] | None:
    """The cameras that are now in the area or below; None for any."""
    if area is None:
        return None
    found = present.cameras_in_area(archive.registry(), area, SystemClock().utc())
    return {camera.key for camera in found}


def _question(arguments: argparse.Namespace, zone: ZoneInfo) -> Question:
    now = SystemClock().utc()

    def moment(text: str, option: str, *, is_end: bool) -> int:
        try:
            return to_ms(when.parse(text, now=now, zone=zone, is_end=is_end))
        except ValueError as err:
            raise ValueError(f"{option}: {err}") from err

    from_ms = moment(arguments.since, "--since", is_end=False) // MINUTE_MS * MINUTE_MS
    to_ms_ = moment(arguments.until, "--until", is_end=True) // MINUTE_MS * MINUTE_MS
    to_ms_ = min(to_ms_, to_ms(now) // MINUTE_MS * MINUTE_MS)  # nothing is known of the future
    if to_ms_ <= from_ms:
        raise ValueError("--until must be a minute or more after --since, and not in the future")
    return Question(from_ms, to_ms_, zone, arguments.by)


def _answer(archive: Archive, key: CameraKey, question: Question) -> Answer:
    stretches = archive.coverage(key, from_ms(question.from_ms), from_ms(question.to_ms))
    return Answer(key, stretches, tally(stretches, question.from_ms, question.to_ms))


def _buckets(question: Question) -> Iterator[tuple[int, int]]:
    """The minutes, hours or days of the question; days and hours are those of the zone."""
    start_ms, count = question.from_ms, 0
    while start_ms < question.to_ms and count < MAX_BUCKETS:
        end_ms = min(question.to_ms, max(_next(start_ms, question), start_ms + MINUTE_MS))
        yield start_ms, end_ms
        start_ms, count = end_ms, count + 1


def _next(start_ms: int, question: Question) -> int:
    if question.by == "minute":
        return start_ms + MINUTE_MS
    local = from_ms(start_ms).astimezone(question.zone)
    if question.by == "hour":
        past_ms = (local.minute * 60 + local.second) * 1000
        return start_ms + 60 * MINUTE_MS - past_ms
    following = local.date() + timedelta(days=1)
    midnight = datetime(following.year, following.month, following.day, tzinfo=question.zone)
    return to_ms(midnight)


def _object(answer: Answer, question: Question) -> dict[str, object]:
    result: dict[str, object] = {
        "node": answer.key.node,
        "camera": answer.key.camera,
        "from_utc": utc_text(from_ms(question.from_ms)),
        "to_utc": utc_text(from_ms(question.to_ms)),
        **_counts(answer.total),
    }
    if question.by is None:
        result["stretches"] = [
            _stretch_row(answer.key, stretch)
            for stretch in answer.stretches
            if stretch.state != "watched"
        ]
    else:
        result["by"] = question.by
        result["rows"] = list(_bucket_rows(answer, question))
    return result


def _counts(counted: Tally) -> dict[str, object]:
    return {
        "percent": round(counted.percent, 3),
        "minutes": counted.minutes,
        "watched_minutes": counted.watched,
        "blind_minutes": counted.blind,
        "unknown_minutes": counted.unknown,
        "causes": {cause: ms / 1000 for cause, ms in sorted(counted.causes_ms.items())},
    }


def _stretch_row(key: CameraKey, stretch: Stretch) -> dict[str, object]:
    return {
        "node": key.node,
        "camera": key.camera,
        "from_utc": utc_text(from_ms(stretch.from_ms)),
        "to_utc": utc_text(from_ms(stretch.to_ms)),
        "duration_ms": stretch.to_ms - stretch.from_ms,
        "state": stretch.state,
        "cause": stretch.cause,
        "detail": stretch.detail,
    }


def _bucket_rows(answer: Answer, question: Question) -> Iterator[dict[str, object]]:
    for start_ms, end_ms, counted in _counted(answer, question):
        yield {
            "from_utc": utc_text(from_ms(start_ms)),
            "to_utc": utc_text(from_ms(end_ms)),
            **_counts(counted),
        }


def _counted(answer: Answer, question: Question) -> Iterator[tuple[int, int, Tally]]:
    """Each bucket with its count; one pass over the stretches."""
    first = 0
    for start_ms, end_ms in _buckets(question):
        while answer.stretches[first].to_ms <= start_ms:
            first += 1
        last = first
        while last < len(answer.stretches) and answer.stretches[last].from_ms < end_ms:
            last += 1
        yield start_ms, end_ms, tally(answer.stretches[first:last], start_ms, end_ms)


def _print_csv(answers: Sequence[Answer], question: Question) -> None:
    fields = STRETCH_FIELDS if question.by is None else BUCKET_FIELDS
    writer = csv.writer(sys.stdout)
    writer.writerow(fields)
    for answer in answers:
        rows: Iterator[dict[str, object]] = (
            _bucket_rows(answer, question)
            if question.by is not None
            else (_stretch_row(answer.key, stretch) for stretch in answer.stretches)
        )
        for row in rows:
            full = {"node": answer.key.node, "camera": answer.key.camera} | row
            if isinstance(causes := full.get("causes"), dict):
                full["causes"] = " ".join(f"{cause}={s:g}" for cause, s in causes.items())
            writer.writerow([harmless(full.get(field)) for field in fields])


def _print_stretches(answers: Sequence[Answer], zone: ZoneInfo) -> None:
    rows = [(*each.key, *_cells(each.total)) for each in answers]
    print("\n".join(table([COLUMNS, *rows])))
    for answer in answers:
        lines = [
            (
                local_text(from_ms(stretch.from_ms), zone),
                local_text(from_ms(stretch.to_ms), zone),
                format_duration((stretch.to_ms - stretch.from_ms) / 1000),
                _word("watch", stretch.state),
                _cause_text(stretch),
            )
            for stretch in answer.stretches
            if stretch.state != "watched" or stretch.detail
        ]
        if lines:
            print(f"\n{answer.key.node}, {answer.key.camera}: not watched, or not wholly")
            print("\n".join(table([STRETCH_COLUMNS, *lines])))


def _print_buckets(answers: Sequence[Answer], question: Question) -> None:
    rows = [
        (local_text(from_ms(start_ms), question.zone), *answer.key, *_cells(counted))
        for answer in answers
        for start_ms, _, counted in _counted(answer, question)
    ]
    print("\n".join(table([BUCKET_COLUMNS, *rows])))


def _cells(counted: Tally) -> tuple[str, ...]:
    causes = ", ".join(
        f"{_word('cause', cause)} {format_duration(ms / 1000)}"
        for cause, ms in sorted(counted.causes_ms.items())
    )
    return (
        _percent_text(counted),
        str(counted.minutes),
        str(counted.blind),
        str(counted.unknown),
        causes or "-",
    )


def _cause_text(stretch: Stretch) -> str:
    cause = None if stretch.cause is None else _word("cause", stretch.cause)
    return ": ".join(filter(None, (cause, stretch.detail))) or "-"


def _word(of: str, word: str) -> str:
    """As the console's pages say it; a word that they do not know as it came."""
    from hub.console.words import WORDS  # here, since --json and --csv need it not

    return WORDS[of].get(word, word)


def _percent_text(counted: Tally) -> str:
    """Rounded down, so that 100 means that nothing is missing."""
    return f"{counted.watched * 1000 // counted.minutes / 10:.1f} %"
