"""A hub's durable life in small: two starts, batches, duplicates, snapshots, resumed uploads.

`live` runs the product's own writer, intake, archive, stores and upload routes, wired as
`hub.service` wires them, without network, and marks every promise: PUBACKs, acknowledgements,
told offsets. `check` starts a hub on what a power cut left and holds it against them, reading the
archive with sqlite3 and the stores with hashlib; then the nodes send everything again, and all
must be there once.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from unittest import mock

from edge.base import durable
from edge.base.clock import FakeClock
from edge.base.errors import CamwatchError
from edge.contract import ack, ids, status, topics
from edge.contract.ack import clip_id
from edge.contract.record import digest
from edge.contract.status import Status
from edge.keys import PrivateKey
from hub.api.app import make_app
from hub.api.upload_store import UploadStore
from hub.api.uploads import Uploads
from hub.archive import SqliteArchive
from hub.archive.values import Clip, Event
from hub.clipstore import FileClipStore
from hub.ingest.acknowledge import Acknowledger
from hub.ingest.inbox import Inbox
from hub.ingest.intake import Intake
from hub.ingest.message import Message, Publication
from hub.ingest.writer import Writer
from hub.registry import accounts
from tests.fault.power_disk import Disk, Tree
from tests.fault.power_tap import HarnessError, Tap
from tests.hub.journals import BOOT, START_UTC, Journal, Line

KEY = PrivateKey(b"h" * 32)
NODE = "gate-1"
TUS = {"tus-resumable": "1.0.0"}
EVENT = "01890a5d-ac96-774b-bcce-{:012x}"
ATTEMPTS = 3
Result = TypeVar("Result")
REFUSED = 460  # a checksum or the whole clip does not fit


@dataclass(frozen=True)
class Acknowledged:
    """The hub sent a PUBACK for a record with that hash."""

    sha256: str


@dataclass(frozen=True)
class AckSent:
    """The hub's signed acknowledgement went out."""

    upto: int
    also: tuple[int, ...]
    clips: tuple[str, ...]
    snapshots: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """A client was told that so many bytes of its clip are safe."""

    upload: str
    clip: str
    offset: int


@dataclass(frozen=True)
class TakenBack:
    """The client was told that something went wrong, so it asks again from the beginning."""

    upload: str


@dataclass(frozen=True)
class Scene:
    """What one node has to send: its records, pictures and clips."""

    journal: Journal
    lines: tuple[Line, ...]
    pictures: tuple[tuple[str, bytes], ...]
    clips: dict[str, bytes]

    def messages(self, lines: Sequence[Line] | None = None) -> list[Message]:
        """Records as the broker delivers them."""
        chosen = self.lines if lines is None else lines
        topic = topics.record(NODE)
        return [Message(topic, each.payload, each.signature, START_UTC) for each in chosen]

    def picture_messages(self) -> list[Message]:
        """Snapshots as the broker delivers them."""
        return [
            Message(topics.snapshot(NODE, event), jpeg, None, START_UTC)
            for event, jpeg in self.pictures
        ]

    def greeting(self) -> Message:
        """The node's status."""
        shown = Status(
            1, "online", BOOT, "0.1.0", self.journal.epoch, self.journal.key.public.text,
            ("door",),
        )  # fmt: skip
        return Message(topics.status(NODE), status.encode(shown), None, START_UTC)


@functools.cache
def scene() -> Scene:
    """The same in every process: two events, a picture, a clip in two parts, another clip."""
    journal = Journal(NODE)
    first, second, third = (bytes([n]) * 700 + bytes(range(256)) * 9 for n in (1, 2, 3))
    jpeg = b"\xff\xd8" + b"snapshot" * 300
    journal.booted()
    numbers = itertools.count(1)
    with mock.patch.object(ids, "new_event", lambda _utc: EVENT.format(next(numbers))):
        one = journal.event(clip=second, snapshot=jpeg, more_parts=(first,))
        two = journal.event(clip=third)
    events = [str(lines[0].header.event) for lines in (one, two)]
    clips = {
        clip_id(events[0], 0): first, clip_id(events[0], 1): second, clip_id(events[1], 0): third,
    }  # fmt: skip
    return Scene(journal, tuple(journal.lines), ((events[0], jpeg),), clips)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]


class Hub:
    """The data folder opened as `hub.service` opens it. A context manager."""

    def __init__(self, folder: Path, mark: Callable[[object], None] = lambda _mark: None) -> None:
        """Raises CamwatchError, as the service's start would."""
        self.mark = mark
        self.clock = FakeClock(START_UTC)
        durable.make_dirs(folder)
        self.archive = SqliteArchive(folder / "archive.sqlite")
        try:
            self._acknowledger = Acknowledger(self.archive, KEY)
            pictures = FileClipStore(folder / "snapshots", suffix=".jpg")
            intake = Intake(self.archive, pictures, self._acknowledger, self.clock)
            self.presence = intake.presence
            self.writer = Writer(
                Inbox(), intake, publish=self._published, acknowledge=self._acknowledged
            )
            self.uploads = Uploads(
                self.archive, FileClipStore(folder / "clips", suffix=".mp4"),
                UploadStore(folder / "uploads"), self.clock, on_stored=self._stored,
            )  # fmt: skip
            self.uploads.finish_complete()
        except BaseException:
            self.archive.close()
            raise
        self._app = make_app(self.uploads)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End in good order."""
        self.leave()
        self.archive.close()

    def leave(self) -> None:
        """End the threads, as a kill would; the archive stays as it is."""
        self._runner.close()

    def login(self) -> str:
        """The Authorization header of the node, with a new secret."""
        known = self.archive.credential(NODE) is not None
        pinned = self.archive.pinned_keys().get(NODE)
        secret = accounts.add(self.archive, NODE, "node", self.clock, is_replacing=known)
        if pinned is not None:
            self.archive.pin_key(NODE, pinned, self.clock.utc())
        return "Basic " + base64.b64encode(f"{NODE}:{secret}".encode()).decode()

    def request(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        """One request through the application."""
        return self._runner.run(self._request(method, path, headers, body))

    async def _request(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "scheme": "http", "headers": pairs, "client": ("127.0.0.1", 1), "server": None,
        }  # fmt: skip
        sent: list[dict[str, object]] = []
        chunks = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, object]:
            return chunks.pop(0) if chunks else {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)  # type: ignore[arg-type]
        start = sent[0]
        found = start["headers"]
        assert isinstance(found, list)
        code = start["status"]
        assert isinstance(code, int)
        return Answer(code, {name.decode(): value.decode() for name, value in found})

    def _published(self, publication: Publication) -> None:
        topic = topics.parse(publication.topic)
        if topic is not None and topic.leaf == topics.ACK:
            said = ack.decode(publication.payload)
            self.mark(AckSent(said.upto, said.also, said.clips, said.snapshots))

    def _acknowledged(self, message: Message) -> None:
        if message.topic == topics.record(NODE):
            self.mark(Acknowledged(digest(message.payload)))

    def _stored(self, clip: Clip, _event: Event) -> None:
        epoch = self.presence.epoch_of(clip.node)
        if epoch is not None:
            self._published(self._acknowledger.make(clip.node, epoch, clips=[clip]))


class Client:
    """The node's uploader: one clip, resumed where it was."""

    def __init__(self, hub: Hub, login: str) -> None:
        self._hub = hub
        self._headers = TUS | {"authorization": login}

    def begin(self, name: str, content: bytes) -> Answer:
        """POST; the offset told counts."""
        sha256 = hashlib.sha256(content).hexdigest()
        pairs = {"clip": name, "sha256": sha256}
        coded = (
            f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items()
        )
        headers = {"upload-length": str(len(content)), "upload-metadata": ",".join(coded)}
        answer = self._hub.request("POST", "/uploads", self._headers | headers)
        self._note(answer, answer.headers.get("location", ""), name)
        return answer

    def append(self, location: str, name: str, offset: int, content: bytes) -> Answer:
        """PATCH, with a checksum."""
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        headers = {
            "upload-offset": str(offset), "content-type": "application/offset+octet-stream",
            "content-length": str(len(content)), "upload-checksum": f"sha256 {checksum}",
        }  # fmt: skip
        answer = self._hub.request("PATCH", location, self._headers | headers, content)
        self._note(answer, location, name)
        return answer

    def bring(self, name: str, content: bytes) -> int:
        """Until the hub has it; the last status. Two attempts, as a refused clip is begun anew."""
        code = 0
        for _ in range(2):
            answer = self.begin(name, content)
            code = answer.status
            if code != 201:
                break
            offset = int(answer.headers["upload-offset"])
            location = answer.headers["location"]
            code = self.append(location, name, offset, content[offset:]).status
            if code != REFUSED:
                break
        return code

    def _note(self, answer: Answer, location: str, name: str) -> None:
        if answer.status in (201, 204):
            upload = location.removeprefix("/uploads/")
            self._hub.mark(Told(upload, name, int(answer.headers["upload-offset"])))
        elif location:
            self._hub.mark(TakenBack(location.removeprefix("/uploads/")))


def live(folder: Path, tap: Tap) -> None:
    """The whole cycle in `folder`, under the tap, going on after errors as the service does."""
    life, sent = _Life(folder / "data", tap), scene()
    records, names = sent.messages(), list(sent.clips)
    hub = life.start()
    login = life.until_done(hub.login)
    life.take(hub, [sent.greeting()])
    life.take(hub, [*records[:2], *records[3:5]])  # one is late
    life.take(hub, [records[2], *records[:2], *sent.picture_messages()])
    client = Client(hub, login)
    life.bring(client, names[0], sent.clips[names[0]])
    answer = client.begin(names[1], sent.clips[names[1]])
    if "location" in answer.headers:
        client.append(answer.headers["location"], names[1], 0, sent.clips[names[1]][:1000])
    hub.leave()
    tap.kill(folder / "data")  # with an upload under way
    again = life.start()
    try:
        client = Client(again, login)
        life.take(again, [sent.greeting(), *records])
        for name, content in sent.clips.items():
            life.bring(client, name, content)
    finally:
        again.close()


class _Life:
    """What the service's supervisor, the writer's loop and the nodes do about errors."""

    def __init__(self, folder: Path, tap: Tap) -> None:
        self._folder = folder
        self._tap = tap

    def start(self) -> Hub:
        """The service exits with an error and is started again."""
        return self.until_done(lambda: Hub(self._folder, self._tap.mark))

    def until_done(self, act: Callable[[], Result]) -> Result:
        """Try again after an error that is for people or the supervisor, a few times."""
        for _ in range(ATTEMPTS):
            try:
                return act()
            except CamwatchError as err:
                self._tap.troubles.append(str(err))
        raise HarnessError(f"not in {ATTEMPTS} attempts: {self._tap.troubles[-1]}")

    def take(self, hub: Hub, messages: list[Message]) -> None:
        """`Writer.run` tries the same messages again after a StorageError."""
        self.until_done(lambda: hub.writer.run_once(messages))

    def bring(self, client: Client, name: str, content: bytes) -> None:
        """The node offers a clip again until the hub has it."""
        for _ in range(ATTEMPTS):
            code = client.bring(name, content)
            if code in (200, 204):
                return
            self._tap.troubles.append(f"HTTP {code}")
            if code not in (404, 503, 507):
                self._tap.defects.append(f"an upload is answered with {code}")
        self._tap.defects.append(f"clip {name} is not stored in {ATTEMPTS} attempts")


def check(folder: Path, _disk: Disk, tree: Tree, marks: list[object]) -> Iterator[str]:
    """Start a hub on what stands in `folder`; every broken promise."""
    data, sent = folder / "data", scene()
    told: dict[str, Told] = {}
    for mark in marks:
        match mark:
            case Told(upload):
                told[upload] = mark
            case TakenBack(upload):
                told.pop(upload, None)
    try:
        hub = Hub(data)
    except CamwatchError as err:
        yield f"the hub does not start: {err}"
        return
    with hub:
        yield from _check_archive(data, marks)
        yield from _check_stores(data)
        for promise in told.values():
            yield from _check_offset(data, tree, promise, sent)
        yield from _check_sending_again(hub, data, sent)
        yield from _check_stores(data)


def _check_archive(data: Path, marks: list[object]) -> Iterator[str]:
    with closing(sqlite3.connect(data / "archive.sqlite")) as db:
        (verdict,) = db.execute("PRAGMA integrity_check").fetchone()
        held = {row[0].hex(): row[1] for row in db.execute("SELECT hash, seq FROM records")}
        stored = {
            f"{event}.{part}"
            for event, part in db.execute(
                "SELECT event, part FROM clips JOIN events ON events.id = event_id"
                " WHERE stored_ms IS NOT NULL"
            )
        }
        shots = {
            row[0].hex()
            for row in db.execute("SELECT hash FROM snapshots WHERE stored_ms IS NOT NULL")
        }
    if verdict != "ok":
        yield f"the archive is damaged: {verdict}"
    for mark in marks:
        match mark:
            case Acknowledged(sha256) if sha256 not in held:
                yield "a record whose message was acknowledged is not in the archive"
            case AckSent(upto, also, clips, snapshots):
                if missing := ({*range(1, upto + 1), *also} - set(held.values())):
                    yield f"acknowledged records {sorted(missing)} are not in the archive"
                if missing_clips := set(clips) - stored:
                    yield f"acknowledged clips {sorted(missing_clips)} are not stored"
                if set(snapshots) - shots:
                    yield "an acknowledged snapshot is not stored"


def _check_stores(data: Path) -> Iterator[str]:
    with closing(sqlite3.connect(data / "archive.sqlite")) as db:
        named = {
            table: {
                row[0].hex()
                for row in db.execute(f"SELECT hash FROM {table} WHERE stored_ms IS NOT NULL")  # noqa: S608 - ours
            }
            for table in ("clips", "snapshots")
        }
    for table, hashes in named.items():
        files = {path.stem: path for path in (data / table).rglob("*") if path.is_file()}
        for sha256 in hashes - set(files):
            yield f"a row of {table} names {sha256[:8]}, which is missing"
        for sha256, path in files.items():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            if path.suffix != durable.PART_SUFFIX and content != sha256:
                yield f"{table}/{path.name} is not what its name says"


def _check_offset(data: Path, tree: Tree, told: Told, sent: Scene) -> Iterator[str]:
    content = sent.clips[told.clip]
    if list((data / "clips").rglob(f"{hashlib.sha256(content).hexdigest()}.mp4")):
        return
    name = f"uploads/{told.upload}.part"
    left = tree.get(f"data/{name}") or b""
    if left[: told.offset] != content[: told.offset]:
        yield f"bytes told to be safe ({told.offset}) are not"
    # A part whose length, but not whose bytes, reached the disk is found out by its hash.
    elif not (data / name).exists() and len(left) < len(content):
        yield f"an upload told to be at {told.offset} is gone"


def _check_sending_again(hub: Hub, data: Path, sent: Scene) -> Iterator[str]:
    """The nodes were told nothing, so they send it all again; it must be there, once."""
    client = Client(hub, hub.login())
    try:
        hub.writer.run_once([sent.greeting(), *sent.messages(), *sent.picture_messages()])
        codes = {name: client.bring(name, content) for name, content in sent.clips.items()}
    except CamwatchError as err:
        yield f"what is sent again is not taken: {err}"
        return
    for name, code in codes.items():
        if code not in (200, 204):
            yield f"clip {name} is not taken again: {code}"
    with closing(sqlite3.connect(data / "archive.sqlite")) as db:
        rows = db.execute("SELECT seq, hash FROM records ORDER BY seq").fetchall()
        counts = [
            db.execute(query).fetchone()[0]
            for query in (
                "SELECT count(*) FROM events",
                "SELECT count(*) FROM clips WHERE stored_ms IS NOT NULL",
                "SELECT count(*) FROM snapshots WHERE stored_ms IS NOT NULL",
                "SELECT coalesce(sum(count), 0) FROM counters WHERE counter LIKE 'alarm%'",
            )
        ]
    if [(seq, digest.hex()) for seq, digest in rows] != [
        (line.header.seq, line.digest) for line in sent.lines
    ]:
        yield "the archive does not hold each record once, as it was sent"
    if counts != [2, 3, 1, 0]:
        yield f"events, clips, snapshots, alarms are {counts}"
    leftover = [path.name for path in (data / "uploads").iterdir()]
    if leftover:
        yield f"uploads leave {leftover}"
