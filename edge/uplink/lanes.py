"""Which records go next, and which go again. Pure: seqs and times in, seqs out.

After an outage three lanes share the way to the hub, so that none waits for another:
- backlog: what waited when the lanes were opened, in order, so many on their way that they wait
  QUEUE_S on it, WINDOW at most;
- live: what was appended since, in order, beside the backlog;
- urgent: what has a priority, wherever it stands in the journal.
When the backlog is through, its window is the live lane's.

All nodes of a town come back at once after an outage, and what is new queues at the hub behind
what is old. So each keeps its backlog's window such that records take QUEUE_S longer than the least
that one took, as LEDBAT does (RFC 6817 section 2.4.2), in records instead of bytes.

The hub says what it has: all up to a seq, and single ones beyond. What was sent before something
that it has, and is not among it, was lost on the way and goes again at once; the rest after
RESEND_S, and while the hub says nothing, after twice as long each time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

WINDOW = 200  # on their way; fits the hub's batch of 500
FIRST_WINDOW, LEAST_WINDOW = 4, 2  # of a backlog
QUEUE_S = 0.5  # LEDBAT's TARGET, for which a transport of packets takes 0.1 s
GAIN, MOST_OFF_TARGET = 4.0, 8.0  # records a window may change each way; times that, downwards
LIVE_WINDOW = 50  # of them beside a backlog
MAX_AHEAD = 450  # beyond the hub's `upto`; its acknowledgement can name 500
RESERVED_FOR_BACKLOG = 150  # of MAX_AHEAD: the one lane that makes `upto` move
RESEND_S = 20.0
MAX_RESEND_S = 160.0
LOST_S = 1.0  # what is younger may have been overtaken on the way, not lost


@dataclass
class Sent:
    """A record on its way."""

    order: int
    at_ns: int
    times: int = 1


class Lanes:
    """The state of sending. One thread at a time."""

    def __init__(self) -> None:
        self.on_way: dict[int, Sent] = {}
        self._order = 0
        self._newest_settled = 0
        self._silence_s = RESEND_S
        self._heard_ns = 0
        self._ahead = 0
        self._window = float(FIRST_WINDOW)
        self._least_ns: int | None = None
        self.open(0, 0, 0)

    def open(self, acked_seq: int, last_seq: int, now_ns: int) -> None:
        """Begin anew behind the last acknowledged record: a new connection, or a new journal."""
        self.on_way.clear()
        self._newest_settled = 0
        self._heard_ns, self._silence_s = now_ns, RESEND_S
        self._window, self._least_ns = float(FIRST_WINDOW), None
        self.backlog_seq = self.urgent_seq = acked_seq
        self._live_from = self.live_seq = max(acked_seq, last_seq)

    @property
    def has_backlog(self) -> bool:
        """Whether records from before the opening have not all been sent."""
        return self.backlog_seq < self._live_from

    def heard(self, upto: int, also: Collection[int], now_ns: int) -> None:
        """The hub acknowledged; what was sent long ago into its silence may go again."""
        was_silent = now_ns - self._heard_ns > self._silence_s * 1e9
        self._heard_ns, self._silence_s = now_ns, RESEND_S
        beyond = set(also)
        self._ahead = len(beyond)
        self.backlog_seq = max(self.backlog_seq, upto)
        settled = [each for each in self.on_way if each <= upto or each in beyond]
        self._adapt(settled, now_ns)
        for seq in settled:
            self._newest_settled = max(self._newest_settled, self.on_way.pop(seq).order)
        if was_silent:
            self._newest_settled = self._order + 1

    def again(self, now_ns: int) -> list[int]:
        """Seqs that are to be sent again now, in order."""
        is_silent = now_ns - self._heard_ns > self._silence_s * 1e9
        due = [
            seq
            for seq, sent in self.on_way.items()
            if now_ns - sent.at_ns > self._silence_s * 1e9
            or (sent.order < self._newest_settled and now_ns - sent.at_ns > LOST_S * 1e9)
        ]
        if due and is_silent:
            self._heard_ns = now_ns
            self._silence_s = min(MAX_RESEND_S, self._silence_s * 2)
        return sorted(due)

    def room(self) -> int:
        """How many more records of the live and urgent lanes may be sent."""
        window = LIVE_WINDOW if self.has_backlog else WINDOW
        ahead = MAX_AHEAD - (RESERVED_FOR_BACKLOG if self.has_backlog else 0) - self._ahead
        return min(window, ahead) - self._on_way(is_backlog=False)

    def backlog_room(self) -> int:
        """How many more records of the backlog may be sent."""
        on_way = self._on_way(is_backlog=True)
        return min(int(self._window) - on_way, MAX_AHEAD - self._ahead - len(self.on_way))

    def is_backlog(self, seq: int) -> bool:
        """Whether it waited when the lanes were opened."""
        return seq <= self._live_from

    def sent(self, seq: int, now_ns: int) -> None:
        """It was handed to the connection."""
        self._order += 1
        before = self.on_way.get(seq)
        self.on_way[seq] = Sent(self._order, now_ns, before.times + 1 if before else 1)

    def passed(self, seq: int) -> None:
        """The backlog has been sent up to here."""
        self.backlog_seq = max(self.backlog_seq, seq)

    def end_backlog(self) -> None:
        """Nothing of it is left to be sent."""
        self.backlog_seq = max(self.backlog_seq, self._live_from)

    def forget(self, seq: int) -> None:
        """It does not wait any more."""
        self.on_way.pop(seq, None)

    def _adapt(self, settled: list[int], now_ns: int) -> None:
        """Widen or narrow the backlog's window by how long records took that went once."""
        took_ns = [now_ns - sent.at_ns for sent in map(self.on_way.get, settled)
                   if sent is not None and sent.times == 1]  # fmt: skip
        if not took_ns:
            return
        least_ns = min(took_ns) if self._least_ns is None else min(self._least_ns, *took_ns)
        self._least_ns = least_ns
        queue_s = (min(took_ns) - least_ns) / 1e9
        off_target = max(-MOST_OFF_TARGET, 1 - queue_s / QUEUE_S)
        step = GAIN * off_target * len(took_ns) / self._window
        self._window = min(WINDOW, max(LEAST_WINDOW, self._window + step))

    def _on_way(self, *, is_backlog: bool) -> int:
        return sum(self.is_backlog(seq) == is_backlog for seq in self.on_way)
