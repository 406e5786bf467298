"""`camwatch-hub audit`: who did what, and whether the trail is whole."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from edge.base.clock import SystemClock, utc_text
from edge.base.units import format_count
from hub.archive import audit, audit_head
from hub.archive.audit import AuditEntry, AuditFilter, AuditRow, AuditTrail
from hub.archive.opening import open_to_read
from hub.cli.render import local_text, table
from hub.cli.trail import tell
from hub.config import HubSettings
from hub.registry import when
from hub.registry.spreadsheet import harmless

COLUMNS = ("number", "time", "user", "by", "from", "what", "of", "outcome", "more")
ROWS = 1000  # read at a time
USAGE = 2


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print entries, newest first; 1 when there are none."""
    try:
        where = _filter(arguments, settings.zone)
    except ValueError as err:
        print(f"camwatch-hub: {err}", file=sys.stderr)
        return USAGE
    open_to_read(settings).close()  # there is one; reading begins none
    tell(settings, "audit.view", "")
    archive = open_to_read(settings)
    try:
        found = archive.audit.entries(where, limit=arguments.limit, before=arguments.before)
    finally:
        archive.close()
    if arguments.json:
        for entry in found:
            print(json.dumps(entry_object(entry), ensure_ascii=False))
    elif found:
        print("\n".join(table([COLUMNS, *(_cells(entry, settings.zone) for entry in found)])))
    if not found:
        print("camwatch-hub: no entry fits", file=sys.stderr)
    return 0 if found else 1


def verify(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Check the whole chain, against the heads that the hub and the operator remember; 1 when it
    is not whole. Prints the head, to be kept elsewhere."""
    remembered = list(arguments.head)
    known = audit_head.read(settings.state_path)
    if known is not None:
        remembered.append(known)
    archive = open_to_read(settings)
    try:
        report = audit.check(_rows(archive.audit), remembered)
    finally:
        archive.close()
    for fault in report.faults:
        print(f"audit: {fault}")
    if not report.faults:
        print(f"audit: whole, {format_count(report.head.seq, 'entry')}")
        print(f"head: {report.head}")
    return 1 if report.faults else 0


def _rows(trail: AuditTrail) -> Iterator[AuditRow]:
    last = 0
    while rows := trail.rows_after(last, ROWS):
        yield from rows
        last = rows[-1].seq


def _filter(arguments: argparse.Namespace, zone: ZoneInfo) -> AuditFilter:
    now = SystemClock().utc()
    since, until = (
        None if text is None else when.parse(text, now=now, zone=zone, is_end=is_end)
        for text, is_end in ((arguments.since, False), (arguments.until, True))
    )
    return AuditFilter(
        since, until, arguments.user, arguments.action, arguments.target, arguments.outcome
    )


def entry_object(entry: AuditEntry) -> dict[str, object]:
    """An entry as JSON gives it."""
    deed = entry.deed
    return {
        "number": entry.seq,
        "at_utc": utc_text(deed.at_utc),
        "user": deed.user,
        "by": deed.by,
        "address": deed.address,
        "action": deed.action,
        "target": deed.target,
        "outcome": deed.outcome,
        "detail": dict(deed.detail),
        "hash": entry.digest,
    }


def _cells(entry: AuditEntry, zone: ZoneInfo) -> tuple[str, ...]:
    deed = entry.deed
    more = ", ".join(f"{key} {value}" for key, value in deed.detail.items())
    texts = (deed.user, deed.by, deed.address, deed.action, deed.target, deed.outcome, more)
    return (
        str(entry.seq),
        local_text(deed.at_utc, zone),
        *(str(harmless(text)) or "-" for text in texts),
    )
