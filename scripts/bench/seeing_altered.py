"""Recordings made harder by `made_nuisances`: weather, insects, light, night, shaking.

The open recordings show hardly any of this. What is made here is no weather: it says which way a
detector falls, not how often it will. The labels stay those of the recording.
Grey pictures, coded anew as H.264 with a keyframe every 2 s, at most MAX_S of each recording.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from edge.media.frame import Luma
from scripts.bench.made_nuisances import MAKERS, Maker, Nuisance
from scripts.bench.seeing_shot import full_luma
from tests.harness.footage import Footage, Labels, Recording

MAX_S = 150.0
MAX_WIDTH = 640  # pixels: larger pictures are halved until they fit, as a camera's small stream
SEED = 11
CODING: dict[str, object] = {
    "preset": "veryfast",
    "tune": "zerolatency",
    "crf": "26",
    "sc_threshold": "0",
}
GOP_S = 2.0
TWINS = frozenset({"one-by-one-person-h265"})  # the same pictures as another recording


def altered(footage: Footage, kind: str, folder: Path, only: frozenset[str]) -> Footage:
    """The labelled recordings, altered in one way; made in `folder` unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in footage.names:
        if (only and name not in only) or name in TWINS:
            continue
        recording = footage.recording(name)
        label_file = folder / f"{name}-{kind}.json"
        if recording.labels.motion is not None and not label_file.exists():
            frames = _code(recording.path, MAKERS[kind], folder / f"{name}-{kind}.mp4")
            labels = _labels(recording, kind, frames)
            label_file.write_text(json.dumps(labels), encoding="utf-8")
    return Footage(folder)


def _labels(recording: Recording, kind: str, frames: int) -> dict[str, object]:
    """The recording's own labels, up to the frames that were made."""
    own: Labels = recording.labels

    def kept(intervals: tuple[tuple[int, int], ...] | None) -> list[tuple[int, int]]:
        return [(first, min(last, frames - 1)) for first, last in intervals or () if first < frames]

    return {
        "file": f"{recording.name}-{kind}.mp4", "codec": "h264", "width": own.width,
        "height": own.height, "fps": own.fps, "frames": frames, "motion": kept(own.motion),
        "static": kept(own.static), "uncertain": kept(own.uncertain),
        "events": [{"kind": each.kind, "first": each.first, "last": each.last}
                   for each in own.events or () if each.last < frames],
        "conditions": [f"made {kind}"], "scene": recording.name,
    }  # fmt: skip


def _code(path: Path, make: Maker, target: Path) -> int:
    """Alter and code one recording, its pictures' times kept; how many pictures were made."""
    nuisance: Nuisance | None = None
    frames = 0
    with av.open(str(path)) as source, av.open(str(target), "w") as sink:
        taken = source.streams.video[0]
        base = taken.time_base
        assert base is not None
        rate = Fraction(taken.average_rate or 15)
        made = sink.add_stream("libx264", rate=rate)
        made.pix_fmt, made.time_base, made.options = "yuv420p", base, CODING
        made.gop_size = max(1, round(GOP_S * rate))
        made.codec_context.time_base = base
        for picture in source.decode(taken):
            at_s = float((picture.pts or 0) * base)
            if at_s > MAX_S:
                break
            luma = _shrunk(full_luma(picture)).astype(np.float32)
            if nuisance is None:
                made.height, made.width = luma.shape
                nuisance = make(made.width, made.height, SEED)
            grey = np.repeat(luma[..., None], 3, axis=2)
            levels = np.clip(np.rint(nuisance.apply(grey, at_s).mean(axis=2)), 0, 255)
            frame = av.VideoFrame.from_ndarray(levels.astype(np.uint8), format="gray")
            frame = frame.reformat(format="yuv420p", src_color_range=1, dst_color_range=1)
            frame.pts, frame.time_base = picture.pts, base
            sink.mux(made.encode(frame))
            frames += 1
        sink.mux(made.encode(None))
    return frames


def _shrunk(luma: Luma) -> Luma:
    """At most MAX_WIDTH wide, and even both ways, as H.264 wants it."""
    while luma.shape[1] > MAX_WIDTH:
        height, width = luma.shape
        half = cv2.resize(luma, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        luma = np.asarray(half, np.uint8)
    return luma[: luma.shape[0] & ~1, : luma.shape[1] & ~1]
