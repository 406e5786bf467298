"""How an event follows from its records, whatever order they come in.

Each event record states some facts; `merge` joins the facts of two sets of records. It is
commutative, associative and idempotent, so duplicates and reordering end in the same event.
Where records contradict each other, the journal's order (epoch, seq) decides, never wall time;
but an end that a node told while it ran knows better than one that it told after a crash, which
may only know of it by a clip that it found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from edge.contract.parts import Box, ClockState, Instant, Label
from edge.contract.record import (
    CameraFound,
    CameraLost,
    CameraTampered,
    EventEnded,
    EventLabelled,
    EventStarted,
    EventUpdated,
    Header,
)

EventBody = (
    EventStarted | EventUpdated | EventEnded | EventLabelled | CameraTampered
    | CameraLost | CameraFound
)  # fmt: skip
FOUND = "found"  # why a loss ended

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_INT64 = 2**63 - 1
NS_IN_MS = 1_000_000
PROVISIONAL, STARTED, ENDED = 0, 1, 2
GUESSED, MENDED, SEEN, TOLD = 0, 1, 2, 3


@dataclass(frozen=True)
class Moment:
    """A moment as a record claims it, and on the monotonic clock of the record's boot.

    A node takes all wall times of an event or an account from one reading at its start, also where
    its clock was set before it wrote the record. `told_ms` is the moment as the record's own time
    and the monotonic clock tell it; None where the clock was not set, or may be another boot's.
    """

    clock: ClockState
    error_ms: int | None
    claimed_ms: int
    mono_ns: int
    told_ms: int | None


@dataclass(frozen=True)
class Start:
    """When an event began, by one record.

    `rank`: the record of a regular end knows best (TOLD), for the clock may have been set by then;
    next the record of the start (SEEN). An end that was written after a crash (MENDED) repeats a
    moment of a boot that may not be its own. Parts of a clip and labels only let guess (GUESSED).
    """

    rank: int
    epoch: str
    seq: int
    boot: str
    moment: Moment


@dataclass(frozen=True)
class Found:
    """One label of an event; `seen_ms` as the node's wall clock has it."""

    label: str
    confidence: float
    box: Box
    seen_ms: int


@dataclass(frozen=True)
class Labels:
    """What one record says that an event is, the surest first; of two records the newer counts."""

    epoch: str
    seq: int
    found: tuple[Found, ...]


@dataclass(frozen=True)
class EventFacts:
    """What is known of an event. `rank` says from which kind of record; higher knows better.

    The end is as claimed, and on the monotonic clock that the start is on.
    """

    rank: int
    epoch: str
    seq: int
    camera: str
    kind: str | None
    start: Start
    ended_ms: int | None
    ended_mono_ns: int | None
    duration_ms: int | None
    reason: str | None
    fault: str | None
    score: float | None
    zones: tuple[str, ...]
    parts: int
    labels: Labels | None = None


def facts_of(header: Header, body: EventBody) -> EventFacts:
    """What one record says about its event."""
    zones = body.zones if isinstance(body, EventStarted | EventUpdated | EventEnded) else ()
    facts = EventFacts(
        PROVISIONAL, header.epoch, header.seq, header.camera or "", None, _start_of(header, body),
        None, None, None, None, None, None, tuple(sorted(set(zones))), 0,
    )  # fmt: skip
    if isinstance(body, EventLabelled):
        return replace(facts, labels=_labels_of(header, body))
    if isinstance(body, EventUpdated):
        return replace(facts, parts=body.clip.part + 1)
    if isinstance(body, EventStarted):
        return replace(facts, rank=STARTED, kind=body.kind, score=body.score)
    if isinstance(body, CameraTampered):
        return replace(facts, rank=STARTED, kind="tampered", score=body.score)
    if isinstance(body, CameraLost):
        return replace(facts, rank=STARTED, kind="lost")
    if isinstance(body, CameraFound):
        return replace(
            facts,
            rank=ENDED,
            kind="lost",
            ended_ms=to_ms(header.at_utc),
            ended_mono_ns=header.clock.mono_ns,
            duration_ms=body.lost_ms,
            reason=FOUND,
        )
    return replace(
        facts,
        rank=ENDED,
        kind=body.kind,
        score=body.score,
        ended_ms=to_ms(body.ended.utc),
        ended_mono_ns=body.ended.mono_ns,
        duration_ms=body.duration_ms,
        reason=body.reason,
        fault=body.fault,
        parts=body.parts,
    )


def _at(header: Header) -> Instant:
    return Instant(header.at_utc, header.clock.mono_ns)


def _labels_of(header: Header, body: EventLabelled) -> Labels:
    surest: dict[str, Label] = {}
    for each in sorted(body.labels, key=lambda each: (-each.confidence, each.label)):
        surest.setdefault(each.label, each)
    found = tuple(
        Found(each.label, float(each.confidence), each.box, to_ms(each.seen.utc))
        for each in surest.values()
    )
    return Labels(header.epoch, header.seq, found)


def _start_of(header: Header, body: EventBody) -> Start:
    if isinstance(body, EventUpdated):
        rank, instant, later_ms = GUESSED, body.clip.starts, body.clip.pre_roll_ms
    elif isinstance(body, EventLabelled):
        rank, instant, later_ms = GUESSED, body.looked, 0
    elif isinstance(body, EventStarted):
        rank, instant, later_ms = SEEN, body.started, 0
    elif isinstance(body, CameraTampered):
        rank, instant, later_ms = SEEN, body.since, 0
    elif isinstance(body, CameraLost):
        rank, instant, later_ms = SEEN, body.last_packet or _at(header), 0
    elif isinstance(body, CameraFound):  # its start is before it, and told by another record
        rank, instant, later_ms = GUESSED, _at(header), 0
    else:
        rank = MENDED if body.reason == "interrupted" else TOLD
        instant, later_ms = body.started, 0
    moment = moment_of(header, instant, later_ms=later_ms, is_of_its_boot=rank != MENDED)
    return Start(rank, header.epoch, header.seq, header.clock.boot, moment)


def moment_of(
    header: Header, instant: Instant, *, later_ms: int = 0, is_of_its_boot: bool = True
) -> Moment:
    """The moment `later_ms` after an instant that a record tells of."""
    clock = header.clock
    mono_ns = min(instant.mono_ns + later_ms * NS_IN_MS, MAX_INT64)
    told_ms = None
    if clock.state != "unsynced" and is_of_its_boot:
        told_ms = to_ms(header.at_utc) + mono_ns // NS_IN_MS - clock.mono_ns // NS_IN_MS
    claimed_ms = min(to_ms(instant.utc) + later_ms, MAX_INT64)
    return Moment(clock.state, clock.error_ms, claimed_ms, mono_ns, told_ms)


def merge(one: EventFacts, other: EventFacts) -> EventFacts:
    """What both together say."""
    best = max(one, other, key=_authority)
    start = max(one.start, other.start, key=_start_authority)
    parts = max(one.parts, other.parts)
    labels = max((one.labels, other.labels), key=_label_authority)
    if best.rank == ENDED:
        return replace(best, start=start, parts=parts, labels=labels)
    zones = tuple(sorted({*one.zones, *other.zones}))
    return replace(best, start=start, zones=zones, parts=parts, labels=labels)


def _authority(facts: EventFacts) -> tuple[int, ...]:
    """The last regular end wins, then the last one told after a crash; before there is one, the
    first start; before that, the first part."""
    epoch = int(facts.epoch, 16)
    if facts.rank == ENDED:
        return facts.rank, facts.reason != "interrupted", epoch, facts.seq
    return facts.rank, -epoch, -facts.seq


def _start_authority(start: Start) -> tuple[int, ...]:
    """By rank; of equal ones the last end, the first start, the earliest guess."""
    epoch = int(start.epoch, 16)
    if start.rank in (TOLD, MENDED):
        return start.rank, 0, epoch, start.seq
    guess_ms = start.moment.claimed_ms if start.rank == GUESSED else 0
    return start.rank, -guess_ms, -epoch, -start.seq


def _label_authority(labels: Labels | None) -> tuple[int, ...]:
    return () if labels is None else (int(labels.epoch, 16), labels.seq)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, exact for every datetime."""
    return (moment - UNIX_EPOCH) // timedelta(milliseconds=1)


def from_ms(millis: int) -> datetime:
    """The time that `to_ms` counted, held within what a datetime can say."""
    try:
        return UNIX_EPOCH + timedelta(milliseconds=millis)
    except OverflowError:
        last = datetime.max if millis > 0 else datetime.min
        return last.replace(tzinfo=UTC)
