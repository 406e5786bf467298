"""The product itself: packets through gate, viewer, detector and activity, as in a node.

No picture is decoded that a node would not decode. What the detector saw is kept as a trace, a few
numbers for each picture that it looked at, so that misses can be explained.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from edge.contract.motion import MotionSettings
from edge.media.frame import Frame
from edge.media.packet import Packet, VideoStream
from edge.motion.activity import Ended, Started, Transition
from edge.motion.observation import Moment, Observation
from scripts.bench.seeing_events import Box, Found
from scripts.bench.seeing_footage import Span
from tests.footage.gate_replay import Events, view

MAX_BOXES = 6  # of one picture, in the trace


@dataclass(frozen=True)
class Look:
    """What the detector said of one picture: moving things, and those that merely stirred."""

    at_s: float
    moving: tuple[Box, ...]
    stirring: tuple[Box, ...]
    is_settled: bool
    changed: float


@dataclass(frozen=True)
class Watched:
    """The product on one recording; `share` of its pictures were decoded, in `modes`."""

    found: tuple[Found, ...]
    trace: tuple[Look, ...]
    share: float
    modes: dict[str, int]
    cpu_s: float


def watch(path: Path, settings: MotionSettings) -> Watched:
    """The product's events on a recording."""
    listener = _Listener(settings)
    viewed = view(path, settings, change=listener.arrive, events=listener)
    return Watched(
        tuple(listener.told),
        tuple(sorted(listener.trace, key=lambda each: each.at_s)),
        viewed.share,
        viewed.modes,
        viewed.cpu_s,
    )


class _Listener(Events):
    """Notes when in the stream an event was known, beside when it was."""

    def __init__(self, settings: MotionSettings) -> None:
        super().__init__(settings)
        self.told: list[Found] = []
        self.trace: list[Look] = []
        self._origin_s: Fraction | None = None
        self._arrived_s = 0.0
        self._started_s = 0.0

    def arrive(self, packet: Packet) -> None:
        """A packet is about to be looked at."""
        at = packet.pts * packet.time_base
        self._origin_s = at if self._origin_s is None else self._origin_s
        self._arrived_s = max(self._arrived_s, float(at - self._origin_s))

    def observe(self, observation: Observation, frame: Frame, stream: VideoStream) -> None:
        regions = observation.regions
        self.trace.append(
            Look(
                self._seconds(observation.at),
                tuple(each.box for each in regions if each.is_moving)[:MAX_BOXES],
                tuple(each.box for each in regions if not each.is_moving)[:MAX_BOXES],
                observation.is_settled,
                observation.changed,
            )
        )
        super().observe(observation, frame, stream)

    def take(self, transition: Transition | None) -> None:
        super().take(transition)
        if isinstance(transition, Started):
            self._started_s = self._arrived_s
        if isinstance(transition, Ended):
            event = transition.event
            span = Span(self._seconds(event.started), self._seconds(event.last))
            best = event.best
            self.told.append(Found(span, self._started_s, best.box, self._seconds(best.at)))

    def _seconds(self, moment: Moment) -> float:
        return moment.mono_ns / 1e9 - float(self._origin_s or 0)
