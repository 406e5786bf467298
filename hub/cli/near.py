"""`camwatch-hub near`: what else happened around an event."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta

from edge.base.units import format_duration
from hub.archive.opening import open_to_read
from hub.archive.scope import EVERYTHING
from hub.cli.find import find_event
from hub.cli.render import EventPrinter
from hub.config import HubSettings
from hub.registry.neighbours import neighbours


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the event between its neighbours in time, newest first; 1 when it has none."""
    archive = open_to_read(settings)
    try:
        event = find_event(archive, arguments.id)
        within = timedelta(seconds=arguments.within_s)
        found = neighbours(archive, event, EVERYTHING, limit=arguments.limit, within=within)
        if not found.earlier and not found.later:
            span = format_duration(arguments.within_s)
            where = f"node {event.node}" if found.area is None else f"area {found.area}"
            print(f"camwatch-hub: nothing else within {span} in {where}", file=sys.stderr)
            return 1
        printer = EventPrinter(arguments.form, settings.zone, sys.stdout)
        printer.print((*reversed(found.later), event, *found.earlier))
    finally:
        archive.close()
    return 0
