"""`camwatch-hub nodes`: who is online since when, and what is wrong."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from edge.base import schema
from edge.base.clock import SystemClock, utc_text
from edge.base.units import format_count, format_duration
from edge.contract import health
from edge.contract.errors import ContractError
from edge.contract.health import Health
from edge.keys import PublicKey
from hub.archive.enrolments import Standing
from hub.archive.node_values import NodeState
from hub.archive.opening import open_to_read, problems_now
from hub.cli import node_health
from hub.cli.render import local_text, table
from hub.config import HubSettings
from hub.registry import settings as settings_of
from hub.registry.settings import Standing as SettingsStanding

COLUMNS = (
    "node", "joined", "state", "since", "last record", "waiting", "missing", "lost", "version",
    "cameras",
)  # fmt: skip
ALARM = "alarm."


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the nodes; 1 when there are none."""
    if arguments.over is not None or arguments.node is not None:
        return node_health.run(arguments, settings)
    archive = open_to_read(settings)
    clock = SystemClock()
    try:
        nodes = archive.nodes()
        standings = archive.enrolments.standings(clock.utc())
        settled = settings_of.standings(archive)
    finally:
        archive.close()
    if arguments.json:
        for node in nodes:
            standing = standings.get(node.name, Standing())
            print(json.dumps(_object(node, standing, settled.get(node.name)), ensure_ascii=False))
    else:
        for trouble in problems_now(settings):
            print(f"hub: {trouble.text}")
    if nodes and not arguments.json:
        now, zone = clock.utc(), settings.zone
        rows = (_cells(node, standings.get(node.name, Standing()), now, zone) for node in nodes)
        print("\n".join(table([COLUMNS, *rows])))
        for node in nodes:
            for problem in problems_of(node):
                print(f"{node.name}: {problem}")
            of_settings = settled.get(node.name)
            if of_settings is not None and not of_settings.is_settled:
                print(f"{node.name}: {of_settings.text()}")
    if not nodes:
        print("camwatch-hub: no node yet; camwatch-hub node add NAME", file=sys.stderr)
    return 0 if nodes else 1


def _cells(node: NodeState, standing: Standing, now: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    report = _health_of(node)
    return (
        node.name,
        joined_text(standing, zone),
        node.state,
        "-" if node.since_utc is None else local_text(node.since_utc, zone),
        _ago(node.last_record_utc, now),
        "-" if report is None else str(report.outbox.records),
        str(node.missing_records),
        _lost(node),
        node.version or "-",
        ",".join(node.cameras) or "-",
    )


def joined_text(standing: Standing, zone: ZoneInfo) -> str:
    """How the node stands, in a few words."""
    words = []
    if standing.enrolled_utc is not None:
        words.append(local_text(standing.enrolled_utc, zone))
    elif standing.has_account:
        words.append("by hand")
    elif standing.revoked_utc is not None:
        words.append(f"revoked {local_text(standing.revoked_utc, zone)}")
    if standing.awaited_until_utc is not None:
        words.append(f"awaited until {local_text(standing.awaited_until_utc, zone)}")
    return ", ".join(words) or "no"


def _object(
    node: NodeState, standing: Standing, settled: SettingsStanding | None
) -> dict[str, object]:
    def moment(value: datetime | None) -> str | None:
        return None if value is None else utc_text(value)

    report = _health_of(node)
    return {
        "node": node.name,
        "state": node.state,
        "has_account": standing.has_account,
        "enrolled_utc": moment(standing.enrolled_utc),
        "awaited_until_utc": moment(standing.awaited_until_utc),
        "revoked_utc": moment(standing.revoked_utc),
        "since_utc": moment(node.since_utc),
        "version": node.version,
        "cameras": list(node.cameras),
        "key": None if node.public_key is None else PublicKey(node.public_key).text,
        "last_record_utc": moment(node.last_record_utc),
        "health_utc": moment(node.health_utc),
        "waiting_records": None if report is None else report.outbox.records,
        "camera_health": [] if report is None else schema.dump(report.cameras),
        "label_health": None if report is None else schema.dump(report.labels),
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
        "settings": None if settled is None else settled.text() or None,
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
        f"{format_count(count, 'message')} refused: {name.removeprefix('refused.')}"
        for name, count in sorted(node.counts.items())
        if name.startswith("refused.")
    ]
    if node.missing_records:
        missing = format_count(node.missing_records, "record")
        verb = "is" if node.missing_records == 1 else "are"
        problems.append(f"{missing} {verb} missing; camwatch-hub gaps")
    if lost := _lost(node, none=""):
        problems.append(f"lost: {lost}; camwatch-hub gaps")
    report = _health_of(node)
    return problems if report is None else problems + list(report.problems)


def _lost(node: NodeState, *, none: str = "-") -> str:
    """What the node told to be lost, in words."""
    told = ((node.lost_records, "record"), (node.lost_files, "file"))
    words = [format_count(count, word) for count, word in told if count]
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
