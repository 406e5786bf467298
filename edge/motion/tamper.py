"""Was the camera covered, turned, blurred or blinded? Judged from its own small pictures.

About once a second a picture is held against the references of the view, in whatever light. What
departs from all of them as a whole, and goes on to, is a fault; a lorry, a crowd, a lamp, rain or
wind at the pole leave enough of the view where it was, or pass. A fault is over when the view is
back, or when another one has stood for so long that it is the new view. Pure; called by the
camera's analysis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from edge.contract.record import TamperFault
from edge.media.frame import Luma
from edge.motion.reference import Finding, Reference, References
from edge.motion.view import FINE, Plane, View, smoothed

Outcome = Literal["restored", "accepted"]

MIDDLE_SENSITIVITY = 5
SENSITIVITY_STEPS = 5.0  # that double or halve how long a fault must last
EVERY_S = 0.9  # between two pictures that are judged
GONE = 0.6  # share of the witnesses that are lost ...
STILL_THERE = 0.3  # ... while no more than this stand: the whole view
OUT_OF_PLACE = 0.4  # share that stands, below which unsharp edges are edges elsewhere
UNSHARP = 0.78  # of usual sharpness; living footage keeps within 0.94 and 1.02
UNSHARP_AGREEING = 0.45  # share of the witnesses that must agree to tell
DEFOCUSED_OWN = 1.0  # fine edges of its own, below which it is blur, not another place
VEILED = 0.3  # share of the witnesses lost, from which on an unsharp view is one elsewhere
VEILED_OF_LOST = 0.7  # share of the lost that is soft, from which on it is a cover
ERASED = 0.18  # share of the picture's edges gone for nothing; living footage has 0.08 at most
SLACK = 0.85  # of these limits is enough to go on with what began: paint runs, traffic passes
GLARE = 0.25  # of the picture, white
BLACK_LEVELS, BLACK_DEVIATION = 34.0, 4.0  # most cameras' black is 16, and noise lifts it
TEXTURE_OWN = 0.5  # fine edges of its own that make a lost view another view, unless ...
SOFT_OF_LOST = 0.55  # ... so much of what is lost is soft: covers have more, turned views less
HOLD_S: dict[TamperFault, float] = {
    "covered": 4.0, "black": 4.0, "moved": 4.0, "defocused": 5.0, "blinded": 5.0, "frozen": 0.0,
}  # fmt: skip
VEIL_HOLD_S = 6.0  # for a part of the picture
RESTLESS_FACTOR = 1.9  # times as long while the picture is in turmoil: something passes
SWAY_PX = 0.8  # of the fine picture, from one look to the next: a pole in the wind
SWAY_PEAK = 0.15  # of the phase correlation; less is a guess, out of noise
RESTLESS_LEVELS = 7.0  # mean change of the small picture from one look to the next
MAX_GAP_S = 30.0  # between judged pictures, for one to confirm what the other showed
BACK_S = 60.0  # by which time may go back when pictures are looked at again
MIN_LOOKS = 3
MAX_LAPSES = 1  # looks in a row that show the view, within a fault in the making
RESTORED_S = 3.0
ACCEPT_S = 600.0
CALM_LOST = 0.3  # share of the witnesses, above which nothing is learnt


@dataclass(frozen=True, slots=True)
class Tampering:
    """A fault began; `since_ns` is the first picture that showed it, on the monotonic clock."""

    fault: TamperFault
    since_ns: int
    at_ns: int
    score: float


@dataclass(frozen=True, slots=True)
class Over:
    """The fault is over."""

    fault: TamperFault
    at_ns: int
    outcome: Outcome


@dataclass(slots=True)
class _Doubt:
    """A fault in the making."""

    since_ns: int
    faults: list[TamperFault]
    is_partial: bool
    is_restless: bool = False
    lapses: int = 0
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class _Suspicion:
    fault: TamperFault
    score: float
    is_partial: bool = False
    may_sway: bool = False
    """It may be a view that is not far away and will be back."""


class TamperJudge:
    """Judges one camera. One thread at a time; keeps what it learnt when a stream is lost."""

    def __init__(self, sensitivity: int = MIDDLE_SENSITIVITY) -> None:
        """1 (only what is plain and lasts) to 10."""
        self.retune(sensitivity)
        self._references = References()
        self._window = np.asarray(cv2.createHanningWindow(FINE, cv2.CV_32F), np.float32)
        self._last_ns: int | None = None
        self._before: View | None = None
        self._doubt: _Doubt | None = None
        self._tampering: Tampering | None = None
        self._well_ns: int | None = None
        self._new_view: Reference | None = None

    def retune(self, sensitivity: int) -> None:
        """Be as patient as that from now on."""
        self._patience = 2.0 ** ((MIDDLE_SENSITIVITY - sensitivity) / SENSITIVITY_STEPS)

    @property
    def fault(self) -> TamperFault | None:
        """What is wrong now."""
        return None if self._tampering is None else self._tampering.fault

    @property
    def is_in_doubt(self) -> bool:
        """Whether more pictures are wanted soon, to tell."""
        return self._doubt is not None or self._well_ns is not None

    def is_due(self, at_ns: int) -> bool:
        """Whether a picture captured then is to be judged."""
        since_ns = None if self._last_ns is None else at_ns - self._last_ns
        return since_ns is None or since_ns >= EVERY_S * 1e9 or since_ns <= -BACK_S * 1e9

    def observe(
        self, luma: Luma, at_ns: int, *, is_frozen: bool = False
    ) -> Tampering | Over | None:
        """Judge the picture captured at `at_ns`; what began or ended by it, if anything.

        `is_frozen`: the picture check says that the camera repeats one picture.
        """
        now = View(smoothed(luma))
        before_ns, self._last_ns = self._last_ns, at_ns
        elapsed_s = 0.0 if before_ns is None else max(0.0, (at_ns - before_ns) / 1e9)
        before, self._before = self._before, now
        suspicion = self._suspect(now, is_frozen=is_frozen)
        if self._tampering is not None:
            return self._follow(self._tampering, suspicion, now, at_ns, elapsed_s)
        if suspicion is not None and not (suspicion.may_sway and _sways(now, before, self._window)):
            is_restless = _is_restless(now, before)
            return self._confirm(suspicion, at_ns, elapsed_s, is_restless=is_restless)
        self._lapse(now, elapsed_s)
        return None

    def _suspect(self, now: View, *, is_frozen: bool) -> _Suspicion | None:
        """What is wrong with the picture by every reference."""
        current = self._references.current
        if is_frozen:
            return _Suspicion("frozen", 1.0)
        if current is None or not current.is_ready:
            return None
        found = current.find(now)
        self._lost = 0.0 if found is None else found.lost
        is_doubted = self._doubt is not None or self._tampering is not None
        slack = SLACK if is_doubted else 1.0
        suspicion = _judge(found, slack) if found is not None else None
        if suspicion is None:
            return None
        for other in self._references.others():
            found = other.find(now)
            if found is not None and _judge(found) is None and found.standing >= OUT_OF_PLACE:
                self._references.change_to(other)
                return None
        return suspicion

    def _lapse(self, now: View, elapsed_s: float) -> None:
        """The view is there: learn it, unless a fault was in the making until now."""
        if self._doubt is not None:
            self._doubt.lapses += 1
            if self._doubt.lapses <= MAX_LAPSES:
                return
            self._doubt = None
        current = self._references.current
        if current is None or not current.is_ready or self._lost <= CALM_LOST:
            self._references.learn(now, elapsed_s)
        else:
            self._references.learn(now, elapsed_s / 4)

    def _confirm(
        self, suspicion: _Suspicion, at_ns: int, elapsed_s: float, *, is_restless: bool
    ) -> Tampering | None:
        doubt = self._doubt
        if doubt is None or elapsed_s > MAX_GAP_S:
            doubt = self._doubt = _Doubt(at_ns, [], suspicion.is_partial)
        doubt.lapses = 0
        doubt.faults.append(suspicion.fault)
        doubt.score = max(doubt.score, suspicion.score)
        doubt.is_partial = suspicion.is_partial
        doubt.is_restless = is_restless
        hold_s = VEIL_HOLD_S if doubt.is_partial else HOLD_S[suspicion.fault]
        hold_s *= self._patience * (RESTLESS_FACTOR if doubt.is_restless else 1.0)
        needed = 1 if suspicion.fault == "frozen" else MIN_LOOKS
        if (at_ns - doubt.since_ns) / 1e9 < hold_s or len(doubt.faults) < needed:
            return None
        recent = doubt.faults[-5:]
        fault = max(set(recent), key=recent.count)
        score = round(float(min(1.0, max(0.0, doubt.score))), 3)
        self._tampering = Tampering(fault, doubt.since_ns, at_ns, score)
        self._doubt, self._well_ns = None, None
        self._new_view = None
        return self._tampering

    def _follow(
        self,
        tampering: Tampering,
        suspicion: _Suspicion | None,
        now: View,
        at_ns: int,
        elapsed_s: float,
    ) -> Over | None:
        """A fault that runs: is the view back, or another one here to stay?"""
        is_frozen = suspicion is not None and suspicion.fault == "frozen"
        if tampering.fault == "frozen" and not is_frozen:  # the picture check made sure
            self._tampering = None
            return Over("frozen", at_ns, "restored")
        if suspicion is None:
            if self._well_ns is None:
                self._well_ns = at_ns
            if (at_ns - self._well_ns) / 1e9 >= RESTORED_S:
                self._tampering, self._well_ns, self._new_view = None, None, None
                return Over(tampering.fault, at_ns, "restored")
            return None
        self._well_ns = None
        if self._settle(now, elapsed_s) and suspicion.fault not in ("frozen", "black"):
            self._tampering, self._new_view = None, None
            self._references.begin(now)
            return Over(tampering.fault, at_ns, "accepted")
        return None

    def _settle(self, now: View, elapsed_s: float) -> bool:
        """Whether a view with things to be known by has stood before the camera for long."""
        view = self._new_view
        if view is None:
            self._new_view = Reference(now.smooth)
            return False
        found = view.find(now) if view.is_ready else None
        if found is not None and _judge(found) is not None:
            self._new_view = Reference(now.smooth)
            return False
        view.learn(now, elapsed_s)
        return view.age_s >= ACCEPT_S and found is not None


def _is_restless(now: View, before: View | None) -> bool:
    """Whether much of the picture changed since the look before."""
    if before is None:
        return True
    change = cv2.absdiff(now.coarse - now.mean, before.coarse - before.mean)
    return float(cv2.mean(change)[0]) > RESTLESS_LEVELS


def _sways(now: View, before: View | None, window: Plane) -> bool:
    """Whether the whole picture moved since the look before."""
    if before is None:
        return True
    (right, down), peak = cv2.phaseCorrelate(before.smooth, now.smooth, window)
    return peak >= SWAY_PEAK and max(abs(right), abs(down)) > SWAY_PX


def _judge(found: Finding, slack: float = 1.0) -> _Suspicion | None:
    """What one finding looks like; less of it is enough with a slack below 1."""
    fault: TamperFault
    glare, gone, veiled = slack * GLARE, slack * GONE, slack * VEILED
    still_there, out_of_place = STILL_THERE / slack, OUT_OF_PLACE / slack
    is_erased = found.erased >= slack * ERASED
    is_soft = found.soft >= slack * VEILED_OF_LOST * found.lost
    if found.glare >= glare and is_erased:
        return _Suspicion("blinded", found.lost, is_partial=found.lost < gone)
    if found.lost >= gone and found.standing < still_there:
        is_partial = is_erased and found.lost < GONE
        fault = "covered" if is_partial else _name_of_lost(found)
        return _Suspicion(fault, found.lost, is_partial=is_partial)
    if found.sharpness < UNSHARP and found.agreeing >= UNSHARP_AGREEING:
        fault = "defocused" if found.own < DEFOCUSED_OWN else "moved"
        return _Suspicion(fault, 1 - found.sharpness, may_sway=fault == "moved")
    if found.sharpness < UNSHARP and found.standing < out_of_place and found.lost >= veiled:
        return _Suspicion("covered" if is_soft else "moved", found.lost)
    if is_erased:
        return _Suspicion("covered", found.erased, is_partial=True)
    return None


def _name_of_lost(found: Finding) -> TamperFault:
    if found.brightness <= BLACK_LEVELS and found.deviation <= BLACK_DEVIATION:
        return "black"
    if found.glare >= GLARE:
        return "blinded"
    is_soft = found.soft >= SOFT_OF_LOST * found.lost
    return "covered" if is_soft or found.own < TEXTURE_OWN else "moved"
