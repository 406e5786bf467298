"""A node's durable life in small: two starts, three events, acknowledgements, a dropped file.

`live` runs the product's own rooms, wired as `edge.agent` wires them, on one thread, and marks
what was promised to whom. `check` starts a node on what a power cut left and holds it against the
promises; it reads journal and clips with sqlite3, hashlib and FFmpeg, not with the product.
"""

from __future__ import annotations

import hashlib
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
from edge.base.errors import CamwatchError
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
from tests.fault.power_tap import Tap

NODE = "gate-3"
BOOTED = record.NodeBooted("0.1.0", (power_film.CAMERA,))
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
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dropping:
    """The quota asks for this file."""

    name: str


@dataclass
class Promised:
    """All marks up to a moment, summed up."""

    public: bytes | None = None
    records: dict[int, Appended] = field(default_factory=dict)
    epoch: str | None = None
    acked: int = 0
    freed: set[str] = field(default_factory=set)
    flushed: dict[str, bytes] = field(default_factory=dict)

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
                    promised.records[seq] = mark
                case Flushed(name, content):
                    promised.flushed[name] = content
                case Acking(upto, files):
                    promised.acked = max(promised.acked, upto)
                    promised.freed |= set(files)
                case Dropping(name):
                    promised.freed.add(name)
        return promised


class MarkingOutbox(Outbox):
    """The journal; tells of every append that returned."""

    mark: Callable[[object], None]

    def append(
        self, body: record.Body, *, camera: str | None = None, event: str | None = None
    ) -> int:
        seq = super().append(body, camera=camera, event=event)
        self.mark(Appended(self.epoch, seq, self.pending(seq - 1, 1)[0].payload))
        return seq


class Node:
    """The state folder opened as the agent opens it, and one camera's story on it."""

    def __init__(
        self, folder: Path, clock: FakeClock, mark: Callable[[object], None] = lambda _mark: None
    ) -> None:
        """Raises CamwatchError, as the agent's start would."""
        self.mark = mark
        self.clock = clock
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

    def acknowledge(
        self, *, upto: int = 0, also: tuple[int, ...] = (), files: bool = False
    ) -> None:
        """The hub's word: records up to `upto`, and all the files that those announce."""
        with closing(sqlite3.connect(self._journal_path)) as db:
            row = db.execute("SELECT hash FROM records WHERE seq = ?", (upto,)).fetchone()
            head = row[0] if row else db.execute("SELECT acked_hash FROM journal").fetchone()[0]
            waiting = db.execute("SELECT name FROM files WHERE seq <= ?", (upto,)).fetchall()
        done = tuple(name for (name,) in waiting) if files else ()
        self.mark(Acking(upto, done))
        clips = tuple(name.removesuffix(".mp4") for name in done if name.endswith(".mp4"))
        shots = tuple(name.removesuffix(".jpg") for name in done if name.endswith(".jpg"))
        epoch = self.outbox.epoch
        self.outbox.apply(Ack(names.VERSION, NODE, epoch, upto, head, also, clips, shots))

    def _note_flushed(self) -> None:
        for path in self.spool.folder.glob("*.mp4.part"):
            self.mark(Flushed(path.stem, path.read_bytes()))

    @property
    def _journal_path(self) -> Path:
        return self.spool.folder.parent / "journal.db"

    def _drop(self, file: SpoolFile) -> None:
        self.mark(Dropping(file.path.name))
        self.outbox.drop(file.path.name, cause="quota")


def live(folder: Path, tap: Tap) -> None:
    """The whole cycle in `folder`, under the tap."""
    clock = FakeClock(boot="a" * 32, mono_ns=10**12)
    node = Node(folder / "state", clock, tap.mark)
    node.play(LONG_S, range(10, 70))  # two parts
    node.acknowledge(upto=node.outbox.last_seq - 1, also=(node.outbox.last_seq,))
    node.acknowledge(upto=node.outbox.last_seq - 1, files=True)
    node.acknowledge(upto=node.outbox.last_seq, files=True)
    node.play(CUT_S, range(10, 50))  # killed while it records
    node = Node(folder / "state", clock, tap.mark)
    node.play(SHORT_S, range(10, 15))
    node.story.stop()
    node.stage.step()
    node.spool.make_room(node.spool.quota_bytes - 30_000)
    node.acknowledge(upto=node.outbox.last_seq, files=True)
    node.outbox.close()


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
    if promised.epoch is not None and journal["epoch"] != promised.epoch:
        yield "the journal was begun anew"
    if journal["acked_seq"] > promised.acked:
        yield "records count as acknowledged that the hub never named"
    for seq, appended in promised.records.items():
        if seq in rows:
            if bytes(rows[seq]["payload"]) != appended.payload:
                yield f"record {seq} is another one than was appended"
        elif seq > journal["acked_seq"]:
            yield f"record {seq} was appended and is lost"
    yield from _check_chain(journal, rows, node)
    if left_open:
        yield "an event is still open after recovery"


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
