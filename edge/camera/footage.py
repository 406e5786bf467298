"""Where the packets of a moment are: which ring, which of its streams, and at what PTS there.

Motion may be looked for in another stream than the one that clips are made of. What an event knows
of time is the monotonic clock; the stream that is recorded has times of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from edge.base.errors import CamwatchError
from edge.capture.decode import picture_at
from edge.gop.ring import PacketRing
from edge.media.frame import Frame, Picture, Pixels
from edge.media.packet import Packet, VideoStream
from edge.motion.observation import Moment

MAX_PICTURES = 60  # decoded for one snapshot of the large stream: more would hold up the alarm
BATCH = 64


@dataclass(frozen=True, slots=True)
class Place:
    """A moment in what is recorded."""

    ring: PacketRing
    stream: VideoStream
    pts: int


class Footage(Protocol):
    """What a camera's events are recorded from."""

    def place(self, stream: VideoStream, moment: Moment) -> Place:
        """Where `moment`, which was seen in `stream`, is best recorded from."""

    def place_in(self, ring: PacketRing, stream: VideoStream, moment: Moment) -> Place | None:
        """Where `moment` is in `ring`; None where that is not known any more."""


class OneStream:
    """What is looked at is also what is recorded."""

    def __init__(self, ring: PacketRing) -> None:
        self._ring = ring

    def place(self, stream: VideoStream, moment: Moment) -> Place:
        """The moment itself."""
        return Place(self._ring, stream, moment.pts)

    def place_in(self, ring: PacketRing, stream: VideoStream, moment: Moment) -> Place | None:
        """The moment itself."""
        return Place(ring, stream, moment.pts)


def pixels_at(place: Place, stream: VideoStream, frame: Frame) -> Pixels:
    """The pixels of `frame`, seen in `stream`, as good as the recorded stream has them."""
    return frame.pixels if place.stream is stream else RecordedPixels(place, frame.pixels)


class RecordedPixels:
    """A picture of the recorded stream, decoded when asked for, out of packets held since now.

    Where they cannot be decoded, and where too many would have to be, what was looked at stands in.
    """

    def __init__(self, place: Place, seen: Pixels) -> None:
        self._place = place
        self._seen = seen
        self._first, self._held = self._read()

    @property
    def width(self) -> int:
        """Pixels."""
        return self._place.stream.width

    @property
    def height(self) -> int:
        """Pixels."""
        return self._place.stream.height

    def to_bgr(self, max_width: int) -> Picture:
        """uint8, shape (height, width, 3), blue green red; at most `max_width` wide.

        Costs a decoded GOP. Raises LostError where not even the picture seen can be converted.
        """
        place = self._place
        first, packets = self._read()
        if first != self._first:  # gone from the ring; else it may hold more of the GOP by now
            packets = self._held
        if 0 < len(packets) <= MAX_PICTURES:
            try:
                picture = picture_at(place.stream, packets, place.pts)
                if picture is not None:
                    return picture.to_bgr(max_width)
            except CamwatchError:
                pass
        return self._seen.to_bgr(max_width)

    def _read(self) -> tuple[int | None, list[Packet]]:
        """The video packets from the keyframe on up to the moment, and the index of the first."""
        place = self._place
        first = place.ring.cursor_before(place.pts, stream=place.stream)
        if first is None:
            return None, []
        found: list[Packet] = []
        with place.ring.reader(first) as reader:
            while batch := reader.read(BATCH):
                for packet in self._own(batch):
                    if packet.dts > place.pts or len(found) > MAX_PICTURES:
                        return first, found
                    found.append(packet)
        return first, found

    def _own(self, batch: list[Packet]) -> Iterable[Packet]:
        stream = self._place.stream
        return (each for each in batch if not each.is_audio and each.stream is stream)


class KeyframePixels:
    """The keyframe at or before a moment, decoded from the ring now; costs one picture.

    Where the ring has it no more, or it cannot be decoded, what was looked at stands in.
    """

    def __init__(self, place: Place, seen: Pixels) -> None:
        self._pixels = _keyframe_at(place) or seen

    @property
    def width(self) -> int:
        """Pixels."""
        return self._pixels.width

    @property
    def height(self) -> int:
        """Pixels."""
        return self._pixels.height

    def to_bgr(self, max_width: int) -> Picture:
        """uint8, shape (height, width, 3), blue green red; at most `max_width` wide."""
        return self._pixels.to_bgr(max_width)


def _keyframe_at(place: Place) -> Pixels | None:
    first = place.ring.cursor_before(place.pts, stream=place.stream)
    if first is None:
        return None
    with place.ring.reader(first) as reader:
        packets = [each for each in reader.read(1) if each.stream is place.stream]
    if not packets or packets[0].is_audio or packets[0].pts > place.pts:
        return None
    return picture_at(place.stream, packets, place.pts)
