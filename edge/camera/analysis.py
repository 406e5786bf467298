"""The thread that looks: packets out of the feed, frames to the detector, and on to the story.

Which pictures are decoded is the viewer's choice. Of those, frames are looked at no oftener than
`analysis_fps` by their PTS. What was looked at, and what was not, goes to the coverage: one
that the gate let pass counts as looked at, as long as keyframes prove that the picture lives.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Protocol

from edge.base.mark import Mark
from edge.camera.coverage import Coverage
from edge.camera.feed import Feed, Item, Skipped, StreamBegan, StreamLost
from edge.camera.viewer import Viewer, ViewerCounts
from edge.config.motion import MotionSettings
from edge.contract import names
from edge.contract.health import GateHealth
from edge.gop.ring import PacketRing
from edge.media.frame import Frame
from edge.media.packet import Packet, VideoStream
from edge.motion.detector import Detector
from edge.motion.observation import Observation
from edge.motion.picture import PictureCheck

log = logging.getLogger(__name__)

POLL_S = 0.25
LAZY_POLL_S = 2.0  # while the feed wakes us for what matters
PASSED_EVERY_S = 1.0  # of media, between two notes that pictures were let pass
PROOF_S = 5.0  # how soon after the last of them a decoded picture must prove them
CATCH_UP_S = 8.0  # that analysis may lag more while it decodes what lies behind
EARLY = 0.2  # a frame this part of an interval early still counts as due
MAX_REASON_CHARS = 120  # edge.contract.health.GateHealth


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
        """The camera is gone."""

    def stop(self) -> None:
        """The agent stops."""


class Analysis:
    """The analysis of one camera. `run` is its thread's body."""

    def __init__(
        self,
        settings: MotionSettings,
        *,
        feed: Feed,
        story: Listener,
        ring: PacketRing | None = None,
        coverage: Coverage | None = None,
        mark: Mark | None = None,
        began: StreamBegan | None = None,
        counts: ViewerCounts | None = None,
    ) -> None:
        """`ring`: where packets before the newest are; without it, each one is decoded as it
        comes. `mark` is touched at each turn. `began`: go on in the middle of that stream.
        `counts`: of who did this before."""
        self._settings = settings
        self._feed = feed
        self._story = story
        self._ring = ring
        self._coverage = coverage
        self._mark = mark
        self._detector = Detector(settings)
        self._picture = PictureCheck()
        self._keyframes_pts: deque[int] = deque(maxlen=32)  # on their way through the decoder
        self._began: StreamBegan | None = None
        self._viewer: Viewer | None = None
        self._interval_ns = 1e9 / settings.analysis_fps
        self._due_ns: float | None = None
        self._passed_ns: list[int] = []  # let pass since the last decoded picture, one a second
        self._stop = threading.Event()
        self._is_abandoned = False
        self.counts = counts or ViewerCounts()
        self.looked = 0
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
            case None:
                self._story.tick()

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

    def _touch(self) -> None:
        if self._mark is not None:
            self._mark.touch()

    def _begin(self, began: StreamBegan) -> None:
        self._flush()
        before, self._began = self._began, began
        self._viewer = Viewer(
            began,
            ring=self._ring,
            decodes_all=self._settings.decode == "all",
            glance=self._glance,
            is_event=lambda: self._story.is_moving,
            counts=self.counts,
            touch=self._touch,
            catch_up=lambda: self._feed.catch_up(CATCH_UP_S),
        )
        self._feed.is_lazy = False
        self._due_ns = None
        self._passed_ns.clear()
        self._keyframes_pts.clear()
        self._picture.restart()
        if before is not None and _shape(before.stream) != _shape(began.stream):
            self._detector = Detector(self._settings)

    def _skip(self) -> None:
        self._flush()
        if self._coverage is not None:
            self._coverage.skipped()

    def _lose(self, lost: StreamLost) -> None:
        self._flush()
        self._feed.is_lazy = False
        if self._coverage is not None:
            self._coverage.lost(lost.reason, lost.last_packet_ns)
        self._story.lose()

    def _look(self, packet: Packet) -> None:
        viewer, began = self._viewer, self._began
        if viewer is None or began is None or packet.stream is not began.stream:
            return
        if packet.is_keyframe:
            self._keyframes_pts.append(packet.pts)
        for frame in viewer.take(packet):
            if self._is_abandoned:
                return
            self._look_at(frame, viewer, packet.stream)
        if self._is_abandoned:
            return
        self._feed.is_lazy = not viewer.is_open
        if not viewer.is_open:
            self._let_pass(packet, began)

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
        if self._is_abandoned or not self._detector.glance(frame):
            return False
        self.looked += 1
        self._prove(frame, is_keyframe=True)
        return True

    def _look_at(self, frame: Frame, viewer: Viewer, stream: VideoStream) -> None:
        is_keyframe = frame.pts in self._keyframes_pts
        is_due = self._is_due(frame.mono_ns)
        if self._is_abandoned or not (is_due or is_keyframe):
            return
        if is_due:
            self.looked += 1
            observation = self._detector.observe(frame)
            self._story.observe(observation, frame, stream)
            viewer.observed(observation)
        self._prove(frame, is_keyframe=is_keyframe)

    def _prove(self, frame: Frame, *, is_keyframe: bool) -> None:
        picture = self._picture.observe(frame.luma, frame.mono_ns, is_keyframe=is_keyframe)
        if self._coverage is None:
            return
        # What was let pass before this frame was looked at by its size; this frame proves that
        # there was a picture. Without such a proof none of it counts.
        if self._passed_ns and frame.mono_ns - self._passed_ns[-1] <= PROOF_S * 1e9:
            for at_ns in self._passed_ns:
                if at_ns < frame.mono_ns:
                    self._coverage.looked(at_ns, "unproven")
        self._passed_ns.clear()
        self._coverage.looked(frame.mono_ns, picture)

    def _is_due(self, at_ns: int) -> bool:
        due_ns, interval_ns = self._due_ns, self._interval_ns
        if due_ns is not None and at_ns < due_ns - interval_ns * EARLY:
            return at_ns < due_ns - 2 * interval_ns  # the time went back
        is_behind = due_ns is None or at_ns - due_ns > interval_ns
        self._due_ns = (at_ns if is_behind or due_ns is None else due_ns) + interval_ns
        return True


def _shape(stream: VideoStream) -> tuple[int, int]:
    return stream.width, stream.height
