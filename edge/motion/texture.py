"""Is a changed region a new thing, or the old thing in another light?

Light, shadow and exposure scale the gradients of what they fall on; a person or a car brings
gradients of its own. Judged over one region's pixels, so it costs only while something changes.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from edge.motion.background import Mask, Plane

AROUND = np.ones((3, 3), np.uint8)
MARGIN_PX = 3  # beyond the region, so that its edge counts
MIN_GAIN, MAX_GAIN = 0.3, 2.5  # how much light is thought to scale gradients
MAX_NOISE = 2.0  # levels; more is a swaying thing, whose gradients are real
DEVIATION_PER_NOISE = 1.25  # standard deviation over mean absolute deviation, normal distribution
NOISE_ENERGY = 1.4  # of a central difference over blurred pixels, in variances
FAINT_ENERGY = 4.0  # levels squared a pixel: gradients as faint as a lamp's glow prove nothing


def novelty(frame: Plane, still: Plane, noise: float, region: Mask) -> float:
    """How much of a region's gradient energy the background does not explain, 0 to 1.

    The planes are the same window of the picture, cut MARGIN_PX wider than the region; `region` is
    uint8 and non-zero where the region is. `noise` is the window's mean absolute deviation.
    """
    near = np.flatnonzero(np.asarray(cv2.dilate(region, AROUND))[1:-1, 1:-1] > 0)
    new = _gradients(frame, near)
    old = _gradients(still, near)
    new_energy, old_energy = float(new @ new), float(old @ old)
    common = float(new @ old)
    gain = min(MAX_GAIN, max(MIN_GAIN, common / old_energy)) if old_energy > 0 else 0.0
    deviation = min(MAX_NOISE, noise) * DEVIATION_PER_NOISE
    noise_energy = len(new) * NOISE_ENERGY * deviation * deviation
    explained = gain * gain * old_energy
    unexplained = max(0.0, new_energy - 2 * gain * common + explained - noise_energy)
    whole = max(unexplained, new_energy - noise_energy) + explained + len(new) * FAINT_ENERGY
    return unexplained / whole if whole > 0 else 0.0


def _gradients(plane: Plane, where: npt.NDArray[np.intp]) -> Plane:
    """Central differences, both ways, at flat positions `where` of all but the outermost pixels."""
    across = plane[1:-1, 2:] - plane[1:-1, :-2]
    down = plane[2:, 1:-1] - plane[:-2, 1:-1]
    return np.concatenate([across.ravel()[where], down.ravel()[where]])
