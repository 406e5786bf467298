"""What was erased from a view: edges that are gone, and nothing in focus in their place.

Paint, dirt, a hand or tape right before the lens are too near to be in focus: they take edges away
in patches and bring none. A lorry or a crowd takes edges away too, and has an outline. Pure; called
by the references.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.motion.view import AGREES, FLAT, Flags, Match

MIN_PATCHES = 40  # with edges; a picture with fewer does not tell
MAX_OUTLINE = 0.1  # of the border of what is gone; a van has more, paint no more than 0.03
AROUND = np.ones((3, 3), np.uint8)  # patches


def erased_share(found: Match, usual: Flags) -> float:
    """Share of the `usual` patches, in which edges were, that show none now, 0 to 1.

    0 where something with an outline stands before them. A picture that lost contrast as a whole
    erases nothing by that: edges are measured by those that are left.
    """
    count = int(np.count_nonzero(usual))
    if count < MIN_PATCHES:
        return 0.0
    agreeing = usual & (found.patch_agreement >= AGREES)
    gain = min(1.0, float(np.median(found.patch_own[agreeing]))) if agreeing.any() else 1.0
    gone = usual & ~agreeing & (found.patch_own < FLAT * gain)
    border = _border(gone)
    outline = np.count_nonzero(border & found.patch_new)
    if outline > MAX_OUTLINE * np.count_nonzero(border):
        return 0.0
    return int(np.count_nonzero(gone)) / count


def _border(gone: Flags) -> Flags:
    """The patches on both sides of where `gone` ends; single gaps in it are none."""
    region = cv2.morphologyEx(gone.astype(np.uint8), cv2.MORPH_CLOSE, AROUND)
    inner = cv2.erode(region, AROUND, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(cv2.dilate(region, AROUND) > inner, np.bool_)
