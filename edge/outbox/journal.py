"""One journal: the chain's end, what its file does not hold yet, and the file while it is usable.

Everything that changes is first changed in memory, under `state`; `flush` then brings the file up
to it in one transaction, under `disk`. So threads that append at once share a commit, and a disk
that fails only lengthens the distance between memory and file. `disk` is taken before `state`.

After an error the file is closed and opened again before the next attempt: SQLite then moves what
was committed out of its log, so that nothing rests on pages whose flush failed, and the whole file
is checked. What does not fit what was written is moved aside, and a new epoch begins.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.base.clock import Clock
from edge.base.errors import DiskFullError, StorageError
from edge.base.logs import error_chain
from edge.base.sqlite import DamagedDatabaseError
from edge.contract import record
from edge.outbox import aside
from edge.outbox.ballast import Ballast
from edge.outbox.chain import Chain, gap_body
from edge.outbox.history import History
from edge.outbox.salvage import Remains
from edge.outbox.store import Store
from edge.outbox.unwritten import MAX_RECORDS, Unwritten, merged
from edge.outbox.values import Change, Gap, GapCause, Salvage, Signed, Tip

log = logging.getLogger(__name__)

RETRY_S = 5.0  # between attempts at a disk that fails
ANEW_PAUSE_S = 60.0  # between two new epochs, whatever goes wrong
GIVE_UP_RECORDS = 256  # at once, past the quota
MAX_ATTEMPTS = 8  # of one flush; each but the last ends with something else to try


@dataclass(frozen=True)
class Limits:
    """What a journal may take of the disk and of memory."""

    max_bytes: int = 256 * 2**20
    ballast_bytes: int = 0
    max_unwritten: int = MAX_RECORDS


@dataclass(frozen=True)
class Reason:
    """Why a journal is not gone on with."""

    text: str
    cause: GapCause = "corrupt"
    hub_has_upto: int = 0
    is_whole: bool = False
    """Nothing of it is missing, as far as it can be told."""


class Journal:
    """Any thread may call; those that say so need a lock."""

    def __init__(
        self,
        path: Path,
        chain: Chain,
        clock: Clock,
        *,
        limits: Limits,
        factory: type[sqlite3.Connection],
    ) -> None:
        """Open the journal at `path` or begin one. A disk that fails is lived without."""
        self.path = path
        self.chain = chain
        self.disk = threading.RLock()
        self.state = threading.RLock()
        self.unwritten = Unwritten(limits.max_unwritten)
        self.acked_seq, self.acked_hash = 0, chain.last_hash
        self.acked_beyond: set[int] = set()
        self.gaps: list[Gap] = []
        self.was_clean: bool | None = None
        self.problem = ""
        self.to_free: list[str] = []
        self.store: Store | None = None
        self._reader: Store | None = None
        self.salvages: dict[str, Salvage] = {}
        self.reasons: dict[str, Reason] = {}
        self.ballast = Ballast(path.with_name(path.name + ".ballast"), limits.ballast_bytes)
        self._limits = limits
        self._clock = clock
        self._factory = factory
        self._history = History()
        self._reason: Reason | None = None
        self._written: Tip | None = None
        self._attempt: Change | None = None
        self._is_begun = False
        self._is_marked = False  # the file says that it is in use: not closed in good order
        self._remembered = ""
        self._retry_ns = 0
        self._anew_ns: int | None = None
        self._vanished: str | None = None
        if aside.known_epoch(path) is not None:
            self.was_clean = False
        self.flush()
        self._is_begun = True

    @property
    def tip(self) -> Tip:
        """Where the journal stands, on disk or not. Needs `state`."""
        chain = self.chain
        return Tip(chain.epoch, chain.last_seq, chain.last_hash, self.acked_seq, self.acked_hash)

    def add(self, make: Callable[[Chain], Signed]) -> Signed:
        """Take one record that `make` makes. Raises ContractError; nothing was taken then."""
        with self.state:
            signed = make(self.chain)
            self._history.intend(signed.digest, signed.payload)
            self.unwritten.add(signed)
            return signed

    def commit(self, signed: Signed) -> None:
        """Have `signed` written, unless another thread's flush took it along or the disk fails."""
        with self.disk:
            with self.state:
                if self.unwritten.find(signed.seq) is not signed:
                    return
            self.flush()

    def flush(self) -> None:
        """Bring the file up to memory. Where that fails, `problem` says why, until it works."""
        with self.disk:
            if self.problem and self._clock.mono_ns() < self._retry_ns:
                self._trim()
                return
            for _ in range(MAX_ATTEMPTS):
                try:
                    self._write()
                    if not self._keep_quota() and not self.declare():
                        self._succeed()
                        return
                except DamagedDatabaseError as err:
                    self.condemn(self._reason or Reason(str(err)))
                except DiskFullError as err:
                    if not self.ballast.release():
                        self._fail(err)
                        return
                    log.warning("the disk is full; the journal's ballast is given up")
                except StorageError as err:
                    self._fail(err)
                    return
            self._fail(StorageError(f"{self.path} cannot be mended", path=str(self.path)))

    def readable(self) -> Store:
        """The file, to be read, also where it cannot be written. Needs `disk`. StorageError."""
        if self.store is not None:
            return self.store
        if self._reader is None:
            if self._written is None:
                raise StorageError(self.problem or "no journal is open", path=str(self.path))
            self._reader = Store.open_to_read(self.path)
        return self._reader

    def condemn(self, reason: Reason) -> None:
        """Never go on with the file; the next flush moves it aside and begins a new epoch."""
        with self.disk:
            self._reason = reason
            self._drop_store()

    def declare(self) -> bool:
        """Append a journal.gap record for each stretch given up; whether there was one."""
        with self.state:
            found = False
            for gap in [each for each in self.gaps if each.declared_seq is None]:
                body = gap_body(self.chain.epoch, gap.first_seq, gap.last_seq, gap.cause)
                signed = self._add_body(body)
                declared = Gap(gap.first_seq, gap.last_seq, gap.cause, signed.seq)
                self.gaps[self.gaps.index(gap)] = declared
                self.unwritten.gaps[gap.first_seq] = declared
                found = True
            return found

    def is_waiting(self, seq: int) -> bool:
        """Whether the hub does not have it, as far as is known. Needs `state`."""
        return seq > self.acked_seq and seq not in self.acked_beyond

    def close(self) -> None:
        """Write what can be written, mark the end as clean, close the file."""
        with self.disk:
            self._retry_ns = 0
            self.flush()
            if self.store is not None and not self.problem:
                with contextlib.suppress(StorageError), self.state:
                    self.store.write(self.unwritten.change(self.tip, is_clean=True))
            self._drop_store()
            self._history.close()

    def _write(self) -> None:
        """One transaction, if anything is new. Raises StorageError. Needs `disk`."""
        store = self._opened()
        with self.state:
            is_new = self._written != self.tip or not self.unwritten.is_empty
            change = self.unwritten.change(self.tip)
        if is_new or not self._is_marked:
            self._attempt = change
            store.write(change)
            self._done(change)
        if self._remembered != change.tip.epoch:
            aside.remember_epoch(self.path, change.tip.epoch)
            self._remembered = change.tip.epoch

    def _done(self, change: Change) -> None:
        with self.state:
            self.unwritten.written(change)
            self._written, self._attempt, self._is_marked = change.tip, None, True
            self.to_free += sorted(change.freed)
        for signed in change.records:
            self._history.returned(signed.digest)

    def _opened(self) -> Store:
        """The file, opened and checked. Raises StorageError, DamagedDatabaseError."""
        if self.store is None:
            self._drop_store()
            aside.finish(self.path)
            if self._reason is not None:
                self._move_aside(self._reason)
            store = Store(self.path, factory=self._factory)
            try:
                self._fit(store)
            except BaseException:
                with contextlib.suppress(StorageError):
                    store.close()
                raise
            self.store = store
        return self.store

    def _fit(self, store: Store) -> None:
        """Go on where the file ends, or see that it goes on from here."""
        tip = store.tip
        if not self._is_begun and tip is not None:
            self._resume(store, tip)
        elif tip is None and self._written is not None:
            self._begin_anew()  # the file was taken away from under us
        elif tip is not None and tip.epoch != self.chain.epoch:
            self.condemn(Reason("it could not be used at the start", "storage", is_whole=True))
            raise DamagedDatabaseError(f"{self.path} holds another epoch", path=str(self.path))
        elif tip is not None and self._attempt is not None and tip == self._attempt.tip:
            self._done(self._attempt)  # it was committed, though SQLite could not say so
        elif tip != self._written:
            self.condemn(Reason("it lost what had been committed", "storage"))
            raise DamagedDatabaseError(f"{self.path} lost commits", path=str(self.path))
        with self.state:
            self.salvages = store.salvages() | self.unwritten.salvages
            self._miss()

    def _resume(self, store: Store, tip: Tip) -> None:
        with self.state:
            self.chain.resume(tip.epoch, tip.last_seq, tip.last_hash)
            self.acked_seq, self.acked_hash = tip.acked_seq, tip.acked_hash
            self.acked_beyond = store.acked_beyond()
            self.gaps = store.gaps
            self.was_clean = store.was_clean
            self._written, self._is_begun = tip, True

    def _miss(self) -> None:
        """Say so where the journal that stood here last is gone and was not moved aside by us."""
        last = aside.known_epoch(self.path)
        known = {aside.epoch_of(self.path, each) for each in aside.moved(self.path)}
        if last in (None, self.chain.epoch, self._vanished) or last in known:
            return
        self._vanished = last
        log.error("journal %s is gone; epoch %s begins", last, self.chain.epoch)
        body = gap_body(last or "", 1, None, "corrupt", "the journal's file was gone")
        self._add_body(body)

    def _move_aside(self, reason: Reason) -> None:
        """Put the file away and begin a new epoch. Raises StorageError."""
        now_ns = self._clock.mono_ns()
        if self._anew_ns is not None and now_ns - self._anew_ns < ANEW_PAUSE_S * 1e9:
            raise StorageError(f"{self.path} is given up again: {reason.text}")
        if self.path.exists():
            moved = aside.move(self.path, self._epoch_of_file())
            self.reasons[moved.name] = reason
            log.error("the journal is moved aside to %s: %s", moved.name, reason.text)
        self._reason, self._anew_ns = None, now_ns
        if self._is_begun and not (reason.is_whole and self._written is None):
            self._begin_anew()
        self.was_clean = False if not self._is_begun else self.was_clean

    def _epoch_of_file(self) -> str:
        if self._written is not None:
            return self._written.epoch
        remains = Remains(self.path, self.chain.key.public)
        try:
            tip = remains.tip
        finally:
            remains.close()
        return tip.epoch if tip else aside.known_epoch(self.path) or aside.UNKNOWN_EPOCH

    def _begin_anew(self) -> None:
        """A new epoch; what waits in memory only comes first in it, said again."""
        with self.state:
            waiting = [each for each in self.unwritten.records if self.is_waiting(each.seq)]
            self.unwritten = Unwritten(self._limits.max_unwritten)
            self.chain.begin()
            self.acked_seq, self.acked_hash = 0, self.chain.last_hash
            self.acked_beyond, self.gaps = set(), []
            self._written = self._attempt = None
            for signed in waiting:
                self._add_again(signed)

    def _add_body(self, body: record.Body) -> Signed:
        return self.add(lambda chain: chain.append(body))

    def _add_again(self, signed: Signed) -> None:
        self.add(lambda chain: chain.append_again(signed.payload, signed.priority))

    def _keep_quota(self) -> bool:
        """Give up the oldest records past the quota; whether there were any. StorageError."""
        store = self._opened()
        if store.used_bytes <= self._limits.max_bytes:
            return False
        gaps, freed = store.give_up_oldest(GIVE_UP_RECORDS)
        if gaps:
            log.error("the journal is full: %d records are given up", GIVE_UP_RECORDS)
        with self.state:
            self.gaps += gaps
            self.to_free += freed
        return bool(gaps) and self.declare()

    def _trim(self) -> None:
        """Keep what memory holds bounded."""
        with self.state:
            lost = self.unwritten.trim(self.acked_seq)
            if not lost:
                return
            open_gaps = [each for each in self.gaps if each.declared_seq is None]
            settled = [each for each in self.gaps if each.declared_seq is not None]
            again = {each.first_seq for each in lost}
            found = merged([*open_gaps, *lost])
            self.gaps = [each for each in settled if each.first_seq not in again] + found
            for gap in open_gaps:
                self.unwritten.gaps.pop(gap.first_seq, None)
            self.unwritten.gaps |= {each.first_seq: each for each in found}

    def _fail(self, err: StorageError) -> None:
        if not isinstance(err, DiskFullError):
            self._drop_store()
        if not self.problem:
            log.error("the journal cannot be written: %s; it goes on in memory", error_chain(err))
        self.problem = f"the journal is kept in memory only: {err}"
        self._retry_ns = self._clock.mono_ns() + round(RETRY_S * 1e9)
        self._trim()

    def _succeed(self) -> None:
        if self.problem:
            log.warning("the journal can be written again")
        self.problem = ""

    def _drop_store(self) -> None:
        for store in (self.store, self._reader):
            if store is not None:
                with contextlib.suppress(StorageError):
                    store.close()
        self.store = self._reader = None
