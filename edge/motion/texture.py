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
SAMPLED_PX = 1000  # of a larger region every second or third: bounds the cost, hardly the figure
FAINT_ENERGY = 4.0  # levels squared a pixel: gradients as faint as a lamp's glow prove nothing


def novelty(frame: Plane, still: Plane, noise: float, region: Mask) -> float:
    """How much of a region's gradient energy the background does not explain, 0 to 1.

    The planes are the same window of the picture, cut MARGIN_PX wider than the region; `region` is
    uint8 and non-zero where the region is. `noise` is the window's mean absolute deviation.
    """
    return novelty_and_sharpness(frame, still, noise, region)[0]


def sharpness(difference: Plane, region: Mask) -> float:
    """How steep a region's outline is: its steepest slope over its contrast.

    About 0.6 for a thing in focus, whatever its contrast; below 0.3 for one that is blurred over
    ten pixels, as what flies close before the lens. `difference` is the window's frame less the
    background, `region` as for `novelty`.
    """
    return novelty_and_sharpness(difference, np.zeros_like(difference), 0.0, region)[1]


def novelty_and_sharpness(
    frame: Plane, still: Plane, noise: float, region: Mask
) -> tuple[float, float]:
    """Both of a region; of one larger than SAMPLED_PX, judged by evenly spread pixels of it."""
    width = region.shape[1]
    near = np.zeros(region.shape, np.bool_)
    near[1:-1, 1:-1] = np.asarray(cv2.dilate(region, AROUND))[1:-1, 1:-1] > 0
    where = np.flatnonzero(near)
    if len(where) > SAMPLED_PX:
        where = where[:: 1 + len(where) // SAMPLED_PX]
    new_flat, old_flat = frame.ravel(), still.ravel()
    new, old = _gradients(new_flat, where, width), _gradients(old_flat, where, width)
    contrasts = np.abs(new_flat[where] - old_flat[where])
    return _novelty(new, old, noise), _sharpness(np.abs(new - old), contrasts)


def _novelty(new: Plane, old: Plane, noise: float) -> float:
    new_energy, old_energy = float(new @ new), float(old @ old)
    common = float(new @ old)
    gain = min(MAX_GAIN, max(MIN_GAIN, common / old_energy)) if old_energy > 0 else 0.0
    deviation = min(MAX_NOISE, noise) * DEVIATION_PER_NOISE
    noise_energy = len(new) * NOISE_ENERGY * deviation * deviation
    explained = gain * gain * old_energy
    unexplained = max(0.0, new_energy - 2 * gain * common + explained - noise_energy)
    whole = max(unexplained, new_energy - noise_energy) + explained + len(new) * FAINT_ENERGY
    return unexplained / whole if whole > 0 else 0.0


def _sharpness(slopes: Plane, contrasts: Plane) -> float:
    """Of a region's pixels: the slopes both ways, and how far they are from the background."""
    if not len(contrasts):
        return 1.0
    contrast = _near_largest(contrasts, max(1, len(contrasts) // 20))
    return _near_largest(slopes, max(1, len(slopes) // 50)) / max(contrast, 1.0)


def _near_largest(values: Plane, count: int) -> float:
    """The `count`-th largest."""
    return float(np.partition(values, -count)[-count])


def _gradients(flat: Plane, where: npt.NDArray[np.intp], width: int) -> Plane:
    """Central differences, both ways, at the flat positions `where` of a window `width` wide."""
    across = flat[where + 1] - flat[where - 1]
    down = flat[where + width] - flat[where - width]
    return np.concatenate([across, down])
