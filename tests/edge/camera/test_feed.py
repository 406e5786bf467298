"""The hand-over between capture and analysis."""

from __future__ import annotations

import threading
import time
from fractions import Fraction

from edge.camera.feed import MAX_BYTES, MAX_PACKETS, Feed, Item, Skipped, StreamLost
from edge.media.packet import Packet, VideoStream

TICKS = 90_000
STREAM = VideoStream("h264", 64, 48, Fraction(1, TICKS), b"", None)
MAX_LAG_S = 2.0


def packet(second: float, *, is_keyframe: bool = False, stream: VideoStream = STREAM) -> Packet:
    pts = round(second * TICKS)
    return Packet(b"x", pts, pts, is_keyframe, stream, round(second * 1e9))


def drain(feed: Feed) -> list[float]:
    """The media times of the packets that wait."""
    return [item.pts / TICKS for item in drain_items(feed) if isinstance(item, Packet)]


def drain_items(feed: Feed) -> list[Item]:
    """All that waits."""
    items = []
    while (item := feed.get(0)) is not None:
        items.append(item)
    return items


def test_an_overflow_skips_to_the_next_keyframe() -> None:
    """What reaches analysis is whole up to the overflow, and begins again with a keyframe."""
    feed = Feed(max_lag_s=MAX_LAG_S, waits=False)
    for tenth in range(31):
        feed.put(packet(tenth / 10, is_keyframe=tenth % 10 == 0))
    assert feed.skipped == 10
    for _ in range(15):
        feed.get(0)
    feed.put(packet(3.1))
    feed.put(packet(3.2, is_keyframe=True))
    assert drain(feed) == [1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 3.2]
    assert feed.skipped == 11


def test_each_stretch_that_was_skipped_is_marked_once_where_it_was() -> None:
    """The coverage needs to know between which two packets nothing was looked at."""
    feed = Feed(max_lag_s=MAX_LAG_S, waits=False)
    for tenth in range(31):
        feed.put(packet(tenth / 10, is_keyframe=tenth % 10 == 0))
    for _ in range(15):
        feed.get(0)
    feed.put(packet(3.2, is_keyframe=True))
    items = drain_items(feed)
    assert [isinstance(item, Skipped) for item in items] == [False] * 6 + [True, False]


def test_a_stream_without_sane_times_is_bounded_by_count() -> None:
    """Packets that all carry one time cannot fill the memory."""
    feed = Feed(max_lag_s=MAX_LAG_S, waits=False)
    for _ in range(MAX_PACKETS + 5):
        feed.put(packet(0))
    assert feed.skipped == 5


def test_a_stream_of_huge_packets_is_bounded_by_bytes() -> None:
    """Whatever its times say; what was taken out makes room again."""
    feed = Feed(max_lag_s=MAX_LAG_S, waits=False)
    large = bytes(MAX_BYTES // 4)
    for _ in range(6):
        feed.put(Packet(large, 0, 0, True, STREAM, 0))
    assert feed.skipped == 2
    assert len(drain_items(feed)) == 5  # four packets, and the sign that some were skipped
    feed.put(Packet(large, 0, 0, True, STREAM, 0))
    assert feed.skipped == 2


def test_a_sign_passes_a_full_feed() -> None:
    """That the camera is lost is never skipped."""
    feed = Feed(max_lag_s=MAX_LAG_S, waits=False)
    for second in range(9):
        feed.put(packet(second, is_keyframe=True))
    feed.put_sign(StreamLost("stalled"))
    items = drain_items(feed)
    assert items[-1] == StreamLost("stalled")


def test_packets_of_a_new_stream_are_not_measured_against_the_old_one() -> None:
    """A camera that starts its times anew is not taken for a late one."""
    feed = Feed(max_lag_s=MAX_LAG_S, waits=False)
    feed.put(packet(0, is_keyframe=True))
    other = VideoStream("h264", 64, 48, Fraction(1, TICKS), b"", None)
    first = packet(5000, is_keyframe=True, stream=other)
    first.arrival_mono_ns = 10**8
    feed.put(first)
    assert feed.skipped == 0


def test_a_lag_is_bounded_across_streams_by_when_their_packets_arrived() -> None:
    """A camera that reconnects again and again, or a film in a loop, does not hide a late one."""
    feed = Feed(max_lag_s=MAX_LAG_S, waits=False)
    feed.put_sign(StreamLost("ended"))
    for second in range(9):
        again = VideoStream("h264", 64, 48, Fraction(1, TICKS), b"", None)
        each = packet(0, is_keyframe=True, stream=again)
        each.arrival_mono_ns = second * 10**9
        feed.put(each)
        items = list(feed._items)
        waiting = [item.arrival_mono_ns for item in items if isinstance(item, Packet)]
        assert max(waiting) - min(waiting) <= MAX_LAG_S * 1e9
    assert feed.skipped > 0


def test_a_consumer_that_catches_up_may_lag_more() -> None:
    """It decodes what lies behind an opening, which takes a while."""
    feed = Feed(max_lag_s=MAX_LAG_S, waits=False)
    feed.catch_up(6.0)
    for second in range(9):
        feed.put(packet(second, is_keyframe=True))
    assert drain(feed) == list(range(9))


def test_a_fast_file_waits_for_room_and_loses_nothing() -> None:
    """With `waits`, the producer blocks until the consumer takes."""
    feed = Feed(max_lag_s=MAX_LAG_S, waits=True)

    def produce() -> None:
        for second in range(50):
            feed.put(packet(second))

    producer = threading.Thread(target=produce)
    producer.start()
    for second in range(50):
        item = feed.get(5.0)
        assert isinstance(item, Packet)
        assert item.pts == second * TICKS
    producer.join()
    assert feed.skipped == 0


def test_stopping_frees_a_waiting_producer() -> None:
    """A producer that waits for room goes on when the feed is stopped."""
    feed = Feed(max_lag_s=MAX_LAG_S, waits=True)
    feed.stop()
    for second in range(4):
        feed.put(packet(second, is_keyframe=True))
    assert feed.skipped == 1


def woken_after(feed: Feed, packets: list[Packet]) -> int:
    """How many of the packets were put before a waiting consumer woke; it waits for two seconds."""
    woken = threading.Event()
    taken: list[Item | None] = []

    def consume() -> None:
        taken.append(feed.get(2.0))
        woken.set()

    consumer = threading.Thread(target=consume)
    consumer.start()
    time.sleep(0.1)
    count = 0
    while not woken.wait(0.05):
        feed.put(packets[count])
        count += 1
    consumer.join()
    assert taken == [packets[0]]
    return count


def test_a_lazy_consumer_is_woken_every_two_seconds_of_media() -> None:
    """Not for each packet."""
    feed = Feed(max_lag_s=MAX_LAG_S, waits=False)
    feed.is_lazy = True
    assert woken_after(feed, [packet(tenth / 10) for tenth in range(25)]) == 21


def test_a_lazy_consumer_is_woken_for_a_keyframe() -> None:
    """It may want to look at it."""
    feed = Feed(max_lag_s=MAX_LAG_S, waits=False)
    feed.is_lazy = True
    packets = [packet(tenth / 10, is_keyframe=tenth == 6) for tenth in range(15)]
    assert woken_after(feed, packets) == 7


def test_a_lazy_consumer_is_woken_for_what_seems_lively() -> None:
    """At once."""
    feed = Feed(max_lag_s=MAX_LAG_S, waits=False)
    feed.is_lazy = True
    packets = [packet(tenth / 10) for tenth in range(15)]
    packets[4].lively_since = packets[3].pts
    assert woken_after(feed, packets) == 5
