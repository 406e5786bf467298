"""Decoder configuration: what a clip says about its codec agrees with FFmpeg, for any framing."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media import nal
from edge.media.packet import Packet, VideoCodec, VideoStream
from edge.mux.decoder_config import DecoderConfig, decoder_config
from edge.mux.errors import MuxError
from tests.edge.mux.streams import encode, read_packets, steady


def ffmpeg_record(codec: VideoCodec, packets: list[Packet], folder: Path) -> bytes:
    """The avcC or hvcC record that the system's ffmpeg makes of a raw stream."""
    raw, made = folder / "raw", folder / "made.mp4"
    raw.write_bytes(b"".join(each.data for each in packets))
    command = ["ffmpeg", "-v", "error", "-f", codec, "-i", str(raw), "-c", "copy"]
    command += ["-tag:v", {"h264": "avc1", "hevc": "hvc1"}[codec], str(made)]
    subprocess.run(command, check=True, timeout=60)
    return read_packets(made)[0].stream.extradata


@pytest.mark.parametrize("profile", ["baseline", "main", "high"])
def test_the_avc_record_is_the_one_ffmpeg_makes(profile: str, tmp_path: Path) -> None:
    """Profile, level, chroma format and parameter sets stand where players look for them."""
    dct = int(profile == "high")
    options = f"cabac={int(profile != 'baseline')}:8x8dct={dct}"
    packets = encode(times_s=steady(1), x264=options)
    config = decoder_config(packets[0].stream, packets[0].data)
    assert config.record == ffmpeg_record("h264", packets, tmp_path)
    assert config.length_bytes == 0


def test_the_hevc_record_says_what_ffmpeg_says(tmp_path: Path) -> None:
    """The same profile, level, formats and sets; all sets declared complete, as hvc1 asks."""
    packets = encode("hevc", times_s=steady(1))
    ours = decoder_config(packets[0].stream, packets[0].data).record
    theirs = ffmpeg_record("hevc", packets, tmp_path)
    assert ours[:13] == theirs[:13]
    assert ours[16:19] == theirs[16:19]
    assert [ours[21] & 3, ours[22]] == [3, 3]
    for kind in nal.PARAMETER_KINDS["hevc"]:
        assert bytes([0x80 | kind]) in ours
    sets = nal.parameter_sets("hevc", packets[0].data)
    assert nal.is_complete("hevc", sets)
    assert all(each in ours for each in sets)


def test_a_record_of_the_camera_is_passed_on_untouched() -> None:
    """A file's own record and its length size hold for the clip, whatever they are."""
    record = bytes.fromhex("0142c00afd e10004 6742c00a 01000168".replace(" ", ""))
    stream = VideoStream("h264", 64, 48, Fraction(1, 25), record, None)
    config = decoder_config(stream, b"\0\2\x65\x88")
    assert (config.record, config.length_bytes) == (record, 2)
    assert config.sample(b"\0\2\x65\x88") == b"\0\2\x65\x88"


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from(["h264", "hevc"]))
def test_hostile_extradata_ends_in_a_record_or_a_named_error(
    extradata: bytes, keyframe: bytes, codec: VideoCodec
) -> None:
    """Bytes from a camera never crash the recorder."""
    stream = VideoStream(codec, 64, 48, Fraction(1, 25), extradata, None)
    kinds = {"h264": b"\x67\x68", "hevc": b"\x40\x42\x44"}[codec]
    sets = b"".join(b"\0\0\1" + bytes([kind]) + keyframe for kind in kinds)
    try:
        config = decoder_config(stream, sets)
    except MuxError:
        return
    assert config.record


@given(st.lists(st.binary(min_size=1, max_size=40).map(lambda each: each + b"\x80")))
def test_framing_changes_and_nothing_else_does(units: list[bytes]) -> None:
    """NAL units that went in with start codes come out with lengths, the same and in order."""
    safe = [each.replace(b"\0\0", b"\0\x03") for each in units]
    for start_code in (b"\0\0\1", b"\0\0\0\1"):
        stream = b"".join(start_code + each for each in safe)
        assert list(nal.units(stream)) == safe
        assert list(nal.units(nal.join_lengths(safe), 4)) == safe


@given(st.binary(max_size=64), st.integers(1, 4))
def test_lengths_that_lie_end_the_picture(data: bytes, length_bytes: int) -> None:
    """A length beyond the packet is not followed."""
    assert sum(map(len, nal.units(data, length_bytes))) <= len(data)


def test_only_the_first_slice_begins_a_picture() -> None:
    """What tells the halves of a split picture apart, in both codecs and framings."""
    for codec, first, later in (
        ("h264", b"\x65\x88", b"\x65\x48"),
        ("hevc", b"\x26\x01\xa0", b"\x26\x01\x20"),
    ):
        chosen: VideoCodec = "h264" if codec == "h264" else "hevc"
        for length_bytes in (0, 4):
            config = DecoderConfig(chosen, b"", length_bytes)
            begins = [
                config.begins_picture(
                    nal.join_lengths([unit]) if length_bytes else b"\0\0\1" + unit
                )
                for unit in (first, later, b"\x06\x80")
            ]
            assert begins == [True, False, False]
