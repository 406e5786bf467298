"""One camera's trace as it lies in its segments: put in order, placed in time, judged anew.

A chunk whose clock was not set when it was written is placed by a later one of the same boot whose
clock was. Boots are judged apart, since nothing is known between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from edge.base.errors import storage_error
from edge.contract.motion import MotionSettings
from edge.contract.parts import Box
from edge.motion.look import Look
from edge.motion.observation import Region
from edge.trace import segment
from edge.trace.lines import Line, Mark
from edge.trace.rerun import Rerun, Span
from edge.trace.segment import Chunk, Damage, Head

Change = Callable[[MotionSettings], MotionSettings]
Window = tuple[datetime, datetime]
Watch = Callable[[Head, Look, Sequence[Region]], None]
"""Told of each look that was judged, with what moves in it by the re-run."""
SKEW_NS = 60 * 10**9  # by which a chunk's lines may be out of order
EDGE = timedelta(seconds=60)  # of trace before a window, so that tracks are known in it


@dataclass(frozen=True)
class Found:
    """An event of a re-run, or one that the node made, in wall time."""

    boot: str
    started_ns: int
    last_ns: int
    started_utc: datetime
    last_utc: datetime
    event: str = ""
    """The id, of one that the node made."""
    span: Span | None = None
    """Of a re-run."""


@dataclass(frozen=True)
class BadPart:
    """A damaged part of a segment."""

    path: Path
    damage: Damage


@dataclass
class Tape:
    """All chunks of one camera of one node, in order."""

    node: str
    camera: str
    chunks: list[Chunk] = field(default_factory=list)
    damage: list[BadPart] = field(default_factory=list)
    files: int = 0
    size_bytes: int = 0
    _clocks: dict[str, Head] = field(default_factory=dict, repr=False)
    """The reading of each boot's clocks that is trusted most."""

    def sort(self) -> None:
        """Put the chunks in order: boot by boot, within each by its clock."""
        self._clocks = {boot: _best_clock(found) for boot, found in self._by_boot().items()}
        self.chunks.sort(key=lambda each: (self._clocks[each.head.boot].at(0), each.head.mono_ns))

    @property
    def settings(self) -> MotionSettings | None:
        """Those that ran last."""
        return self.chunks[-1].head.motion if self.chunks else None

    def ran(self, window: Window | None = None) -> list[MotionSettings]:
        """All settings that ran, each once, the newest first."""
        within = (each for each in self.chunks if window is None or self._overlaps(each, window))
        return list(dict.fromkeys(each.head.motion for each in reversed(list(within))))

    def ran_at_start(self) -> dict[str, MotionSettings]:
        """By the id of each event that the node made, the settings that ran when it began."""
        return {
            line.event: chunk.head.motion
            for chunk in self.chunks
            for line in chunk.lines
            if isinstance(line, Mark) and line.kind == "event.started"
        }

    @property
    def lines(self) -> int:
        """How many there are."""
        return sum(len(each.lines) for each in self.chunks)

    def at(self, head: Head, mono_ns: int) -> datetime:
        """Wall time at a moment of the boot of `head`."""
        return (self._clocks[head.boot] if head.clock == "unsynced" else head).at(mono_ns)

    def events(self, window: Window | None = None) -> list[Found]:
        """Those that the node made."""
        found: list[Found] = []
        open_at: dict[str, int] = {}
        for chunk in self.chunks:
            for line in chunk.lines:
                if not isinstance(line, Mark) or not line.event:
                    continue
                first_ns = open_at.get(line.event)
                if line.kind == "event.started":
                    open_at[line.event] = len(found)
                    found.append(self._found(chunk.head, line.mono_ns, line.mono_ns, line.event))
                elif first_ns is not None:
                    started_ns = found[first_ns].started_ns
                    found[first_ns] = self._found(
                        chunk.head, started_ns, max(started_ns, line.mono_ns), line.event
                    )
        return [each for each in found if _is_within(each.started_utc, window)]

    def rerun(
        self,
        change: Change,
        window: Window | None = None,
        *,
        near: Sequence[Found] | None = None,
        watch: Watch | None = None,
    ) -> list[Found]:
        """The events by other settings; `change` makes them of those that ran. `near`: only what
        is around these, which is much quicker. `watch` is told of each look."""
        found: list[Found] = []
        state: Rerun | None = None
        before: Head | None = None
        for chunk in self.chunks:
            head = chunk.head
            if window is not None and not self._overlaps(chunk, window):
                continue
            if state is None or before is None or not _goes_on(before, head):
                found += self._finished(state, before)
                state = Rerun(
                    change(head.motion), width=head.width, height=head.height, layers=head.layers
                )
            before = head
            for line in _around(chunk, near):
                state.take(line)
                if watch is not None and isinstance(line, Look):
                    watch(head, line, state.moving)
            found += self._taken(state, head)
        found += self._finished(state, before)
        return [each for each in found if _is_within(each.started_utc, window)]

    def extent(self, event: Found) -> Box | None:
        """The box in which everything lay that the node saw move during an event."""
        boxes = [
            thing.box
            for chunk in self.chunks
            if chunk.head.boot == event.boot and _may_hold(chunk, event.started_ns, event.last_ns)
            for line in chunk.lines
            if event.started_ns <= line.mono_ns <= event.last_ns and isinstance(line, Look)
            for thing in line.things
            if thing.is_moving
        ]
        if not boxes:
            return None
        left, top = min(each[0] for each in boxes), min(each[1] for each in boxes)
        right = max(each[0] + each[2] for each in boxes)
        bottom = max(each[1] + each[3] for each in boxes)
        return (left, top, right - left, bottom - top)

    @property
    def span(self) -> Window | None:
        """From the first line to the last."""
        if not self.chunks:
            return None
        moments = [
            self.at(chunk.head, line.mono_ns)
            for chunk in self.chunks
            for line in (chunk.lines[:1] + chunk.lines[-1:])
        ]
        return (min(moments), max(moments)) if moments else None

    def _overlaps(self, chunk: Chunk, window: Window) -> bool:
        if not chunk.lines:
            return False
        first = self.at(chunk.head, min(each.mono_ns for each in chunk.lines))
        last = self.at(chunk.head, chunk.lines[-1].mono_ns)
        return first <= window[1] and last + EDGE >= window[0]

    def _taken(self, state: Rerun, head: Head) -> list[Found]:
        spans, state.found = state.found, []
        return [self._found(head, each.started_ns, each.last_ns, span=each) for each in spans]

    def _finished(self, state: Rerun | None, head: Head | None) -> list[Found]:
        if state is None or head is None:
            return []
        state.finish()
        return self._taken(state, head)

    def _found(
        self, head: Head, started_ns: int, last_ns: int, event: str = "", span: Span | None = None
    ) -> Found:
        return Found(
            head.boot, started_ns, last_ns, self.at(head, started_ns), self.at(head, last_ns),
            event, span,
        )  # fmt: skip

    def _by_boot(self) -> dict[str, list[Head]]:
        found: dict[str, list[Head]] = {}
        for chunk in self.chunks:
            found.setdefault(chunk.head.boot, []).append(chunk.head)
        return found


def load(paths: Iterable[Path]) -> list[Tape]:
    """The tapes in these segments, by node and camera. Raises StorageError."""
    tapes: dict[tuple[str, str], Tape] = {}
    homeless: list[tuple[Path, list[Damage]]] = []
    for path in sorted(paths):
        try:
            data = path.read_bytes()
        except OSError as err:
            raise storage_error(err, "cannot read", path) from err
        broken = []
        tape: Tape | None = None
        for each in segment.read(data):
            if isinstance(each, Damage):
                broken.append(each)
                continue
            key = each.head.node, each.head.camera
            tape = tapes.setdefault(key, Tape(*key))
            tape.chunks.append(each)
        if tape is None:
            homeless.append((path, broken))
            continue
        tape.files += 1
        tape.size_bytes += len(data)
        tape.damage += [BadPart(path, each) for each in broken]
    for path, broken in homeless:  # of which camera is known by its folder alone
        for tape in tapes.values():
            if path.parent.name == tape.camera:
                tape.damage += [BadPart(path, each) for each in broken]
    for tape in tapes.values():
        tape.sort()
    return [tapes[key] for key in sorted(tapes)]


def _best_clock(heads: Sequence[Head]) -> Head:
    """The reading of a boot's clocks that can be trusted most."""
    trusted = [each for each in heads if each.clock != "unsynced"]
    return max(trusted or heads, key=lambda each: (each.clock == "synced", each.mono_ns))


def _goes_on(before: Head, head: Head) -> bool:
    """Whether one state of judging holds for both chunks."""
    return (before.boot, before.width, before.height, before.layers, before.motion) == (
        head.boot, head.width, head.height, head.layers, head.motion,
    )  # fmt: skip


def _around(chunk: Chunk, near: Sequence[Found] | None) -> Iterator[Line]:
    """The lines around these events, with a hole where others were left out."""
    if near is None:
        yield from chunk.lines
        return
    edge_ns = round(EDGE.total_seconds() * 1e9)
    spans = [
        (each.started_ns - edge_ns, each.last_ns + edge_ns)
        for each in near
        if each.boot == chunk.head.boot
    ]
    spans = [each for each in spans if _may_hold(chunk, *each)]
    if not spans:
        yield Mark(chunk.head.mono_ns, "lost")
        return
    was_within = True
    for line in chunk.lines:
        is_within = any(first <= line.mono_ns <= last for first, last in spans)
        if is_within:
            yield line
        elif was_within:
            yield Mark(line.mono_ns, "lost")
        was_within = is_within


def _may_hold(chunk: Chunk, first_ns: int, last_ns: int) -> bool:
    """Whether a chunk may have lines between two moments."""
    if not chunk.lines:
        return False
    return chunk.lines[0].mono_ns <= last_ns + SKEW_NS and (
        first_ns <= chunk.lines[-1].mono_ns + SKEW_NS
    )


def _is_within(moment: datetime, window: Window | None) -> bool:
    return window is None or window[0] <= moment < window[1]
