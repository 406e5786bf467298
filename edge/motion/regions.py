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
Counts = npt.NDArray[np.intp]

MIN_LIVELY_PX = 4  # pixels not at rest before a region is looked at; after the blur, one is none
MIN_LIVELY_SHARE = 0.15  # of a region's changed pixels; less is a thing at rest
MAX_BLOBS = 12
NEIGHBOURS = np.ones((3, 3), np.uint8)
CHANGED, RESTLESS, HAUNTED = (np.uint8(bit) for bit in (1, 2, 4))  # kinds of pixels, as bits
KINDS = 8
KIND = np.arange(KINDS)


def find_blobs(background: Background, zones: ZoneMap, *, min_area_px: float) -> list[Blob]:
    """The regions of the frame last compared that are not at rest, at most MAX_BLOBS.

    Largest first; regions of fewer than `min_area_px` changed pixels are left out.
    """
    faint = background.changed_faintly()
    if not zones.is_whole:
        cv2.bitwise_and(faint, zones.watched, dst=faint)
    rows, columns = _bounds(faint)
    faint = faint[rows, columns]
    count, found, stats, centres = cv2.connectedComponentsWithStats(
        cv2.dilate(faint, NEIGHBOURS), connectivity=8, ltype=cv2.CV_16U
    )
    labels: Labels = np.asarray(found, np.uint16)
    area, core, lively, calm = count_pixels(
        background.changed[rows, columns], background.restless[rows, columns],
        background.haunted[rows, columns], faint, labels, count,
    )  # fmt: skip
    needed = np.maximum(MIN_LIVELY_PX, MIN_LIVELY_SHARE * core)
    numbers = np.flatnonzero((lively >= needed) & (area >= min_area_px))
    numbers = numbers[np.argsort(-area[numbers], kind="stable")][:MAX_BLOBS]
    blobs = []
    for number in map(int, numbers):
        left, top, width, height = (int(value) for value in stats[number, :4])
        inner = _wider(left, top, width, height)
        left, top = left + columns.start, top + rows.start
        window = _wider(left, top, width, height)
        is_region = labels[inner] == number
        noise = float(cv2.mean(background.noise[window])[0])
        novelty, sharpness = texture.novelty_and_sharpness(
            background.smooth[window], background.still[window], noise, is_region.view(np.uint8)
        )
        blobs.append(
            Blob(
                left=left, top=top, width=width, height=height,
                x=float(centres[number, 0]) + columns.start,
                y=float(centres[number, 1]) + rows.start,
                area_px=int(area[number]), core_px=int(core[number]), calm_px=int(calm[number]),
                sharpness=sharpness, novelty=novelty, noise=noise,
                zones=zones.touched(*window, is_region),
            )
        )  # fmt: skip
    return blobs


def _bounds(faint: Mask) -> tuple[slice, slice]:
    """Rows and columns that hold all changed pixels, and what is wanted around each region."""
    left, top, width, height = cv2.boundingRect(faint)
    return _wider(left - 1, top - 1, width + 2, height + 2)  # regions are dilated by one


def _wider(left: int, top: int, width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of a box and MARGIN_PX around it."""
    margin = texture.MARGIN_PX
    return (
        slice(max(0, top - margin), top + height + margin),
        slice(max(0, left - margin), left + width + margin),
    )


def count_pixels(
    changed: Mask, restless: Mask, haunted: Mask, faint: Mask, labels: Labels, count: int
) -> tuple[Counts, Counts, Counts, Counts]:
    """Pixels of each region: all, clearly changed, not at rest, and changed in calm places.

    One histogram over region and kind of pixel; the clearly changed are among the faintly changed.
    All planes are of one window.
    """
    kinds = changed & CHANGED
    kinds |= restless & RESTLESS
    kinds |= haunted & HAUNTED
    where = np.flatnonzero(faint > 0)
    pairs = labels.ravel()[where].astype(np.intp) * KINDS + kinds.ravel()[where]
    table = np.bincount(pairs, minlength=count * KINDS).reshape(count, KINDS)
    is_core, is_lively, is_haunted = (KIND & bit > 0 for bit in (CHANGED, RESTLESS, HAUNTED))
    return (
        table.sum(axis=1),
        table[:, is_core].sum(axis=1),
        table[:, is_lively].sum(axis=1),
        table[:, is_core & ~is_haunted].sum(axis=1),
    )
