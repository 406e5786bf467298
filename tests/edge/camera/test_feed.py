"""The hand-over between capture and analysis."""

from __future__ import annotations

import threading
from fractions import Fraction

from edge.camera.feed import MAX_PACKETS, Feed, StreamLost
from edge.media.packet import Packet, VideoStream

STREAM = VideoStream("h264", 64, 48, Fraction(1, 90000), b"", None)


def packet(number: int, *, is_keyframe: bool = False) -> Packet:
    return Packet(b"x", number, number, is_keyframe, STREAM, 0)


def test_an_overflow_skips_to_the_next_keyframe() -> None:
    """What reaches analysis is whole GOPs up to the overflow and from a keyframe on."""
    feed = Feed(waits=False)
    for number in range(MAX_PACKETS + 5):
        feed.put(packet(number, is_keyframe=number == 0))
    assert feed.skipped == 5
    feed.get(0)
    feed.put(packet(1000))
    assert feed.skipped == 6
    feed.put(packet(1001, is_keyframe=True))
    rest = [feed.get(0) for _ in range(MAX_PACKETS)]
    assert isinstance(rest[-1], Packet)
    assert rest[-1].pts == 1001


def test_a_sign_passes_a_full_feed() -> None:
    """That the camera is lost is never skipped."""
    feed = Feed(waits=False)
    for number in range(MAX_PACKETS + 1):
        feed.put(packet(number, is_keyframe=True))
    feed.put_sign(StreamLost("stalled"))
    items = [feed.get(0) for _ in range(MAX_PACKETS + 1)]
    assert items[-1] == StreamLost("stalled")


def test_a_fast_file_waits_for_room_and_loses_nothing() -> None:
    """With `waits`, the producer blocks until the consumer takes."""
    feed = Feed(waits=True)
    producer = threading.Thread(
        target=lambda: [feed.put(packet(n)) for n in range(MAX_PACKETS + 50)]
    )
    producer.start()
    taken = 0
    while taken < MAX_PACKETS + 50:
        item = feed.get(5.0)
        assert isinstance(item, Packet)
        assert item.pts == taken
        taken += 1
    producer.join()
    assert feed.skipped == 0


def test_stopping_frees_a_waiting_producer() -> None:
    """A producer that waits for room goes on when the feed is stopped."""
    feed = Feed(waits=True)
    feed.stop()
    for number in range(MAX_PACKETS + 1):
        feed.put(packet(number))
    assert feed.skipped == 1
