"""Draws, encodes and checks the films of the idle bench: the product's street, made to be looped.

Pictures and rate control meet at the seam: the daylight goes round once a film, nobody is in view
there, and the encoder has run through the film's end before its first frame that is kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from unittest import mock

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags

from edge.capture import street, street_schedule
from edge.capture.street_actors import Kind
from edge.capture.street_canvas import BLACK_Y, Plane
from edge.capture.street_schedule import Schedule

EDITION = 2  # of what is drawn; raise it with any change that the parameters do not show
FPS, GOP = 15, 30
SEED = 20  # with it, the two crossings below take a tenth of a minute
CHOICES: tuple[tuple[int, Kind], ...] = ((2, "car"), (1, "motorbike"))
FIRST_PART, GAP_PART = 0.2, 0.45  # of the film, until the first crossing and between the two
LEAD_FRAMES = 10 * FPS  # encoded and dropped, until rate control is where it stays
NOISE_ROOM_PX = 256
NOISE_CENTRE = 64
GREY = 128
BLOCK_PX = 8  # the check compares means of such blocks: noise goes, a wheel stays
SEEN_LEVELS, SEEN_BLOCKS = 14.0, 4  # noise and coding reach 10 by night, a dark vehicle 26
SLACK_FRAMES = 3  # an actor is less than a block in view when it enters and leaves
CAP_SLACK, CBR_SLACK = 1.05, 0.03  # of the rate over a whole film

Picture = npt.NDArray[np.float32]


class FilmError(Exception):
    """A film that does not show what it should."""


@dataclass(frozen=True)
class Look:
    """What a night does to the picture: light from 0 to 1, and noise added to the street's own."""

    brightness: float
    noise_levels: float


@dataclass(frozen=True)
class Film:
    """All that a film is made of. `rate_control` in the words of x264's parameters."""

    width: int
    height: int
    frames: int
    is_moving: bool
    look: Look
    rate_control: str

    def crossings(self) -> list[tuple[int, int]]:
        """First and last frame of everybody's way, none of them over the seam."""
        if not self.is_moving:
            return []
        with self._timetable():
            schedule = Schedule(SEED, self.width / self.height)
            found = schedule.until((self.frames - 1) / FPS)
        return [(int(each.enters_s * FPS) + 1, int(each.leaves_s * FPS)) for each in found]

    @contextlib.contextmanager
    def _timetable(self) -> Iterator[None]:
        """Have streets of the product show this film's crossings and its turn of daylight."""
        film_s = self.frames / FPS
        first_s = FIRST_PART * film_s if self.is_moving else 2 * film_s
        with (
            mock.patch.object(street_schedule, "CHOICES", CHOICES),
            mock.patch.object(street_schedule, "FIRST_ENTRY_S", (first_s, first_s)),
            mock.patch.object(street_schedule, "GAP_S", (GAP_PART * film_s,) * 2),
            mock.patch.object(street, "DRIFT", street.DRIFT * film_s / street.DRIFT_PERIOD_S),
            mock.patch.object(street, "DRIFT_PERIOD_S", film_s),  # as fast as the product's
        ):
            yield

    def pictures(self, numbers: Iterable[int]) -> Iterator[Plane]:
        """The frames asked for: packed yuv420p, each valid until the next."""
        with self._timetable():
            scene = street.Street(self.width, self.height, FPS, SEED)
            darkness = Darkness(self)
            for number in numbers:
                yield darkness.over(scene.frame(number), number)


class Darkness:
    """A dark street under a small sensor: black and white, and far noisier than by day."""

    def __init__(self, film: Film) -> None:
        self._look = film.look
        self._height, self._width = film.height, film.width
        levels = np.arange(256, dtype=np.float32)
        self._luma = _table(BLACK_Y + (levels - BLACK_Y) * film.look.brightness)
        rng = np.random.default_rng(SEED)
        shape = (film.height + NOISE_ROOM_PX, film.width + NOISE_ROOM_PX)
        grain = rng.normal(0, 1, shape).astype(np.float32)
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), 0.5))  # as the street's own
        self._noise = _table(NOISE_CENTRE + grain * (film.look.noise_levels / float(grain.std())))

    def over(self, packed: Plane, number: int) -> Plane:
        """Darken frame `number` in place."""
        if self._look.brightness == 1.0:
            return packed
        luma = packed[: self._height]
        cv2.LUT(luma, self._luma, dst=luma)
        packed[self._height :] = GREY
        top, left = np.random.default_rng((SEED, number)).integers(0, NOISE_ROOM_PX, 2)
        noise = self._noise[top : top + self._height, left : left + self._width]
        cv2.add(luma, noise, dst=luma)
        cv2.subtract(luma, np.full_like(luma, NOISE_CENTRE), dst=luma)
        return packed


def make(film: Film, path: Path) -> None:
    """Draw and encode: H.264, GOPs of 2 s, one slice a picture, no B-frames, MP4."""
    if film.frames % GOP:
        raise ValueError(f"{film.frames} frames are no whole number of GOPs")
    numbers = range(-LEAD_FRAMES, film.frames)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = film.width, film.height, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = GOP, 0
        stream.codec_context.flags |= Flags.global_header
        stream.codec_context.thread_count = 1
        stream.options = {
            "preset": "veryfast", "tune": "zerolatency",
            "x264-params": f"keyint={GOP}:min-keyint={GOP}:scenecut=0:sliced-threads=0:"
            + film.rate_control,
        }  # fmt: skip
        for number, drawn in zip(
            numbers, film.pictures(each % film.frames for each in numbers), strict=True
        ):
            picture = av.VideoFrame.from_ndarray(drawn, format="yuv420p")
            picture.pts = number + LEAD_FRAMES
            for packet in stream.encode(picture):
                if number >= 0:
                    packet.pts = packet.dts = number  # the encoder holds nothing back
                    container.mux(packet)
        if stream.encode(None):
            raise FilmError("the encoder kept pictures back")


def check(film: Film, path: Path) -> None:
    """Compare a film with its truth, in its coding and in its pixels. Raises FilmError."""
    sizes_bytes = []
    with av.open(str(path)) as container:
        for number, packet in enumerate(container.demux(video=0)):
            if packet.dts is None:
                continue
            times_s = {stamp and stamp * packet.time_base for stamp in (packet.pts, packet.dts)}
            if times_s != {Fraction(number, FPS)} or packet.is_keyframe != (number % GOP == 0):
                raise FilmError(f"frame {number} is not where a GOP of {GOP} has it")
            sizes_bytes.append(packet.size)
    if len(sizes_bytes) != film.frames:
        raise FilmError(f"{len(sizes_bytes)} frames instead of {film.frames}")
    _check_rate(film.rate_control, sum(sizes_bytes) * 8 / (film.frames / FPS) / 1e3)
    _check_pixels(film, seen(film, path))


def _check_rate(rate_control: str, kbps: float) -> None:
    settings = dict(part.split("=") for part in rate_control.split(":"))
    cap = settings.get("vbv-maxrate")
    if cap is not None and kbps > int(cap) * CAP_SLACK:
        raise FilmError(f"{kbps:.0f} kbit/s are over the cap of {cap}")
    wanted = settings.get("bitrate")
    if wanted is not None and abs(kbps / int(wanted) - 1) > CBR_SLACK:
        raise FilmError(f"{kbps:.0f} kbit/s are not the constant {wanted}")


def _check_pixels(film: Film, moving: set[int]) -> None:
    """Something is seen in most of each crossing, and in no frame outside of them."""
    allowed: set[int] = set()
    for first, last in film.crossings():
        inside = set(range(first, last + 1))
        if last >= film.frames or len(inside & moving) < 0.5 * len(inside):
            raise FilmError(f"the crossing from frame {first} to {last} is not to be seen")
        allowed |= set(range(first - SLACK_FRAMES, last + SLACK_FRAMES + 1))
    if stray := sorted(moving - allowed):
        raise FilmError(f"something moves where nobody is, first in frame {stray[0]}")


def seen(film: Film, path: Path) -> set[int]:
    """The frames that differ from the film's median picture by more than noise."""
    with av.open(str(path)) as container:
        blocks = [_blocks(frame) for frame in container.decode(video=0)]
    still = np.median(np.stack(blocks[:: GOP // 2]), axis=0)
    return {
        number
        for number, each in enumerate(blocks)
        if np.count_nonzero(np.abs(each - still) > SEEN_LEVELS) >= SEEN_BLOCKS
    }


def _blocks(frame: av.VideoFrame) -> Picture:
    """Means of a frame's luma, float32, shape (height // BLOCK_PX, width // BLOCK_PX)."""
    luma = frame.to_ndarray(format="gray")
    size = (frame.width // BLOCK_PX, frame.height // BLOCK_PX)
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _table(levels: Picture) -> Plane:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
