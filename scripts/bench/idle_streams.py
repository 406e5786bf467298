"""The streams of the idle bench: what is in them, what they are called, where they are kept.

Drawing and checking them is for `idle_film`. A film is made once and found again by a hash of all
that it was made of.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from scripts.bench import idle_film
from scripts.bench.idle_film import FPS, Film, Look

Control = Literal["vbr", "cbr", "crf"]
Light = Literal["day", "night"]
Action = Literal["idle", "moving"]

FILM_S = 60  # a window of as many seconds holds each crossing once
WIDTHS = {360: 640, 720: 1280, 1080: 1920}
KBPS = {360: 300, 720: 1100, 1080: 2200}  # FIELD: what small IP cameras are set to
SUB_KBPS, SUB_SCALE = 300, "scale=640:360"
VBR_CRF, CRF = 23, 28
BUFFER_S = 1.0  # of the rate control, so that no GOP bursts
LIGHTS: dict[Light, Look] = {
    "day": Look(brightness=1.0, noise_levels=0.0),
    "night": Look(brightness=0.3, noise_levels=7.0),
}
DEFAULT = (
    "720p-vbr-day-idle",
    "720p-vbr-night-idle",
    "720p-cbr-day-idle",
    "720p-crf-day-idle",
    "720p-vbr-day-moving",
    "1080p-vbr-day-idle",
)


@dataclass(frozen=True)
class Stream:
    """One row of the matrix. `height` in pixels, `film_s` until it repeats."""

    height: int
    control: Control
    light: Light
    action: Action
    film_s: int = FILM_S

    @property
    def name(self) -> str:
        """Such as 720p-vbr-day-idle."""
        return f"{self.height}p-{self.control}-{self.light}-{self.action}"

    @property
    def film(self) -> Film:
        """How it is drawn and encoded."""
        return Film(
            width=WIDTHS[self.height],
            height=self.height,
            frames=self.film_s * FPS,
            is_moving=self.action == "moving",
            look=LIGHTS[self.light],
            rate_control=self._rate_control,
        )

    @property
    def _rate_control(self) -> str:
        """In x264's words."""
        kbps = KBPS[self.height]
        cap = f"vbv-maxrate={kbps}:vbv-bufsize={round(kbps * BUFFER_S)}"
        controls: dict[Control, str] = {
            "vbr": f"crf={VBR_CRF}:{cap}",
            "cbr": f"bitrate={kbps}:{cap}:nal-hrd=cbr",
            "crf": f"crf={CRF}",
        }
        return controls[self.control]


@dataclass(frozen=True)
class Prepared:
    """A stream that can be served; `crossings` are first and last frames in the film."""

    stream: Stream
    path: Path
    crossings: tuple[tuple[int, int], ...]

    @property
    def kbps(self) -> float:
        """The film's mean bit rate, with a container's few bytes."""
        return self.path.stat().st_size * 8 / self.stream.film_s / 1e3


def matrix() -> list[Stream]:
    """All streams there are."""
    controls: tuple[Control, ...] = ("vbr", "cbr", "crf")
    lights: tuple[Light, ...] = ("day", "night")
    actions: tuple[Action, ...] = ("idle", "moving")
    sizes = (720, 1080)
    return [Stream(*each) for each in itertools.product(sizes, controls, lights, actions)]


def choose(patterns: Sequence[str]) -> list[Stream]:
    """The streams of the matrix by name or shell pattern. Raises ValueError for what fits none."""
    for pattern in patterns:
        if not any(fnmatchcase(stream.name, pattern) for stream in matrix()):
            names = ", ".join(stream.name for stream in matrix())
            raise ValueError(f"no stream is called {pattern}; there are {names}")
    return [
        stream
        for stream in matrix()
        if any(fnmatchcase(stream.name, pattern) for pattern in patterns)
    ]


def cache_folder() -> Path:
    """Where films are kept for the next run, by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "camwatch-bench-idle"


def small(prepared: Prepared) -> Path:
    """The film as the camera's sub stream has it, kept beside it."""
    path = prepared.path.with_name(f"{prepared.path.stem}-sub.mp4")
    if not path.exists():
        part = path.with_name(f".{os.getpid()}-{path.name}")
        x264 = ["-preset", "veryfast", "-crf", "23", "-bf", "0", "-g", str(2 * FPS)]
        cap = ["-maxrate", f"{SUB_KBPS}k", "-bufsize", f"{SUB_KBPS}k", "-c:v", "libx264"]
        argv = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(prepared.path), "-vf", SUB_SCALE]
        try:
            subprocess.run([*argv, *cap, *x264, "-f", "mp4", str(part)], check=True)
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
    return path


def prepare(stream: Stream, folder: Path, say: Callable[[str], None]) -> Prepared:
    """Find the film or make it, and check a new one against its truth. Raises FilmError."""
    film = stream.film
    text = json.dumps([idle_film.EDITION, asdict(film)], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = folder / f"{stream.name}-{key}.mp4"
    crossings = tuple(film.crossings())
    if not path.exists():
        say(f"Filming {stream.name}, {stream.film_s} s, kept as {path} ...")
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{os.getpid()}-{path.name}")
        try:
            idle_film.make(film, part)
            idle_film.check(film, part)
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
    return Prepared(stream, path, crossings)
