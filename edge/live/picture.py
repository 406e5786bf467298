"""The newest picture of a ring as a JPEG that fits the wire. Costs at most one decoded GOP."""

from __future__ import annotations

from edge.base.clock import Clock
from edge.base.errors import CamwatchError
from edge.capture.decode import picture_at
from edge.capture.errors import LostError
from edge.capture.jpeg_decode import JpegPixels
from edge.contract.names import MAX_SNAPSHOT_BYTES
from edge.gop.ring import PacketRing
from edge.media import jpeg
from edge.media.frame import Pixels
from edge.media.packet import Packet
from edge.mux import snapshot
from edge.mux.snapshot import Jpeg

MAX_DECODED = 150  # pictures of a long GOP; of a longer one its keyframe is shown
MAX_WIDTH = 1920
STALE_S = 10.0  # older packets are no picture of now
BATCH = 64
NEWEST_PTS = 1 << 62  # later than any


class NoPictureError(CamwatchError):
    """There is no picture of now."""


def newest(ring: PacketRing, clock: Clock, *, max_width: int = MAX_WIDTH) -> Jpeg:
    """The newest picture, at most `max_width` wide. Raises NoPictureError."""
    packets = newest_gop(ring)
    if not packets:
        raise NoPictureError("no keyframe has come yet", is_retryable=True)
    age_s = (clock.mono_ns() - packets[-1].arrival_mono_ns) / 1e9
    if age_s > STALE_S:
        raise NoPictureError(f"nothing came for {age_s:.0f} s", is_retryable=True)
    try:
        return _encode(packets, max_width)
    except CamwatchError as err:
        raise NoPictureError(f"the picture cannot be decoded: {err}", is_retryable=True) from err


def newest_gop(ring: PacketRing) -> list[Packet]:
    """The video packets from the newest keyframe on."""
    found: list[Packet] = []
    with ring.reader_before(NEWEST_PTS) as reader:
        while batch := reader.read(BATCH):
            found += [each for each in batch if not each.is_audio]
    first = next((at for at, each in enumerate(found) if each.is_keyframe), len(found))
    stream = found[first].stream if first < len(found) else None
    return [each for each in found[first:] if each.stream is stream]


def as_sent(packet: Packet, max_width: int, max_bytes: int = MAX_SNAPSHOT_BYTES) -> Jpeg:
    """A Motion JPEG packet's picture: its own bytes where they fit. Raises CamwatchError."""
    stream = packet.stream
    if len(packet.data) <= max_bytes and stream.width <= max_width and jpeg.is_whole(packet.data):
        return Jpeg(packet.data, stream.width, stream.height)
    pixels = JpegPixels(packet.data, stream.width, stream.height)
    return snapshot.encode(pixels.to_bgr(max_width), max_bytes)


def _encode(packets: list[Packet], max_width: int) -> Jpeg:
    stream = packets[0].stream
    if stream.is_intra_only:
        return as_sent(packets[-1], max_width)
    if len(packets) > MAX_DECODED:
        packets = packets[:1]
    pixels: Pixels | None = picture_at(stream, packets, packets[-1].pts)
    if pixels is None:
        raise LostError("broken", "no picture in it")
    return snapshot.encode(pixels.to_bgr(max_width))
