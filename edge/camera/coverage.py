"""Decides what the ledger says of a camera's time, from what its threads see.

Watched is claimed only up to a frame that was looked at and that proves a living picture; all else
waits until it is known: a picture may turn out frozen since, a silence may turn out a loss.
Told by the analysis thread (`looked`, `skipped`, `lost`) and ticked by the agent's accountant, who
also writes. Any thread may call any method.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge.base.clock import Clock
from edge.camera.ledger import MS_NS, Account, Ledger
from edge.camera.moments import Anchor
from edge.contract import names
from edge.contract.record import BlindCause, CoverageSpans, Span
from edge.motion.picture import State

MAX_GAP_S = 5.0  # media time between two frames looked at that still counts as watched
# A stream that gives no picture for so long shows nothing, whatever it sends. More than the
# watchdog gives the analysis: a hang is to be told as one.
STALE_S = 40.0
MAX_DETAIL_CHARS = 100  # edge.contract.record.Span


@dataclass(frozen=True, slots=True)
class _Gap:
    """Why nothing is watched since the last frame that was. `is_open`: for as long as it takes."""

    cause: BlindCause
    detail: str | None = None
    is_open: bool = True


_OVERLOAD: tuple[BlindCause, str | None] = ("overload", None)


@dataclass(frozen=True, slots=True)
class Summary:
    """For the health report: seconds watched since the last one, and why it is blind now."""

    watched_s: float
    blind: BlindCause | None


class Coverage:
    """One camera's coverage from the agent's start to its end."""

    def __init__(
        self, clock: Clock, *, disarmed: str | None, is_storing: Callable[[], bool],
        since_ns: int | None = None, starting: str | None = None,
    ) -> None:  # fmt: skip
        """`disarmed`: by whom, None for armed. `is_storing` says whether events can be recorded
        now; it must not block. The account begins now, or at `since_ns`, where another one ended;
        `starting` says why the camera starts."""
        self._clock = clock
        self._is_storing = is_storing
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._ledger = Ledger(clock.mono_ns() if since_ns is None else since_ns)
        self._gap: _Gap | None = (
            _Gap("disarmed", disarmed) if disarmed else _Gap("starting", starting)
        )
        self._is_armed = disarmed is None
        self._looked_ns = clock.mono_ns()
        self._has_looked = False
        self._lowered: tuple[BlindCause | None, str | None] = (None, None)
        self._is_over = False
        self._reported_ns = 0

    def looked(self, at_ns: int, picture: State, detail: str | None = None) -> None:
        """The frame captured at `at_ns` was analysed; `detail` says more of a bad picture."""
        with self._lock:
            if self._is_over or not self._is_armed:
                return
            at_ns = min(at_ns, self._clock.mono_ns())  # files read fast run ahead of the clock
            if self._gap is not None:
                self._ledger.extend(at_ns, self._gap.cause, self._gap.detail)
                self._gap = None
            elif at_ns - self._looked_ns > MAX_GAP_S * 1e9:
                self._ledger.extend(self._looked_ns, *self._state())
                is_overload = self._lowered != (None, None) and self._lowered[0] != "stream_lost"
                self._ledger.extend(
                    at_ns, *(_OVERLOAD if is_overload else ("stream_lost", "pictures are missing"))
                )
            self._looked_ns, self._has_looked = at_ns, True
            if picture == "live":
                self._settle()
            elif picture != "unproven":
                self._ledger.extend(at_ns, picture, detail)

    def skipped(self) -> None:
        """Packets were passed over for want of time since the last frame that was looked at."""
        with self._lock:
            self._begin_gap(_Gap("overload", is_open=False))

    def lowered(self, says: str, *, blind: BlindCause | None) -> None:
        """Less is looked at from now on, as `says` tells; empty for no less.

        `blind` is the cause where it is so little that it does not count as watched.
        """
        with self._lock:
            if self._gap is None and not self._is_over and self._is_armed:
                self._settle()
            # A cause that is named already need not stand before the words.
            detail = says.removeprefix(f"{blind}: ") if blind else says
            self._lowered = blind, detail or None

    def hung(self, what: str) -> None:
        """Analysis does not go on; said by who restarts it."""
        with self._lock:
            self._begin_gap(_Gap("overload", names.shorten(f"{what} hung", MAX_DETAIL_CHARS)))

    def lost(self, reason: str, last_packet_ns: int | None = None) -> None:
        """The stream is lost; `last_packet_ns` is when it was last heard of."""
        with self._lock:
            if self._gap is not None and self._gap.cause == "overload":
                self._ledger.extend(last_packet_ns or 0, self._gap.cause, self._gap.detail)
                self._gap = None
            elif self._gap is not None and self._gap.cause == "starting":
                self._ledger.extend(self._clock.mono_ns(), "starting", self._gap.detail)
                self._gap = None
            self._begin_gap(_Gap("stream_lost", names.shorten(reason, MAX_DETAIL_CHARS)))

    def arm(self, disarmed: str | None) -> None:
        """Watched from now on, or not any more; `disarmed` says by whom."""
        with self._lock:
            if self._is_over:
                return
            now_ns = self._account_until_now()
            self._is_armed = disarmed is None
            self._gap = _Gap("disarmed", disarmed) if disarmed else _Gap("starting", "armed")
            self._looked_ns, self._has_looked = now_ns, False

    @property
    def end_ns(self) -> int:
        """Up to here the account is made."""
        return self._ledger.end_ns

    def tick(self) -> None:
        """Let time pass: extends what is known to go on."""
        with self._lock:
            if self._is_over:
                return
            now_ns = self._clock.mono_ns()
            if self._gap is not None and self._gap.is_open:
                self._ledger.extend(now_ns, self._gap.cause, self._gap.detail)
            is_waiting = self._gap is None or self._gap.cause == "starting"
            if is_waiting and now_ns - self._looked_ns > STALE_S * 1e9:
                self._begin_gap(_Gap("stream_lost", "no picture can be decoded"))

    def stop(self, why: str | None = None) -> None:
        """Close the account: the time since the last frame looked at is `stopped`; `why` says
        more."""
        with self._lock:
            if self._is_over:
                return
            now_ns = self._account_until_now()
            self._ledger.extend(now_ns, "stopped", why)
            self._is_over = True

    def write(self, append: Callable[[CoverageSpans], object]) -> None:
        """Append what is due. What `append` raises is passed on, and nothing is lost by it."""
        with self._writing:
            while True:
                with self._lock:
                    now_ns = self._clock.mono_ns()
                    account = self._ledger.due(now_ns, is_end=self._is_over)
                if not account:
                    return
                append(_record(account, Anchor(self._clock)))
                with self._lock:
                    self._ledger.settle(account, now_ns)

    def summary(self) -> Summary:
        """What became of the time since the last call."""
        with self._lock:
            before_ns, self._reported_ns = self._reported_ns, self._ledger.watched_ns
            blind: BlindCause | None = None
            if self._gap is not None:
                blind = self._gap.cause
            elif (last := self._ledger.last) is not None:
                blind = last.cause
            watched_s = max(0, self._ledger.watched_ns - before_ns) / 1e9
            return Summary(round(watched_s, 1), blind)

    # Below: called with the lock held.

    def _begin_gap(self, gap: _Gap) -> None:
        """Nothing more is looked at; what was looked at and never found wanting was watched."""
        if self._is_over or not self._is_armed:
            return
        if self._gap is None:
            self._settle()
        elif not gap.is_open:
            return  # what is wrong already is worse
        self._gap = gap

    def _account_until_now(self) -> int:
        """Account for all up to now, on the monotonic clock in ns, which is returned."""
        now_ns = self._clock.mono_ns()
        if self._gap is not None:
            self._ledger.extend(now_ns, self._gap.cause, self._gap.detail)
        else:
            self._settle()
        return now_ns

    def _settle(self) -> None:
        if self._has_looked:
            self._ledger.extend(self._looked_ns, *self._state())

    def _state(self) -> tuple[BlindCause | None, str | None]:
        return self._lowered if self._is_storing() else ("storage", "events cannot be recorded")


def _record(account: Account, anchor: Anchor) -> CoverageSpans:
    start_ns = account[0].start_ns
    spans = tuple(
        Span(
            from_ms=(each.start_ns - start_ns) // MS_NS,
            to_ms=(each.end_ns - start_ns) // MS_NS,
            state="watched" if each.is_watched else "blind",
            cause=each.cause,
            detail=each.detail,
        )
        for each in account
    )
    return CoverageSpans(anchor.instant(start_ns), anchor.instant(account[-1].end_ns), spans)
