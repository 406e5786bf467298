"""A recording through the camera's own viewer and detector, packet by packet on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from edge.base.clock import SystemClock
from edge.camera import sieve
from edge.camera.analysis import Analysis
from edge.camera.coverage import Coverage
from edge.camera.feed import Feed, StreamBegan
from edge.camera.tamper_watch import TamperWatch
from edge.camera.viewer import ViewerCounts
from edge.capture.beat import TIME_BASE
from edge.capture.encoded import Coded
from edge.capture.file import FileSource
from edge.capture.jpegs import JpegPackets
from edge.config.camera import CameraSettings
from edge.contract.motion import MotionSettings
from edge.gop.ring import PacketRing
from edge.media.frame import Frame
from edge.media.packet import Packet, VideoStream
from edge.media.timeline import Timeline
from edge.motion.activity import Activity, Ended, Transition
from edge.motion.observation import Observation
from scripts.bench import seeing_footage
from scripts.bench.seeing_events import Found
from scripts.bench.seeing_footage import Known
from scripts.bench.seeing_score import Tally, judge

RING_S = 13.0  # pre-roll, lag and onset as edge.camera.camera adds them up
RING_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Span:
    """One event, in seconds of the recording."""

    start_s: float
    end_s: float

    def meets(self, other: Span, slack_s: float = 0.1) -> bool:
        """Whether they have a moment in common."""
        return self.start_s <= other.end_s + slack_s and other.start_s <= self.end_s + slack_s


@dataclass
class Viewed:
    """What came of one recording."""

    events: list[Span]
    counts: ViewerCounts
    seconds: float
    cpu_s: float
    began_s: float
    """The first packet's time, from which labels count."""
    modes: dict[str, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Of the pictures, decoded; those decoded twice count twice."""
        return self.counts.decoded / max(1, self.counts.packets)

    def lost(self, wanted: list[Span]) -> list[Span]:
        """Those of `wanted` that no event here meets."""
        return [each for each in wanted if not any(each.meets(own) for own in self.events)]

    def late_s(self, wanted: list[Span]) -> list[float]:
        """For each of `wanted` that is met, by how much the first event that meets it is late."""
        met = [[own.start_s for own in self.events if own.meets(each)] for each in wanted]
        return [
            min(starts) - each.start_s for each, starts in zip(wanted, met, strict=True) if starts
        ]

    def added(self, wanted: list[Span]) -> list[Span]:
        """The events here that meet none of `wanted`."""
        return [own for own in self.events if not any(own.meets(each) for each in wanted)]

    def beyond_s(self, wanted: list[Span]) -> list[float]:
        """Lengths of all stretches of events here that lie in none of `wanted`: too early, too
        late, or between two of them."""
        beyond_s = []
        for own in self.events:
            at_s = own.start_s
            for each in sorted(wanted, key=lambda span: span.start_s):
                if at_s < each.start_s <= own.end_s:
                    beyond_s.append(each.start_s - at_s)
                if each.start_s <= own.end_s:
                    at_s = max(at_s, each.end_s)
            if at_s < own.end_s:
                beyond_s.append(own.end_s - at_s)
        return beyond_s

    def tally(self, recording: Known) -> Tally:
        """What the events are worth by the rules of `seeing_score`."""
        spans = [
            seeing_footage.Span(each.start_s - self.began_s, each.end_s - self.began_s)
            for each in self.events
        ]
        sums = Tally()
        sums.add(recording, judge(recording, [Found(each, each.first_s) for each in spans]))
        return sums


class Events:
    """Makes events of observations as the camera's story does, and keeps their times."""

    def __init__(self, settings: MotionSettings) -> None:
        self._activity = Activity(settings.min_frames, settings.quiet_s)
        self.found: list[Span] = []

    @property
    def is_moving(self) -> bool:
        return self._activity.event is not None

    def observe(self, observation: Observation, _frame: Frame, _stream: VideoStream) -> None:
        self.take(self._activity.observe(observation))

    def tick(self, at_ns: int | None = None) -> None:
        if at_ns is not None:
            self.take(self._activity.tick(at_ns))

    def lose(self) -> None:
        self.take(self._activity.finish())

    def stop(self) -> None:
        self.lose()

    def interrupt(self) -> None:
        self.lose()

    def retune(self, settings: CameraSettings) -> None:
        """Nobody does."""

    def take(self, transition: Transition | None) -> None:
        """What became of the event that runs, or none does."""
        if isinstance(transition, Ended):
            event = transition.event
            self.found.append(Span(event.started.mono_ns / 1e9, event.last.mono_ns / 1e9))


class _Recorded(Timeline):
    """The recording's own time, whatever the clock says meanwhile."""

    def __init__(self, time_base: Fraction) -> None:
        super().__init__(time_base)
        self._tick = time_base * 1_000_000_000

    def mono_ns(self, pts: int) -> int:
        return int(pts * self._tick)


def view(
    path: Path,
    settings: MotionSettings,
    *,
    ring_bytes: int = RING_BYTES,
    coverage: Coverage | None = None,
    change: Callable[[Packet], None] = lambda _: None,
    events: Events | None = None,
    tamper: TamperWatch | None = None,
) -> Viewed:
    """Every packet of the recording at `path`, as fast as it goes; `change` may damage some.

    `events`, made of the same settings, are told what is seen; a subclass may listen.
    """
    return replay(
        read(path), settings, ring_bytes=ring_bytes, coverage=coverage, change=change,
        events=events, tamper=tamper,
    )  # fmt: skip


def read(path: Path) -> Iterator[Packet]:
    """The packets of a recording, as a camera would send them; Motion JPEG too."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        if video.codec_context.name == "mjpeg":
            taker = JpegPackets(path.name, stall_timeout_s=10.0)
            for raw in container.demux(video):
                if raw.pts is not None and raw.time_base is not None:
                    pts = round(raw.pts * raw.time_base / TIME_BASE)
                    yield from taker.push(Coded(bytes(raw), pts, int(pts * TIME_BASE * 10**9)))
            return
    source = FileSource(path, SystemClock(), pace="fast")
    source.open()
    yield from source.packets()


def replay(
    packets: Iterable[Packet],
    settings: MotionSettings,
    *,
    ring_bytes: int = RING_BYTES,
    coverage: Coverage | None = None,
    change: Callable[[Packet], None] = lambda _: None,
    events: Events | None = None,
    tamper: TamperWatch | None = None,
) -> Viewed:
    """The same for packets that are there already."""
    events = events or Events(settings)
    ring = PacketRing(keep_s=RING_S, max_bytes=ring_bytes)
    feed = Feed(max_lag_s=1e9, waits=False)
    analysis = Analysis(settings, feed=feed, story=events, coverage=coverage, tamper=tamper)
    stream: VideoStream | None = None
    judge: sieve.Sieve | None = None
    modes: dict[str, int] = {}
    first_s = last_s = began_s = 0.0
    before_s = time.process_time()
    for packet in packets:
        if packet.is_audio:
            continue
        if packet.stream is not stream:
            stream, judge = packet.stream, sieve.make(packet.stream)
            gate = judge.gate if judge is not None else None
            analysis.take(StreamBegan(stream, _Recorded(stream.time_base), gate, ring))
            began_s = first_s if stream is None else began_s
        change(packet)
        packet.lively_since = judge.observe(packet) if judge is not None else None
        ring.append(packet)
        analysis.take(packet)
        last_s = float(packet.pts * packet.time_base)
        told = analysis.gate()
        mode = "all" if told is None else told.mode
        modes[mode] = modes.get(mode, 0) + 1
    analysis.finish()
    events.lose()
    cpu_s = time.process_time() - before_s
    return Viewed(events.found, analysis.counts, last_s - first_s, cpu_s, began_s, modes)
