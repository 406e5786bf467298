"""Makes small recordings for the tests of this folder, and reads them with nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


@dataclass(frozen=True)
class Take:
    """What a made recording is like; it shows a light square moving over a dark ground."""

    codec: str = "libx264"
    width: int = 320
    height: int = 240
    fps: int = 15
    frames: int = 45
    gop: int = 15
    b_frames: int = 0
    pixels: str = "yuv420p"
    params: str = ""
    audio: str | None = None
    options: dict[str, str] = field(default_factory=dict)


def make_recording(path: Path, take: Take) -> Path:
    """Encode `take` into `path`; the suffix chooses the container."""
    with av.open(str(path), "w", options=take.options) as out:
        video = out.add_stream(take.codec, rate=take.fps)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = take.width, take.height, take.pixels
        video.codec_context.max_b_frames = take.b_frames
        video.codec_context.gop_size = take.gop
        x26x = "x265-params" if take.codec == "libx265" else "x264-params"
        video.codec_context.options = {
            "preset": "ultrafast",
            x26x: f"keyint={take.gop}:min-keyint={take.gop}:scenecut=0:bframes={take.b_frames}"
            + (":log-level=none" if take.codec == "libx265" else "")
            + (f":{take.params}" if take.params else ""),
        }
        sound = out.add_stream(take.audio, rate=16000) if take.audio else None
        for number in range(take.frames):
            frame = picture(take.width, take.height, number).reformat(format=take.pixels)
            frame.pts, frame.time_base = number, Fraction(1, take.fps)
            for packet in video.encode(frame):
                out.mux(packet)
            if isinstance(sound, av.AudioStream):
                _add_silence(out, sound, number, take.fps)
        out.mux(video.encode(None))
        if isinstance(sound, av.AudioStream):
            out.mux(sound.encode(None))
    return path


def picture(width: int, height: int, number: int) -> av.VideoFrame:
    """One dark frame with a light square, which moves to the right."""
    image = np.full((height, width, 3), 40, np.uint8)
    left = 8 * number % max(1, width - 40)
    image[height // 3 : height // 3 + 40, left : left + 40] = 200
    return av.VideoFrame.from_ndarray(image, format="bgr24")


def _add_silence(
    out: av.container.OutputContainer, sound: av.AudioStream, n: int, fps: int
) -> None:
    count = 16000 // fps
    frame = av.AudioFrame.from_ndarray(np.zeros((1, count), np.int16), format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 16000, n * count, Fraction(1, 16000)
    for packet in sound.encode(frame):
        out.mux(packet)


def raw_packets(path: Path) -> list[bytes]:
    """The video packets' bytes as FFmpeg demuxes them."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]
