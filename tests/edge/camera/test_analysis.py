"""The analysing thread: how often it looks, and what it makes of streams that come and go."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.camera.analysis import Analysis
from edge.camera.coverage import Coverage
from edge.camera.feed import Feed, Retuned, StreamBegan, StreamLost
from edge.config.camera import CameraSettings
from edge.contract import record
from edge.contract.motion import MotionSettings
from edge.media.packet import Packet
from edge.media.timeline import Timeline
from tests.edge.camera.rig import Rig, wait
from tests.edge.mux import streams

FPS = 10


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


@contextmanager
def analysing(rig: Rig, analysis_fps: float = FPS) -> Iterator[tuple[Analysis, Feed]]:
    """An analysis that runs in its thread until the block is left."""
    feed = Feed(max_lag_s=1000.0, waits=False)
    settings = MotionSettings(analysis_fps=analysis_fps)
    analysis = Analysis(settings, feed=feed, story=rig.story)
    thread = threading.Thread(target=analysis.run)
    thread.start()
    try:
        yield analysis, feed
    finally:
        analysis.stop()
        thread.join()


def begin(feed: Feed, packets: Sequence[Packet]) -> None:
    """A stream begins and all its packets follow."""
    timeline = Timeline(packets[0].stream.time_base)
    timeline.observe(packets[0].pts, packets[0].arrival_mono_ns)
    feed.put_sign(StreamBegan(packets[0].stream, timeline))
    for packet in packets:
        feed.put(packet)


def settle(feed: Feed, analysis: Analysis) -> int:
    """How many frames were looked at, once all that was handed over is done with."""
    feed.put_sign(StreamLost("ended"))
    seen = [-1]

    def is_idle() -> bool:
        before, seen[0] = seen[0], analysis.counts.looked
        return not feed._items and before == seen[0]

    wait(is_idle, "an idle analysis")
    wait(is_idle, "an idle analysis")
    return analysis.counts.looked


@pytest.mark.parametrize(
    ("fps", "analysis_fps", "looked"),
    [(10, 10, 60), (10, 5, 30), (10, 2, 12), (10, 60, 60), (30, 10, 60), (15, 10, 60)],
)
def test_frames_are_looked_at_no_oftener_than_asked(
    rig: Rig, fps: int, analysis_fps: float, looked: int
) -> None:
    """Of six seconds of a camera, so many frames, whatever the camera's own rate."""
    packets = streams.encode(times_s=streams.steady(6, fps))
    with analysing(rig, analysis_fps) as (analysis, feed):
        begin(feed, packets)
        assert settle(feed, analysis) == pytest.approx(looked, abs=1)


def test_a_variable_rate_is_held_to_the_same_limit(rig: Rig) -> None:
    """Bursts are thinned out, pauses are not caught up on."""
    times_s = [*streams.steady(2, 30), *(2 + n for n in range(5)), *(7 + n / 30 for n in range(60))]
    with analysing(rig, 10) as (analysis, feed):
        begin(feed, streams.encode(times_s=times_s))
        assert settle(feed, analysis) == pytest.approx(20 + 5 + 20, abs=2)


def test_times_that_go_back_do_not_blind_it(rig: Rig) -> None:
    """A camera whose PTS start again in the same stream is looked at on."""
    packets = streams.encode(times_s=streams.steady(6))
    later, earlier = packets[30:], packets[:30]
    with analysing(rig) as (analysis, feed):
        begin(feed, [*later, *earlier])
        assert settle(feed, analysis) >= 58


def test_packets_of_a_stream_that_is_over_are_not_decoded(rig: Rig) -> None:
    """Once another stream has begun, what comes late of the old one is left alone."""
    old, new = (streams.encode(times_s=streams.steady(2)) for _ in range(2))
    with analysing(rig) as (analysis, feed):
        begin(feed, new)
        for packet in old:
            feed.put(packet)
        assert settle(feed, analysis) == len(new)


def test_a_damaged_stream_ends_nothing(rig: Rig) -> None:
    """Pictures that cannot be decoded are passed over; later ones are looked at."""
    packets = streams.encode(times_s=streams.steady(6))
    for packet in packets[15:25]:
        packet.data = b"\x00\x00\x00\x01" + bytes(len(packet.data))
    with analysing(rig) as (analysis, feed):
        begin(feed, packets)
        assert settle(feed, analysis) >= 40


def test_a_lost_stream_cuts_the_running_event_short(rig: Rig) -> None:
    """The story is told at once, not when the camera comes back."""
    rig.rest(0, 3)
    rig.move(3, 4)
    with analysing(rig) as (_analysis, feed):
        feed.put_sign(StreamLost("stalled"))
        wait(_has(rig, record.EventEnded), "the end of the event")
    ends = [body for body in rig.bodies() if isinstance(body, record.EventEnded)]
    assert [end.reason for end in ends] == ["camera_lost"]


def test_stopping_ends_the_running_event(rig: Rig) -> None:
    """The thread's last act."""
    rig.rest(0, 3)
    rig.move(3, 4)
    with analysing(rig):
        pass
    assert rig.story.close(10)
    ends = [body for body in rig.bodies() if isinstance(body, record.EventEnded)]
    assert [end.reason for end in ends] == ["stopped"]


def test_what_is_looked_at_is_held_and_let_go_of_once_nothing_waits(rig: Rig) -> None:
    """By when its keyframes arrived, so that an event found late has its beginning still."""
    told: list[int | None] = []
    feed = Feed(max_lag_s=1000.0, waits=False)
    analysis = Analysis(MotionSettings(), feed=feed, story=rig.story, hold=told.append)
    packets = streams.encode(times_s=streams.steady(4))
    begin(feed, packets)
    while (item := feed.get(0)) is not None:
        analysis.take(item)
    assert told == [each.arrival_mono_ns for each in packets if each.is_keyframe]
    analysis.take(None)
    assert told[-1] is None
    analysis.take(packets[0])
    analysis.take(StreamLost("stalled"))
    assert told[-1] is None


def test_time_passes_for_the_story_while_nothing_comes(rig: Rig) -> None:
    """An event on a camera that fell silent is over after its quiet time."""
    rig.rest(0, 3)
    rig.move(3, 4)
    with analysing(rig):
        rig.clock.advance(2)
        wait(lambda: not rig.story.is_moving, "the end of the motion")


def _has(rig: Rig, kind: type[record.Body]) -> Callable[[], bool]:
    return lambda: any(isinstance(body, kind) for body in rig.bodies())


class Late:
    """An analysis that gets each packet so many seconds after it arrived."""

    def __init__(self, rig: Rig, *, gop: int = FPS, fps: float = FPS) -> None:
        self.rig = rig
        self.fps = fps
        self.packets = streams.encode(times_s=streams.steady(200, fps), gop=gop)
        self.coverage = Coverage(rig.clock, disarmed=None, is_storing=lambda: True)
        self.accounts: list[record.CoverageSpans] = []
        feed = Feed(max_lag_s=1000.0, waits=False)
        settings = MotionSettings(decode="all")
        self.analysis = Analysis(
            settings, feed=feed, story=rig.story, coverage=self.coverage, clock=rig.clock
        )
        timeline = Timeline(self.packets[0].stream.time_base)
        timeline.observe(self.packets[0].pts, rig.clock.mono_ns())
        self.analysis.take(StreamBegan(self.packets[0].stream, timeline))
        self.at = 0

    def run(self, seconds: float, late_s: float) -> int:
        """So much of the stream; how many frames were looked at."""
        looked = self.analysis.counts.looked
        for packet in self.packets[self.at : self.at + round(seconds * self.fps)]:
            self.rig.clock.advance(1 / self.fps)
            packet.arrival_mono_ns = self.rig.clock.mono_ns() - round(late_s * 1e9)
            self.analysis.take(packet)
            self.coverage.tick()
        self.at += round(seconds * self.fps)
        return self.analysis.counts.looked - looked

    def said(self) -> list[tuple[str | None, str | None]]:
        """Cause and detail of the coverage, in order, equal neighbours once."""
        self.coverage.stop()
        self.coverage.write(self.accounts.append)
        spans = [(each.cause, each.detail) for account in self.accounts for each in account.spans]
        return [each for each, _ in itertools.groupby(spans)]


def test_an_analysis_that_lags_looks_at_less_and_says_so(rig: Rig) -> None:
    """Down to a quarter, told as blind; and back to everything when there is time again."""
    late = Late(rig)
    assert late.run(20, 0.1) == 20 * FPS
    late.run(10, 3.0)
    little = "looked at half as often, and up to 1 s in a row not at all"
    assert late.analysis.problem == f"overload: {little}"
    assert 20 * FPS / 10 < late.run(20, 0.5) < 20 * FPS / 4
    late.run(100, 0.1)
    assert late.analysis.problem == ""
    assert late.run(20, 0.1) == 20 * FPS
    said = late.said()
    assert ("overload", little) in said
    assert (None, "overload: looked at half as often") in said
    assert said[-2:] == [(None, None), ("stopped", None)]


def test_long_parts_that_are_left_out_are_not_called_watched(rig: Rig) -> None:
    """Half of each GOP of 8 s: nobody looks for 4 s in a row."""
    late = Late(rig, gop=8 * FPS)
    late.run(20, 0.1)
    late.run(3, 2.0)
    late.run(20, 0.5)
    half = "looked at half as often, and up to 4 s in a row not at all"
    assert late.analysis.problem == f"overload: {half}"
    said = late.said()
    assert ("overload", half) in said
    assert (None, f"overload: {half}") not in said


def test_a_camera_that_sends_too_few_pictures_is_told_and_not_watched(rig: Rig) -> None:
    """One each two seconds; of one a second nothing is said."""
    slow = Late(rig, fps=0.5)
    slow.run(60, 0.1)
    few = "fewer than 0.8 pictures a second come"
    assert slow.analysis.problem == few
    assert ("stream_lost", few) in slow.said()
    once = Late(rig, fps=1.0)
    once.run(60, 0.1)
    assert once.analysis.problem == ""


def test_an_event_is_seen_while_less_is_looked_at(rig: Rig) -> None:
    """Half of each GOP is enough for somebody who walks through."""
    late = Late(rig)
    late.run(20, 0.1)
    late.run(4, 3.0)
    assert late.analysis.problem
    late.run(30, 0.5)
    assert _has(rig, record.EventStarted)()


def retuned(limit_ns: int, then: Callable[[], None], **motion: object) -> Retuned:
    """Other settings, which have until then."""
    settings = MotionSettings(**motion)  # type: ignore[arg-type]
    return Retuned(CameraSettings("gate", "synthetic:", motion=settings), limit_ns, then)


def test_other_settings_are_taken_between_two_pictures(rig: Rig) -> None:
    """Every frame is looked at, before and after: the gap is none."""
    packets = streams.encode(times_s=streams.steady(6))
    is_taken = threading.Event()
    with analysing(rig) as (analysis, feed):
        begin(feed, packets[:25])
        feed.put_sign(retuned(0, is_taken.set, sensitivity=9))
        for packet in packets[25:]:
            feed.put(packet)
        assert settle(feed, analysis) == len(packets)
        assert is_taken.is_set()
        assert analysis._settings.sensitivity == 9


def test_other_settings_wait_for_the_end_of_an_event(rig: Rig) -> None:
    """And no longer than they were given; then the event is cut, and its clip is whole."""
    rig.show(0, 1)
    analysis = Analysis(
        MotionSettings(), feed=Feed(max_lag_s=9, waits=False), story=rig.story, clock=rig.clock
    )
    rig.move(1, 3)
    assert rig.story.is_moving
    taken: list[int] = []
    limit_ns = rig.clock.mono_ns() + 2 * 10**8
    analysis.take(retuned(limit_ns, lambda: taken.append(1), min_frames=7))
    analysis.take(None)
    assert (taken, rig.story.is_moving) == ([], True)
    rig.clock.advance(0.3)  # less than the quiet time, which would end it
    analysis.take(None)
    assert (taken, rig.story.is_moving) == ([1], False)
    assert rig.story.close(20)
    (ended,) = [body for body in rig.bodies() if isinstance(body, record.EventEnded)]
    assert ended.clip is not None
    assert ended.fault is None
