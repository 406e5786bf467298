"""The outbox against a model of a few lines, over random histories (Hypothesis)."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.contract import names, record
from edge.contract.ack import Ack
from edge.outbox.journal import RETRY_S
from edge.outbox.outbox import Limits, Outbox, clip_name
from tests.edge.outbox.rig import NODE, Place, booted

MEMORY_RECORDS = 6


class Flaky(sqlite3.Connection):
    """Commits fail while it is told so."""

    is_failing = False

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        if statement == "COMMIT" and Flaky.is_failing:
            err = sqlite3.OperationalError("disk I/O error")
            err.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise err
        return super().execute(statement, *values)  # type: ignore[arg-type]


class OutboxMachine(RuleBasedStateMachine):
    """The hub never lies, the disk may fail, and the process may be cut short while it works."""

    def __init__(self) -> None:
        super().__init__()
        Flaky.is_failing = False
        self.folder = Path(tempfile.mkdtemp())
        self.place = Place(self.folder, factory=Flaky, limits=Limits(max_unwritten=MEMORY_RECORDS))
        self.payloads: dict[int, bytes] = {}  # of every record that could ever be seen
        self.gaps: dict[int, tuple[int, int]] = {}  # first and last by the gap record's seq
        self.hub: set[int] = set()  # seqs that the hub has
        self.upto = 0
        self.waiting_files: dict[str, int] = {}  # name to the announcing seq

    @initialize()
    def open(self) -> None:
        self.outbox: Outbox = self.place.open()
        self.epoch = self.outbox.epoch

    @rule(count=st.integers(1, 4))
    def append(self, count: int) -> None:
        for _ in range(count):
            self.outbox.append(booted())
        self.learn()

    @rule(priority=st.integers(0, 1))
    def end_event(self, priority: int) -> None:
        event = self.place.new_event()
        seq = self.place.end(self.outbox, event, priority=priority)
        self.waiting_files[clip_name(f"{event}.0")] = seq
        self.learn()

    @rule(data=st.data())
    def receive(self, data: st.DataObject) -> None:
        """Some of what waits reaches the hub, in any order."""
        waiting = [pending.seq for pending in self.outbox.pending(0, 100)]
        if waiting:
            self.hub |= set(data.draw(st.lists(st.sampled_from(waiting), max_size=8)))

    @rule()
    def acknowledge(self) -> None:
        """The hub says what it has; what a gap record that it has covers counts as settled."""
        settled = self.hub | {
            seq
            for told_by, gap in self.gaps.items()
            if told_by in self.hub
            for seq in range(gap[0], gap[1] + 1)
        }
        upto = self.upto
        for seq in range(self.upto + 1, self.outbox.last_seq + 1):
            if seq not in settled:
                break
            upto = seq if seq in self.hub else upto
        self.upto = upto
        head = record.digest(self.payloads[upto]) if upto else names.FIRST_HASH
        also = tuple(sorted(seq for seq in self.hub if seq > upto))
        self.outbox.apply(Ack(names.VERSION, NODE, self.outbox.epoch, upto, head, also))
        self.learn()

    @rule(data=st.data())
    def drop_file(self, data: st.DataObject) -> None:
        if not Flaky.is_failing and self.waiting_files:
            name = data.draw(st.sampled_from(sorted(self.waiting_files)))
            seq = self.waiting_files.pop(name)
            was_lost = any(first <= seq <= last for first, last in self.gaps.values())
            assert self.outbox.drop(name, cause="quota") is not was_lost
            self.learn()

    @rule(counts=st.lists(st.integers(1, 5), max_size=3))
    def fail(self, counts: list[int]) -> None:
        """The disk fails, and goes on failing, while more is appended and time passes."""
        Flaky.is_failing = True
        for count in counts:
            self.append(count)
            self.wait()

    @rule()
    def heal(self) -> None:
        Flaky.is_failing = False
        self.wait()

    @rule()
    def wait(self) -> None:
        self.place.clock.advance(RETRY_S + 1)
        self.outbox.mend()
        self.learn()

    @rule(is_clean=st.booleans())
    def restart(self, is_clean: bool) -> None:
        """With a disk that works, so that nothing is in memory only."""
        self.heal()
        if is_clean:
            self.outbox.close()
        self.outbox = self.place.open()
        assert self.outbox.was_clean is is_clean

    @invariant()
    def one_epoch_one_chain(self) -> None:
        assert self.outbox.epoch == self.epoch
        assert not self.payloads or self.outbox.last_seq >= max(self.payloads)

    @invariant()
    def nothing_is_lost_in_silence(self) -> None:
        """Each seq waits, or the hub said that it has it, or it was given up with a word."""
        waiting = {pending.seq for pending in self.outbox.pending(0, 10**6)}
        assert not {seq for seq in waiting if seq <= self.upto}
        missing = set(range(self.upto + 1, self.outbox.last_seq + 1)) - waiting - self.hub
        told = {seq for gap in self.gaps.values() for seq in range(gap[0], gap[1] + 1)}
        undeclared = {
            seq
            for gap in self.outbox._journal.gaps
            if gap.declared_seq is None
            for seq in range(gap.first_seq, gap.last_seq + 1)
        }
        assert missing <= told | undeclared
        assert not undeclared or Flaky.is_failing or self.outbox.problem

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.outbox._journal.unwritten.records) <= MEMORY_RECORDS + 1

    def learn(self) -> None:
        """Look at all that waits: a seq never means another record than before."""
        for pending in self.outbox.pending(0, 10**6):
            assert self.payloads.setdefault(pending.seq, pending.payload) == pending.payload
            body = record.decode(pending.payload).body
            if isinstance(body, record.JournalGap):
                self.gaps[pending.seq] = (body.first_seq, body.last_seq or body.first_seq)

    def teardown(self) -> None:
        Flaky.is_failing = False
        self.outbox.close()
        shutil.rmtree(self.folder)


class TestOutbox(OutboxMachine.TestCase):  # type: ignore[misc,valid-type]
    """Hypothesis runs the machine."""

    settings = settings(
        max_examples=30,
        stateful_step_count=40,
        deadline=None,
        phases=[Phase.generate],  # a history of forty steps is short enough to read
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
