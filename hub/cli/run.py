"""`camwatch-hub run`: the hub in the foreground, as systemd wants it."""

from __future__ import annotations

import argparse
import contextlib
from zoneinfo import ZoneInfo

from edge.base.units import format_duration, format_size
from hub import service
from hub.archive.values import Clip, Event
from hub.cli.render import kind_text, local_text
from hub.config import HubSettings


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Run until SIGTERM."""
    announcers = None
    if arguments.print_events:
        zone = settings.zone
        announcers = service.Announcers(
            on_ended=lambda event: _print(event_line(event, zone)),
            on_stored=lambda clip, event: _print(clip_line(clip, event, zone)),
        )
    service.run(settings, announcers)
    return 0


def _print(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # archiving goes on when nobody reads
        print(line, flush=True)


def event_line(event: Event, zone: ZoneInfo) -> str:
    """One line for an event that was archived to its end."""
    lasted = format_duration((event.duration_ms or 0) / 1000)
    zones = ",".join(event.zones) or "-"
    where = f"{local_text(event.started_utc, zone)}  {event.camera_path}"
    return f"archived  {where}  {kind_text(event)}  {lasted}  {zones}  {event.id}"


def clip_line(clip: Clip, event: Event, zone: ZoneInfo) -> str:
    """One line for a clip that is stored and verified."""
    what = f"clip {clip.part}, {format_size(clip.size_bytes)}, verified"
    started = local_text(event.started_utc, zone)
    return f"clip      {started}  {event.camera_path}  {what}  {event.id}"
