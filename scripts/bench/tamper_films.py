"""Films of tampering: real recordings, well for LEAD_S, then meddled with; by day and by night.

Coded as a camera would, so that they can be played through the product with its gate. Each
recording is decoded once. Where it is shorter than a film it runs to and fro.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from scripts.bench.made_nuisances import Night
from scripts.bench.made_tampering import KINDS, Kind, Levels, Scene
from scripts.bench.seeing_shot import full_luma
from tests.harness.footage import Footage, Recording

LEAD_S, TAIL_S = 26.0, 14.0
FPS = 10
GOP_S = 2.0
WIDTH = 384  # pixels
LIGHTS = ("day", "night")
CODING = {"preset": "superfast", "tune": "zerolatency", "crf": "24", "sc_threshold": "0"}


@dataclass(frozen=True)
class Film:
    """One made film."""

    path: Path
    recording: str
    light: str
    kind: Kind


def films(
    footage: Footage,
    folder: Path,
    names: list[str],
    *,
    stride: int = 1,
    is_wanted: Callable[[Film], bool] = lambda _: True,
) -> Iterator[Film]:
    """Every `stride`-th of all films over the recordings named; made unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    for index, name in enumerate(names):
        pictures: list[Levels] = []
        other: Levels | None = None
        for light in LIGHTS:
            for kind in KINDS:
                number += 1
                if number % stride:
                    continue
                path = folder / f"{name}-{light}-{kind.name.replace(' ', '-')}.mp4"
                film = Film(path, name, light, kind)
                if not is_wanted(film):
                    continue
                if not path.exists():
                    pictures = pictures or _pictures(footage.recording(name))
                    if other is None:  # not a neighbour in the list: it may show the same scene
                        far = footage.recording(names[(index + len(names) // 2) % len(names)])
                        other = _pictures(far, 1)[0]
                    _code(path, pictures, other, light, kind, number)
                yield film


def _pictures(recording: Recording, limit: int | None = None) -> list[Levels]:
    """At FPS and WIDTH, as many as a film needs at most."""
    wanted = limit or round((LEAD_S + TAIL_S) * FPS)
    found: list[Levels] = []
    due_s = 0.0
    with av.open(str(recording.path)) as source:
        taken = source.streams.video[0]
        for picture in source.decode(taken):
            at_s = float((picture.pts or 0) * (taken.time_base or 1))
            if found and at_s < due_s:
                continue
            due_s = max(due_s, at_s) + 1 / FPS
            luma = full_luma(picture)
            height = round(luma.shape[0] * WIDTH / luma.shape[1]) & ~1
            small = cv2.resize(luma, (WIDTH, height), interpolation=cv2.INTER_AREA)
            found.append(np.asarray(small, np.float32))
            if len(found) >= wanted:
                break
    return found


def _code(
    path: Path, pictures: list[Levels], other: Levels, light: str, kind: Kind, seed: int
) -> None:
    height = pictures[0].shape[0]
    night = Night(WIDTH, height, seed)
    other = np.asarray(cv2.resize(other, (WIDTH, height)), np.float32)
    scene: Scene | None = None
    to_and_fro = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]
    part_path = path.with_suffix(".part.mp4")
    with av.open(str(part_path), "w") as sink:
        stream = sink.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, height, "yuv420p"
        stream.options, stream.gop_size = dict(CODING), round(GOP_S * FPS)
        for number in range(round((LEAD_S + TAIL_S) * FPS)):
            after_s = number / FPS - LEAD_S
            levels = pictures[to_and_fro[number % len(to_and_fro)]].astype(np.float32)
            if light == "night":
                levels = night.apply(np.repeat(levels[..., None], 3, axis=2), number / FPS)[..., 0]
            if after_s >= 0:
                scene = scene or Scene(levels, other * (0.4 if light == "night" else 1), seed)
                part = min(1.0, after_s / kind.takes_s) if kind.takes_s else 1.0
                levels = kind.change(levels, part, scene)
            if kind.name != "frozen":
                levels = levels + np.random.default_rng(number).normal(0, 0.6, levels.shape)
            grey = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="gray")
            frame = frame.reformat(format="yuv420p", src_color_range=1, dst_color_range=1)
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    part_path.rename(path)
