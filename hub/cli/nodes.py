"""`camwatch-hub nodes`: who is online since when, and what is wrong."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from edge.base.clock import SystemClock, utc_text
from edge.base.units import format_duration
from edge.contract import health
from edge.contract.errors import ContractError
from edge.contract.health import Health
from edge.keys import PublicKey
from hub.archive import SqliteArchive
from hub.archive.values import NodeState
from hub.cli.render import local_text, table
from hub.config import HubSettings

COLUMNS = ("node", "state", "since", "last record", "waiting", "missing", "version", "cameras")
ALARM = "alarm."


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the nodes; 1 when there are none."""
    archive = SqliteArchive(settings.archive_path, is_read_only=True)
    try:
        nodes = archive.nodes()
    finally:
        archive.close()
    if arguments.json:
        for node in nodes:
            print(json.dumps(_object(node), ensure_ascii=False))
    elif nodes:
        now = SystemClock().utc()
        print("\n".join(table([COLUMNS, *(_cells(node, now, settings.zone) for node in nodes)])))
        for node in nodes:
            for problem in _problems(node):
                print(f"{node.name}: {problem}")
    if not nodes:
        print("camwatch-hub: no node yet; camwatch-hub node add NAME", file=sys.stderr)
    return 0 if nodes else 1


def _cells(node: NodeState, now: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    report = _health_of(node)
    return (
        node.name,
        node.state,
        "-" if node.since_utc is None else local_text(node.since_utc, zone),
        _ago(node.last_record_utc, now),
        "-" if report is None else str(report.outbox.records),
        str(_missing(node)),
        node.version or "-",
        ",".join(node.cameras) or "-",
    )


def _object(node: NodeState) -> dict[str, object]:
    def moment(value: datetime | None) -> str | None:
        return None if value is None else utc_text(value)

    report = _health_of(node)
    return {
        "node": node.name,
        "state": node.state,
        "since_utc": moment(node.since_utc),
        "version": node.version,
        "cameras": list(node.cameras),
        "key": None if node.public_key is None else PublicKey(node.public_key).text,
        "last_record_utc": moment(node.last_record_utc),
        "health_utc": moment(node.health_utc),
        "waiting_records": None if report is None else report.outbox.records,
        "journals": [
            {"epoch": each.epoch, "upto": each.upto, "beyond": each.beyond}
            for each in node.journals
        ],
        "missing_records": _missing(node),
        "counts": dict(node.counts),
        "problems": _problems(node),
    }


def _problems(node: NodeState) -> list[str]:
    """What a person should know: alarms first, then what the node says itself."""
    problems = [
        f"ALARM: {name.removeprefix(ALARM)} ({count})"
        for name, count in sorted(node.counts.items())
        if name.startswith(ALARM)
    ]
    problems += [
        f"{count} messages refused: {name.removeprefix('refused.')}"
        for name, count in sorted(node.counts.items())
        if name.startswith("refused.")
    ]
    if missing := _missing(node):
        problems.append(f"{missing} or more records are missing")
    report = _health_of(node)
    return problems if report is None else problems + list(report.problems)


def _missing(node: NodeState) -> int:
    """At least so many records are missing: those between `upto` and the newest known of `also`."""
    return sum(
        journal.also[-1] - journal.upto - len(journal.also)
        for journal in node.journals
        if journal.also
    )


def _health_of(node: NodeState) -> Health | None:
    if node.health is None:
        return None
    try:
        return health.decode(node.health)
    except ContractError:  # written by an older hub under another version
        return None


def _ago(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "-"
    return f"{format_duration(max(0.0, (now - moment).total_seconds()))} ago"
