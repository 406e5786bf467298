"""Tries one camera's other settings on its segments, the newest first, a slice at a time.

For whoever waits at a screen: each slice gives its answer as soon as it is judged, and is let go of
before the next is read, so that a week of a busy street takes no more memory than an hour of it.
An event that lies across two slices is judged in both; `Tally` puts that together. One that was
confirmed is judged in the slice alone in which it begins, by its beginning (edge.trace.onset).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from edge.contract.parts import Box
from edge.trace import tape as tapes
from edge.trace.compare import as_it_was, rejudge, without
from edge.trace.lines import Mark
from edge.trace.segment import Head
from edge.trace.tape import Change, Found, Tape

FIRST_SLICE_BYTES = 2**17  # so that there is something to see at once
SLICE_BYTES = 2**20  # of files; their lines take some hundred times as much memory
MAX_EXTENTS = 40  # events of a slice whose place in the picture is told

Outcome = Literal["kept", "gone", "unsure"]
"""gone: other settings would not have made the event; unsure: neither do those that ran, so the
trace cannot answer for it."""


@dataclass(frozen=True)
class Judged:
    """An event that the node made."""

    event: str
    outcome: Outcome
    box: Box | None
    """Where it moved, of the picture; None where that is not known."""


@dataclass(frozen=True)
class Slice:
    """What other settings make of a part of the trace. `new` are when events began that would be
    besides."""

    since_utc: datetime
    until_utc: datetime
    judged: tuple[Judged, ...]
    new: tuple[datetime, ...]


def slices(
    files: Sequence[tuple[Path, int]], camera: str, change: Change, since_utc: datetime,
    confirmed: Collection[str] = (),
) -> Iterator[Slice]:  # fmt: skip
    """Judge these segments, each with its size in bytes, oldest first; answers come newest first,
    and end where a slice begins before `since_utc`. `confirmed`: ids of events that must be found
    from their beginning. Raises StorageError."""
    for paths in _parts(files):
        found = [each for each in tapes.load(paths) if each.camera == camera]
        for tape in found:
            span = tape.span
            if span is None or span[1] < since_utc:
                return
            yield _judged(tape, change, max(span[0], since_utc), span[1], frozenset(confirmed))
            if span[0] < since_utc:
                return


def _parts(files: Sequence[tuple[Path, int]]) -> Iterator[list[Path]]:
    """Segments that are read together, the newest first."""
    part: list[Path] = []
    room_bytes = FIRST_SLICE_BYTES
    for path, size_bytes in reversed(files):
        if part and size_bytes > room_bytes:
            yield part
            part, room_bytes = [], SLICE_BYTES
        part.append(path)
        room_bytes -= size_bytes
    if part:
        yield part


def _judged(
    tape: Tape, change: Change, since_utc: datetime, until_utc: datetime, confirmed: frozenset[str]
) -> Slice:
    then = _events(tape)
    elsewhere = confirmed - {each.event for each in tape.events()}
    tried = rejudge(tape, change, then, confirmed)
    gone = [each for each in then if each.event in tried.lost]
    unsure = rejudge(tape, as_it_was, gone, confirmed, near=gone).lost if gone else frozenset()
    judged: list[Judged] = []
    for each in then:
        if each.started_utc < since_utc or each.event in elsewhere:
            continue
        outcome: Outcome = "gone" if each.event in tried.lost else "kept"
        box = tape.extent(each) if len(judged) < MAX_EXTENTS else None
        judged.append(Judged(each.event, "unsure" if each.event in unsure else outcome, box))
    new = [each.started_utc for each in without(tried.found, then) if each.started_utc >= since_utc]
    return Slice(since_utc, until_utc, tuple(judged), tuple(new))


def _events(tape: Tape) -> list[Found]:
    """Those that the node made, also where one of their ends lies in another slice."""
    found: list[Found] = []
    open_at: dict[str, int] = {}
    boot, first_ns = "", 0
    for chunk in tape.chunks:
        head = chunk.head
        if head.boot != boot:
            boot, first_ns, open_at = head.boot, chunk.lines[0].mono_ns if chunk.lines else 0, {}
        for line in chunk.lines:
            if not isinstance(line, Mark) or not line.event:
                continue
            started_ns, last_ns = line.mono_ns, max(first_ns, line.mono_ns)
            if line.kind == "event.started":
                open_at[line.event] = len(found)
            elif (at := open_at.pop(line.event, None)) is not None:
                started_ns = found[at].started_ns
                last_ns = max(started_ns, line.mono_ns)
                found[at] = _found(tape, head, started_ns, last_ns, line.event)
                continue
            else:
                started_ns = first_ns
            found.append(_found(tape, head, started_ns, last_ns, line.event))
        for event, at in open_at.items():  # so far; it goes on
            last_ns = max(found[at].last_ns, chunk.lines[-1].mono_ns)
            found[at] = _found(tape, head, found[at].started_ns, last_ns, event)
    return found


def _found(tape: Tape, head: Head, started_ns: int, last_ns: int, event: str) -> Found:
    return Found(
        head.boot, started_ns, last_ns, tape.at(head, started_ns), tape.at(head, last_ns), event
    )


@dataclass
class Tally:
    """Slices put together: an event is kept where any slice keeps it."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    boxes: dict[str, Box] = field(default_factory=dict)
    new: list[datetime] = field(default_factory=list)
    since_utc: datetime | None = None
    until_utc: datetime | None = None

    def add(self, part: Slice) -> None:
        """One more."""
        rank: Mapping[Outcome, int] = {"kept": 0, "unsure": 1, "gone": 2}
        for each in part.judged:
            known = self.outcomes.get(each.event, each.outcome)
            self.outcomes[each.event] = min(known, each.outcome, key=rank.__getitem__)
            if each.box is not None:
                self.boxes.setdefault(each.event, each.box)
        self.new += part.new
        self.since_utc = min(self.since_utc or part.since_utc, part.since_utc)
        self.until_utc = max(self.until_utc or part.until_utc, part.until_utc)
