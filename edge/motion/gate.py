"""The gate: tells from the sizes of coded pictures, without decoding, that something moves.

An encoder spends bits on what it could not predict, so motion shows as pictures larger than their
kind was lately. Sizes are compared per kind and place in the GOP, as octaves (log2), each octave of
six quantiser steps added back (size x 2^(QP/6): a rate control that coarsens the picture hides
nothing). What is normal is learnt robustly, and only while nothing moves: a middle that follows by
bounded steps, and a mean absolute deviation. A cumulative sum of what is above normal (Page, 1954)
opens the gate for a small thing that goes on as for a large one at once; where the sum left zero
is where it began.

`observe` is for the capture thread, once a packet, and costs microseconds; the rest is for the
analysis thread, which looks at pixels and says what the gate should have said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from edge.media.packet import Packet

QP_OCTAVE = 6.0  # quantiser steps that halve a coefficient's levels, H.264 8.5.9, H.265 8.6.4
FIRST_PLACES = 3  # after a keyframe, which encoders treat in their own way; the rest is one class
LEARNT = 24  # pictures of a class before it is believed
TIME_CONSTANT = 300  # pictures of a class over which its middle and spread are learnt
RELEARNING = 20  # the same, while pixels say that nothing moves in what is open
MIN_SPREAD = 0.08  # octaves: less is chance
FIRST_SPREAD = 0.5
MAX_STEP = 3.0  # spreads by which one picture pulls what is normal, at most
MAX_EXCESS = 6.0  # spreads that one picture adds to the sum, at most
DRIFT = 0.7  # spreads above normal that are still normal
FIRST_LIMIT = 8.0  # of the sum; rises with each false opening, falls back slowly
MAX_LIMIT = 30.0
FALSE_FACTOR = 1.25
LIMIT_DECAY = 1.0 / 9000  # a picture: back within some ten minutes
CALM_SUM = 0.25  # of the limit, below which an open gate counts as calm
# What a small walker adds to a picture, in bytes a macroblock of the whole picture at QP 26, from
# the labelled recordings: the smallest of street-day (16 pixels of 720p) adds 40 to 60 bytes.
WALKER_BYTES = 0.03
MIN_WALKER_BYTES = 40.0
SHARP_SPREADS = 1.2  # above normal for a second opens: what the gate is sure to see

Quantiser = int | None


@dataclass(slots=True)
class _Kind:
    """What is normal for one kind of picture at one place of its GOP, in octaves."""

    middle: float = 0.0
    spread: float = FIRST_SPREAD
    count: int = 0


class Gate:
    """One stream's gate. `observe` by one thread, which alone changes what is learnt; what the
    other one has to say is noted in single words, and taken with the next picture."""

    def __init__(self, macroblocks: int) -> None:
        """`macroblocks`: 16 x 16 pixel blocks of the picture."""
        self._kinds: dict[tuple[str, int], _Kind] = {}
        self._commonest = _Kind()
        self._resets = self._resets_taken = 0
        self._false_openings = self._false_taken = 0
        self._place = 0
        self._sum = 0.0
        self._limit = FIRST_LIMIT
        self._walker_bytes = max(MIN_WALKER_BYTES, WALKER_BYTES * macroblocks)
        self._bytes = 0.0
        self._onset_pts: int | None = None
        self.is_refreshed_in_parts = False
        """Set where keyframes are no pictures that stand alone, but where one could begin."""
        self.learning: Literal["normal", "fast", "none"] = "normal"
        """Set by who looks at pixels: `none` while something moves, `fast` while nothing does
        although the gate says so."""

    def observe(self, packet: Packet, kind: str, qp: Quantiser, payload_bytes: int) -> int | None:
        """Take the next coded picture; the PTS since which something seems to move, if it does.

        `kind` is the slice type and what else tells alike pictures apart; `payload_bytes` the
        size without filler.
        """
        self._take_notes()
        if packet.is_keyframe:
            self._place = 0
            return None
        self._place += 1
        size = math.log2(payload_bytes + 1) + (qp / QP_OCTAVE if qp is not None else 0.0)
        key = kind, min(self._place, FIRST_PLACES + 1)
        normal = self._kinds.get(key)
        if normal is None:
            normal = self._kinds[key] = _Kind(middle=size)
        above = (size - normal.middle) / normal.spread
        if normal.count >= LEARNT:
            self._add(above, packet.pts)
        self._learn(normal, size - normal.middle)
        if normal.count > self._commonest.count:
            self._commonest = normal
        self._bytes += (payload_bytes - self._bytes) / TIME_CONSTANT
        return self._onset_pts if self._sum >= self._limit else None

    @property
    def is_calm(self) -> bool:
        """Whether the sum is well below its limit: a gate that opened may close."""
        return self._sum < self._limit * CALM_SUM

    @property
    def is_learnt(self) -> bool:
        """Whether the commonest kind of picture is known."""
        return self._commonest.count >= 2 * LEARNT

    @property
    def sure_bytes(self) -> float:
        """What must be added to each picture of a second, at least, for the gate to be sure to
        open."""
        return self._bytes * (math.exp2(SHARP_SPREADS * self._commonest.spread) - 1.0)

    @property
    def walker_bytes(self) -> float:
        """What a small walker adds to each picture, roughly."""
        return self._walker_bytes

    @property
    def is_sharp(self) -> bool:
        """Whether a small walker would show in the sizes, by what is normal now."""
        return self.is_learnt and self.sure_bytes <= self._walker_bytes

    def opened_falsely(self) -> None:
        """Pixels show that nothing moved: from now on it takes more."""
        self._false_openings += 1

    def reset(self) -> None:
        """What made the sum rise was looked at."""
        self._resets += 1

    def _take_notes(self) -> None:
        """What the other thread noted since the last picture."""
        while self._false_taken < self._false_openings:
            self._false_taken += 1
            self._limit = min(MAX_LIMIT, self._limit * FALSE_FACTOR)
            self._sum, self._onset_pts = 0.0, None
        if self._resets_taken < self._resets:
            self._resets_taken = self._resets
            self._sum, self._onset_pts = 0.0, None

    def _add(self, above: float, pts: int) -> None:
        before = self._sum
        self._sum = max(0.0, min(before + min(above, MAX_EXCESS) - DRIFT, 2.0 * self._limit))
        if before == 0.0 and self._sum > 0.0:
            self._onset_pts = pts
        elif self._sum == 0.0:
            self._onset_pts = None
        self._limit = max(FIRST_LIMIT, self._limit * (1.0 - LIMIT_DECAY))

    def _learn(self, normal: _Kind, stray: float) -> None:
        is_new = normal.count < LEARNT
        if self.learning == "none" and not is_new:
            return
        normal.count += 1
        constant = RELEARNING if self.learning == "fast" else TIME_CONSTANT
        rate = 1.0 / min(normal.count + 1, constant)
        reach = MAX_STEP * normal.spread
        step = min(max(stray, -reach), reach)
        normal.middle += rate * step
        normal.spread = max(MIN_SPREAD, normal.spread + rate * (abs(step) - normal.spread))
