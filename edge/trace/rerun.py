"""Judges a trace by other settings: the node's own tracks and events, on what the trace holds.

What a re-run takes as it was: the background and its noise, which frames were looked at, and when
the light or the whole picture jumped. The sensitivity, the smallest area, frames, quiet time,
zones and masks are what the given settings say. Deterministic; agreement with a new run on the
pixels is measured in docs/design/traces.md.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge.contract.motion import MotionSettings
from edge.contract.parts import Box
from edge.motion.activity import Activity, Ended, Event, Transition
from edge.motion.look import SETTLING_S, SHAKE_S, Look, Shape
from edge.motion.needs import LEAST, MOST, Needs, ZoneNeeds, of_number
from edge.motion.observation import Moment, Observation, Region
from edge.motion.tracks import Blob, Track, Tracker
from edge.trace.area import Area
from edge.trace.lines import Line, Mark

MAX_BLOBS = 12  # of one frame, as the node's own, edge.motion.regions
CUT_PX = 1  # from the picture's border, at which a region is cut
Layers = dict[int, tuple[Shape, ...]]


@dataclass(frozen=True, slots=True)
class Span:
    """One event of a re-run, on the monotonic clock; `box` is the best picture's."""

    started_ns: int
    confirmed_ns: int
    last_ns: int
    score: float
    zones: tuple[str, ...]
    box: Box | None

    def meets(self, started_ns: int, last_ns: int, slack_ns: int = 0) -> bool:
        """Whether they have a moment in common."""
        return self.started_ns <= last_ns + slack_ns and started_ns <= self.last_ns + slack_ns


class Rerun:
    """One camera's trace from one boot, by one choice of settings."""

    def __init__(
        self, settings: MotionSettings, *, width: int, height: int, layers: Sequence[int]
    ) -> None:
        """`width`, `height`: of the small picture. `layers`: the sensitivities the trace has."""
        self._settings = settings
        self._width, self._height = width, height
        self._layers = tuple(sorted(layers))
        self._area = Area(settings, width, height)
        self._activity = Activity(settings.min_frames, settings.quiet_s)
        self._needs = ZoneNeeds(settings)
        self._least_px = self._needs.least.min_area * width * height
        self._tracker = self._make_tracker()
        self._settled_ns = 0
        self.found: list[Span] = []
        self.moving: tuple[Region, ...] = ()
        """What moves in the line last taken."""

    def take(self, line: Line) -> None:
        """The next line."""
        self.moving = ()
        if isinstance(line, Mark):
            if line.kind == "lost":
                self.finish()
        elif line.kind == "glance":
            self._note(self._activity.tick(line.mono_ns))
        else:
            observation = self._observe(line)
            self.moving = tuple(each for each in observation.regions if each.is_moving)
            self._note(self._activity.observe(observation))

    def finish(self) -> None:
        """The trace ends here, or has a hole."""
        self._note(self._activity.finish())
        self._tracker.clear()

    def shows(self, look: Look) -> bool:
        """Whether anything in it would be worth a closer look, by these settings."""
        return bool(self._blobs(look))

    def _observe(self, look: Look) -> Observation:
        at = Moment(0, look.mono_ns)
        seen: list[Track] = []
        if look.kind == "start":
            self._tracker = self._make_tracker()
            self._settled_ns = look.mono_ns
        elif look.kind == "flash":
            self._tracker.clear()
            self._settled_ns = look.mono_ns + int(SETTLING_S * 1e9)
        elif look.kind == "shake":
            self._settled_ns = max(self._settled_ns, look.mono_ns + int(SHAKE_S * 1e9))
        else:
            is_settled = look.mono_ns >= self._settled_ns
            seen = self._tracker.observe(self._blobs(look), at, is_settled=is_settled)
        return self._observation(look, at, seen)

    def _blobs(self, look: Look) -> list[Blob]:
        if not look.layers:
            return []
        layers = dict(look.layers)
        kept = [
            cut.blob
            for part in self._area.parts
            for shape in self._shapes(layers, _number(part.needs, look.noise))
            if (cut := part.cut(shape)) is not None
        ]
        kept = [each for each in kept if each.area_px >= self._least_px / 2]
        kept.sort(key=lambda each: -each.area_px)
        return kept[:MAX_BLOBS]

    def _shapes(self, layers: Layers, wanted: float) -> Iterable[Shape]:
        """The regions at a sensitivity; between two that the trace has, both weighed."""
        if wanted in self._layers:
            return layers.get(round(wanted), ())
        above = min((each for each in self._layers if each > wanted), default=None)
        below = max((each for each in self._layers if each < wanted), default=None)
        if above is None or below is None:
            nearest = below if above is None else above
            return layers.get(nearest, ()) if nearest is not None else ()
        weight = (above - wanted) / (above - below)
        return _between(layers.get(above, ()), layers.get(below, ()), weight)

    def _observation(self, look: Look, at: Moment, seen: Sequence[Track]) -> Observation:
        regions = tuple(self._region(track) for track in seen)
        moving = [each for each in regions if each.is_moving]
        covered = sum(each.area for each in moving) * self._width * self._height
        return Observation(
            at=at,
            has_motion=bool(moving),
            is_stirring=bool(regions),
            since=min((each.since for each in moving), key=_time, default=None),
            score=min(1.0, covered / max(1, self._area.watched_px)),
            box=moving[0].box if moving else None,
            zones=self._names(track.blob.zones for track in seen if track.is_moving),
            regions=regions,
            changed=look.changed,
            brightness=look.brightness,
            noise=look.noise,
            is_settled=look.mono_ns >= self._settled_ns,
        )

    def _region(self, track: Track) -> Region:
        blob, width, height = track.blob, self._width, self._height
        return Region(
            track=track.number,
            since=track.since,
            is_moving=track.is_moving,
            box=(blob.left / width, blob.top / height, blob.width / width, blob.height / height),
            area=blob.area_px / (width * height),
            is_cut=blob.left <= CUT_PX or blob.top <= CUT_PX
            or blob.left + blob.width >= width - CUT_PX
            or blob.top + blob.height >= height - CUT_PX,
            zones=self._names((blob.zones,)),
        )  # fmt: skip

    def _names(self, touched: Iterable[int]) -> tuple[str, ...]:
        bits = 0
        for each in touched:
            bits |= each
        if not bits:
            return ()
        return tuple(name for number, name in enumerate(self._area.zones) if bits >> number & 1)

    def _make_tracker(self) -> Tracker:
        return Tracker(self._needs, (self._height, self._width))

    def _note(self, transition: Transition | None) -> None:
        if isinstance(transition, Ended):
            self.found.append(_span(transition.event))


@functools.lru_cache(maxsize=256)
def _number(needs: Needs, noise: float) -> float:
    """The sensitivity whose thresholds these are; for an expert's, at this noise."""
    thresholds = []
    for number in range(LEAST, MOST + 1):
        derived = of_number(number)
        if (derived.floor, derived.noise_factor) == (needs.floor, needs.noise_factor):
            return number
        thresholds.append(derived.floor + derived.noise_factor * noise)
    wanted = needs.floor + needs.noise_factor * noise
    for number, (above, below) in enumerate(itertools.pairwise(thresholds), LEAST):
        if wanted >= above:
            return number
        if wanted > below:
            return number + (above - wanted) / (above - below)
    return MOST


def _between(above: Sequence[Shape], below: Sequence[Shape], weight: float) -> Iterator[Shape]:
    """Regions whose sizes lie between those of two layers; `weight` is the lower layer's."""
    for shape in above:
        blob = shape.blob
        inner = [each.blob for each in below if _holds(blob, each.blob)]
        area, core, calm = (
            round((1 - weight) * of_above + weight * of_below)
            for of_above, of_below in (
                (blob.area_px, sum(each.area_px for each in inner)),
                (blob.core_px, sum(each.core_px for each in inner)),
                (blob.calm_px, sum(each.calm_px for each in inner)),
            )
        )
        if core:
            yield Shape(
                dataclasses.replace(blob, area_px=area, core_px=core, calm_px=calm), shape.density
            )


def _holds(outer: Blob, inner: Blob) -> bool:
    is_across = outer.left <= inner.x < outer.left + outer.width
    return is_across and outer.top <= inner.y < outer.top + outer.height


def _span(event: Event) -> Span:
    return Span(
        event.started.mono_ns, event.confirmed.mono_ns, event.last.mono_ns, event.score,
        event.zones, event.best.box,
    )  # fmt: skip


def _time(moment: Moment) -> int:
    return moment.mono_ns
