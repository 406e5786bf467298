"""Events then and now: what other settings would drop, keep and add, held against verdicts.

An event is kept where any other has a moment in common with it. One that was confirmed must be
found from its beginning, in its place (edge.trace.onset): it is not to be lost for another.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate

from edge.contract.motion import MotionSettings
from edge.trace.onset import Onsets
from edge.trace.tape import Change, Found, Tape, Window
from edge.trace.verdicts import Verdicts

SLACK_NS = 10**9  # by which events of then and now may lie apart and be the same


@dataclass(frozen=True)
class Rejudged:
    """A tape by some settings, held against the events of then."""

    found: tuple[Found, ...]
    missing: frozenset[str]
    """Ids of confirmed events that it does not have from their beginning."""
    lost: frozenset[str]
    """Ids of all that it does not have, these among them."""


@dataclass(frozen=True)
class Comparison:
    """Of one camera. `then` are the events that the node made."""

    tape: Tape
    verdicts: Verdicts
    then: tuple[Found, ...]
    by_own: Rejudged
    """By the settings that ran: how far the trace can be believed."""
    by_other: Rejudged

    @property
    def again(self) -> tuple[Found, ...]:
        """Events by the settings that ran."""
        return self.by_own.found

    @property
    def now(self) -> tuple[Found, ...]:
        """Events that would be."""
        return self.by_other.found

    @property
    def gone(self) -> list[Found]:
        """Events of then that would not be."""
        return [each for each in self.then if each.event in self.by_other.lost]

    @property
    def kept(self) -> list[Found]:
        """Events of then that would be."""
        return [each for each in self.then if each.event not in self.by_other.lost]

    @property
    def new(self) -> list[Found]:
        """Events that would be besides."""
        return without(self.now, self.then)

    @property
    def unsure(self) -> list[Found]:
        """Events of then that the trace does not show by the settings that ran either."""
        return [each for each in self.then if each.event in self.by_own.lost]

    def having(self, found: Sequence[Found], verdict: str | None) -> list[Found]:
        """Those with this verdict; None: with none."""
        return [each for each in found if self.verdicts.get(each.event) == verdict]

    @property
    def lost_confirmed(self) -> list[Found]:
        """Confirmed events that would be gone, or of which nothing can be said."""
        lost = self.by_other.missing | self.by_own.missing
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
    confirmed = {event for event, verdict in verdicts.items() if verdict == "confirmed"}
    by_own, by_other = (
        rejudge(tape, each, then, confirmed, window=window, near=near)
        for each in (as_it_was, change)
    )
    return Comparison(tape, verdicts, tuple(then), by_own, by_other)


def rejudge(
    tape: Tape, change: Change, then: Sequence[Found], confirmed: Collection[str], *,
    window: Window | None = None, near: Sequence[Found] | None = None,
) -> Rejudged:  # fmt: skip
    """Judge a tape by other settings. `confirmed`: ids of events, not all of them of `then`."""
    onsets = Onsets(each for each in then if each.event in confirmed)
    found = tape.rerun(change, window, near=near, watch=onsets.watch)
    missing = onsets.missing(found)
    lost = missing | {each.event for each in without(then, found)}
    return Rejudged(tuple(found), missing, lost)


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
