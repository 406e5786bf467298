"""A node's durable life in small: two starts, three events, acknowledgements, a dropped file.

`live` runs the product's own rooms, wired as `edge.agent` wires them, on one thread, goes on after
errors as the agent and its supervisor do, and marks what was promised to whom.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from edge import keys
from edge.base import durable
from edge.base.clock import FakeClock
from edge.base.errors import CamwatchError, StorageError
from edge.camera import recovery
from edge.camera.footage import OneStream
from edge.camera.story import Story
from edge.contract import names, record
from edge.contract.ack import Ack
from edge.contract.parts import ClockStamp
from edge.gop.ring import PacketRing
from edge.mux.recorder import ClipRecorder
from edge.mux.spool import Spool, SpoolFile
from edge.outbox.outbox import Outbox
from tests.fault import power_film
from tests.fault.power_node_marks import Acking, Appended, Dropping, Flushed, KeyMade
from tests.fault.power_tap import HarnessError, Tap

NODE = "gate-3"
BOOTED = record.NodeBooted("0.1.0", (power_film.CAMERA,))
STARTS = 3
RETRY_S = 60.0  # the recorder tries again before that
READ = io.open  # past the tap
LONG_S, SHORT_S, CUT_S = power_film.FILM_S, 4.0, 5.0  # lengths of the three films


class MarkingOutbox(Outbox):
    """The journal; tells of every append that returned and of which it says that it is durable."""

    mark: Callable[[object], None]
    _told = ("", 0)

    def append(
        self,
        body: record.Body,
        *,
        camera: str | None = None,
        event: str | None = None,
        priority: int = 0,
    ) -> int:
        seq = super().append(body, camera=camera, event=event, priority=priority)
        if not self.problem:
            epoch, last_seq = self._told
            known = last_seq if epoch == self.epoch else 0
            for pending in self.pending(known, 999):
                self.mark(Appended(self.epoch, pending.seq, pending.payload))
            self._told = (self.epoch, seq)
        return seq


class Node:
    """The state folder opened as the agent opens it, and one camera's story on it."""

    def __init__(
        self, folder: Path, clock: FakeClock, mark: Callable[[object], None] = lambda _mark: None
    ) -> None:
        """Raises CamwatchError, as the agent's start would."""
        self.mark = mark
        self.clock = clock
        self._heads: dict[int, str] = {}
        self._flushed: dict[str, int] = {}
        durable.make_dirs(folder)
        self.spool = Spool(folder / "spool", quota_bytes=2**26, on_lost=self._drop)
        self.key = keys.load_or_make(folder / "node.key")
        mark(KeyMade(self.key.public.raw))
        MarkingOutbox.mark = staticmethod(mark)
        self.outbox = MarkingOutbox(
            folder / "journal.db", node=NODE, key=self.key, clock=clock,
            stamp=lambda: ClockStamp("synced", clock.boot, clock.mono_ns(), 5),
            free=lambda name: self.spool.acknowledge(self.spool.folder / name),
        )  # fmt: skip
        try:
            recovery.recover(self.outbox, self.spool, clock)
            self.outbox.append(BOOTED)
        except BaseException:
            self.outbox.close()
            raise
        self.ring = PacketRing(keep_s=30.0, max_bytes=2**24)
        self.stage = power_film.Stage(clock, self._note_flushed)
        self.story = Story(
            power_film.SETTINGS, footage=OneStream(self.ring), clock=clock, outbox=self.outbox,
            spool=self.spool, set_state=lambda _name, _value: None,
        )  # fmt: skip

    def play(self, seconds: float, moving: range) -> None:
        """Let the camera send a film with one event in it."""
        start, join = self.stage.recorders.append, lambda _self, _timeout_s=None: True
        with (
            mock.patch.object(ClipRecorder, "start", lambda recorder: start(recorder)),
            mock.patch.object(ClipRecorder, "join", join),
        ):
            self.stage.play(self.story, self.ring, seconds=seconds, moving=moving)

    def acknowledge(self, upto: int, *, also: tuple[int, ...] = (), files: bool = False) -> None:
        """The hub's word: records up to `upto`, and all the files that those announce."""
        for waiting in self.outbox.pending(0, 999):
            self._heads[waiting.seq] = record.digest(waiting.payload)
        if upto not in self._heads:
            return  # the journal holds no such record, so the hub has none
        found = [*self.outbox.waiting_clips(99), *self.outbox.waiting_snapshots(99)]
        done = tuple(each.name for each in found if each.seq <= upto) if files else ()
        self.mark(Acking(upto, also, done))
        clips = tuple(name.removesuffix(".mp4") for name in done if name.endswith(".mp4"))
        shots = tuple(name.removesuffix(".jpg") for name in done if name.endswith(".jpg"))
        epoch, head = self.outbox.epoch, self._heads[upto]
        self.outbox.apply(Ack(names.VERSION, NODE, epoch, upto, head, also, clips, shots))

    def _note_flushed(self) -> None:
        for path in self.spool.folder.glob("*.mp4.part"):
            size = path.stat().st_size
            if self._flushed.get(path.name) == size:
                continue
            self._flushed[path.name] = size
            with READ(path, "rb") as part:
                self.mark(Flushed(path.stem, part.read()))

    def _drop(self, file: SpoolFile) -> None:
        self.mark(Dropping(file.path.name))
        self.outbox.drop(file.path.name, cause="quota")


def live(folder: Path, tap: Tap) -> None:
    """The whole cycle in `folder`, under the tap, going on after errors as the agent does."""
    life = _Life(folder / "state", tap)
    node = life.start()
    node.play(LONG_S, range(10, 70))  # two parts
    last = node.outbox.last_seq
    life.expect(lambda: node.acknowledge(last - 1, also=(last,)))
    life.expect(lambda: node.acknowledge(last - 1, files=True))
    life.expect(lambda: node.acknowledge(last, files=True))
    node.play(CUT_S, range(10, 50))  # killed while it records
    tap.kill(folder / "state")
    again = life.start()
    again.play(SHORT_S, range(10, 15))
    again.story.stop()
    again.stage.step()
    life.expect(
        lambda: again.spool.make_room(again.spool.quota_bytes - again.spool.usage_bytes // 2)
    )
    life.expect(lambda: again.acknowledge(again.outbox.last_seq, files=True))
    life.go_on(again)
    life.expect(again.outbox.close)


class _Life:
    """What the agent's threads and its supervisor do about errors that rooms may raise."""

    def __init__(self, folder: Path, tap: Tap) -> None:
        self._folder = folder
        self._tap = tap
        self._clock = FakeClock(boot="a" * 32, mono_ns=10**12)

    def start(self) -> Node:
        """The agent exits with an error and is started again, a few times."""
        for _ in range(STARTS):
            try:
                return Node(self._folder, self._clock, self._tap.mark)
            except CamwatchError as err:
                self._tap.troubles.append(str(err))
        raise HarnessError(f"no start in {STARTS} attempts: {self._tap.troubles[-1]}")

    def expect(self, act: Callable[[], object]) -> None:
        """The publisher's and the spool's callers log a StorageError and go on."""
        try:
            act()
        except StorageError as err:
            self._tap.troubles.append(str(err))

    def go_on(self, node: Node) -> None:
        """Once the disk is well again, the next event is recorded whole, by the same process."""
        if self._tap.fault is None or not self._tap.fault.hits:
            return
        self._tap.fault = None
        self._clock.advance(RETRY_S)
        before = node.outbox.last_seq
        node.play(SHORT_S, range(10, 15))
        node.story.stop()
        node.stage.step()
        bodies = [json.loads(each.payload) for each in node.outbox.pending(before, 99)]
        if [each["type"] for each in bodies] != ["event.started", "event.ended"] or (
            bodies[-1].get("clip") is None or bodies[-1].get("fault") is not None
        ):
            self._tap.defects.append(f"after the error, the next event is {bodies}")
