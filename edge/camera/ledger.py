"""A camera's account of its time: every moment since the start was watched, or was not and why.

A tape that only grows at its end: `extend` says what the time from the end up to a later moment
was, so the stretches follow each other without gap or overlap by construction, and nothing that
was said is taken back. Pure; the caller gives the monotonic time and owns the lock.

`due` hands out what was not yet written, as one account after the other; `settle` forgets an
account once its record is in the journal. If that cannot be written, the tape waits in memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.contract.record import BlindCause

PERIOD_S = 300.0  # an account at least this often
BETWEEN_CHANGES_S = 5.0  # and no oftener than this for changes, so that flapping fills no journal
MAX_SPANS = 48  # of one account: with the longest details they fit into a record of 8 KiB
MAX_ACCOUNT_S = 3600.0
MAX_STRETCHES = 1000  # held while nothing can be written
MS_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one moment to another, in nanoseconds that are whole milliseconds."""

    start_ns: int
    end_ns: int
    cause: BlindCause | None
    """None where it was watched."""
    detail: str | None = None

    @property
    def is_watched(self) -> bool:
        """Whether motion would have been seen and recorded."""
        return self.cause is None

    def follows_as_same(self, other: Stretch) -> bool:
        """Whether both say the same of their time."""
        return (self.cause, self.detail) == (other.cause, other.detail)


Account = tuple[Stretch, ...]


class Ledger:
    """The tape of one camera in one run of the agent."""

    def __init__(self, start_ns: int) -> None:
        self._end_ns = _whole_ms(start_ns)
        self._stretches: list[Stretch] = []
        self._written: Stretch | None = None
        self._written_ns: int | None = None
        self.watched_ns = 0
        """Watched so far, in all."""

    @property
    def end_ns(self) -> int:
        """Up to here the account is made."""
        return self._end_ns

    @property
    def last(self) -> Stretch | None:
        """What was said last; None before the first word."""
        return self._stretches[-1] if self._stretches else self._written

    def extend(self, until_ns: int, cause: BlindCause | None, detail: str | None = None) -> None:
        """The time from the tape's end to `until_ns` was watched (None) or blind for `cause`.

        Does nothing where that moment is accounted for already.
        """
        until_ns = _whole_ms(until_ns)
        if until_ns <= self._end_ns:
            return
        new = Stretch(self._end_ns, until_ns, cause, detail)
        self._end_ns = until_ns
        self.watched_ns += until_ns - new.start_ns if cause is None else 0
        last = self._stretches[-1] if self._stretches else None
        if last is not None and new.follows_as_same(last) and _fits(last.start_ns, until_ns):
            self._stretches[-1] = Stretch(last.start_ns, until_ns, cause, detail)
            return
        self._stretches.append(new)
        if len(self._stretches) > MAX_STRETCHES:
            self._shorten()

    def due(self, now_ns: int, *, is_end: bool = False) -> Account:
        """What should be written now; empty where nothing should. `is_end` asks for all there is.

        Ask again after `settle`: a long time without writing makes several accounts.
        """
        if not self._stretches:
            return ()
        age_s = (now_ns - self._stretches[0].start_ns) / 1e9
        if not (is_end or age_s >= PERIOD_S or self._has_changed(now_ns)):
            return ()
        account: list[Stretch] = []
        for each in self._stretches[:MAX_SPANS]:
            if account and not _fits(account[0].start_ns, each.end_ns):
                break
            account.append(each)
        return tuple(account)

    def settle(self, account: Account, now_ns: int) -> None:
        """`account`, which `due` gave, is written. What was added since stays."""
        end_ns = account[-1].end_ns
        kept = [each for each in self._stretches if each.end_ns > end_ns]
        if kept and kept[0].start_ns < end_ns:
            first = kept[0]
            kept[0] = Stretch(end_ns, first.end_ns, first.cause, first.detail)
        self._stretches = kept
        self._written, self._written_ns = account[-1], now_ns

    def _has_changed(self, now_ns: int) -> bool:
        if self._written_ns is not None and now_ns - self._written_ns < BETWEEN_CHANGES_S * 1e9:
            return False
        said = self._written
        return any(said is None or each.is_watched != said.is_watched for each in self._stretches)

    def _shorten(self) -> None:
        """Join the shortest two neighbours; where one was blind, all of it counts as that."""
        pairs = range(len(self._stretches) - 1)
        at = min(pairs, key=lambda n: self._stretches[n + 1].end_ns - self._stretches[n].start_ns)
        first, second = self._stretches[at : at + 2]
        blind = second if first.is_watched else first
        if not blind.is_watched:
            self.watched_ns -= sum(
                each.end_ns - each.start_ns for each in (first, second) if each.is_watched
            )
        joined = Stretch(first.start_ns, second.end_ns, blind.cause, blind.detail)
        self._stretches[at : at + 2] = [joined]


def _whole_ms(mono_ns: int) -> int:
    return mono_ns // MS_NS * MS_NS


def _fits(start_ns: int, end_ns: int) -> bool:
    return end_ns - start_ns <= MAX_ACCOUNT_S * 1e9
