"""Motion JPEG as packets, and the pictures in them: good ones, damaged ones and bombs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.capture.encoded import Coded
from edge.capture.errors import LostError
from edge.capture.jpeg_decode import JpegFrames
from edge.capture.jpegs import JpegPackets
from edge.media.frame import Luma
from edge.media.packet import Packet
from tests.harness.mjpeg_camera import jpeg

INTERVAL_NS = 66_666_667


def pushed(
    pictures: list[bytes], stall_timeout_s: float = 10.0
) -> tuple[JpegPackets, list[Packet]]:
    """Their packets, fifteen a second."""
    taker = JpegPackets("yard", stall_timeout_s=stall_timeout_s)
    packets = [
        packet
        for number, data in enumerate(pictures)
        for packet in taker.push(Coded(data, 6000 * number, INTERVAL_NS * number))
    ]
    return taker, packets


def textured(width: int, height: int) -> bytes:
    """Squares of some pixels, so that a small picture of it is like it."""
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 255, (height // 40, width // 40, 3), np.uint8)
    large = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", large)[1])


def without_tables(data: bytes) -> bytes:
    """The picture as USB cameras send it: its Huffman tables are the usual ones and left out."""
    kept, at = bytearray(data[:2]), 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        kept += b"" if data[at + 1] == 0xC4 else data[at:end]
        at = end
    return bytes(kept + data[at:])


def bomb(width: int, height: int) -> bytes:
    """A small picture whose header claims to be huge."""
    data = bytearray(jpeg(1))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


def luma_of(data: bytes) -> Luma | None:
    """The small luma that the motion rooms get."""
    _, packets = pushed([data])
    frame = JpegFrames(packets[0].stream, mono_ns=lambda pts: pts).decode(packets[0])
    return None if frame is None else frame.luma


def test_damaged_pictures_are_left_out_and_counted() -> None:
    """No picture at all, one without a size, and one that is cut off."""
    good = jpeg(20)
    bad = [b"\xff\xd8" + bytes(300), good[: len(good) * 4 // 5], good[:40]]
    taker, packets = pushed([good, *bad, good])
    assert [packet.pts for packet in packets] == [0, 24000]
    assert taker.damaged == 3
    assert packets[0].stream is packets[1].stream


def test_a_camera_that_never_writes_an_end_is_taken() -> None:
    """Decoders do without it."""
    _, packets = pushed([jpeg(number)[:-2] for number in range(5)])
    assert len(packets) == 5


def test_a_bomb_is_left_out_before_it_is_decoded() -> None:
    """By its header; where nothing else comes, the camera is refused with the remedy."""
    taker, packets = pushed([jpeg(1), bomb(65000, 65000), jpeg(2)])
    assert (len(packets), taker.damaged) == (2, 1)
    with pytest.raises(LostError, match="65000 x 65000 pixels") as caught:
        pushed([bomb(65000, 65000)] * 40, stall_timeout_s=1.0)
    assert "16 megapixels" in caught.value.hint


def test_the_decoder_refuses_a_bomb_too() -> None:
    """Should one ever come so far."""
    _, (packet,) = pushed([jpeg(1)])
    packet.data = bomb(65000, 65000)
    assert JpegFrames(packet.stream, mono_ns=lambda pts: pts).decode(packet) is None


@pytest.mark.parametrize(
    ("width", "height"), [(1920, 1080), (1280, 720), (640, 360), (320, 240), (160, 120)]
)
def test_the_small_luma_is_the_picture_s(width: int, height: int) -> None:
    """At most 320 wide and like the full picture made small, whatever the decoder leaves out."""
    data = textured(width, height)
    luma = luma_of(data)
    assert luma is not None
    assert luma.shape[1] == min(320, width)
    assert not luma.flags.writeable
    full = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert full is not None
    small = cv2.resize(full, luma.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(luma.astype(int) - small).mean() < 2.0


def test_a_picture_without_huffman_tables_is_decoded() -> None:
    """As motion JPEG of USB cameras is."""
    data = textured(640, 360)
    whole, bare = luma_of(data), luma_of(without_tables(data))
    assert whole is not None and bare is not None
    assert np.array_equal(whole, bare)


def test_a_snapshot_shows_the_whole_picture_in_its_colours() -> None:
    """Decoded when asked for, as large as asked for."""
    _, packets = pushed([textured(1280, 720)])
    frame = JpegFrames(packets[0].stream, mono_ns=lambda pts: pts).decode(packets[0])
    assert frame is not None
    assert (frame.pixels.width, frame.pixels.height) == (1280, 720)
    expected = cv2.imdecode(np.frombuffer(packets[0].data, np.uint8), cv2.IMREAD_COLOR)
    shown = frame.pixels.to_bgr(4000)
    assert shown.shape == (720, 1280, 3)
    assert np.abs(shown.astype(int) - expected).mean() < 3.0
    assert frame.pixels.to_bgr(640).shape == (360, 640, 3)


def test_pixels_that_cannot_be_decoded_are_told(capfd: pytest.CaptureFixture[str]) -> None:
    """As any camera's trouble; and nothing goes past the log."""
    _, (packet,) = pushed([jpeg(1)])
    frame = JpegFrames(packet.stream, mono_ns=lambda pts: pts).decode(packet)
    assert frame is not None
    pixels = type(frame.pixels)(b"\xff\xd8" + bytes(100), 320, 240)  # type: ignore[call-arg]
    with pytest.raises(LostError):
        pixels.to_bgr(320)
    assert capfd.readouterr() == ("", "")
