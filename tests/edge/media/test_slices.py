"""What slice headers say, compared with what FFmpeg's `trace_headers` reads in the same bytes."""

from __future__ import annotations

import random
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media import extradata, nal
from edge.media.packet import VideoCodec, VideoStream
from edge.media.slices import HEAD_BYTES, LONG_HEAD_BYTES, SliceReader
from edge.mux.decoder_config import clip_codec
from tests.edge.media.made_headers import H264Maker, HevcMaker
from tests.edge.media.traced import demux, encode, expected, trace
from tests.harness import nal as truth
from tests.harness.footage import find_footage

CODEC: st.SearchStrategy[VideoCodec] = st.sampled_from(("h264", "hevc"))
X264 = ("-c:v", "libx264", "-threads", "1", "-x264-params")
X265 = ("-c:v", "libx265", "-x265-params")
QUIET = "log-level=none:pools=1:frame-threads=1:keyint=20"
TAKES: dict[str, tuple[str, ...]] = {
    "baseline": ("-profile:v", "baseline", *X264, "keyint=10"),
    "cavlc-b-frames": (*X264, "cabac=0:bframes=3:keyint=20"),
    "pyramid-weights": (*X264, "bframes=4:b-pyramid=normal:weightp=2:weightb=1:keyint=30:ref=6"),
    "interlaced": (*X264, "interlaced=1:bframes=2:keyint=15"),
    "slices": (*X264, "slices=4:bframes=1:keyint=15:aud=1"),
    "open-gop": (*X264, "open-gop=1:bframes=3:keyint=8"),
    "intra-refresh": (*X264, "intra-refresh=1:keyint=15:bframes=0"),
    "high-10": ("-pix_fmt", "yuv422p10le", *X264, "keyint=15:qp=3"),
    "cbr": ("-b:v", "900k", "-maxrate", "900k", "-bufsize", "300k", *X264, "nal-hrd=cbr:filler=1"),
    "hevc-pyramid-weights": (*X265, f"{QUIET}:bframes=4:b-pyramid=1:weightp=1:weightb=1:ref=4"),
    "hevc-slices-aud": (*X265, f"{QUIET}:slices=2:aud=1:bframes=1"),
    "hevc-open-gop": (*X265, f"{QUIET}:open-gop=1:bframes=3:keyint=8:min-keyint=8"),
    "hevc-layers": (*X265, f"{QUIET}:temporal-layers=2:bframes=3:b-pyramid=1"),
    "hevc-fields": (*X265, f"{QUIET}:interlace=tff:no-sao=1:no-temporal-mvp=1"),
    "hevc-plain": ("-preset", "ultrafast", *X265, f"{QUIET}:bframes=0:scaling-list=default"),
}
FOOTAGE = find_footage()
RECORDINGS = [] if FOOTAGE is None else [FOOTAGE.recording(name).path for name in FOOTAGE.names]
ODD = [] if FOOTAGE is None else [path for path in FOOTAGE.odd if path.name.startswith("h")]


def stream_of(codec: VideoCodec, beside: bytes = b"") -> VideoStream:
    """A stream of which nothing is known but its extradata."""
    return VideoStream(codec, 0, 0, Fraction(1, 90_000), beside, None)


def assert_read_as_traced(path: Path, frames: int = 0) -> str:
    """Every packet says what FFmpeg reads in its first slice, in both framings; the kinds."""
    traced = trace(path, frames=frames)
    stream, packets = demux(path, frames=frames)
    codec = clip_codec(stream)
    sets = extradata.parameter_sets(codec, stream.extradata)
    reader = SliceReader(stream)
    annexb = SliceReader(stream_of(codec, extradata.make(codec, sets, 0)))
    kinds = ""
    for number, (slices, data) in enumerate(zip(traced, packets, strict=True)):
        if not slices:  # FFmpeg refuses what we may read: a bad SPS behind its first fields
            continue
        coded = reader.read(data)
        assert coded is not None, number
        assert coded[:4] == expected(codec, slices[0]), number
        units = truth.split(data, codec, stream.extradata)
        other = annexb.read(b"".join(b"\x00\x00\x01" + unit for unit in units))
        assert other is not None, number
        assert other[:4] == coded[:4], number
        kinds += coded.kind
    return kinds


@pytest.mark.parametrize("name", TAKES)
def test_an_encoded_stream_is_read_as_ffmpeg_reads_it(name: str, tmp_path: Path) -> None:
    """Kind, quantiser, reference and layer of every picture."""
    suffix = "ts" if "aud" in TAKES[name][-1] else "mp4"  # with the parameter sets in band
    kinds = assert_read_as_traced(encode(tmp_path / f"take.{suffix}", TAKES[name]))
    assert len(kinds) >= 40
    assert "P" in kinds or "B" in kinds


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_headers_with_every_field_are_read_as_ffmpeg_reads_them(
    codec: VideoCodec, tmp_path: Path
) -> None:
    """Fields, planes, long-term references, weights, predicted sets: more than encoders write."""
    maker = H264Maker if codec == "h264" else HevcMaker
    data = b"".join(maker(random.Random(seed)).make(20) for seed in range(40))
    path = tmp_path / f"made.{codec}"
    path.write_bytes(data)
    heads = [head for each in trace(path, arguments=("-f", codec)) for head in each]
    reader = SliceReader(stream_of(codec))
    read = []
    for unit in nal.units(data):
        coded = reader.read(b"\x00\x00\x01" + unit)
        if nal.is_slice(codec, nal.kind_of(codec, unit)):
            assert coded is not None
            read.append(coded[:4])
    assert len(read) > 700
    assert read == [expected(codec, head) for head in heads]


@pytest.mark.footage
@pytest.mark.parametrize("path", [*RECORDINGS, *ODD], ids=lambda path: path.stem)
def test_a_recording_is_read_as_ffmpeg_reads_it(path: Path) -> None:
    """What real cameras and odd muxers wrote, up to 120 packets of each."""
    assert len(assert_read_as_traced(path, frames=120)) >= 4


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_the_filler_of_a_constant_rate_is_counted(suffix: str, tmp_path: Path) -> None:
    """Filler units, each with its start code or length, and nothing else."""
    stream, packets = demux(encode(tmp_path / f"take.{suffix}", TAKES["cbr"]))
    reader = SliceReader(stream)
    total = 0
    for data in packets:
        coded = reader.read(data)
        units = [unit for unit in truth.split(data, "h264", stream.extradata) if unit[0] == 12]
        framing_bytes = 4 if suffix == "mp4" else 3
        assert coded is not None
        assert coded.filler_bytes == sum(len(unit) + framing_bytes for unit in units)
        total += coded.filler_bytes
    assert total > 10_000


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("prefix_bytes", [0, 4])
def test_padding_is_counted_wherever_it_stands(codec: VideoCodec, prefix_bytes: int) -> None:
    """Filler between slices and behind them, and cabac_zero_words behind the last slice."""
    maker = H264Maker if codec == "h264" else HevcMaker
    units = list(nal.units(maker(random.Random(1)).make(1)))
    sets, picture = units[:-1], units[-1]
    filler = (b"\x0c" if codec == "h264" else b"\x4c\x01") + b"\xff" * 50 + b"\x80"
    reader = SliceReader(stream_of(codec, extradata.make(codec, tuple(sets), prefix_bytes)))

    def padding(*parts: bytes) -> int:
        joined = b"".join(b"\x00\x00\x01" + part for part in parts)
        coded = reader.read(nal.join_lengths(parts) if prefix_bytes else joined)
        assert coded is not None
        return coded.filler_bytes

    one = len(filler) + (prefix_bytes or 3)
    assert padding(picture) == 0
    assert padding(picture, filler) == one
    assert padding(picture, filler, picture, filler, filler) == 3 * one
    assert padding(picture + b"\x00\x00\x03" * 4) == 12
    assert padding(picture + b"\x00\x00\x03" * 4, filler) == 12 + one


def test_weights_of_many_references_are_read_behind_the_first_look() -> None:
    """A header longer than the bytes looked at first is read all the same."""
    longest = 0
    for seed in range(60):
        maker = H264Maker(random.Random(seed))
        units = list(nal.units(maker.make(20)))
        reader = SliceReader(stream_of("h264"))
        for unit in units:
            coded = reader.read(b"\x00\x00\x01" + unit)
            if unit[0] & 0x1F in (1, 5) and len(unit) > HEAD_BYTES + 10:
                assert coded is not None
                longest = max(longest, len(unit))
    assert HEAD_BYTES + 50 < longest < LONG_HEAD_BYTES


def test_changed_parameters_in_band_hold_from_their_picture_on() -> None:
    """Other quantisers in PPSs of the same id change what the same slice says."""
    sps, pps, picture = (
        b"\x00\x00\x01" + unit for unit in nal.units(H264Maker(random.Random(3)).make(1))
    )
    reader = SliceReader(stream_of("h264"))
    first = reader.read(sps + pps + picture)
    assert first is not None
    said = set()
    for seed in range(30):
        other = list(nal.units(H264Maker(random.Random(seed)).make(0)))[1]
        coded = reader.read(b"\x00\x00\x01" + other + picture)
        said.add(coded and coded.qp)
    assert len(said - {None}) > 5
    assert reader.read(sps + pps + picture) == first


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00\x00\x01", b"\x00\x00\x01\x65", b"\x00\x00\x01\x65\x88", b"\x00\x00\x01\x26\x01"],
)
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_slice_without_parameter_sets_is_not_read(codec: VideoCodec, data: bytes) -> None:
    """Nothing is guessed."""
    assert SliceReader(stream_of(codec)).read(data) is None


def test_slice_groups_are_not_read() -> None:
    """A PPS that is not understood puts the one of the same id out of force."""
    units = list(nal.units(H264Maker(random.Random(2)).make(1)))
    reader = SliceReader(stream_of("h264"))
    whole = b"".join(b"\x00\x00\x01" + unit for unit in units)
    assert reader.read(whole) is not None
    grouped = b"\x68" + int("1" + "1" + "00" + "010" + "1" * 17, 2).to_bytes(3, "big")
    assert reader.read(b"\x00\x00\x01" + grouped + b"\x00\x00\x01" + units[2]) is None
    assert reader.read(whole) is not None


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_slice_cut_short_is_not_read(codec: VideoCodec) -> None:
    """The next unit's bytes are never taken for the slice's."""
    maker = H264Maker if codec == "h264" else HevcMaker
    units = list(nal.units(maker(random.Random(5)).make(1)))
    reader = SliceReader(stream_of(codec, extradata.make(codec, tuple(units[:-1]), 0)))
    header_bytes = nal.HEADER_BYTES[codec]
    cut = b"\x00\x00\x01" + units[-1][: header_bytes + 1]
    assert reader.read(cut + b"\x00\x00\x01" + b"\xff" * 90) is None


@given(CODEC, st.sampled_from((0, 1, 2, 4)), st.binary(max_size=300))
def test_any_bytes_give_a_picture_or_none(codec: VideoCodec, prefix: int, data: bytes) -> None:
    """Random bytes behind true parameter sets, in all framings."""
    maker = H264Maker if codec == "h264" else HevcMaker
    sets = nal.parameter_sets(codec, maker(random.Random(7)).make(1))
    reader = SliceReader(stream_of(codec, extradata.make(codec, sets, prefix)))
    for each in (data, b"\x00\x00\x01\x41" + data, b"\x00\x00\x01\x02\x01" + data):
        coded = reader.read(each)
        assert coded is None or coded.filler_bytes <= len(each)


@pytest.mark.parametrize(
    "piece", [b"\x00", b"\x00\x00\x01", b"\x00\x00\x01\x0c", b"\x00\x00\x01\x67", b"\x00\x00\x03"]
)
def test_hostile_packets_cost_a_bounded_time(piece: bytes) -> None:
    """A megabyte of start codes, of filler, of parameter sets."""
    units = list(nal.units(H264Maker(random.Random(1)).make(1)))
    for prefix_bytes in (0, 1):
        beside = extradata.make("h264", tuple(units[:2]), prefix_bytes)
        reader = SliceReader(stream_of("h264", beside))
        began_s = time.process_time()
        reader.read(piece * (2**20 // len(piece)))
        reader.read(b"\x00\x00\x01" + units[2] + piece * (2**20 // len(piece)))
        assert time.process_time() - began_s < 1.0
