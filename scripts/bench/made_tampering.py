"""What is done to cameras, laid over real pictures: covers, spray, focus, turning, light, freezing.

Each kind changes a grey picture by how far it has come, 0 to 1. Sizes are parts of the picture's
width. Sketches, made with softness and textures of things that are too near to be in focus.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

Levels = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """What the kinds may use beside the picture itself."""

    frozen: Levels
    """The last picture before it began."""
    other: Levels
    """What another camera shows, in the same size."""
    seed: int
    _made: dict[tuple[float, int], Levels] = field(default_factory=dict)

    def blotches(self, size: float, seed: int = 0) -> Levels:
        """Soft random texture, 0 to 1; `size` is a part of the width."""
        if (size, seed) in self._made:
            return self._made[size, seed]
        rng = np.random.default_rng(self.seed + seed)
        height, width = self.frozen.shape
        rough = rng.uniform(0, 1, (height, width)).astype(np.float32)
        soft = np.asarray(cv2.GaussianBlur(rough, (0, 0), max(1.0, size * width)), np.float32)
        made = np.asarray((soft - soft.min()) / (soft.max() - soft.min()), np.float32)
        self._made[size, seed] = made
        return made


Change = Callable[[Levels, float, Scene], Levels]


@dataclass(frozen=True)
class Kind:
    """One way to meddle with a camera, as what it may be told; `takes_s` until it is complete."""

    name: str
    faults: tuple[str, ...]
    takes_s: float
    change: Change


def _mixed(picture: Levels, mask: Levels, over: Levels | float) -> Levels:
    return np.asarray(picture * (1 - mask) + over * mask, np.float32)


def _from_left(picture: Levels, share: float, softness: float) -> Levels:
    width = picture.shape[1]
    x = np.arange(width, dtype=np.float32) / width
    edge = np.clip((share - x) / max(softness, 1e-3) + 0.5, 0, 1)
    return np.broadcast_to(edge, picture.shape)


def _cover(level: float, texture: float, softness: float, share: float = 1.2) -> Change:
    def change(picture: Levels, part: float, scene: Scene) -> Levels:
        cover = level + texture * (scene.blotches(0.06) - 0.5)
        return _mixed(picture, _from_left(picture, part * share, softness), cover)

    return change


def _spray(share: float) -> Change:
    def change(picture: Levels, part: float, scene: Scene) -> Levels:
        paint = scene.blotches(0.05, seed=1)
        limit = np.quantile(paint, 1 - share * part)
        mask = np.clip((paint - limit) * 12 + 0.5, 0, 1) if part > 0 else 0 * paint
        soft = cv2.GaussianBlur(mask, (0, 0), 0.012 * picture.shape[1])
        return _mixed(picture, np.asarray(soft, np.float32), 45.0)

    return change


def _bag(picture: Levels, part: float, scene: Scene) -> Levels:
    """A plastic bag lets light through, and nothing else."""
    far = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.12 * picture.shape[1]), np.float32)
    return _mixed(picture, 0 * picture + part, 0.5 * far + 90 + 20 * scene.blotches(0.1))


def _blur(size: float) -> Change:
    def change(picture: Levels, part: float, _scene: Scene) -> Levels:
        sigma = size * part * picture.shape[1]
        return (
            np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32) if sigma else picture
        )

    return change


def _move(right: float, down: float, turn_deg: float = 0.0, zoom: float = 1.0) -> Change:
    def change(picture: Levels, part: float, _scene: Scene) -> Levels:
        height, width = picture.shape
        matrix = cv2.getRotationMatrix2D(
            (width / 2, height / 2), turn_deg * part, 1 + (zoom - 1) * part
        )
        matrix[:, 2] += np.array([right * part * width, down * part * width])
        moved = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, np.float32)

    return change


def _away(picture: Levels, part: float, scene: Scene) -> Levels:
    """Turned until it shows something else."""
    width = picture.shape[1]
    at = round(part * width)
    return np.asarray(np.hstack([picture, scene.other])[:, at : at + width], np.float32)


def _glare(radius: float, strength: float) -> Change:
    def change(picture: Levels, part: float, _scene: Scene) -> Levels:
        height, width = picture.shape
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        far = np.hypot(x / width - 0.45, (y - 0.4 * height) / width) / radius
        return np.asarray(picture + part * strength * np.exp(-(far**2)), np.float32)

    return change


def _freeze(_picture: Levels, _part: float, scene: Scene) -> Levels:
    return scene.frozen


def _black(picture: Levels, part: float, _scene: Scene) -> Levels:
    return np.asarray(16 + (picture - 16) * (1 - part), np.float32)


_COVERED, _MOVED, _DEFOCUSED, _BLINDED = ("covered",), ("moved",), ("defocused",), ("blinded",)

KINDS = (
    Kind("hand", _COVERED, 0.5, _cover(35, 25, 0.4)),
    Kind("cloth", _COVERED, 3.0, _cover(110, 90, 0.2)),
    Kind("cardboard, hard edge", _COVERED, 1.0, _cover(150, 10, 0.0)),
    Kind("slow slide", _COVERED, 6.0, _cover(70, 30, 0.15)),
    Kind("plastic bag", _COVERED, 1.0, _bag),
    Kind("black cap", ("black",), 0.3, _cover(17, 0, 0.1)),
    Kind("two thirds covered", _COVERED, 1.0, _cover(60, 30, 0.1, share=0.66)),
    Kind("half covered", _COVERED, 1.0, _cover(60, 30, 0.1, share=0.5)),
    Kind("spray, half", _COVERED, 2.0, _spray(0.5)),
    Kind("spray, most", _COVERED, 2.0, _spray(0.75)),
    Kind("spray, all", _COVERED, 3.0, _spray(1.0)),
    Kind("out of focus", _DEFOCUSED, 0.5, _blur(0.006)),
    Kind("far out of focus", _DEFOCUSED, 0.5, _blur(0.02)),
    Kind("slowly out of focus", _DEFOCUSED, 5.0, _blur(0.02)),
    Kind("pushed 2 %", _MOVED, 0.3, _move(0.02, 0.01)),
    Kind("pushed 10 %", _MOVED, 0.5, _move(0.1, 0.02)),
    Kind("tilted down", _MOVED, 1.0, _move(0.0, 0.3)),
    Kind("turned away", _MOVED, 2.0, _away),
    Kind("rolled 5 degrees", _MOVED, 0.5, _move(0, 0, turn_deg=5)),
    Kind("rolled 30 degrees", _MOVED, 1.0, _move(0, 0, turn_deg=30)),
    Kind("zoomed", _MOVED, 1.0, _move(0, 0, zoom=1.25)),
    Kind("glare", _BLINDED, 0.3, _glare(0.35, 500)),
    Kind("white out", _BLINDED, 0.3, _glare(1.5, 400)),
    Kind("frozen", ("frozen",), 0.0, _freeze),
    Kind("black", ("black",), 0.0, _black),
)
