"""How an event follows from its records, whatever order they come in.

Each event record states some facts; `merge` joins the facts of two sets of records. It is
commutative, associative and idempotent, so duplicates and reordering end in the same event.
Where records contradict each other, the journal's order (epoch, seq) decides, never wall time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from edge.contract.record import EventEnded, EventStarted, EventUpdated, Header

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_INT64 = 2**63 - 1
PROVISIONAL, STARTED, ENDED = 0, 1, 2


@dataclass(frozen=True)
class EventFacts:
    """What is known of an event. `rank` says from which kind of record; higher knows better."""

    rank: int
    epoch: str
    seq: int
    camera: str
    kind: str | None
    started_ms: int
    ended_ms: int | None
    duration_ms: int | None
    reason: str | None
    fault: str | None
    score: float | None
    zones: tuple[str, ...]
    parts: int


def facts_of(header: Header, body: EventStarted | EventUpdated | EventEnded) -> EventFacts:
    """What one record says about its event."""
    facts = EventFacts(
        PROVISIONAL, header.epoch, header.seq, header.camera or "", None, 0,
        None, None, None, None, None, tuple(sorted(set(body.zones))), 0,
    )  # fmt: skip
    if isinstance(body, EventUpdated):
        started_ms = min(to_ms(body.clip.starts.utc) + body.clip.pre_roll_ms, MAX_INT64)
        return replace(facts, started_ms=started_ms, parts=body.clip.part + 1)
    facts = replace(
        facts, rank=STARTED, kind=body.kind, started_ms=to_ms(body.started.utc), score=body.score
    )
    if isinstance(body, EventStarted):
        return facts
    return replace(
        facts,
        rank=ENDED,
        ended_ms=to_ms(body.ended.utc),
        duration_ms=body.duration_ms,
        reason=body.reason,
        fault=body.fault,
        parts=body.parts,
    )


def merge(one: EventFacts, other: EventFacts) -> EventFacts:
    """What both together say."""
    best = max(one, other, key=_authority)
    if best.rank == ENDED:
        return best
    zones = tuple(sorted({*one.zones, *other.zones}))
    return replace(best, zones=zones, parts=max(one.parts, other.parts))


def _authority(facts: EventFacts) -> tuple[int, ...]:
    """The last end wins; before there is one, the first start; before that, the earliest guess."""
    epoch = int(facts.epoch, 16)
    if facts.rank == ENDED:
        return facts.rank, epoch, facts.seq
    guess_ms = facts.started_ms if facts.rank == PROVISIONAL else 0
    return facts.rank, -guess_ms, -epoch, -facts.seq


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, exact for every datetime."""
    return (moment - UNIX_EPOCH) // timedelta(milliseconds=1)


def from_ms(millis: int) -> datetime:
    """The time that `to_ms` counted, held within what a datetime can say."""
    try:
        return UNIX_EPOCH + timedelta(milliseconds=millis)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
