"""`camwatch-hub mark` and `note`: what a person makes of an event."""

from __future__ import annotations

import argparse

from edge.base.clock import SystemClock
from hub.archive import remarks
from hub.archive.opening import open_to_write
from hub.archive.values import Mark, Remark
from hub.cli import filter_words, trail
from hub.cli.find import find_event
from hub.config import HubSettings


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Mark one event, or add a note to it, or both, and say what it is now."""
    note = None if arguments.note is None else remarks.note_of(arguments.note)
    user = filter_words.asker(arguments)
    mark: Mark | None = arguments.mark
    archive, _ = open_to_write(settings)
    try:
        event = find_event(archive, arguments.id)
        action, word = "event.mark" if note is None else "event.note", mark or ""
        with trail.noted(
            archive, action, f"event:{event.id}", name=user, camera=event.camera_path,
            mark=word,
        ):  # fmt: skip
            event = archive.remark(event, Remark(user, SystemClock().utc(), mark, note))
    finally:
        archive.close()
    print(f"{event.id}  {event.camera_path}  {event.mark}")
    return 0
