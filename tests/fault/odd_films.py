"""Films that no camera should send and some do, made with PyAV: damage, changes, broken times."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags

Luma = npt.NDArray[np.uint8]
FPS, GOP = 10, 5
CROSSING = 20  # frames: something crosses in each such stretch
WRAP = 2**33  # of a 90 kHz PTS in MPEG-TS, ISO/IEC 13818-1 2.4.3.7


def film(
    path: Path,
    *,
    codec: str = "libx264",
    size: tuple[int, int] = (256, 144),
    crossings: int = 12,
    gop: int = GOP,
    first_s: float = 0.0,
    jump_s: float = 0.0,
    seed: int = 1,
) -> Path:
    """Something crosses every two seconds. Time starts at `first_s` and jumps in the middle.

    Not shorter than a node needs: each time that a film is over, the node opens it afresh.
    """
    rng = np.random.default_rng(seed)
    width, height = size
    still = rng.integers(70, 110, (height // 8, width // 8), np.uint8).repeat(8, 0).repeat(8, 1)
    frames = crossings * CROSSING
    options = {"mpegts_copyts": "1"} if path.suffix == ".ts" else {}
    with av.open(str(path), "w", options=options) as out:
        stream = out.add_stream(codec, rate=FPS)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 90_000)
        stream.gop_size, stream.max_b_frames = gop, 0
        if path.suffix not in (".ts", ".h264"):
            stream.codec_context.flags |= Flags.global_header
        kind = codec[3:]
        stream.options = {
            "preset": "ultrafast", "tune": "zerolatency",
            f"{kind}-params": f"keyint={gop}:min-keyint={gop}:scenecut=0"
            + (":log-level=none:pools=1:frame-threads=1" if kind == "x265" else ""),
        }  # fmt: skip
        for number in range(frames):
            at_s = first_s + number / FPS + (jump_s if number >= frames // 2 else 0.0)
            frame = av.VideoFrame.from_ndarray(_picture(still, number, rng), format="yuv420p")
            frame.pts, frame.time_base = round(at_s * 90_000), Fraction(1, 90_000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def _picture(still: Luma, number: int, rng: np.random.Generator) -> Luma:
    height, width = still.shape
    picture = np.full((height * 3 // 2, width), 128, np.uint8)
    picture[:height] = still + rng.integers(0, 3, still.shape, np.uint8)
    step = number % CROSSING
    if 4 <= step < 14:
        left = (width - 28) * (step - 4) // 10
        picture[height // 3 : height // 3 + 28, left : left + 28] = 220
    return picture


def joined(path: Path, parts: list[Path]) -> Path:
    """Transport streams one behind the other, as a camera that was set anew sends them."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def damaged(path: Path, source: Path, *, share: float, seed: int) -> Path:
    """`source` with bits flipped in that share of its coded pictures, as by a bad line."""
    rng = random.Random(seed)
    with av.open(str(source)) as whole, av.open(str(path), "w") as out:
        video = whole.streams.video[0]
        copied = out.add_stream_from_template(video)
        for packet in whole.demux(video):
            if packet.dts is None:
                continue
            data = bytearray(bytes(packet))
            if rng.random() < share:
                for _ in range(rng.choice((1, 5, 40))):
                    data[rng.randrange(8, len(data))] ^= 1 << rng.randrange(8)
            fresh = av.Packet(bytes(data))
            fresh.pts, fresh.dts, fresh.time_base = packet.pts, packet.dts, packet.time_base
            fresh.duration, fresh.is_keyframe = packet.duration, packet.is_keyframe
            fresh.stream = copied
            out.mux(fresh)
    return path


def without_keyframes(path: Path, source: Path) -> Path:
    """`source` without a single keyframe: what is left cannot be decoded."""
    with av.open(str(source)) as whole, av.open(str(path), "w") as out:
        video = whole.streams.video[0]
        copied = out.add_stream_from_template(video)
        for packet in whole.demux(video):
            if packet.dts is not None and not packet.is_keyframe:
                packet.stream = copied
                out.mux(packet)
    return path
