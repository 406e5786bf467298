"""Recordings as sources."""

from __future__ import annotations

import threading
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pytest

from edge.base.clock import FakeClock, SystemClock
from edge.capture.errors import CaptureError, OpenError
from edge.capture.file import FileSource
from edge.media.packet import Packet, VideoStream
from tests.edge.capture.recordings import Take, make_recording, raw_packets
from tests.harness.footage import Footage


def read(path: Path) -> list[Packet]:
    """All packets of a recording, as fast as it goes; the guarantees of `Source` are checked."""
    source = FileSource(path, FakeClock(), pace="fast")
    opened = source.open()
    packets = list(source.packets())
    assert packets[0].stream is opened
    check(packets)
    return packets


def check(packets: list[Packet]) -> None:
    """A keyframe first in every stream; video DTS rising; audio rising too."""
    seen: dict[int, int] = {}
    audio: dict[int, int] = {}
    for packet in packets:
        key = id(packet.stream)
        if packet.is_audio:
            assert key in seen
            assert packet.dts > audio.get(key, packet.dts - 1)
            audio[key] = packet.dts
            continue
        assert packet.dts <= packet.pts
        assert packet.is_keyframe if key not in seen else packet.dts > seen[key]
        seen[key] = packet.dts


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "h264"])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_every_container_gives_the_same_pictures(
    suffix: str, b_frames: int, tmp_path: Path
) -> None:
    """MP4, Matroska, MPEG-TS and raw streams: as many packets as FFmpeg demuxes, same bytes."""
    path = make_recording(tmp_path / f"take.{suffix}", Take(b_frames=b_frames))
    packets = read(path)
    assert [packet.data for packet in packets] == raw_packets(path)
    stream = packets[0].stream
    assert (stream.codec, stream.width, stream.height) == ("h264", 320, 240)
    assert stream.extradata


def test_h265_is_read(tmp_path: Path) -> None:
    """H.265 in MP4, with its size."""
    packets = read(make_recording(tmp_path / "take.mp4", Take("libx265", width=322)))
    assert (packets[0].stream.codec, packets[0].stream.width) == ("hevc", 322)
    assert len(packets) == 45


@pytest.mark.parametrize(
    ("audio", "suffix"), [("aac", "mkv"), ("pcm_mulaw", "mov"), ("libopus", "mkv")]
)
def test_audio_comes_with_its_own_time_base(audio: str, suffix: str, tmp_path: Path) -> None:
    """AAC, G.711 and Opus packets keep pace with the pictures."""
    packets = read(make_recording(tmp_path / f"take.{suffix}", Take(audio=audio, frames=90)))
    sound = [packet for packet in packets if packet.is_audio]
    declared = packets[0].stream.audio
    assert declared is not None
    assert declared.codec == audio.removeprefix("lib")
    assert sound[-1].pts * sound[-1].time_base == pytest.approx(6.0, abs=0.3)
    assert {id(packet.stream) for packet in packets} == {id(packets[0].stream)}


def test_a_paced_recording_takes_as_long_as_it_was(tmp_path: Path) -> None:
    """Each packet arrives when its time has come on the clock, and none early."""
    path = make_recording(tmp_path / "take.mp4", Take(fps=10, frames=30))
    clock = FakeClock(mono_ns=5_000_000_000)

    def wait(seconds: float) -> bool:
        clock.advance(seconds)
        return False

    source = FileSource(path, clock, wait=wait)
    source.open()
    arrivals_s = [packet.arrival_mono_ns / 1e9 for packet in source.packets()]
    assert arrivals_s == pytest.approx([5 + number / 10 for number in range(30)], abs=1e-3)


def test_a_fast_recording_arrives_by_its_own_time(tmp_path: Path) -> None:
    """As fast as it goes, arrival times are those of the recording, so durations hold."""
    packets = read(make_recording(tmp_path / "take.mp4", Take(fps=10, frames=30)))
    assert packets[-1].arrival_mono_ns == pytest.approx(2.9e9, abs=1e6)


def test_a_loop_goes_on_in_time_with_a_new_stream_each_round(tmp_path: Path) -> None:
    """Rounds follow each other without a gap; PTS begins anew, so the stream object does too."""
    path = make_recording(tmp_path / "take.mp4", Take(fps=10, frames=10))
    source = FileSource(path, FakeClock(), pace="fast", loop=True)
    source.open()
    packets = list(islice(source.packets(), 35))
    source.close()
    check(packets)
    streams: list[VideoStream] = []
    for packet in packets:
        if packet.stream not in streams[-1:]:
            streams.append(packet.stream)
    assert len({id(packet.stream) for packet in packets}) == 4
    arrivals_s = [packet.arrival_mono_ns / 1e9 for packet in packets]
    assert arrivals_s == pytest.approx([number / 10 for number in range(35)], abs=1e-3)


def test_closing_ends_a_wait_between_packets(tmp_path: Path) -> None:
    """A paced recording that waits for its next picture ends when another thread closes it."""
    path = make_recording(tmp_path / "take.mkv", Take(fps=1, frames=60))
    source = FileSource(path, SystemClock())
    source.open()
    packets = source.packets()
    next(packets)
    taken: list[Packet] = []
    reader = threading.Thread(target=lambda: taken.extend(packets))
    reader.start()
    source.close()
    reader.join(30)
    assert not reader.is_alive()
    assert len(taken) < 59


def test_a_closed_source_stays_closed(tmp_path: Path) -> None:
    """After `close` no packet comes, whether it was read from or not."""
    path = make_recording(tmp_path / "take.mp4", Take())
    source = FileSource(path, FakeClock(), pace="fast")
    source.open()
    source.close()
    source.close()
    assert list(source.packets()) == []
    with pytest.raises(OpenError, match="ended"):
        source.open()


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "not_found"), (b"", "broken"), (b"not a video" * 99, "broken")]
)
def test_what_is_no_recording_is_said_plainly(
    content: bytes | None, reason: str, tmp_path: Path
) -> None:
    """A missing, empty or foreign file is an OpenError that waiting does not help."""
    path = tmp_path / "take.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OpenError) as caught:
        FileSource(path, FakeClock()).open()
    assert caught.value.reason == reason
    assert not caught.value.is_retryable


@pytest.mark.parametrize(
    ("take", "suffix", "reason"),
    [
        (Take("mpeg4"), "avi", "unsupported"),
        (Take("mjpeg", pixels="yuvj420p"), "avi", "unsupported"),
    ],
)
def test_other_codecs_are_named(take: Take, suffix: str, reason: str, tmp_path: Path) -> None:
    """MPEG-4 and Motion JPEG are refused by name, with what to set instead."""
    path = make_recording(tmp_path / f"take.{suffix}", take)
    with pytest.raises(OpenError, match=take.codec) as caught:
        FileSource(path, FakeClock()).open()
    assert caught.value.reason == "unsupported"
    assert "H.264" in caught.value.hint


def test_a_truncated_recording_ends_in_packets_or_an_error(tmp_path: Path) -> None:
    """Cut at any place, a Matroska file gives what is whole, or a CaptureError."""
    whole = make_recording(tmp_path / "take.mkv", Take(frames=30)).read_bytes()
    for size in range(0, len(whole), len(whole) // 40):
        path = tmp_path / f"cut-{size}.mkv"
        path.write_bytes(whole[:size])
        source = FileSource(path, FakeClock(), pace="fast")
        try:
            source.open()
            check(list(source.packets()))
        except CaptureError as err:
            assert err.reason in ("broken", "no_video")


@pytest.mark.footage
def test_every_labelled_recording_is_read_whole(footage: Footage) -> None:
    """As many pictures as the label file counts, of the size and codec that it names."""
    for name in footage.names:
        recording = footage.recording(name)
        video = [packet for packet in read(recording.path) if not packet.is_audio]
        stream = video[0].stream
        labels = recording.labels
        assert (stream.codec, stream.width, stream.height) == (
            labels.codec, labels.width, labels.height,
        ), name  # fmt: skip
        assert len(video) == labels.frames, name


@pytest.mark.footage
def test_every_odd_stream_ends_in_packets_or_a_clear_error(footage: Footage) -> None:
    """Streams that break naive readers: sound packets, or a named reason; no hang, no crash."""
    ends: dict[str, object] = {}
    for path in footage.odd:
        try:
            packets = read(path)
            sizes = {(each.stream.width, each.stream.height) for each in packets}
            ends[path.stem] = (len(packets), len({id(each.stream) for each in packets}), len(sizes))
        except CaptureError as err:
            ends[path.stem] = err.reason
    assert ends.pop("mpeg4_packed_bframes") == "unsupported"
    assert ends == {
        "h264_brokensps": (79, 2, 2),
        "h264_empty_edit_5s": (100, 1, 1),
        "h264_extradata-reload-multi-stsd": (4, 2, 2),
        "h264_frag_overlap": (108, 2, 1),
        "h264_mov_neg_first_pts_discard": (30, 1, 1),
        "h264_ps_prefix_first_idr": (10, 1, 1),
        "h264_streamloop": (25, 1, 1),
        "hevc_elst_ends_betn_b_and_i": (25, 1, 1),
        "hevc_extradata-reload-multi-stsd": (4, 2, 2),
    }


def test_a_gap_in_a_recording_is_not_waited_for(tmp_path: Path) -> None:
    """A recording pasted together over hours plays on at its seam, as a new stream."""
    first = make_recording(tmp_path / "first.ts", Take(fps=10, frames=10))
    late = make_recording(
        tmp_path / "late.ts", Take(fps=10, frames=10, options={"output_ts_offset": "7200"})
    )
    pasted = tmp_path / "pasted.ts"
    pasted.write_bytes(first.read_bytes() + late.read_bytes())
    packets = read(pasted)
    assert len({id(packet.stream) for packet in packets}) == 2
    assert packets[-1].arrival_mono_ns < 3e9
    gap_s = (packets[-1].pts - packets[0].pts) * Fraction(packets[0].time_base)
    assert gap_s > 7000
