"""`camwatch-hub query`: events by filter, newest first, and following what comes."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import datetime

from edge.base.clock import SystemClock
from hub.archive import Archive
from hub.archive.opening import open_to_read
from hub.archive.values import EventFilter
from hub.cli import when
from hub.cli.render import EventPrinter
from hub.config import HubSettings

FOLLOW_INTERVAL_S = 0.5
FOLLOW_PAGE = 500
PAGE = 1000
USAGE = 2


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the events that fit; 1 when there are none."""
    try:
        where = _filter(arguments, settings)
    except ValueError as err:
        print(f"camwatch-hub: {err}", file=sys.stderr)
        return USAGE
    archive = open_to_read(settings)
    try:
        printer = EventPrinter(arguments.form, settings.zone, sys.stdout)
        change = archive.last_change()
        count = _print_pages(arguments, archive, where, printer)
        if arguments.follow:
            _follow(archive, where, printer, change)
    finally:
        archive.close()
    if not count:
        print("camwatch-hub: no event fits", file=sys.stderr)
    return 0 if count else 1


def _print_pages(
    arguments: argparse.Namespace, archive: Archive, where: EventFilter, printer: EventPrinter
) -> int:
    left, before, count = arguments.limit, arguments.before, 0
    while left > 0:
        page = archive.events(where, limit=min(left, PAGE), before=before)
        printer.print(page)
        count += len(page)
        if len(page) < min(left, PAGE):
            return count
        left -= len(page)
        before = page[-1].key
    if archive.events(where, limit=1, before=before):
        print(f"camwatch-hub: more with --before {before}", file=sys.stderr)
    return count


def _follow(archive: Archive, where: EventFilter, printer: EventPrinter, change: int) -> None:
    """Print changes until interrupted."""
    while True:
        events = archive.changes(where, after=change, limit=FOLLOW_PAGE)
        printer.print(events)
        if events:
            change = events[-1].change
        if len(events) < FOLLOW_PAGE:
            time.sleep(FOLLOW_INTERVAL_S)


def _filter(arguments: argparse.Namespace, settings: HubSettings) -> EventFilter:
    now, zone = SystemClock().utc(), settings.zone

    def moment(text: str | None, option: str, *, is_end: bool) -> datetime | None:
        if text is None:
            return None
        try:
            return when.parse(text, now=now, zone=zone, is_end=is_end)
        except ValueError as err:
            raise ValueError(f"{option}: {err}") from err

    return EventFilter(
        since_utc=moment(arguments.since, "--since", is_end=False),
        until_utc=moment(arguments.until, "--until", is_end=True),
        node=arguments.node,
        camera=arguments.camera,
        kind=arguments.kind,
        zone=arguments.zone,
        min_duration_ms=round(arguments.min_duration * 1000),
    )
