"""What a packet costs in memory on its way through the capture: itself and a stated rest."""

from __future__ import annotations

import gc
import tracemalloc

from edge.camera.feed import Feed
from edge.camera.sieve import Sieve
from edge.gop.ring import PACKET_OVERHEAD_BYTES, PacketRing
from edge.media.packet import Packet, VideoStream
from edge.media.timeline import Timeline
from tests.edge.mux import streams

KEEP_S = 18.0
FPS, GOP = 15, 30
STEP = 90_000 // FPS
PAYLOADS = [bytes(each.data) for each in streams.encode(times_s=streams.steady(6))]


class Capture:
    """The rooms that a packet passes through, without a camera."""

    def __init__(self) -> None:
        self.stream = VideoStream(
            "h264", streams.WIDTH, streams.HEIGHT, streams.CLOCK_90K, b"", None
        )
        self.ring = PacketRing(keep_s=KEEP_S, max_bytes=2**26)
        self.feed = Feed(max_lag_s=4.0, waits=False)
        self.timeline = Timeline(self.stream.time_base)
        self.sieve = Sieve(self.stream)
        self.count = 0

    def take(self, packets: int) -> None:
        """So many more packets, each looked at and forgotten by the analysis."""
        for _ in range(packets):
            number = self.count
            data = bytes(bytearray(PAYLOADS[number % len(PAYLOADS)]))  # memory of its own
            at_ns = number * 1_000_000_000 // FPS
            packet = Packet(
                data, number * STEP, number * STEP, number % GOP == 0, self.stream, at_ns
            )
            self.timeline.observe(packet.pts, at_ns)
            packet.lively_since = self.sieve.observe(packet)
            self.ring.append(packet)
            self.feed.put(packet)
            assert self.feed.get(0) is packet
            self.count += 1


def traced() -> int:
    """Bytes that Python holds now, since tracing began."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_nothing_is_kept_of_a_packet_that_the_ring_let_go() -> None:
    """Ten minutes after the ring was full, as much is held as before."""
    capture = Capture()
    capture.take(60 * FPS)
    tracemalloc.start()
    try:
        capture.take(60 * FPS)  # now all that is held was traced
        before, held = traced(), capture.ring.size_bytes
        capture.take(600 * FPS)
        grown = traced() - before - (capture.ring.size_bytes - held)
    finally:
        tracemalloc.stop()
    assert abs(grown) < 0.02 * held


def test_the_ring_holds_its_packets_and_the_stated_overhead() -> None:
    """Bit rate times seconds, and PACKET_OVERHEAD_BYTES for each packet."""
    tracemalloc.start()
    try:
        empty = traced()
        capture = Capture()
        capture.take(60 * FPS)
        held = traced() - empty
    finally:
        tracemalloc.stop()
    packets = [each for gop in capture.ring._gops for each in gop.packets]
    stated = sum(len(each.data) + PACKET_OVERHEAD_BYTES for each in packets)
    assert stated == capture.ring.size_bytes
    assert KEEP_S * FPS <= len(packets) <= (KEEP_S + 2 * GOP / FPS) * FPS
    assert 0.75 * stated < held < 1.1 * stated
