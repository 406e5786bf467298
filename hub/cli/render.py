"""Events as lines for people, programs and spreadsheets."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TextIO
from zoneinfo import ZoneInfo

from edge.base.clock import utc_text
from edge.base.units import format_duration
from hub.archive.values import Event, EventLabel
from hub.registry.spreadsheet import harmless

COLUMNS = (
    "started", "duration", "node", "camera", "kind", "labels", "zones", "clips", "state", "mark",
    "id",
)  # fmt: skip
CSV_COLUMNS = (
    "id", "node", "camera", "kind", "state", "started_utc", "ended_utc", "duration_ms", "zones",
    "score", "parts", "reason", "fault", "clips_announced", "clips_stored", "clips_lost",
    "started_claimed_utc", "is_corrected", "clock", "time_error_ms", "earliest_utc", "latest_utc",
    "key", "mark", "labels", "tampering", "tamper_outcome",
)  # fmt: skip


def local_text(moment: datetime, zone: ZoneInfo) -> str:
    """A moment in the hub's zone, to the second, with its offset."""
    return moment.astimezone(zone).isoformat(sep=" ", timespec="seconds")


def event_object(event: Event) -> dict[str, object]:
    """The event for JSON; times in UTC."""
    return {
        "id": event.id,
        "node": event.node,
        "camera": event.camera,
        "kind": event.kind,
        "state": event.state,
        "started_utc": utc_text(event.started_utc),
        "ended_utc": _moment(event.ended_utc),
        "duration_ms": event.duration_ms,
        "zones": list(event.zones),
        "labels": None if event.labels is None else [label_object(each) for each in event.labels],
        "score": event.score,
        "parts": event.parts,
        "reason": event.reason,
        "fault": event.fault,
        "tampering": event.tampering,
        "tamper_outcome": event.tamper_outcome,
        "clips_announced": event.clips_announced,
        "clips_stored": event.clips_stored,
        "clips_lost": event.clips_lost,
        "started_claimed_utc": utc_text(event.started_claimed_utc),
        "ended_claimed_utc": _moment(event.ended_claimed_utc),
        "is_corrected": event.is_corrected,
        "clock": event.clock,
        "time_error_ms": event.error_ms,
        "earliest_utc": _moment(event.earliest_utc),
        "latest_utc": _moment(event.latest_utc),
        "key": str(event.key),
        "mark": event.mark,
    }


def label_object(label: EventLabel) -> dict[str, object]:
    """A label for JSON."""
    return {
        "label": label.label,
        "confidence": label.confidence,
        "box": list(label.box),
        "seen_utc": utc_text(label.seen_utc),
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else utc_text(value)


def started_text(event: Event, zone: ZoneInfo) -> str:
    """When the event began, as far as known; <= before the latest that it can have been."""
    mark = "<= " if event.placed == "bounded" else ""
    return mark + local_text(event.started_utc, zone)


def clips_text(event: Event) -> str:
    """Clips stored of those announced, and whether others will never come."""
    text = f"{event.clips_stored}/{event.clips_announced}"
    if not event.clips_lost:
        return text
    is_all = event.clips_stored + event.clips_lost == event.clips_announced
    return f"{text} lost" if is_all else f"{text} {event.clips_lost} lost"


def kind_text(event: Event) -> str:
    """The event's kind, with what was wrong where somebody meddled with the camera."""
    kind = event.kind or "-"
    return f"{kind}:{event.tampering}" if event.tampering else kind


def cells(event: Event, zone: ZoneInfo) -> tuple[str, ...]:
    """The event's cells under COLUMNS."""
    duration = "-" if event.duration_ms is None else format_duration(event.duration_ms / 1000)
    return (
        started_text(event, zone),
        duration,
        event.node,
        event.camera,
        kind_text(event),
        ",".join(each.label for each in event.labels or ()) or "-",
        ",".join(event.zones) or "-",
        clips_text(event),
        event.state if event.reason in (None, "quiet") else f"{event.state}:{event.reason}",
        event.mark,
        event.id,
    )


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


class EventPrinter:
    """Prints events in one form; keeps columns steady from call to call."""

    def __init__(self, form: str, zone: ZoneInfo, out: TextIO) -> None:
        """`form` is table, json or csv."""
        self._form = form
        self._zone = zone
        self._out = out
        self._csv = csv.writer(out)
        self._widths = [0] * len(COLUMNS)
        self._has_header = False

    def print(self, events: Sequence[Event]) -> None:
        """Print and flush; the first time with a header, where the form has one."""
        if self._form == "json":
            for event in events:
                print(json.dumps(event_object(event), ensure_ascii=False), file=self._out)
        elif self._form == "csv":
            self._print_csv(events)
        elif events:
            self._print_table(events)
        self._out.flush()

    def _print_csv(self, events: Sequence[Event]) -> None:
        if not self._has_header:
            self._csv.writerow(CSV_COLUMNS)
            self._has_header = True
        for event in events:
            values = event_object(event) | {
                "zones": " ".join(event.zones),
                "labels": " ".join(each.label for each in event.labels or ()),
            }
            self._csv.writerow([harmless(values[column]) for column in CSV_COLUMNS])

    def _print_table(self, events: Sequence[Event]) -> None:
        rows = [cells(event, self._zone) for event in events]
        if not self._has_header:
            rows.insert(0, COLUMNS)
            self._has_header = True
        for index, column in enumerate(zip(*rows, strict=True)):
            self._widths[index] = max(self._widths[index], *map(len, column))
        for row in rows:
            padded = (cell.ljust(width) for cell, width in zip(row, self._widths, strict=True))
            print("  ".join(padded).rstrip(), file=self._out)
