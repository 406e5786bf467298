"""Reading a camera's ring for viewers: the newest keyframe first, and recording never hindered."""

from __future__ import annotations

from fractions import Fraction

from edge.base.clock import FakeClock
from edge.gop.ring import PacketRing
from edge.live.follow import Follower
from edge.media.packet import Packet, VideoStream

FPS, GOP = 10, 20
STREAM = VideoStream("h264", 64, 48, Fraction(1, 90_000), b"", None)


class Camera:
    """A ring that fills as the clock goes."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ring = PacketRing(keep_s=4, max_bytes=2**20)
        self.count = 0

    def send(self, seconds: float, stream: VideoStream = STREAM) -> None:
        for _ in range(round(seconds * FPS)):
            pts = round(self.count / FPS * 90_000)
            packet = Packet(
                bytes(100), pts, pts, self.count % GOP == 0, stream, self.clock.mono_ns()
            )
            self.ring.append(packet)
            self.count += 1
            self.clock.advance(1 / FPS)

    def follower(self) -> Follower:
        return Follower(lambda: self.ring, self.clock)


def numbers(packets: list[Packet]) -> list[int]:
    return [round(each.pts / 90_000 * FPS) for each in packets]


def test_it_begins_with_the_newest_keyframe_and_misses_nothing_after_it() -> None:
    """The first picture is there at once, and every packet comes once."""
    camera = Camera()
    camera.send(5)
    follower = camera.follower()
    assert numbers(follower.read(0)) == list(range(40, 50))
    assert follower.read(0) == []
    camera.send(3)
    assert numbers(follower.read(0)) == list(range(50, 80))


def test_between_two_reads_it_keeps_no_packet_in_the_ring() -> None:
    """A viewer's slow line must not make a camera's memory grow."""
    camera = Camera()
    camera.send(5)
    follower = camera.follower()
    follower.read(0)
    camera.send(60)
    others = Camera()
    others.send(65)
    assert camera.ring.size_bytes == others.ring.size_bytes


def test_who_falls_behind_goes_on_at_the_newest_keyframe() -> None:
    """Late by more than the limit, while a newer keyframe is there."""
    camera = Camera()
    camera.send(5)
    follower = camera.follower()
    follower.read(0)
    camera.send(3.5)
    assert numbers(follower.read(0))[0] == 80
    assert follower.skips == 1


def test_a_long_gop_is_no_reason_to_skip() -> None:
    """Its keyframe is older than the limit, but there is no newer one."""
    camera = Camera()
    camera.send(3.9)
    camera.ring, old = PacketRing(keep_s=4, max_bytes=2**20), camera.ring
    assert old.next_index == 39
    stream = VideoStream("h264", 64, 48, Fraction(1, 90_000), b"", None)
    for number in range(60):
        pts = number * 9000
        camera.ring.append(Packet(b"x", pts, pts, number == 0, stream, camera.clock.mono_ns()))
        camera.clock.advance(0.1)
    follower = camera.follower()
    assert numbers(follower.read(0)) == list(range(60))
    assert follower.skips == 0


def test_what_a_lost_camera_sent_before_is_not_shown_as_live() -> None:
    """It waits for the first keyframe of now."""
    camera = Camera()
    camera.send(5)
    camera.clock.advance(60)
    follower = camera.follower()
    assert follower.read(0) == []
    camera.send(2)
    assert numbers(follower.read(0))[0] == 60


def test_another_ring_is_gone_on_with_at_its_newest_keyframe() -> None:
    """Where the small stream ends, the large one is shown, and the other way about."""
    small, large = Camera(), Camera()
    small.send(5)
    large.clock = small.clock
    large.send(5)
    rings = [small.ring]
    follower = Follower(lambda: rings[-1], small.clock)
    follower.read(0)
    rings.append(large.ring)
    assert numbers(follower.read(0))[0] == 40
