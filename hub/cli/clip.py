"""`camwatch-hub clip`: an event's clip as a file, its hash checked on the way."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge.base.durable import PartFile
from edge.base.errors import CamwatchError
from edge.base.units import format_size
from hub.archive import Archive
from hub.archive.opening import open_to_read
from hub.archive.values import Clip, Event
from hub.cli import trail
from hub.cli.find import find_event, last_here
from hub.clipstore import ClipStore, FileClipStore
from hub.config import HubSettings

STANDARD_OUTPUT = "-"


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Copy the clip; 1 when it is not here or not what its record announced."""
    archive = open_to_read(settings)
    try:
        event = find_event(archive, arguments.id)
        clip = _find_clip(archive, event, arguments.part)
    finally:
        archive.close()
    trail.tell_event(settings, "clip.download", event, part=str(clip.part), sha256=clip.sha256)
    clips = FileClipStore(settings.clips_path, suffix=".mp4", must_exist=True)
    if arguments.output == STANDARD_OUTPUT:
        _write_out(clips, clip)
    else:
        _copy(clips, clip, Path(arguments.output))
        print(
            f"{arguments.output}: {format_size(clip.size_bytes)}, sha256 {clip.sha256}, as recorded"
        )
    if event.parts > 1:
        print(f"camwatch-hub: part {clip.part} of {event.parts}; see --part", file=sys.stderr)
    return 0


def _find_clip(archive: Archive, event: Event, part: int) -> Clip:
    announced = [clip for clip in archive.clips_of(event) if clip.part == part]
    what = f"clip {part} of event {event.id}"
    clip = last_here(announced, what, hint="its node uploads it when it is online")
    if clip is not None:
        return clip
    fault = f": {event.fault}" if event.fault else ""
    raise CamwatchError(f"event {event.id} has no clip {part}{fault}")


def _copy(clips: ClipStore, clip: Clip, path: Path) -> None:
    with PartFile(path) as file:
        for block in clips.read(clip.sha256):
            file.write(block)
        file.publish()


def _write_out(clips: ClipStore, clip: Clip) -> None:
    """What is written cannot be taken back, so the whole clip is checked first."""
    for _ in clips.read(clip.sha256):
        pass
    for block in clips.read(clip.sha256):
        sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
