"""What can be known of one frame without its pixels: enough to judge it anew by other settings.

A `Look` holds what stood out from the background at several sensitivities, in the whole picture
whatever is masked. It is what a trace is made of. Values only, plain Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.contract.parts import Box
from edge.motion.tracks import Blob

LookKind = Literal["frame", "glance", "flash", "shake", "start"]
PARTS = 4  # each way, into which a shape's box is divided
FULL = 3  # density of such a part in which all pixels differ
GRID_WIDTH, GRID_HEIGHT = 16, 9
SETTLING_S = 0.6  # after a start or flash, during which nothing is taken for motion
SHAKE_S = 0.3  # after the whole picture moved, during which nothing new is


@dataclass(frozen=True, slots=True)
class Shape:
    """A blob, and how its pixels lie in its box: PARTS x PARTS densities, 0 to FULL, by rows."""

    blob: Blob
    density: bytes


@dataclass(frozen=True, slots=True)
class Thing:
    """A track as the node's own settings had it."""

    number: int
    is_moving: bool
    box: Box


@dataclass(frozen=True, slots=True)
class Look:
    """One frame.

    `frame`: observed. `glance`: looked at alone, and nothing was in it. `flash`, `shake`: the
    light, or the whole picture, changed at one stroke. `start`: everything before is forgotten.
    `changed` is the part of the watched picture that is not at rest. `grid` names cells of
    GRID_WIDTH x GRID_HEIGHT, by rows, and the number of `layers`' sensitivities at which
    something changed there. `layers` has the shapes by sensitivity, largest first; one that is
    missing has none.
    """

    mono_ns: int
    kind: LookKind
    brightness: float
    noise: float
    changed: float
    grid: tuple[tuple[int, int], ...] = ()
    layers: tuple[tuple[int, tuple[Shape, ...]], ...] = ()
    things: tuple[Thing, ...] = ()
