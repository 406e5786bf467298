"""A source that sends without a pace is read at a camera's."""

from __future__ import annotations

import pytest

from edge.capture.throttle import BURST_NS, Throttle
from edge.contract.address import MAX_BITS_PER_S, MAX_FPS


def read_for(seconds: float, byte_count: int, pictures: int) -> tuple[float, float]:
    """Pictures and bits a second, after the burst, of a source that always has more."""
    throttle, now_ns, reads = Throttle(), 0, 0
    begin_ns = 2 * BURST_NS
    while now_ns < begin_ns + seconds * 1e9:
        reads += now_ns >= begin_ns
        now_ns += 1000 + round(throttle.wait_s(now_ns, byte_count, pictures) * 1e9)
    return reads * pictures / seconds, reads * byte_count * 8 / seconds


def test_large_pictures_are_held_to_the_highest_bit_rate() -> None:
    """Noise as keyframes, read in pieces."""
    _, bits_per_s = read_for(10, 1 << 16, 0)
    assert bits_per_s == pytest.approx(MAX_BITS_PER_S, rel=0.01)


def test_small_pictures_are_held_to_the_highest_frame_rate() -> None:
    """A few bytes each, thousands a second."""
    fps, _ = read_for(10, 500, 4)
    assert fps == pytest.approx(MAX_FPS, rel=0.01)


def test_a_camera_never_waits() -> None:
    """Neither at its own pace nor after a pause, when a second of it comes at once."""
    throttle = Throttle()
    now_ns = 10**9
    for number in range(300):
        now_ns += 0 if 100 < number <= 160 else 10**9 // 60
        assert throttle.wait_s(now_ns, 100_000, 1) == 0


def test_a_keyframe_larger_than_a_second_of_it_makes_the_next_wait() -> None:
    """By as much as it is too large."""
    throttle = Throttle()
    assert throttle.wait_s(0, MAX_BITS_PER_S // 8, 1) == 0
    assert throttle.wait_s(0, MAX_BITS_PER_S // 80, 1) == pytest.approx(0.1)
