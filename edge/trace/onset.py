"""Whether a re-run has an event from its beginning: in time, and where the picture moved.

Told of each frame that a re-run judged, beside what the node itself followed in it. An event is
found again where a re-run's event has begun by then, and something of it moves, in the same frame,
where the node saw the event's thing move: soon, or somewhat later if it has been followed from the
event's beginning on. So a walker of whom only the branch at the end of his
way is left, or a cat elsewhere at the same time, is not him. An event of which the trace holds no
moving box is told by its time alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from edge.contract.parts import Box
from edge.motion.look import Look
from edge.motion.observation import Region
from edge.trace.segment import Head
from edge.trace.tape import Found

LATE_NS = 2 * 10**9  # by which the event of a re-run may begin, and be seen to move, later
FOLLOWED_NS = 5 * 10**9  # by which what is followed from the beginning may be seen to move later
ROUNDING = 1 / 255  # of the picture, to which traces keep the boxes of things


class Onsets:
    """Of these events, for one re-run: `watch` during it, then `missing`."""

    def __init__(self, events: Iterable[Found]) -> None:
        """`events`: of the node, no two of them at the same time."""
        self._by_boot: dict[str, list[_Onset]] = {}
        for each in sorted(events, key=lambda each: each.started_ns):
            self._by_boot.setdefault(each.boot, []).append(_Onset(each))
        self._starts = {
            boot: [each.event.started_ns for each in those] for boot, those in self._by_boot.items()
        }

    def watch(self, head: Head, look: Look, moving: Sequence[Region]) -> None:
        """A frame, and what moves in it by the re-run."""
        starts = self._starts.get(head.boot)
        if starts is None:
            return
        before = bisect_right(starts, look.mono_ns)
        if before:
            self._by_boot[head.boot][before - 1].watch(look, moving)

    def missing(self, found: Iterable[Found]) -> frozenset[str]:
        """The ids of the events that the re-run, which found these, does not have."""
        by_boot: dict[str, list[Found]] = {}
        for each in found:
            by_boot.setdefault(each.boot, []).append(each)
        return frozenset(
            each.event.event
            for boot, those in self._by_boot.items()
            for each in those
            if not any(each.is_in(other) for other in by_boot.get(boot, ()))
        )


class _Onset:
    """How one event began."""

    def __init__(self, event: Found) -> None:
        self.event = event
        self._moved_ns: int | None = None
        """When the node first saw its thing move; an event is dated back before that."""
        self._met_ns: list[int] = []

    def watch(self, look: Look, moving: Sequence[Region]) -> None:
        if look.mono_ns > self.event.last_ns:
            return
        own = [each.box for each in look.things if each.is_moving]
        if own and self._moved_ns is None:
            self._moved_ns = look.mono_ns
        if self._moved_ns is None:
            return
        late_ns = look.mono_ns - self._moved_ns
        if any(
            late_ns <= (FOLLOWED_NS if self._is_from_beginning(each) else LATE_NS)
            and any(_meet(box, each.box) for box in own)
            for each in moving
        ):
            self._met_ns.append(look.mono_ns)

    def _is_from_beginning(self, region: Region) -> bool:
        return region.since.mono_ns <= self.event.started_ns + LATE_NS

    def is_in(self, found: Found) -> bool:
        """Whether an event of the re-run is this one."""
        if self._moved_ns is None:
            return abs(found.started_ns - self.event.started_ns) <= LATE_NS
        return found.started_ns <= self.event.started_ns + LATE_NS and any(
            found.started_ns <= each <= found.last_ns for each in self._met_ns
        )


def _meet(one: Box, other: Box) -> bool:
    return all(
        one[axis] <= other[axis] + other[axis + 2] + ROUNDING
        and other[axis] <= one[axis] + one[axis + 2] + ROUNDING
        for axis in (0, 1)
    )
