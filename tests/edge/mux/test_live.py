"""Live fragments as a viewer gets them: whole, exact, and to be begun at any keyframe."""

from __future__ import annotations

import io
import subprocess
from itertools import pairwise
from pathlib import Path

import av
import pytest

from edge.media.packet import Packet, VideoCodec
from edge.mux.codec_name import codec_name
from edge.mux.decoder_config import decoder_config
from edge.mux.live import LiveMuxer
from tests.edge.mux.streams import FPS, encode, steady


def fragments(muxer: LiveMuxer, packets: list[Packet], batch: int) -> list[tuple[bool, bytes]]:
    found = []
    for at in range(0, len(packets), batch):
        found += muxer.add(packets[at : at + batch])
    return found


def read(data: bytes) -> list[av.Packet[av.VideoStream]]:
    with av.open(io.BytesIO(data), mode="r", format="mp4") as container:
        return [packet for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("batch", [1, 7])
def test_all_packets_but_the_newest_come_out_byte_for_byte(
    codec: VideoCodec, b_frames: int, batch: int
) -> None:
    """With their own times from one another, and decoded without a complaint."""
    packets = encode(codec, times_s=steady(3), b_frames=b_frames)
    muxer = LiveMuxer(packets[0])
    made = fragments(muxer, packets, batch)
    seen = read(muxer.init + b"".join(data for _, data in made))
    config = decoder_config(packets[0].stream, packets[0].data)
    assert [bytes(each) for each in seen] == [config.sample(each.data) for each in packets[:-1]]
    times = [each.pts for each in seen if each.pts is not None]
    assert [after - before for before, after in pairwise(times)] == [
        after.pts - before.pts for before, after in pairwise(packets[:-1])
    ]


def test_a_fragment_with_a_keyframe_begins_with_it_and_can_be_begun_at(tmp_path: Path) -> None:
    """A late viewer gets the init and all from a keyframe on, and decodes without an error."""
    packets = encode(times_s=steady(4), gop=10)
    muxer = LiveMuxer(packets[0])
    made = fragments(muxer, packets, 4)
    begins = [at for at, (is_keyframe, _) in enumerate(made) if is_keyframe]
    assert len(begins) == 4
    late = tmp_path / "late.mp4"
    late.write_bytes(muxer.init + b"".join(data for _, data in made[begins[2] :]))
    seen = read(late.read_bytes())
    assert seen[0].is_keyframe
    assert len(seen) == 2 * FPS - 1
    argv = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(late), "-f", "null", "-"]
    assert subprocess.run(argv, capture_output=True, check=True).stderr == b""


def test_a_stream_that_follows_another_goes_on_in_the_viewers_time() -> None:
    """A browser would else put it over what it has shown."""
    packets = encode(times_s=steady(1))
    muxer = LiveMuxer(packets[0], starts_s=12.5)
    seen = read(muxer.init + b"".join(data for _, data in fragments(muxer, packets, 3)))
    assert seen[0].dts is not None
    assert float(seen[0].dts * seen[0].time_base) == pytest.approx(12.5, abs=0.002)
    assert muxer.ends_s == pytest.approx(12.5 + (FPS - 1) / FPS, abs=0.01)


def test_after_packets_were_left_out_it_goes_on_with_the_keyframe() -> None:
    """At its own time, so that what is missing is a gap and nothing is shown too soon."""
    packets = encode(times_s=steady(4), gop=10)
    muxer = LiveMuxer(packets[0])
    made = muxer.add(packets[:15])
    muxer.leave_out()
    made += muxer.add(packets[30:])
    seen = read(muxer.init + b"".join(data for _, data in made))
    times_s = [float(each.pts * each.time_base) for each in seen if each.pts is not None]
    assert times_s == pytest.approx(
        [*(n / FPS for n in range(14)), *(n / FPS for n in range(30, 39))]
    )


HEVC_MAIN = bytes.fromhex("01 01 60000000 b00000000000 5d")  # hvcC up to the level
HEVC_HIGH_TIER = bytes.fromhex("01 62 20000000 900000000010 99")


@pytest.mark.parametrize(
    ("codec", "record", "name"),
    [
        ("h264", bytes.fromhex("0164001f"), "avc1.64001f"),
        ("h264", bytes.fromhex("0142c016"), "avc1.42c016"),
        ("hevc", HEVC_MAIN, "hvc1.1.6.L93.B0"),
        ("hevc", HEVC_HIGH_TIER, "hvc1.A2.4.H153.90.0.0.0.0.10"),
    ],
)
def test_a_codecs_name_is_as_the_standard_writes_it(
    codec: VideoCodec, record: bytes, name: str
) -> None:
    """RFC 6381 for AVC; ISO/IEC 14496-15 annex E, whose first example this is, for HEVC."""
    assert codec_name(codec, record) == name
