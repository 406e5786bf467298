"""`camwatch-hub nodes`: who is online since when, and what is wrong."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from edge.base import schema
from edge.base.clock import SystemClock, utc_text
from edge.base.units import format_duration
from edge.contract import health
from edge.contract.errors import ContractError
from edge.contract.health import Health
from edge.keys import PublicKey
from hub.archive.opening import open_to_read, problems_now
from hub.archive.values import NodeState
from hub.cli.render import local_text, table
from hub.config import HubSettings

COLUMNS = (
    "node", "state", "since", "last record", "waiting", "missing", "lost", "version", "cameras",
)  # fmt: skip
ALARM = "alarm."


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the nodes; 1 when there are none."""
    archive = open_to_read(settings)
    try:
        nodes = archive.nodes()
    finally:
        archive.close()
    if arguments.json:
        for node in nodes:
            print(json.dumps(_object(node), ensure_ascii=False))
    else:
        for trouble in problems_now(settings):
            print(f"hub: {trouble.text}")
    if nodes and not arguments.json:
        now = SystemClock().utc()
        print("\n".join(table([COLUMNS, *(_cells(node, now, settings.zone) for node in nodes)])))
        for node in nodes:
            for problem in problems_of(node):
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
        str(node.missing_records),
        _lost(node),
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
        "camera_health": [] if report is None else schema.dump(report.cameras),
        "journals": [
            {
                "epoch": each.epoch,
                "upto": each.upto,
                "beyond": each.beyond,
                "missing": each.missing,
            }
            for each in node.journals
        ],
        "missing_records": node.missing_records,
        "lost_records": node.lost_records,
        "lost_files": node.lost_files,
        "counts": dict(node.counts),
        "problems": problems_of(node),
    }


def problems_of(node: NodeState) -> list[str]:
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
    if node.missing_records:
        verb = "record is" if node.missing_records == 1 else "records are"
        problems.append(f"{node.missing_records} {verb} missing; camwatch-hub gaps")
    if lost := _lost(node, none=""):
        problems.append(f"lost: {lost}; camwatch-hub gaps")
    report = _health_of(node)
    return problems if report is None else problems + list(report.problems)


def _lost(node: NodeState, *, none: str = "-") -> str:
    """What the node told to be lost, in words."""
    told = ((node.lost_records, "record"), (node.lost_files, "file"))
    words = [f"{count} {word}{'s' * (count != 1)}" for count, word in told if count]
    return ", ".join(words) or none


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
