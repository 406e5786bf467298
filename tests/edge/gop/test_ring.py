"""The packet ring: what it keeps, what it drops, and what readers learn of it."""

from __future__ import annotations

import threading
import tracemalloc
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gop.ring import PACKET_OVERHEAD_BYTES, SHRINK, PacketRing
from edge.media.packet import AudioStream, Packet, VideoStream

MIB = 2**20
CLOCK = Fraction(1, 90_000)
AAC = AudioStream("aac", Fraction(1, 16_000), 16_000, 1, b"\x14\x08")


def stream(*, has_audio: bool = False) -> VideoStream:
    return VideoStream("h264", 64, 48, CLOCK, b"", None, AAC if has_audio else None)


def picture(
    at_s: float, of: VideoStream, *, is_keyframe: bool = False, size_bytes: int = 100
) -> Packet:
    pts = round(at_s * 90_000)
    return Packet(bytes(size_bytes), pts, pts, is_keyframe, of, int(at_s * 1e9))


def sound(at_s: float, of: VideoStream) -> Packet:
    pts = round(at_s * 16_000)
    return Packet(bytes(50), pts, pts, True, of, int(at_s * 1e9), is_audio=True)


def filled(seconds: float, gop_s: float, *, keep_s: float = 5, fps: int = 8) -> PacketRing:
    """A ring after `seconds` of a steady stream."""
    ring, camera = PacketRing(keep_s=keep_s, max_bytes=MIB * 64), stream()
    per_gop = round(gop_s * fps)
    for n in range(round(seconds * fps)):
        ring.append(picture(n / fps, camera, is_keyframe=n % per_gop == 0))
    return ring


def test_the_ring_takes_as_much_memory_as_it_says() -> None:
    """Bytes sent plus a stated overhead for each packet: measured, and within a fifth of it."""
    camera, ring = stream(), PacketRing(keep_s=60, max_bytes=64 * MIB)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for n in range(800):
            at_s, size_bytes = 123 + n / 15, 500 + 3 * n
            ring.append(picture(at_s, camera, is_keyframe=n % 30 == 0, size_bytes=size_bytes))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ring.size_bytes == sum(500 + 3 * n + PACKET_OVERHEAD_BYTES for n in range(800))
    assert 0.8 * ring.size_bytes < after - before <= ring.size_bytes


def test_what_is_looked_at_late_is_kept_with_what_came_before_it() -> None:
    """An analysis that lags names the time it is at; nothing from then on goes until it says so."""
    camera, ring = stream(), PacketRing(keep_s=5, max_bytes=64 * MIB, hold_s=10)
    for second in range(30):
        ring.hold(max(0, second - 11) * 10**9)
        ring.append(picture(second, camera, is_keyframe=True))
    assert held(ring)[0].pts == 18 * 90_000
    ring.hold(None)
    ring.append(picture(30, camera, is_keyframe=True))
    assert held(ring)[0].pts == 25 * 90_000


def test_an_analysis_that_keeps_up_costs_no_memory() -> None:
    """What it asks for lies within what is kept anyway."""
    ring, camera, plain = PacketRing(keep_s=5, max_bytes=MIB, hold_s=10), stream(), filled(30, 1)
    for n in range(30 * 8):
        if n % 8 == 0:
            ring.hold(round((n / 8 - 4) * 1e9))
        ring.append(picture(n / 8, camera, is_keyframe=n % 8 == 0))
    assert ring.size_bytes == plain.size_bytes


def test_an_analysis_that_hangs_holds_what_is_allowed_and_no_more() -> None:
    """The time that it named grows old: `hold_s` more than usual is kept, across streams too."""
    ring = PacketRing(keep_s=5, max_bytes=64 * MIB, hold_s=10)
    ring.hold(0)
    for second in range(60):
        ring.append(picture(second, stream(), is_keyframe=True))
    assert [each.pts // 90_000 for each in held(ring)] == list(range(44, 60))


def test_memory_comes_before_what_is_held() -> None:
    """`max_bytes` is a bound whatever anybody asks for."""
    camera, ring = stream(), PacketRing(keep_s=5, max_bytes=20_000, hold_s=100)
    ring.hold(0)
    for second in range(60):
        ring.append(picture(second, camera, is_keyframe=True, size_bytes=1000))
    assert ring.size_bytes <= 20_000


def held(ring: PacketRing) -> list[Packet]:
    """Everything in the ring."""
    with ring.reader(0) as reader:
        return reader.read(10**6)


@pytest.mark.parametrize("gop_s", [0.25, 0.5, 1, 2, 4, 10])
@pytest.mark.parametrize("keep_s", [1, 5, 20])
def test_history_reaches_back_to_the_keyframe_before_the_pre_roll(
    gop_s: float, keep_s: float
) -> None:
    """For GOPs of 0.25 to 10 s, a trigger on the newest frame gets its whole pre-roll."""
    ring = filled(45, gop_s, keep_s=keep_s)
    newest = held(ring)[-1]
    index = ring.cursor_before(newest.pts, keep_s)
    start = next(each for each in held(ring) if each.index == index)
    wanted_pts = newest.pts - keep_s * 90_000
    assert start.is_keyframe
    assert wanted_pts - gop_s * 90_000 < start.pts <= wanted_pts


@pytest.mark.parametrize("gop_s", [0.25, 2, 10])
def test_no_more_than_the_asked_time_and_two_gops_is_held(gop_s: float) -> None:
    """What reaches further back than anybody may ask for is dropped, by whole GOPs."""
    packets = held(filled(60, gop_s, keep_s=5))
    assert packets[0].is_keyframe
    assert packets[-1].pts - packets[0].pts <= (5 + 2 * gop_s) * 90_000


@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.integers(1, 30_000), st.integers(1, 40_000)), min_size=1
    ),
    st.integers(0, 60),
    st.integers(20_000, 400_000),
)
def test_whole_gops_within_the_bounds_are_held_for_any_stream(
    gops: list[tuple[int, int, int]], keep_s: int, max_bytes: int
) -> None:
    """Whatever GOP lengths, picture sizes and frame times: starts with a keyframe, never above
    the byte bound, indexes without a gap, and the pre-roll is there unless bytes forbid it."""
    ring, camera = PacketRing(keep_s=keep_s, max_bytes=max_bytes), stream()
    pts, sent, sent_bytes = 0, [], 0
    for pictures, size_bytes, step in gops:
        for n in range(pictures):
            packet = Packet(bytes(size_bytes), pts, pts, n == 0, camera, 0)
            assert ring.append(packet)
            sent.append(packet)
            sent_bytes += size_bytes + PACKET_OVERHEAD_BYTES
            pts += step
            assert ring.size_bytes <= max(max_bytes, size_bytes + PACKET_OVERHEAD_BYTES)
    packets = held(ring)
    assert packets == sent[len(sent) - len(packets) :]
    assert not packets or packets[0].is_keyframe
    assert [each.index for each in sent] == list(range(len(sent)))
    if sent_bytes <= max_bytes:
        assert packets[0].pts <= max(sent[-1].pts - keep_s * 90_000, 0)


def test_a_gop_larger_than_the_bound_does_not_grow_without_end() -> None:
    """A camera that never sends another keyframe costs no more memory than was allowed."""
    ring, camera = PacketRing(keep_s=5, max_bytes=MIB), stream()
    for n in range(5000):
        ring.append(picture(n / 25, camera, is_keyframe=n == 0, size_bytes=2000))
        assert ring.size_bytes <= MIB
    assert ring.size_bytes > MIB - MIB // SHRINK - 3000
    assert ring.cursor_before(5000 * 3600) is None


def test_after_a_gop_too_large_the_next_keyframe_starts_afresh() -> None:
    """No clip starts inside a GOP that lost its keyframe; the next one serves again."""
    ring, camera = PacketRing(keep_s=5, max_bytes=MIB), stream()
    for n in range(1000):
        ring.append(picture(n / 25, camera, is_keyframe=n == 0, size_bytes=2000))
    ring.append(picture(40, camera, is_keyframe=True))
    assert ring.cursor_before(40 * 90_000, pre_roll_s=5) == 1000


def test_a_reader_that_keeps_up_loses_nothing_of_a_gop_too_large() -> None:
    """What was dropped before a reader's place is no loss to that reader."""
    ring, camera = PacketRing(keep_s=5, max_bytes=MIB), stream()
    reader, seen = ring.reader(0), []
    for n in range(3000):
        ring.append(picture(n / 25, camera, is_keyframe=n == 0, size_bytes=2000))
        seen += [each.index for each in reader.read()]
    assert seen == list(range(3000))
    assert reader.lost_packets == 0


def test_an_open_reader_keeps_packets_from_going_by_time() -> None:
    """A disk that is slow for longer than the pre-roll costs no packet while memory lasts."""
    ring, camera = PacketRing(keep_s=1, max_bytes=MIB * 64), stream()
    ring.append(picture(0, camera, is_keyframe=True))
    with ring.reader(0) as reader:
        for n in range(1, 600):
            ring.append(picture(n / 10, camera, is_keyframe=n % 10 == 0))
        assert len(reader.read(10**6)) == 600
    ring.append(picture(60, camera, is_keyframe=True))
    assert len(held(ring)) < 30


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
def test_a_reader_that_falls_behind_learns_how_many_pictures_it_lost(
    read_first: int, gop: int, sounds: int
) -> None:
    """Read and lost pictures add up to what the camera sent; it goes on with a keyframe."""
    ring, camera = PacketRing(keep_s=1, max_bytes=60_000), stream(has_audio=True)
    reader = ring.reader(0)
    read: list[Packet] = []
    for n in range(200):
        ring.append(picture(n / 10, camera, is_keyframe=n % gop == 0, size_bytes=1000))
        for _ in range(sounds):
            ring.append(sound(n / 10, camera))
        if n < read_first:
            read += reader.read(10**6)
    ring.append(picture(20, camera, is_keyframe=True))
    before = len(read)
    read += reader.read(10**6)
    pictures = [each for each in read if not each.is_audio]
    assert len(pictures) + reader.lost_packets == 201
    assert reader.lost_packets > 0
    assert read[before].is_keyframe
    assert not read[before].is_audio


def test_several_readers_get_every_packet_while_another_thread_appends() -> None:
    """Readers do not disturb one another, and none misses or repeats a packet."""
    ring, camera = PacketRing(keep_s=2, max_bytes=MIB * 64), stream()
    seen: list[list[int]] = [[], [], []]

    def read(into: list[int]) -> None:
        with ring.reader(0) as reader:
            while packets := reader.read(7, timeout_s=30):
                into += [each.index for each in packets]

    ring.append(picture(0, camera, is_keyframe=True))
    threads = [threading.Thread(target=read, args=(each,)) for each in seen]
    hold = ring.reader(0)
    for thread in threads:
        thread.start()
    for n in range(1, 2000):
        ring.append(picture(n / 25, camera, is_keyframe=n % 20 == 0))
    ring.close()
    for thread in threads:
        thread.join(60)
    hold.close()
    assert seen == [list(range(2000))] * 3


def test_a_reader_waits_until_a_packet_comes() -> None:
    """Reading at the live edge blocks, and returns with the next packet."""
    ring, camera = PacketRing(keep_s=2, max_bytes=MIB), stream()
    reader = ring.reader(0)
    timer = threading.Timer(0.05, ring.append, [picture(0, camera, is_keyframe=True)])
    timer.start()
    assert [each.index for each in reader.read(timeout_s=30)] == [0]
    assert ring.wait(0, timeout_s=0)
    timer.join()


def test_closing_wakes_readers_and_leaves_what_is_held_to_be_read() -> None:
    """A recorder drains the ring at shutdown instead of waiting for packets."""
    ring, camera = PacketRing(keep_s=2, max_bytes=MIB), stream()
    ring.append(picture(0, camera, is_keyframe=True))
    reader = ring.reader(0)
    ring.close()
    assert len(reader.read(timeout_s=30)) == 1
    assert reader.read(timeout_s=30) == []
    assert not ring.wait(1, timeout_s=30)


def test_packets_before_the_first_keyframe_are_skipped_and_counted() -> None:
    """What cannot be decoded takes no room, and audio does not come without its video."""
    ring, camera = PacketRing(keep_s=2, max_bytes=MIB), stream(has_audio=True)
    assert not ring.append(picture(0, camera))
    assert not ring.append(sound(0, camera))
    assert ring.append(picture(1, camera, is_keyframe=True))
    assert ring.skipped_packets == 2
    assert [each.index for each in held(ring)] == [0]


def test_a_new_stream_starts_with_its_own_keyframe() -> None:
    """After a reconnect, pictures that refer to the old connection's are skipped."""
    ring, old, new = PacketRing(keep_s=2, max_bytes=MIB), stream(), stream()
    ring.append(picture(0, old, is_keyframe=True))
    assert not ring.append(picture(1, new))
    assert ring.append(picture(2, new, is_keyframe=True))
    assert [each.stream is new for each in held(ring)] == [False, True]


def test_a_cursor_never_leads_into_another_stream() -> None:
    """A trigger right after a reconnect starts with the new stream, however long the pre-roll."""
    ring, old, new = PacketRing(keep_s=20, max_bytes=MIB), stream(), stream()
    for n in range(10):
        ring.append(picture(n, old, is_keyframe=True))
    for n in range(3):
        ring.append(picture(n + 10, new, is_keyframe=True))
    assert ring.cursor_before(12 * 90_000, pre_roll_s=10) == 10
    assert ring.cursor_before(8 * 90_000, pre_roll_s=3, stream=old) == 5


def test_the_old_stream_is_kept_for_as_long_as_a_trigger_may_come() -> None:
    """After a reconnect with other timestamps, what came before goes by when it arrived."""
    ring, old, new = PacketRing(keep_s=5, max_bytes=MIB), stream(), stream()
    for n in range(10):
        ring.append(picture(n, old, is_keyframe=True))
    for n in range(10, 14):
        packet = picture(n, new, is_keyframe=True)
        packet.pts = packet.dts = packet.pts - 5 * 90_000
        ring.append(packet)
    assert ring.cursor_before(9 * 90_000, stream=old) == 9
    for n in range(14, 30):
        ring.append(picture(n, new, is_keyframe=True))
    assert ring.cursor_before(9 * 90_000, stream=old) is None


def test_a_clock_that_jumps_back_within_a_stream_stops_the_search() -> None:
    """The pre-roll does not reach across a jump, where times mean something else."""
    ring, camera = PacketRing(keep_s=30, max_bytes=MIB), stream()
    for at_s in (100, 101, 102, 3, 4):
        ring.append(picture(at_s, camera, is_keyframe=True))
    assert ring.cursor_before(4 * 90_000, pre_roll_s=3) == 3


def test_the_second_half_of_a_keyframe_starts_no_gop() -> None:
    """A keyframe that comes as two packets of one time is never cut in two by a cursor."""
    ring, camera = PacketRing(keep_s=5, max_bytes=MIB), stream()
    for at_s in (0, 2, 2):
        ring.append(picture(at_s, camera, is_keyframe=True))
    assert ring.cursor_before(2 * 90_000) == 1


def test_history_says_how_much_is_held() -> None:
    """The health report shows the seconds between oldest and newest keyframe."""
    assert filled(30, 2, keep_s=10).history_s == pytest.approx(10, abs=2)
    assert PacketRing(keep_s=1, max_bytes=MIB).history_s == 0
