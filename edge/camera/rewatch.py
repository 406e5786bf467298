"""Looks at recorded clips anew, with other settings: every picture decoded, no gate.

For what no trace can answer, and to check what a trace answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.base.clock import SystemClock
from edge.camera.pace import Pace
from edge.capture.decode import FrameDecoder
from edge.capture.file import FileSource
from edge.contract.motion import MotionSettings
from edge.media.frame import Frame
from edge.motion.activity import Activity, Ended, Event
from edge.motion.detector import Detector


@dataclass(frozen=True)
class Seen:
    """One event in a clip, in seconds of the clip."""

    started_s: float
    ended_s: float
    zones: tuple[str, ...]


def watch(path: Path, settings: MotionSettings) -> tuple[list[Seen], float]:
    """The events in a clip, and how long it is. Raises CaptureError."""
    detector = Detector(settings)
    activity = Activity(settings.min_frames, settings.quiet_s)
    pace = Pace(1 / settings.analysis_fps)
    events: list[Event] = []
    last_s = 0.0
    for frame in _frames(path):
        last_s = frame.mono_ns / 1e9
        if not pace.is_due(frame.mono_ns):
            continue
        if isinstance(ended := activity.observe(detector.observe(frame)), Ended):
            events.append(ended.event)
    if (ended := activity.finish()) is not None:
        events.append(ended.event)
    return [_seen(each) for each in events], last_s


def _frames(path: Path) -> Iterator[Frame]:
    """The clip's pictures, timed by the clip itself."""
    source = FileSource(path, SystemClock(), pace="fast")
    source.open()
    decoder: FrameDecoder | None = None
    first_pts: int | None = None
    try:
        for packet in source.packets():
            if packet.is_audio:
                continue
            if decoder is None:
                tick_ns = packet.time_base * 1_000_000_000
                first_pts = packet.pts

                def mono_ns(pts: int, first: int = first_pts) -> int:
                    return int((pts - first) * tick_ns)  # noqa: B023 - one stream a clip

                decoder = FrameDecoder(packet.stream, mono_ns=mono_ns)
            yield from decoder.decode(packet)
        if decoder is not None:
            yield from decoder.flush()
    finally:
        source.close()


def _seen(event: Event) -> Seen:
    return Seen(event.started.mono_ns / 1e9, event.last.mono_ns / 1e9, event.zones)
