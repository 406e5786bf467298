"""Short films with labels for the seeing bench: a still street that a box crosses now and then."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, FPS, GOP = 640, 360, 10, 10
BOX_PX = 90

Interval = tuple[int, int]


def pictures(frames: int, crossings: list[Interval]) -> list[npt.NDArray[np.uint8]]:
    """Luma, uint8, shape (HEIGHT, WIDTH): a still scene with fresh noise, and a dark box."""
    rng = np.random.default_rng(5)
    still = np.asarray(cv2.GaussianBlur(rng.uniform(60, 220, (HEIGHT, WIDTH)), (0, 0), 9))
    still = (still - still.min()) / (still.max() - still.min()) * 120 + 80
    made = []
    for number in range(frames):
        picture = still + rng.normal(0, 1.0, still.shape)
        for first, last in crossings:
            if first <= number <= last:
                left = round((number - first) / max(1, last - first) * (WIDTH - BOX_PX))
                picture[150 : 150 + BOX_PX, left : left + BOX_PX] = 20
        made.append(np.clip(picture, 0, 255).astype(np.uint8))
    return made


def write_film(
    folder: Path, name: str, frames: int, crossings: list[Interval], **more: object
) -> Path:
    """A labelled recording, H.264 with a keyframe a second; all but the crossings is static."""
    path = folder / f"{name}.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size = GOP
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "sc_threshold": "0"}
        for number, luma in enumerate(pictures(frames, crossings)):
            frame = av.VideoFrame.from_ndarray(luma, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    static, at = [], 0
    for first, last in [*crossings, (frames, frames)]:
        if first > at:
            static.append([at, first - 1])
        at = last + 1
    labels = {"file": path.name, "codec": "h264", "width": WIDTH, "height": HEIGHT, "fps": FPS,
              "frames": frames, "motion": crossings, "static": static, "uncertain": []}  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(labels | more), encoding="utf-8")
    return path
