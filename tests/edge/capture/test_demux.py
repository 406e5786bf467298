"""What every source that reads through FFmpeg shares."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edge.base.clock import FakeClock
from edge.capture.decode import FrameDecoder
from edge.capture.demux import KEYFRAME_WAIT_S, Demux
from edge.capture.errors import LostError, OpenError
from edge.media.packet import Packet
from tests.edge.capture.recordings import Take, make_recording
from tests.edge.capture.test_file import check, read


class SlowClock(FakeClock):
    """A clock on which each packet takes a second to come."""

    def mono_ns(self) -> int:
        self.advance(1.0)
        return super().mono_ns()


def demuxed(path: Path, stall_timeout_s: float) -> list[Packet]:
    """All packets; each takes a second."""
    with av.open(str(path)) as container:
        demux = Demux(container, SlowClock(), stall_timeout_s, threading.Event())
        return list(demux.packets())


def test_sound_alone_does_not_keep_a_camera_alive(tmp_path: Path) -> None:
    """When the pictures stop and the sound goes on, the camera is stalled."""
    path = tmp_path / "take.mkv"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=15)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream("aac", rate=16000)
        assert isinstance(sound, av.AudioStream)
        for number in range(600):
            if number < 15:
                frame = av.VideoFrame(64, 48, "yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, 15)
                out.mux(video.encode(frame))
            elif number == 15:
                out.mux(video.encode(None))
            silence = np.zeros((1, 1024), np.int16)
            noise = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
            noise.sample_rate, noise.pts = 16000, number * 1024
            out.mux(sound.encode(noise))
        out.mux(sound.encode(None))
    with pytest.raises(LostError, match="sound but no picture") as caught:
        demuxed(path, stall_timeout_s=20.0)
    assert caught.value.reason == "stalled"
    assert len(demuxed(path, stall_timeout_s=1000.0)) > 15


def test_waiting_for_the_first_keyframe_is_bounded(tmp_path: Path) -> None:
    """Joined in the middle of an endless GOP, a stream is given up after a while."""
    whole = make_recording(tmp_path / "take.ts", Take(frames=300, gop=300)).read_bytes()
    late = tmp_path / "late.ts"
    late.write_bytes(whole[: 188 * 4] + whole[188 * 60 :])  # MPEG-TS packets have 188 bytes
    with pytest.raises(LostError) as caught:
        demuxed(late, stall_timeout_s=1000.0)
    assert caught.value.reason == "no_video"
    assert f"{KEYFRAME_WAIT_S:.0f} s" in caught.value.detail


def test_a_stream_joined_late_begins_at_its_next_keyframe(tmp_path: Path) -> None:
    """Pictures that cannot be decoded are counted and left out."""
    whole = make_recording(tmp_path / "take.ts", Take(frames=60, gop=30)).read_bytes()
    late = tmp_path / "late.ts"
    late.write_bytes(whole[: 188 * 4] + whole[188 * 20 :])
    with av.open(str(late)) as container:
        demux = Demux(container, FakeClock(), 10.0, threading.Event())
        packets = list(demux.packets())
    check(packets)
    assert len(packets) == 30
    assert demux.counts.undecodable_packets > 0


def test_a_change_of_size_in_mid_stream_is_a_new_stream(tmp_path: Path) -> None:
    """The camera is set to another resolution: seen in band, at the keyframe where it begins."""
    small = make_recording(tmp_path / "small.ts", Take(width=320, height=240))
    large = make_recording(
        tmp_path / "large.ts",
        Take(width=640, height=480, options={"output_ts_offset": "3"}),
    )
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    packets = read(both)
    sizes = [(packet.stream.width, packet.stream.height) for packet in packets]
    assert sizes == [(320, 240)] * 45 + [(640, 480)] * 45
    assert len({id(packet.stream) for packet in packets}) == 2
    decoder = FrameDecoder(packets[-1].stream, mono_ns=lambda pts: pts)
    frames = [frame for packet in packets[45:] for frame in decoder.decode(packet)]
    assert {(frame.pixels.width, frame.pixels.height) for frame in frames} == {(640, 480)}
    assert len(frames) == 45


def test_a_closed_stream_ends_before_its_next_packet(tmp_path: Path) -> None:
    """Also while it still looks for its first keyframe."""
    path = make_recording(tmp_path / "take.mp4", Take())
    is_closing = threading.Event()
    is_closing.set()
    with av.open(str(path)) as container:
        assert list(Demux(container, FakeClock(), 10.0, is_closing).packets()) == []


def test_a_file_with_sound_only_has_no_video(tmp_path: Path) -> None:
    """Said as what it is."""
    path = tmp_path / "sound.mka"
    with av.open(str(path), "w", format="matroska") as out:
        sound = out.add_stream("aac", rate=16000)
        assert isinstance(sound, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.int16), format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts = 16000, 0
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    with av.open(str(path)) as container, pytest.raises(OpenError) as caught:
        Demux(container, FakeClock(), 10.0, threading.Event())
    assert caught.value.reason == "no_video"
