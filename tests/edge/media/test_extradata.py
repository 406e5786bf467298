"""Extradata in both framings."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media import extradata, nal
from edge.media.packet import VideoCodec
from tests.edge.capture.recordings import Take, make_recording

CODEC: st.SearchStrategy[VideoCodec] = st.sampled_from(("h264", "hevc"))


def declared(path: Path) -> bytes:
    """The extradata that FFmpeg reads from a recording."""
    with av.open(str(path)) as container:
        return bytes(container.streams.video[0].codec_context.extradata or b"")


@pytest.mark.parametrize(
    ("codec", "take"),
    [
        ("h264", Take()),
        ("h264", Take(pixels="yuv444p")),
        ("h264", Take(pixels="yuv420p10le")),
        ("h264", Take(params="cabac=0:8x8dct=0")),
        ("hevc", Take("libx265", params="info=0")),
        ("hevc", Take("libx265", params="info=0", pixels="yuv422p10le")),
    ],
)
def test_a_record_made_anew_is_the_muxers_own(
    codec: VideoCodec, take: Take, tmp_path: Path
) -> None:
    """From its own parameter sets, an avcC or hvcC record says the same as FFmpeg's."""
    data = declared(make_recording(tmp_path / "take.mp4", take))
    sets = extradata.parameter_sets(codec, data)
    made = extradata.make(codec, sets, extradata.prefix_bytes(codec, data))
    assert extradata.parameter_sets(codec, made) == sets
    assert made[:12] == data[:12]
    # FFmpeg marks hvcC arrays as complete, which sets in band would contradict.
    plain = {0xA0: 0x20, 0xA1: 0x21, 0xA2: 0x22}
    assert bytes(plain.get(byte, byte) for byte in made) == bytes(
        plain.get(byte, byte) for byte in data
    )


def test_annexb_sets_come_back() -> None:
    """Annex B extradata is the sets with start codes, and has no length prefix."""
    sets = (b"\x67\x42\x00\x0a", b"\x68\xce")
    made = extradata.make("h264", sets, 0)
    assert extradata.prefix_bytes("h264", made) == 0
    assert extradata.parameter_sets("h264", made) == sets


def test_a_record_without_a_readable_sps_is_refused() -> None:
    """An avcC record states the profile, so it cannot be made of a PPS alone."""
    with pytest.raises(ValueError, match="SPS"):
        extradata.make("h264", (b"\x68\xce",), 4)
    with pytest.raises(ValueError, match="SPS"):
        extradata.make("hevc", (b"\x44\x01",), 4)


@given(CODEC, st.binary(max_size=200))
def test_any_extradata_is_survived(codec: VideoCodec, data: bytes) -> None:
    """Garbage gives parameter sets of the right kinds or none."""
    for each in extradata.parameter_sets(codec, data):
        assert nal.kind_of(codec, each) in nal.PARAMETER_KINDS[codec]
    assert 0 <= extradata.prefix_bytes(codec, data) <= 4
