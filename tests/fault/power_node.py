"""A node's durable life in small: two starts, three events, acknowledgements, a dropped file.

`live` runs the product's own rooms, wired as `edge.agent` wires them, on one thread, and marks
what was promised to whom. `check` starts a node on what a power cut left and holds it against the
promises; it reads journal and clips with sqlite3, hashlib and FFmpeg, not with the product.
"""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import av

from edge import keys
from edge.base import durable
from edge.base.clock import FakeClock
from edge.base.errors import CamwatchError, StorageError
from edge.camera import recovery
from edge.camera.story import Story
from edge.contract import names, record
from edge.contract.ack import Ack
from edge.contract.parts import ClockStamp
from edge.gop.ring import PacketRing
from edge.mux.recorder import ClipRecorder
from edge.mux.spool import Spool, SpoolFile
from edge.outbox.outbox import AckMismatchError, Outbox
from tests.fault import power_film
from tests.fault.power_disk import Disk, Tree
from tests.fault.power_tap import DiskFailed, HarnessError, Tap

NODE = "gate-3"
BOOTED = record.NodeBooted("0.1.0", (power_film.CAMERA,))
STARTS = 3
RETRY_S = 60.0  # the recorder tries again before that
READ = io.open  # past the tap
LONG_S, SHORT_S, CUT_S = power_film.FILM_S, 4.0, 5.0  # lengths of the three films
MOOF_AT = b"moof"


@dataclass(frozen=True)
class KeyMade:
    """The node's key was handed out."""

    public: bytes


@dataclass(frozen=True)
class Appended:
    """`append` returned."""

    epoch: str
    seq: int
    payload: bytes

    @property
    def body(self) -> dict[str, object]:
        """What the record says."""
        value: dict[str, object] = json.loads(self.payload)
        return value


@dataclass(frozen=True)
class Flushed:
    """What the recorder has written of an open clip counts as safe."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Acking:
    """The hub says that it has this; the node is about to be told."""

    upto: int
    also: tuple[int, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dropping:
    """The quota asks for this file."""

    name: str


@dataclass
class Promised:
    """All marks up to a moment, summed up."""

    public: bytes | None = None
    records: dict[tuple[str, int], Appended] = field(default_factory=dict)
    epoch: str | None = None
    acked: int = 0
    also: set[int] = field(default_factory=set)
    freed: set[str] = field(default_factory=set)
    flushed: dict[str, bytes] = field(default_factory=dict)
    has_disk_failed: bool = False

    def is_acked(self, seq: int) -> bool:
        """Whether the hub said that it has it."""
        return seq <= self.acked or seq in self.also

    @classmethod
    def of(cls, marks: list[object]) -> Promised:
        """Sum up."""
        promised = cls()
        for mark in marks:
            match mark:
                case KeyMade(public):
                    promised.public = public
                case Appended(epoch, seq, _):
                    promised.epoch = epoch
                    promised.records[epoch, seq] = mark
                case DiskFailed():
                    promised.has_disk_failed = True
                case Flushed(name, content):
                    promised.flushed[name] = content
                case Acking(upto, also, files):
                    promised.acked = max(promised.acked, upto)
                    promised.also |= set(also)
                    promised.freed |= set(files)
                case Dropping(name):
                    promised.freed.add(name)
        return promised


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
            power_film.SETTINGS, ring=self.ring, clock=clock, outbox=self.outbox,
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


def check(folder: Path, _disk: Disk, _tree: Tree, marks: list[object]) -> Iterator[str]:
    """Start a node on `tree`, which stands in `folder`; every broken promise."""
    promised = Promised.of(marks)
    state = folder / "state"
    clock = FakeClock(boot="b" * 32, mono_ns=10**9)
    try:
        node = Node(state, clock)
    except CamwatchError as err:
        yield f"the node does not start: {err}"
        return
    try:
        yield from _check_journal(state, node, promised)
        yield from _check_spool(state, promised)
        yield from _check_refusals(node)
    finally:
        node.outbox.close()
    with closing_node(Node(state, clock)) as again:
        if again.outbox.last_seq != node.outbox.last_seq + 1:
            yield "a second start finds something left to do"


@contextmanager
def closing_node(node: Node) -> Iterator[Node]:
    """Close its journal at the end."""
    try:
        yield node
    finally:
        node.outbox.close()


def _check_journal(state: Path, node: Node, promised: Promised) -> Iterator[str]:
    if promised.public is not None and node.key.public.raw != promised.public:
        yield "the node's key is another one"
    with closing(sqlite3.connect(state / "journal.db")) as db:
        db.row_factory = sqlite3.Row
        (verdict,) = db.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            yield f"the journal is damaged: {verdict}"
        journal = db.execute("SELECT * FROM journal").fetchone()
        rows = {row["seq"]: row for row in db.execute("SELECT * FROM records ORDER BY seq")}
        left_open = db.execute("SELECT count(*) FROM open_events").fetchone()[0]
    held = {_said(row["payload"]): bytes(row["payload"]) for row in rows.values()}
    epoch, is_same = journal["epoch"], journal["epoch"] == promised.epoch
    if promised.epoch is not None and not is_same and not promised.has_disk_failed:
        yield "the journal was begun anew"
    if is_same and journal["acked_seq"] > promised.acked:
        yield "records count as acknowledged that the hub never named"
    for (of_epoch, seq), appended in promised.records.items():
        if seq in rows and of_epoch == epoch:
            if bytes(rows[seq]["payload"]) != appended.payload:
                yield f"record {seq} is another one than was appended"
        elif (
            seq > promised.acked
            and seq not in promised.also
            and _said(appended.payload) not in held
        ):
            yield f"record {seq} was appended and is lost"
    yield from _check_chain(journal, rows, node)
    if left_open:
        yield "an event is still open after recovery"


def _said(payload: bytes) -> str:
    """What a record says, whatever its place in whichever journal."""
    value = json.loads(payload)
    return json.dumps({key: value[key] for key in sorted(value.keys() - {"epoch", "seq", "prev"})})


def _check_chain(journal: sqlite3.Row, rows: dict[int, sqlite3.Row], node: Node) -> Iterator[str]:
    prev, at = journal["acked_hash"], journal["acked_seq"]
    for seq, row in sorted(rows.items()):
        header = json.loads(row["payload"])
        digest = hashlib.sha256(row["payload"]).hexdigest()
        if seq != at + 1 or header["seq"] != seq or header["prev"] != prev or row["hash"] != digest:
            yield f"the chain breaks at record {seq}"
        if not node.key.public.verify(row["payload"], row["sig"]):
            yield f"record {seq} has no good signature"
        prev, at = digest, seq
    if (journal["last_seq"], journal["last_hash"]) != (at, prev):
        yield "the journal's head is not its newest record"


def _check_spool(state: Path, promised: Promised) -> Iterator[str]:
    with closing(sqlite3.connect(state / "journal.db")) as db:
        rows = {name: (sha256, size) for name, sha256, size in
                db.execute("SELECT name, sha256, size_bytes FROM files")}  # fmt: skip
        ended = {
            json.loads(payload)["event"]
            for (payload,) in db.execute("SELECT payload FROM records WHERE type = 'event.ended'")
        }
    found = {path.name: path for path in (state / "spool").iterdir()}
    for name, (sha256, size) in rows.items():
        if name not in found:
            if promised.has_disk_failed and name in promised.freed:
                continue  # let go of while the journal was in memory only; noticed at upload
            yield f"a row names {name}, which is missing"
        elif _hash(found[name]) != sha256 or found[name].stat().st_size != size:
            yield f"{name} is not what its row says"
    for name, path in found.items():
        if name not in rows:
            yield f"{name} lies in the spool without a row"
        elif name.endswith(".mp4") and not _is_camera_s(path):
            yield f"{name} holds what the camera never sent"
    for name in sorted(_announced(promised) - promised.freed - set(rows)):
        yield f"{name} was announced, never freed, and waits no more"
    for name, content in promised.flushed.items():
        event = name.split(".")[0]
        if event in ended and name not in promised.freed:
            at = content.find(MOOF_AT)
            whole = found[name].read_bytes() if name in found else b""
            if at > 0 and whole[at : len(content)] != content[at:]:
                yield f"{name} lost fragments that were flushed"


def _check_refusals(node: Node) -> Iterator[str]:
    """A wrong acknowledgement must free nothing, whatever else was cut."""
    before = node.outbox.depth().records
    wrong = Ack(names.VERSION, NODE, node.outbox.epoch, node.outbox.last_seq, "e" * 64)
    try:
        node.outbox.apply(wrong)
    except AckMismatchError:
        pass
    else:
        yield "an acknowledgement with a foreign head was taken"
    if node.outbox.depth().records != before:
        yield "an acknowledgement with a foreign head freed records"


def _announced(promised: Promised) -> set[str]:
    """The names of the files that appended records announce."""
    wanted: set[str] = set()
    for appended in promised.records.values():
        body = appended.body
        clip, snapshot = body.get("clip"), body.get("snapshot")
        if isinstance(clip, dict):
            wanted.add(f"{body['event']}.{clip['part']}.mp4")
        if isinstance(snapshot, dict):
            wanted.add(f"{snapshot['sha256']}.jpg")
    return wanted


def _is_camera_s(path: Path) -> bool:
    try:
        clip = power_film.pictures_in(path)
    except av.FFmpegError:
        return False
    return any(power_film.is_cut_from(clip, seconds) for seconds in (LONG_S, SHORT_S, CUT_S))


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
