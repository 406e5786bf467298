"""A hub's durable life in small: two starts, batches, duplicates, snapshots, resumed uploads.

`live` runs the product's own writer, intake, archive, stores and upload routes, wired as
`hub.service` wires them, without network, goes on after errors as the service and the nodes do, and
marks every promise: PUBACKs, acknowledgements, told offsets.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edge.base.clock import FakeClock
from edge.base.errors import CamwatchError
from edge.contract import ack, topics
from edge.contract.record import digest
from hub.api.app import make_app
from hub.api.upload_store import UploadStore
from hub.api.uploads import Uploads
from hub.archive.opening import open_to_write, refuse_damage
from hub.archive.values import Clip, Event
from hub.clipstore import FileClipStore
from hub.config import HubSettings
from hub.ingest.acknowledge import Acknowledger
from hub.ingest.inbox import Inbox
from hub.ingest.intake import Intake
from hub.ingest.message import Message, Publication
from hub.ingest.writer import Writer
from hub.registry import accounts, identity
from hub.registry.broker_access import BrokerAccess
from tests.fault.power_hub_scene import (
    NODE,
    Acknowledged,
    AckSent,
    KeyShown,
    TakenBack,
    Told,
    scene,
)
from tests.fault.power_tap import HarnessError, Tap
from tests.hub.journals import START_UTC

TUS = {"tus-resumable": "1.0.0"}
ATTEMPTS = 3
Result = TypeVar("Result")
REFUSED = 460  # a checksum or the whole clip does not fit
NOT_STORED = "is not stored"


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
        settings = HubSettings(state_dir=str(folder), keep_free=0)
        self.archive, guard = open_to_write(settings)
        try:
            refuse_damage(self.archive)
            self.key = identity.load_key(settings)
            mark(KeyShown(self.key.public.raw))
            BrokerAccess(settings, self.archive).publish()
            self._acknowledger = Acknowledger(self.archive, self.key)
            pictures = FileClipStore(settings.snapshots_path, suffix=".jpg")
            intake = Intake(
                self.archive, pictures, self._acknowledger, self.clock,
                check_disk=guard.check_media,
            )  # fmt: skip
            self.presence = intake.presence
            self.writer = Writer(
                Inbox(), intake, publish=self._published, acknowledge=self._acknowledged
            )
            self.uploads = Uploads(
                self.archive, FileClipStore(settings.clips_path, suffix=".mp4"),
                UploadStore(settings.uploads_path), self.clock, on_stored=self._stored,
                check_disk=guard.check_media,
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
        self._tap.defects.append(f"clip {name} {NOT_STORED} in {ATTEMPTS} attempts")
