"""Cutting packets into NAL units, on which every comparison of clips with sources rests."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness import nal
from tests.harness.footage import Footage

UNITS = st.lists(
    st.binary(min_size=1, max_size=40)
    .map(lambda raw: raw.replace(b"\x00\x00", b"\x00\x07") + b"\x80")
    .filter(lambda raw: b"\x00\x00" not in raw),
    max_size=6,
)


@given(UNITS)
def test_units_behind_start_codes_come_out_as_they_went_in(units: list[bytes]) -> None:
    """Three-byte and four-byte start codes may be mixed, as cameras do."""
    data = b"".join(
        (b"\x00\x00\x00\x01" if number % 2 else b"\x00\x00\x01") + unit
        for number, unit in enumerate(units)
    )
    assert nal.split_annex_b(data) == units


@given(UNITS, st.sampled_from([2, 4]))
def test_units_behind_length_fields_come_out_as_they_went_in(
    units: list[bytes], size_bytes: int
) -> None:
    """Files may declare length fields of other sizes than four bytes."""
    data = b"".join(len(unit).to_bytes(size_bytes, "big") + unit for unit in units)
    assert nal.split_length_prefixed(data, size_bytes) == units


def test_a_length_that_runs_over_the_end_is_refused() -> None:
    """A comparison must not pass over a torn packet."""
    with pytest.raises(ValueError, match="runs over"):
        nal.split_length_prefixed(b"\x00\x00\x00\x09abc")


def test_what_a_file_hides_behind_a_unit_is_found_as_a_start_code_shows_it() -> None:
    """Trailing zeros and an end-of-sequence unit inside one length field, as real files have."""
    avcc = b"\x01\x64\x00\x1f\xff"
    inner = b"\x41\x9a\x80" + b"\x00\x00\x00\x01\x0a"
    data = b"\x00\x00\x00\x05\x41\x9a\x81\x00\x00" + len(inner).to_bytes(4, "big") + inner
    assert nal.split(data, "h264", avcc) == [b"\x41\x9a\x81", b"\x41\x9a\x80", b"\x0a"]


@pytest.mark.footage
@pytest.mark.parametrize("name", ["cdnet-pedestrians", "one-by-one-person-h265"])
def test_a_file_gives_as_many_pictures_as_its_label_says(name: str, footage: Footage) -> None:
    """Each packet of the recordings is one coded picture, in H.264 and in H.265."""
    recording = footage.recording(name)
    codec: nal.Codec = "hevc" if recording.labels.codec == "hevc" else "h264"
    packets = nal.read_file(recording.path)
    assert len(packets) == recording.labels.frames
    assert all(any(nal.is_picture(unit, codec) for unit in each.units) for each in packets)


def test_a_digest_ignores_parameter_sets_and_nothing_else() -> None:
    """Muxers may move parameter sets; slices must stay to the byte."""
    sps, slice_a, slice_b = b"\x67\x01", b"\x65\x02\x80", b"\x65\x03\x80"
    digests = [nal.picture_digest(_packet(*units), "h264") for units in ((slice_a,), (slice_b,))]
    assert nal.picture_digest(_packet(sps, slice_a), "h264") == digests[0]
    assert digests[0] != digests[1]


def _packet(*units: bytes) -> nal.CodedPacket:
    return nal.CodedPacket(units, 0, 0, Fraction(1, 90_000), is_keyframe=True)


@pytest.mark.footage
def test_every_label_file_can_be_read(footage: Footage) -> None:
    """A label file of another shape is found here, not in the middle of a long test."""
    assert footage.names
    for name in footage.names:
        assert footage.recording(name).path.is_file()
    assert all(isinstance(path, Path) for path in footage.odd)
