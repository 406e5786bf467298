"""The thread that looks: packets out of the feed, frames to the detector, and on to the story.

Which pictures are decoded is the viewer's choice. Of those, frames are looked at no oftener than
`analysis_fps` by their PTS. What was looked at, and what was not, goes to the coverage: one
that the gate let pass counts as looked at, as long as keyframes prove that the picture lives.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from edge.base.clock import Clock
from edge.base.mark import Mark
from edge.camera import viewing
from edge.camera.coverage import Coverage
from edge.camera.feed import (
    Feed,
    Item,
    RecordingLost,
    Retuned,
    Skipped,
    StreamBegan,
    StreamLost,
)
from edge.camera.load import Load
from edge.camera.pace import Pace
from edge.camera.shortage import NONE, Looks
from edge.camera.tamper_watch import TamperWatch
from edge.camera.tracing import Tracing
from edge.camera.viewer import ViewerCounts
from edge.camera.viewing import Viewing
from edge.config.camera import CameraSettings
from edge.contract import names
from edge.contract.health import MAX_REASON_CHARS, GateHealth
from edge.contract.motion import MotionSettings
from edge.media.frame import Frame
from edge.media.packet import Packet, VideoStream
from edge.motion.detector import Detector
from edge.motion.observation import Observation
from edge.motion.picture import PictureCheck, State
from edge.trace.lines import MarkKind

POLL_S = 0.25
LAZY_POLL_S = 2.0  # while the feed wakes us for what matters
PASSED_EVERY_S = 1.0  # of media, between two notes that pictures were let pass
PROOF_S = 5.0  # how soon after the last of them a decoded picture must prove them
INTRA_SAMPLE_S = 1.0  # where every picture is a keyframe: those compared to tell a frozen one
CATCH_UP_S = 8.0  # that analysis may lag more while it decodes what lies behind


class Listener(Protocol):
    """Who makes events of what is seen: the camera's story. See there."""

    @property
    def is_moving(self) -> bool:
        """Whether an event runs."""

    def observe(self, observation: Observation, frame: Frame, stream: VideoStream) -> None:
        """Take what the detector says about `frame`."""

    def tick(self, at_ns: int | None = None) -> None:
        """Let time pass while no frames come."""

    def lose(self) -> None:
        """What is recorded is gone."""

    def stop(self) -> None:
        """The agent stops."""

    def interrupt(self) -> None:
        """End a running event now."""

    def retune(self, settings: CameraSettings) -> None:
        """Other settings hold from the next event on; called while none runs."""


class Analysis:
    """The analysis of one camera. `run` is its thread's body."""

    def __init__(
        self,
        settings: MotionSettings,
        *,
        feed: Feed,
        story: Listener,
        coverage: Coverage | None = None,
        mark: Mark | None = None,
        began: StreamBegan | None = None,
        counts: ViewerCounts | None = None,
        turns: AbstractContextManager[None] | None = None,
        clock: Clock | None = None,
        tracing: Tracing | None = None,
        tamper: TamperWatch | None = None,
        hold: Callable[[int | None], None] = lambda arrived_ns: None,
    ) -> None:
        """`mark` is touched at each turn. `began`: go on in the middle of that stream.
        `counts`: of who did this before. Pictures are decoded and looked at within `turns`,
        and fewer where by `clock` they come too late. What is seen is kept by `tracing`;
        `tamper` looks after the camera itself. `hold` is told when what is looked at arrived;
        None where nothing waits."""
        self._settings = settings
        self._feed = feed
        self._story = story
        self._coverage = coverage
        self._mark = mark
        self._tracing = tracing
        self._detector = Detector(settings, draws=tracing is not None)
        self._picture = PictureCheck()
        self._keyframes_pts: deque[int] = deque(maxlen=32)  # on their way through the decoder
        self._began: StreamBegan | None = None
        self._viewer: Viewing | None = None
        self._turns = turns or nullcontext()
        self._load = Load()
        self._looks = Looks(settings.analysis_fps, self._load)
        self._shortage = NONE
        self._clock = clock
        self._tamper = tamper
        self._hold = hold
        self._pace = Pace(1 / settings.analysis_fps)
        self._observed_ns = 0
        self._passed_ns: list[int] = []  # let pass since the last decoded picture, one a second
        self._retuned: Retuned | None = None
        self._stop = threading.Event()
        self._is_abandoned = False
        self.counts = counts or ViewerCounts()
        self._told = (self.counts.packets, self.counts.decoded)
        if began is not None:
            self._begin(began)

    def run(self) -> None:
        """Look at what comes until `stop`, then end a running event."""
        while not self._stop.is_set():
            self._touch()
            self.take(self._feed.get(LAZY_POLL_S if self._feed.is_lazy else POLL_S))
        if not self._is_abandoned:
            self._story.stop()
            self._note("lost")
            if self._tamper is not None:
                self._tamper.stop()

    def take(self, item: Item | None) -> None:
        """What comes next out of the feed; None where nothing did for a while."""
        match item:
            case Packet() as packet:
                self._look(packet)
            case StreamBegan() as began:
                self._begin(began)
            case Skipped():
                self._skip()
            case StreamLost() as lost:
                self._lose(lost)
            case RecordingLost():
                self._story.lose()
            case Retuned() as retuned:
                self._retuned = retuned
            case None:
                self._hold(None)
                self._story.tick()
        if self._retuned is not None and not self._is_abandoned:
            self._retune(self._retuned)

    def finish(self) -> None:
        """Look at what is still on its way through the decoder."""
        self._flush()

    def stop(self) -> None:
        """End `run` after the packet under way."""
        self._stop.set()

    def abandon(self) -> None:
        """Another one takes over; should this one's thread go on one day, it touches nothing."""
        self._is_abandoned = True
        self._stop.set()

    def gate(self) -> GateHealth | None:
        """How pictures are chosen, with the share decoded since the last call. For any thread."""
        viewer, counts = self._viewer, self.counts
        if viewer is None:
            return None
        before, self._told = self._told, (counts.packets, counts.decoded)
        packets, decoded = self._told[0] - before[0], self._told[1] - before[1]
        return GateHealth(
            mode=viewer.mode,
            reason=names.shorten(viewer.reason, MAX_REASON_CHARS),
            decoded_share=round(decoded / max(1, packets), 3),
            openings=counts.by_gate,
            false_openings=counts.false,
            events=counts.events,
            missed=counts.missed,
        )

    def _retune(self, retuned: Retuned) -> None:
        """Take other settings once no event runs; at the limit, end the one that does.

        What the detector learnt stays, and no picture is left out.
        """
        if self._story.is_moving:
            if self._clock is None or self._clock.mono_ns() < retuned.until_ns:
                return
            self._story.interrupt()
        self._retuned = None
        before, self._settings = self._settings, retuned.settings.motion
        self._detector.retune(self._settings)
        self._story.retune(retuned.settings)
        if self._tamper is not None:
            self._tamper.retune(retuned.settings.tamper)
        if self._tracing is not None:
            self._tracing.retune(retuned.settings)
        if before.analysis_fps != self._settings.analysis_fps:
            self._pace = Pace(1 / self._settings.analysis_fps)
            self._looks = Looks(self._settings.analysis_fps, self._load)
        chooses = ("decode", "analysis_fps")
        if any(getattr(before, each) != getattr(self._settings, each) for each in chooses):
            self._choose_anew()
        retuned.then()

    def _choose_anew(self) -> None:
        """Another viewer for the stream that runs; it looks back over what was not looked at."""
        if self._began is not None and self._began.ring is not None:
            self._begin(dataclasses.replace(self._began, since_ns=self._observed_ns or None))
        elif self._began is not None:
            self._begin(self._began)

    def _touch(self) -> None:
        if self._mark is not None:
            self._mark.touch()

    def _begin(self, began: StreamBegan) -> None:
        self._flush()
        before, self._began = self._began, began
        self._viewer = viewing.make(
            began,
            self._settings,
            glance=self._glance,
            is_event=lambda: self._story.is_moving,
            counts=self.counts,
            turns=self._turns,
            load=self._load,
            touch=self._touch,
            catch_up=lambda: self._feed.catch_up(CATCH_UP_S),
        )
        self._feed.is_lazy = False
        self._pace.restart()
        self._passed_ns.clear()
        self._keyframes_pts.clear()
        self._picture.restart(nearest_s=INTRA_SAMPLE_S if began.stream.is_intra_only else 0.0)
        if before is not None and _shape(before.stream) != _shape(began.stream):
            self._detector = Detector(self._settings, draws=self._tracing is not None)

    def _skip(self) -> None:
        self._flush()
        self._note("skipped")
        if self._coverage is not None:
            self._coverage.skipped()

    def _lose(self, lost: StreamLost) -> None:
        self._flush()
        self._feed.is_lazy = False
        self._hold(None)
        if self._coverage is not None:
            self._coverage.lost(lost.reason, lost.last_packet_ns)
        self._story.lose()
        self._note("lost")
        if self._tamper is not None:
            self._tamper.lose()

    def _note(self, kind: MarkKind) -> None:
        if self._tracing is not None:
            self._tracing.note(kind, self._observed_ns)

    def _trace(self, frame: Frame) -> None:
        self._observed_ns = frame.mono_ns
        if self._tracing is not None and (look := self._detector.look) is not None:
            self._tracing.saw(look, frame)

    def _look(self, packet: Packet) -> None:
        viewer, began = self._viewer, self._began
        if viewer is None or began is None or packet.stream is not began.stream:
            return
        if packet.is_keyframe:
            self._keyframes_pts.append(packet.pts)
            self._hold(packet.arrival_mono_ns)
        for frame in viewer.take(packet):
            if self._is_abandoned:
                return
            self._look_at(frame, viewer, packet.stream)
        if self._is_abandoned:
            return
        self._feed.is_lazy = not viewer.is_open
        if not viewer.is_open:
            self._let_pass(packet, began)
        self._looks.note(began.timeline.mono_ns(packet.dts))
        self._balance(packet, is_lazy=not viewer.is_open)
        self._tell_shortage()

    def _balance(self, packet: Packet, *, is_lazy: bool) -> None:
        """Look at less while the pictures come faster than they can be looked at."""
        if self._clock is None:
            return
        waited_s = (self._clock.mono_ns() - packet.arrival_mono_ns) / 1e9 - self._feed.grace_s
        lag_s = 0.0 if is_lazy else max(0.0, waited_s)  # packets gather while it is lazy
        self._load.note(float(packet.dts * packet.time_base), lag_s)

    def _tell_shortage(self) -> None:
        before, self._shortage = self._shortage, self._looks.shortage
        if self._coverage is not None and self._shortage != before:
            self._coverage.lowered(self._shortage.says, blind=self._shortage.blind)

    @property
    def problem(self) -> str:
        """That not everything is looked at; empty where all is well. For any thread."""
        return self._shortage.says

    def _let_pass(self, packet: Packet, began: StreamBegan) -> None:
        """Nothing moves, by the size of the packets; time goes on."""
        at_ns = began.timeline.mono_ns(packet.pts)
        if self._passed_ns and 0 <= at_ns - self._passed_ns[-1] < PASSED_EVERY_S * 1e9:
            return
        self._passed_ns.append(at_ns)
        self._story.tick(at_ns)

    def _flush(self) -> None:
        if self._viewer is not None and self._began is not None:
            for frame in self._viewer.flush():
                self._look_at(frame, self._viewer, self._began.stream)

    def _glance(self, frame: Frame) -> bool:
        """Look at a keyframe that stands alone; false where it needs more than that."""
        if self._is_abandoned or self._began is None:
            return False
        stream = self._began.stream
        if self._tamper is not None and self._tamper.look(frame, stream):
            return False
        with self._turns:
            if not self._detector.glance(frame, is_alone=not stream.is_intra_only):
                return False
        self.counts.looked += 1
        self._trace(frame)
        self._prove(frame, self._check(frame, is_keyframe=True))
        return not self._is_doubtful

    def _look_at(self, frame: Frame, viewer: Viewing, stream: VideoStream) -> None:
        is_keyframe = frame.pts in self._keyframes_pts
        is_due = self._pace.is_due(frame.mono_ns, self._load.step.rate)
        if self._is_abandoned or not (is_due or is_keyframe):
            return
        picture = self._check(frame, is_keyframe=is_keyframe)
        if is_due:
            self.counts.looked += 1
            with self._turns:
                observation = self._detector.observe(frame)
            self._trace(frame)
            self._story.observe(observation, frame, stream)
            is_suspected = self._tamper is not None and self._tamper.look(frame, stream)
            if is_suspected or self._is_doubtful:
                observation = dataclasses.replace(observation, is_stirring=True)
            viewer.observed(observation)
        self._prove(frame, picture)

    @property
    def _is_doubtful(self) -> bool:
        """Whether the next keyframes would tell that the picture is stuck."""
        return self._tamper is not None and self._picture.is_in_doubt

    def _check(self, frame: Frame, *, is_keyframe: bool) -> State:
        picture = self._picture.observe(frame.luma, frame.mono_ns, is_keyframe=is_keyframe)
        if self._tamper is not None:
            self._tamper.heed(picture, is_stuck=self._picture.is_stuck)
        return picture

    def _prove(self, frame: Frame, picture: State) -> None:
        detail = None
        if self._tamper is not None:
            picture, detail = self._tamper.judged(picture)
        if self._coverage is None:
            return
        # What was let pass before this frame was looked at by its size; this frame proves that
        # there was a picture. Without such a proof none of it counts.
        if self._passed_ns and frame.mono_ns - self._passed_ns[-1] <= PROOF_S * 1e9:
            for at_ns in self._passed_ns:
                if at_ns < frame.mono_ns:
                    self._coverage.looked(at_ns, "unproven")
        self._passed_ns.clear()
        self._coverage.looked(frame.mono_ns, picture, detail)


def _shape(stream: VideoStream) -> tuple[int, int]:
    return stream.width, stream.height
