"""Following a stream's parameters."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from edge.capture.parameters import Declared, Parameters
from edge.media import extradata, nal
from edge.media.packet import VideoCodec
from tests.edge.capture.recordings import Take, make_recording


def sets_of(take: Take, folder: Path) -> tuple[bytes, ...]:
    """The parameter sets that encoding `take` gives."""
    path = make_recording(folder / f"{take.codec}-{take.width}.mp4", take)
    with av.open(str(path)) as container:
        data = bytes(container.streams.video[0].codec_context.extradata or b"")
    return extradata.parameter_sets(codec_of(take), data)


def codec_of(take: Take) -> VideoCodec:
    return "hevc" if take.codec == "libx265" else "h264"


def declared(codec: VideoCodec, data: bytes, width: int = 0, height: int = 0) -> Declared:
    return Declared(codec, width, height, Fraction(1, 90_000), data, None, None)


def keyframe(codec: VideoCodec, sets: tuple[bytes, ...], prefix_bytes: int = 0) -> bytes:
    """A keyframe with parameter sets in band, in either framing."""
    units = [*sets, b"\x65\x88\x84" if codec == "h264" else b"\x28\x01\xaf"]
    if prefix_bytes:
        return b"".join(len(each).to_bytes(prefix_bytes, "big") + each for each in units)
    return b"".join(extradata.START_CODE + each for each in units)


def test_a_stream_described_in_band_only_becomes_complete(tmp_path: Path) -> None:
    """Where the SDP has no parameter sets, the first keyframe that has them gives the size."""
    for take in (Take(width=322), Take("libx265", width=322)):
        codec, sets = codec_of(take), sets_of(take, tmp_path)
        parameters = Parameters(declared(codec, b""))
        seen = [
            (parameters.update(keyframe(codec, each), None), parameters.is_complete)
            for each in ((), sets)
        ]
        assert seen == [(False, False), (True, True)]
        stream = parameters.stream()
        assert (stream.width, stream.height) == (322, 240)
        assert extradata.parameter_sets(codec, stream.extradata) == sets


def test_parameter_sets_repeated_in_band_are_no_change(tmp_path: Path) -> None:
    """Cameras repeat their parameter sets before every keyframe."""
    sets = sets_of(Take(), tmp_path)
    parameters = Parameters(declared("h264", extradata.make("h264", sets, 0)))
    assert not parameters.update(keyframe("h264", sets), None)
    assert not parameters.update(keyframe("h264", ()), None)


def test_a_new_size_in_band_is_a_change(tmp_path: Path) -> None:
    """The camera was set to another resolution: extradata and size follow, in both framings."""
    for codec_name in ("libx264", "libx265"):
        take = Take(codec_name)
        codec = codec_of(take)
        old, new = sets_of(take, tmp_path), sets_of(Take(codec_name, width=640), tmp_path)
        for prefix_bytes in (0, 4):
            parameters = Parameters(declared(codec, extradata.make(codec, old, prefix_bytes)))
            assert parameters.update(keyframe(codec, new, prefix_bytes), None)
            stream = parameters.stream()
            assert stream.width == 640
            assert extradata.prefix_bytes(codec, stream.extradata) == prefix_bytes
            assert extradata.parameter_sets(codec, stream.extradata) == new


def test_alternating_picture_parameter_sets_settle(tmp_path: Path) -> None:
    """An encoder that sends PPS 0 and PPS 1 in turn does not change the stream each time."""
    sps, pps = sets_of(Take(), tmp_path)
    other = bytes([pps[0], 0b0101_1000 | pps[1] >> 3, *pps[2:]])
    parameters = Parameters(declared("h264", extradata.make("h264", (sps, pps), 0)))
    changes = [
        parameters.update(keyframe("h264", (sps, each)), None) for each in (other, pps, other, pps)
    ]
    assert changes == [True, False, False, False]


def test_extradata_beside_a_packet_replaces_all(tmp_path: Path) -> None:
    """An MP4 with a second sample description changes where FFmpeg says so."""
    old, new = sets_of(Take(), tmp_path), sets_of(Take(width=640), tmp_path)
    parameters = Parameters(declared("h264", extradata.make("h264", old, 4)))
    assert parameters.update(keyframe("h264", (), 4), extradata.make("h264", new, 4))
    assert parameters.stream().width == 640


def test_nonsense_in_band_changes_nothing(tmp_path: Path) -> None:
    """An unreadable SPS leaves the parameters as they were."""
    sets = sets_of(Take(), tmp_path)
    parameters = Parameters(declared("h264", extradata.make("h264", sets, 4)))
    before = parameters.stream()
    broken = bytes([nal.H264_SPS]) + b"\xff" * 3
    assert not parameters.update(keyframe("h264", (broken,), 4), None)
    assert parameters.stream() == before


def test_the_containers_size_serves_where_no_sps_can_be_read() -> None:
    """What FFmpeg knows is better than nothing."""
    assert Parameters(declared("h264", b"", 640, 360)).stream().width == 640
