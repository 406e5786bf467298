"""Sequence parameter sets."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media import extradata
from edge.media.packet import VideoCodec
from edge.media.sps import first_sps, parse_sps, set_id
from tests.edge.capture.recordings import Take, make_recording

CODEC: st.SearchStrategy[VideoCodec] = st.sampled_from(("h264", "hevc"))


@pytest.mark.parametrize(
    "take",
    [
        Take(),
        Take(width=322, height=182),
        Take(width=1920, height=1080, frames=2),
        Take(pixels="yuv444p"),
        Take(pixels="yuv422p", width=330, height=250),
        Take(params="interlaced=1", height=248),
        Take(params="cqm=jvt", pixels="yuv420p10le"),
        Take("libx265"),
        Take("libx265", width=322, height=182),
        Take("libx265", pixels="yuv444p", width=250),
        Take("libx265", params="temporal-layers=2"),
    ],
    ids=lambda take: f"{take.codec}-{take.pixels}-{take.width}x{take.height}-{take.params}",
)
def test_the_size_read_is_what_was_encoded(take: Take, tmp_path: Path) -> None:
    """Cropping, chroma formats, interlacing, scaling lists and sub-layers are read right."""
    path = make_recording(tmp_path / "take.mp4", take)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        codec: VideoCodec = "hevc" if context.name == "hevc" else "h264"
        data = bytes(context.extradata or b"")
    sps = first_sps(codec, extradata.parameter_sets(codec, data))
    assert sps is not None
    assert (sps.width, sps.height) == (take.width, take.height)
    assert sps.bit_depth_luma == (10 if "10" in take.pixels else 8)
    assert all(set_id(codec, each) == 0 for each in extradata.parameter_sets(codec, data))


@given(CODEC, st.binary(min_size=1, max_size=80))
def test_a_malformed_sps_is_a_value_error(codec: VideoCodec, unit: bytes) -> None:
    """Random bytes give a size or a ValueError, nothing else."""
    try:
        sps = parse_sps(codec, unit)
    except ValueError:
        return
    assert sps.width > 0
    assert sps.height > 0


@given(CODEC, st.binary(min_size=1, max_size=80))
def test_an_id_that_cannot_be_read_is_minus_one(codec: VideoCodec, unit: bytes) -> None:
    """Random bytes give an id or -1."""
    assert set_id(codec, unit) >= -1
