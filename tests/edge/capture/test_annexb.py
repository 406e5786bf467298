"""Pictures out of a byte stream, against FFmpeg's own parser."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.annexb import Picture, Splitter
from edge.capture.units import MAX_UNIT_BYTES
from tests.edge.capture.recordings import Take, make_recording


def annexb(path: Path, encoder: str = "libx264", **more: object) -> bytes:
    """A recording as an elementary stream, its parameter sets before each keyframe."""
    take = make_recording(path / "take.mp4", Take(encoder, **more))  # type: ignore[arg-type]
    name = "h264_mp4toannexb" if encoder == "libx264" else "hevc_mp4toannexb"
    with av.open(str(take)) as container:
        stream = container.streams.video[0]
        out = av.BitStreamFilterContext(name, stream)
        return b"".join(
            bytes(each) for packet in container.demux(stream) for each in out.filter(packet)
        )


def split(data: bytes, step: int = 1000) -> tuple[Splitter, list[Picture]]:
    splitter = Splitter()
    pictures = [
        picture
        for at in range(0, len(data), step)
        for picture in splitter.push(data[at : at + step], at)
    ]
    return splitter, pictures


@pytest.mark.parametrize(("encoder", "codec"), [("libx264", "h264"), ("libx265", "hevc")])
@pytest.mark.parametrize("step", [1, 997, 1 << 20])
def test_pictures_are_those_that_ffmpeg_finds(
    tmp_path: Path, encoder: str, codec: str, step: int
) -> None:
    """However the bytes are cut up; the last one is not complete, as no other follows."""
    data = annexb(tmp_path, encoder)
    splitter, pictures = split(data, step)
    parser = av.CodecContext.create(codec, "r")
    expected = [bytes(each) for each in [*parser.parse(data), *parser.parse(None)]]
    assert splitter.codec == codec
    found = [picture.data.strip(b"\0") for picture in pictures]
    wanted = [each.strip(b"\0") for each in expected[:-1]]
    assert wanted[0].endswith(found[0])  # without what stands before the parameter sets
    assert found[1:] == wanted[1:]
    assert [at for at, picture in enumerate(pictures) if picture.is_keyframe] == [0, 15, 30]


def test_b_pictures_are_noticed(tmp_path: Path) -> None:
    """Nothing in such a stream tells when they are to be shown."""
    _, plain = split(annexb(tmp_path))
    (tmp_path / "b").mkdir()
    _, with_b = split(annexb(tmp_path / "b", b_frames=2))
    assert not any(picture.is_bipredicted for picture in plain)
    assert any(picture.is_bipredicted for picture in with_b[:4])


def test_what_stands_before_the_first_parameter_set_is_dropped(tmp_path: Path) -> None:
    """A command may print a greeting first."""
    data = annexb(tmp_path)
    splitter, pictures = split(b"hello, world\n\0\0\1\x09\x10" + data)
    assert pictures[0].is_keyframe
    assert pictures[0].data.startswith(b"\0\0\0\1\x67")
    assert splitter.dropped_bytes >= 18


def test_parameter_sets_before_each_slice_do_not_cut_a_picture() -> None:
    """Some senders repeat them inside a picture; only a first slice begins another."""
    start = b"\0\0\0\1"
    sps, pps = start + b"\x67\x42\0\x1e", start + b"\x68\xce\x38"
    first, second = start + b"\x65\x88\x11\x22", start + b"\x65\x42\x33\x44"
    picture = sps + pps + first + sps + pps + second
    _, pictures = split(picture * 3)
    assert [each.data for each in pictures] == [picture, picture]


def test_a_stream_without_an_end_is_refused() -> None:
    """Memory is bounded, whatever a command writes."""
    splitter = Splitter()
    splitter.push(b"\0\0\1\x67\x42\0\x1e", 0)
    with pytest.raises(ValueError, match="no picture ends"):
        splitter.push(b"\xff" * (MAX_UNIT_BYTES + 1), 0)


@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(
    [b"\0\0\1", b"\0\0\0\1\x67\x42\0\x1e", b"\0\0\1\x65\x88", b"\0\0\1\x41\x9a", b"\0\0\1\x42\x01"]
)), max_size=30))  # fmt: skip
def test_any_bytes_are_taken_and_none_invented(chunks: list[bytes]) -> None:
    """What comes out came in, in order."""
    splitter = Splitter()
    out = b"".join(p.data for chunk in chunks for p in splitter.push(chunk, 0))
    assert out in b"".join(chunks)
