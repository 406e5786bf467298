"""A node's journal and spool without its threads, and what was ever reported of them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.base.clock import SystemClock
from edge.camera import recovery
from edge.contract import ack as acks
from edge.contract import names
from edge.contract.parts import ClockStamp, Instant
from edge.mux.spool import Spool, SpoolFile
from edge.outbox.outbox import Outbox
from tests.fault import small_town
from tests.fault.history import Json
from tests.fault.node_files import read_node
from tests.fault.node_rules import check_node
from tests.fault.verdict import Verdict

QUOTA_BYTES = 2**30


@dataclass
class NodeRig:
    """One state folder. Opened by a writer that is killed, or by the judge after it."""

    folder: Path

    @contextlib.contextmanager
    def open(self) -> Iterator[tuple[Outbox, Spool, SystemClock]]:
        """Journal and spool, wired as the agent does it."""
        clock = SystemClock()
        spool = Spool(
            self.folder / "spool", quota_bytes=QUOTA_BYTES, on_lost=lambda file: drop(file)
        )
        box = Outbox(
            self.folder / "journal.db",
            node=small_town.NODE,
            key=small_town.KEY,
            clock=clock,
            stamp=lambda: ClockStamp("synced", clock.boot, clock.mono_ns(), 5),
            free=lambda name: spool.acknowledge(spool.folder / name),
        )

        def drop(file: SpoolFile) -> None:
            box.drop(file.path.name, cause="quota")

        with contextlib.closing(box):
            yield box, spool, clock

    def recover(self) -> None:
        """As the agent starts."""
        with self.open() as (box, spool, clock):
            recovery.recover(box, spool, clock)


@dataclass
class Ledger:
    """All that was ever reported of one journal, over every kill."""

    rig: NodeRig
    payloads: dict[int, bytes]
    acked: int = 0

    def take(self, said: list[str], verdict: Verdict) -> None:
        """Hold what a writer reported, and what lies there now, against all that was known."""
        node = read_node(self.rig.folder)
        held = {row["seq"]: row["payload"] for row in node.records}
        for line in said:
            kind, number, text = line.split(" ", 2)
            if kind == "returned":
                self._learn(int(number), text.encode(), verdict)
            else:
                self.acked = max(self.acked, int(number))
        for seq, payload in held.items():
            self._learn(seq, payload, verdict)
        verdict.expect(node.journal["acked_seq"] >= self.acked, "lost", "an acknowledgement")
        for seq, payload in self.payloads.items():
            if seq > node.journal["acked_seq"]:
                verdict.expect(held.get(seq) == payload, "lost", f"record {seq}")

    def _learn(self, seq: int, payload: bytes, verdict: Verdict) -> None:
        is_same = self.payloads.setdefault(seq, payload) == payload
        verdict.expect(is_same, "forked", f"record {seq} is another one than before")

    def judge(self, said: list[str], verdict: Verdict) -> None:
        """Before recovery nothing is lost; after it nothing is open, and the chain is whole."""
        if not (self.rig.folder / "journal.db").exists() or not _has_journal(self.rig.folder):
            verdict.expect(not said, "lost", "the whole journal")
        else:
            check_node(verdict, read_node(self.rig.folder), is_clean=False, is_drained=False)
            self.take(said, verdict)
        self.rig.recover()
        node = read_node(self.rig.folder)
        check_node(verdict, node, is_clean=True, is_drained=False)
        self.take([], verdict)
        self.check_chain(verdict, node.journal["last_seq"])

    def check_chain(self, verdict: Verdict, last_seq: int) -> None:
        """From the first record ever to the newest, freed ones included."""
        before = names.FIRST_HASH
        for seq in range(1, last_seq + 1):
            payload = self.payloads.get(seq, b"{}")
            fits = json.loads(payload).get("prev") == before
            verdict.expect(fits, "chain", f"record {seq} of the whole history")
            before = hashlib.sha256(payload).hexdigest()

    def bodies(self) -> list[Json]:
        """Everything that the node ever journalled, in order."""
        return [json.loads(self.payloads[seq]) for seq in sorted(self.payloads)]


def _has_journal(folder: Path) -> bool:
    """Whether the file was made to its end; a kill before that leaves nothing to lose."""
    try:
        read_node(folder)
    except Exception:  # noqa: BLE001 - any way in which the tables are not there yet
        return False
    return True


class NodePath:
    """A path over a node's files: its folder, its ledger, and other choices in every trial."""

    def __init__(self, folder: Path) -> None:
        self._rig = NodeRig(folder)
        self._ledger = Ledger(self._rig, {})
        self._trial = 0

    def rng(self) -> random.Random:
        """The trial's own choices, the same in every run."""
        return random.Random(f"{self._rig.folder}/{self._trial}")

    def recover(self, _say: Callable[[str], None]) -> None:
        """As the agent starts."""
        self._rig.recover()

    def judge(self, said: list[str], verdict: Verdict) -> None:
        """See the ledger."""
        self._trial += 1
        self._ledger.judge(said, verdict)


def line_of(box: Outbox, seq: int) -> str:
    """How a writer reports that `append` returned `seq`."""
    return f"returned {seq} {box.pending(seq - 1, 1)[0].payload.decode()}"


def random_ack(box: Outbox, rng: random.Random) -> acks.Ack | None:
    """The hub has some more records, and some files; None where there is nothing to say."""
    waiting = box.pending(box.acked_seq, 50)
    if not waiting:
        return None
    upto = rng.randrange(len(waiting))
    also = tuple(each.seq for each in waiting[upto + 2 :] if rng.random() < 0.3)
    clips = [file for file in box.waiting_clips(20) if rng.random() < 0.5]
    shots = [file for file in box.waiting_snapshots(20) if rng.random() < 0.5]
    return acks.Ack(
        names.VERSION, small_town.NODE, box.epoch, waiting[upto].seq,
        hashlib.sha256(waiting[upto].payload).hexdigest(), also,
        tuple(acks.clip_id(file.event, file.part or 0) for file in clips),
        tuple(file.sha256 for file in shots),
    )  # fmt: skip


def now(clock: SystemClock) -> Instant:
    """This moment."""
    return Instant(clock.utc(), clock.mono_ns())
