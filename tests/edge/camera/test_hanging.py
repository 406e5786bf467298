"""Threads of a camera that hang: left to themselves, and the camera watches on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.base.clock import Clock, FakeClock
from edge.camera import viewer as viewer_module
from edge.camera.camera import ANALYSIS_LIMIT_S, Camera
from edge.camera.intake import READ_MARGIN_S
from edge.camera.story import RECORDER_LIMIT_S
from edge.capture.decode import FrameDecoder
from edge.config.camera import CameraSettings
from edge.contract import record
from edge.health.watchdog import Watchdog
from edge.media.frame import Frame
from edge.media.packet import Packet, VideoStream
from tests.edge.camera.rig import MOTION, SETTINGS, Rig, open_state, records, wait
from tests.edge.mux import streams

STEP_S = 4.0
SENT = 30  # packets before it hangs, three GOPs
CAPTURE_LIMIT_S = SETTINGS.stall_timeout_s + READ_MARGIN_S


class Reel:
    """A camera that sends three seconds of film in an instant, hangs, and sends one more."""

    def __init__(self, clock: Clock, release: threading.Event) -> None:
        self._packets = streams.encode(times_s=streams.steady(4))
        self._clock = clock
        self._release = release

    def open(self) -> VideoStream:
        return self._packets[0].stream

    def packets(self) -> Iterator[Packet]:
        for number, packet in enumerate(self._packets):
            if number == SENT:
                self._release.wait()
            packet.arrival_mono_ns = self._clock.mono_ns()
            yield packet

    def close(self) -> None:
        """Has no effect, as in a driver that hangs."""


class Post:
    """A camera on a clock of the test's own, its watchdog, and its journal."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock(mono_ns=10**12)
        self.spool, self.outbox = open_state(folder, self.clock, [])
        self.release = threading.Event()
        self.reels = 0
        self.camera = Camera(
            SETTINGS, clock=self.clock, outbox=self.outbox, spool=self.spool,
            set_state=lambda *_: None, make_source=self._reel,
        )  # fmt: skip
        self.watchdog = Watchdog(self.clock)
        for guard in self.camera.guards():
            self.watchdog.add(guard)

    def _reel(self, _: CameraSettings, clock: Clock) -> Reel:
        self.reels += 1
        return Reel(clock, self.release)

    @property
    def types(self) -> list[str]:
        """Of the records so far."""
        return [each.header.type for each in records(self.outbox)]

    def turn(self) -> list[str]:
        """What the accountant does; names of what was started anew."""
        due = self.watchdog.due()
        for guard in due:
            guard.restart()
        self.camera.tick()
        return [guard.name for guard in due]

    def pass_time(self, seconds: float, *, analysis_hangs: bool = False) -> list[str]:
        """Turn after turn, at which all get on but what hangs; names of what was started anew."""
        restarted: list[str] = []
        for _ in range(round(seconds / STEP_S)):
            self.clock.advance(STEP_S)
            if not analysis_hangs:
                touched_ns = self.clock.mono_ns() + round(ANALYSIS_LIMIT_S * 1e9)
                mark = self.camera._analysis_mark
                wait(lambda: mark._until_ns == touched_ns, "a turn of the analysis")  # noqa: B023
            restarted += self.turn()
        return restarted

    def causes(self) -> list[str | None]:
        """What the coverage says, in order, equal neighbours once."""
        causes: list[str | None] = []
        for each in records(self.outbox):
            if isinstance(each.body, record.CoverageSpans):
                for span in each.body.spans:
                    causes += [span.cause] if causes[-1:] != [span.cause] else []
        return causes


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path)
    yield made
    made.release.set()
    made.camera.stop()
    made.camera.join(10)
    made.outbox.close()


def test_a_hung_capture_is_lost_and_another_one_connects(post: Post) -> None:
    """Its camera is told to be lost, and found again by the next thread."""
    post.camera.start()
    wait(lambda: post.camera.health().ring_s > 1, "the film")
    assert post.pass_time(CAPTURE_LIMIT_S) == []
    assert post.pass_time(STEP_S) == ["capture of gate"]
    wait(lambda: post.types.count("camera.found") == 2, "the camera again")
    told = [each for each in post.types if each.startswith("camera.")]
    assert told == ["camera.found", "camera.lost", "camera.found"]
    assert post.watchdog.is_moving()
    assert post.reels == 2
    lost = next(e.body for e in records(post.outbox) if isinstance(e.body, record.CameraLost))
    assert (lost.reason, lost.detail) == ("stalled", "the capture hung and was started anew")


def test_an_abandoned_capture_that_wakes_up_adds_nothing(post: Post) -> None:
    """Only one thread may feed the ring."""
    post.camera.start()
    wait(lambda: post.camera._streams.main.ring.next_index >= SENT, "the film")
    old = post.camera._streams.main._thread
    post.pass_time(CAPTURE_LIMIT_S + STEP_S)
    wait(lambda: post.types.count("camera.found") == 2, "the camera again")
    wait(lambda: post.camera._streams.main.ring.next_index >= 2 * SENT, "the film again")
    post.camera._streams.main.intake.stop()
    post.release.set()
    old.join(10)
    assert not old.is_alive()
    assert post.camera._streams.main.ring.next_index == 2 * SENT


def test_the_time_of_a_hang_is_accounted_for(post: Post) -> None:
    """From the last picture on it is a lost stream."""
    post.camera.start()
    wait(lambda: post.camera._analysis.counts.looked > 25, "the pictures")
    post.pass_time(CAPTURE_LIMIT_S + STEP_S)
    wait(lambda: post.types.count("camera.found") == 2, "the camera again")
    post.pass_time(2 * STEP_S)
    assert "stream_lost" in post.causes()


HANGS_AT = 25  # in the third GOP: what waits behind it cannot be decoded without a keyframe


class HangingDecoder(FrameDecoder):
    """Hangs in the decoding of one packet; once."""

    let_go: threading.Event
    made = 0

    def decode(self, packet: Packet) -> list[Frame]:
        type(self).made += 1
        if type(self).made == HANGS_AT:
            self.let_go.wait()
        return super().decode(packet)


def test_a_hung_decoder_is_replaced_and_the_camera_is_looked_at_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a fresh decoder, detector and story; the time between is overload."""
    monkeypatch.setattr(viewer_module, "FrameDecoder", HangingDecoder)
    release = threading.Event()
    monkeypatch.setattr(HangingDecoder, "let_go", release, raising=False)
    monkeypatch.setattr(HangingDecoder, "made", 0)
    post.camera.start()
    wait(lambda: HangingDecoder.made == HANGS_AT, "the hang")
    wait(lambda: post.camera.health().ring_s > 1, "the film")
    old = post.camera._analysis_thread
    post.camera._streams.main.intake.mark.rest()
    seen = post.camera._analysis.counts.looked
    assert post.pass_time(ANALYSIS_LIMIT_S + STEP_S, analysis_hangs=True) == ["analysis of gate"]
    post.release.set()
    wait(lambda: post.camera._analysis.counts.looked > seen + 5, "the rest of the film")
    post.pass_time(2 * STEP_S)
    assert "overload" in post.causes()
    release.set()
    old.join(10)
    assert not old.is_alive()


def test_stopping_does_not_wait_for_a_capture_that_hangs(post: Post) -> None:
    """Events are closed and the account is complete all the same."""
    post.camera.start()
    wait(lambda: post.camera._analysis.counts.looked > 25, "the pictures")
    post.clock.advance(1)
    post.camera.stop()
    assert post.camera.close_events(10)
    post.camera.tick()
    assert post.causes()[-1] == "stopped"
    assert post.camera._streams.main._thread.is_alive()


def test_a_recorder_that_hangs_leaves_its_event_to_a_new_one(tmp_path: Path) -> None:
    """Motion that goes on becomes a second event with a recorder of its own; both are told."""
    rig = Rig(tmp_path)
    release = threading.Event()
    opening, opened = rig.spool.opening, []

    def hang_once(path: Path) -> None:
        opened.append(path)
        if len(opened) == 1:
            release.wait()
        opening(path)

    rig.spool.opening = hang_once  # type: ignore[method-assign]
    try:
        rig.rest(0, 3)
        rig.move(3, 4)
        wait(lambda: bool(opened), "the recorder")
        assert rig.story.hung_recorders() == 0
        rig.clock.advance(RECORDER_LIMIT_S + 1)
        assert rig.story.hung_recorders() == 1
        rig.move(4, 6)
        wait(lambda: len(opened) == 2, "the second recorder")
        rig.rest(6, 10)
        wait(lambda: len([b for b in rig.bodies() if isinstance(b, record.EventEnded)]) == 1,
             "the end of the second event")  # fmt: skip
    finally:
        release.set()
    rig.rest(10, 12)
    rig.close_story()
    ends = [body for body in rig.bodies() if isinstance(body, record.EventEnded)]
    assert sorted(end.reason for end in ends) == ["interrupted", "quiet"]
    assert rig.story.hung_recorders() == 0
    rig.outbox.close()


def test_settings_for_a_disarmed_camera_make_no_events(tmp_path: Path) -> None:
    """The ring and the health go on; nothing is analysed."""
    clock = FakeClock(mono_ns=10**12)
    spool, outbox = open_state(tmp_path, clock, [])
    release = threading.Event()
    settings = CameraSettings("gate", "rtsp://192.0.2.1/", motion=MOTION, armed=False)
    camera = Camera(
        settings, clock=clock, outbox=outbox, spool=spool, set_state=lambda *_: None,
        make_source=lambda _, clock: Reel(clock, release),
    )  # fmt: skip
    camera.start()
    try:
        wait(lambda: camera.health().ring_s > 1, "the film")
        clock.advance(400)
        camera.tick()
        health = camera.health()
    finally:
        release.set()
        camera.stop()
        camera.join(10)
    assert (health.state, health.blind, health.analysed_per_s) == ("watching", "disarmed", 0)
    (spans,) = [e.body for e in records(outbox) if isinstance(e.body, record.CoverageSpans)]
    assert [(span.cause, span.detail) for span in spans.spans] == [("disarmed", "by settings")]
    outbox.close()
