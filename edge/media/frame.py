"""Decoded pictures as the motion rooms see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Luma = npt.NDArray[np.uint8]
Picture = npt.NDArray[np.uint8]


class Pixels(Protocol):
    """The full picture behind a frame, kept so that a snapshot can be made of it later."""

    @property
    def width(self) -> int:
        """Pixels."""

    @property
    def height(self) -> int:
        """Pixels."""

    def to_bgr(self, max_width: int) -> Picture:
        """uint8, shape (height, width, 3), blue green red; at most `max_width` wide."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture: its time, its small luma, and the way back to its full pixels.

    `pts` is in ticks of the stream's time base. `mono_ns` is when it was captured, on the
    monotonic clock. `luma` is uint8, shape (height, width), about 320 wide, and read-only.
    """

    pts: int
    mono_ns: int
    luma: Luma
    pixels: Pixels
