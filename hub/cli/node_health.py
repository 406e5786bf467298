"""`camwatch-hub nodes NODE`: how a node was over time, as the console's plots draw it."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import timedelta
from zoneinfo import ZoneInfo

from edge.base.clock import SystemClock, utc_text
from edge.base.units import format_size
from hub.archive.node_values import HealthSample
from hub.archive.opening import open_to_read
from hub.cli.known_names import refuse_unknown
from hub.cli.render import local_text, table
from hub.config import HubSettings

RANGES = {"day": timedelta(days=1), "week": timedelta(days=7), "months": timedelta(days=60)}
COLUMNS = (
    "at", "cameras", "cpu", "memory", "disk free", "temperature", "clock error", "stream",
    "waiting", "clips waiting",
)  # fmt: skip
USAGE = 2


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the node's samples, oldest first; 1 when there are none."""
    if arguments.node is None:
        print("camwatch-hub: --over: the name of a node is needed with it", file=sys.stderr)
        return USAGE
    until_utc = SystemClock().utc()
    since_utc = until_utc - RANGES[arguments.over or "day"]
    archive = open_to_read(settings)
    try:
        refuse_unknown(archive, arguments.node)
        samples = archive.health_samples(arguments.node, since_utc, until_utc)
    finally:
        archive.close()
    if arguments.json:
        for each in samples:
            print(json.dumps(_object(arguments.node, each)))
    elif samples:
        print("\n".join(table([COLUMNS, *(_cells(each, settings.zone) for each in samples)])))
    if not samples:
        print(f"camwatch-hub: {arguments.node} told nothing in that time", file=sys.stderr)
    return 0 if samples else 1


def _object(node: str, sample: HealthSample) -> dict[str, object]:
    return {
        "node": node,
        "at_utc": utc_text(sample.at_utc),
        "cpu_percent": sample.cpu_percent,
        "memory_bytes": sample.memory_bytes,
        "disk_free_bytes": sample.disk_free_bytes,
        "temperature_c": sample.temperature_c,
        "clock_error_ms": sample.clock_error_ms,
        "waiting_records": sample.waiting_records,
        "waiting_clip_bytes": sample.waiting_clip_bytes,
        "watching": sample.watching,
        "cameras": sample.cameras,
        "bits_per_s": sample.bits_per_s,
    }


def _cells(sample: HealthSample, zone: ZoneInfo) -> tuple[str, ...]:
    """The sample's cells under COLUMNS."""
    heat, error = sample.temperature_c, sample.clock_error_ms
    return (
        local_text(sample.at_utc, zone),
        f"{sample.watching}/{sample.cameras}",
        f"{sample.cpu_percent:.0f} %",
        format_size(sample.memory_bytes),
        format_size(sample.disk_free_bytes),
        "-" if heat is None else f"{heat:.0f} C",
        "-" if error is None else f"{error} ms",
        f"{sample.bits_per_s / 1e6:.1f} Mbit/s",
        str(sample.waiting_records),
        format_size(sample.waiting_clip_bytes),
    )
