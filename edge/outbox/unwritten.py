"""What the journal's file does not hold yet: the next transaction, and what a failing disk leaves.

Bounded by MAX_RECORDS. Past it the oldest records go; what the hub did not have of them is kept as
stretches, to be declared by a journal.gap record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from edge.contract import record
from edge.outbox.chain import is_own_gap
from edge.outbox.values import Change, Gap, OpenEvent, Salvage, Signed, Tip, WaitingFile

MAX_RECORDS = 2000  # of about 1.5 KiB, and their bodies: some 10 MiB


class Unwritten:
    """Changes in the order in which they were made. One thread at a time."""

    def __init__(self, max_records: int = MAX_RECORDS) -> None:
        self.max_records = max_records
        self.records: deque[Signed] = deque()
        self.acked: set[int] = set()
        self.freed: set[str] = set()
        self.uploads: dict[str, str | None] = {}
        self.gaps: dict[int, Gap] = {}
        self.files: dict[str, WaitingFile] = {}
        self.open_events: list[OpenEvent] = []
        self.salvages: dict[str, Salvage] = {}

    def add(self, signed: Signed) -> None:
        """Take one record."""
        self.records.append(signed)

    def find(self, seq: int) -> Signed | None:
        """The record of that seq, if it is here."""
        if not self.records or not self.records[0].seq <= seq <= self.records[-1].seq:
            return None
        return self.records[seq - self.records[0].seq]  # they follow without a hole

    def trim(self, acked_seq: int) -> list[Gap]:
        """Let the oldest records go while there are too many; what the hub misses of them."""
        lost: list[Gap] = []
        while len(self.records) > self.max_records:
            signed = self.records.popleft()
            if signed.seq <= acked_seq or signed.seq in self.acked:
                continue
            lost.append(Gap(signed.seq, signed.seq, "storage"))
            if isinstance(signed.body, record.JournalGap) and is_own_gap(signed):
                last_seq = signed.body.last_seq or signed.body.first_seq
                lost.append(Gap(signed.body.first_seq, last_seq, signed.body.cause))
        return lost

    def change(self, tip: Tip, *, is_clean: bool = False) -> Change:
        """All of it, as one transaction."""
        return Change(
            tip,
            tuple(self.records),
            frozenset(self.acked),
            frozenset(self.freed),
            tuple(self.uploads.items()),
            tuple(self.gaps.values()),
            tuple(self.files.values()),
            tuple(self.open_events),
            tuple(self.salvages.values()),
            is_clean,
        )

    def written(self, change: Change) -> None:
        """Forget what `change` held, now that the file has it."""
        last_seq = change.records[-1].seq if change.records else 0
        while self.records and self.records[0].seq <= last_seq:
            self.records.popleft()
        self.acked -= change.acked
        self.freed -= change.freed
        for name, upload in change.uploads:
            if self.uploads.get(name) == upload:
                del self.uploads[name]
        for gap in change.gaps:
            if self.gaps.get(gap.first_seq) == gap:
                del self.gaps[gap.first_seq]
        for file in change.files:
            self.files.pop(file.name, None)
        del self.open_events[: len(change.open_events)]
        for salvage in change.salvages:
            if self.salvages.get(salvage.name) == salvage:
                del self.salvages[salvage.name]

    @property
    def is_empty(self) -> bool:
        """Whether the file is as new as memory."""
        return not any(
            (self.records, self.acked, self.freed, self.uploads, self.gaps, self.files,
             self.open_events, self.salvages)
        )  # fmt: skip


def merged(gaps: Iterable[Gap]) -> list[Gap]:
    """Stretches in order, neighbours of one cause joined; of overlaps the earlier one's cause."""
    found: list[Gap] = []
    for gap in sorted(gaps, key=lambda each: (each.first_seq, -each.last_seq)):
        last = found[-1] if found else None
        if last is not None and gap.first_seq <= last.last_seq + 1 and gap.cause == last.cause:
            found[-1] = Gap(last.first_seq, max(last.last_seq, gap.last_seq), last.cause)
        else:
            found.append(gap)
    return found
