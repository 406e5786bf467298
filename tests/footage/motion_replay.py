"""Recordings through the detector as a node does it, and the events held against the labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av

from edge.camera.pace import Pace
from edge.capture.decode import DecodedPixels, small_luma
from edge.contract.motion import MotionSettings
from edge.media.frame import Frame
from edge.motion.activity import Activity, Ended, Event
from edge.motion.detector import Detector
from scripts.bench import seeing_events, seeing_footage
from scripts.bench.seeing_score import Tally, judge
from tests.harness.footage import HARD_KINDS, Footage, Interval, Labels, Recording

MIN_INTERVAL_S = 2.0  # shorter visits are not required to be seen


@dataclass(frozen=True)
class Found:
    """One event in frames of the recording, counted from 0."""

    first: int
    confirmed: int
    last: int

    def meets(self, interval: Interval) -> bool:
        """Whether it overlaps an interval."""
        return self.first <= interval[1] and interval[0] <= self.last


@dataclass(frozen=True)
class Replay:
    """What the detector made of one recording."""

    labels: Labels
    found: tuple[Found, ...]
    frames: int
    detector_cpu_s: float

    def wanted(self) -> list[Interval]:
        """The intervals that must be met by an event."""
        hard = {(e.first, e.last) for e in self.labels.events or () if e.kind in HARD_KINDS}
        return [
            each
            for each in self.labels.motion or ()
            if each not in hard and each[1] - each[0] + 1 >= MIN_INTERVAL_S * self.labels.fps
        ]

    def missed(self) -> list[Interval]:
        """Those that are not."""
        return [each for each in self.wanted() if not any(e.meets(each) for e in self.found)]

    def false(self) -> list[Found]:
        """The events that overlap nothing but what is labelled static."""
        excused = (*(self.labels.motion or ()), *(self.labels.uncertain or ()))
        return [
            event
            for event in self.found
            if any(event.meets(each) for each in self.labels.static or ())
            and not any(event.meets(each) for each in excused)
        ]


def tally(footage: Footage, name: str, replayed: Replay) -> Tally:
    """What a replay of the recording `name` is worth by the rules of `seeing_score`."""
    (recording,) = seeing_footage.known(footage, frozenset({name}))
    times_s, _ = seeing_footage.frame_times(recording.path)
    found = [
        seeing_events.Found(
            seeing_footage.span((each.first, each.last), times_s), times_s[each.confirmed]
        )
        for each in replayed.found
    ]
    sums = Tally()
    sums.add(recording, judge(recording, found))
    return sums


def analysed_frames(recording: Recording, analysis_fps: float) -> Iterator[tuple[int, Frame]]:
    """Frame numbers and frames, no oftener than `analysis_fps`; the loop filter is left out."""
    interval = Fraction(1) / Fraction(analysis_fps)
    due: Fraction | None = None
    with av.open(str(recording.path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"skip_loop_filter": "all"}
        for number, picture in enumerate(container.decode(stream)):
            if picture.pts is None or stream.time_base is None:
                continue
            at = picture.pts * stream.time_base
            if due is not None and at < due - interval / 5:
                continue
            due = (at if due is None or at - due > interval else due) + interval
            yield (
                number,
                Frame(
                    picture.pts, int(at * 10**9), small_luma(picture, 320), DecodedPixels(picture)
                ),
            )


class Watch:
    """A detector and its events, told of frames by their numbers."""

    def __init__(self, settings: MotionSettings) -> None:
        self._detector = Detector(settings)
        self._activity = Activity(settings.min_frames, settings.quiet_s)
        self._pace = Pace(1 / settings.analysis_fps)
        self._numbers: dict[int, int] = {}
        self._events: list[Event] = []
        self._cpu_ns = 0

    def take_due(self, number: int, frame: Frame) -> None:
        """Judge a frame, if one is due."""
        if self._pace.is_due(frame.mono_ns):
            self.take(number, frame)

    def take(self, number: int, frame: Frame) -> None:
        """Judge a frame."""
        self._numbers[frame.pts] = number
        before_ns = time.thread_time_ns()
        observation = self._detector.observe(frame)
        self._cpu_ns += time.thread_time_ns() - before_ns
        transition = self._activity.observe(observation)
        if isinstance(transition, Ended):
            self._events.append(transition.event)

    def finish(self, labels: Labels) -> Replay:
        """End a running event; what came of it all."""
        if (finished := self._activity.finish()) is not None:
            self._events.append(finished.event)
        numbers = self._numbers
        found = tuple(
            Found(numbers[e.started.pts], numbers[e.confirmed.pts], numbers[e.last.pts])
            for e in self._events
        )
        return Replay(labels, found, len(numbers), self._cpu_ns / 1e9)


def replay(
    recording: Recording,
    settings: MotionSettings,
    also: Callable[[Frame], None] | None = None,
    beside: Sequence[Watch] = (),
) -> Replay:
    """Decode and judge one recording; `also` is called with every analysed frame, of which
    those `beside` take what is due for them."""
    watch = Watch(settings)
    for number, frame in analysed_frames(recording, settings.analysis_fps):
        watch.take(number, frame)
        for each in beside:
            each.take_due(number, frame)
        if also is not None:
            also(frame)
    return watch.finish(recording.labels)
