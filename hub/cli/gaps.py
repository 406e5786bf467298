"""`camwatch-hub gaps`: records that are missing or lost, lost files, and alarms."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from edge.base.clock import SystemClock, utc_text
from edge.base.units import format_size
from hub.archive import Archive
from hub.archive.node_values import Gap, GapFilter, LostFile
from hub.archive.opening import open_to_read
from hub.archive.values import EventFilter
from hub.cli.known_names import refuse_unknown_names
from hub.cli.nodes import ALARM
from hub.cli.render import local_text, table
from hub.config import HubSettings
from hub.registry import when
from hub.registry.spreadsheet import harmless

USAGE = 2
COLUMNS = ("node", "state", "what", "count", "cause", "noticed", "where")
FIELDS = (
    "kind", "node", "state", "count", "cause", "detail", "noticed_utc", "epoch", "first_seq",
    "last_seq", "told_epoch", "told_seq", "event", "part", "sha256", "size_bytes",
)  # fmt: skip

Row = dict[str, object]


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print what is not here; 1 when nothing is missing, lost or refused with an alarm."""
    since = None
    if arguments.since is not None:
        try:
            since = when.parse(
                arguments.since, now=SystemClock().utc(), zone=settings.zone, is_end=False
            )
        except ValueError as err:
            print(f"camwatch-hub: --since: {err}", file=sys.stderr)
            return USAGE
    where = GapFilter(arguments.node, since)
    archive = open_to_read(settings)
    try:
        refuse_unknown_names(archive, EventFilter(node=arguments.node))
        gaps, files = archive.gaps(where), archive.lost_files(where)
        alarms = _alarms(archive, where)
    finally:
        archive.close()
    _print(arguments.form, gaps, files, alarms, settings.zone)
    if not (gaps or files or alarms):
        print("camwatch-hub: nothing is missing", file=sys.stderr)
        return 1
    return 0


def _alarms(archive: Archive, where: GapFilter) -> list[tuple[str, str, int]]:
    """Node, what, how often; they have no time, so a time given does not hide them."""
    return [
        (node, counter.removeprefix(ALARM), count)
        for (counter, node), count in archive.counts().items()
        if counter.startswith(ALARM) and where.node in (None, node)
    ]


def _print(
    form: str,
    gaps: Sequence[Gap],
    files: Sequence[LostFile],
    alarms: Sequence[tuple[str, str, int]],
    zone: ZoneInfo,
) -> None:
    if form == "table":
        lines = [_gap_cells(gap, zone) for gap in gaps] + [
            _file_cells(each, zone) for each in files
        ]
        if lines:
            print("\n".join(table([COLUMNS, *lines])))
        for node, alarm, count in alarms:
            print(f"{node}: ALARM: {alarm} ({count})")
        return
    rows = [_gap_row(gap) for gap in gaps] + [_file_row(each) for each in files]
    rows += [
        {"kind": "alarm", "node": node, "state": "alarm", "cause": alarm, "count": count}
        for node, alarm, count in alarms
    ]
    if form == "json":
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return
    writer = csv.writer(sys.stdout)
    writer.writerow(FIELDS)
    writer.writerows([harmless(row.get(field)) for field in FIELDS] for row in rows)


def _gap_cells(gap: Gap, zone: ZoneInfo) -> tuple[str, ...]:
    last = "?" if gap.last_seq is None else str(gap.last_seq)
    what = f"records {gap.first_seq}-{last}"
    if gap.first_seq == gap.last_seq:
        what = f"record {last}"
    where = f"journal {gap.epoch}"
    if gap.told_by is not None:
        where += f", told by record {gap.told_by[1]} of {gap.told_by[0]}; chain not verified here"
    if gap.detail:
        where += f"; {gap.detail}"
    return (
        gap.node,
        gap.state,
        what,
        "?" if gap.count is None else str(gap.count),
        gap.cause or "asked for",
        local_text(gap.noticed_utc, zone),
        where,
    )


def _file_cells(file: LostFile, zone: ZoneInfo) -> tuple[str, ...]:
    what = file.kind if file.part is None else f"{file.kind} {file.part}"
    return (
        file.node,
        "lost",
        f"{what}, {format_size(file.size_bytes)}",
        "1",
        file.cause,
        local_text(file.told_utc, zone),
        f"event {file.event or '?'}",
    )


def _gap_row(gap: Gap) -> Row:
    told_epoch, told_seq = gap.told_by or (None, None)
    return {
        "kind": "records",
        "node": gap.node,
        "state": gap.state,
        "epoch": gap.epoch,
        "first_seq": gap.first_seq,
        "last_seq": gap.last_seq,
        "count": gap.count,
        "cause": gap.cause,
        "detail": gap.detail,
        "noticed_utc": utc_text(gap.noticed_utc),
        "told_epoch": told_epoch,
        "told_seq": told_seq,
        "is_chain_verified": False,
    }


def _file_row(file: LostFile) -> Row:
    return {
        "kind": file.kind,
        "node": file.node,
        "state": "lost",
        "event": file.event,
        "part": file.part,
        "sha256": file.sha256,
        "size_bytes": file.size_bytes,
        "count": 1,
        "cause": file.cause,
        "noticed_utc": utc_text(file.told_utc),
    }
