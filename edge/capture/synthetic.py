"""A camera that needs no camera: the synthetic street, encoded to H.264 as it is drawn.

For demonstrations and tests. Like a real camera it keeps its beat: where the machine is too slow,
frames are left out, never delayed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import av

from edge.base.clock import Clock
from edge.capture.encode import TIME_BASE, Encoder
from edge.capture.errors import OpenError
from edge.capture.session import Packets, SessionSource
from edge.capture.street import Street

MAX_LATE_S = 1.0  # behind by more, frames are left out
NO_TIME_PASSES_FPS = 1e9  # a street at so many frames a second stays at its first, empty moment
LIMITS = {"fps": (1, 60), "width": (64, 3840), "height": (64, 2160), "gop": (1, 3000)}


@dataclass(frozen=True, slots=True)
class Scene:
    """What is shown. `gop` in frames, 0 for two seconds; `still` shows noise and nobody."""

    width: int = 1280
    height: int = 720
    fps: int = 15
    seed: int = 1
    gop: int = 0
    still: int = 0

    @classmethod
    def from_url(cls, url: str) -> Scene:
        """Read synthetic:?fps=15&seed=7 and the like. Raises OpenError naming what is wrong."""
        names = [field.name for field in fields(cls)]
        values: dict[str, int] = {}
        for key, text in parse_qsl(urlsplit(url).query, keep_blank_values=True):
            low, high = LIMITS.get(key, (0, 2**31))
            if key not in names:
                raise _wrong(f"{key} is no option of synthetic:, there are {', '.join(names)}")
            if not (text.isascii() and text.isdigit() and low <= int(text[:12]) <= high):
                raise _wrong(f"{key} is a whole number from {low} to {high}")
            values[key] = int(text)
        scene = cls(**values)
        if scene.width % 4 or scene.height % 4:
            raise _wrong("width and height are multiples of 4")
        return scene


class SyntheticSource(SessionSource):
    """The street as a camera, without an end: one packet a frame. `close` ends it at once."""

    def __init__(
        self,
        scene: Scene,
        clock: Clock,
        *,
        pace: Literal["realtime", "fast"] = "realtime",
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """With the pace fast, packets do not wait and arrive by their media time.

        `wait` waits for so many seconds, or less, and says whether to stop; tests pass one.
        """
        super().__init__()
        self._scene = scene
        self._clock = clock
        self._is_fast = pace == "fast"
        self._wait = wait or self._is_closing.wait

    def _read(self) -> Packets:
        scene = self._scene
        fps = NO_TIME_PASSES_FPS if scene.still else scene.fps
        street = Street(scene.width, scene.height, fps, scene.seed)
        gop = scene.gop or 2 * scene.fps
        encoder = Encoder(scene.width, scene.height, Fraction(scene.fps), gop)
        start_ns = self._clock.mono_ns()
        number = 0
        while not self._is_closing.is_set():
            number, arrival_ns = self._beat(number, start_ns)
            picture = av.VideoFrame.from_ndarray(street.frame(number), format="yuv420p")
            pts = round(number / scene.fps / TIME_BASE)
            yield from encoder.encode(picture, pts, arrival_ns)
            number += 1

    def _beat(self, number: int, start_ns: int) -> tuple[int, int]:
        """Wait for the next frame's time; its number, and the monotonic time in nanoseconds."""
        fps = self._scene.fps
        due_ns = start_ns + number * 1_000_000_000 // fps
        if self._is_fast:
            return number, due_ns
        while (left_s := (due_ns - self._clock.mono_ns()) / 1e9) > 0 and not self._wait(left_s):
            pass
        now_ns = self._clock.mono_ns()
        if now_ns - due_ns > MAX_LATE_S * 1e9:
            number = (now_ns - start_ns) * fps // 1_000_000_000
        return number, now_ns


def _wrong(detail: str) -> OpenError:
    return OpenError("unsupported", detail, hint="such as synthetic:?fps=15&width=1280&seed=7")
