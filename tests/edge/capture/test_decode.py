"""Decoding to small luma, and living with bad data."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from edge.base.clock import FakeClock
from edge.capture.decode import MAX_PIXELS, FrameDecoder, small_luma
from edge.capture.file import FileSource
from edge.media.frame import Frame
from edge.media.packet import Packet
from tests.edge.capture.recordings import Take, make_recording, picture
from tests.harness.footage import Footage


def packets_of(path: Path) -> list[Packet]:
    """The video packets of a recording."""
    source = FileSource(path, FakeClock(), pace="fast")
    source.open()
    return [packet for packet in source.packets() if not packet.is_audio]


def decoder_for(packet: Packet) -> FrameDecoder:
    """A decoder whose times are PTS, so that they can be compared."""
    return FrameDecoder(packet.stream, mono_ns=lambda pts: pts)


def decode_all(packets: list[Packet]) -> list[Frame]:
    decoder = decoder_for(packets[0])
    return [frame for packet in packets for frame in decoder.decode(packet)] + decoder.flush()


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_every_packet_gives_a_frame_in_order_of_pts(
    codec: str, b_frames: int, tmp_path: Path
) -> None:
    """One frame a picture, shown in order, each with its picture's time."""
    packets = packets_of(make_recording(tmp_path / "take.mp4", Take(codec, b_frames=b_frames)))
    frames = decode_all(packets)
    assert [frame.pts for frame in frames] == sorted(packet.pts for packet in packets)
    assert all(frame.mono_ns == frame.pts for frame in frames)


def test_without_b_frames_a_frame_comes_with_its_own_packet(tmp_path: Path) -> None:
    """Analysis sees a picture as soon as its packet is there."""
    packets = packets_of(make_recording(tmp_path / "take.mp4", Take()))
    decoder = decoder_for(packets[0])
    for packet in packets:
        assert [frame.pts for frame in decoder.decode(packet)] == [packet.pts]


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [
        (1280, 720, (180, 320)),
        (1920, 1080, (180, 320)),
        (704, 576, (262, 320)),
        (320, 240, (240, 320)),
        (160, 120, (120, 160)),
        (646, 482, (239, 320)),
    ],
)
def test_the_luma_is_at_most_320_wide_and_keeps_its_shape(
    width: int, height: int, shape: tuple[int, int], tmp_path: Path
) -> None:
    """Any picture size; smaller ones are not enlarged. Nobody may write into it."""
    take = Take(width=width, height=height, frames=1)
    frame = decode_all(packets_of(make_recording(tmp_path / "take.mp4", take)))[0]
    assert frame.luma.shape == shape
    assert frame.luma.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        frame.luma[0, 0] = 1
    row = frame.luma[(height // 3 + 20) * shape[0] // height]
    square_px = 40 * shape[1] // width
    assert row[: square_px - 1].min() > 150
    assert row[square_px + 2 :].max() < 80


@pytest.mark.parametrize(
    "pixels", ["yuv420p", "yuvj420p", "nv12", "yuv422p", "yuv420p10le", "gray", "rgb24", "yuyv422"]
)
def test_any_pixel_format_gives_the_same_luma(pixels: str) -> None:
    """Planar 8-bit luma is taken as it is, everything else is converted first."""
    reference = small_luma(picture(640, 480, 3).reformat(format="gray"), 320)
    luma = small_luma(picture(640, 480, 3).reformat(format=pixels), 320)
    assert luma.shape == (240, 320)
    assert np.abs(luma.astype(int) - reference).mean() < 20  # limited and full range differ


def test_a_frames_pixels_can_be_had_later(tmp_path: Path) -> None:
    """A snapshot of a kept frame, at most as wide as asked, in blue, green, red."""
    packets = packets_of(make_recording(tmp_path / "take.mp4", Take(width=640, height=480)))
    frame = decode_all(packets)[0]
    assert (frame.pixels.width, frame.pixels.height) == (640, 480)
    assert frame.pixels.to_bgr(320).shape == (240, 320, 3)
    full = frame.pixels.to_bgr(1920)
    assert full.shape == (480, 640, 3)
    assert full[170, 10].min() > 150
    assert full[10, 10].max() < 70


def test_keyframes_only_gives_each_keyframe_at_once(tmp_path: Path) -> None:
    """Also where B-frames would delay it; the packets between cost nothing and give nothing."""
    take = Take(b_frames=2, gop=10, frames=40)
    packets = packets_of(make_recording(tmp_path / "take.mp4", take))
    decoder = decoder_for(packets[0])
    decoder.keyframes_only = True
    for packet in packets:
        frames = decoder.decode(packet)
        assert [frame.pts for frame in frames] == ([packet.pts] if packet.is_keyframe else [])


def test_full_decoding_goes_on_at_the_next_keyframe(tmp_path: Path) -> None:
    """After keyframes only, what is passed in from a keyframe on is decoded whole."""
    packets = packets_of(make_recording(tmp_path / "take.mp4", Take(gop=10, frames=40)))
    decoder = decoder_for(packets[0])
    decoder.keyframes_only = True
    for packet in packets[:15]:
        decoder.decode(packet)
    decoder.keyframes_only = False
    frames = [frame for packet in packets[15:] for frame in decoder.decode(packet)]
    assert [frame.pts for frame in frames] == [packet.pts for packet in packets[20:]]


def test_decoding_starts_at_a_keyframe(tmp_path: Path) -> None:
    """Pictures before the first keyframe are counted, not guessed at."""
    packets = packets_of(make_recording(tmp_path / "take.mp4", Take(gop=10, frames=20)))
    decoder = decoder_for(packets[0])
    assert [decoder.decode(packet) for packet in packets[5:10]] == [[]] * 5
    assert decoder.counts.skipped_packets == 5
    assert len(decoder.decode(packets[10])) == 1


def test_garbage_is_counted_and_decoding_recovers(tmp_path: Path) -> None:
    """A burst of nonsense restarts the decoder; sound packets after it give frames again."""
    packets = packets_of(make_recording(tmp_path / "take.mp4", Take(gop=10, frames=40)))
    rng = random.Random(3)
    decoder = decoder_for(packets[0])
    for packet in packets[:10]:
        decoder.decode(packet)
    for number in range(40):
        noise = rng.randbytes(rng.choice((1, 7, 500)))
        bad = Packet(noise, number, number, True, packets[0].stream, 0)
        decoder.decode(bad)
    assert decoder.counts.failed_packets > 20
    assert decoder.counts.restarts > 0
    frames = [frame for packet in packets[20:] for frame in decoder.decode(packet)]
    assert [frame.pts for frame in frames] == [packet.pts for packet in packets[20:]]


def test_a_forged_picture_size_is_refused(tmp_path: Path) -> None:
    """A picture of more pixels than any camera's gives no frame and takes no such memory."""
    side = 4160
    assert side * side > MAX_PIXELS
    take = Take(width=side, height=side, frames=1)
    packets = packets_of(make_recording(tmp_path / "huge.mp4", take))
    decoder = decoder_for(packets[0])
    assert decoder.decode(packets[0]) + decoder.flush() == []
    assert decoder.counts.failed_packets > 0


def test_extradata_that_is_nonsense_stops_nobody(tmp_path: Path) -> None:
    """With the parameter sets in band, garbage beside the stream does not matter."""
    packets = packets_of(make_recording(tmp_path / "take.ts", Take()))
    stream = packets[0].stream
    broken = type(stream)(
        stream.codec, stream.width, stream.height, stream.time_base, b"\x00\x00\x00\x01\x67\xff",
        None,
    )  # fmt: skip
    decoder = FrameDecoder(broken, mono_ns=lambda pts: pts)
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    assert len(frames) == len(packets)


@pytest.mark.footage
def test_every_picture_of_the_recordings_is_decoded(footage: Footage) -> None:
    """H.264 and H.265, B-frames, odd sizes: as many frames as packets, none failed."""
    for name in ("one-by-one-person-h265", "traffic-camera-vfr", "sbi-hallandmonitor"):
        packets = packets_of(footage.recording(name).path)[:150]
        assert len(decode_all(packets)) == len(packets), name


@pytest.mark.footage
def test_the_odd_streams_decode_without_an_error_of_others(footage: Footage) -> None:
    """Stream by stream; every frame has a luma of its own stream's shape."""
    for path in footage.odd:
        if path.suffix == ".avi":
            continue
        packets = packets_of(path)
        for stream in {id(packet.stream): packet.stream for packet in packets}.values():
            own = [packet for packet in packets if packet.stream is stream]
            frames = decode_all(own)
            assert len(frames) > len(own) * 0.8, path.name
            width = min(320, stream.width)
            assert {frame.luma.shape[1] for frame in frames} == {width}, path.name
