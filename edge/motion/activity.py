"""From observations to events: when one starts, goes on and is over. Pure: no clock, no pixels.

An event starts when something moves and at least `min_frames` of the last 2 x `min_frames` frames
stirred; it is dated back to the first frame in which the moving thing was seen. It goes on while
something moves, and is over `quiet_s` after the last motion, so that a walker who is lost for a
moment stays one event. Called by the camera, which also keeps the frame of the best observation.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from edge.contract.parts import Track
from edge.motion.observation import Moment, Observation, Region
from edge.motion.trails import Trails

CUT_WORTH = 0.25  # of a region at the picture's border as a snapshot, against a complete one
BETTER = 1.1  # how much better a frame must be to take the place of the best one


@dataclass(frozen=True, slots=True)
class Event:
    """A running or finished event.

    `started` is the first frame of the motion, `confirmed` the frame that made it an event,
    `last` the last one with motion. `score` is the highest so far, `zones` all that were touched,
    in the order of the touching; `best` the observation that shows most of what moved. `tracks`
    are the ways of what moved up to `confirmed`; of an event that ended, up to its end.
    """

    started: Moment
    confirmed: Moment
    last: Moment
    score: float
    zones: tuple[str, ...]
    best: Observation
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """An event began; the frame just observed confirmed it and is its best so far."""

    event: Event


@dataclass(frozen=True, slots=True)
class Extended:
    """A running event saw motion in the frame just observed; `is_best` where it is the new best."""

    event: Event
    is_best: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """An event is over."""

    event: Event


Transition = Started | Extended | Ended


class Activity:
    """One camera's event state. One thread at a time."""

    def __init__(self, min_frames: int, quiet_s: float) -> None:
        self._min_frames = min_frames
        self._quiet_ns = round(quiet_s * 1e9)
        self._recent: deque[Observation] = deque(maxlen=2 * min_frames)
        self._event: Event | None = None
        self._ended_ns: int | None = None
        self._trails = Trails()

    @property
    def event(self) -> Event | None:
        """The running event, if there is one."""
        return self._event

    def observe(self, observation: Observation) -> Transition | None:
        """Take the next frame's observation; what changed by it, if anything.

        A frame that ends an event can start the next one no earlier than the frame after it.
        """
        ended = self.tick(observation.at.mono_ns)
        self._trails.observe(observation)
        if ended:
            self._recent.append(observation)
            return ended
        if self._event is not None:
            return self._extend(self._event, observation)
        self._recent.append(observation)
        if observation.has_motion and self._is_confirmed(observation):
            return self._start(observation)
        return None

    def tick(self, mono_ns: int) -> Ended | None:
        """Say what time it is; ends the event when its quiet time is over.

        To be called while no frames are analysed; `observe` does it by itself.
        """
        if self._event is None or mono_ns - self._event.last.mono_ns < self._quiet_ns:
            return None
        return self.finish()

    def finish(self) -> Ended | None:
        """End the running event now, as when the camera is lost; None where nothing runs."""
        event, self._event = self._event, None
        self._recent.clear()
        if event is None:
            return None
        self._ended_ns = event.last.mono_ns
        tracks = self._trails.tracks(event.started)
        self._trails.finish(event.last)
        return Ended(replace(event, tracks=tracks))

    def _is_confirmed(self, observation: Observation) -> bool:
        stirring = [each.at.mono_ns for each in self._recent if each.is_stirring]
        newest_ns = observation.at.mono_ns
        for mono_ns in reversed(stirring):
            if newest_ns - mono_ns > self._quiet_ns:
                stirring = [each for each in stirring if each > mono_ns]
                break
            newest_ns = mono_ns
        return len(stirring) >= self._min_frames

    def _start(self, observation: Observation) -> Started:
        started = observation.since or observation.at
        if self._ended_ns is not None and started.mono_ns <= self._ended_ns:
            started = observation.at
        self._event = Event(
            started=started,
            confirmed=observation.at,
            last=observation.at,
            score=observation.score,
            zones=observation.zones,
            best=observation,
            tracks=self._trails.tracks(started),
        )
        self._recent.clear()
        return Started(self._event)

    def _extend(self, event: Event, observation: Observation) -> Extended | None:
        if not observation.has_motion:
            return None
        is_best = worth(observation) > BETTER * worth(event.best)
        new_zones = tuple(zone for zone in observation.zones if zone not in event.zones)
        self._event = replace(
            event,
            last=observation.at,
            score=max(event.score, observation.score),
            zones=event.zones + new_zones,
            best=observation if is_best else event.best,
        )
        return Extended(self._event, is_best)


def worth(observation: Observation) -> float:
    """How good a snapshot a frame makes: large and complete moving things count."""
    return max((_worth(region) for region in observation.regions if region.is_moving), default=0.0)


def _worth(region: Region) -> float:
    return region.area * (CUT_WORTH if region.is_cut else 1.0)
