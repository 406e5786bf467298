"""What reaches a hub from a node that means harm: messages with good signatures, requests."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import sqlite3
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from edge.base.clock import FakeClock
from edge.contract import status, topics
from edge.contract.status import Status
from edge.keys import PrivateKey
from hub.api import tus
from hub.api.app import make_app
from hub.api.upload_store import UploadStore
from hub.api.uploads import Uploads
from hub.archive import SqliteArchive
from hub.clipstore import FileClipStore
from hub.ingest.acknowledge import Acknowledger
from hub.ingest.intake import Intake
from hub.ingest.message import Message
from hub.registry import accounts
from tests.fault.fuzz_engine import Target
from tests.fault.fuzz_wire import JSON_PIECES
from tests.hub.archive.conformance import batch
from tests.hub.journals import BOOT, START_UTC, Journal

NODE = "gate-1"
CLIP_BYTES = 100_000
FIELD_PIECES = (
    b"\r\n", b": ", b"\xff", b"\0", b"9" * 20, b"-1", b"../../", b"%00", b"," * 50, b" " * 50,
    b"upload-offset: 5\n", b"content-length: 7\n", b"tus-resumable: 0.2\n", b"x" * 4000, b"=", b"/",
)  # fmt: skip


class Room:
    """A hub's intake and uploads over a real archive, with one node that it knows."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock(START_UTC)
        self.path = folder / "archive.sqlite"
        self.archive = SqliteArchive(self.path)
        self.journal = Journal(NODE)
        pictures = FileClipStore(folder / "snapshots", suffix=".jpg")
        acknowledger = Acknowledger(self.archive, PrivateKey(b"h" * 32))
        self.intake = Intake(self.archive, pictures, acknowledger, self.clock)
        self.secret = accounts.add(self.archive, NODE, "node", self.clock)
        online = Status(
            1, "online", BOOT, "0.1.0", self.journal.epoch, self.journal.key.public.text, ("door",)
        )
        self.online = status.encode(online)
        self.intake.take([self.message(topics.status(NODE), self.online)])
        self.snapshot = bytes(range(256)) * 4
        self.clip = b"c" * CLIP_BYTES
        lines = self.journal.event(clip=self.clip, snapshot=self.snapshot)
        self.event = str(lines[0].header.event)
        self.archive.write(batch(lines))
        self.store = UploadStore(folder / "uploads")
        clips = FileClipStore(folder / "clips", suffix=".mp4")
        self.app = make_app(
            Uploads(self.archive, clips, self.store, self.clock, on_stored=lambda *_: None)
        )

    def message(self, topic: str, payload: bytes) -> Message:
        """As the session hands it over, with the node's own good signature."""
        return Message(topic, payload, self.journal.key.sign(payload), START_UTC)

    def counted(self) -> int:
        """How many messages the archive's counters tell of."""
        return sum(self.archive.counts().values())

    def has_record(self, payload: bytes) -> bool:
        """Whether these very bytes are archived; asked of the file itself."""
        with contextlib.closing(sqlite3.connect(self.path)) as db:
            digest = hashlib.sha256(payload).digest()
            return (
                db.execute("SELECT 1 FROM records WHERE hash = ?", (digest,)).fetchone() is not None
            )

    def request(self, data: bytes) -> int:
        """One HTTP request, logged in as the node; the answer's status."""
        head, _, body = data.partition(b"\n\n")
        first, *lines = head.split(b"\n")
        method, _, path = first.partition(b" ")
        headers = [
            (name.strip().lower(), value.strip())
            for name, _, value in (line.partition(b":") for line in lines)
        ]
        login = base64.b64encode(f"{NODE}:{self.secret}".encode())
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
            "method": method.decode("latin-1").upper(), "scheme": "http", "query_string": b"",
            "path": path.decode("utf-8", "replace"), "raw_path": path, "root_path": "",
            "headers": [*headers, (b"authorization", b"Basic " + login)],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
        }  # fmt: skip
        return asyncio.run(self._answer(scope, body))

    async def _answer(self, scope: MutableMapping[str, Any], body: bytes) -> int:
        parts = [body[: len(body) // 2], body[len(body) // 2 :]]
        answers: list[int] = []

        async def receive() -> MutableMapping[str, Any]:
            if parts:
                return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answers.append(message["status"])

        await self.app(scope, receive, send)
        (found,) = answers
        return found


def targets(folder: Path) -> list[Target]:
    """Records, statuses and snapshots into the intake; uploads into the HTTP application."""
    room = Room(folder)
    records = [line.payload for line in room.journal.lines]
    records += [line.payload for line in (room.journal.booted(), *room.journal.event(clip=b"x"))]

    def take_record(data: bytes) -> None:
        """Each is archived, or known, or counted; none is let go without a word."""
        before = room.counted()
        room.intake.take([room.message(topics.record(NODE), data)])
        assert room.counted() == before + 1 or room.has_record(data)

    def take_status(data: bytes) -> None:
        room.intake.take([room.message(topics.status(NODE), data)])

    def keep(data: bytes) -> None:
        topic, _, payload = data.partition(b"\n")
        room.intake.keep_snapshots([room.message(topic.decode("utf-8", "replace"), payload)])

    picture = topics.snapshot(NODE, room.event).encode() + b"\n" + room.snapshot
    return [
        Target("signed record", records, take_record, (), 5_000, JSON_PIECES),
        Target("status", [room.online], take_status, (), 2_000, JSON_PIECES),
        Target("snapshot", [picture], keep, (), 3_000, (b"/", b"+", b"#", b"..", b"\xff", b"\n")),
        Target("upload request", _requests(room), lambda data: _judge(room, data), (), 3_000,
               FIELD_PIECES),
    ]  # fmt: skip


def _judge(room: Room, data: bytes) -> None:
    """No answer blames the hub, and nothing is stored but what was announced."""
    answer = room.request(data)
    assert 200 <= answer < 500, f"answered {answer}"


def _requests(room: Room) -> list[bytes]:
    sha256 = hashlib.sha256(room.clip).hexdigest()
    clip = room.archive.announced_clip(NODE, room.event, 0, sha256)
    assert clip is not None
    upload = room.store.begin(clip)
    metadata = b",".join(
        name + b" " + base64.b64encode(value.encode())
        for name, value in ((b"clip", f"{room.event}.0"), (b"sha256", sha256))
    )
    tus_line = f"tus-resumable: {tus.VERSION}\n".encode()
    body = b"c" * 600
    checksum = base64.b64encode(hashlib.sha256(body).digest())
    where = f" /uploads/{upload.id}\n".encode() + tus_line
    return [
        b"POST /uploads\n" + tus_line + b"upload-length: 100000\nupload-metadata: " + metadata
        + b"\n\n",
        b"HEAD" + where + b"\n",
        b"PATCH" + where + b"content-type: application/offset+octet-stream\nupload-offset: 0\n"
        b"upload-checksum: sha256 " + checksum + b"\n\n" + body,
        b"PATCH" + where + b"content-type: application/offset+octet-stream\nupload-offset: 0\n"
        b"content-length: 600\n\n" + body,
        b"OPTIONS /uploads\n\n",
        b"GET /healthz\n\n",
    ]  # fmt: skip
