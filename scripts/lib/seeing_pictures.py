"""The pictures of docs/seeing.md: what the detector keeps and says, on the synthetic street.

Nothing is drawn by hand but words and frames: the planes are those of the detector itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edge.capture.street import Street
from edge.contract.motion import MotionSettings, Zone
from edge.contract.parts import Track
from edge.media.frame import Frame, Picture
from edge.motion.detector import Detector
from edge.motion.observation import Observation
from edge.motion.trails import Trails
from scripts.bench.made_nuisances import Leaves, Nuisance

FOLDER = Path("docs/seeing")
WIDTH, HEIGHT, FPS = 640, 360, 10.0
SMALL = (320, 180)
LEARN_FRAMES, MOST_FRAMES = 300, 6000
ZONES = (
    Zone("pavement", ((0.0, 0.62), (1.0, 0.62), (1.0, 1.0), (0.0, 1.0)), sensitivity=6),
    Zone("road", ((0.0, 0.4), (1.0, 0.4), (1.0, 0.62), (0.0, 0.62))),
)
GREEN, YELLOW, RED, BLUE, WHITE = (
    (90, 220, 90), (60, 210, 240), (60, 60, 240), (230, 150, 60), (255, 255, 255)
)  # fmt: skip

Bgr = npt.NDArray[np.uint8]


class NoPixels:
    """Stands where the full picture is; the detector does not ask for it."""

    width, height = WIDTH, HEIGHT

    def to_bgr(self, max_width: int) -> Picture:
        raise AssertionError(f"asked for {max_width} pixels")


@dataclass(frozen=True)
class Scene:
    """One moment: the picture, what was said of it, and by whom."""

    picture: Bgr
    observation: Observation
    detector: Detector
    tracks: tuple[Track, ...]


def main() -> None:
    """Write all pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    calm, windy = play(None), play(Leaves(WIDTH, HEIGHT, 4))
    write("planes.jpg", [
        captioned(calm.picture, "the picture"),
        captioned(grey(calm.detector.background.still), "what is always there"),
        captioned(heat(calm.detector.background.noise, 3.0), "how much each place flickers"),
        captioned(changes(calm), "changed (blue), and not at rest (white)"),
    ])  # fmt: skip
    write("decided.jpg", [
        captioned(decided(calm), "moving: box and path; the zones"),
        captioned(decided(windy), "wind: what stirs (yellow) does not move"),
        captioned(heat(windy.detector.background.noise, 12.0), "the bush has taught its place"),
        captioned(haunted(windy), "where things come and go all the time"),
    ])  # fmt: skip


def play(nuisance: Nuisance | None) -> Scene:
    """The street until somebody is in its middle, after it was learnt."""
    street, detector, trails = (
        Street(WIDTH, HEIGHT, FPS, seed=3), Detector(MotionSettings(zones=ZONES)), Trails()
    )  # fmt: skip
    for number in range(MOST_FRAMES):
        bgr = np.asarray(cv2.cvtColor(street.frame(number), cv2.COLOR_YUV2BGR_I420), np.uint8)
        if nuisance is not None:
            made = nuisance.apply(bgr.astype(np.float32), number / FPS)
            bgr = np.clip(np.rint(made), 0, 255).astype(np.uint8)
        luma = cv2.resize(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), SMALL, None, 0, 0, cv2.INTER_AREA)
        frame = Frame(number, round(number / FPS * 1e9), np.asarray(luma, np.uint8), NoPixels())
        observation = detector.observe(frame)
        trails.observe(observation)
        box = observation.box
        if number > LEARN_FRAMES and box is not None and 0.4 < box[0] + box[2] / 2 < 0.6:
            since = observation.since or observation.at
            return Scene(bgr, observation, detector, trails.tracks(since))
    raise RuntimeError("nobody crossed the street")


def grey(plane: npt.NDArray[np.float32]) -> Bgr:
    """Levels as a grey picture."""
    return _enlarged(cv2.cvtColor(np.clip(plane, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR))


def heat(plane: npt.NDArray[np.float32], most: float) -> Bgr:
    """Small values dark, those from `most` on bright."""
    scaled = np.clip(plane * (255 / most), 0, 255).astype(np.uint8)
    return _enlarged(cv2.applyColorMap(scaled, cv2.COLORMAP_INFERNO))


def changes(scene: Scene) -> Bgr:
    """Pixels that differ from what is always there, and those that moved just now."""
    background = scene.detector.background
    drawn = np.zeros((*background.changed.shape, 3), np.uint8)
    drawn[background.changed > 0] = BLUE
    drawn[background.restless > 0] = WHITE
    return _enlarged(drawn)


def haunted(scene: Scene) -> Bgr:
    """The picture, dimmed, with its restless places in colour."""
    drawn = (scene.picture * 0.5).astype(np.uint8)
    where = cv2.resize(scene.detector.background.haunted, (WIDTH, HEIGHT))
    drawn[where > 127] = (drawn[where > 127] * 0.5 + np.array(RED) * 0.5).astype(np.uint8)
    return drawn


def decided(scene: Scene) -> Bgr:
    """The picture with zones, regions and the ways of what moved."""
    drawn = scene.picture.copy()
    for zone in ZONES:
        cv2.polylines(drawn, [_pixels(zone.points)], True, BLUE, 2, cv2.LINE_AA)
    for region in scene.observation.regions:
        left, top, width, height = region.box
        corners = _pixels(((left, top), (left + width, top + height)))
        colour = GREEN if region.is_moving else YELLOW
        cv2.rectangle(drawn, corners[0].tolist(), corners[1].tolist(), colour, 2)
    for track in scene.tracks:
        cv2.polylines(drawn, [_pixels(track.path)], False, RED, 2, cv2.LINE_AA)
        cv2.circle(drawn, _pixels(track.path)[0].tolist(), 5, RED, cv2.FILLED, cv2.LINE_AA)
    return drawn


def captioned(picture: Bgr, words: str) -> Bgr:
    """The picture under a line of words."""
    strip = np.full((30, WIDTH, 3), 32, np.uint8)
    cv2.putText(strip, words, (10, 21), cv2.FONT_HERSHEY_SIMPLEX, 0.6, WHITE, 1, cv2.LINE_AA)
    return np.vstack([strip, picture])


def write(name: str, four: Sequence[Bgr]) -> None:
    """Four pictures, two by two, into one file."""
    sheet = np.vstack([np.hstack(four[:2]), np.hstack(four[2:])])
    small = cv2.resize(sheet, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    path = FOLDER / name
    cv2.imwrite(str(path), small, [cv2.IMWRITE_JPEG_QUALITY, 80])
    print(f"wrote {path}, {path.stat().st_size // 1024} KiB")


def _pixels(points: Sequence[tuple[float, float]]) -> npt.NDArray[np.int32]:
    return np.rint(np.array(points) * (WIDTH, HEIGHT)).astype(np.int32)


def _enlarged(picture: npt.NDArray[np.uint8] | cv2.typing.MatLike) -> Bgr:
    large = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    return np.asarray(large, np.uint8)


if __name__ == "__main__":
    main()
