"""Connected regions of changed pixels, as blobs with what is needed to follow and judge them.

Grown from the clearly changed pixels over the faintly changed ones around, so that a faint walker
stays one region. Costs about as much as all of the background's passes; called only while
something changes.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from edge.motion import texture
from edge.motion.background import Background, Mask
from edge.motion.tracks import Blob
from edge.motion.zones import ZoneMap

Labels = npt.NDArray[np.uint16]

MIN_LIVELY_PX = 4  # pixels not at rest before a region is looked at; after the blur, one is none
MIN_LIVELY_SHARE = 0.15  # of a region's changed pixels; less is a thing at rest
MAX_BLOBS = 12
NEIGHBOURS = np.ones((3, 3), np.uint8)


def find_blobs(background: Background, zones: ZoneMap, *, min_area_px: float) -> list[Blob]:
    """The regions of the frame last compared that are not at rest, at most MAX_BLOBS.

    Largest first; regions of fewer than `min_area_px` changed pixels are left out.
    """
    faint = background.changed_faintly()
    if not zones.is_whole:
        cv2.bitwise_and(faint, zones.watched, dst=faint)
    count, found, stats, centres = cv2.connectedComponentsWithStats(
        cv2.dilate(faint, NEIGHBOURS), connectivity=8, ltype=cv2.CV_16U
    )
    labels: Labels = np.asarray(found, np.uint16)
    where = np.flatnonzero(faint > 0)  # clearly changed pixels are among the faintly changed ones
    owner = labels.ravel()[where]
    lively = np.bincount(owner[background.restless.ravel()[where] > 0], minlength=count)
    core = np.bincount(owner[background.changed.ravel()[where] > 0], minlength=count)
    area = np.bincount(owner, minlength=count)
    needed = np.maximum(MIN_LIVELY_PX, MIN_LIVELY_SHARE * core)
    numbers = np.flatnonzero((lively >= needed) & (area >= min_area_px))
    numbers = numbers[np.argsort(-area[numbers], kind="stable")][:MAX_BLOBS]
    blobs = []
    for number in map(int, numbers):
        left, top, width, height = (int(value) for value in stats[number, :4])
        margin = texture.MARGIN_PX
        rows = slice(max(0, top - margin), top + height + margin)
        columns = slice(max(0, left - margin), left + width + margin)
        is_region = labels[rows, columns] == number
        region: Mask = is_region.astype(np.uint8)
        noise = float(cv2.mean(background.noise[rows, columns])[0])
        novelty = texture.novelty(
            background.smooth[rows, columns], background.still[rows, columns], noise, region
        )
        blobs.append(
            Blob(
                left=left, top=top, width=width, height=height,
                x=float(centres[number, 0]), y=float(centres[number, 1]),
                area_px=int(area[number]), core_px=int(core[number]),
                novelty=novelty, noise=noise,
                zones=zones.touched(rows, columns, is_region),
            )
        )  # fmt: skip
    return blobs
