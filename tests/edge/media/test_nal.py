"""NAL units in both framings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media import nal
from edge.media.packet import VideoCodec

UNIT = st.binary(min_size=1, max_size=40).filter(
    lambda unit: b"\x00\x00" not in unit and not unit.endswith(b"\x00") and unit[0] != 0
)
CODEC: st.SearchStrategy[VideoCodec] = st.sampled_from(("h264", "hevc"))
START = (b"\x00\x00\x01", b"\x00\x00\x00\x01")


@given(st.lists(st.tuples(UNIT, st.sampled_from(START)), max_size=8))
def test_annexb_units_come_out_as_they_went_in(parts: list[tuple[bytes, bytes]]) -> None:
    """Units between start codes of either length are found exactly."""
    data = b"".join(start + unit for unit, start in parts)
    assert list(nal.units(data)) == [unit for unit, _ in parts]


@given(st.lists(UNIT, max_size=8), st.integers(1, 4))
def test_length_prefixed_units_come_out_as_they_went_in(units: list[bytes], prefix: int) -> None:
    """Units behind lengths of 1 to 4 bytes are found exactly."""
    data = b"".join(len(unit).to_bytes(prefix, "big") + unit for unit in units)
    assert list(nal.units(data, prefix)) == units


@given(st.binary(max_size=400), st.integers(0, 4), CODEC)
def test_any_bytes_are_survived(data: bytes, prefix: int, codec: VideoCodec) -> None:
    """Garbage gives units that lie within it, and no error."""
    assert sum(map(len, nal.units(data, prefix))) <= len(data)
    nal.starts_picture(codec, data, prefix)
    nal.parameter_sets(codec, data, prefix)


def test_how_far_a_packet_is_searched_is_bounded() -> None:
    """A packet made of start codes costs a bounded number of steps."""
    junk = b"\x00\x00\x01\x09"
    assert nal.starts_picture("h264", junk * 10 + b"\x00\x00\x01\x65\x88") is True
    assert nal.starts_picture("h264", junk * nal.MAX_UNITS + b"\x00\x00\x01\x65\x88") is None


@pytest.mark.parametrize(
    ("codec", "data", "expected"),
    [
        ("h264", b"\x00\x00\x01\x65\x88\x84", True),
        ("h264", b"\x00\x00\x01\x65\x42\x84", False),
        ("h264", b"\x00\x00\x01\x67\x42\x00\x00\x01\x68\xce\x00\x00\x01\x65\x42", False),
        ("h264", b"\x00\x00\x01\x09\xf0", None),
        ("hevc", b"\x00\x00\x01\x28\x01\xaf", True),
        ("hevc", b"\x00\x00\x01\x28\x01\x2f", False),
        ("hevc", b"\x00\x00\x01\x46\x01\x50", None),
        ("h264", b"", None),
    ],
)
def test_a_first_slice_is_told_from_a_later_one(
    codec: VideoCodec, data: bytes, expected: bool | None
) -> None:
    """The first bit behind the slice's NAL header decides, in both standards."""
    assert nal.starts_picture(codec, data) is expected


def test_parameter_sets_behind_the_first_slice_are_another_pictures() -> None:
    """Only sets before the first slice belong to the picture in front."""
    data = b"\x00\x00\x01\x67\x42\x00\x00\x01\x65\x88\x00\x00\x01\x68\xce"
    assert nal.parameter_sets("h264", data) == (b"\x67\x42",)


def test_emulation_prevention_is_taken_out() -> None:
    """00 00 03 in a unit stands for 00 00, also twice in a row."""
    assert nal.unescape(b"\x67\x00\x00\x03\x00\x00\x03\x01") == b"\x67\x00\x00\x00\x00\x01"
