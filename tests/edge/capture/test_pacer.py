"""Passing packets at their time."""

from __future__ import annotations

from fractions import Fraction

from edge.base.clock import FakeClock
from edge.capture.pacer import Pacer
from edge.media.packet import Packet, VideoStream

MILLIS = Fraction(1, 1000)


def stream() -> VideoStream:
    return VideoStream("h264", 64, 48, MILLIS, b"", None)


def packet(of: VideoStream, dts_ms: int) -> Packet:
    return Packet(b"", dts_ms, dts_ms, True, of, 0, duration=100)


class Waiter:
    """Waits on a fake clock; from the given wait on it asks to stop."""

    def __init__(self, clock: FakeClock, stop_after: int = 10**6) -> None:
        self.clock = clock
        self.waits: list[float] = []
        self.stop_after = stop_after

    def __call__(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.clock.advance(seconds)
        return len(self.waits) >= self.stop_after


def test_a_late_reader_is_not_made_to_wait() -> None:
    """What is due already passes at once; the beat is kept from the start, not from the delay."""
    clock = FakeClock()
    waiter = Waiter(clock)
    pacer, one = Pacer(clock, waiter, is_fast=False), stream()
    assert pacer.pass_by(packet(one, 0)) == 0
    clock.advance(0.25)
    assert pacer.pass_by(packet(one, 100)) == 250_000_000
    assert waiter.waits == []
    assert pacer.pass_by(packet(one, 300)) == 300_000_000


def test_a_seam_between_streams_keeps_a_plausible_distance() -> None:
    """New parameters in mid-recording do not move the time line."""
    pacer, first, second = Pacer(FakeClock(), Waiter(FakeClock()), is_fast=True), stream(), stream()
    pacer.pass_by(packet(first, 0))
    assert pacer.pass_by(packet(second, 2000)) == 2_000_000_000


def test_a_seam_over_hours_is_closed() -> None:
    """A jump in the recorded time is not waited for, forward or backward."""
    pacer = Pacer(FakeClock(), Waiter(FakeClock()), is_fast=True)
    pacer.pass_by(packet(stream(), 0))
    assert pacer.pass_by(packet(stream(), 9_000_000)) == 100_000_000
    assert pacer.pass_by(packet(stream(), 5)) == 200_000_000


def test_a_wait_is_ended_by_a_stop() -> None:
    """Closing ends the wait for a packet that is due in an hour."""
    clock = FakeClock()
    waiter = Waiter(clock, stop_after=2)
    pacer, one = Pacer(clock, waiter, is_fast=False), stream()
    pacer.pass_by(packet(one, 0))
    pacer.pass_by(packet(one, 3_600_000))
    assert len(waiter.waits) == 2
