"""Recordings made harder by `made_nuisances`: weather, insects, light, night, shaking.

The open recordings show hardly any of this, and little time in which nobody is there: `still` makes
scenes of them that are empty. What is made here is no weather: it says which way a
detector falls, not how often it will. The labels stay those of the recording.
Grey pictures, coded anew as H.264 with a keyframe every 2 s, at most MAX_S of each recording.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from edge.media.frame import Luma
from scripts.bench.made_nuisances import MAKERS, Levels, Maker, Nuisance
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
BASE = Fraction(1, 90000)
STILL_S, STILL_RATE = 45, Fraction(12)
STILL_NOISE = 2.0  # levels, of a sensor by day
SAMPLED, MAX_SAMPLES = 7, 120  # every so-many-th picture, and how many, show what is always there
TWINS = frozenset({"one-by-one-person-h265"})  # the same pictures as another recording

Shown = tuple[Fraction, Levels]
"""A picture and when it was taken, in seconds."""


def altered(footage: Footage, kind: str, folder: Path, only: frozenset[str]) -> Footage:
    """The labelled recordings, altered in one way; made in `folder` unless they are there."""

    def make(recording: Recording, target: Path) -> dict[str, object]:
        pictures, rate = _recorded(recording.path), _rate(recording.path)
        return _labels(recording, kind, _code(pictures, rate, MAKERS[kind], target))

    return _made(footage, kind, folder, only, make)


def still(footage: Footage, kind: str, folder: Path, only: frozenset[str]) -> Footage:
    """The scenes of the recordings with nobody in them, altered in one way: all that alarms there
    is false. Made in `folder` unless they are there. Named as `altered` names its own."""

    def make(recording: Recording, target: Path) -> dict[str, object]:
        frames = _code(_still(recording.path), STILL_RATE, MAKERS[kind], target)
        return _labels(recording, kind, frames) | {
            "fps": float(STILL_RATE), "motion": [], "static": [(0, frames - 1)], "uncertain": [],
            "events": [], "conditions": [f"still, made {kind}"],
        }  # fmt: skip

    return _made(footage, kind, folder, only, make)


def _made(
    footage: Footage,
    kind: str,
    folder: Path,
    only: frozenset[str],
    make: Callable[[Recording, Path], dict[str, object]],
) -> Footage:
    """`make` writes the film of a recording and gives its labels."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in footage.names:
        if (only and name not in only) or name in TWINS:
            continue
        recording = footage.recording(name)
        label_file = folder / f"{name}-{kind}.json"
        if recording.labels.motion is not None and not label_file.exists():
            labels = make(recording, folder / f"{name}-{kind}.mp4")
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


def _code(pictures: Iterable[Shown], rate: Fraction, make: Maker, target: Path) -> int:
    """Alter and code pictures, their times kept; how many there were."""
    nuisance: Nuisance | None = None
    frames = 0
    with av.open(str(target), "w") as sink:
        made = sink.add_stream("libx264", rate=rate)
        made.pix_fmt, made.time_base, made.options = "yuv420p", BASE, CODING
        made.gop_size = max(1, round(GOP_S * rate))
        made.codec_context.time_base = BASE
        for at_s, levels in pictures:
            if nuisance is None:
                made.height, made.width = levels.shape
                nuisance = make(made.width, made.height, SEED)
            grey = np.repeat(levels[..., None], 3, axis=2)
            grey = np.clip(np.rint(nuisance.apply(grey, float(at_s)).mean(axis=2)), 0, 255)
            frame = av.VideoFrame.from_ndarray(grey.astype(np.uint8), format="gray")
            frame = frame.reformat(format="yuv420p", src_color_range=1, dst_color_range=1)
            frame.pts, frame.time_base = round(at_s / BASE), BASE
            sink.mux(made.encode(frame))
            frames += 1
        sink.mux(made.encode(None))
    return frames


def _recorded(path: Path) -> Iterator[Shown]:
    """The pictures of a recording, of MAX_S at most."""
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        for picture in source.decode(stream):
            at_s = (picture.pts or 0) * (stream.time_base or BASE)
            if at_s > MAX_S:
                return
            yield at_s, _shrunk(full_luma(picture)).astype(np.float32)


def _rate(path: Path) -> Fraction:
    with av.open(str(path)) as source:
        return Fraction(source.streams.video[0].average_rate or 15)


def _still(path: Path) -> Iterator[Shown]:
    """What a recording always shows, for STILL_S, with the noise of a sensor."""
    sampled = [levels for number, (_, levels) in enumerate(_recorded(path)) if not number % SAMPLED]
    middle = np.median(np.stack(sampled[:: 1 + len(sampled) // MAX_SAMPLES]), axis=0)
    rng = np.random.default_rng(SEED)
    for number in range(round(STILL_S * STILL_RATE)):
        noise = rng.normal(0, STILL_NOISE, middle.shape)
        yield number / STILL_RATE, np.asarray(middle + noise, np.float32)


def _shrunk(luma: Luma) -> Luma:
    """At most MAX_WIDTH wide, and even both ways, as H.264 wants it."""
    while luma.shape[1] > MAX_WIDTH:
        height, width = luma.shape
        half = cv2.resize(luma, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        luma = np.asarray(half, np.uint8)
    return luma[: luma.shape[0] & ~1, : luma.shape[1] & ~1]
