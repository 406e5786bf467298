"""What a camera usually shows, by day and by night: learnt from its own pictures, seconds to days.

A reference is a slow mean of the pictures and, for each cell of the grid, how well it usually
agrees with them: leaves, water and traffic agree badly and are no witnesses. When light makes
another picture of the same view (the infrared filter, a lamp), the old one is kept, so that the
next evening and morning are known. Called by the tamper judge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.motion.erased import erased_share
from edge.motion.view import (
    AGREES,
    CELLS,
    EDGE_ENERGY,
    FLAT,
    PATCH_ENERGY,
    SOFT,
    STANDS,
    Flags,
    Match,
    Plane,
    View,
    match,
)

LEARN_S = 60.0  # time constant of the mean
USUAL_S = 120.0  # of how well a cell agrees
MAX_STEP_S = 10.0  # longer gaps between pictures count as this
READY_S = 6.0  # after which it can be judged by ...
READY_LOOKS = 4  # ... and of so many pictures
USUALLY = 0.5  # agreement, or standing, from which on a cell is a witness
MIN_WITNESSES = 10  # cells; a picture with fewer shows nothing to be known by
MAX_KEPT = 4
KEEP_EVERY_S = 120.0
KNOWN = 0.7  # share of witnesses that stand, by which two references are of one light


@dataclass(frozen=True, slots=True)
class Finding:
    """How a look departs from a reference; shares are of its witnesses, 0 to 1."""

    agreeing: float
    standing: float
    lost: float
    """Neither agreeing nor standing."""
    soft: float
    """Lost, and flat or with edges too soft to be anything before the camera but near it."""
    erased: float
    """Share of the patches with edges that have none now, and nothing in focus before them."""
    sharpness: float
    """Middle one of those that agree; 1 as it was, 0 where too few agree."""
    own: float
    """Fine edges now to those before, as the light is; 1 as they were."""
    glare: float
    """Share of the whole picture that is white now and was not."""
    brightness: float
    """Levels, now."""
    deviation: float
    """Levels, over the picture."""


class Reference:
    """The mean picture in one light. One thread at a time."""

    def __init__(self, smooth: Plane) -> None:
        self._mean = smooth.copy()
        self.age_s = 0.0
        self.looks = 1
        self._look = View(self._mean)
        self._usual = np.full(self._look.coarse_energy.shape, 1.0, np.float32)
        self._usual_patches = np.full(self._look.patch_energy.shape, 1.0, np.float32)
        self._is_stale = False

    @property
    def is_ready(self) -> bool:
        """Whether it was learnt for long enough."""
        return self.age_s >= READY_S and self.looks >= READY_LOOKS

    @property
    def look(self) -> View:
        """What the mean shows."""
        if self._is_stale:
            self._look, self._is_stale = View(self._mean), False
        return self._look

    @property
    def witnesses(self) -> Flags:
        """Cells by which the view is known."""
        return (self.look.coarse_energy >= EDGE_ENERGY) & (self._usual >= USUALLY)

    def copy(self) -> Reference:
        """The same as it is now."""
        other = Reference(self._mean)
        other.age_s, other.looks = self.age_s, self.looks
        other._usual = self._usual.copy()
        other._usual_patches = self._usual_patches.copy()
        return other

    def learn(self, now: View, elapsed_s: float) -> None:
        """Take a picture that is known to be of this view, `elapsed_s` after the last."""
        elapsed_s = min(max(elapsed_s, 0.0), MAX_STEP_S)
        found = match(now, self.look)
        self.age_s += elapsed_s
        self.looks += 1
        best = np.maximum(found.agreement, found.standing)
        share = self._share(elapsed_s, USUAL_S)
        self._usual += (best - self._usual) * share
        self._usual_patches += (found.patch_agreement - self._usual_patches) * share
        self._mean += (now.smooth - self._mean) * np.float32(self._share(elapsed_s, LEARN_S))
        self._is_stale = True

    def find(self, now: View) -> Finding | None:
        """How `now` departs; None where the reference shows nothing to be known by."""
        witnesses = self.witnesses
        count = int(np.count_nonzero(witnesses))
        if count < MIN_WITNESSES:
            return None
        before, found = self.look, match(now, self.look)
        agreeing = witnesses & (found.agreement >= AGREES)
        standing = witnesses & (found.standing >= STANDS)
        lost = witnesses & ~agreeing & ~standing
        usual = float(np.median(before.steepness[witnesses]))
        soft = lost & ((found.own < FLAT) | (now.steepness < SOFT * usual))
        return Finding(
            agreeing=np.count_nonzero(agreeing) / count,
            standing=np.count_nonzero(standing) / count,
            lost=np.count_nonzero(lost) / count,
            soft=np.count_nonzero(soft) / count,
            erased=erased_share(found, self._usual_edges),
            sharpness=float(np.median(found.sharpness[agreeing])) if agreeing.any() else 0.0,
            own=_own(found, witnesses, agreeing),
            glare=float(np.maximum(now.white - before.white, 0).sum()) / CELLS,
            brightness=now.mean,
            deviation=now.deviation,
        )

    @property
    def _usual_edges(self) -> Flags:
        """Patches with edges that are there whenever one looks."""
        return (self.look.patch_energy >= PATCH_ENERGY) & (self._usual_patches >= USUALLY)

    def _share(self, elapsed_s: float, constant_s: float) -> float:
        """A plain mean at first, then one that forgets."""
        return max(1 / self.looks, min(1.0, elapsed_s / constant_s)) if self.looks else 1.0


def _own(found: Match, witnesses: Flags, agreeing: Flags) -> float:
    own = float(np.median(found.own[witnesses]))
    if not agreeing.any():
        return own
    return own / max(0.1, min(1.0, float(np.median(found.gain[agreeing]))))


class References:
    """The references of one camera: one that is learnt, others kept for their light to return."""

    def __init__(self) -> None:
        self.current: Reference | None = None
        self._kept: list[Reference] = []
        self._since_kept_s = 0.0

    def begin(self, now: View) -> None:
        """Forget all; this is what the camera shows."""
        self.current = Reference(now.smooth)
        self._kept.clear()
        self._since_kept_s = 0.0

    def learn(self, now: View, elapsed_s: float) -> None:
        """Take a picture of the view as it should be."""
        if self.current is None:
            self.begin(now)
            return
        self.current.learn(now, elapsed_s)
        self._since_kept_s += min(elapsed_s, MAX_STEP_S)
        if self._since_kept_s >= KEEP_EVERY_S:
            self._since_kept_s = 0.0
            self._keep(self.current)

    def others(self) -> list[Reference]:
        """Those kept, the one matched last first."""
        return self._kept

    def change_to(self, kept: Reference) -> None:
        """The light of `kept`, one of `others`, has returned."""
        if self.current is not None and self.current.is_ready:
            self._keep(self.current)
        self._kept = [each for each in self._kept if each is not kept]
        self._kept.insert(0, kept)
        self.current = kept.copy()

    def _keep(self, reference: Reference) -> None:
        """Beside the others, or in the place of the one in the same light."""
        for other in self._kept:
            found = other.find(reference.look)
            if found is not None and found.agreeing >= KNOWN:
                self._kept.remove(other)
                break
        self._kept.insert(0, reference.copy())
        del self._kept[MAX_KEPT:]
