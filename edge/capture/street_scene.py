"""The still part of the synthetic street: sky, houses, trees, pavements, road, drawn once.

Coordinates are parts of the picture, so that any size shows the same street. Textures are seeded
noise at several scales: enough structure for an encoder and a detector to work on.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from edge.capture.street_canvas import XY, Plane

Picture = npt.NDArray[np.float32]
Tint = tuple[float, float, float]  # blue, green, red

HORIZON = 0.56  # where the far pavement begins
KERB_FAR, KERB_NEAR = 0.655, 0.875
LANE_LINE = 0.745
HOUSES: tuple[tuple[float, float, float, Tint], ...] = (  # left, right, roof, wall
    (-0.02, 0.145, 0.13, (150, 178, 196)),
    (0.145, 0.31, 0.045, (170, 168, 158)),
    (0.31, 0.45, 0.19, (128, 166, 190)),
    (0.45, 0.625, 0.085, (178, 186, 176)),
    (0.625, 0.77, 0.15, (140, 150, 182)),
    (0.77, 1.02, 0.06, (162, 176, 186)),
)
SIGNS: tuple[Tint, ...] = ((60, 70, 170), (150, 90, 40), (70, 140, 60), (50, 150, 200))
TREES: tuple[tuple[float, float, float], ...] = ((0.235, 0.63, 0.11), (0.705, 0.635, 0.125))
POST_X = 0.452  # a lamp post in front of everything: who passes is hidden for a moment


def draw_scene(width: int, height: int, seed: int) -> tuple[Plane, Plane]:
    """The scene as packed yuv420p, and what stands in front of the actors.

    Returns uint8 of shape (height * 3 // 2, width), and uint8 of shape (height, width), 255 where
    a trunk or post hides whatever passes on the far side.
    """
    rng = np.random.default_rng(seed)
    scene = np.zeros((height, width, 3), np.float32)
    _sky(scene)
    for number, house in enumerate(HOUSES):
        _house(scene, rng, house, SIGNS[number % len(SIGNS)])
    _ground(scene, rng)
    front = np.zeros((height, width), np.uint8)
    for tree in TREES:
        _tree(scene, front, rng, tree)
    _post(scene, front)
    scene *= 1.0 + 0.01 * _texture(rng, height, width, 2)[..., None]
    picture = np.clip(cv2.GaussianBlur(scene, (0, 0), 0.6), 0, 255).astype(np.uint8)
    packed = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
    return np.asarray(packed, np.uint8), front


def _texture(rng: np.random.Generator, height: int, width: int, cell_px: int) -> Picture:
    """Noise of mean 0 and deviation about 1, as coarse as `cell_px` and finer."""
    total = np.zeros((height, width), np.float32)
    for scale in (cell_px, cell_px * 4):
        coarse = rng.normal(0, 1, (height // scale + 2, width // scale + 2)).astype(np.float32)
        total += np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))
    return total / np.float32(1.4)


def _fill(scene: Picture, corners: Sequence[XY], tint: Tint) -> None:
    height, width = scene.shape[:2]
    points = np.rint(np.array(corners) * (width, height) * 16).astype(np.int32)
    cv2.fillPoly(scene, [points], tint, cv2.LINE_8, 4)


def _box(scene: Picture, left: float, top: float, right: float, bottom: float, tint: Tint) -> None:
    _fill(scene, [(left, top), (right, top), (right, bottom), (left, bottom)], tint)


def _sky(scene: Picture) -> None:
    rows = np.linspace(0, 1, scene.shape[0], dtype=np.float32)[:, None]
    for channel, (above, below) in enumerate(((222, 226), (204, 220), (184, 216))):
        scene[:, :, channel] = above + (below - above) * rows


def _house(
    scene: Picture, rng: np.random.Generator, house: tuple[float, float, float, Tint], sign: Tint
) -> None:
    left, right, roof, wall = house
    height, width = scene.shape[:2]
    _box(scene, left, roof, right, HORIZON, wall)
    x0, x1, y0 = max(0, round(left * width)), round(right * width), round(roof * height)
    front = scene[y0 : round(HORIZON * height), x0:x1]
    front *= 1.0 + 0.045 * _texture(rng, front.shape[0], front.shape[1], 3)[..., None]
    _box(scene, left, roof, right, roof + 0.014, (0.7 * wall[0], 0.7 * wall[1], 0.7 * wall[2]))
    columns, step = 3, (right - left) / 3
    storey = roof + 0.05
    while storey + 0.075 < HORIZON - 0.135:
        for column in range(columns):
            x = left + (column + 0.24) * step
            shade = rng.uniform(0.6, 1.25)
            _box(scene, x - 0.003, storey - 0.005, x + step * 0.52 + 0.003, storey + 0.08,
                 (205, 208, 210))  # fmt: skip
            _box(scene, x, storey, x + step * 0.52, storey + 0.075,
                 (92 * shade, 80 * shade, 70 * shade))  # fmt: skip
            _box(scene, x + step * 0.25, storey, x + step * 0.27, storey + 0.075, (190, 192, 194))
        storey += 0.125
    _box(scene, left + 0.008, HORIZON - 0.128, right - 0.008, HORIZON - 0.093, sign)
    for number in range(9):
        x = left + 0.02 + number * (right - left - 0.05) / 9
        _box(scene, x, HORIZON - 0.118, x + 0.007, HORIZON - 0.103, (235, 235, 235))
    _box(scene, left + 0.012, HORIZON - 0.09, right - 0.012, HORIZON, (70, 68, 66))
    _box(scene, left + 0.02, HORIZON - 0.08, right - step * 1.2, HORIZON - 0.01, (112, 104, 92))
    _box(scene, right - step, HORIZON - 0.085, right - step * 0.45, HORIZON, (58, 74, 96))


def _ground(scene: Picture, rng: np.random.Generator) -> None:
    height, width = scene.shape[:2]
    _box(scene, 0, HORIZON, 1, KERB_FAR, (150, 154, 156))
    _box(scene, 0, KERB_FAR - 0.012, 1, KERB_FAR, (120, 122, 124))
    _box(scene, 0, KERB_FAR, 1, KERB_NEAR, (94, 93, 92))
    _box(scene, 0, KERB_NEAR, 1, KERB_NEAR + 0.016, (128, 130, 131))
    _box(scene, 0, KERB_NEAR + 0.016, 1, 1, (146, 150, 152))
    for number in range(9):
        x = number * 0.13 - 0.04
        _fill(scene, [(x + 0.012, LANE_LINE - 0.004), (x + 0.068, LANE_LINE - 0.004),
                      (x + 0.066, LANE_LINE + 0.005), (x + 0.006, LANE_LINE + 0.005)],
              (214, 216, 216))  # fmt: skip
    for number in range(-4, 30):  # joints of the paving, fanned out as perspective has it
        top, bottom = 0.5 + (number - 13) * 0.042, 0.5 + (number - 13) * 0.062
        _fill(scene, [(top, KERB_NEAR + 0.016), (top + 0.0015, KERB_NEAR + 0.016),
                      (bottom + 0.0025, 1), (bottom, 1)], (122, 126, 128))  # fmt: skip
    _box(scene, 0, 0.935, 1, 0.938, (122, 126, 128))
    ground = scene[round(HORIZON * height) :]
    ground *= 1.0 + 0.035 * _texture(rng, ground.shape[0], width, 2)[..., None]
    ground *= 1.0 + 0.04 * _texture(rng, ground.shape[0], width, 24)[..., None]


def _tree(
    scene: Picture, front: Plane, rng: np.random.Generator, tree: tuple[float, float, float]
) -> None:
    x, foot, crown = tree
    trunk = [(x - 0.008, foot), (x - 0.005, 0.33), (x + 0.005, 0.33), (x + 0.009, foot)]
    _fill(scene, trunk, (52, 66, 82))
    height, width = front.shape
    points = np.rint(np.array(trunk) * (width, height)).astype(np.int32)
    cv2.fillPoly(front, [points], 255)
    for _ in range(900):
        angle, reach = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 1))
        cx = x + crown * 0.62 * reach * np.cos(angle)
        cy = 0.27 + crown * 1.25 * reach * np.sin(angle)
        lit = rng.uniform(0.55, 1.1) * (1.2 - 0.75 * (cy - 0.1) / 0.4)
        centre = (round(cx * width), round(cy * height))
        size = max(1, round(rng.uniform(0.003, 0.009) * width))
        tint = (44 * lit, 96 * lit, 70 * lit)
        cv2.ellipse(scene, centre, (size, max(1, size // 2)), float(rng.uniform(0, 180)), 0, 360,
                    tint, cv2.FILLED, cv2.LINE_8)  # fmt: skip


def _post(scene: Picture, front: Plane) -> None:
    height, width = front.shape
    top, foot = 0.12, KERB_FAR - 0.02
    _box(scene, POST_X - 0.0035, top, POST_X + 0.0035, foot, (74, 76, 78))
    _box(scene, POST_X - 0.002, top, POST_X, foot, (120, 122, 124))
    _box(scene, POST_X, top, POST_X + 0.055, top + 0.008, (80, 82, 84))
    _box(scene, POST_X + 0.04, top + 0.006, POST_X + 0.065, top + 0.017, (190, 196, 200))
    columns = slice(round((POST_X - 0.0035) * width), round((POST_X + 0.0035) * width) + 1)
    front[round(top * height) : round(foot * height), columns] = 255
