"""The thread that looks: packets out of the feed, frames to the detector, and on to the story.

Frames are looked at no oftener than `analysis_fps` by their PTS; all of them are decoded, since
each is predicted from the one before. What was looked at, and what was not, goes to the coverage.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from fractions import Fraction

from edge.base.mark import Mark
from edge.camera.coverage import Coverage
from edge.camera.feed import Feed, Skipped, StreamBegan, StreamLost
from edge.camera.story import Story
from edge.capture.decode import FrameDecoder
from edge.config.motion import MotionSettings
from edge.media.frame import Frame
from edge.media.packet import Packet, VideoStream
from edge.motion.detector import Detector
from edge.motion.picture import PictureCheck

log = logging.getLogger(__name__)

POLL_S = 0.25
EARLY = Fraction(1, 5)  # a frame this part of an interval early still counts as due


class Analysis:
    """The analysis of one camera. `run` is its thread's body."""

    def __init__(
        self,
        settings: MotionSettings,
        *,
        feed: Feed,
        story: Story,
        coverage: Coverage | None = None,
        mark: Mark | None = None,
        began: StreamBegan | None = None,
    ) -> None:
        """`mark` is touched at each turn. `began`: go on in the middle of that stream."""
        self._settings = settings
        self._feed = feed
        self._story = story
        self._coverage = coverage
        self._mark = mark
        self._detector = Detector(settings)
        self._picture = PictureCheck()
        self._keyframes_pts: deque[int] = deque(maxlen=8)  # on their way through the decoder
        self._decoder: FrameDecoder | None = None
        self._stream: VideoStream | None = None
        self._due_pts: int | None = None
        self._stop = threading.Event()
        self._is_abandoned = False
        self.looked = 0
        if began is not None:
            self._begin(began)

    def run(self) -> None:
        """Look at what comes until `stop`, then end a running event."""
        while not self._stop.is_set():
            if self._mark is not None:
                self._mark.touch()
            match self._feed.get(POLL_S):
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
        if not self._is_abandoned:
            self._story.stop()

    def stop(self) -> None:
        """End `run` after the packet under way."""
        self._stop.set()

    def abandon(self) -> None:
        """Another one takes over; should this one's thread go on one day, it touches nothing."""
        self._is_abandoned = True
        self._stop.set()

    def _begin(self, began: StreamBegan) -> None:
        self._flush()
        before, self._stream = self._stream, began.stream
        self._decoder = FrameDecoder(began.stream, mono_ns=began.timeline.mono_ns)
        self._due_pts = None
        self._keyframes_pts.clear()
        self._picture.restart()
        if before is not None and _shape(before) != _shape(began.stream):
            self._detector = Detector(self._settings)

    def _skip(self) -> None:
        self._flush()
        if self._coverage is not None:
            self._coverage.skipped()

    def _lose(self, lost: StreamLost) -> None:
        self._flush()
        if self._coverage is not None:
            self._coverage.lost(lost.reason, lost.last_packet_ns)
        self._story.lose()

    def _look(self, packet: Packet) -> None:
        if self._decoder is None or packet.stream is not self._stream:
            return
        if packet.is_keyframe:
            self._keyframes_pts.append(packet.pts)
        for frame in self._decoder.decode(packet):
            self._look_at(frame, packet.stream)

    def _flush(self) -> None:
        if self._decoder is not None and self._stream is not None:
            for frame in self._decoder.flush():
                self._look_at(frame, self._stream)

    def _look_at(self, frame: Frame, stream: VideoStream) -> None:
        is_keyframe = frame.pts in self._keyframes_pts
        is_due = self._is_due(frame.pts, stream.time_base)
        if self._is_abandoned or not (is_due or is_keyframe):
            return
        picture = self._picture.observe(frame.luma, frame.mono_ns, is_keyframe=is_keyframe)
        if is_due:
            self.looked += 1
            self._story.observe(self._detector.observe(frame), frame, stream)
        if self._coverage is not None:
            self._coverage.looked(frame.mono_ns, picture)

    def _is_due(self, pts: int, time_base: Fraction) -> bool:
        interval = 1 / (Fraction(self._settings.analysis_fps) * time_base)
        if self._due_pts is not None and pts < self._due_pts - interval * EARLY:
            return pts < self._due_pts - 2 * interval  # the PTS went back
        behind = self._due_pts is None or pts - self._due_pts > interval
        self._due_pts = int((pts if behind or self._due_pts is None else self._due_pts) + interval)
        return True


def _shape(stream: VideoStream) -> tuple[int, int]:
    return stream.width, stream.height
