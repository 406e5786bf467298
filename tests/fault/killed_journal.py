"""The outbox: appending, acknowledgements of all kinds, files given up."""

from __future__ import annotations

import random
from pathlib import Path

from edge.base.clock import SystemClock
from edge.base.durable import remove
from edge.contract import ids, record
from edge.contract.parts import SnapshotRef
from edge.mux.spool import Spool
from edge.outbox.outbox import Outbox
from tests.fault import small_town
from tests.fault.kill_loop import Say
from tests.fault.node_rig import NodePath, line_of, now, random_ack


class JournalPath(NodePath):
    """Events with pictures, acknowledged and dropped at random."""

    span_s = 0.08

    def work(self, say: Say) -> None:
        """One thing after another."""
        rng = self.rng()
        with self._rig.open() as (box, spool, clock):
            while True:
                kind = rng.random()
                if kind < 0.5:
                    self._append(box, spool, clock, rng, say)
                elif kind < 0.9:
                    self._free(box, rng, say)
                else:
                    self._drop(box, spool, rng, say)

    def _append(
        self, box: Outbox, spool: Spool, clock: SystemClock, rng: random.Random, say: Say
    ) -> None:
        event, begun = ids.new_event(clock.utc()), now(clock)
        file = spool.save_snapshot(b"\xff\xd8" + rng.randbytes(2000) + b"\xff\xd9")
        shot = SnapshotRef(file.sha256 or "", file.size_bytes, 8, 8, begun, None)
        bodies: list[record.Body] = [
            record.EventStarted("motion", begun, (), 0.1, None, shot),
            record.EventEnded("motion", begun, now(clock), 1, "quiet", (), 0.2, 0, None, shot),
        ]
        for body in bodies[: rng.choice((1, 2))]:
            say(line_of(box, box.append(body, camera=small_town.CAMERA, event=event)))

    def _free(self, box: Outbox, rng: random.Random, say: Say) -> None:
        ack = random_ack(box, rng)
        if ack is not None:
            box.apply(ack)
            say(f"acked {ack.upto} -")

    def _drop(self, box: Outbox, spool: Spool, rng: random.Random, say: Say) -> None:
        files = box.waiting_snapshots(20)
        if files:
            name = rng.choice(files).name
            box.drop(name, cause="quota")
            say(line_of(box, box.last_seq))
            remove(spool.folder / name)


def make(folder: Path) -> JournalPath:
    """The path in an empty folder."""
    return JournalPath(folder)
