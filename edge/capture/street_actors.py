"""People, motorbikes, cars and vans for the synthetic street: drawn side on, limbs and wheels move.

Sizes are in pixels of the picture, positions are where the feet or wheels stand. `facing` is 1 to
the right, -1 to the left. Shapes are given in parts of the actor's height or length.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from edge.capture.street_canvas import XY, Canvas, Colour, from_bgr

Kind = Literal["person", "motorbike", "car", "van"]
Paint = tuple[Colour, Colour, Colour]  # clothes above, clothes below, skin; or body, dark, glass
Place = Callable[[float, float], XY]

ASPECT: dict[Kind, float] = {"person": 0.46, "motorbike": 1.25, "car": 2.9, "van": 2.25}
SPEED: dict[Kind, float] = {"person": 0.78, "motorbike": 3.4, "car": 4.6, "van": 3.9}
"""Heights a second: walking is 1.3 m/s at 1.7 m, town traffic some 25 km/h."""

TYRE = from_bgr(26, 26, 28)
RIM = from_bgr(150, 152, 155)
GLASS = from_bgr(88, 74, 62)
LAMP = from_bgr(190, 225, 245)
TAIL = from_bgr(40, 40, 190)
HAIR = from_bgr(25, 28, 35)
SHOE = from_bgr(35, 35, 40)
SKINS = (from_bgr(120, 160, 205), from_bgr(95, 135, 185), from_bgr(75, 110, 160))
TOPS = (
    from_bgr(60, 60, 200), from_bgr(180, 110, 50), from_bgr(215, 215, 215), from_bgr(60, 150, 80),
    from_bgr(45, 40, 42), from_bgr(90, 190, 230), from_bgr(150, 80, 130),
)  # fmt: skip
BOTTOMS = (
    from_bgr(110, 75, 45), from_bgr(40, 38, 38), from_bgr(90, 110, 125), from_bgr(150, 150, 150),
)  # fmt: skip
BODIES = (
    from_bgr(225, 225, 225), from_bgr(45, 45, 180), from_bgr(140, 85, 40), from_bgr(50, 50, 52),
    from_bgr(160, 165, 170), from_bgr(70, 120, 60),
)  # fmt: skip


def draw(
    canvas: Canvas, kind: Kind, foot: XY, height: float, facing: int, paint: Paint, travelled: float
) -> None:
    """Draw one actor whose middle stands at `foot`, after `travelled` pixels of its way."""

    def place(x: float, y: float) -> XY:
        return foot[0] + facing * x * height, foot[1] - y * height

    canvas.shade(foot, (height * ASPECT[kind] * 0.55, height * 0.1), 0.5)
    if kind == "person":
        _walker(canvas, place, height, paint, 2 * math.pi * travelled / (0.85 * height))
    elif kind == "motorbike":
        _motorbike(canvas, place, height, paint)
    elif kind == "car":
        _car(canvas, place, height, paint)
    else:
        _van(canvas, place, height, paint)


def _walker(canvas: Canvas, place: Place, size: float, paint: Paint, phase: float) -> None:
    above, below, skin = paint
    bob = 0.012 * math.cos(2 * phase)
    hip, shoulder = (0.0, 0.49 + bob), (0.015, 0.80 + bob)

    def leg(swing_phase: float) -> None:
        swing = 0.48 * math.sin(swing_phase)
        bend = 0.75 * max(0.0, math.cos(swing_phase)) ** 2
        knee = hip[0] + 0.245 * math.sin(swing), hip[1] - 0.245 * math.cos(swing)
        ankle_angle = swing - bend
        ankle = knee[0] + 0.225 * math.sin(ankle_angle), knee[1] - 0.225 * math.cos(ankle_angle)
        canvas.limb(place(*hip), place(*knee), 0.085 * size, below)
        canvas.limb(place(*knee), place(*ankle), 0.065 * size, below)
        canvas.limb(place(*ankle), place(ankle[0] + 0.06, ankle[1] - 0.005), 0.04 * size, SHOE)

    def arm(swing_phase: float) -> None:
        swing = 0.42 * math.sin(swing_phase)
        elbow = shoulder[0] + 0.16 * math.sin(swing), shoulder[1] - 0.03 - 0.16 * math.cos(swing)
        hand = elbow[0] + 0.15 * math.sin(swing + 0.35), elbow[1] - 0.15 * math.cos(swing + 0.35)
        canvas.limb(place(*shoulder), place(*elbow), 0.055 * size, above)
        canvas.limb(place(*elbow), place(*hand), 0.042 * size, skin)

    arm(phase)
    leg(phase + math.pi)
    leg(phase)
    canvas.polygon(
        [place(-0.075, 0.82 + bob), place(0.085, 0.82 + bob), place(0.085, 0.62 + bob),
         place(0.07, 0.46 + bob), place(-0.07, 0.46 + bob), place(-0.08, 0.62 + bob)],
        above,
    )  # fmt: skip
    arm(phase + math.pi)
    canvas.limb(place(0.015, 0.82 + bob), place(0.02, 0.88 + bob), 0.05 * size, skin)
    canvas.ellipse(place(0.028, 0.925 + bob), (0.052 * size, 0.068 * size), skin)
    canvas.ellipse(place(0.012, 0.95 + bob), (0.054 * size, 0.052 * size), HAIR)


def _wheel(canvas: Canvas, centre: XY, radius: float) -> None:
    canvas.ellipse(centre, (radius, radius), TYRE)
    canvas.ellipse(centre, (radius * 0.52, radius * 0.52), RIM)


def _motorbike(canvas: Canvas, place: Place, size: float, paint: Paint) -> None:
    above, below, skin = paint
    for x in (-0.4, 0.4):
        _wheel(canvas, place(x, 0.17), 0.17 * size)
    canvas.polygon(
        [place(-0.45, 0.34), place(-0.1, 0.40), place(0.15, 0.28), place(0.3, 0.48),
         place(0.38, 0.46), place(0.24, 0.16), place(-0.2, 0.16)],
        below,
    )  # fmt: skip
    canvas.limb(place(0.27, 0.56), place(0.4, 0.18), 0.05 * size, RIM)
    canvas.ellipse(place(0.36, 0.48), (0.045 * size, 0.045 * size), LAMP)
    canvas.limb(place(-0.12, 0.44), place(0.14, 0.42), 0.11 * size, SHOE)
    canvas.limb(place(0.14, 0.42), place(0.1, 0.2), 0.08 * size, SHOE)
    canvas.limb(place(-0.12, 0.46), place(-0.02, 0.78), 0.17 * size, above)
    canvas.limb(place(0.0, 0.74), place(0.25, 0.57), 0.065 * size, above)
    canvas.ellipse(place(0.03, 0.90), (0.085 * size, 0.095 * size), skin)
    canvas.ellipse(place(0.01, 0.93), (0.095 * size, 0.085 * size), above)


def _car(canvas: Canvas, place: Place, size: float, paint: Paint) -> None:
    body = paint[0]
    canvas.polygon(
        [place(-1.42, 0.22), place(-1.42, 0.58), place(-1.15, 0.66), place(-0.8, 0.97),
         place(0.25, 1.0), place(0.75, 0.66), place(1.25, 0.58), place(1.42, 0.42),
         place(1.42, 0.22)],
        body,
    )  # fmt: skip
    canvas.polygon(
        [place(-0.98, 0.67), place(-0.72, 0.91), place(-0.28, 0.93), place(-0.28, 0.67)], GLASS
    )
    canvas.polygon(
        [place(-0.18, 0.67), place(-0.18, 0.93), place(0.2, 0.93), place(0.6, 0.67)], GLASS
    )
    canvas.polygon(
        [place(-1.42, 0.2), place(1.42, 0.2), place(1.38, 0.29), place(-1.4, 0.29)], TYRE
    )
    canvas.limb(place(-0.23, 0.64), place(-0.23, 0.32), max(1.0, 0.012 * size), TYRE)
    for x in (-0.88, 0.9):
        _wheel(canvas, place(x, 0.2), 0.2 * size)
    canvas.ellipse(place(1.36, 0.49), (0.06 * size, 0.06 * size), LAMP)
    canvas.ellipse(place(-1.4, 0.52), (0.04 * size, 0.07 * size), TAIL)


def _van(canvas: Canvas, place: Place, size: float, paint: Paint) -> None:
    body = paint[0]
    canvas.polygon(
        [place(-1.1, 0.16), place(-1.1, 0.96), place(-1.0, 1.0), place(0.62, 1.0),
         place(0.95, 0.58), place(1.1, 0.46), place(1.1, 0.16)],
        body,
    )  # fmt: skip
    canvas.polygon([place(0.3, 0.58), place(0.3, 0.9), place(0.58, 0.9), place(0.85, 0.58)], GLASS)
    canvas.polygon(
        [place(-1.1, 0.42), place(-1.1, 0.5), place(0.2, 0.5), place(0.2, 0.42)], paint[1]
    )
    for x in (-0.68, 0.68):
        _wheel(canvas, place(x, 0.15), 0.15 * size)
    canvas.ellipse(place(1.06, 0.4), (0.04 * size, 0.05 * size), LAMP)
    canvas.ellipse(place(-1.09, 0.4), (0.025 * size, 0.06 * size), TAIL)
