"""Chooses which pictures of a Motion JPEG stream are decoded: each stands alone, so any will do.

A closed sampler decodes one now and then, small, and nothing else. Where that one shows something
new it opens: it goes back through the ring to the pictures that it passed over since the one
before, and decodes each that is due for the analysis until nothing stirs any more. Nothing that
full decoding takes for motion is shorter than the distance of two samples.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from edge.camera.feed import StreamBegan
from edge.camera.load import Load
from edge.camera.pace import Pace
from edge.camera.viewer import CLOSE_S, LEARN_S, MIN_HISTORY_S, Mode, ViewerCounts
from edge.capture.jpeg_decode import JpegFrames
from edge.contract.motion import MotionSettings
from edge.gop.ring import PacketRing
from edge.media.frame import Frame
from edge.media.packet import Packet
from edge.motion.observation import Observation
from edge.motion.tracks import MIN_HITS

log = logging.getLogger(__name__)

SAMPLE_S = 0.25  # between two samples, at most
FULL = 0.9  # of the ring's bytes: it drops pictures for want of room, or soon will
ENOUGH_HISTORY = 0.9  # of what the ring should keep: keyframes do not fall on its edge
BATCH = 16


class Sampler:
    """One stream's viewer. `take` and `observed` by the analysis thread."""

    def __init__(
        self,
        began: StreamBegan,
        settings: MotionSettings,
        *,
        glance: Callable[[Frame], bool],
        is_event: Callable[[], bool],
        counts: ViewerCounts,
        turns: AbstractContextManager[None],
        load: Load,
    ) -> None:
        """The arguments are those of `edge.camera.viewer.Viewer`."""
        self._stream = began.stream
        self._timeline = began.timeline
        self._ring = began.ring or PacketRing(keep_s=0, max_bytes=0)
        self._since_ns = began.since_ns
        self._turns = turns
        self._load = load
        self._decodes_all = settings.decode == "all" or began.ring is None
        self._glance = glance
        self._is_event = is_event
        self._frames = JpegFrames(began.stream, mono_ns=began.timeline.mono_ns)
        interval_s = 1 / settings.analysis_fps
        self._pace = Pace(interval_s)
        self._sample_s = sample_interval_s(settings)
        self._samples = Pace(self._sample_s)
        self.counts = counts
        self._is_open = True
        self._is_learnt = False
        self._is_ring_short = False
        self._is_told = False
        self._was_event = False
        self._first_ns: int | None = None
        self._opened_ns: int | None = None
        self._stirred_ns: int | None = None
        self._observed_ns = 0
        self._sampled_index = -1
        """Up to this packet of the ring everything was looked at, or passed over for good."""

    @property
    def is_open(self) -> bool:
        """Whether every picture that is due is decoded now."""
        return self._is_open

    @property
    def mode(self) -> Mode:
        """What it relies on now: `keyframes`, of which some will do, as all are; or `all`."""
        can_sample = self._is_learnt and not (self._decodes_all or self._is_ring_short)
        return "keyframes" if can_sample else "all"

    @property
    def reason(self) -> str:
        """Why this mode, in words."""
        if self._decodes_all:
            return "the settings ask for it"
        if not self._is_learnt:
            return "Motion JPEG: the scene is not learnt yet"
        if self._is_ring_short:
            return "clips.ring_bytes holds too little of the stream to go back in"
        reason = f"Motion JPEG: while nothing stirs, {1 / self._sample_s:.3g} pictures a second do"
        return f"{reason}; {self._shortage}" if self._shortage else reason

    @property
    def _shortage(self) -> str:
        """What of the pre-roll and the time to find an event the ring does not hold, if so."""
        ring = self._ring
        held_s, wanted_s = ring.history_s, ring.keep_s
        if ring.size_bytes < FULL * ring.max_bytes or held_s >= ENOUGH_HISTORY * wanted_s:
            return ""
        return f"clips.ring_bytes holds {held_s:.1f} s, {wanted_s:g} are wanted"

    def take(self, packet: Packet) -> Iterator[Frame]:
        """The next packet; the frames to look at, in order of time.

        Go through all of them, and tell `observed` of each, before the next call.
        """
        self.counts.packets += 1
        at_ns = self._timeline.mono_ns(packet.pts)
        if self._first_ns is None:
            self._first_ns = at_ns
            yield from self._catch_up(packet)
        if self._is_open:
            yield from self._look(packet)
            if self._may_close():
                self._close(packet)
        elif self._samples.is_due(at_ns):
            yield from self._sample(packet)

    def observed(self, observation: Observation) -> None:
        """What the detector said of a frame; the event that came of it is told already."""
        self._observed_ns = observation.at.mono_ns
        if self._opened_ns is None:
            self._opened_ns = self._observed_ns
        if observation.is_stirring or observation.has_motion or not observation.is_settled:
            self._stirred_ns = self._observed_ns
        was_event, self._was_event = self._was_event, self._is_event()
        self.counts.events += self._is_learnt and self._was_event and not was_event

    def flush(self) -> Iterator[Frame]:
        """Nothing: no picture waits for another."""
        return iter(())

    def _catch_up(self, packet: Packet) -> Iterator[Frame]:
        """At the start: what the ring holds from before, if that was not looked at."""
        if self._since_ns is None:
            return
        pts = self._timeline.pts(self._since_ns)
        first = self._ring.cursor_before(pts, stream=self._stream)
        if first is not None:
            self._sampled_index = first - 1
            for each in self._passed_over(packet):
                yield from self._look(each)

    def _sample(self, packet: Packet) -> Iterator[Frame]:
        self.counts.decoded += 1
        frame = self._decode(packet)
        if frame is None:
            self._samples.restart()  # the next one then
        elif self._glance(frame):
            self._sampled_index = packet.index
        else:
            self._open()
            for each in self._passed_over(packet):
                yield from self._look(each)
            yield from self._look(packet)

    def _passed_over(self, packet: Packet) -> Iterator[Packet]:
        """The packets between the last sample and `packet`, as far as the ring has them."""
        with self._ring.reader(self._sampled_index + 1) as reader:
            while batch := reader.read(BATCH):
                for each in batch:
                    if each.index >= packet.index:
                        return
                    if each.stream is self._stream and not each.is_audio:
                        yield each

    def _look(self, packet: Packet) -> Iterator[Frame]:
        step = self._load.step
        if not self._pace.is_due(self._timeline.mono_ns(packet.pts), step.rate * step.share):
            return
        self.counts.decoded += 1
        if (frame := self._decode(packet)) is not None:
            yield frame

    def _decode(self, packet: Packet) -> Frame | None:
        with self._turns:
            return self._frames.decode(packet)

    def _open(self) -> None:
        self._is_open = True
        self._was_event = self._is_event()
        self._opened_ns = self._stirred_ns = None
        self._pace.restart()
        self.counts.openings += 1

    def _may_close(self) -> bool:
        if self._decodes_all or self._opened_ns is None or self._first_ns is None:
            return False
        if self._observed_ns - self._first_ns < LEARN_S * 1e9:
            return False
        self._is_ring_short = self._ring.history_s < MIN_HISTORY_S
        if self._is_ring_short:
            return False
        since_ns = self._opened_ns if self._stirred_ns is None else self._stirred_ns
        return self._observed_ns - since_ns >= CLOSE_S * 1e9

    def _close(self, packet: Packet) -> None:
        if not self._is_told and (shortage := self._shortage):
            self._is_told = True
            log.warning("the pre-roll may be cut short: %s", shortage)
        self._is_learnt = True
        self._is_open = False
        self._sampled_index = packet.index
        self._samples.restart()


def sample_interval_s(settings: MotionSettings) -> float:
    """How far samples may lie apart so that whatever is analysed as motion is in one of them.

    A thing is believed to move once it was seen in MIN_HITS analysed frames, and becomes an event
    after `min_frames`.
    """
    interval_s = 1 / settings.analysis_fps
    return max(interval_s, min(SAMPLE_S, (max(MIN_HITS, settings.min_frames) - 1) * interval_s))
