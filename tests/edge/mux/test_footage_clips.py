"""Clips of real cameras' streams and of odd ones: whole, byte for byte, or refused by name."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from edge.mux.errors import MuxError
from edge.mux.mp4 import ClipWriter
from tests.edge.mux.streams import decode_errors, head, probe, read_packets, seconds, video_of
from tests.footage.plays import LONGEST, by_recording
from tests.harness.footage import find_footage

pytestmark = pytest.mark.footage

FOOTAGE = find_footage()
NAMES = FOOTAGE.names if FOOTAGE else []
ODD = [path.name for path in FOOTAGE.odd] if FOOTAGE else []
# Their second parameters come in mid-stream; a source starts a new stream there, a file cannot.
CHANGES_PARAMETERS = {
    "h264_extradata-reload-multi-stsd.mp4",
    "hevc_extradata-reload-multi-stsd.mp4",
}
REPEATS_TIMES = {"h264_frag_overlap.mp4"}  # its fragments overlap: times go back


def complaints(path: Path) -> int:
    """How many lines ffmpeg has to say about a file's pictures."""
    return len(decode_errors(path).splitlines())


@by_recording("clips", NAMES, slow=LONGEST)
def test_a_recording_passes_into_a_clip_unchanged(name: str, tmp_path: Path) -> None:
    """Every picture, its time, and its codec's tag are those of the camera, and all decode."""
    assert FOOTAGE is not None
    source = read_packets(FOOTAGE.recording(name).path)
    first = next(at for at, each in enumerate(source) if each.is_keyframe and not each.is_audio)
    writer = ClipWriter(tmp_path / "clip.mp4", source[first], head(source[first]))
    for packet in source[first:]:
        writer.write(packet)
    clip = writer.close()
    sent, back = video_of(source[first:]), video_of(read_packets(clip.path))
    assert [each.data for each in back] == [each.data for each in sent]
    zero_s = sent[0].pts * sent[0].time_base
    assert seconds(back) == [round(float(each.pts * each.time_base - zero_s), 6) for each in sent]
    assert decode_errors(clip.path) == ""
    shown = probe(clip.path, "start_time,codec_tag_string")
    assert shown["start_time"] == "0.000000"
    assert shown["codec_tag_string"] == {"h264": "avc1", "hevc": "hvc1"}[clip.codec]
    assert clip.mended_packets == 0


@pytest.mark.parametrize("name", ODD)
def test_an_odd_stream_ends_in_a_clip_no_worse_than_it_or_in_a_named_error(
    name: str, tmp_path: Path
) -> None:
    """Broken input loses no packet on the way, and gains no decoding error."""
    assert FOOTAGE is not None
    path = FOOTAGE.folder / "odd" / name
    with av.open(str(path)) as container:
        if container.streams.video[0].codec_context.name not in ("h264", "hevc"):
            pytest.skip("of a codec that sources refuse")
    source = video_of(read_packets(path))
    try:
        writer = ClipWriter(tmp_path / "clip.mp4", source[0], head(source[0]))
    except MuxError as err:
        assert str(err)
        return
    for packet in source:
        writer.write(packet)
    clip = writer.close()
    assert [each.data for each in read_packets(clip.path)] == [each.data for each in source]
    assert probe(clip.path, "start_time")["start_time"] == "0.000000"
    if name not in CHANGES_PARAMETERS | REPEATS_TIMES:
        assert complaints(clip.path) <= complaints(path)
