"""Chooses which pictures of a stream are decoded: all, keyframes now and then, or back from one.

A closed viewer decodes a keyframe every GLANCE_S to be sure, and nothing else. It opens when the
gate says so, when a keyframe shows something new, and for a sample window once a minute; then it
decodes from the keyframe before the change, out of the ring, until it has caught up. It closes when
pixels and gate are calm. What it found out about the gate on the way, it counts.

Modes, the cheapest that still sees:
- `gate`: as above.
- `keyframes`: a small walker would not show in the sizes (noise, wind, a picture that always
  moves), so keyframes are decoded more often; for GOPs short enough that nobody small passes in
  between, and for those who are large or near the gate is there as well.
- `all`: neither will do, or the settings ask for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from edge.base import memory
from edge.camera.feed import StreamBegan
from edge.camera.load import Load
from edge.capture.decode import FrameDecoder
from edge.gop.ring import PacketRing
from edge.media.frame import Frame
from edge.media.keyframes import (
    CLOSE_GLANCE_S,
    GLANCE_S,
    MAX_GATE_KEYFRAME_S,
    MAX_KEYFRAME_S,
)
from edge.media.packet import Packet
from edge.motion.gate import Gate
from edge.motion.observation import Observation

Mode = Literal["gate", "keyframes", "all"]
Cause = Literal["start", "blind", "gate", "glance", "window"]

LEARN_S = 20.0  # of full decoding after a stream began: background, noise, sizes
WINDOW_EVERY_S = 60.0
WINDOW_S = 1.0
CLOSE_S = 1.5  # without anything stirring, before it closes
PATIENCE_S = 4.0  # the same, where the gate does not calm down: then it was wrong
ONSET_MARGIN_S = 2.0  # decoded before the moment the gate dates a change to
OVERDUE_S = 1.0  # that a keyframe may be late
JUDGED = 8  # events by which the gate is judged ...
MAX_MISSED = 4  # ... of which it may have missed so many
MAX_IN_VAIN = 4  # of so many openings by keyframes that found nothing
FORGET_S = 600.0  # after which the oldest judgement is forgotten: streams change
MIN_HISTORY_S = 4.0  # of the ring, or a GOP, so that there is something to go back in
BATCH = 64


@dataclass(slots=True)
class ViewerCounts:
    """What one viewer did, and who did it before; packets and frames of video."""

    packets: int = 0
    decoded: int = 0
    looked: int = 0
    """Those that the detector looked at."""
    openings: int = 0
    by_gate: int = 0
    false: int = 0
    """Openings by the gate in which no event was found."""
    events: int = 0
    missed: int = 0
    """Events that the gate did not open for."""


class Viewer:
    """One stream's viewer. `take` and `observed` by the analysis thread."""

    def __init__(
        self,
        began: StreamBegan,
        *,
        decodes_all: bool,
        glance: Callable[[Frame], bool],
        is_event: Callable[[], bool],
        counts: ViewerCounts,
        turns: AbstractContextManager[None],
        load: Load,
        touch: Callable[[], None] = lambda: None,
        catch_up: Callable[[], None] = lambda: None,
    ) -> None:
        """`glance` takes a keyframe that stands alone; false where it needs a closer look, which
        it then gets like any other frame. `is_event`: whether an event runs now.
        Decoding is done within `turns`, and as `load` allows.
        `catch_up` is told that more than the newest packet is about to be decoded."""
        self._stream = began.stream
        self._gate = began.gate or Gate(1)
        self._ring = began.ring or PacketRing(keep_s=0, max_bytes=0)
        self._since_ns = began.since_ns
        self._decodes_all = decodes_all or began.gate is None or began.ring is None
        self._glance = glance
        self._is_event = is_event
        self._catch_up = catch_up
        self._touch = touch
        self._turns = turns
        self._load = load
        self._tick_ns = float(began.stream.time_base * 1_000_000_000)
        self._timeline = began.timeline
        self._decoder = self._make_decoder(skips_loop_filter=False)
        self._skips_loop_filter = False
        self._gop_pts: int | None = None  # of what is decoded
        # Without the loop filter a keyframe costs little more than half.
        self._glancer = self._make_decoder(skips_loop_filter=True)
        self._glancer.keyframes_only = True
        self.counts = counts
        self._first_pts: int | None = None
        self._cause: Cause = "start"
        self._is_open = True
        self._is_motion = False
        self._was_event = False
        self._is_ring_short = False
        self._opened_ns: int | None = None
        self._stirred_ns: int | None = None
        self._observed_pts: int | None = None
        self._known_pts: int | None = None  # up to which frames are not looked at again
        self._keyframe_pts: int | None = None
        self._keyframe_s = 0.0
        self._glance_pts: int | None = None
        self._window_pts: int | None = None
        self._seen_late: deque[bool] = deque(maxlen=JUDGED)
        self._in_vain: deque[bool] = deque(maxlen=JUDGED)
        self._aged_pts: int | None = None
        self._closed_pts: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether every picture is decoded now."""
        return self._is_open

    @property
    def mode(self) -> Mode:
        """What it relies on now."""
        if self._decodes_all or self._keyframe_s <= 0 or not self._gate.is_learnt:
            return "all"
        if self._gate.is_refreshed_in_parts or self._is_ring_short:
            return "all"
        if sum(self._in_vain) > MAX_IN_VAIN or self._keyframe_s > self._max_keyframe_s:
            return "all"
        return "gate" if self._is_gate_trusted else "keyframes"

    @property
    def _is_gate_trusted(self) -> bool:
        return self._gate.is_sharp and sum(self._seen_late) <= MAX_MISSED

    @property
    def _max_keyframe_s(self) -> float:
        return MAX_GATE_KEYFRAME_S if self._is_gate_trusted else MAX_KEYFRAME_S

    @property
    def reason(self) -> str:
        """Why this mode, in words."""
        gate = self._gate
        if self._decodes_all:
            return "the settings ask for it"
        if self._keyframe_s <= 0:
            return "no two keyframes came yet"
        if gate.is_refreshed_in_parts:
            return "it refreshes the picture in parts: no keyframe stands alone"
        if not gate.is_learnt:
            return "the sizes of the packets are not learnt yet"
        if self._is_ring_short:
            return "clips.ring_bytes holds too little of the stream to go back in"
        if sum(self._in_vain) > MAX_IN_VAIN:
            return "keyframes look unlike what is between them"
        if self._keyframe_s > self._max_keyframe_s:
            return f"keyframes come {self._keyframe_s:.1f} s apart"
        if (missed := sum(self._seen_late)) > MAX_MISSED:
            return f"of {len(self._seen_late)} events the sizes showed {missed} too late"
        verb = "show" if gate.is_sharp else "do not show"
        return (
            f"the sizes {verb} a small walker: {gate.sure_bytes:.0f} bytes a picture"
            f" are noticed, it adds {gate.walker_bytes:.0f}"
        )

    def take(self, packet: Packet) -> Iterator[Frame]:
        """The next packet; the frames to look at, in order of time.

        Go through all of them, and tell `observed` of each, before the next call.
        """
        self.counts.packets += 1
        is_first = self._first_pts is None
        if self._first_pts is None:
            self._first_pts = packet.pts
        if packet.is_keyframe:
            self._note_keyframe(packet)
        if is_first and self._since_ns is not None:
            yield from self._open("start", self._timeline.pts(self._since_ns), packet, margin_s=0)
        elif self._is_open:
            yield from self._decode(packet)
            if self._may_close(packet):
                self._close(packet)
        elif self._is_overdue(packet) or self.mode == "all":
            yield from self._open("blind", packet.pts, packet)
        elif (since := packet.lively_since) is not None and self._is_after_closing(since):
            yield from self._open("gate", since, packet)
        elif packet.is_keyframe and self._is_window_due(packet):
            yield from self._open("window", packet.pts, packet)
        elif packet.is_keyframe and self._is_glance_due(packet):
            yield from self._look_once(packet)

    def observed(self, observation: Observation) -> None:
        """What the detector said of a frame; the event that came of it is told already."""
        if observation.is_stirring or observation.has_motion or not observation.is_settled:
            self._stirred_ns = observation.at.mono_ns
        was_event, self._was_event = self._was_event, self._is_event()
        if self._was_event and not was_event and self._cause not in ("start", "blind"):
            self.counts.events += 1
            self.counts.missed += self._cause != "gate"
            self._seen_late.append(self._cause != "gate")
        self._is_motion |= observation.has_motion
        gate = self._gate
        if self._is_open:
            is_still = self._stirred_ns != observation.at.mono_ns
            fast = is_still and not gate.is_calm
            gate.learning = "fast" if fast else "normal" if is_still else "none"

    def flush(self) -> Iterator[Frame]:
        """The frames still inside, at the end of the stream or before a gap."""
        if self._is_open:
            yield from self._fresh(self._decoder.flush())

    def _note_keyframe(self, packet: Packet) -> None:
        if self._keyframe_pts is not None:
            self._keyframe_s = (packet.pts - self._keyframe_pts) * self._tick_ns / 1e9
        self._keyframe_pts = packet.pts
        if self._aged_pts is None or self._since_s(self._aged_pts, packet) >= FORGET_S:
            self._aged_pts = packet.pts
            for judged in (self._seen_late, self._in_vain):
                if judged:
                    judged.popleft()

    def _is_overdue(self, packet: Packet) -> bool:
        """Whether a camera that sent keyframes often enough has stopped to."""
        since_s = self._since_s(self._keyframe_pts, packet)
        if since_s <= self._max_keyframe_s + OVERDUE_S:
            return False
        self._keyframe_s = since_s
        return True

    def _is_window_due(self, packet: Packet) -> bool:
        return self._since_s(self._window_pts, packet) >= WINDOW_EVERY_S

    def _is_glance_due(self, packet: Packet) -> bool:
        # Half a GOP early rather than half a GOP late.
        every_s = GLANCE_S if self.mode == "gate" else CLOSE_GLANCE_S
        return self._since_s(self._glance_pts, packet) >= every_s - self._keyframe_s / 2

    def _is_after_closing(self, pts: int) -> bool:
        return self._closed_pts is None or pts > self._closed_pts

    def _since_s(self, pts: int | None, packet: Packet) -> float:
        return float("inf") if pts is None else abs(packet.pts - pts) * self._tick_ns / 1e9

    def _look_once(self, packet: Packet) -> Iterator[Frame]:
        """Decode a keyframe alone; where it shows something new, all since the one before it."""
        before_pts = self._glance_pts
        self._glance_pts = packet.pts
        self.counts.decoded += 1
        with self._turns:
            frames = self._glancer.decode(packet)
        if not frames:
            yield from self._open("blind", packet.pts, packet)
        elif self._glance(frames[-1]):
            self._observed_pts = frames[-1].pts
        else:
            since = packet.pts - 1 if before_pts is None else before_pts
            yield from self._open("glance", since, packet, margin_s=0.0)

    def _open(
        self, cause: Cause, since_pts: int, packet: Packet, margin_s: float = ONSET_MARGIN_S
    ) -> Iterator[Frame]:
        """Decode from the keyframe before `since_pts` up to `packet`, out of the ring."""
        self._is_open, self._cause, self._is_motion = True, cause, False
        self._was_event = self._is_event()
        self._opened_ns = self._stirred_ns = None
        self._catch_up()
        self.counts.openings += 1
        self.counts.by_gate += cause == "gate"
        self._window_pts = packet.pts
        self._known_pts = self._observed_pts
        start = None
        if cause != "window":
            start = self._ring.cursor_before(since_pts, margin_s, stream=self._stream)
        if start is None:
            yield from self._decode(packet)
            return
        with self._ring.reader(start) as reader:
            while batch := reader.read(BATCH):
                for each in batch:
                    if each.index > packet.index:
                        return
                    if each.is_audio or each.stream is not self._stream:
                        continue
                    self._touch()
                    yield from self._decode(each)

    def _decode(self, packet: Packet) -> Iterator[Frame]:
        if packet.is_keyframe:
            self._gop_pts = packet.pts
            self._load.left_out((1 - self._load.step.share) * self._keyframe_s)
            if self._load.step.skips_loop_filter != self._skips_loop_filter:
                yield from self._fresh(self._decoder.flush())
                self._skips_loop_filter = self._load.step.skips_loop_filter
                self._decoder = self._make_decoder(skips_loop_filter=self._skips_loop_filter)
        elif self._is_left_out(packet):
            if not self._decoder.needs_keyframe:
                yield from self._fresh(self._decoder.flush())
            return
        with self._turns:
            frames = self._decoder.decode(packet)
        self.counts.decoded += 1
        yield from self._fresh(frames)

    def _is_left_out(self, packet: Packet) -> bool:
        looked_s = self._load.step.share * self._keyframe_s
        left_out_s = self._since_s(self._gop_pts, packet) - looked_s
        if self._load.step.share == 1 or looked_s <= 0 or left_out_s <= 0:
            return False
        self._load.left_out(left_out_s)  # this GOP may be longer than the last
        return True

    def _make_decoder(self, *, skips_loop_filter: bool) -> FrameDecoder:
        return FrameDecoder(
            self._stream, mono_ns=self._timeline.mono_ns, skips_loop_filter=skips_loop_filter
        )

    def _fresh(self, frames: list[Frame]) -> Iterator[Frame]:
        """Those of `frames` that were not looked at before."""
        for frame in frames:
            if self._known_pts is not None:
                if frame.pts <= self._known_pts:
                    continue
                self._known_pts = None
            self._observed_pts = frame.pts
            if self._opened_ns is None:
                self._opened_ns = frame.mono_ns
            yield frame

    def _may_close(self, packet: Packet) -> bool:
        if self._first_pts is None or self._since_s(self._first_pts, packet) < LEARN_S:
            return False
        # Before the mode, which comes of it: the ring is not short for ever after a burst.
        self._is_ring_short = self._ring.history_s < min(self._keyframe_s, MIN_HISTORY_S)
        if self.mode == "all" or self._opened_ns is None or self._observed_pts is None:
            return False
        now_ns = self._timeline.mono_ns(self._observed_pts)
        still_s = (now_ns - (self._stirred_ns or self._opened_ns)) / 1e9
        limit_s = WINDOW_S if self._cause == "window" and self._stirred_ns is None else CLOSE_S
        if still_s < limit_s:
            return False
        return self._gate.is_calm or still_s >= PATIENCE_S

    def _close(self, packet: Packet) -> None:
        if self._cause == "gate" and not self._is_motion:
            self.counts.false += 1
        if not self._gate.is_calm or (self._cause == "gate" and not self._is_motion):
            self._gate.opened_falsely()
        else:
            self._gate.reset()
        if self._cause == "glance":
            self._in_vain.append(not self._is_motion)
        self._gate.learning = "normal"
        self._is_open = False
        self._glance_pts = self._window_pts = packet.pts
        self._closed_pts = packet.dts  # no later picture is shown before that
        self._decoder.release()
        memory.give_back()
