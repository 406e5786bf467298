"""`camwatch-hub query`: events by filter, newest first, and following what comes."""

from __future__ import annotations

import argparse
import sys
import time

from hub.archive import Archive
from hub.archive.opening import open_to_read
from hub.archive.values import EventFilter
from hub.cli import filter_words
from hub.cli.render import EventPrinter
from hub.config import HubSettings
from hub.registry.filters import FilterError

FOLLOW_INTERVAL_S = 0.5
FOLLOW_PAGE = 500
PAGE = 1000
MAX_COUNT = 10_000
USAGE = 2


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the events that fit; 1 when there are none."""
    archive = open_to_read(settings)
    try:
        where = filter_words.filter_of(arguments, archive, settings)
        if arguments.count:
            return _print_count(archive, where)
        printer = EventPrinter(arguments.form, settings.zone, sys.stdout)
        change = archive.last_change()
        count = _print_pages(arguments, archive, where, printer)
        if arguments.follow:
            _follow(archive, where, printer, change)
    except FilterError as err:
        print(f"camwatch-hub: {filter_words.said(err)}", file=sys.stderr)
        return USAGE
    finally:
        archive.close()
    if not count:
        print("camwatch-hub: no event fits", file=sys.stderr)
    return 0 if count else 1


def _print_count(archive: Archive, where: EventFilter) -> int:
    found = archive.count(where, limit=MAX_COUNT)
    print(f"more than {found.number}" if found.is_more else found.number)
    return 0 if found.number else 1


def _print_pages(
    arguments: argparse.Namespace, archive: Archive, where: EventFilter, printer: EventPrinter
) -> int:
    left, before, count = arguments.limit, arguments.before, 0
    if arguments.after is not None:
        page = archive.events(where, limit=min(left, PAGE), after=arguments.after)
        printer.print(page)
        return len(page)
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
