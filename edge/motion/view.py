"""What a picture shows, for telling whether the camera still looks at it: edges, and light.

Edges stay where they are when the light changes; so a view is known by the gradients of its small
luma, at two scales, summed up over a grid of cells. Coarse ones survive noise, weather and focus;
fine ones do not survive a move by a hundredth of the picture or a lens out of focus. Pure; called
by the tamper judge once a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.media.frame import Luma

Plane = npt.NDArray[np.float32]
Cells = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

FINE = (320, 180)  # pixels, width and height, whatever the picture's own shape
COARSE = (80, 45)
GRID = (16, 9)  # cells
CELLS = GRID[0] * GRID[1]
PATCHES = (32, 18)  # small enough to lie wholly under a splash of paint
WHITE = 228.0  # levels from which on a pixel is blinded; most cameras' white is 235
EDGE_ENERGY = 4.0  # levels squared, mean over a cell's coarse gradients, that make it an edge
NOISE_ENERGY = 4.0  # the same, below which coarse gradients say nothing
FINE_ENERGY = 0.5
AGREES = 0.4  # cosine between the gradients of a cell now and before; by chance 0 +- 0.25
STANDS = 0.4  # correlation of where edges are, whatever their sign: light from elsewhere
PATCH_ENERGY = 15.0  # levels squared, mean over a patch's fine gradients, that make it an edge
PATCH_NOISE = 4.0
DETAIL_PX = 5  # what a blur over so many takes away is there in focus only
NEW_DETAIL = 6.0  # levels squared, mean over a patch: above the noise of a night
FLAT = 0.4  # of the reference's fine gradients, below which a cell shows nothing of its own
SOFT = 0.55  # of the usual steepness of edges, below which they are too near to be in focus


class View:
    """One picture's edges and light. Immutable after it is made."""

    def __init__(self, smooth: Plane) -> None:
        """`smooth`: float32 luma, shape (180, 320), as `smoothed` makes it."""
        self.smooth = smooth
        self.coarse: Plane = np.asarray(
            cv2.resize(smooth, COARSE, interpolation=cv2.INTER_AREA), np.float32
        )
        self.fine_x, self.fine_y = _gradients(smooth)
        self.coarse_x, self.coarse_y = _gradients(self.coarse)
        self.fine_size = cv2.magnitude(self.fine_x, self.fine_y)
        energy = cv2.multiply(self.fine_size, self.fine_size)
        self.fine_energy = _cells(energy)
        self.fine_mean = _cells(self.fine_size)
        self.coarse_energy = _cells(self.coarse_x * self.coarse_x + self.coarse_y * self.coarse_y)
        self.patch_energy = _patches(energy)
        detail = smooth - cv2.boxFilter(smooth, cv2.CV_32F, (DETAIL_PX, DETAIL_PX))
        self.patch_detail = _patches(detail * detail)
        self.steepness = np.sqrt(self.fine_energy / (self.coarse_energy + NOISE_ENERGY))
        """How much of its edges is fine; low where they are out of focus."""
        self.white = _cells((self.coarse >= WHITE).astype(np.float32))
        mean, deviation = cv2.meanStdDev(self.coarse)
        self.mean, self.deviation = float(mean[0, 0]), float(deviation[0, 0])
        """Levels."""


@dataclass(frozen=True, slots=True)
class Match:
    """How a look agrees with a reference; one value a cell, shape (9, 16)."""

    agreement: Cells
    """Cosine between coarse gradients, -1 to 1."""
    sharpness: Cells
    """What is left of fine gradients, relative to what is left of coarse ones; 1 as it was."""
    gain: Cells
    """What is left of coarse gradients; below 1 in less light or fog."""
    standing: Cells
    """Correlation of where fine edges are, whatever their sign; -1 to 1."""
    own: Cells
    """Size of the fine gradients now to that of the reference's."""
    patch_agreement: Cells
    """Cosine between fine gradients, one value a patch, shape (18, 32)."""
    patch_own: Cells
    """Size of the fine gradients now to that of the reference's, one value a patch."""
    patch_new: Flags
    """Whether a patch shows something in focus that was not there."""


def smoothed(luma: Luma) -> Plane:
    """Float32 luma, shape (180, 320), from a small picture of any shape."""
    if luma.shape[1::-1] != FINE:
        luma = np.asarray(cv2.resize(luma, FINE, interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.boxFilter(luma, cv2.CV_32F, (3, 3)), np.float32)


def match(now: View, before: View) -> Match:
    """Compare a look with the reference's."""
    coarse = _cells(now.coarse_x * before.coarse_x + now.coarse_y * before.coarse_y)
    products = now.fine_x * before.fine_x + now.fine_y * before.fine_y
    fine = _cells(products)
    gain = coarse / (before.coarse_energy + NOISE_ENERGY / 2)
    kept = fine / (before.fine_energy + FINE_ENERGY)
    both = _cells(cv2.multiply(now.fine_size, before.fine_size))
    spread = (now.fine_energy - now.fine_mean**2) * (before.fine_energy - before.fine_mean**2)
    return Match(
        agreement=coarse / np.sqrt(now.coarse_energy * before.coarse_energy + NOISE_ENERGY),
        sharpness=np.asarray(kept / np.maximum(gain, 0.02), np.float32),
        gain=gain,
        standing=np.asarray(
            (both - now.fine_mean * before.fine_mean)
            / np.sqrt(np.maximum(spread, 0) + FINE_ENERGY),
            np.float32,
        ),
        own=np.sqrt(now.fine_energy / (before.fine_energy + FINE_ENERGY)),
        patch_agreement=_patches(products)
        / np.sqrt(now.patch_energy * before.patch_energy + PATCH_NOISE),
        patch_own=np.sqrt(now.patch_energy / (before.patch_energy + FINE_ENERGY)),
        patch_new=now.patch_detail >= np.maximum(NEW_DETAIL, 2 * before.patch_detail),
    )


def _gradients(plane: Plane) -> tuple[Plane, Plane]:
    return (
        np.asarray(cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=1), np.float32),
        np.asarray(cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=1), np.float32),
    )


def _cells(plane: npt.ArrayLike) -> Cells:
    """The mean over each cell."""
    return _means(plane, GRID)


def _patches(plane: npt.ArrayLike) -> Cells:
    """The mean over each patch."""
    return _means(plane, PATCHES)


def _means(plane: npt.ArrayLike, size: tuple[int, int]) -> Cells:
    return np.asarray(
        cv2.resize(np.asarray(plane, np.float32), size, interpolation=cv2.INTER_AREA), np.float32
    )
