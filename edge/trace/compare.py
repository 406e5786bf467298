"""Events then and now: what other settings would drop, keep and add, held against verdicts.

An event is kept where any other has a moment in common with it. One that was confirmed must be
found from its beginning, in its place (edge.trace.onset): it is not to be lost for another.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from edge.contract.motion import MotionSettings
from edge.trace.onset import Onsets
from edge.trace.tape import Change, Found, Tape, Window
from edge.trace.verdicts import Verdicts

SLACK_NS = 10**9  # by which events of then and now may lie apart and be the same


@dataclass(frozen=True)
class Comparison:
    """Of one camera. `then` are the events that the node made."""

    tape: Tape
    verdicts: Verdicts
    then: tuple[Found, ...]
    again: tuple[Found, ...]
    """By the settings that ran: how far the trace can be believed."""
    now: tuple[Found, ...]
    missing_again: frozenset[str]
    """Ids of confirmed events that the re-run by the settings that ran does not have."""
    missing: frozenset[str]
    """Those that the re-run by other settings does not have."""

    @property
    def gone(self) -> list[Found]:
        """Events of then that would not be."""
        index = _Index(self.now)
        return [each for each in self.then if each.event in self.missing or not index.meets(each)]

    @property
    def kept(self) -> list[Found]:
        """Events of then that would be."""
        gone = set(self.gone)
        return [each for each in self.then if each not in gone]

    @property
    def new(self) -> list[Found]:
        """Events that would be besides."""
        return without(self.now, self.then)

    @property
    def unsure(self) -> list[Found]:
        """Events of then that the trace does not show by the settings that ran either."""
        index = _Index(self.again)
        return [
            each for each in self.then if each.event in self.missing_again or not index.meets(each)
        ]

    def having(self, found: Sequence[Found], verdict: str | None) -> list[Found]:
        """Those with this verdict; None: with none."""
        return [each for each in found if self.verdicts.get(each.event) == verdict]

    @property
    def lost_confirmed(self) -> list[Found]:
        """Confirmed events that would be gone, or of which nothing can be said."""
        lost = self.missing | self.missing_again
        return [each for each in self.having(self.then, "confirmed") if each.event in lost]


def compare(
    tape: Tape,
    change: Change,
    *,
    verdicts: Verdicts,
    window: Window | None = None,
    near: Sequence[Found] | None = None,
) -> Comparison:
    """Judge a tape by other settings, and by those that ran."""
    then = near if near is not None else tape.events(window)
    confirmed = [each for each in then if verdicts.get(each.event) == "confirmed"]
    were, are = Onsets(confirmed), Onsets(confirmed)
    again = tape.rerun(as_it_was, window, near=near, watch=were.watch)
    now = tape.rerun(change, window, near=near, watch=are.watch)
    return Comparison(
        tape, verdicts, tuple(then), tuple(again), tuple(now), were.missing(again), are.missing(now)
    )


def without(found: Sequence[Found], others: Sequence[Found]) -> list[Found]:
    """Those that none of the others meets."""
    index = _Index(others)
    return [each for each in found if not index.meets(each)]


class _Index:
    """Events by boot and start, for "does any of them meet this one" in a few steps."""

    def __init__(self, found: Sequence[Found]) -> None:
        by_boot: dict[str, list[Found]] = {}
        for each in sorted(found, key=lambda each: each.started_ns):
            by_boot.setdefault(each.boot, []).append(each)
        self._starts = {boot: [e.started_ns for e in those] for boot, those in by_boot.items()}
        self._lasts = {
            boot: list(accumulate((e.last_ns for e in those), max))
            for boot, those in by_boot.items()
        }

    def meets(self, event: Found) -> bool:
        """Whether any of them has a moment in common with it."""
        starts = self._starts.get(event.boot)
        if starts is None:
            return False
        before = bisect_right(starts, event.last_ns + SLACK_NS)
        return before > 0 and self._lasts[event.boot][before - 1] >= event.started_ns - SLACK_NS


def as_it_was(ran: MotionSettings) -> MotionSettings:
    """The settings that ran, unchanged."""
    return ran
