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
from hub.cli.find import find_event
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
    announced = archive.snapshots_of(event)
    stored = [shot for shot in announced if shot.stored_utc is not None]
    if stored:
        return stored[-1]
    if announced and announced[-1].lost_cause is not None:
        raise CamwatchError(
            f"the picture of event {event.id} is lost: its node said {announced[-1].lost_cause}",
            hint="camwatch-hub gaps lists what is lost, and why",
        )
    if announced:
        raise CamwatchError(
            f"the picture of event {event.id} was announced, but is not here yet",
            hint="its node sends it when it is online",
        )
    raise CamwatchError(f"event {event.id} has no picture")
