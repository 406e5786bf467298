"""`camwatch-hub timeline`: how many events there were in each piece of a time."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from edge.base.clock import SystemClock, utc_text
from edge.base.units import parse_duration_s
from hub.archive.event_density import MAX_BUCKETS
from hub.archive.opening import open_to_read
from hub.cli import filter_words
from hub.cli.render import local_text
from hub.config import HubSettings
from hub.registry.filters import FilterError

DAY = timedelta(days=1)
WIDTH = 50  # characters of the longest bar
USAGE = 2
Row = tuple[datetime, int]


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print a line for each piece; 1 when no event fits."""
    archive = open_to_read(settings)
    try:
        where = filter_words.filter_of(arguments, archive, settings)
        until = where.until_utc or SystemClock().utc()
        since = where.since_utc or until - DAY
        first = _edge(since, arguments.bucket_s, settings.zone)
        if trouble := _trouble(since, first, until, arguments.bucket_s):
            print(f"camwatch-hub: {trouble}", file=sys.stderr)
            return USAGE
        step = timedelta(seconds=arguments.bucket_s)
        where = replace(where, since_utc=since)  # its first piece may begin before
        found = archive.density(where, first, until, round(arguments.bucket_s * 1000))
    except FilterError as err:
        print(f"camwatch-hub: {filter_words.said(err)}", file=sys.stderr)
        return USAGE
    finally:
        archive.close()
    sums = [sum(column) for column in zip(*found.values(), strict=True)]
    if not sums:
        print("camwatch-hub: no event fits", file=sys.stderr)
        return 1
    rows = [(max(since, first + step * index), each) for index, each in enumerate(sums)]
    _print(arguments.form, rows, settings)
    return 0


def bucket_s(text: str) -> float:
    """The length of a piece, in seconds. Raises ArgumentTypeError."""
    try:
        seconds = parse_duration_s(text)
    except ValueError as err:
        raise argparse.ArgumentTypeError(str(err)) from err
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"{text}: a piece has 1s or more")
    return seconds


def _edge(since: datetime, bucket_s: float, zone: ZoneInfo) -> datetime:
    """Where the piece that holds `since` begins, counted from midnight: pieces of an hour are the
    hours of the clock, not those after a moment such as 2h ago."""
    local = since.astimezone(zone)
    midnight = datetime(local.year, local.month, local.day, tzinfo=zone).astimezone(UTC)
    step = timedelta(seconds=bucket_s)
    return midnight + (since - midnight) // step * step


def _trouble(since: datetime, first: datetime, until: datetime, bucket_s: float) -> str:
    """Why the time cannot be told in such pieces; empty where it can."""
    if since >= until:
        return "--since must be before --until"
    pieces = (until - first).total_seconds() / bucket_s
    if pieces > MAX_BUCKETS:
        return f"--bucket: {pieces:.0f} pieces are more than {MAX_BUCKETS}; take longer ones"
    return ""


def _print(form: str, rows: list[Row], settings: HubSettings) -> None:
    if form == "json":
        for begun, count in rows:
            print(json.dumps({"since_utc": utc_text(begun.astimezone(UTC)), "events": count}))
    elif form == "csv":
        out = csv.writer(sys.stdout)
        out.writerow(("since_utc", "events"))
        out.writerows((utc_text(begun.astimezone(UTC)), count) for begun, count in rows)
    else:
        most = max(count for _, count in rows)
        digits = len(str(most))
        for begun, count in rows:
            bar = "#" * -(-WIDTH * count // most)
            print(f"{local_text(begun, settings.zone)}  {count:{digits}}  {bar}".rstrip())
