"""What is known of a camera's time, from the accounts that its node gave. Pure.

Each moment has one state: watched; blind, with a cause; or unknown, which is everything that no
account speaks for. Where accounts contradict each other the worse holds: blind before watched.
An account whose time is not known makes no moment watched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from hub.archive.values import Stretch

SNAP_MS = 2000  # within this, a slewed clock is why wall times of one moment differ
TICK_MS = 2  # two roundings to a millisecond

NODE_OFF = "node_off"  # blind: the node, or its agent, did not run
NOT_HEARD = "not_heard"  # unknown: no account of it
RECORDS_MISSING = "records_missing"  # unknown: between accounts that are here, records are not
CLOCK_UNKNOWN = "clock_unknown"  # unknown: there is an account, but of a clock that was never set
CLOCK_STEPPED = "clock_stepped"  # unknown: no such time was, by the node's clock

Between = Literal["node_off", "records_missing"]


@dataclass(frozen=True)
class Part:
    """One span of an account: wall time, the same on the boot's monotonic clock, what it says."""

    from_ms: int
    to_ms: int
    from_mono_ms: int
    to_mono_ms: int
    state: Literal["watched", "blind"]
    cause: str | None
    detail: str | None
    is_placed: bool


@dataclass(frozen=True)
class Account:
    """What one record accounts for."""

    epoch_id: int
    seq: int
    boot_id: int
    parts: tuple[Part, ...]


_Claim = tuple[int, int, Stretch]
_UNKNOWN, _WATCHED, _BLIND = range(3)


def resolve(
    accounts: Sequence[Account],
    from_ms: int,
    to_ms: int,
    between: Callable[[Account, Account], Between | None],
    why_off: Callable[[Account, Account], str | None] = lambda one, other: None,
) -> tuple[Stretch, ...]:
    """The time from `from_ms` to `to_ms` as stretches without gap or overlap.

    `accounts` are in journal order; `between` says what is known of the time between two of them,
    `why_off` why the node did not run then, where that is known.
    """
    joined = _join(accounts)
    claims = [_claim(part) for account in joined for part in account.parts]
    claims += _holes(joined, from_ms, to_ms, between, why_off)
    claims = [each for each in claims if each[2].from_ms < to_ms and each[2].to_ms > from_ms]
    return tuple(_merge(_sweep(claims, from_ms, to_ms)))


def _join(accounts: Sequence[Account]) -> list[Account]:
    """Let each account begin where the one before it ended, if that was the same moment."""
    result: list[Account] = []
    for account in accounts:
        if result and _follows(result[-1], account):
            first, end_ms = account.parts[0], result[-1].parts[-1].to_ms
            if abs(first.from_ms - end_ms) <= SNAP_MS and end_ms < first.to_ms:
                parts = (replace(first, from_ms=end_ms), *account.parts[1:])
                account = replace(account, parts=parts)
        result.append(account)
    return result


def _follows(one: Account, other: Account) -> bool:
    """Whether one account ends at the moment at which the other begins."""
    ends, begins = one.parts[-1], other.parts[0]
    return (
        one.boot_id == other.boot_id
        and ends.is_placed
        and begins.is_placed
        and abs(begins.from_mono_ms - ends.to_mono_ms) <= TICK_MS
    )


def _claim(part: Part) -> _Claim:
    if not part.is_placed:
        return _UNKNOWN, 1, Stretch(part.from_ms, part.to_ms, "unknown", CLOCK_UNKNOWN)
    if part.state == "watched":
        watched = Stretch(part.from_ms, part.to_ms, "watched", detail=part.detail)
        return _WATCHED, 0, watched
    return _BLIND, 0, Stretch(part.from_ms, part.to_ms, "blind", part.cause, part.detail)


def _holes(
    accounts: Sequence[Account],
    from_ms: int,
    to_ms: int,
    between: Callable[[Account, Account], Between | None],
    why_off: Callable[[Account, Account], str | None],
) -> Iterator[_Claim]:
    for one, other in pairwise(accounts):
        ends, begins = one.parts[-1], other.parts[0]
        start_ms, end_ms = max(ends.to_ms, from_ms), min(begins.from_ms, to_ms)
        if start_ms >= end_ms or not (ends.is_placed and begins.is_placed):
            continue
        if _follows(one, other):
            yield _UNKNOWN, 2, Stretch(start_ms, end_ms, "unknown", CLOCK_STEPPED)
            continue
        cause = between(one, other)
        if cause == NODE_OFF:
            off = Stretch(start_ms, end_ms, "blind", NODE_OFF, why_off(one, other))
            yield _BLIND, 0, off
        elif cause == RECORDS_MISSING:
            yield _UNKNOWN, 3, Stretch(start_ms, end_ms, "unknown", RECORDS_MISSING)


def _sweep(claims: Sequence[_Claim], from_ms: int, to_ms: int) -> Iterator[Stretch]:
    """The worst claim at each moment; unknown where there is none."""
    waiting = sorted(claims, key=lambda claim: claim[2].from_ms, reverse=True)
    edges = {from_ms, to_ms}
    for _, _, stretch in claims:
        edges |= {max(from_ms, stretch.from_ms), min(to_ms, stretch.to_ms)}
    ordered = sorted(edges)
    active: list[_Claim] = []
    for start_ms, end_ms in pairwise(ordered):
        while waiting and waiting[-1][2].from_ms <= start_ms:
            active.append(waiting.pop())
        active = [claim for claim in active if claim[2].to_ms > start_ms]
        if active:
            _, _, worst = max(active, key=_weight)
            yield replace(worst, from_ms=start_ms, to_ms=end_ms)
        else:
            yield Stretch(start_ms, end_ms, "unknown", NOT_HEARD)


def _weight(claim: _Claim) -> tuple[int, int, str, str]:
    rank, weight, stretch = claim
    return rank, weight, stretch.cause or "", stretch.detail or ""


def _says(stretch: Stretch) -> tuple[str, str | None, str | None]:
    return stretch.state, stretch.cause, stretch.detail


def _merge(stretches: Iterator[Stretch]) -> Iterator[Stretch]:
    """Neighbours that say the same, as one."""
    last: Stretch | None = None
    for stretch in stretches:
        if last is not None and _says(stretch) == _says(last):
            last = replace(last, to_ms=stretch.to_ms)
            continue
        if last is not None:
            yield last
        last = stretch
    if last is not None:
        yield last
