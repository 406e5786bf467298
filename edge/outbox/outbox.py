"""Appending records, reading what waits, and freeing what the hub acknowledged.

Invariants
- While the disk works, a record's row is committed (WAL, synchronous=FULL) before `append` returns.
  While it does not, the record is numbered and chained as usual, kept in memory, sent, and written
  as soon as the disk works again; `problem` says so.
- The journal row (last_seq, last_hash) moves in the same transaction as the record, so seq has no
  gap and no fork whatever is killed when. What does not fit any more is left for a new epoch: no
  (epoch, seq) is ever used twice.
- A file's row is committed with the record that announces it, after the file itself is durable.
- Freeing takes the row back first and removes the file second: a row never names a missing file
  for longer than a crash, and a file without a row is swept at start.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.sqlite import DamagedDatabaseError
from edge.contract import ack as acks
from edge.contract import record
from edge.contract.parts import ClockStamp
from edge.keys import PrivateKey
from edge.outbox import settle, takeover
from edge.outbox.chain import Chain
from edge.outbox.journal import Journal, Limits, Reason
from edge.outbox.store import Store
from edge.outbox.values import (
    ORDINARY,
    AckMismatchError,
    Depth,
    Pending,
    WaitingFile,
    announced,
    clip_name,
    snapshot_name,
)

__all__ = [
    "AckMismatchError", "Depth", "Limits", "Outbox", "Pending", "WaitingFile", "clip_name",
    "snapshot_name",
]  # fmt: skip

log = logging.getLogger(__name__)

T = TypeVar("T")


class Outbox:
    """The journal in one SQLite file. Any thread may call any method; each blocks on the disk."""

    def __init__(
        self,
        path: Path,
        *,
        node: str,
        key: PrivateKey,
        clock: Clock,
        stamp: Callable[[], ClockStamp],
        free: Callable[[str], object],
        limits: Limits = Limits(),  # noqa: B008 - frozen
        give_way: Callable[[int], object] = lambda need_bytes: None,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        """Open or create the journal at `path`; a damaged one is moved aside and taken over.

        `free` removes a file from the spool, by its name, once the hub has it. `give_way` removes
        clips worth so many bytes, each recorded through `drop` first. `factory` makes SQLite
        connections. A disk that fails does not raise: see `problem`.
        """
        self.on_append: Callable[[], None] = lambda: None
        self.on_new_epoch: Callable[[], None] = lambda: None
        self._path = path
        self._clock = clock
        self._free = free
        self._give_way = give_way
        chain = Chain(node=node, key=key, clock=clock, stamp=stamp)
        self._journal = Journal(path, chain, clock, limits=limits, factory=factory)
        while takeover.take_over(self._journal):
            pass
        self._said_epoch = self.epoch

    @property
    def epoch(self) -> str:
        """The journal's epoch; a new one after damage, with `on_new_epoch` called."""
        return self._journal.chain.epoch

    @property
    def last_seq(self) -> int:
        """Seq of the newest record, 0 for none."""
        return self._journal.chain.last_seq

    @property
    def acked_seq(self) -> int:
        """Every record up to this seq is in the hub's archive."""
        return self._journal.acked_seq

    @property
    def was_clean(self) -> bool | None:
        """Whether the run before closed the journal; None for the first run."""
        return self._journal.was_clean

    @property
    def problem(self) -> str:
        """Why records are kept in memory only; empty while they are written."""
        return self._journal.problem

    def append(
        self,
        body: record.Body,
        *,
        camera: str | None = None,
        event: str | None = None,
        priority: int = ORDINARY,
    ) -> int:
        """Sign and store one record with the files that it announces; its seq.

        The files must be complete in the spool. Durable on return unless `problem` says otherwise.
        Records of a priority above ORDINARY, and their files, are sent before all others. Raises
        ContractError for what the contract does not allow; then nothing was appended.
        """
        signed = self._journal.add(
            lambda chain: chain.append(body, camera=camera, event=event, priority=priority)
        )
        self._journal.commit(signed)
        self.on_append()
        self._after()
        return signed.seq

    def pending(self, after_seq: int, limit: int, *, is_urgent: bool = False) -> list[Pending]:
        """Up to `limit` waiting records with a seq above `after_seq`, in order.

        `is_urgent`: only those of a priority above ORDINARY. While the disk fails, records that
        are in memory only come too. Raises StorageError.
        """
        journal = self._journal
        with journal.disk:
            after_seq = max(after_seq, journal.acked_seq)
            nothing: list[Pending] = []
            rows = self._ask(
                lambda store: store.pending(after_seq, limit, is_urgent=is_urgent), nothing
            )
            with journal.state:
                if journal.problem:
                    rows += [
                        Pending(each.seq, each.payload, each.signature, each.priority)
                        for each in journal.unwritten.records
                        if each.seq > after_seq and (each.priority > ORDINARY or not is_urgent)
                    ]
                return [row for row in rows if journal.is_waiting(row.seq)][:limit]

    def waiting_clips(self, limit: int) -> list[WaitingFile]:
        """Clips whose announcing record the hub has: by priority, oldest first. StorageError."""
        return self._files("clip", limit)

    def waiting_snapshots(self, limit: int) -> list[WaitingFile]:
        """Snapshots whose announcing record the hub has, in the same order. StorageError."""
        return self._files("snapshot", limit)

    def open_events(self) -> list[record.Record]:
        """The event.started records of events that have not ended; at start, those cut short."""
        rows = self._read("SELECT payload FROM open_events", ())
        found = [record.decode(row["payload"]) for row in rows]
        with self._journal.state:
            for each in self._journal.unwritten.records:
                if isinstance(each.body, record.EventStarted):
                    found.append(record.Record(each.header, each.body))
                elif isinstance(each.body, record.EventEnded):
                    found = [one for one in found if one.header.event != each.header.event]
        by_event = {each.header.event or "": each for each in found}
        return [by_event[event] for event in sorted(by_event)]

    def last_part(self, event: str) -> record.EventUpdated | None:
        """The newest event.updated of an event that has not ended, also once the hub has it."""
        rows = self._read("SELECT updated FROM open_events WHERE event = ?", (event,))
        payloads = [row["updated"] for row in rows if row["updated"] is not None]
        bodies = [record.decode(payload).body for payload in payloads]
        with self._journal.state:
            memory = self._journal.unwritten.records
            bodies += [each.body for each in memory if each.header.event == event]
        updates = [body for body in bodies if isinstance(body, record.EventUpdated)]
        return updates[-1] if updates else None

    def set_upload(self, name: str, upload: str | None) -> None:
        """Remember where the upload of a clip goes on after an interruption."""
        with self._journal.state:
            self._journal.unwritten.uploads[name] = upload
        self._journal.flush()

    def apply(self, *received: acks.Ack) -> None:
        """Free what the hub has committed. The caller has verified the hub's signature.

        Raises AckMismatchError, and frees nothing of that one and those behind it, when a head is
        not in this journal; StorageError when a file cannot be removed.
        """
        journal = self._journal
        with journal.disk:
            try:
                with journal.state:
                    for ack in received:
                        if ack.epoch != self.epoch:
                            continue  # an old ack for a journal that was replaced
                        settle.check(journal, ack)
                        settle.settle(journal, ack)
                    if journal.problem:
                        journal.declare()  # the hub listens: tell it what memory could not hold
            finally:
                journal.flush()
        self._after()

    def begin_anew(self, mismatch: AckMismatchError, hub_has_upto: int) -> None:
        """Leave the journal that the hub does not know, and go on in a new epoch.

        What it holds is appended again there. Not more often than once a minute.
        """
        cause: Literal["storage", "corrupt"] = "storage" if mismatch.is_beyond else "corrupt"
        self._journal.condemn(Reason(str(mismatch), cause, hub_has_upto))
        self._journal.flush()
        self._after()

    def mend(self) -> bool:
        """Try again what the disk did not let us do; whether more is left for the next call.

        Called about once a second by a thread that may block on the disk.
        """
        self._journal.flush()
        is_more = takeover.take_over(self._journal)
        self._keep_ballast()
        self._after()
        return is_more

    def _keep_ballast(self) -> None:
        """Make the ballast again where it is gone; taken-over journals, then clips give way."""
        ballast = self._journal.ballast
        try:
            if ballast.missing_bytes() and takeover.sweep(self._journal, keep=0):
                log.warning("the disk is full: journals moved aside are removed")
            if need_bytes := ballast.missing_bytes():
                self._give_way(need_bytes)
            ballast.restore()
        except StorageError as err:
            log.debug("no ballast beside the journal yet: %s", err)

    def depth(self) -> Depth:
        """How much waits for the hub; of files only what can be read."""
        journal = self._journal
        with journal.disk:
            nothing: dict[str, tuple[int, int]] = {}
            by_kind = self._ask(lambda store: store.files_by_kind(), nothing)
            oldest_s = self._oldest_s()
            with journal.state:
                gone = sum(
                    gap.last_seq - max(gap.first_seq - 1, journal.acked_seq) for gap in journal.gaps
                )
                waiting = self.last_seq - self.acked_seq - len(journal.acked_beyond) - gone
        clips, clip_bytes = by_kind.get("clip", (0, 0))
        return Depth(
            max(0, waiting), by_kind.get("snapshot", (0, 0))[0], clips, clip_bytes, oldest_s
        )

    def drop(self, name: str, *, cause: Literal["quota", "missing"]) -> bool:
        """Record that a waiting file will never reach the hub; false if nobody waits for it.

        The row goes in the transaction that appends the record. Raises StorageError.
        """
        rows = self._read("SELECT * FROM files WHERE name = ?", (name,))
        if not rows:
            return False
        row = rows[0]
        body = record.FileDropped(row["kind"], row["sha256"], row["size_bytes"], cause, row["part"])
        with self._journal.state:
            if any(each.body == body for each in self._journal.unwritten.records):
                return False  # said already, though the disk does not have it yet
        self.append(body, event=row["event"])
        return True

    def file_names(self) -> set[str]:
        """The names of all files that wait; what else lies in the spool nobody waits for.

        Raises StorageError, also while not all is known yet.
        """
        if not takeover.is_complete(self._journal):
            raise StorageError("a journal moved aside is not taken over yet", path=str(self._path))
        rows = self._read("SELECT name FROM files", ())
        with self._journal.state:
            memory = [file for each in self._journal.unwritten.records for file in announced(each)]
        return {row["name"] for row in rows} | {file.name for file in memory}

    def close(self) -> None:
        """Write what can be written and close the file. No other method may be called then."""
        self._journal.close()

    def _oldest_s(self) -> float:
        """Age of the oldest waiting record; by the wall clock where another boot wrote it."""
        oldest = self.pending(0, 1)
        if not oldest:
            return 0.0
        header = record.decode(oldest[0].payload).header
        if header.clock.boot == self._clock.boot:
            return max(0, self._clock.mono_ns() - header.clock.mono_ns) / 1e9
        return max(0.0, (self._clock.utc() - header.at_utc).total_seconds())

    def _files(self, kind: str, limit: int) -> list[WaitingFile]:
        journal = self._journal
        with journal.disk:
            return self._ask(lambda store: store.waiting(kind, journal.acked_seq, limit))

    def _read(self, query: str, values: Sequence[object]) -> list[sqlite3.Row]:
        with self._journal.disk:
            return self._ask(lambda store: store.read(query, values))

    def _ask(self, question: Callable[[Store], T], fallback: T | None = None) -> T:
        """The file's answer; `fallback`, if any, while it cannot be read. Needs `disk`."""
        journal = self._journal
        try:
            return question(journal.readable())
        except DamagedDatabaseError as err:
            journal.condemn(Reason(str(err)))
            raise
        except StorageError:
            if fallback is None:
                raise
            return fallback

    def _after(self) -> None:
        """What must not happen under a lock: removing files, telling of a new epoch."""
        while self._journal.to_free:
            self._free(self._journal.to_free.pop(0))
        if self._said_epoch != self.epoch:
            self._said_epoch = self.epoch
            self.on_new_epoch()
