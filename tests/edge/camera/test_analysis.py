"""The analysing thread: how often it looks, and what it makes of streams that come and go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.camera.analysis import Analysis
from edge.camera.feed import Feed, StreamBegan, StreamLost
from edge.config.motion import MotionSettings
from edge.contract import record
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
        before, seen[0] = seen[0], analysis.looked
        return not feed._items and before == seen[0]

    wait(is_idle, "an idle analysis")
    wait(is_idle, "an idle analysis")
    return analysis.looked


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


def test_time_passes_for_the_story_while_nothing_comes(rig: Rig) -> None:
    """An event on a camera that fell silent is over after its quiet time."""
    rig.rest(0, 3)
    rig.move(3, 4)
    with analysing(rig):
        rig.clock.advance(2)
        wait(lambda: not rig.story.is_moving, "the end of the motion")


def _has(rig: Rig, kind: type[record.Body]) -> Callable[[], bool]:
    return lambda: any(isinstance(body, kind) for body in rig.bodies())
