"""`camwatch-hub snapshot`: an event's picture as a file, its hash checked on the way."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.base.errors import CamwatchError
from edge.base.units import format_size
from hub.archive import Archive
from hub.archive.opening import open_to_read
from hub.archive.values import Event, Snapshot
from hub.cli import trail
from hub.cli.find import find_event, last_here
from hub.cli.registry_files import STANDARD, write_file
from hub.clipstore import FileClipStore
from hub.config import HubSettings


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Copy the picture. Raises CamwatchError where none is here, or it is not what its record
    announced."""
    archive = open_to_read(settings)
    try:
        event = find_event(archive, arguments.id)
        shot = _find(archive, event)
    finally:
        archive.close()
    trail.tell_event(settings, "snapshot.view", event, sha256=shot.sha256)
    store = FileClipStore(settings.snapshots_path, suffix=".jpg", must_exist=True)
    content = b"".join(store.read(shot.sha256))
    write_file(arguments.output, content)
    if arguments.output != STANDARD:
        size = format_size(len(content))
        print(f"{Path(arguments.output)}: {size}, sha256 {shot.sha256}, as recorded")
    return 0


def _find(archive: Archive, event: Event) -> Snapshot:
    """The last of the event's that is here."""
    what = f"the picture of event {event.id}"
    shots = archive.snapshots_of(event)
    shot = last_here(shots, what, hint="its node sends it when it is online")
    if shot is None:
        raise CamwatchError(f"event {event.id} has no picture")
    return shot
