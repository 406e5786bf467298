"""Where in time a moment belongs that a node stamped before its clock was set. Pure.

A node without a clock battery wakes with a wall clock that lies, but its monotonic clock counts on
truly. One trusted moment of the same boot, the anchor, places all others of that boot by their
distance to it. Without an anchor only bounds are known: no record can have arrived before it was
written, so the least difference of receipt and monotonic time bounds the boot's beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.contract.record import Body, ClockStepped, Header
from hub.archive.event_state import NS_IN_MS, Moment, to_ms

Placed = Literal["claimed", "corrected", "bounded"]
"""claimed: the node's own wall time, which it trusted; corrected: from an anchor; bounded: the
latest that it can have been."""

SYNCED, STEPPED, HOLDOVER = 3, 2, 1
DRIFT_PER_MS = 0.0005  # 500 ppm, the most that NTP corrects (RFC 5905 appendix A.1.1, MAXFREQ)
STEP_MS = 500  # what a node calls a step of its clock; less is jitter of two readings


@dataclass(frozen=True)
class Anchor:
    """A moment of a boot on both clocks, trusted by `rank`; `error_ms` as the node estimated."""

    rank: int
    mono_ns: int
    utc_ms: int
    error_ms: int | None


@dataclass(frozen=True)
class Place:
    """The best known time of a moment; `error_ms` is None where nobody can tell."""

    ms: int
    placed: Placed
    error_ms: int | None


def anchor_in(header: Header, body: Body | None) -> Anchor | None:
    """What a record says about true time: its own, if its clock was set, or the step's."""
    clock = header.clock
    if clock.state == "synced":
        return Anchor(SYNCED, clock.mono_ns, to_ms(header.at_utc), clock.error_ms)
    if isinstance(body, ClockStepped):
        return Anchor(STEPPED, clock.mono_ns, to_ms(body.after_utc), clock.error_ms)
    if clock.state == "holdover":
        return Anchor(HOLDOVER, clock.mono_ns, to_ms(header.at_utc), clock.error_ms)
    return None


def better(one: Anchor | None, other: Anchor | None) -> Anchor | None:
    """The anchor to use of two: the more trusted, then the earlier. The order never matters."""
    known = [each for each in (one, other) if each is not None]
    return min(known, key=_order, default=None)


def _order(anchor: Anchor) -> tuple[int, ...]:
    error_ms = -1 if anchor.error_ms is None else anchor.error_ms
    return -anchor.rank, anchor.mono_ns, anchor.utc_ms, error_ms


def place(moment: Moment, anchor: Anchor | None, latest_zero_ms: int) -> Place:
    """The best known time of a moment."""
    mono_ns, error_ms = moment.mono_ns, moment.error_ms
    if moment.clock != "unsynced":
        told_ms = moment.told_ms
        if told_ms is None or abs(told_ms - moment.claimed_ms) < STEP_MS:
            return Place(moment.claimed_ms, "claimed", error_ms)
        return Place(told_ms, "corrected", error_ms)
    if anchor is None:
        return Place(latest_zero_ms + mono_ns // NS_IN_MS, "bounded", None)
    away_ms = mono_ns // NS_IN_MS - anchor.mono_ns // NS_IN_MS
    drift_ms = round(abs(away_ms) * DRIFT_PER_MS)
    error_ms = None if anchor.error_ms is None else anchor.error_ms + drift_ms
    return Place(anchor.utc_ms + away_ms, "corrected", error_ms)
